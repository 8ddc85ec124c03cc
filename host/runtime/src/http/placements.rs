//! Puts secrets where the manifest binds them, and nowhere else (DESIGN §1.5): owns turning a guest's request into one that may be sent.
//! Never sends it, and never puts a secret into what is shown of it.

use std::{fmt, time::Duration};

use bytes::Bytes;
use url::{Url, form_urlencoded};

use super::{Attached, Policy, Request, is_header_name, is_host_header, policy::Refusal};
use crate::{
    manifest::{Place, Secret},
    secrets::{Handles, SecretError, Secrets},
};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A request that passed every check, with the secrets in it. `Debug` shows only what may be shown.
pub struct Prepared {
    pub method: String,
    /// Normalised; for the connection only.
    pub url: Url,
    /// Names in lower case; for the connection only.
    pub headers: Vec<(String, String)>,
    /// For the connection only.
    pub body: Bytes,
    /// Files of the host within the body: what a transport sends is `upload::Reading` of both.
    pub files: Vec<Attached>,
    /// The URL with handles in the secrets' places: for traces and recorded answers.
    pub shown_url: String,
    /// The headers with handles in the secrets' places.
    pub shown_headers: Vec<(String, String)>,
    /// How long the exchange may take.
    pub timeout: Duration,
    /// Where a transport stops reading.
    pub max_response_bytes: usize,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({} {})", self.method, self.shown_url)
    }
}

/// Why a request is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Policy(#[from] Refusal),
    #[error(
        "`{0}` is not an allowed method; use one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    )]
    Method(String),
    #[error("`{0}` is not a header's name")]
    HeaderName(String),
    #[error("the header `{0}` is the host's to set")]
    HostHeader(String),
    #[error("the value of the header `{0}` holds a control character")]
    HeaderValue(String),
    #[error(
        "a request with a secret may not ask for a part of the answer (`range`): it could not be scrubbed"
    )]
    Range,
    #[error("the secret `{secret}` cannot be used {place}: {reason}")]
    Secret {
        secret: String,
        place: String,
        reason: &'static str,
    },
    #[error(transparent)]
    Missing(#[from] SecretError),
}

/// Checks a request and replaces the handles that stand at a bound placement of exactly its host, over https. Anywhere else a handle is
/// text and stays so. `bindings` are the manifest's secrets, as granted.
///
/// Sets `accept-encoding: identity`, so that the answer can be scrubbed. The limits of the result are for the caller to fill in.
///
/// # Errors
/// The first reason not to send it; its text holds no secret.
pub fn prepare(
    request: &Request,
    handles: &Handles,
    secrets: &Secrets,
    bindings: &[Secret],
    policy: &Policy,
) -> Result<Prepared, Refused> {
    if !METHODS.contains(&request.method.as_str()) {
        return Err(Refused::Method(request.method.chars().take(40).collect()));
    }
    let shown_url = policy.check_url(&request.url)?;
    let shown_headers = check_headers(&request.headers)?;
    let mut filling = Filling {
        url: shown_url.clone(),
        headers: shown_headers.clone(),
        body: request.body.clone(),
        used: false,
    };
    if shown_url.scheme() == "https" {
        for binding in bindings {
            let Some(handle) = handles.token(&binding.name) else {
                continue;
            };
            let bound = binding
                .placements
                .iter()
                .filter(|placement| placement.host.matches(&shown_url));
            for placement in bound {
                let fill = Fill {
                    name: &binding.name,
                    handle,
                    secret: secrets.expose(&binding.name)?,
                    place: placement.to_string(),
                };
                match &placement.place {
                    Place::Header(name) => filling.header(&fill, name)?,
                    Place::PathSegment { before, after } => filling.path(&fill, before, after)?,
                    Place::FormField(name) => filling.form(&fill, name)?,
                    Place::JsonPointer(pointer) => filling.json(&fill, pointer)?,
                }
            }
        }
    }
    if filling.used && shown_headers.iter().any(|(name, _)| name == "range") {
        return Err(Refused::Range);
    }
    Ok(Prepared {
        method: request.method.clone(),
        url: filling.url,
        headers: filling.headers,
        body: filling.body,
        files: request.files.clone(),
        shown_url: shown_url.into(),
        shown_headers,
        timeout: Duration::ZERO,
        max_response_bytes: 0,
    })
}

