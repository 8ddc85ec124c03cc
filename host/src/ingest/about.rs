//! What is told about messages: states, reactions, edits, what was read. Applied where the message is here; kept for it where it is not yet.

use balcao_runtime::effect::Inbox;
use balcao_runtime::wit::Instant;
use serde_json::{Value, json};

use super::Submission;
use super::plan::Plan;
use crate::id::MessageId;
use crate::store::edits::Version;
use crate::store::events::{Actor, NewEvent};
use crate::store::ingest::{Pending, ReadUntil};

/// How long what is told waits for its message: 48 h. Providers repeat for up to 36 h what was not taken from them.
const WAIT: i64 = 48 * 3600 * 1_000_000;

impl Plan<'_> {
    /// Applies what is about a message that is here, or keeps it until the message is.
    pub(super) fn about_message(
        &mut self,
        from: &Submission,
        external_id: &str,
        at: Option<usize>,
        item: &Inbox,
    ) {
        if let Some(at) = at {
            self.apply(from, at, item);
            return;
        }
        self.wait(from, external_id.to_owned(), item);
    }

    /// Keeps it under that name for what is told later.
    pub(super) fn wait(&mut self, from: &Submission, name: String, item: &Inbox) {
        let Ok(state) = serde_json::to_string(item) else {
            return;
        };
        let waiting = Pending {
            workspace_id: from.workspace,
            channel_id: from.channel,
            external_id: name.clone(),
            id: self.ids.mint(),
            state,
            expires_at: self.now + WAIT,
        };
        self.pending
            .entry((from.channel, name))
            .or_default()
            .push(waiting.clone());
        self.new_pending.push(waiting);
    }

    /// What was kept is needed no more.
    pub(super) fn spend(&mut self, waiting: Vec<Pending>) {
        for it in waiting {
            let before = self.new_pending.len();
            self.new_pending.retain(|new| new.id != it.id);
            if self.new_pending.len() == before {
                self.spent_pending.push(it);
            }
        }
    }

    /// All that was sent to the thread up to then was read, also what is told of later.
    pub(super) fn read(&mut self, from: &Submission, thread: &str, until: Instant, item: &Inbox) {
        if let Some(at) = self.last_of_thread(from, thread) {
            let conversation = self.conversations[at].row.id;
            self.reads.push(ReadUntil {
                workspace: from.workspace,
                conversation,
                until,
            });
        }
        if self.read_until(from, thread) >= Some(until) {
            return;
        }
        let name = Pending::reads_of(thread);
        if let Some(earlier) = self.pending.remove(&(from.channel, name.clone())) {
            self.spend(earlier);
        }
        self.wait(from, name, item);
    }

    pub(super) fn read_until(&self, from: &Submission, thread: &str) -> Option<Instant> {
        let waiting = self.pending.get(&(from.channel, Pending::reads_of(thread)));
        waiting?.iter().filter_map(Pending::read_until).max()
    }

    /// Applies what came before the message did.
    pub(super) fn apply_waiting(&mut self, from: &Submission, external_id: &str, message: usize) {
        let Some(waiting) = self.pending.remove(&(from.channel, external_id.to_owned())) else {
            return;
        };
        for it in &waiting {
            if let Ok(item) = serde_json::from_str::<Inbox>(&it.state) {
                self.apply(from, message, &item);
            }
        }
        self.spend(waiting);
    }

    /// Shows what was told of the thread before there was a conversation.
    pub(super) fn apply_notes(&mut self, from: &Submission, thread: &str) {
        let name = (from.channel, Pending::of_whom(thread));
        let Some(waiting) = self.pending.remove(&name) else {
            return;
        };
        let (notes, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|it| it.moved().is_none());
        if !rest.is_empty() {
            self.pending.insert(name, rest);
        }
        for it in &notes {
            if let Ok(Inbox::Note {
                code, text, extra, ..
            }) = serde_json::from_str(&it.state)
            {
                // There is a conversation now.
                let _ = self.note(from, Some(thread), &code, &text, &extra);
            }
        }
        self.spend(notes);
    }

    fn apply(&mut self, from: &Submission, at: usize, item: &Inbox) {
        let row = &mut self.messages[at].row;
        let before = row.state.clone();
        let version = match item {
            Inbox::Edit { at, .. } => Some(Version::of(row, *at)),
            _ => None,
        };
        let Some(what) = row.change(item) else { return };
        self.versions.extend(version);
        let (id, conversation) = (row.id, row.conversation_id);
        if what == "state" && matches!(before.as_str(), "queued" | "uncertain" | "failed") {
            self.settled.push((row.channel_id, id.to_string()));
        }
        let kind = match (what, row.state.as_str()) {
            ("state", "sent") => "message.sent",
            ("state", "failed") => "message.failed",
            _ => "message.changed",
        };
        self.messages[at].dirty = true;
        self.messages[at].recast |= matches!(what, "edit" | "revoke");
        let team = self
            .by_id
            .get(&conversation)
            .and_then(|at| self.conversations[*at].row.team_id);
        let event = NewEvent::new(kind)
            .in_conversation(conversation, team)
            .by(&Actor::system())
            .subject("message", id)
            .data(json!({"what": what}));
        self.events.push((from.workspace, event));
    }

    /// By our own id in a status's `extra`: how the outcome of an uncertain send is found out.
    pub(super) fn find_own(&self, from: &Submission, extra: &str) -> Option<usize> {
        self.find(from, &own_id(extra)?.to_string())
    }
}

/// The message that a status names in `extra` by our own id.
pub(super) fn own_id(extra: &str) -> Option<MessageId> {
    if !extra.contains("msg_") {
        return None;
    }
    serde_json::from_str::<Value>(extra)
        .ok()?
        .get("message")?
        .as_str()?
        .parse()
        .ok()
}
