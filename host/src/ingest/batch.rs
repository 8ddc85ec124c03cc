//! One commit: drops what came before, reads what the rest needs in a few statements, has it decided, writes it in a few statements.

use std::collections::{BTreeSet, HashSet};

use balcao_runtime::effect::Inbox;

use super::about::own_id;
use super::plan::{Plan, TrackedConversation};
use super::{Committed, Parts, Submission, item};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::hours::Owner;
use crate::id::{ChannelId, FileId, UserId, WorkspaceId};
use crate::store::contacts::Identity;
use crate::store::conversations::Conversation;
use crate::store::edits::Part;
use crate::store::events::{Actor, NewEvent};
use crate::store::fetches;
use crate::store::files::named_in;
use crate::store::ingest::{InChannel, Pending};
use crate::store::messages::Message;
use crate::store::portraits::Said;
use crate::store::{Tx, Unsynced};

/// How often a batch is tried again after another writer came between.
const RETRIES: usize = 3;

/// An item within bounds, and where it came from.
struct Work {
    submission: usize,
    position: usize,
    item: Inbox,
}

/// Commits all submissions or none; an item that cannot be taken in is told in its outcome. Nobody may be told before it is durable.
pub(super) async fn commit(
    parts: &Parts,
    submissions: &[Submission],
) -> Result<(Vec<Result<Committed>>, Unsynced)> {
    let mut tries = 0;
    loop {
        match attempt(parts, submissions).await {
            Err(error) if tries < RETRIES && error.is_contention() => tries += 1,
            outcome => return outcome,
        }
    }
}

async fn attempt(
    parts: &Parts,
    submissions: &[Submission],
) -> Result<(Vec<Result<Committed>>, Unsynced)> {
    let now = parts.clock.now();
    let mut outcomes: Vec<Result<Committed>> = submissions
        .iter()
        .map(|_| Ok(Committed::default()))
        .collect();
    let mut tx = parts.store.begin_ingest().await?;
    let workspaces: BTreeSet<WorkspaceId> = submissions.iter().map(|it| it.workspace).collect();
    tx.lock(&workspaces.into_iter().collect::<Vec<_>>()).await?;
    let mut plan = Plan::new(&parts.ids, parts.subscriptions.as_ref(), now);
    plan.know_channels(tx.ingest_channels(&channel_keys(submissions)).await?);
    for (submission, outcome) in submissions.iter().zip(&mut outcomes) {
        let known = plan.channels.get(&submission.channel);
        if known.is_none_or(|channel| channel.row.workspace_id != submission.workspace) {
            *outcome = Err(Error::NotFound("channel"));
        }
    }
    let work = bound(submissions, &mut outcomes);
    let work = drop_repeated(&mut tx, submissions, work, &mut outcomes).await?;
    read(&mut tx, &mut plan, submissions, &work).await?;
    for it in &work {
        let taken = plan.take(&submissions[it.submission], &it.item);
        let Ok(outcome) = &mut outcomes[it.submission] else {
            continue;
        };
        match taken {
            Ok(message) => {
                outcome.new += 1;
                outcome.messages.extend(message);
            }
            Err(reason) => outcome.rejected.push((it.position, reason)),
        }
    }
    write(&mut tx, plan, parts).await?;
    let unsynced = tx.commit_unsynced().await?;
    signal(parts, submissions, &work);
    Ok((outcomes, unsynced))
}

fn channel_keys(submissions: &[Submission]) -> Vec<InChannel> {
    let keys: BTreeSet<(WorkspaceId, ChannelId)> = submissions
        .iter()
        .map(|it| (it.workspace, it.channel))
        .collect();
    keys.into_iter()
        .map(|(workspace, channel)| InChannel {
            workspace,
            channel,
            name: String::new(),
        })
        .collect()
}

/// Items within bounds, of submissions that are not refused as a whole.
fn bound(submissions: &[Submission], outcomes: &mut [Result<Committed>]) -> Vec<Work> {
    let mut work = Vec::new();
    for (index, submission) in submissions.iter().enumerate() {
        let Ok(outcome) = &mut outcomes[index] else {
            continue;
        };
        for (position, raw) in submission.items.iter().enumerate() {
            match item::bounded(raw) {
                Ok(item) => work.push(Work {
                    submission: index,
                    position,
                    item,
                }),
                Err(reason) => outcome.rejected.push((position, reason)),
            }
        }
    }
    work
}

