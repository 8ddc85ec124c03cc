//! People who work here: roles and what each may do. Pure types and rules; no SQL, no HTTP.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Instant,
    id::{UserId, WorkspaceId},
};

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, sqlx::FromRow)]
pub struct User {
    pub workspace_id: WorkspaceId,
    pub id: UserId,
    pub email: String,
    pub name: String,
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// Takes new conversations (FEATURES C3); not the same as being here.
    pub available: bool,
    /// May sign in.
    pub active: bool,
    /// Own conclusions are archived at once instead of after 12 hours (FEATURES A4).
    pub archive_immediately: bool,
    /// None: the workspace's.
    pub locale: Option<String>,
    pub created_at: Instant,
}

/// A change of a user; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub available: Option<bool>,
    pub active: Option<bool>,
    pub password_hash: Option<String>,
    pub archive_immediately: Option<bool>,
    pub locale: Option<String>,
}

/// What a user may do in the workspace (FEATURES E1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Supervisor,
    Agent,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Agent => "agent",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "admin" => Some(Self::Admin),
            "supervisor" => Some(Self::Supervisor),
            "agent" => Some(Self::Agent),
            _ => None,
        }
    }
}

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no role"))
    }
}

/// An e-mail address as it is compared and stored: trimmed, lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Longest address, in bytes.
    pub const MAX: usize = 254;

    /// Accepts what can be an address; whether it exists is not asked.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@')?;
        let sane = text.len() <= Self::MAX
            && !local.is_empty()
            && !domain.is_empty()
            && !domain.starts_with(['.', '-'])
            && !domain.ends_with(['.', '-'])
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        sane.then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person's, team's or channel's name as stored: trimmed, 1 to 100 characters, one line.
pub fn clean_name(text: &str) -> Option<String> {
    let text = text.trim();
    let sane = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    sane.then(|| text.to_owned())
}

/// Languages of the interface.
pub const LOCALES: [&str; 2] = ["pt-BR", "en"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_lower_case_and_nonsense_is_refused() {
        assert_eq!(
            Email::parse("  Admin@Demo.localhost ").unwrap().as_str(),
            "admin@demo.localhost"
        );
        for wrong in [
            "", "@", "a@", "@b", "a b@c", "a@.c", "a@c-", "plain", "a\n@c",
        ] {
            assert!(Email::parse(wrong).is_none(), "{wrong:?}");
        }
        assert!(Email::parse(&format!("{}@b.test", "a".repeat(250))).is_none());
    }

    #[test]
    fn names_are_one_trimmed_line() {
        assert_eq!(clean_name("  Vendas ").as_deref(), Some("Vendas"));
        for wrong in ["", "   ", "a\nb", &"x".repeat(101)] {
            assert!(clean_name(wrong).is_none(), "{wrong:?}");
        }
    }
}
