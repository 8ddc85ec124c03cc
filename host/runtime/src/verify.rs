//! Whether a webhook comes from whom it says, as the manifest declares: pure, constant time where it compares with a secret.
//! Never runs plugin code, so a forged request costs none.

use crate::{
    manifest::VerifyRule,
    secrets::{SecretError, Secrets},
};

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The plugin may see the request.
    Accepted,
    /// It is not the provider's, or cannot be known to be; the reason is for logs, never for the sender.
    Denied(&'static str),
    /// No rule is for this method (405).
    MethodNotAllowed,
}

/// Judges a request by the first rule that is for its method. `query` is decoded; header names are compared in any case.
///
/// No rule at all: a plugin that did not say how, so nothing is accepted (one that verifies for itself says `kind = "none"`).
pub fn verify(
    rules: &[VerifyRule],
    secrets: &Secrets,
    method: &str,
    query: &[(String, String)],
    headers: &[(String, String)],
    body: &[u8],
) -> Verdict {
    if rules.is_empty() && method == "POST" {
        return Verdict::Denied("the manifest has no [[webhook.verify]] rule");
    }
    let Some(rule) = rules
        .iter()
        .find(|rule| rule.methods().iter().any(|m| m == method))
    else {
        return Verdict::MethodNotAllowed;
    };
    let outcome = match rule {
        VerifyRule::None { .. } => return Verdict::Accepted,
        VerifyRule::Hmac {
            algorithm,
            header,
            prefix,
            secret,
            ..
        } => only_header(headers, header).and_then(|value| {
            let hex = value
                .strip_prefix(prefix.as_str())
                .ok_or("the signature has another prefix than the manifest says")?;
            known(secrets.verify_hmac(secret, *algorithm, body, hex))
        }),
        VerifyRule::Header { header, secret, .. } => only_header(headers, header)
            .and_then(|value| known(secrets.equals(secret, value.as_bytes()))),
        VerifyRule::Query {
            parameter, secret, ..
        } => {
            let values = query
                .iter()
                .filter(|(name, _)| name == parameter)
                .map(|(_, value)| value.as_str());
            only(
                values,
                "the query parameter is missing",
                "the query parameter comes more than once",
            )
            .and_then(|value| known(secrets.equals(secret, value.as_bytes())))
        }
    };
    match outcome {
        Ok(true) => Verdict::Accepted,
        Ok(false) => Verdict::Denied("the signature or secret does not match"),
        Err(reason) => Verdict::Denied(reason),
    }
}

fn known(compared: Result<bool, SecretError>) -> Result<bool, &'static str> {
    compared.map_err(|_| "the secret has not been given in the settings")
}

fn only_header<'a>(headers: &'a [(String, String)], name: &str) -> Result<&'a str, &'static str> {
    let values = headers
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str());
    only(
        values,
        "the header is missing",
        "the header comes more than once",
    )
}

