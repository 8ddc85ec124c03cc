//! The bytes of files: in a folder of this machine or in an S3-compatible store, whole or not at all, and durable before anybody is told that they are
//! there. Owns their places and saying what they are by looking at them; what is known of each file is the store's. Whatever comes in passes here, so
//! that no picture is kept with its metadata (`pictures`).

use std::{
    io::{self, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::{
    ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    aws::AmazonS3Builder, local::LocalFileSystem, path::Path as Place, prefix::PrefixStore,
};
use sha2::{Digest, Sha256};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    sync::Semaphore,
    task::spawn_blocking,
};

use crate::{
    config::{Config, FileStore},
    error::{Error, Result},
    id::{FileId, WorkspaceId},
    pictures::{self, Picture},
};

/// Where files are.
#[derive(Clone, Debug)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    /// Where it is a folder.
    root: Option<PathBuf>,
    /// Where what comes in is until it is whole.
    arrivals: PathBuf,
    looking: Arc<Semaphore>,
}

/// Which bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Whole,
    /// A picture's smaller one.
    Preview,
}

/// Bytes on their way in, in a file without a name on this machine, which ends with whoever holds it.
pub struct Incoming {
    file: fs::File,
    hash: Sha256,
    head: Vec<u8>,
    size: u64,
    files: Files,
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
/// Bytes that go to the store at once; S3 takes no part below 5 MiB but the last.
const PART: usize = 8 << 20;
/// How often a store that does not answer is asked, and for how long, before whoever waits is told.
const ASKED: usize = 3;
const PATIENCE: Duration = Duration::from_secs(15);
/// How long nothing may come of an answer.
const STALLED: Duration = Duration::from_secs(30);

impl Files {
    /// Where the configuration says. Nothing is asked of the store yet: a server whose store is down starts, and says so to whoever needs a file.
    ///
    /// # Errors
    /// The folder cannot be made, or the configuration makes no sense to the store's client.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        match config.files.place() {
            Some((bucket, prefix)) => {
                let store = remote(&config.files, bucket)?;
                let store: Arc<dyn ObjectStore> = match prefix {
                    "" => Arc::new(store),
                    prefix => Arc::new(PrefixStore::new(store, prefix)),
                };
                Self::over(store, None, &config.data_dir)
            }
            None => Self::in_folder(&config.data_dir),
        }
    }

    /// In the folder `files` of the data folder.
    fn in_folder(data_dir: &Path) -> anyhow::Result<Self> {
        let root = data_dir.join("files");
        std::fs::create_dir_all(&root).with_context(|| root.display().to_string())?;
        // What is acknowledged is on the disk, its name in the folder too.
        let store = LocalFileSystem::new_with_prefix(&root)?.with_fsync(true);
        Self::over(Arc::new(store), Some(root), data_dir)
    }

    fn over(
        store: Arc<dyn ObjectStore>,
        root: Option<PathBuf>,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        let arrivals = data_dir.join("arrivals");
        std::fs::create_dir_all(&arrivals).with_context(|| arrivals.display().to_string())?;
        Ok(Self {
            store,
            root,
            arrivals,
            looking: Arc::new(Semaphore::new(LOOKING)),
        })
    }

    /// Begins to take a file in.
    pub async fn begin(&self) -> io::Result<Incoming> {
        let arrivals = self.arrivals.clone();
        let made = spawn_blocking(move || tempfile::tempfile_in(arrivals)).await;
        Ok(Incoming {
            file: fs::File::from_std(made??),
            hash: Sha256::new(),
            head: Vec::new(),
            size: 0,
            files: self.clone(),
        })
    }

    /// Part of a file's bytes, within what it has, as they are asked for.
    ///
    /// # Errors
    /// Before anything is given: not found, or `Unavailable` while the store does not answer.
    pub async fn read(
        &self,
        (workspace, id): (WorkspaceId, FileId),
        form: Form,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let options = GetOptions::new().with_range(Some(range));
        let place = place(workspace, id, form);
        let found = self.store.get_opts(&place, options).await;
        let found = found.map_err(|error| unavailable(&error, "read"))?;
        Ok(found.into_stream().map_err(io::Error::other).boxed())
    }

    /// Removes a file that nothing refers to; that it is not there is no error.
    ///
    /// # Errors
    /// `Unavailable` while the store does not answer: to be done again.
    pub async fn remove(&self, workspace: WorkspaceId, id: FileId) -> Result<()> {
        for form in [Form::Whole, Form::Preview] {
            let place = place(workspace, id, form);
            match self.store.delete(&place).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(unavailable(&error, "removed")),
            }
            self.sweep(&place).await.map_err(Error::internal)?;
        }
        Ok(())
    }

    /// Removes what a killed server has left of a file that it was writing to the folder, under the names that the store's client gives these.
    async fn sweep(&self, place: &Place) -> io::Result<()> {
        let Some(root) = &self.root else {
            return Ok(());
        };
        for n in 1.. {
            match fs::remove_file(root.join(format!("{place}#{n}"))).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                removed => removed?,
            }
        }
        Ok(())
    }

    async fn put(&self, place: &Place, bytes: Bytes) -> Result<()> {
        let kept = self.store.put(place, PutPayload::from_bytes(bytes)).await;
        kept.map(drop).map_err(|error| unavailable(&error, "kept"))
    }

    /// A large one, in parts: never whole in memory.
    async fn put_parts(&self, place: &Place, from: &mut fs::File) -> Result<()> {
        let failed = |error: object_store::Error| unavailable(&error, "kept");
        let mut upload = self.store.put_multipart(place).await.map_err(failed)?;
        let sent = async {
            loop {
                let part = chunk(from).await.map_err(Error::internal)?;
                if part.is_empty() {
                    return upload.complete().await.map(drop).map_err(failed);
                }
                let part = PutPayload::from_bytes(part);
                upload.put_part(part).await.map_err(failed)?;
            }
        }
        .await;
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!("what was sent of a file could not be taken back: {error}");
        }
        sent
    }
}