/// Headers as they may be sent, names in lower case, with the encoding of the answer that can be scrubbed.
fn check_headers(headers: &[(String, String)]) -> Result<Vec<(String, String)>, Refused> {
    let mut checked = Vec::with_capacity(headers.len() + 1);
    for (name, value) in headers {
        let shown = || {
            name.chars()
                .filter(|c| !c.is_control())
                .take(80)
                .collect::<String>()
        };
        if !is_header_name(name) {
            return Err(Refused::HeaderName(shown()));
        }
        if is_host_header(name) {
            return Err(Refused::HostHeader(shown()));
        }
        if !is_header_value(value.as_bytes()) {
            return Err(Refused::HeaderValue(shown()));
        }
        let name = name.to_ascii_lowercase();
        // Libraries set it by themselves: no reason to refuse, but not theirs to choose.
        if name != "accept-encoding" {
            checked.push((name, value.clone()));
        }
    }
    checked.push(("accept-encoding".to_owned(), "identity".to_owned()));
    Ok(checked)
}

fn is_header_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|b| *b == b'\t' || (*b >= b' ' && *b != 0x7f))
}

/// One secret at one placement.
struct Fill<'a> {
    name: &'a str,
    handle: &'a str,
    secret: &'a [u8],
    place: String,
}

impl Fill<'_> {
    fn unusable(&self, reason: &'static str) -> Refused {
        Refused::Secret {
            secret: self.name.to_owned(),
            place: format!("at {}", self.place),
            reason,
        }
    }

    fn text(&self) -> Result<&str, Refused> {
        std::str::from_utf8(self.secret).map_err(|_| self.unusable("it is not text"))
    }
}

/// A request on its way to being sent.
struct Filling {
    url: Url,
    headers: Vec<(String, String)>,
    body: Bytes,
    used: bool,
}

impl Filling {
    fn header(&mut self, fill: &Fill<'_>, name: &str) -> Result<(), Refused> {
        for (_, value) in self
            .headers
            .iter_mut()
            .filter(|(n, value)| n == name && value.contains(fill.handle))
        {
            let secret = fill.text()?;
            if !is_header_value(secret.as_bytes()) {
                return Err(fill.unusable("it holds a control character"));
            }
            *value = value.replace(fill.handle, secret);
            self.used = true;
        }
        Ok(())
    }

    fn path(&mut self, fill: &Fill<'_>, before: &str, after: &str) -> Result<(), Refused> {
        let bound = format!("{before}{}{after}", fill.handle);
        if !self.url.path().split('/').any(|segment| segment == bound) {
            return Ok(());
        }
        let filled = format!("{before}{}{after}", percent_encode(fill.secret));
        if matches!(filled.as_str(), "." | "..") {
            return Err(fill.unusable("it would change the path"));
        }
        let path: Vec<&str> = self
            .url
            .path()
            .split('/')
            .map(|segment| {
                if segment == bound {
                    filled.as_str()
                } else {
                    segment
                }
            })
            .collect();
        let path = path.join("/");
        self.url.set_path(&path);
        self.used = true;
        Ok(())
    }

    fn form(&mut self, fill: &Fill<'_>, name: &str) -> Result<(), Refused> {
        if !self.has_content_type(|mime| mime == "application/x-www-form-urlencoded") {
            return Ok(());
        }
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(&self.body).into_owned().collect();
        if !fields
            .iter()
            .any(|(field, value)| field == name && value == fill.handle)
        {
            return Ok(());
        }
        let secret = fill.text()?;
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (field, value) in &fields {
            body.append_pair(
                field,
                if field == name && value == fill.handle {
                    secret
                } else {
                    value
                },
            );
        }
        self.body = body.finish().into();
        self.used = true;
        Ok(())
    }

    fn json(&mut self, fill: &Fill<'_>, pointer: &str) -> Result<(), Refused> {
        if !self.has_content_type(|mime| mime == "application/json" || mime.ends_with("+json")) {
            return Ok(());
        }
        // What is no JSON has no such place.
        let Ok(mut document) = serde_json::from_slice::<serde_json::Value>(&self.body) else {
            return Ok(());
        };
        match document.pointer_mut(pointer) {
            Some(value) if value.as_str() == Some(fill.handle) => *value = fill.text()?.into(),
            _ => return Ok(()),
        }
        self.body = document.to_string().into();
        self.used = true;
        Ok(())
    }

    fn has_content_type(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.headers
            .iter()
            .filter(|(name, _)| name == "content-type")
            .any(|(_, value)| {
                let mime = value
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase();
                fits(&mime)
            })
    }
}

/// For one segment of a path: everything but what RFC 3986 allows there unescaped.
pub(super) fn percent_encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => {
                encoded.push(char::from(*byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
