//! Passwords and tokens: how they are made, kept and compared. Owns the hash forms; never stores or logs anything.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Shortest password, in characters.
pub const MIN_PASSWORD: usize = 10;
/// Longest password, in bytes: what hashing is willing to read.
pub const MAX_PASSWORD: usize = 200;
/// What begins an API token.
pub const TOKEN_PREFIX: &str = "blc_";

/// A password's hash in PHC form (argon2id). Slow by intention: call it off the async threads.
pub fn hash_password(password: &str, salt: [u8; 16]) -> String {
    #[expect(
        clippy::expect_used,
        reason = "fails only on salts and parameters out of bounds, both fixed here"
    )]
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .expect("a 16-byte salt and the default parameters are valid");
    hash.to_string()
}

/// Whether `password` is the one behind `hash`. Slow by intention, also when it is not. A hash that cannot be read matches nothing.
pub fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Why a password is not taken, in words for the person who chose it.
pub fn password_problem(password: &str, email: &str) -> Option<String> {
    if password.chars().count() < MIN_PASSWORD {
        return Some(format!("must have at least {MIN_PASSWORD} characters"));
    }
    if password.len() > MAX_PASSWORD {
        return Some(format!("must have at most {MAX_PASSWORD} bytes"));
    }
    if password.eq_ignore_ascii_case(email) {
        return Some("must not be the e-mail".to_owned());
    }
    None
}

/// A secret that a browser or program shows to be let in; kept only as its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A browser's session.
    pub fn session(random: [u8; 32]) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random))
    }

    /// A program's token.
    pub fn api(random: [u8; 32]) -> Self {
        Self(format!(
            "{TOKEN_PREFIX}{}",
            BASE64_URL_SAFE_NO_PAD.encode(random)
        ))
    }

    /// What somebody showed; any text.
    pub fn shown(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, to hand to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored: enough to recognise it, useless to present. Tokens are random, so a fast hash is enough.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(•••)")
    }
}

/// A password that a person can read aloud: 4 groups of 5 letters and digits without look-alikes (about 99 bits).
pub fn readable_password(random: [u8; 20]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let groups: Vec<String> = random
        .chunks(5)
        .map(|group| {
            group
                .iter()
                .map(|byte| char::from(LETTERS[usize::from(byte & 31)]))
                .collect()
        })
        .collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_recognised_by_its_hash_and_nothing_else_is() {
        let hash = hash_password("correct horse", [1; 16]);
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(verify_password("correct horse", &hash));
        assert!(!verify_password("correct horsf", &hash));
        assert!(!verify_password("correct horse", "not a hash"));
        assert_ne!(hash, hash_password("correct horse", [2; 16]));
    }

    #[test]
    fn short_long_and_obvious_passwords_are_refused_in_words() {
        assert!(password_problem("short", "a@b.test").is_some());
        assert!(password_problem(&"x".repeat(201), "a@b.test").is_some());
        assert!(password_problem("Somebody@b.test", "somebody@b.test").is_some());
        assert!(password_problem("long enough", "a@b.test").is_none());
    }

    #[test]
    fn tokens_are_stored_as_hashes_and_never_shown_by_debug() {
        let token = Token::api([7; 32]);
        assert!(token.reveal().starts_with(TOKEN_PREFIX));
        assert_eq!(token.hash(), Token::shown(token.reveal()).hash());
        assert!(!format!("{token:?}").contains("blc_"));
    }

    #[test]
    fn a_readable_password_is_long_enough_for_our_own_rule() {
        let password = readable_password([31; 20]);
        assert_eq!(password.len(), 23);
        assert!(password_problem(&password, "a@b.test").is_none());
    }
}