/// What neither this batch nor the store has seen before.
async fn drop_repeated(
    tx: &mut Tx,
    submissions: &[Submission],
    work: Vec<Work>,
    outcomes: &mut [Result<Committed>],
) -> Result<Vec<Work>> {
    let mut seen: HashSet<InChannel> = HashSet::new();
    let mut keys: Vec<(InChannel, Instant)> = Vec::with_capacity(work.len());
    let mut repeated = |at: usize| {
        if let Ok(outcome) = &mut outcomes[at] {
            outcome.repeated += 1;
        }
    };
    let mut first = Vec::with_capacity(work.len());
    for it in work {
        let submission = &submissions[it.submission];
        if let Some(key) = it.item.event_key() {
            let key = in_channel(submission, key);
            if !seen.insert(key.clone()) {
                repeated(it.submission);
                continue;
            }
            keys.push((key, submission.at));
        }
        first.push(it);
    }
    // In key order, as every writer does.
    keys.sort_unstable();
    let fresh: HashSet<InChannel> = tx.keep_event_keys(&keys).await?.into_iter().collect();
    first.retain(|it| {
        let key = it
            .item
            .event_key()
            .map(|key| in_channel(&submissions[it.submission], key));
        let new = key.is_none_or(|key| fresh.contains(&key));
        if !new {
            repeated(it.submission);
        }
        new
    });
    Ok(first)
}

fn in_channel(submission: &Submission, name: &str) -> InChannel {
    InChannel {
        workspace: submission.workspace,
        channel: submission.channel,
        name: name.to_owned(),
    }
}

/// The keys of everything that the items may touch.
#[derive(Default)]
struct Keys {
    identities: BTreeSet<InChannel>,
    addresses: BTreeSet<(WorkspaceId, String, String)>,
    threads: BTreeSet<InChannel>,
    messages: BTreeSet<InChannel>,
    /// Of messages that should be here already: what is not found may be a part of one.
    told: BTreeSet<InChannel>,
    own_messages: BTreeSet<InChannel>,
    awaited: BTreeSet<InChannel>,
}

impl Keys {
    fn of(submissions: &[Submission], work: &[Work]) -> Self {
        let mut keys = Self::default();
        for it in work {
            keys.add(&submissions[it.submission], &it.item);
        }
        keys
    }

    fn add(&mut self, from: &Submission, item: &Inbox) {
        let key = |name: &str| in_channel(from, name);
        match item {
            Inbox::Message { message, .. } => {
                self.identities.insert(key(&message.sender.external_id));
                if message.outgoing {
                    self.identities.insert(key(&message.thread));
                    self.awaited
                        .insert(key(&Pending::reads_of(&message.thread)));
                }
                self.aliases(from, &message.sender.aliases);
                self.threads.insert(key(&message.thread));
                self.messages.insert(key(&message.external_id));
                self.awaited.insert(key(&message.external_id));
                for name in [&message.sender.external_id, &message.thread] {
                    self.awaited.insert(key(&Pending::of_whom(name)));
                }
                if message.outgoing {
                    self.told.insert(key(&message.external_id));
                }
                self.messages.extend(message.reply_to.as_deref().map(key));
                self.told.extend(message.reply_to.as_deref().map(key));
            }
            Inbox::Delivery {
                external_id, extra, ..
            } => {
                self.messages.insert(key(external_id));
                self.told.insert(key(external_id));
                self.own_messages
                    .extend(own_id(extra).map(|id| key(&id.to_string())));
            }
            Inbox::Reaction { message, .. }
            | Inbox::Edit { message, .. }
            | Inbox::Revoke { message, .. } => {
                self.messages.insert(key(message));
                self.told.insert(key(message));
            }
            Inbox::Read { thread, .. } => {
                self.threads.insert(key(thread));
                self.awaited.insert(key(&Pending::reads_of(thread)));
            }
            Inbox::Note {
                thread: Some(thread),
                ..
            } => {
                self.threads.insert(key(thread));
            }
            Inbox::Identity {
                old_external_id,
                now,
                ..
            } => {
                for name in [old_external_id, &now.external_id] {
                    self.identities.insert(key(name));
                    self.threads.insert(key(name));
                }
                self.aliases(from, &now.aliases);
                // The old id may be an alias of somebody who is known by another.
                let old = |(kind, _): &(String, String)| {
                    (from.workspace, kind.clone(), old_external_id.clone())
                };
                self.addresses.extend(now.aliases.iter().map(old));
                self.awaited
                    .insert(key(&Pending::of_whom(&now.external_id)));
            }
            Inbox::Note { thread: None, .. } | Inbox::Typing { .. } | Inbox::Health { .. } => {}
        }
    }

