//! Full-text search: the words of messages and contacts, by which conversations are found. The one place where the two databases search differently
//! (FTS5, `tsvector`); what a word is, is the same for both and decided here. Each document carries its workspace's term. Documents follow the event log
//! by a durable cursor, a moment later, and can be made anew from what is stored. Who may see what is found is asked where folders are read.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::FromRow;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::rows::{self, OverRows, over_rows};
use super::{Driver, Tx, execute, fetch};
use crate::error::Result;
use crate::id::{ContactId, ConversationId, WorkspaceId};

/// Letters of a word; the rest of a longer one is not looked at.
const LONGEST: usize = 64;
/// Words of a document; the rest of a longer one is not found.
const MOST: usize = 4_000;
/// Words that are asked for at once.
const ASKED: usize = 12;

/// The subquery of folders: which conversations have the words of `$10`, in them or in their contact. `$1` is the workspace.
macro_rules! found {
    (sqlite) => {
        "(c.id IN (SELECT d.conversation_id FROM search_words w CROSS JOIN search_documents d ON d.n = w.rowid
                    WHERE w.words MATCH $10 AND d.workspace_id = $1 AND d.conversation_id IS NOT NULL)
          OR c.contact_id IN (SELECT d.contact_id FROM search_words w CROSS JOIN search_documents d ON d.n = w.rowid
                    WHERE w.words MATCH $10 AND d.workspace_id = $1 AND d.contact_id IS NOT NULL))"
    };
    (postgres) => {
        "(c.id IN (SELECT d.conversation_id FROM search_words w JOIN search_documents d ON d.n = w.n
                    WHERE w.words @@ CAST(CAST($10 AS TEXT) AS TSQUERY) AND d.workspace_id = $1 AND d.conversation_id IS NOT NULL)
          OR c.contact_id IN (SELECT d.contact_id FROM search_words w JOIN search_documents d ON d.n = w.n
                    WHERE w.words @@ CAST(CAST($10 AS TEXT) AS TSQUERY) AND d.workspace_id = $1 AND d.contact_id IS NOT NULL))"
    };
}

pub(super) use found;

/// What somebody looks for, as it is bound: nothing, words, or part of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// No question: all.
    All,
    /// A question in which there is nothing to look for.
    Nothing,
    Words {
        /// In the database's own language.
        query: String,
        /// For `LIKE`, where the question may be part of a phone number; else empty.
        address: String,
    },
}

/// A document as it is written.
#[derive(Serialize)]
struct Document {
    w: WorkspaceId,
    id: String,
    cnv: Option<ConversationId>,
    ctc: Option<ContactId>,
    #[serde(skip)]
    words: String,
}

#[derive(Serialize)]
struct Words<'a> {
    n: i64,
    words: &'a str,
}

#[derive(FromRow, serde::Deserialize)]
struct Said {
    id: String,
    conversation_id: ConversationId,
    text: String,
    revoked: bool,
}

#[derive(FromRow, serde::Deserialize)]
struct Known {
    id: ContactId,
    name: String,
    address: Option<String>,
}

#[derive(Serialize)]
struct Key<'a> {
    w: WorkspaceId,
    id: &'a str,
}

const MESSAGES: OverRows = over_rows!(
    "SELECT m.id, m.conversation_id, m.text, m.revoked_at IS NOT NULL AS revoked FROM",
    "CROSS JOIN messages m WHERE m.workspace_id = r.value ->> 'w' AND m.id = r.value ->> 'id'"
);
const CONTACTS: OverRows = over_rows!(
    "SELECT t.id, t.name, a.value AS address FROM",
    "CROSS JOIN contacts t LEFT JOIN contact_addresses a ON a.workspace_id = t.workspace_id AND a.contact_id = t.id
      WHERE t.workspace_id = r.value ->> 'w' AND t.id = r.value ->> 'id'"
);
const PUT_DOCUMENTS: OverRows = over_rows!(
    "INSERT INTO search_documents (workspace_id, id, conversation_id, contact_id)
     SELECT r.value ->> 'w', r.value ->> 'id', r.value ->> 'cnv', r.value ->> 'ctc' FROM",
    "WHERE true ON CONFLICT (workspace_id, id) DO UPDATE SET conversation_id = excluded.conversation_id RETURNING n, id"
);
const PUT_WORDS: OverRows = OverRows {
    sqlite: "INSERT OR REPLACE INTO search_words (rowid, words)
             SELECT CAST(r.value ->> 'n' AS INTEGER), r.value ->> 'words' FROM jsonb_each($1) r",
    postgres: "INSERT INTO search_words (n, words)
             SELECT CAST(r.value ->> 'n' AS BIGINT), array_to_tsvector(string_to_array(r.value ->> 'words', ' '))
               FROM jsonb_array_elements(CAST($1 AS JSONB)) r (value) ON CONFLICT (n) DO UPDATE SET words = excluded.words",
};
const FORGET_WORDS: OverRows = OverRows {
    sqlite: "DELETE FROM search_words WHERE rowid IN (SELECT n FROM search_documents WHERE workspace_id = $1)",
    postgres: "DELETE FROM search_words WHERE n IN (SELECT n FROM search_documents WHERE workspace_id = $1)",
};

