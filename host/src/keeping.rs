//! How bytes become a file, and go: what is written is noted before, and what lets go of a file notes it in the same commit, so that a crash between
//! store and bytes leaves nothing that nobody removes. What files are is `files`, their rows are the store's.

use crate::{
    app::App,
    error::Result,
    files::{Arrived, Incoming},
    id::{FileId, WorkspaceId},
};

/// Files removed in one pass.
const AT_ONCE: i64 = 500;
/// How long bytes may be without a row, in microseconds: longer than any request takes from one to the other.
const GRACE: i64 = 24 * 3_600 * 1_000_000;

/// Makes bytes durable. Whoever asked stores the row (`Tx::insert_file`); where they do not, the bytes go in a day.
///
/// # Errors
/// `Unavailable` while the place of files does not answer.
pub async fn keep(
    app: &App,
    workspace: WorkspaceId,
    incoming: Incoming,
) -> Result<(FileId, Arrived)> {
    let id: FileId = app.ids.mint();
    let mut tx = app.store.begin().await?;
    tx.let_go_of_file(workspace, id, app.clock.now() + GRACE)
        .await?;
    tx.commit().await?;
    Ok((id, incoming.keep(workspace, id).await?))
}

/// Removes what nobody has any more; what cannot be removed now is tried at the next pass.
pub async fn remove_loose(app: &App) -> Result<()> {
    loop {
        let mut tx = app.store.read().await?;
        let loose = tx.loose_files(app.clock.now(), AT_ONCE).await?;
        drop(tx);
        if loose.is_empty() {
            return Ok(());
        }
        let mut removed = Vec::new();
        let mut trouble = None;
        for (workspace, id) in loose {
            if let Err(error) = app.files.remove(workspace, id).await {
                trouble = Some(error);
                break;
            }
            removed.push((workspace, id));
        }
        let mut tx = app.store.begin().await?;
        tx.files_are_removed(&removed).await?;
        tx.commit().await?;
        if let Some(error) = trouble {
            return Err(error);
        }
    }
}
