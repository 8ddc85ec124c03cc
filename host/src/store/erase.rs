//! Erasing a person (FEATURES N1): the contact, what was said with them, their files, and what every app keeps about them, by whatever name: the host's id
//! or a channel's own. What stays says nothing of them: that something happened and when, who did it, and that they were erased.

use std::collections::BTreeSet;

use super::contacts::{Identity, pattern};
use super::conversations::Conversation;
use super::counters::{Moves, Place};
use super::files::named_in;
use super::rows::OverRows;
use super::storage::Owner;
use super::{Scope, Tx, execute, fetch};
use crate::error::{Error, Result};
use crate::id::{ContactId, FileId, VisitorId, WorkspaceId};

macro_rules! theirs {
    () => {
        "(SELECT c.id FROM conversations c WHERE c.workspace_id = $1 AND c.contact_id = $2)"
    };
}

macro_rules! documents {
    () => {
        concat!(
            "WHERE workspace_id = $1 AND (contact_id = $2 OR conversation_id IN ",
            theirs!(),
            " OR id IN (SELECT m.id FROM messages m WHERE m.workspace_id = $1 AND m.author_id = $2))"
        )
    };
}

const CONVERSATIONS: &str =
    "SELECT * FROM conversations WHERE workspace_id = $1 AND contact_id = $2 ORDER BY id";