impl Asked {
    pub fn of(q: &str, workspace: WorkspaceId, tx: &Tx) -> Self {
        if q.trim().is_empty() {
            return Self::All;
        }
        let asked: Vec<String> = words(q).take(ASKED).collect();
        let Some((last, whole)) = asked.split_last() else {
            return Self::Nothing;
        };
        // The workspace's term and the words before the last are whole; the last may be unfinished.
        let term = term_of(workspace);
        let whole = std::iter::once(&term).chain(whole);
        let query = match tx.driver {
            Driver::Sqlite(_) | Driver::Direct(_) => {
                let whole: String = whole.map(|it| format!("\"{it}\" ")).collect();
                format!("{whole}\"{last}\"*")
            }
            Driver::Postgres(_) => {
                let whole: String = whole.map(|it| format!("'{it}' & ")).collect();
                format!("{whole}'{last}':*")
            }
        };
        Self::Words {
            query,
            address: phone(q).map(|it| format!("%{it}%")).unwrap_or_default(),
        }
    }
}

/// The digits of what may be part of a phone number.
fn phone(q: &str) -> Option<String> {
    let punctuation = |letter: char| " +-().".contains(letter);
    if !q.chars().all(|it| it.is_ascii_digit() || punctuation(it)) {
        return None;
    }
    let digits: String = q.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 3).then_some(digits)
}

/// The words of a text: letters and digits only, in lower case, without accents.
fn words(text: &str) -> impl Iterator<Item = String> {
    let folded: String = text
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase)
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                ' '
            }
        })
        .collect();
    let words: Vec<String> = folded
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(LONGEST).collect())
        .collect();
    words.into_iter()
}

/// The word that only documents of this workspace have.
fn term_of(workspace: WorkspaceId) -> String {
    workspace.to_string().replace('_', "")
}

fn document(workspace: WorkspaceId, text: &str) -> String {
    let term = std::iter::once(term_of(workspace));
    term.chain(words(text).take(MOST))
        .collect::<Vec<_>>()
        .join(" ")
}

impl Tx {
    /// Workspaces whose events are not all in the index yet.
    pub async fn workspaces_to_index(&mut self) -> Result<Vec<WorkspaceId>> {
        const SQL: &str = "SELECT s.workspace_id FROM workspace_seq s LEFT JOIN search_cursors c ON c.workspace_id = s.workspace_id
             WHERE s.seq > COALESCE(c.seq, 0)";
        let found: Vec<(WorkspaceId,)> = fetch!(fetch_all, self, _, SQL)?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }

    /// Takes in what the next `limit` events are about, and moves the cursor; says whether there is more.
    pub async fn index_events(&mut self, workspace: WorkspaceId, limit: i64) -> Result<bool> {
        let from = self.hold_index(workspace).await?;
        // Before they are read: what is written since is not among them.
        let (head, _) = self.event_bounds(workspace).await?;
        let events = self.events_after(workspace, from, limit).await?;
        let Some(last) = events.last().map(|event| event.seq) else {
            // What is gone from the log was taken in before, or is made anew by hand.
            self.move_cursor(workspace, head).await?;
            return Ok(false);
        };
        let mut messages = Vec::new();
        let mut contacts = Vec::new();
        for event in &events {
            match (event.subject_kind.as_deref(), &event.subject_id) {
                (Some("message"), Some(id)) => messages.push(id.clone()),
                (Some("contact"), Some(id)) => contacts.push(id.clone()),
                _ => {}
            }
        }
        self.index_messages(workspace, messages).await?;
        self.index_contacts(workspace, contacts).await?;
        self.move_cursor(workspace, last).await?;
        Ok(i64::try_from(events.len()).unwrap_or(i64::MAX) >= limit)
    }

    /// Empties the index of a workspace and sets its cursor to the log's end: what is stored is to be taken in again by `index_stored`.
    pub async fn clear_index(&mut self, workspace: WorkspaceId) -> Result<()> {
        const DOCUMENTS: &str = "DELETE FROM search_documents WHERE workspace_id = $1";
        self.hold_index(workspace).await?;
        let sql = FORGET_WORDS.on(self);
        execute!(self, sql, workspace)?;
        execute!(self, DOCUMENTS, workspace)?;
        let (head, _) = self.event_bounds(workspace).await?;
        self.move_cursor(workspace, head).await
    }

