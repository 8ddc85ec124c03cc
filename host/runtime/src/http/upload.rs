//! Files of the host within a request's body: sent as they are read, never whole in memory. Owns the order of what is sent; whose files they are is
//! the services' to say.

use std::{collections::VecDeque, fmt, io, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "engine")]
use crate::services::Services;

/// Bytes read at a time.
const CHUNK: u64 = 256 << 10;
/// A request with files may take longer: a second for as many bytes.
const PER_SECOND: u64 = 256 << 10;
/// But never more than that beyond what any may take.
pub const LONGEST: Duration = Duration::from_secs(300);

/// Where a file's bytes are read.
#[async_trait]
pub trait Source: Send + Sync {
    /// At most `length` bytes from `offset` on; fewer at the end.
    async fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>>;
}

/// A file within a request's body.
#[derive(Clone)]
pub struct Attached {
    pub id: String,
    pub size: u64,
    /// Before which byte of the rest of the body it stands.
    pub at: usize,
    pub source: Arc<dyn Source>,
}

#[cfg(feature = "engine")]
impl Attached {
    /// A file of the workspace.
    pub(crate) fn of(services: Arc<dyn Services>, id: &str, size: u64, at: usize) -> Self {
        Self {
            id: id.to_owned(),
            size,
            at,
            source: Arc::new(File {
                services,
                id: id.to_owned(),
            }),
        }
    }
}

/// The same file at the same place, however it is read.
impl PartialEq for Attached {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.size, self.at) == (&other.id, other.size, other.at)
    }
}

impl Eq for Attached {}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Attached({}, {} bytes at {})",
            self.id, self.size, self.at
        )
    }
}

#[cfg(feature = "engine")]
struct File {
    services: Arc<dyn Services>,
    id: String,
}

#[cfg(feature = "engine")]
#[async_trait]
impl Source for File {
    async fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let read = self.services.file_bytes(&self.id, offset, length).await;
        read.map_err(|error| io::Error::other(error.message))
    }
}

/// Bytes of all the files.
pub fn size_of(files: &[Attached]) -> u64 {
    files.iter().map(|file| file.size).sum()
}

/// How much longer a request with so many bytes of files may take.
pub fn longer(bytes: u64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1000) / PER_SECOND).min(LONGEST)
}

enum Piece {
    Text(Bytes),
    File(Attached),
}

/// A body with its files in their places, piece by piece.
pub struct Reading {
    pieces: VecDeque<Piece>,
    /// Of the present file.
    read: u64,
}

impl Reading {
    /// `files` in the order of their places in `body`.
    pub fn new(body: &Bytes, files: &[Attached]) -> Self {
        let mut pieces = VecDeque::new();
        let mut from = 0;
        for file in files {
            let at = file.at.clamp(from, body.len());
            pieces.push_back(Piece::Text(body.slice(from..at)));
            pieces.push_back(Piece::File(file.clone()));
            from = at;
        }
        pieces.push_back(Piece::Text(body.slice(from..)));
        Self { pieces, read: 0 }
    }

    /// What comes next; none at the end.
    ///
    /// # Errors
    /// A file cannot be read, or has fewer bytes than it had.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.pieces.front()? {
                Piece::File(file) if self.read < file.size => {
                    let length = CHUNK.min(file.size - self.read);
                    let bytes = match file.source.read(self.read, length).await {
                        Ok(bytes) if bytes.is_empty() => {
                            return Some(Err(io::ErrorKind::UnexpectedEof.into()));
                        }
                        other => other,
                    };
                    self.read += bytes.as_ref().map_or(0, |it| it.len() as u64);
                    return Some(bytes.map(Bytes::from));
                }
                Piece::File(_) => {
                    self.pieces.pop_front();
                    self.read = 0;
                }
                Piece::Text(text) => {
                    let text = text.clone();
                    self.pieces.pop_front();
                    if !text.is_empty() {
                        return Some(Ok(text));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Letters(u64);

    #[async_trait]
    impl Source for Letters {
        async fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
            let there = self.0.saturating_sub(offset).min(length);
            Ok(vec![b'x'; usize::try_from(there).unwrap()])
        }
    }

    fn attached(size: u64, there: u64, at: usize) -> Attached {
        Attached {
            id: "fil_1".into(),
            size,
            at,
            source: Arc::new(Letters(there)),
        }
    }

    async fn whole(mut reading: Reading) -> io::Result<Vec<Bytes>> {
        let mut pieces = Vec::new();
        while let Some(piece) = reading.next().await {
            pieces.push(piece?);
        }
        Ok(pieces)
    }

    #[tokio::test]
    async fn files_stand_in_their_places_and_are_read_piece_by_piece() {
        let body = Bytes::from_static(b"(first)(second)");
        let large = attached(CHUNK + 1, CHUNK + 1, 7);
        let reading = Reading::new(&body, &[large, attached(2, 2, 15)]);
        let pieces = whole(reading).await.unwrap();
        let sizes: Vec<usize> = pieces.iter().map(Bytes::len).collect();
        assert_eq!(sizes, [7, 256 << 10, 1, 8, 2]);
        assert_eq!(
            (&pieces[0][..], &pieces[4][..]),
            (&b"(first)"[..], &b"xx"[..])
        );
    }

    #[tokio::test]
    async fn a_file_that_is_shorter_than_it_was_breaks_the_request() {
        let reading = Reading::new(&Bytes::new(), &[attached(3, 2, 0)]);
        let error = whole(reading).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn more_time_is_given_for_more_bytes_up_to_five_minutes() {
        let seconds: Vec<u64> = [0, 10 << 20, 1 << 40]
            .map(|bytes| longer(bytes).as_secs())
            .into();
        assert_eq!(seconds, [0, 40, 300]);
    }
}
