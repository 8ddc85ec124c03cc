//! Contacts, the identities by which channels know them, and their addresses (FEATURES F1, F4, F5).

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::Result;
use crate::id::{ChannelId, ContactId, WorkspaceId};

#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Contact {
    pub workspace_id: WorkspaceId,
    pub id: ContactId,
    pub name: String,
    /// JSON array of strings.
    pub labels: String,
    /// JSON object.
    pub fields: String,
    pub blocked: bool,
    pub automatic_messages_blocked: bool,
    pub created_at: Instant,
}

/// A contact as one channel knows it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Identity {
    pub workspace_id: WorkspaceId,
    pub channel_id: ChannelId,
    pub external_id: String,
    pub contact_id: ContactId,
    pub name: String,
    pub avatar: String,
    /// JSON object.
    pub extra: String,
    pub created_at: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, FromRow, Serialize, Deserialize)]
pub struct Address {
    pub workspace_id: WorkspaceId,
    pub contact_id: ContactId,
    /// `phone`, `email`, `username`…
    pub kind: String,
    pub value: String,
}

pub(super) const IDENTITIES: &str = "SELECT * FROM identities WHERE workspace_id = $1 AND contact_id = $2 ORDER BY channel_id, external_id";

impl Tx {
    pub async fn contact(
        &mut self,
        workspace: WorkspaceId,
        id: ContactId,
    ) -> Result<Option<Contact>> {
        const SQL: &str = "SELECT * FROM contacts WHERE workspace_id = $1 AND id = $2";
        Ok(fetch!(fetch_optional, self, Contact, SQL, workspace, id)?)
    }

    pub async fn identities_of(
        &mut self,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Result<Vec<Identity>> {
        Ok(fetch!(
            fetch_all, self, Identity, IDENTITIES, workspace, contact
        )?)
    }

    pub async fn addresses_of(
        &mut self,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Result<Vec<Address>> {
        const SQL: &str = "SELECT * FROM contact_addresses WHERE workspace_id = $1 AND contact_id = $2 ORDER BY kind, value";
        Ok(fetch!(fetch_all, self, Address, SQL, workspace, contact)?)
    }

    /// The oldest contact with that address.
    pub async fn find_contact(
        &mut self,
        workspace: WorkspaceId,
        kind: &str,
        value: &str,
    ) -> Result<Option<ContactId>> {
        const SQL: &str = "SELECT MIN(contact_id) FROM contact_addresses WHERE workspace_id = $1 AND kind = $2 AND value = $3";
        let (found,): (Option<ContactId>,) =
            fetch!(fetch_one, self, _, SQL, workspace, kind, value)?;
        Ok(found)
    }

    /// Contacts whose name or address contains `q` (empty: all), by name, after `after` (the last one's name and id).
    pub async fn contacts(
        &mut self,
        workspace: WorkspaceId,
        q: &str,
        after: Option<(&str, ContactId)>,
        limit: i64,
    ) -> Result<Vec<Contact>> {
        const SQL: &str = "SELECT c.* FROM contacts c WHERE c.workspace_id = $1
            AND ($2 = '%%' OR LOWER(c.name) LIKE $2 ESCAPE '!' OR EXISTS (SELECT 1 FROM contact_addresses a
                 WHERE a.workspace_id = c.workspace_id AND a.contact_id = c.id AND LOWER(a.value) LIKE $2 ESCAPE '!'))
            AND ($3 IS NULL OR (c.name, c.id) > ($3, $4)) ORDER BY c.name, c.id LIMIT $5";
        let (name, id) = after.unzip();
        Ok(fetch!(
            fetch_all,
            self,
            Contact,
            SQL,
            workspace,
            pattern(q),
            name,
            id,
            limit
        )?)
    }

    /// Replaces what people may change of a contact. False where it does not exist.
    pub async fn update_contact(&mut self, contact: &Contact) -> Result<bool> {
        const SQL: &str = "UPDATE contacts SET name = $3, labels = $4, fields = $5, blocked = $6, automatic_messages_blocked = $7
                           WHERE workspace_id = $1 AND id = $2";
        let it = contact;
        let touched = execute!(
            self,
            SQL,
            it.workspace_id,
            it.id,
            &it.name,
            &it.labels,
            &it.fields,
            it.blocked,
            it.automatic_messages_blocked
        )?;
        Ok(touched > 0)
    }
}

/// `q` anywhere, for `LIKE … ESCAPE '!'`.
pub(crate) fn pattern(q: &str) -> String {
    let mut text = String::with_capacity(q.len() + 2);
    text.push('%');
    for letter in q
        .trim()
        .to_lowercase()
        .chars()
        .filter(|letter| *letter != '\0')
    {
        if matches!(letter, '%' | '_' | '!') {
            text.push('!');
        }
        text.push(letter);
    }
    text.push('%');
    text
}