// Also what they wrote where others did, in a group.
const ATTACHMENTS: &str = concat!(
    "SELECT m.attachments FROM messages m WHERE m.workspace_id = $1 AND (m.author_id = $2 OR m.conversation_id IN ",
    theirs!(),
    ") UNION ALL SELECT v.attachments FROM message_versions v JOIN messages m ON m.workspace_id = v.workspace_id AND m.id = v.message_id
        WHERE v.workspace_id = $1 AND (m.author_id = $2 OR m.conversation_id IN ",
    theirs!(),
    ")"
);

const PORTRAITS: &str = "SELECT p.file_id FROM portraits p
     JOIN identities i ON i.workspace_id = p.workspace_id AND i.channel_id = p.channel_id AND i.external_id = p.external_id
    WHERE i.workspace_id = $1 AND i.contact_id = $2 AND p.file_id IS NOT NULL";

const WORDS: OverRows = OverRows {
    sqlite: concat!(
        "DELETE FROM search_words WHERE rowid IN (SELECT n FROM search_documents ",
        documents!(),
        ")"
    ),
    postgres: concat!(
        "DELETE FROM search_words WHERE n IN (SELECT n FROM search_documents ",
        documents!(),
        ")"
    ),
};

// What refers to others before these.
const ERASE: [&str; 14] = [
    concat!("DELETE FROM search_documents ", documents!()),
    concat!(
        "DELETE FROM sends WHERE workspace_id = $1 AND conversation_id IN ",
        theirs!()
    ),
    "DELETE FROM visitor_events WHERE workspace_id = $1 AND (channel_id, visitor) IN
        (SELECT i.channel_id, i.external_id FROM identities i WHERE i.workspace_id = $1 AND i.contact_id = $2)",
    concat!(
        "DELETE FROM messages WHERE workspace_id = $1 AND conversation_id IN ",
        theirs!()
    ),
    "DELETE FROM message_versions WHERE workspace_id = $1 AND message_id IN
        (SELECT m.id FROM messages m WHERE m.workspace_id = $1 AND m.author_id = $2)",
    "DELETE FROM fetches WHERE workspace_id = $1 AND message_id IN
        (SELECT m.id FROM messages m WHERE m.workspace_id = $1 AND m.author_id = $2)",
    "UPDATE conversations SET preview = NULL WHERE workspace_id = $1 AND id IN
        (SELECT m.conversation_id FROM messages m WHERE m.workspace_id = $1 AND m.author_id = $2)",
    "UPDATE messages SET text = '', attachments = '[]', extra = '{}', author_id = NULL, revoked_at = COALESCE(revoked_at, created_at)
      WHERE workspace_id = $1 AND author_id = $2",
    concat!(
        "UPDATE events SET data = '{}' WHERE workspace_id = $1 AND conversation_id IN ",
        theirs!()
    ),
    "DELETE FROM conversations WHERE workspace_id = $1 AND contact_id = $2",
    "DELETE FROM portraits WHERE workspace_id = $1 AND (channel_id, external_id) IN
        (SELECT i.channel_id, i.external_id FROM identities i WHERE i.workspace_id = $1 AND i.contact_id = $2)",
    "DELETE FROM contact_addresses WHERE workspace_id = $1 AND contact_id = $2",
    "DELETE FROM identities WHERE workspace_id = $1 AND contact_id = $2",
    "DELETE FROM contacts WHERE workspace_id = $1 AND id = $2",
];

impl Tx {
    /// Erases a contact for good. Bytes of their files go with the next purge.
    ///
    /// # Errors
    /// Not found; state while somebody still serves them: their conversations are to be concluded first.
    pub async fn erase_contact(&mut self, scope: Scope<'_>, contact: ContactId) -> Result<()> {
        let workspace = scope.workspace;
        self.hold_index(workspace).await?;
        if self.contact(workspace, contact).await?.is_none() {
            return Err(Error::NotFound("contact"));
        }
        let theirs: Vec<Conversation> = fetch!(
            fetch_all,
            self,
            Conversation,
            CONVERSATIONS,
            workspace,
            contact
        )?;
        if theirs.iter().any(|it| it.status != "concluded") {
            return Err(Error::State("a conversation is open".into()));
        }
        let mut moves = Moves::default();
        for it in &theirs {
            moves.leave(Place::of(it));
        }
        let files = self.files_of(workspace, contact).await?;
        let identities = self.identities_of(workspace, contact).await?;
        self.erase_from_apps(workspace, contact, &identities)
            .await?;
        let words = WORDS.on(self);
        execute!(self, words, workspace, contact)?;
        for statement in ERASE {
            execute!(self, statement, workspace, contact)?;
        }
        for it in &identities {
            self.forget_names(it).await?;
        }
        // A browser that they wrote from is somebody new; from when on is all that is kept of that.
        for it in &theirs {
            if let Ok(visitor) = it.thread.parse::<VisitorId>() {
                let of = (workspace, it.channel_id);
                self.visitor_tokens_end(of, visitor, scope.now + 1).await?;
            }
        }
        self.count_moves(&moves).await?;
        for file in files {
            self.erase_file(scope, file).await?;
        }
        Ok(())
    }

    /// The files of what they wrote, and of what was written to them.
    async fn files_of(
        &mut self,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Result<BTreeSet<FileId>> {
        let lists: Vec<(String,)> = fetch!(fetch_all, self, _, ATTACHMENTS, workspace, contact)?;
        let mut files = BTreeSet::new();
        for (list,) in lists {
            files.extend(named_in(&list));
        }
        let pictures: Vec<(FileId,)> = fetch!(fetch_all, self, _, PORTRAITS, workspace, contact)?;
        files.extend(pictures.into_iter().map(|(id,)| id));
        Ok(files)
    }

    /// What was sent to them may have been sent to others too.
    async fn erase_file(&mut self, scope: Scope<'_>, file: FileId) -> Result<()> {
        const NAMED: &str = "SELECT m.id FROM messages m WHERE m.workspace_id = $1 AND m.attachments LIKE $2 LIMIT 1";
        let workspace = scope.workspace;
        let from_channel = self.file(workspace, file).await?;
        if from_channel.is_some_and(|it| it.channel_id.is_none()) {
            let name = format!("%media:{file}%");
            let named: Option<(String,)> =
                fetch!(fetch_optional, self, _, NAMED, workspace, name.as_str())?;
            if named.is_some() {
                return Ok(());
            }
        }
        self.delete_file(workspace, file, scope.now).await
    }

    /// What waits for a message of theirs, and the names of what came from them, where these name the person.
    async fn forget_names(&mut self, it: &Identity) -> Result<()> {
        const PENDING: &str =
            "DELETE FROM pending_states WHERE workspace_id = $1 AND channel_id = $2
             AND (LOWER(external_id) LIKE $3 ESCAPE '!' OR LOWER(state) LIKE $3 ESCAPE '!')";
        const KEYS: &str = "DELETE FROM inbound_events WHERE workspace_id = $1 AND channel_id = $2 AND LOWER(event_key) LIKE $3 ESCAPE '!'";
        let named = pattern(&it.external_id);
        for statement in [PENDING, KEYS] {
            execute!(
                self,
                statement,
                it.workspace_id,
                it.channel_id,
                named.as_str()
            )?;
        }
        Ok(())
    }

    /// What apps keep about them: by the host's id, and by what each channel calls them (`storage.set`'s `about`).
    async fn erase_from_apps(
        &mut self,
        workspace: WorkspaceId,
        contact: ContactId,
        identities: &[Identity],
    ) -> Result<()> {
        const OWNERS: &str = "SELECT plugin_id FROM storage WHERE workspace_id = $1 AND about = $2
             UNION SELECT plugin_id FROM collection_rows WHERE workspace_id = $1 AND about = $2";
        const STORAGE: &str = "DELETE FROM storage WHERE workspace_id = $1 AND about = $2";
        const ROWS: &str = "DELETE FROM collection_rows WHERE workspace_id = $1 AND about = $2";
        let names = identities
            .iter()
            .map(|it| format!("{}/{}", it.channel_id, it.external_id));
        let mut owners = BTreeSet::new();
        for name in names.chain([contact.to_string()]) {
            let found: Vec<(String,)> =
                fetch!(fetch_all, self, _, OWNERS, workspace, name.as_str())?;
            owners.extend(found.into_iter().map(|(plugin,)| plugin));
            execute!(self, STORAGE, workspace, name.as_str())?;
            execute!(self, ROWS, workspace, name.as_str())?;
        }
        for plugin in &owners {
            let of = Owner { workspace, plugin };
            self.recount_keeps(of).await?;
        }
        Ok(())
    }
}
