//! Sound that a channel does not take, as one that it does, and sound that no browser plays, as one that all do: by ffmpeg, where the operator has it. Owns which kinds can be read and made, and what the
//! program may use: one file to read that the server chose, told what it is so that it looks for no other, an empty environment, no network, a bound of
//! bytes and of time.

use std::{path::PathBuf, process::Stdio, time::Duration};

use futures_util::TryStreamExt;
use tokio::{io::AsyncReadExt, process::Command, sync::Semaphore, time};

use crate::{
    app::App,
    error::{Error, Result},
    files::{Files, Form, Incoming},
    keeping,
    store::files::File,
};

/// How long one may take: it is some fifty times as fast as the sound.
const PATIENCE: Duration = Duration::from_secs(60);
/// Under way at once.
const AT_ONCE: usize = 2;
/// Bytes of the program's complaint that are logged.
const COMPLAINT: u64 = 2_000;

/// What can be read, and by what name the program knows it.
const READ: [(&str, &str); 13] = [
    ("audio/ogg", "ogg"),
    ("audio/webm", "matroska"),
    ("audio/mp4", "mov"),
    ("audio/m4a", "mov"),
    ("audio/x-m4a", "mov"),
    ("audio/3gpp", "mov"),
    ("audio/mpeg", "mp3"),
    ("audio/aac", "aac"),
    ("audio/amr", "amr"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/flac", "flac"),
    ("audio/x-flac", "flac"),
];

/// What can be made, the best for speech first, and how.
const MADE: [(&str, &str, &[&str]); 4] = [
    (
        "audio/ogg",
        "ogg",
        &["-c:a", "libopus", "-b:a", "32k", "-application", "voip"],
    ),
    ("audio/mpeg", "mp3", &["-c:a", "libmp3lame", "-b:a", "64k"]),
    ("audio/aac", "adts", &["-c:a", "aac", "-b:a", "64k"]),
    // In pieces, since the program cannot go back in what it has written.
    (
        "audio/mp4",
        "mp4",
        &[
            "-c:a",
            "aac",
            "-b:a",
            "64k",
            "-movflags",
            "empty_moov+frag_keyframe",
        ],
    ),
];

/// What every browser plays.
const PLAYED: &str = "audio/mpeg";

/// Why there is no other sound.
#[derive(Debug, thiserror::Error)]
pub enum Unconverted {
    /// The operator can mend that.
    #[error("ffmpeg is not installed")]
    Missing,
    /// The sound is broken, too long, or larger than it may be afterwards.
    #[error("the sound could not be converted")]
    Refused,
    #[error(transparent)]
    Other(#[from] Error),
}

/// The program, and its turns.
pub struct Converter {
    program: PathBuf,
    patience: Duration,
    turns: Semaphore,
}

/// What is to come of a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    from: &'static str,
    pub mime: &'static str,
    format: &'static str,
    how: &'static [&'static str],
}

/// How a sound becomes one that fits; none where it cannot be read, or nothing that fits can be made.
pub fn conversion(mime: &str, fits: impl Fn(&str) -> bool) -> Option<Conversion> {
    let (_, from) = READ.iter().find(|(name, _)| *name == mime)?;
    let (mime, format, how) = MADE.iter().find(|(name, _, _)| fits(name))?;
    Some(Conversion {
        from,
        mime,
        format,
        how,
    })
}

