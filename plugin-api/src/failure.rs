//! Constructors for [`Failure`]: the host acts on `retry` alone, people read the code and the message. What stands in brackets at the message's end is
//! for whoever mends it: the desk shows it to administrators only.

use crate::{Error, Failure};

impl Failure {
    /// Never to be tried again. `code` is an open code: `invalid`, `unauthorized`, `window-closed`, `unsupported`…
    pub fn permanent(code: &str, message: impl Into<String>) -> Self {
        Self {
            retry: None,
            code: code.into(),
            message: message.into(),
            extra: String::new(),
        }
    }

    /// To be tried again after at least `seconds`; 0 lets the host choose.
    pub fn retry(code: &str, message: impl Into<String>, seconds: u32) -> Self {
        Self {
            retry: Some(seconds),
            ..Self::permanent(code, message)
        }
    }

    /// Something given is wrong and will stay so: a setting, an argument, a content.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::permanent("invalid", message)
    }

    /// What the plugin or its provider cannot do.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::permanent("unsupported", message)
    }

    /// The provider does not accept the credentials: an admin must act.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::permanent("unauthorized", message)
    }

    /// The provider asks to slow down; `seconds` as it says, else 0.
    pub fn rate_limited(message: impl Into<String>, seconds: u32) -> Self {
        Self::retry("rate-limited", message, seconds)
    }

    /// The host had no answer of the provider's to a request: why, in words for people, with the host's own behind them.
    pub fn unanswered(provider: &str, error: Error) -> Self {
        let failure = Self::from(error);
        let told = match failure.code.as_str() {
            "unreachable" => format!(
                "Não foi possível falar com o {provider}: o serviço dele está fora do ar ou a rede do servidor não chega até lá."
            ),
            "timeout" => format!("O {provider} não respondeu a tempo."),
            _ => return failure,
        };
        Self {
            message: format!("{told} [{}]", failure.message),
            ..failure
        }
    }

    /// The provider is out of order for a while.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::retry("unavailable", message, 0)
    }
}

/// A refusal of the host passed on: what may pass by itself (`unavailable`, `timeout`, `unreachable`, `limit`) is tried again.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let passes = matches!(
            error.code.as_str(),
            "unavailable" | "timeout" | "unreachable" | "limit"
        );
        Self {
            retry: passes.then_some(0),
            code: error.code,
            message: error.message,
            extra: error.extra,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_may_pass_is_tried_again_and_another_is_not() {
        let refused = |code: &str| {
            Failure::from(Error {
                code: code.into(),
                message: "why".into(),
                extra: String::new(),
            })
        };
        assert_eq!(refused("timeout").retry, Some(0));
        assert_eq!(refused("denied").retry, None);
        assert_eq!(refused("a code of the future").retry, None);
        assert_eq!(refused("denied").message, "why");
    }

    #[test]
    fn a_provider_that_does_not_answer_is_told_in_words_with_the_hosts_own_behind_them() {
        let unanswered = |code: &str| {
            let error = Error {
                code: code.into(),
                message: "no connection: refused".into(),
                extra: String::new(),
            };
            Failure::unanswered("Exemplo", error)
        };
        let down = unanswered("unreachable");
        assert_eq!((down.retry, down.code.as_str()), (Some(0), "unreachable"));
        assert_eq!(
            down.message,
            "Não foi possível falar com o Exemplo: o serviço dele está fora do ar ou a rede do servidor não chega até lá. [no connection: refused]"
        );
        assert_eq!(
            unanswered("timeout").message,
            "O Exemplo não respondeu a tempo. [no connection: refused]"
        );
        assert_eq!(unanswered("denied").message, "no connection: refused");
    }
}
