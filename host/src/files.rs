//! The bytes of files: a folder per workspace under the data folder. Owns writing them whole or not at all, and saying what they are by looking at
//! them; what is known of each file is the store's. Whatever comes in passes here, so that no picture is kept with its metadata (`pictures`).

use std::{
    io::{self, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use sha2::{Digest, Sha256};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    sync::Semaphore,
    task::spawn_blocking,
};

use crate::{
    id::{FileId, WorkspaceId},
    pictures::{self, Picture},
};

/// Where files are.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
    looking: Arc<Semaphore>,
}

/// Which bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Whole,
    /// A picture's smaller one.
    Preview,
}

/// Bytes on their way in. Dropped without [`Incoming::keep`], the temporary file is removed.
pub struct Incoming {
    file: fs::File,
    temporary: PathBuf,
    place: PathBuf,
    hash: Sha256,
    head: Vec<u8>,
    size: u64,
    looking: Arc<Semaphore>,
    kept: bool,
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub size: u64,
    pub sha256: [u8; 32],
    pub mime: &'static str,
    /// Width and height of a picture, as it is shown; none where it is not to be shown.
    pub shown: Option<(u32, u32)>,
    /// What its smaller picture is, and its bytes.
    pub preview: Option<(&'static str, u64)>,
}

/// Bytes that decide what a file is; what an office's document is stands some way into it.
const HEAD: usize = 8 << 10;
/// Pictures that are taken apart at once: each may need the memory of a decoded one.
const LOOKING: usize = 2;
/// Bytes of the largest one that is.
const LARGEST_PICTURE: u64 = 128 << 20;
/// Bytes read at once.
const CHUNK: u64 = 64 << 10;

impl Files {
    pub fn new(data_dir: &Path) -> Self {
        Self {
            root: data_dir.join("files"),
            looking: Arc::new(Semaphore::new(LOOKING)),
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
            looking: Arc::clone(&self.looking),
            kept: false,
        })
    }

    /// Part of a file's bytes, as they are asked for; fewer at its end.
    ///
    /// # Errors
    /// Not found, before anything is given.
    pub async fn read(
        &self,
        (workspace, id): (WorkspaceId, FileId),
        form: Form,
        range: Range<u64>,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
        let mut open = fs::File::open(of_form(&self.place(workspace, id), form)).await?;
        open.seek(SeekFrom::Start(range.start)).await?;
        let rest = open.take(range.end.saturating_sub(range.start));
        Ok(stream::try_unfold(rest, |mut rest| async move {
            let mut chunk = Vec::new();
            let got = (&mut rest).take(CHUNK).read_to_end(&mut chunk).await?;
            Ok((got > 0).then(|| (Bytes::from(chunk), rest)))
        }))
    }

    /// Removes a file that nothing refers to; that it is not there is no error.
    pub async fn remove(&self, workspace: WorkspaceId, id: FileId) -> io::Result<()> {
        let place = self.place(workspace, id);
        for form in [Form::Whole, Form::Preview] {
            match fs::remove_file(of_form(&place, form)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn place(&self, workspace: WorkspaceId, id: FileId) -> PathBuf {
        self.root.join(workspace.to_string()).join(id.to_string())
    }
}

fn of_form(place: &Path, form: Form) -> PathBuf {
    match form {
        Form::Whole => place.to_owned(),
        Form::Preview => place.with_extension("preview"),
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

    /// Where the bytes are meanwhile.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// All that was written can be read by another program.
    pub async fn flushed(&mut self) -> io::Result<()> {
        self.file.flush().await
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it is, by the bytes so far.
    pub fn mime(&self) -> &'static str {
        sniff(&self.head)
    }

    /// Makes the file durable under its name; a picture is cleaned before, and its smaller one is written beside it.
    pub async fn keep(mut self) -> io::Result<Arrived> {
        self.file.flush().await?;
        let picture = self.look().await?;
        if let Some(bytes) = &picture.cleaned {
            let mut file = fs::File::create(&self.temporary).await?;
            file.write_all(bytes).await?;
            self.file = file;
            self.hash = Sha256::new_with_prefix(bytes);
            self.size = bytes.len() as u64;
        }
        let preview = match picture.preview {
            Some(it) => {
                let mut file = fs::File::create(of_form(&self.place, Form::Preview)).await?;
                file.write_all(&it.bytes).await?;
                file.sync_all().await?;
                Some((it.mime, it.bytes.len() as u64))
            }
            None => None,
        };
        self.file.sync_all().await?;
        fs::rename(&self.temporary, &self.place).await?;
        self.kept = true;
        Ok(Arrived {
            size: self.size,
            sha256: self.hash.clone().finalize().into(),
            mime: self.mime(),
            shown: picture.size,
            preview,
        })
    }

    async fn look(&self) -> io::Result<Picture> {
        let mime = self.mime();
        if !pictures::is_picture(mime) || self.size > LARGEST_PICTURE {
            return Ok(Picture::default());
        }
        let turn = Arc::clone(&self.looking).acquire_owned().await;
        let turn = turn.map_err(io::Error::other)?;
        let place = self.temporary.clone();
        let looked = spawn_blocking(move || {
            let bytes = Bytes::from(std::fs::read(place)?);
            let picture = pictures::look(mime, &bytes);
            // Held until the memory is given back, whoever still waits for the answer.
            drop(turn);
            Ok(picture)
        });
        // A decoder that panics has only lost its picture.
        looked.await.unwrap_or_else(|panicked| {
            tracing::error!("a picture could not be looked at: {panicked}");
            Ok(Picture::default())
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing refers to it; if it cannot be removed it only takes space.
            let _ = std::fs::remove_file(&self.temporary);
            let _ = std::fs::remove_file(of_form(&self.place, Form::Preview));
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
        let absent = files.read((workspace, left), Form::Whole, 0..1).await;
        assert!(absent.is_err());
        let names: Vec<_> =
            std::fs::read_dir(folder.path().join("files").join(workspace.to_string()))
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
        assert_eq!(names, [std::ffi::OsString::from(kept.to_string())]);
    }
}