    /// Whoever a person or thread has become is touched in their place.
    fn moved(&mut self, pending: &[Pending]) {
        for it in pending {
            if let Some(now) = it.moved() {
                let key = InChannel {
                    workspace: it.workspace_id,
                    channel: it.channel_id,
                    name: now.external_id,
                };
                self.identities.insert(key.clone());
                self.threads.insert(key);
            }
        }
    }

    fn aliases(&mut self, from: &Submission, aliases: &[(String, String)]) {
        let rows = aliases
            .iter()
            .map(|(kind, value)| (from.workspace, kind.clone(), value.clone()));
        self.addresses.extend(rows);
    }
}

fn listed<T: Clone>(set: &BTreeSet<T>) -> Vec<T> {
    set.iter().cloned().collect()
}

async fn read(
    tx: &mut Tx,
    plan: &mut Plan<'_>,
    submissions: &[Submission],
    work: &[Work],
) -> Result<()> {
    let mut keys = Keys::of(submissions, work);
    let pending = tx.pending_states(&listed(&keys.awaited)).await?;
    keys.moved(&pending);
    plan.know_pending(pending);
    plan.know_identities(tx.known_identities(&listed(&keys.identities)).await?);
    plan.know_addresses(tx.known_addresses(&listed(&keys.addresses)).await?);
    let unnamed: BTreeSet<_> = plan
        .addresses
        .iter()
        .filter(|(_, contact)| !plan.names.contains_key(contact))
        .map(|((workspace, _, _), contact)| (*workspace, *contact))
        .collect();
    plan.know_contacts(tx.contacts_by_id(&listed(&unnamed)).await?);
    plan.know_conversations(tx.open_conversations(&listed(&keys.threads)).await?);
    let closed: Vec<InChannel> = keys
        .threads
        .iter()
        .filter(|key| !plan.open.contains_key(&(key.channel, key.name.clone())))
        .cloned()
        .collect();
    plan.know_conversations(tx.past_conversations(&closed).await?);
    read_active(tx, plan).await?;
    for it in tx.hours_of_teams(&plan.teams_in_sight()).await? {
        if let Some(hours) = &it.hours {
            plan.know_hours(Owner::Team(it.id), hours);
        }
        plan.teams.insert(it.id, it.name);
    }
    let mut messages = tx.messages_by_external_id(&listed(&keys.messages)).await?;
    let found: BTreeSet<InChannel> = messages.iter().filter_map(Message::key).collect();
    let missing: Vec<InChannel> = keys.told.difference(&found).cloned().collect();
    let parts = tx.parts(&missing).await?;
    let mut own = keys.own_messages;
    own.extend(parts.iter().map(Part::whole));
    messages.extend(tx.messages_by_own_id(&listed(&own)).await?);
    let theirs: BTreeSet<_> = messages
        .iter()
        .filter(|it| !plan.by_id.contains_key(&it.conversation_id))
        .map(|it| (it.workspace_id, it.conversation_id))
        .collect();
    plan.know_messages(messages);
    plan.know_parts(parts);
    let conversations = tx.conversations_by_id(&listed(&theirs)).await?;
    plan.know_elsewhere(conversations);
    Ok(())
}

/// Who of those who concluded a conversation still works here.
async fn read_active(tx: &mut Tx, plan: &mut Plan<'_>) -> Result<()> {
    let concluders: BTreeSet<(WorkspaceId, UserId)> = plan
        .past
        .values()
        .map(|at| &plan.conversations[*at].row)
        .filter_map(|row| Some((row.workspace_id, row.concluded_by?)))
        .collect();
    plan.active
        .extend(tx.still_active(&listed(&concluders)).await?);
    Ok(())
}