/// The bucket that the configuration names.
fn remote(at: &FileStore, bucket: &str) -> anyhow::Result<impl ObjectStore> {
    // A second installation finds the first one, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut s3 = match (&at.access_key_id, &at.secret_access_key) {
        (Some(id), Some(secret)) => AmazonS3Builder::new()
            .with_access_key_id(id)
            .with_secret_access_key(&secret.0),
        // The machine's own role, as the provider's programs find it.
        _ => AmazonS3Builder::from_env(),
    };
    let mut options = ClientOptions::new()
        .with_timeout_disabled()
        .with_read_timeout(STALLED);
    if let Some(endpoint) = &at.endpoint {
        options = options.with_allow_http(endpoint.scheme() == "http");
        s3 = s3.with_endpoint(endpoint.as_str().trim_end_matches('/'));
    }
    let retry = RetryConfig {
        max_retries: ASKED,
        retry_timeout: PATIENCE,
        ..RetryConfig::default()
    };
    s3.with_bucket_name(bucket)
        .with_region(&at.region)
        .with_client_options(options)
        .with_retry(retry)
        .build()
        .context("files")
}

fn place(workspace: WorkspaceId, id: FileId, form: Form) -> Place {
    let name = match form {
        Form::Whole => id.to_string(),
        Form::Preview => format!("{id}.preview"),
    };
    Place::from_iter([workspace.to_string(), name])
}

/// The operator's to mend; whoever asked may ask again.
fn unavailable(error: &object_store::Error, what: &str) -> Error {
    tracing::error!("a file could not be {what}: {error}");
    match error {
        object_store::Error::NotFound { .. } => Error::NotFound("file"),
        _ => Error::Unavailable(format!("files cannot be {what} just now")),
    }
}

