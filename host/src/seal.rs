//! Encryption at rest: a master key opens each workspace's data key, and data keys open what belongs to one owner and name. Owns the sealed
//! form and where the master key comes from; never stores, caches or logs anything, and no key leaves it readable.
//!
//! Sealed form: one byte of version, 24 of nonce, then XChaCha20-Poly1305. What a text is sealed for (workspace, owner, name) is
//! authenticated with it, so that a row copied elsewhere does not open.

use std::{fmt, fs, io, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

const VERSION: u8 = 1;
const NONCE: usize = 24;
/// Name of the key's file in the data folder.
pub const KEY_FILE: &str = "master.key";
const CHECK: &[u8] = b"balcao master key";

/// 32 secret bytes that open the workspaces' keys.
pub struct MasterKey(XChaCha20Poly1305);

/// 32 secret bytes of one workspace.
pub struct DataKey(XChaCha20Poly1305);

/// Why something cannot be sealed or opened. Says nothing about the contents.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the master key must be 32 bytes, written as 64 hex digits or as base64")]
    Malformed,
    #[error("cannot open what was sealed: another key, or damaged")]
    CannotOpen,
    #[error(transparent)]
    File(#[from] io::Error),
}

/// What a sealed text belongs to.
#[derive(Clone, Copy, Debug)]
pub struct For<'a> {
    pub workspace: &'a str,
    /// A channel, a plugin, or the core's own concern.
    pub owner: &'a str,
    pub name: &'a str,
}

impl For<'_> {
    /// Length-prefixed, so that no two owners and names run together.
    fn aad(&self) -> Vec<u8> {
        let mut aad = Vec::with_capacity(96);
        for part in [self.workspace, self.owner, self.name] {
            aad.extend_from_slice(&(part.len() as u64).to_le_bytes());
            aad.extend_from_slice(part.as_bytes());
        }
        aad
    }
}

impl MasterKey {
    /// 64 hex digits, or base64.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let bytes = hex::decode(text)
            .ok()
            .or_else(|| BASE64_STANDARD.decode(text).ok())
            .ok_or(SealError::Malformed)?;
        Self::from_bytes(&bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        XChaCha20Poly1305::new_from_slice(bytes)
            .map(Self)
            .map_err(|_| SealError::Malformed)
    }

    /// The key in `folder`'s [`KEY_FILE`], if there is one.
    pub fn read_file(folder: &Path) -> Result<Option<Self>, SealError> {
        let path = folder.join(KEY_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes `fresh` as `folder`'s [`KEY_FILE`], readable by its owner only; never over an existing one, and all of it or nothing.
    pub fn make_file(folder: &Path, fresh: [u8; 32]) -> Result<Self, SealError> {
        let path = folder.join(KEY_FILE);
        let text = format!("{}\n", hex::encode(fresh));
        write_private_once(&path, text.as_bytes())?;
        Self::from_bytes(&fresh)
    }

    /// A text by which [`MasterKey::matches`] recognises this key.
    pub fn check_value(&self, nonce: [u8; NONCE]) -> String {
        hex::encode(seal(&self.0, nonce, CHECK, CHECK))
    }

    /// Whether `check_value` was made by this key.
    pub fn matches(&self, check_value: &str) -> bool {
        hex::decode(check_value)
            .ok()
            .and_then(|sealed| open(&self.0, &sealed, CHECK).ok())
            .is_some_and(|text| text == CHECK)
    }

    /// Seals a new workspace key; [`MasterKey::open_key`] gives it back.
    pub fn seal_key(&self, workspace: &str, fresh: [u8; 32], nonce: [u8; NONCE]) -> Vec<u8> {
        seal(&self.0, nonce, &fresh, &key_aad(workspace))
    }

    /// Opens a workspace's key.
    pub fn open_key(&self, workspace: &str, sealed: &[u8]) -> Result<DataKey, SealError> {
        let bytes = open(&self.0, sealed, &key_aad(workspace))?;
        XChaCha20Poly1305::new_from_slice(&bytes)
            .map(DataKey)
            .map_err(|_| SealError::CannotOpen)
    }
}

impl DataKey {
    /// Seals `text` for one owner and name.
    pub fn seal(&self, owner: For<'_>, text: &[u8], nonce: [u8; NONCE]) -> Vec<u8> {
        seal(&self.0, nonce, text, &owner.aad())
    }

    /// Opens what was sealed for the same owner and name.
    pub fn open(&self, owner: For<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        open(&self.0, sealed, &owner.aad())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(•••)")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(•••)")
    }
}

/// Writes a new file that only its owner reads; an existing one is an error. Written beside and moved, so that a process that is killed
/// leaves all of it or nothing.
pub fn write_private_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => write_private(beside.as_ref(), bytes)?,
    }
    fs::rename(&beside, path)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn key_aad(workspace: &str) -> Vec<u8> {
    For {
        workspace,
        owner: "",
        name: "workspace key",
    }
    .aad()
}

