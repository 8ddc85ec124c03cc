//! Who administered what (FEATURES E4). Written in the transaction of the act itself; never holds secrets or contents.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{AuditId, UserId, WorkspaceId},
};

const INSERT: &str =
    "INSERT INTO audit (workspace_id, id, at, user_id, action, subject_kind, subject_id, data)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const DONE: &str = "SELECT COUNT(*) FROM audit WHERE workspace_id = $1 AND action = $2 AND subject_kind = $3 AND subject_id = $4";

/// An administrative act.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// `user.create`, `channel.update`…
    pub action: &'a str,
    /// Kind and id of what it was done to.
    pub subject: Option<(&'a str, String)>,
    /// Codes, names of changed fields; a JSON object.
    pub data: serde_json::Value,
}

impl Tx {
    /// `by` is none where the operator did it on the server itself.
    pub async fn audit(
        &mut self,
        workspace: WorkspaceId,
        id: AuditId,
        at: Instant,
        by: Option<UserId>,
        act: &Act<'_>,
    ) -> Result<()> {
        let (kind, subject) = act
            .subject
            .as_ref()
            .map(|(kind, id)| (*kind, id.as_str()))
            .unzip();
        execute!(
            self,
            INSERT,
            workspace,
            id,
            at,
            by,
            act.action,
            kind,
            subject,
            act.data.to_string()
        )?;
        Ok(())
    }

    /// Whether such an act was ever noted of that subject (kind and id).
    pub async fn was_done(
        &mut self,
        workspace: WorkspaceId,
        action: &str,
        (kind, id): (&str, &str),
    ) -> Result<bool> {
        let (times,): (i64,) = fetch!(fetch_one, self, _, DONE, workspace, action, kind, id)?;
        Ok(times > 0)
    }
}