/// The next bytes; none at the end.
async fn chunk(from: &mut fs::File) -> io::Result<Bytes> {
    let mut part = BytesMut::with_capacity(PART);
    let mut from = from.take(PART as u64);
    while from.read_buf(&mut part).await? > 0 {}
    Ok(part.freeze())
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

    /// All that was written, from its beginning, for another program to read.
    pub async fn file(&mut self) -> io::Result<std::fs::File> {
        self.rewind().await?;
        Ok(self.file.try_clone().await?.into_std().await)
    }

    async fn rewind(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.seek(SeekFrom::Start(0)).await.map(drop)
    }

    /// Makes the bytes durable as that file's, of which the store has been told (`Tx::expect_file`); a picture is cleaned before, and its smaller one
    /// is written beside it.
    ///
    /// # Errors
    /// `Unavailable` while the store does not answer.
    pub async fn keep(mut self, workspace: WorkspaceId, id: FileId) -> Result<Arrived> {
        let picture = self.look().await.map_err(Error::internal)?;
        let files = self.files.clone();
        let mut preview = None;
        if let Some(it) = picture.preview {
            preview = Some((it.mime, it.bytes.len() as u64));
            let place = place(workspace, id, Form::Preview);
            files.put(&place, it.bytes.into()).await?;
        }
        let place = place(workspace, id, Form::Whole);
        match picture.cleaned {
            Some(bytes) => {
                self.hash = Sha256::new_with_prefix(&bytes);
                self.size = bytes.len() as u64;
                files.put(&place, bytes).await?;
            }
            None => {
                self.rewind().await.map_err(Error::internal)?;
                if self.size > PART as u64 {
                    files.put_parts(&place, &mut self.file).await?;
                } else {
                    let bytes = chunk(&mut self.file).await.map_err(Error::internal)?;
                    files.put(&place, bytes).await?;
                }
            }
        }
        Ok(Arrived {
            size: self.size,
            mime: self.mime(),
            sha256: self.hash.finalize().into(),
            shown: picture.size,
            preview,
        })
    }

    /// What of it is kept as somebody's picture; none where it is no picture that can be shown.
    pub async fn into_portrait(mut self) -> io::Result<Option<Vec<u8>>> {
        self.looked(pictures::portrait).await
    }

    /// Of the bytes so far.
    pub fn sha256(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    async fn look(&mut self) -> io::Result<Picture> {
        self.looked(pictures::look).await
    }

    /// What is made of a picture, on a thread of its own; nothing of what is none.
    async fn looked<T: Default + Send + 'static>(
        &mut self,
        by: fn(&'static str, &Bytes) -> T,
    ) -> io::Result<T> {
        let mime = self.mime();
        if !pictures::is_picture(mime) || self.size > LARGEST_PICTURE {
            return Ok(T::default());
        }
        let turn = Arc::clone(&self.files.looking).acquire_owned().await;
        let turn = turn.map_err(io::Error::other)?;
        self.rewind().await?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).await?;
        let looked = spawn_blocking(move || {
            let made = by(mime, &bytes.into());
            // Held until the memory is given back, whoever still waits for the answer.
            drop(turn);
            made
        });
        // A decoder that panics has only lost its picture.
        Ok(looked.await.unwrap_or_else(|panicked| {
            tracing::error!("a picture could not be looked at: {panicked}");
            T::default()
        }))
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

    fn some_ids() -> Ids {
        Ids::new(Clock::at(1), Random::seeded(1))
    }

    async fn read(files: &Files, at: (WorkspaceId, FileId), range: Range<u64>) -> Vec<u8> {
        let read = files.read(at, Form::Whole, range).await.unwrap();
        read.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path()).unwrap();
        let ids = some_ids();
        let (workspace, kept, left) = (ids.mint(), ids.mint(), ids.mint());
        let mut incoming = files.begin().await.unwrap();
        incoming.write(b"%PDF-").await.unwrap();
        incoming.write(b"1.7").await.unwrap();
        let arrived = incoming.keep(workspace, kept).await.unwrap();
        assert_eq!((arrived.size, arrived.mime), (8, "application/pdf"));
        assert_eq!(arrived.sha256[..], Sha256::digest(b"%PDF-1.7")[..]);
        let mut half = files.begin().await.unwrap();
        half.write(b"half").await.unwrap();
        let absent = files.read((workspace, left), Form::Whole, 0..1).await;
        assert!(matches!(absent.err(), Some(Error::NotFound(_))));
        let of_workspace = folder.path().join("files").join(workspace.to_string());
        assert_eq!(names(&of_workspace), [kept.to_string()]);
        let arrivals = names(&folder.path().join("arrivals"));
        assert_eq!(
            arrivals, [""; 0],
            "nothing that a killed server could leave"
        );
    }

    #[tokio::test]
    async fn a_large_file_goes_in_parts_and_is_read_in_ranges() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path()).unwrap();
        let ids = some_ids();
        let at = (ids.mint(), ids.mint());
        let bytes: Vec<u8> = (0..PART + 10).map(|it| it.to_le_bytes()[0]).collect();
        let mut incoming = files.begin().await.unwrap();
        incoming.write(&bytes).await.unwrap();
        let arrived = incoming.keep(at.0, at.1).await.unwrap();
        assert_eq!(arrived.size, bytes.len() as u64);
        let end = PART as u64;
        assert_eq!(
            read(&files, at, end - 3..end + 3).await,
            bytes[PART - 3..PART + 3]
        );
        assert_eq!(read(&files, at, 0..arrived.size).await, bytes);
        assert_eq!(read(&files, at, 5..5).await, b"");
    }

    #[tokio::test]
    async fn what_a_killed_server_was_writing_goes_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path()).unwrap();
        let ids = some_ids();
        let (workspace, id): (WorkspaceId, FileId) = (ids.mint(), ids.mint());
        let whole = place(workspace, id, Form::Whole);
        // An upload that nobody ends, as where the process has gone.
        let mut upload = files.store.put_multipart(&whole).await.unwrap();
        upload.put_part(b"half".to_vec().into()).await.unwrap();
        std::mem::forget(upload);
        let of_workspace = folder.path().join("files").join(workspace.to_string());
        assert_eq!(names(&of_workspace), [format!("{id}#1")]);
        files.remove(workspace, id).await.unwrap();
        assert_eq!(names(&of_workspace), [""; 0]);
    }
}
