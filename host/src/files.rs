//! The bytes of files: a folder per workspace under the data folder. Owns writing them whole or not at all, and saying what they are by looking at
//! them; what is known of each file is the store's.

use std::{
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tokio::{fs, io::AsyncWriteExt};

use crate::id::{FileId, WorkspaceId};

/// Where files are.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
}

/// Bytes on their way in. Dropped without [`Incoming::keep`], the temporary file is removed.
pub struct Incoming {
    file: fs::File,
    temporary: PathBuf,
    place: PathBuf,
    hash: Sha256,
    head: Vec<u8>,
    size: u64,
    kept: bool,
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub size: u64,
    pub sha256: [u8; 32],
    pub mime: &'static str,
}

/// Bytes that decide what a file is; what an office's document is stands some way into it.
const HEAD: usize = 8 << 10;

impl Files {
    pub fn new(data_dir: &Path) -> Self {
        Self {
            root: data_dir.join("files"),
        }
    }

    /// Begins to write a file.
    pub async fn begin(&self, workspace: WorkspaceId, id: FileId) -> io::Result<Incoming> {
        let place = self.place(workspace, id);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).await?;
        }
        let temporary = place.with_extension("part");
        Ok(Incoming {
            file: fs::File::create(&temporary).await?,
            temporary,
            place,
            hash: Sha256::new(),
            head: Vec::new(),
            size: 0,
            kept: false,
        })
    }

    /// The bytes of a file, to be read from.
    pub async fn open(&self, workspace: WorkspaceId, id: FileId) -> io::Result<fs::File> {
        fs::File::open(self.place(workspace, id)).await
    }

    /// Removes a file that nothing refers to; that it is not there is no error.
    pub async fn remove(&self, workspace: WorkspaceId, id: FileId) -> io::Result<()> {
        match fs::remove_file(self.place(workspace, id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn place(&self, workspace: WorkspaceId, id: FileId) -> PathBuf {
        self.root.join(workspace.to_string()).join(id.to_string())
    }
}

impl Incoming {
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let wanted = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..wanted]);
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).await
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it is, by the bytes so far.
    pub fn mime(&self) -> &'static str {
        sniff(&self.head)
    }

    /// Makes the file durable under its name.
    pub async fn keep(mut self) -> io::Result<Arrived> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        fs::rename(&self.temporary, &self.place).await?;
        self.kept = true;
        Ok(Arrived {
            size: self.size,
            sha256: self.hash.clone().finalize().into(),
            mime: sniff(&self.head),
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing refers to it; if it cannot be removed it only takes space.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// What a file is, by its first bytes; what is not known is just bytes, whatever its name says.
pub fn sniff(head: &[u8]) -> &'static str {
    let begins = |magic: &[u8]| head.starts_with(magic);
    let at = |place: usize, magic: &[u8]| head.get(place..place + magic.len()) == Some(magic);
    match () {
        () if begins(b"\xff\xd8\xff") => "image/jpeg",
        () if begins(b"\x89PNG\r\n\x1a\n") => "image/png",
        () if begins(b"GIF87a") || begins(b"GIF89a") => "image/gif",
        () if begins(b"RIFF") && at(8, b"WEBP") => "image/webp",
        () if begins(b"RIFF") && at(8, b"WAVE") => "audio/wav",
        () if begins(b"OggS") => "audio/ogg",
        () if begins(b"ID3") || begins(b"\xff\xfb") || begins(b"\xff\xf3") => "audio/mpeg",
        () if begins(b"#!AMR") => "audio/amr",
        () if at(4, b"ftypM4A") => "audio/mp4",
        () if at(4, b"ftyp3gp") => "video/3gpp",
        () if at(4, b"ftyp") => "video/mp4",
        () if begins(b"\x1a\x45\xdf\xa3") => "video/webm",
        () if begins(b"%PDF-") => "application/pdf",
        () => otherwise(head),
    }
}

/// What the table does not name: our channels call some of those above by other names than most do.
fn otherwise(head: &[u8]) -> &'static str {
    use infer::MatcherType::{Archive, Audio, Book, Doc, Image, Video};
    match infer::get(head) {
        // Never a text, a program or whatever else a browser or system might run.
        Some(found)
            if matches!(
                found.matcher_type(),
                Archive | Audio | Book | Doc | Image | Video
            ) =>
        {
            found.mime_type()
        }
        _ => "application/octet-stream",
    }
}

/// The last part of a name, without what files are not called.
pub fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect();
    if clean.trim().is_empty() {
        "arquivo".to_owned()
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{Clock, Random},
        id::Ids,
    };

    #[test]
    fn a_file_is_what_its_bytes_say() {
        assert_eq!(sniff(b"\xff\xd8\xff\xe0rest"), "image/jpeg");
        assert_eq!(sniff(b"RIFF\0\0\0\0WEBPVP8 "), "image/webp");
        assert_eq!(sniff(b"\0\0\0\x18ftypisom"), "video/mp4");
        assert_eq!(sniff(b"\xff\xf1\x50\x80"), "audio/aac");
        assert_eq!(sniff(b"PK\x03\x04rest"), "application/zip");
        for other in [
            &b""[..],
            b"<html><script>",
            b"<!DOCTYPE html>",
            b"<svg xmlns",
            b"<?xml version",
            b"#!/bin/sh",
            b"MZ\x90\0program",
            b"\x7fELF program",
            b"RIFF",
        ] {
            assert_eq!(sniff(other), "application/octet-stream");
        }
    }

    #[test]
    fn names_lose_their_folders_and_controls() {
        assert_eq!(clean_name("../../etc/pass\nwd"), "passwd");
        assert_eq!(clean_name("C:\\x\\foto.jpg"), "foto.jpg");
        assert_eq!(clean_name("  "), "arquivo");
    }

    #[tokio::test]
    async fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        let ids = Ids::new(Clock::at(1), Random::seeded(1));
        let (workspace, kept, left) = (ids.mint(), ids.mint(), ids.mint());
        let mut incoming = files.begin(workspace, kept).await.unwrap();
        incoming.write(b"%PDF-").await.unwrap();
        incoming.write(b"1.7").await.unwrap();
        let arrived = incoming.keep().await.unwrap();
        assert_eq!((arrived.size, arrived.mime), (8, "application/pdf"));
        assert_eq!(arrived.sha256[..], Sha256::digest(b"%PDF-1.7")[..]);
        drop(files.begin(workspace, left).await.unwrap());
        assert!(files.open(workspace, left).await.is_err());
        let names: Vec<_> =
            std::fs::read_dir(folder.path().join("files").join(workspace.to_string()))
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
        assert_eq!(names, [std::ffi::OsString::from(kept.to_string())]);
    }
}