    /// Takes in stored messages and contacts with ids greater than `after`, `limit` of each; gives where to go on.
    pub async fn index_stored(
        &mut self,
        workspace: WorkspaceId,
        after: &(String, String),
        limit: i64,
    ) -> Result<Option<(String, String)>> {
        const MESSAGES: &str =
            "SELECT id FROM messages WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
        const CONTACTS: &str =
            "SELECT id FROM contacts WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
        self.hold_index(workspace).await?;
        let ids = |rows: Vec<(String,)>| rows.into_iter().map(|(id,)| id).collect::<Vec<_>>();
        let messages = ids(fetch!(
            fetch_all, self, _, MESSAGES, workspace, &after.0, limit
        )?);
        let contacts = ids(fetch!(
            fetch_all, self, _, CONTACTS, workspace, &after.1, limit
        )?);
        if messages.is_empty() && contacts.is_empty() {
            return Ok(None);
        }
        let end = |ids: &[String], before: &str| ids.last().map_or(before, |id| id).to_owned();
        let next = (end(&messages, &after.0), end(&contacts, &after.1));
        self.index_messages(workspace, messages).await?;
        self.index_contacts(workspace, contacts).await?;
        Ok(Some(next))
    }

    /// The cursor. Until this commit nobody else writes to the workspace's index: who takes in has read texts before, and must not put them there after
    /// they were erased.
    pub(super) async fn hold_index(&mut self, workspace: WorkspaceId) -> Result<i64> {
        const SQL: &str = "INSERT INTO search_cursors (workspace_id, seq) VALUES ($1, 0)
             ON CONFLICT (workspace_id) DO UPDATE SET seq = search_cursors.seq RETURNING seq";
        let (seq,): (i64,) = fetch!(fetch_one, self, _, SQL, workspace)?;
        Ok(seq)
    }

    async fn move_cursor(&mut self, workspace: WorkspaceId, to: i64) -> Result<()> {
        const SQL: &str = "UPDATE search_cursors SET seq = $2 WHERE workspace_id = $1";
        execute!(self, SQL, workspace, to)?;
        Ok(())
    }

    async fn index_messages(&mut self, workspace: WorkspaceId, mut ids: Vec<String>) -> Result<()> {
        ids.sort();
        ids.dedup();
        let sql = MESSAGES.on(self);
        let found: Vec<Said> = fetch!(fetch_all, self, Said, sql, keys(workspace, &ids)?)?;
        let documents = found.into_iter().map(|it| Document {
            w: workspace,
            id: it.id,
            cnv: Some(it.conversation_id),
            ctc: None,
            words: document(workspace, if it.revoked { "" } else { &it.text }),
        });
        self.put_documents(documents.collect()).await
    }

    async fn index_contacts(&mut self, workspace: WorkspaceId, mut ids: Vec<String>) -> Result<()> {
        ids.sort();
        ids.dedup();
        let sql = CONTACTS.on(self);
        let found: Vec<Known> = fetch!(fetch_all, self, Known, sql, keys(workspace, &ids)?)?;
        let mut texts: BTreeMap<ContactId, String> = BTreeMap::new();
        for it in found {
            let text = texts.entry(it.id).or_insert(it.name);
            text.push(' ');
            text.push_str(it.address.as_deref().unwrap_or_default());
        }
        let documents = texts.into_iter().map(|(id, text)| Document {
            w: workspace,
            id: id.to_string(),
            cnv: None,
            ctc: Some(id),
            words: document(workspace, &text),
        });
        self.put_documents(documents.collect()).await
    }

    async fn put_documents(&mut self, documents: Vec<Document>) -> Result<()> {
        if documents.is_empty() {
            return Ok(());
        }
        let sql = PUT_DOCUMENTS.on(self);
        let places: Vec<(i64, String)> = fetch!(fetch_all, self, _, sql, rows::json(&documents)?)?;
        let places: BTreeMap<String, i64> = places.into_iter().map(|(n, id)| (id, n)).collect();
        let words: Vec<Words<'_>> = documents
            .iter()
            .filter_map(|it| {
                Some(Words {
                    n: *places.get(&it.id)?,
                    words: &it.words,
                })
            })
            .collect();
        let sql = PUT_WORDS.on(self);
        execute!(self, sql, rows::json(&words)?)?;
        Ok(())
    }
}

fn keys(workspace: WorkspaceId, ids: &[String]) -> Result<String> {
    let keys: Vec<Key<'_>> = ids.iter().map(|id| Key { w: workspace, id }).collect();
    rows::json(&keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_nothing_but_letters_and_digits() {
        let of = |text| words(text).collect::<Vec<_>>();
        assert_eq!(
            of("Não, AÇAÍ! 2x R$10 (ótimo)"),
            ["nao", "acai", "2x", "r", "10", "otimo"]
        );
        assert_eq!(of("'\"*:&|\0"), [""; 0]);
        assert_eq!(of(&"é".repeat(100))[0].len(), LONGEST);
    }

    #[test]
    fn only_digits_are_part_of_a_phone_number() {
        assert_eq!(phone("(11) 9-1234").as_deref(), Some("1191234"));
        for other in ["12", "rua 123", "+ ("] {
            assert_eq!(phone(other), None, "{other}");
        }
    }
}