fn seal(cipher: &XChaCha20Poly1305, nonce: [u8; NONCE], text: &[u8], aad: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(1 + NONCE + text.len() + 16);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    let payload = Payload { msg: text, aad };
    #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB of text")]
    let body = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .expect("text fits the cipher");
    sealed.extend_from_slice(&body);
    sealed
}

fn open(cipher: &XChaCha20Poly1305, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
    let (version, rest) = sealed.split_first().ok_or(SealError::CannotOpen)?;
    if *version != VERSION || rest.len() < NONCE {
        return Err(SealError::CannotOpen);
    }
    let (nonce, body) = rest.split_at(NONCE);
    let nonce = XNonce::try_from(nonce).map_err(|_| SealError::CannotOpen)?;
    cipher
        .decrypt(&nonce, Payload { msg: body, aad })
        .map_err(|_| SealError::CannotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: For<'_> = For {
        workspace: "wsp_1",
        owner: "chn_1",
        name: "token",
    };

    fn master(byte: u8) -> MasterKey {
        MasterKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn data_key() -> DataKey {
        let sealed = master(1).seal_key("wsp_1", [7; 32], [2; NONCE]);
        master(1).open_key("wsp_1", &sealed).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_only_for_the_same_owner_and_name() {
        let sealed = data_key().seal(OWNER, b"abc", [9; NONCE]);
        assert_eq!(data_key().open(OWNER, &sealed).unwrap(), b"abc");
        for other in [
            For {
                workspace: "wsp_2",
                ..OWNER
            },
            For {
                owner: "chn_2",
                ..OWNER
            },
            For {
                name: "other",
                ..OWNER
            },
            For {
                owner: "chn_1t",
                name: "oken",
                ..OWNER
            },
        ] {
            assert!(data_key().open(other, &sealed).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_damaged_or_short_text_does_not_open() {
        let sealed = data_key().seal(OWNER, b"abc", [9; NONCE]);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(data_key().open(OWNER, &damaged).is_err(), "byte {at}");
            assert!(
                data_key().open(OWNER, &sealed[..at]).is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn another_master_key_is_recognised_and_opens_nothing() {
        let check = master(1).check_value([3; NONCE]);
        assert!(master(1).matches(&check));
        assert!(!master(2).matches(&check));
        let sealed = master(1).seal_key("wsp_1", [7; 32], [2; NONCE]);
        assert!(master(2).open_key("wsp_1", &sealed).is_err());
        assert!(master(1).open_key("wsp_2", &sealed).is_err());
    }

    #[test]
    fn the_key_is_read_as_hex_or_base64_of_32_bytes() {
        let check = master(255).check_value([3; NONCE]);
        assert!(MasterKey::parse(&"ff".repeat(32)).unwrap().matches(&check));
        assert!(
            MasterKey::parse(&format!(" {}\n", BASE64_STANDARD.encode([255; 32])))
                .unwrap()
                .matches(&check)
        );
        for wrong in ["", "ff", "zz", &"ff".repeat(31)] {
            assert!(
                matches!(MasterKey::parse(wrong), Err(SealError::Malformed)),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_key_file_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        assert!(MasterKey::read_file(folder.path()).unwrap().is_none());
        let check = MasterKey::make_file(folder.path(), [5; 32])
            .unwrap()
            .check_value([1; NONCE]);
        assert!(MasterKey::make_file(folder.path(), [6; 32]).is_err());
        assert!(
            MasterKey::read_file(folder.path())
                .unwrap()
                .unwrap()
                .matches(&check)
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(KEY_FILE))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
