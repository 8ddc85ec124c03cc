//! Secrets of one call's settings: owns what may be done with them without their leaving the host (handles, HMACs, comparisons).
//! Never prints, serialises or hands out a secret's bytes beyond this crate.

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::http::scrub::Scrubber;

/// What every handle begins with, so that people recognise one.
const HANDLE_PREFIX: &str = "sec_";
/// Random bytes of a handle: as hard to guess as an AES key.
const HANDLE_BYTES: usize = 16;

/// Hash function of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    Sha1,
    Sha256,
}

impl Algorithm {
    /// As a guest names it.
    ///
    /// # Errors
    /// [`SecretError::Algorithm`] for anything but `sha1` and `sha256`.
    pub fn parse(name: &str) -> Result<Self, SecretError> {
        match name {
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            _ => Err(SecretError::Algorithm(name.chars().take(40).collect())),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        fn run<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
            let mut mac =
                <M as KeyInit>::new_from_slice(key).expect("an HMAC takes keys of any length");
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1 => run::<Hmac<sha1::Sha1>>(key, data),
            Self::Sha256 => run::<Hmac<sha2::Sha256>>(key, data),
        }
    }
}

/// Why something with a secret was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error(
        "there is no secret `{0}`: the manifest does not declare it, or nobody has given it yet"
    )]
    NotFound(String),
    #[error("`{0}` is not an algorithm: use sha256 or sha1")]
    Algorithm(String),
}

impl SecretError {
    /// The code of `balcao:types/types.error`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not-found",
            Self::Algorithm(_) => "invalid",
        }
    }
}

/// The secrets that were given, by the names of the manifest.
#[derive(Default)]
pub struct Secrets {
    values: BTreeMap<String, Box<[u8]>>,
    scrubber: OnceLock<Scrubber>,
}

impl Secrets {
    /// An empty value counts as not given: an HMAC under an empty key proves nothing.
    pub fn new<N: Into<String>, V: Into<Vec<u8>>>(
        values: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let values = values
            .into_iter()
            .map(|(name, value)| (name.into(), value.into().into_boxed_slice()))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Self {
            values,
            scrubber: OnceLock::new(),
        }
    }

