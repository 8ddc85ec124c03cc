//! Calls of which something is kept: run, committed, and run again on fresh data where what they saw has changed meanwhile.

use balcao_runtime::{
    LogLine,
    call::{CallError, Input, Outcome, Output},
    context::FirstRun,
    effect::{Effect, Inbox, Visitors},
    wit::{events, timer_events},
};

use super::{
    AppError, Handled,
    calls::{About, Calls, failed, failure},
    registry::Offered,
};
use crate::{
    clock::Instant,
    error::Error,
    id::WorkspaceId,
    reason::Reason,
    store::{
        claims::{Claim, Work},
        effects::{CallCommit, CallError as CommitError, Cause},
    },
};

/// Runs of one call while it meets conflicts: after them its caller is told so, and an event or timer waits (`dispatch`).
const RUNS: usize = 3;

impl Calls {
    /// Runs an export and commits what it asked for; again, on fresh data, where something that it saw has changed meanwhile.
    pub(super) async fn commit(
        &self,
        about: &About<'_>,
        input: &Input,
    ) -> Result<Output, AppError> {
        let mut first_run = FirstRun::default();
        for _ in 0..RUNS {
            let (offered, outcome) = self.run(about, first_run, input.clone()).await?;
            let output = outcome.result.map_err(failure)?;
            let (inbox, effects) = part(outcome.effects);
            if !effects.is_empty() {
                let cause = match &about.actor {
                    Some(actor) => Cause::Action {
                        person: &actor.person,
                        archive_immediately: actor.archive_immediately,
                    },
                    None => Cause::Host,
                };
                let call = CallCommit {
                    plugin: about.plugin,
                    channel: about.channel.map(|channel| channel.id),
                    cause,
                    reads: &outcome.reads,
                    effects: &effects,
                    indexes: &offered.indexes,
                    quotas: &self.quotas(about),
                };
                match self.write(about.workspace, &call, None).await {
                    Ok(_) => {}
                    Err(CommitError::Conflict(_)) if about.actor.is_none() => {
                        first_run = outcome.run;
                        continue;
                    }
                    // A person's action is never run again by itself (DESIGN §4).
                    Err(CommitError::Conflict(_) | CommitError::LeaseLost) => {
                        return Err(overtaken());
                    }
                    Err(CommitError::Refused { code, message }) => {
                        return Err(failed(code, message, None));
                    }
                    Err(CommitError::Other(error)) => return Err(error.into()),
                }
            }
            // A provider that repeats itself after a fault between the two finds its events taken in only once.
            self.take_in(about, inbox).await?;
            if let Some(instance) = outcome.instance {
                instance.keep();
            }
            return Ok(output);
        }
        Err(overtaken())
    }

    /// Commits what a call wants beside a deed that is never done again by itself (DESIGN §4), such as sending: once.
    pub(super) async fn keep_beside(
        &self,
        about: &About<'_>,
        offered: &Offered,
        outcome: &mut Outcome,
    ) -> Result<(), AppError> {
        let (inbox, effects) = part(std::mem::take(&mut outcome.effects));
        if !effects.is_empty() {
            let call = CallCommit {
                plugin: about.plugin,
                channel: about.channel.map(|channel| channel.id),
                cause: Cause::Host,
                reads: &outcome.reads,
                effects: &effects,
                indexes: &offered.indexes,
                quotas: &self.quotas(about),
            };
            match self.write(about.workspace, &call, None).await {
                Ok(_) => {}
                Err(CommitError::Refused { code, message }) => {
                    return Err(failed(code, message, None));
                }
                Err(CommitError::Other(error)) => return Err(error.into()),
                Err(other) => return Err(failed("conflict", other.to_string(), Some(0))),
            }
        }
        self.take_in(about, inbox).await
    }

    /// Tells in the app's log that something was done of which not all could be kept: for that, nothing is sent twice.
    pub(super) fn note_not_kept(&self, about: &About<'_>, why: &AppError) {
        let line = LogLine {
            level: "error".to_owned(),
            message: format!("done, but what it wanted to keep beside was not kept: {why}"),
        };
        let of = (about.workspace, about.plugin);
        self.books
            .log(of, &about.key, &[line], (&self.ids, self.clock.now()));
    }

    async fn take_in(&self, about: &About<'_>, inbox: Vec<Inbox>) -> Result<(), AppError> {
        let Some(channel) = about.channel.filter(|_| !inbox.is_empty()) else {
            return Ok(());
        };
        let at = self.clock.now();
        let taken = self
            .ingest
            .submit(about.workspace, channel.id, about.plugin, inbox, at)
            .await?;
        for (position, reason) in &taken.rejected {
            tracing::warn!(channel = %channel.id, plugin = about.plugin, position, reason, "an event was not taken in");
        }
        Ok(())
    }