impl Converter {
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            patience: PATIENCE,
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// Writes the sound in `input` to `to`, at most so many bytes. The program reads it as its standard input, in which it can go back.
    ///
    /// # Errors
    /// See [`Unconverted`].
    async fn convert(
        &self,
        what: Conversion,
        input: std::fs::File,
        to: &mut Incoming,
        most: u64,
    ) -> Result<(), Unconverted> {
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .stdin(Stdio::from(input))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .args(["-nostdin", "-hide_banner", "-loglevel", "error"])
            .args(["-protocol_whitelist", "file,pipe", "-f", what.from])
            .args(["-i", "file:/dev/stdin"])
            .args(["-map", "0:a:0", "-map_metadata", "-1", "-ac", "1"])
            .args(what.how)
            .args(["-f", what.format, "pipe:1"]);
        let mut child = command.spawn().map_err(|error| {
            tracing::warn!(program = %self.program.display(), "sound cannot be converted: {error}");
            Unconverted::Missing
        })?;
        let (Some(mut out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Error::Unavailable("a child without pipes".into()).into());
        };
        let write = async {
            let mut chunk = vec![0; 64 << 10];
            loop {
                let got = out.read(&mut chunk).await.map_err(Error::internal)?;
                if got == 0 {
                    return Ok::<_, Unconverted>(());
                }
                if to.size() + got as u64 > most {
                    return Err(Unconverted::Refused);
                }
                to.write(&chunk[..got]).await.map_err(Error::internal)?;
            }
        };
        let complain = async {
            let mut text = Vec::new();
            let mut err = err;
            // Whatever is said beyond that is read and forgotten, so that nobody waits for us.
            let _ = (&mut err).take(COMPLAINT).read_to_end(&mut text).await;
            let _ = tokio::io::copy(&mut err, &mut tokio::io::sink()).await;
            Ok(text)
        };
        let whole = async {
            // Too much is the end at once, while the program still runs.
            let ((), complaint) = tokio::try_join!(write, complain)?;
            let status = child.wait().await.map_err(Error::internal)?;
            Ok::<_, Unconverted>((status, complaint))
        };
        match time::timeout(self.patience, whole).await {
            Ok(Ok((status, _))) if status.success() && to.size() > 0 => Ok(()),
            Ok(Ok((status, complaint))) => {
                let said = String::from_utf8_lossy(&complaint);
                tracing::warn!(%status, said = said.trim(), "a sound could not be converted");
                Err(Unconverted::Refused)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                tracing::warn!("converting a sound took too long");
                Err(Unconverted::Refused)
            }
        }
    }
}

/// Whether no browser plays sound of that kind.
fn unplayable(mime: &str) -> bool {
    mime == "audio/amr"
}

/// The sound that came as browsers play it, in at most so many bytes; none where it stays as it is: they play it already, or it cannot be converted,
/// and whoever wants to hear it has to save it.
pub async fn playable(app: &App, came: &mut Incoming, most: u64) -> Option<Incoming> {
    let what = conversion(came.mime(), |it| it == PLAYED).filter(|_| unplayable(came.mime()))?;
    let made = async {
        let input = came.file().await.map_err(Error::internal)?;
        let mut to = app.files.begin().await.map_err(Error::internal)?;
        app.converter.convert(what, input, &mut to, most).await?;
        Ok::<_, Unconverted>(to)
    };
    match made.await {
        Ok(to) => Some(to),
        Err(error) => {
            tracing::warn!("a sound stays as it came, which no browser plays: {error}");
            None
        }
    }
}

/// A new file with the same sound as another, of a kind that fits; at most so many bytes. Nobody refers to it yet.
///
/// # Errors
/// See [`Unconverted`].
pub async fn converted(
    app: &App,
    file: &File,
    what: Conversion,
    most: u64,
) -> Result<File, Unconverted> {
    let workspace = file.workspace_id;
    let input = copied(&app.files, file).await?;
    let begun = app.files.begin().await;
    let mut to = begun.map_err(Error::internal)?;
    app.converter.convert(what, input, &mut to, most).await?;
    let (id, arrived) = keeping::keep(app, workspace, to).await?;
    let name = renamed(&file.name, what.mime);
    let made = File {
        mime: what.mime.to_owned(),
        state: "uploaded".to_owned(),
        channel_id: file.channel_id,
        ..File::arrived(workspace, id, name, &arrived, app.clock.now())
    };
    let mut tx = app.store.begin().await?;
    tx.insert_file(&made).await?;
    tx.commit().await?;
    Ok(made)
}