async fn write(tx: &mut Tx, mut plan: Plan<'_>, parts: &Parts) -> Result<()> {
    tx.insert_contacts(&plan.new_contacts).await?;
    tx.rename_contacts(&plan.renamed).await?;
    let identities: Vec<&Identity> = plan
        .identities
        .values()
        .filter(|it| it.dirty)
        .map(|it| &it.row)
        .collect();
    tx.put_identities(&identities).await?;
    let said: Vec<Said> = std::mem::take(&mut plan.portraits).into_values().collect();
    tx.say_portraits(&said).await?;
    tx.keep_addresses(&listed(&plan.new_addresses)).await?;
    let reopened: Vec<_> = plan
        .conversations
        .iter()
        .filter(|it| it.rerouted && it.stored.is_some())
        .collect();
    tx.reopen_conversations(&rows_of(&reopened)).await?;
    let (known, new): (Vec<_>, Vec<_>) = plan
        .conversations
        .iter()
        .filter(|it| it.dirty)
        .partition(|it| it.stored.is_some());
    tx.insert_conversations(&rows_of(&new)).await?;
    tx.touch_conversations(&rows_of(&known)).await?;
    tx.count_moves(&plan.moves()).await?;
    let (fresh, known): (Vec<_>, Vec<_>) = std::mem::take(&mut plan.messages)
        .into_iter()
        .filter(|it| it.dirty)
        .partition(|it| it.fresh);
    let fresh: Vec<Message> = fresh.into_iter().map(|it| it.row).collect();
    tx.insert_messages(&fresh).await?;
    tx.insert_sends(&plan.sends).await?;
    tx.files_are_sent(&uploads_of(&fresh)).await?;
    tx.update_messages(&known.iter().map(|it| &it.row).collect::<Vec<_>>())
        .await?;
    tx.keep_versions(&plan.versions).await?;
    let recast: Vec<&Message> = known
        .iter()
        .filter(|it| it.recast)
        .map(|it| &it.row)
        .collect();
    tx.forget_fetches(&recast).await?;
    let wanted = recast.into_iter().chain(&fresh);
    let wanted: Vec<_> = wanted
        .flat_map(|message| fetches::wanted(message, &parts.ids, plan.now))
        .collect();
    tx.insert_fetches(&wanted).await?;
    tx.drop_pending(&plan.spent_pending).await?;
    tx.keep_pending(&plan.new_pending).await?;
    let settled: Vec<InChannel> = plan.settled_keys();
    tx.forget_sends(&settled).await?;
    tx.insert_logs(&plan.logs).await?;
    let health: Vec<_> = plan
        .channels
        .values()
        .filter(|it| it.dirty)
        .map(|it| &it.row)
        .collect();
    tx.put_health(&health).await?;
    for (workspace, message, conversation) in tx.read_until(&plan.reads).await? {
        let team = plan
            .by_id
            .get(&conversation)
            .and_then(|at| plan.conversations[*at].row.team_id);
        let event = NewEvent::new("message.changed")
            .in_conversation(conversation, team)
            .by(&Actor::system());
        plan.events.push((
            workspace,
            event
                .subject("message", message)
                .data(serde_json::json!({"what": "state"})),
        ));
    }
    tx.append_all(
        plan.now,
        &parts.ids,
        parts.subscriptions.as_ref(),
        plan.events,
    )
    .await?;
    Ok(())
}

/// Files of the host in messages that came in: a visitor's.
fn uploads_of(messages: &[Message]) -> Vec<(WorkspaceId, FileId)> {
    let files = |it: &Message| {
        let workspace = it.workspace_id;
        named_in(&it.attachments)
            .into_iter()
            .map(move |id| (workspace, id))
    };
    messages.iter().flat_map(files).collect()
}

fn rows_of<'a>(of: &[&'a TrackedConversation]) -> Vec<&'a Conversation> {
    of.iter().map(|it| &it.row).collect()
}

/// Tells what is not kept.
fn signal(parts: &Parts, submissions: &[Submission], work: &[Work]) {
    for it in work {
        if let Inbox::Typing { thread } = &it.item {
            let from = &submissions[it.submission];
            parts.signals.typing(from.workspace, from.channel, thread);
        }
    }
}
