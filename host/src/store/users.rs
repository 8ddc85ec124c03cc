//! Users, as stored. E-mails are unique within a workspace; the same one may exist in several.

use super::{Tx, execute, fetch};
use crate::{
    error::{Error, Result},
    id::{UserId, WorkspaceId},
    user::{Email, User, UserChange},
};

macro_rules! columns {
    () => {
        "workspace_id, id, email, name, role, available, active, archive_immediately, locale, created_at"
    };
}

const BY_ID: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM users WHERE workspace_id = $1 AND id = $2"
);

const ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM users WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3"
);

const BY_EMAIL: &str = "SELECT u.workspace_id, u.id, u.password_hash
     FROM users u JOIN workspaces w ON w.id = u.workspace_id
     WHERE u.email = $1 AND u.active = $2 AND w.suspended_at IS NULL
     ORDER BY u.workspace_id
     LIMIT 20";

const INSERT: &str = "INSERT INTO users
       (workspace_id, id, email, name, role, password_hash, available, active, archive_immediately, locale, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (workspace_id, email) DO NOTHING";

const UPDATE: &str = "UPDATE users SET
       name = COALESCE($3, name),
       role = COALESCE($4, role),
       available = COALESCE($5, available),
       active = COALESCE($6, active),
       password_hash = COALESCE($7, password_hash),
       archive_immediately = COALESCE($8, archive_immediately),
       locale = COALESCE($9, locale)
     WHERE workspace_id = $1 AND id = $2";

const OTHER_ADMINS: &str = "SELECT COUNT(*) FROM users
     WHERE workspace_id = $1 AND id <> $2 AND role = 'admin' AND active = $3";

/// Whom an e-mail may belong to, with what proves it.
#[derive(Clone, Debug, sqlx::FromRow, serde::Deserialize)]
pub struct Candidate {
    pub workspace_id: WorkspaceId,
    pub id: UserId,
    pub password_hash: Option<String>,
}

impl Tx {
    pub async fn user(&mut self, workspace: WorkspaceId, id: UserId) -> Result<Option<User>> {
        Ok(fetch!(fetch_optional, self, User, BY_ID, workspace, id)?)
    }

    /// In order of creation, after `after`.
    pub async fn users(
        &mut self,
        workspace: WorkspaceId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(fetch!(
            fetch_all,
            self,
            User,
            ALL,
            workspace,
            after.as_str(),
            i64::from(limit)
        )?)
    }

    /// The active users of that e-mail, in all workspaces that are not suspended.
    pub async fn sign_in_candidates(&mut self, email: &Email) -> Result<Vec<Candidate>> {
        Ok(fetch!(
            fetch_all,
            self,
            Candidate,
            BY_EMAIL,
            email.as_str(),
            true
        )?)
    }

    /// # Errors
    /// `Conflict` where the e-mail is taken.
    pub async fn insert_user(&mut self, user: &User, password_hash: Option<&str>) -> Result<()> {
        let done = execute!(
            self,
            INSERT,
            user.workspace_id,
            user.id,
            user.email.as_str(),
            user.name.as_str(),
            user.role.as_str(),
            password_hash,
            user.available,
            user.active,
            user.archive_immediately,
            user.locale.as_deref(),
            user.created_at,
        )?;
        if done == 0 {
            return Err(Error::Conflict(
                "a user with this e-mail exists already".into(),
            ));
        }
        Ok(())
    }

    /// Whether there was such a user.
    pub async fn update_user(
        &mut self,
        workspace: WorkspaceId,
        id: UserId,
        change: &UserChange,
    ) -> Result<bool> {
        let done = execute!(
            self,
            UPDATE,
            workspace,
            id,
            change.name.as_deref(),
            change.role.map(|role| role.as_str()),
            change.available,
            change.active,
            change.password_hash.as_deref(),
            change.archive_immediately,
            change.locale.as_deref(),
        )?;
        Ok(done > 0)
    }

    /// Whether somebody else could still administer the workspace.
    pub async fn has_other_admin(&mut self, workspace: WorkspaceId, than: UserId) -> Result<bool> {
        let (others,): (i64,) =
            fetch!(fetch_one, self, (i64,), OTHER_ADMINS, workspace, than, true)?;
        Ok(others > 0)
    }
}