/// A file's name once it is of that kind.
pub fn renamed(name: &str, mime: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |it| it.0);
    let ending = match mime.trim_start_matches("audio/") {
        "mpeg" => "mp3",
        other => other,
    };
    match stem {
        "" => String::new(),
        stem => format!("{stem}.{ending}"),
    }
}

/// A file's bytes on this disk, for as long as the program reads them.
async fn copied(files: &Files, file: &File) -> Result<std::fs::File, Unconverted> {
    let mut copy = files.begin().await.map_err(Error::internal)?;
    let size = u64::try_from(file.size).unwrap_or(0);
    let read = files.read((file.workspace_id, file.id), Form::Whole, 0..size);
    let mut read = std::pin::pin!(read.await?);
    while let Some(bytes) = read.try_next().await.map_err(Error::internal)? {
        copy.write(&bytes).await.map_err(Error::internal)?;
    }
    Ok(copy.file().await.map_err(Error::internal)?)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, path::Path};

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_best_for_speech_that_fits_is_made_of_what_can_be_read() {
        let made =
            |mime, taken: &[&str]| conversion(mime, |it| taken.contains(&it)).map(|it| it.mime);
        assert_eq!(
            made("audio/webm", &["audio/mp4", "audio/ogg"]),
            Some("audio/ogg")
        );
        assert_eq!(
            made("audio/ogg", &["audio/mp4", "audio/aac"]),
            Some("audio/aac")
        );
        assert_eq!(made("audio/webm", &["audio/midi"]), None);
        assert_eq!(made("audio/midi", &["audio/ogg"]), None);
        assert_eq!(made("application/octet-stream", &["audio/ogg"]), None);
    }

    /// What is to be read, and where it goes.
    async fn both(folder: &Path) -> (std::fs::File, Incoming) {
        let config = Config {
            data_dir: folder.to_owned(),
            ..Config::default()
        };
        let files = Files::open(&config).unwrap();
        let mut input = files.begin().await.unwrap();
        input.write(b"sound").await.unwrap();
        (input.file().await.unwrap(), files.begin().await.unwrap())
    }

    /// A program of that text in place of ffmpeg, and what comes of it.
    async fn with(script: &str, patience: Duration) -> (Result<(), Unconverted>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
        let (input, mut to) = both(folder.path()).await;
        let converter = Converter {
            patience,
            ..Converter::new(program)
        };
        let what = conversion("audio/wav", |_| true).unwrap();
        let done = converter.convert(what, input, &mut to, 1000).await;
        (done, to.size())
    }

    #[tokio::test]
    async fn the_program_has_a_bound_of_bytes_and_time_and_nothing_of_our_environment() {
        let long = Duration::from_secs(60);
        let (done, size) = with("while :; do echo 0123456789; done", long).await;
        assert!(matches!(done, Err(Unconverted::Refused)) && size <= 1000);
        let (done, _) = with("exec /bin/sleep 600", Duration::from_millis(50)).await;
        assert!(matches!(done, Err(Unconverted::Refused)));
        let (done, _) = with("echo half; exit 1", long).await;
        assert!(matches!(done, Err(Unconverted::Refused)));
        let (done, _) = with("exit 0", long).await;
        assert!(matches!(done, Err(Unconverted::Refused)), "nothing came");
        // The shell itself sets PWD, and others that it needs.
        let script = "test -z \"$HOME$CARGO_MANIFEST_DIR$USER\" && echo good";
        let (done, size) = with(script, long).await;
        assert!(matches!(done, Ok(())) && size == 5);
        let (done, size) = with("/bin/cat /dev/stdin && exec /bin/cat /dev/stdin", long).await;
        assert!(matches!(done, Ok(())) && size == 10, "and it can go back");
        let none = Converter::new("/no/such/program".into());
        let folder = tempfile::tempdir().unwrap();
        let (input, mut to) = both(folder.path()).await;
        let what = conversion("audio/wav", |_| true).unwrap();
        let done = none.convert(what, input, &mut to, 1000).await;
        assert!(matches!(done, Err(Unconverted::Missing)));
    }
}
