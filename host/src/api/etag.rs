//! `ETag`, `If-None-Match` and `If-Match`: what is unchanged is not sent again, and what has changed meanwhile is not overwritten. A tag is made from
//! what the caller is shown, so that whatever can be seen to differ differs.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::{Answer, Problem};
use crate::{app::SharedApp, error::Error};

/// The header of a change, for the API's document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// The `ETag` of what the change is based on; where it has changed meanwhile, 412 and nothing happens.
    #[param(rename = "If-Match")]
    #[expect(dead_code, reason = "stands for the header in the document")]
    if_match: Option<String>,
}

/// The header of a reading, for the API's document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfNoneMatch {
    /// The `ETag` of what is at hand; where it has not changed, 304 without a body.
    #[param(rename = "If-None-Match")]
    #[expect(dead_code, reason = "stands for the header in the document")]
    if_none_match: Option<String>,
}

/// What a request demands of the present state.
pub struct Conditions {
    unless: Option<String>,
    only: Option<String>,
}

impl FromRequestParts<SharedApp> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &SharedApp) -> Result<Self, Problem> {
        Ok(Self {
            unless: listed(&parts.headers, header::IF_NONE_MATCH),
            only: listed(&parts.headers, header::IF_MATCH),
        })
    }
}

impl Conditions {
    /// The resource with its tag, or 304 where the caller has it.
    pub fn show<T: Serialize>(&self, view: &T) -> Answer<Response> {
        let text = serde_json::to_string(view).map_err(Error::from)?;
        let tag = tag(&text);
        if self.unless.as_deref().is_some_and(|list| names(list, &tag)) {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, value(&tag))]).into_response());
        }
        Ok(written(StatusCode::OK, text))
    }

    /// # Errors
    /// 412 where the resource is not the one that the change is based on.
    pub fn require<T: Serialize>(&self, present: &T) -> Answer<()> {
        let Some(list) = &self.only else {
            return Ok(());
        };
        let text = serde_json::to_string(present).map_err(Error::from)?;
        if names(list, &tag(&text)) {
            return Ok(());
        }
        Err(Problem::precondition_failed())
    }
}

/// An answer with its tag.
pub fn answer<T: Serialize>(status: StatusCode, view: &T) -> Answer<Response> {
    let text = serde_json::to_string(view).map_err(Error::from)?;
    Ok(written(status, text))
}

/// The same from JSON that is written already.
pub fn written(status: StatusCode, text: String) -> Response {
    if status == StatusCode::NO_CONTENT {
        return status.into_response();
    }
    let tag = value(&tag(&text));
    let kind = HeaderValue::from_static("application/json");
    (
        status,
        [(header::CONTENT_TYPE, kind), (header::ETAG, tag)],
        text,
    )
        .into_response()
}

fn tag(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]))
}

fn value(tag: &str) -> HeaderValue {
    // Quotes, letters, digits, `-` and `_`.
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// All values of a header as one list.
fn listed(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Whether a list of tags names this one. A proxy that compresses makes ours weak; what it says of the content stays true.
fn names(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_a_tag_whole_weak_or_by_a_star() {
        let tag = tag("{}");
        for list in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            assert!(names(&list, &tag), "{list}");
        }
        assert!(!names("\"x\"", &tag));
        assert_ne!(tag, super::tag("{ }"));
    }
}