    /// Whether it was given.
    pub fn exists(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The HMAC of `data` under the secret.
    ///
    /// # Errors
    /// An unknown name.
    pub fn hmac(
        &self,
        name: &str,
        algorithm: Algorithm,
        data: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        Ok(algorithm.hmac(self.expose(name)?, data))
    }

    /// Whether `hex` (either case) is the HMAC of `data`, compared in constant time. What is no hexadecimal is simply not equal.
    ///
    /// # Errors
    /// An unknown name.
    pub fn verify_hmac(
        &self,
        name: &str,
        algorithm: Algorithm,
        data: &[u8],
        hex: &str,
    ) -> Result<bool, SecretError> {
        let expected = self.hmac(name, algorithm, data)?;
        Ok(hex::decode(hex).is_ok_and(|given| bool::from(given.ct_eq(&expected))))
    }

    /// Whether `value` is the secret, in a time that depends on neither's content (the lengths may show).
    ///
    /// # Errors
    /// An unknown name.
    pub fn equals(&self, name: &str, value: &[u8]) -> Result<bool, SecretError> {
        Ok(self.expose(name)?.ct_eq(value).into())
    }

    /// Removes the secrets from what a plugin or a person is about to see.
    pub fn scrubber(&self) -> &Scrubber {
        self.scrubber
            .get_or_init(|| Scrubber::new(self.values.values().map(|v| &**v)))
    }

    /// The bytes, for the host's own use at a bound placement.
    pub(crate) fn expose(&self, name: &str) -> Result<&[u8], SecretError> {
        self.values
            .get(name)
            .map(|v| &**v)
            .ok_or_else(|| SecretError::NotFound(name.chars().take(64).collect()))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// The handles of one call. A run of the same call again after a conflict keeps them, so that it asks the same.
#[derive(Clone, Default)]
pub struct Handles {
    /// Token and name, in the order asked for; a call has a handful.
    given: Vec<(String, String)>,
}

impl Handles {
    /// The token that stands for a secret in this call; the same one each time it is asked for.
    /// `random` fills its argument with bytes that the guest cannot foresee: never those of the guest's own `random` import.
    ///
    /// # Errors
    /// An unknown name.
    pub fn handle(
        &mut self,
        secrets: &Secrets,
        name: &str,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<String, SecretError> {
        secrets.expose(name)?;
        if let Some((token, _)) = self.given.iter().find(|(_, n)| n == name) {
            return Ok(token.clone());
        }
        let mut bytes = [0; HANDLE_BYTES];
        random(&mut bytes);
        let token = format!("{HANDLE_PREFIX}{}", hex::encode(bytes));
        self.given.push((token.clone(), name.to_owned()));
        Ok(token)
    }

    /// The secret's name, if this token was given out in this call.
    pub fn resolve(&self, token: &str) -> Option<&str> {
        self.given
            .iter()
            .find(|(t, _)| t == token)
            .map(|(_, name)| name.as_str())
    }

    /// Every token with the name of its secret, for whoever shows what a call did.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given
            .iter()
            .map(|(token, name)| (token.as_str(), name.as_str()))
    }

    /// The token given for a secret, if one was.
    pub(crate) fn token(&self, name: &str) -> Option<&str> {
        self.given
            .iter()
            .find(|(_, n)| n == name)
            .map(|(token, _)| token.as_str())
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.given.iter().map(|(_, name)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        Secrets::new([("app_secret", "key"), ("empty", "")])
    }

    fn counting() -> impl FnMut(&mut [u8]) {
        let mut next = 0;
        move |bytes: &mut [u8]| {
            for byte in bytes {
                *byte = next;
                next += 1;
            }
        }
    }

    const FOX: &[u8] = b"The quick brown fox jumps over the lazy dog";

    #[test]
    fn hmac_matches_the_published_vectors_of_both_algorithms() {
        let sha256 = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        let sha1 = "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9";
        assert_eq!(
            hex::encode(
                secrets()
                    .hmac("app_secret", Algorithm::Sha256, FOX)
                    .unwrap()
            ),
            sha256
        );
        assert_eq!(
            hex::encode(secrets().hmac("app_secret", Algorithm::Sha1, FOX).unwrap()),
            sha1
        );
        assert_eq!(
            secrets().verify_hmac("app_secret", Algorithm::Sha256, FOX, &sha256.to_uppercase()),
            Ok(true)
        );
        assert_eq!(
            secrets().verify_hmac("app_secret", Algorithm::Sha256, b"other", sha256),
            Ok(false)
        );
        assert_eq!(
            secrets().verify_hmac("app_secret", Algorithm::Sha256, FOX, &sha256[..40]),
            Ok(false)
        );
        assert_eq!(
            secrets().verify_hmac("app_secret", Algorithm::Sha256, FOX, "not hex"),
            Ok(false)
        );
    }

    #[test]
    fn unknown_names_algorithms_and_empty_secrets_are_errors() {
        let missing = |name: &str| Err(SecretError::NotFound(name.to_owned()));
        assert_eq!(
            secrets().hmac("other", Algorithm::Sha1, b""),
            missing("other").map(|()| vec![])
        );
        assert_eq!(
            secrets().equals("empty", b""),
            missing("empty").map(|()| false)
        );
        assert!(!secrets().exists("empty"));
        assert_eq!(
            Algorithm::parse("md5"),
            Err(SecretError::Algorithm("md5".to_owned()))
        );
        assert_eq!(
            Handles::default().handle(&secrets(), "other", &mut counting()),
            missing("other").map(|()| String::new())
        );
    }

    #[test]
    fn comparing_with_a_secret_needs_every_byte() {
        assert_eq!(secrets().equals("app_secret", b"key"), Ok(true));
        for other in ["", "ke", "key ", "kex", "KEY"] {
            assert_eq!(
                secrets().equals("app_secret", other.as_bytes()),
                Ok(false),
                "{other:?}"
            );
        }
    }

    #[test]
    fn a_handle_is_the_same_within_a_call_and_means_nothing_in_another() {
        let mut random = counting();
        let (mut one, mut other) = (Handles::default(), Handles::default());
        let token = one.handle(&secrets(), "app_secret", &mut random).unwrap();
        assert_eq!(token, "sec_000102030405060708090a0b0c0d0e0f");
        assert_eq!(
            one.handle(&secrets(), "app_secret", &mut random).unwrap(),
            token
        );
        assert_ne!(
            other.handle(&secrets(), "app_secret", &mut random).unwrap(),
            token
        );
        assert_eq!(one.resolve(&token), Some("app_secret"));
        assert_eq!(other.resolve(&token), None);
    }

    #[test]
    fn debug_output_has_names_only() {
        let secrets = Secrets::new([("token", "EAAG-very-secret")]);
        let mut handles = Handles::default();
        let token = handles.handle(&secrets, "token", &mut counting()).unwrap();
        let shown = format!("{secrets:?} {handles:?}");
        assert!(
            !shown.contains("EAAG") && !shown.contains(&token) && shown.contains("token"),
            "{shown}"
        );
    }
}