/// Two values are refused: another part of the system might believe the other one.
fn only<'a>(
    mut values: impl Iterator<Item = &'a str>,
    none: &'static str,
    several: &'static str,
) -> Result<&'a str, &'static str> {
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(none),
        (Some(_), Some(_)) => Err(several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Algorithm;

    const BODY: &[u8] = br#"{"entry":[]}"#;

    fn rules() -> Vec<VerifyRule> {
        let methods = |m: &str| vec![m.to_owned()];
        vec![
            VerifyRule::Hmac {
                methods: methods("POST"),
                algorithm: Algorithm::Sha256,
                header: "X-Signature".into(),
                prefix: "sha256=".into(),
                secret: "app_secret".into(),
            },
            VerifyRule::Query {
                methods: methods("GET"),
                parameter: "token".into(),
                secret: "verify_token".into(),
            },
            VerifyRule::Header {
                methods: methods("PUT"),
                header: "x-token".into(),
                secret: "verify_token".into(),
            },
            VerifyRule::None {
                methods: methods("DELETE"),
            },
        ]
    }

    fn secrets() -> Secrets {
        Secrets::new([("app_secret", "s3cret"), ("verify_token", "abc")])
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn signature(body: &[u8]) -> String {
        format!(
            "sha256={}",
            hex::encode(
                secrets()
                    .hmac("app_secret", Algorithm::Sha256, body)
                    .unwrap()
            )
        )
    }

    fn post(headers: &[(&str, &str)], body: &[u8]) -> Verdict {
        verify(&rules(), &secrets(), "POST", &[], &pairs(headers), body)
    }

    #[test]
    fn a_signed_body_is_accepted_and_one_changed_byte_is_denied() {
        let signature = signature(BODY);
        assert_eq!(
            post(&[("x-signature", &signature)], BODY),
            Verdict::Accepted
        );
        for i in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[i] ^= 1;
            assert_eq!(
                post(&[("x-signature", &signature)], &body),
                Verdict::Denied("the signature or secret does not match")
            );
        }
    }

    #[test]
    fn missing_repeated_and_differently_prefixed_signatures_are_denied() {
        let signature = signature(BODY);
        assert_eq!(post(&[], BODY), Verdict::Denied("the header is missing"));
        let twice = [
            ("x-signature", signature.as_str()),
            ("X-SIGNATURE", signature.as_str()),
        ];
        assert_eq!(
            post(&twice, BODY),
            Verdict::Denied("the header comes more than once")
        );
        let bare = signature.trim_start_matches("sha256=");
        assert_eq!(
            post(&[("x-signature", bare)], BODY),
            Verdict::Denied("the signature has another prefix than the manifest says")
        );
    }

    #[test]
    fn a_secret_that_nobody_gave_denies_whatever_is_sent() {
        let none = Secrets::default();
        let denied = Verdict::Denied("the secret has not been given in the settings");
        assert_eq!(
            verify(
                &rules(),
                &none,
                "POST",
                &[],
                &pairs(&[("x-signature", &signature(BODY))]),
                BODY
            ),
            denied
        );
        assert_eq!(
            verify(&rules(), &none, "GET", &pairs(&[("token", "")]), &[], b""),
            denied
        );
        assert_eq!(
            verify(&rules(), &none, "PUT", &[], &pairs(&[("x-token", "")]), b""),
            denied
        );
    }

    #[test]
    fn query_and_header_secrets_are_compared_whole_and_taken_once() {
        let get =
            |query: &[(&str, &str)]| verify(&rules(), &secrets(), "GET", &pairs(query), &[], b"");
        assert_eq!(
            get(&[("token", "abc"), ("challenge", "1")]),
            Verdict::Accepted
        );
        assert_eq!(
            get(&[("token", "ab")]),
            Verdict::Denied("the signature or secret does not match")
        );
        assert_eq!(
            get(&[("token", "abc"), ("token", "abc")]),
            Verdict::Denied("the query parameter comes more than once")
        );
        assert_eq!(get(&[]), Verdict::Denied("the query parameter is missing"));
        let put = |value: &str| {
            verify(
                &rules(),
                &secrets(),
                "PUT",
                &[],
                &pairs(&[("X-Token", value)]),
                b"",
            )
        };
        assert_eq!(put("abc"), Verdict::Accepted);
        assert_eq!(
            put("abcd"),
            Verdict::Denied("the signature or secret does not match")
        );
    }

    #[test]
    fn the_method_picks_the_rule_and_none_is_405() {
        assert_eq!(
            verify(&rules(), &secrets(), "DELETE", &[], &[], b""),
            Verdict::Accepted
        );
        assert_eq!(
            verify(&rules(), &secrets(), "PATCH", &[], &[], b""),
            Verdict::MethodNotAllowed
        );
        assert_eq!(
            verify(&rules(), &secrets(), "post", &[], &[], b""),
            Verdict::MethodNotAllowed
        );
    }

    #[test]
    fn without_any_rule_nothing_is_accepted() {
        assert_eq!(
            verify(&[], &secrets(), "POST", &[], &[], b""),
            Verdict::Denied("the manifest has no [[webhook.verify]] rule")
        );
        assert_eq!(
            verify(&[], &secrets(), "GET", &[], &[], b""),
            Verdict::MethodNotAllowed
        );
    }
}
