//! Makes up for pictures that were stored before the server looked at what it keeps: their metadata goes and each gets its smaller one (`pictures`), under
//! the same id. Comes to its end; what a crash cuts off is done again.

use std::{pin::pin, time::Duration};

use futures_util::TryStreamExt;
use tokio::time;

use crate::{
    app::SharedApp,
    error::{Error, Result},
    files::Form,
    id::{FileId, WorkspaceId},
    store::files::File,
};

/// Looked for at once.
const AT_ONCE: i64 = 50;
/// How long to wait where the place of files does not answer.
const PAUSE: Duration = Duration::from_secs(60);

/// Runs until none is left, or the server stops.
pub async fn run(app: SharedApp) {
    let mut stop = app.stopping();
    loop {
        tokio::select! {
            () = stop.stopped() => return,
            looked = look(&app) => match looked {
                Ok(()) => return,
                Err(error) => tracing::warn!("older pictures could not be looked at: {error}"),
            },
        }
        tokio::select! {
            () = stop.stopped() => return,
            () = time::sleep(PAUSE) => {}
        }
    }
}

/// All that are left.
///
/// # Errors
/// `Unavailable` while the place of files does not answer: the rest is to be done again.
pub async fn look(app: &SharedApp) -> Result<()> {
    let mut after: Option<(WorkspaceId, FileId)> = None;
    loop {
        let mut tx = app.store.read().await?;
        let found = tx.unseen_pictures(after, AT_ONCE).await?;
        drop(tx);
        let Some(last) = found.last() else {
            return Ok(());
        };
        after = Some((last.workspace_id, last.id));
        for file in found {
            see(app, &file).await?;
        }
    }
}

async fn see(app: &SharedApp, file: &File) -> Result<()> {
    let (workspace, id) = (file.workspace_id, file.id);
    let size = u64::try_from(file.size).unwrap_or(0);
    let arrived = match app.files.read((workspace, id), Form::Whole, 0..size).await {
        Ok(read) => {
            let mut read = pin!(read);
            let mut anew = app.files.begin().await.map_err(Error::internal)?;
            let broken = |error: std::io::Error| Error::Unavailable(error.to_string());
            while let Some(bytes) = read.try_next().await.map_err(broken)? {
                anew.write(&bytes).await.map_err(Error::internal)?;
            }
            Some(anew.keep(workspace, id).await?)
        }
        // Its bytes are gone: no reason to keep the others waiting.
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let mut tx = app.store.write(workspace).await?;
    tx.picture_is_seen(file, arrived.as_ref()).await?;
    tx.commit().await
}
