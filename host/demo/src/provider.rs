//! The providers that are played, and which of them a request is for.

use axum::http::{HeaderMap, Uri, header};
use serde::{Deserialize, Serialize};

use crate::demo::Accounts;

/// Who is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Whatsapp,
    Telegram,
    Instagram,
}

impl Provider {
    /// As a person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whatsapp => "WhatsApp",
            Self::Telegram => "Telegram",
            Self::Instagram => "Instagram",
        }
    }

    /// Two of them share hosts: there the token tells them apart, and the path of a file.
    pub(crate) fn of(accounts: &Accounts, uri: &Uri, headers: &HeaderMap) -> Self {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        match host {
            "api.telegram.org" => Self::Telegram,
            "graph.instagram.com" => Self::Instagram,
            "graph.facebook.com" if is_instagrams(accounts, uri, headers) => Self::Instagram,
            "lookaside.fbsbx.com" if !uri.path().starts_with("/whatsapp_business/") => {
                Self::Instagram
            }
            _ => Self::Whatsapp,
        }
    }
}

fn is_instagrams(accounts: &Accounts, uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(account) = &accounts.instagram else {
        return false;
    };
    token(uri, headers).is_some_and(|token| token == account.access_token)
}

/// The token of a request to Meta's interface: in its header or its query.
pub(crate) fn token(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let query = || {
        let pairs = uri.query().unwrap_or_default().split('&');
        pairs
            .filter_map(|pair| pair.strip_prefix("access_token="))
            .next()
    };
    header.or_else(query).map(str::to_owned)
}