    /// What was pushed can be seen now.
    fn wake_visitors(&self, workspace: WorkspaceId, call: &CallCommit<'_>) {
        let Some(channel) = call.channel else { return };
        for effect in call.effects {
            if let Effect::Visitors(Visitors::Push { visitor, .. }) = effect {
                self.visitor_streams.wake(workspace, channel, visitor);
            }
        }
    }

    /// One event or timer: called, and committed with its acknowledgement; again on fresh data after a conflict.
    pub(super) async fn serve(
        &self,
        claim: &Claim,
        keep: Option<Instant>,
    ) -> Result<Handled, AppError> {
        let about = About {
            workspace: claim.lane.workspace,
            plugin: &claim.lane.plugin,
            channel: None,
            actor: None,
            key: key_of(claim),
        };
        let mut first_run = FirstRun::default();
        for _ in 0..RUNS {
            let (offered, outcome) = self.run(&about, first_run, input_of(claim)).await?;
            let effects = match outcome.result {
                Ok(_) => outcome.effects,
                Err(CallError::Failed(said)) => {
                    return Ok(Handled::Failed {
                        message: format!("{}: {}", said.code, said.message),
                        retry: said.retry,
                    });
                }
                Err(error) => return Err(failure(error)),
            };
            let call = CallCommit {
                plugin: about.plugin,
                channel: None,
                cause: Cause::Claimed(claim),
                reads: &outcome.reads,
                effects: &effects,
                indexes: &offered.indexes,
                quotas: &self.quotas(&about),
            };
            match self.write(about.workspace, &call, keep).await {
                Ok(next) => {
                    if let Some(instance) = outcome.instance {
                        instance.keep();
                    }
                    return Ok(Handled::Done { next });
                }
                Err(CommitError::Conflict(_)) => first_run = outcome.run,
                Err(CommitError::LeaseLost) => return Ok(Handled::NotOurs),
                Err(CommitError::Refused { code, message }) => {
                    return Err(failed(code, message, None));
                }
                Err(CommitError::Other(error)) => return Err(error.into()),
            }
        }
        Err(overtaken())
    }

    async fn write(
        &self,
        workspace: WorkspaceId,
        call: &CallCommit<'_>,
        keep: Option<Instant>,
    ) -> Result<Option<Box<Claim>>, CommitError> {
        let mut tx = match call.cause {
            // Taken back by a power failure, the event is still there and is told again.
            Cause::Claimed(_) => self.store.write_repeatable(workspace).await?,
            Cause::Action { .. } | Cause::Host => self.store.write(workspace).await?,
        };
        let scope = self.scope(workspace);
        // Large, and most calls of connectors have no need of it.
        let done = Box::pin(tx.commit_call(scope, call)).await?;
        for left in done.left {
            tracing::warn!(plugin = call.plugin, effect = ?std::mem::discriminant(&left), "this effect is not carried out yet");
        }
        let next = match (&call.cause, keep) {
            (Cause::Claimed(claim), Some(until)) => {
                tx.claim_again(&claim.lane, scope.now, until).await?
            }
            _ => None,
        };
        tx.commit().await?;
        self.wake_visitors(workspace, call);
        Ok(next.map(Box::new))
    }
}

/// The same for every attempt at the same event or timer.
fn key_of(claim: &Claim) -> String {
    match &claim.work {
        Work::Event { event, .. } => event.id.to_string(),
        Work::Timer(timer) => timer.id.to_string(),
    }
}

fn input_of(claim: &Claim) -> Input {
    match &claim.work {
        Work::Event { event, .. } => Input::Handle(events::Event {
            id: event.id.to_string(),
            kind: event.kind.clone(),
            at: event.at,
            conversation: event.conversation.map(|id| id.to_string()),
            subject: event.subject(),
            actor: event.actor(),
            data: event.data.clone(),
        }),
        Work::Timer(timer) => Input::Fire(timer_events::Timer {
            name: timer.name.clone(),
            at: timer.at,
            about: timer.about(),
            payload: timer.payload.clone(),
        }),
    }
}

fn overtaken() -> AppError {
    Error::from(Reason::AppOvertaken).into()
}

/// What ingest commits, and what the call's own commit does.
fn part(effects: Vec<Effect>) -> (Vec<Inbox>, Vec<Effect>) {
    let mut inbox = Vec::new();
    let mut others = Vec::new();
    for effect in effects {
        match effect {
            Effect::Inbox(effect) => inbox.push(effect),
            other => others.push(other),
        }
    }
    (inbox, others)
}
