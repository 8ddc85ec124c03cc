//! One call until it is committed: run again after conflicts and crashes as the server would (DESIGN §4). Whoever calls can let others
//! change the workspace between run and commit, or let the host die there.

use super::{Cause, Commit, CommitError, World};
use crate::{
    call::{CallError, Input, Outcome},
    context::{Actor, FirstRun},
};

/// After so many conflicts the call runs with the workspace to itself.
const CONFLICTS: u32 = 3;

/// When the host dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The call has ended; nothing of it is committed.
    BeforeCommit,
    /// All is committed; nobody has been told.
    AfterCommit,
}

/// Somebody else's change between a call's end and its commit.
pub type Interference<'a> = &'a mut (dyn FnMut(&World, u32) + Send);

/// What a call is, to the workspace.
pub struct Subject<'a> {
    pub plugin: &'a str,
    pub channel: Option<String>,
    pub actor: Option<Actor>,
    pub cause: Cause,
}

/// What came of a call in the end.
pub struct Performed {
    /// Of the last run.
    pub outcome: Outcome,
    pub runs: u32,
    /// Whether its effects are in the workspace.
    pub committed: bool,
}

/// Runs the call and commits it.
///
/// `run` is one run of it. `between` is called with the number of conflicts so far before each commit that has no lock.
pub async fn perform<F: Future<Output = Outcome>>(
    world: &World,
    subject: &Subject<'_>,
    input: &Input,
    crash: Option<Crash>,
    between: Interference<'_>,
    mut run: impl FnMut(FirstRun) -> F,
) -> Performed {
    let mut crash = crash;
    let mut first = FirstRun::default();
    let mut conflicts = 0;
    let mut runs = 0;
    loop {
        let mut outcome = run(std::mem::take(&mut first)).await;
        runs += 1;
        if outcome.result.is_err() {
            return Performed {
                outcome,
                runs,
                committed: false,
            };
        }
        if crash == Some(Crash::BeforeCommit) {
            crash = None;
            if repeatable(input) {
                continue;
            }
            outcome.result = Err(died());
            outcome.effects.clear();
            return Performed {
                outcome,
                runs,
                committed: false,
            };
        }
        if conflicts < CONFLICTS {
            between(world, conflicts);
        }
        let committed = world.commit(&Commit {
            plugin: subject.plugin,
            channel: subject.channel.as_deref(),
            actor: subject.actor.as_ref(),
            cause: &subject.cause,
            reads: &outcome.reads,
            effects: &outcome.effects,
        });
        match committed {
            Ok(()) if crash == Some(Crash::AfterCommit) => {
                crash = None;
                if !repeated_by_its_sender(input) {
                    return Performed {
                        outcome,
                        runs,
                        committed: true,
                    };
                }
            }
            Ok(()) => {
                outcome.keep_instance();
                return Performed {
                    outcome,
                    runs,
                    committed: true,
                };
            }
            Err(CommitError::Conflict(_)) if repeatable(input) => {
                conflicts += 1;
                first = outcome.run;
            }
            Err(error) => {
                outcome.result = Err(refused(&error));
                outcome.effects.clear();
                return Performed {
                    outcome,
                    runs,
                    committed: false,
                };
            }
        }
    }
}

/// `send` and its changes, `connect` and actions are never run again by themselves.
fn repeatable(input: &Input) -> bool {
    !matches!(
        input,
        Input::Send(_)
            | Input::Edit(..)
            | Input::Revoke(_)
            | Input::Connect { .. }
            | Input::Disconnect { .. }
            | Input::Invoke(..)
    )
}

/// A provider that got no answer sends its request again.
fn repeated_by_its_sender(input: &Input) -> bool {
    matches!(input, Input::Receive(_))
}

fn failure(code: &str, message: String) -> CallError {
    CallError::Failed(crate::wit::Failure {
        retry: None,
        code: code.to_owned(),
        message,
        extra: String::new(),
    })
}

fn died() -> CallError {
    failure(
        "uncertain",
        "the host died before the call was committed".to_owned(),
    )
}

fn refused(error: &CommitError) -> CallError {
    let code = match error {
        CommitError::Conflict(_) => "conflict",
        CommitError::Gone => "gone",
        CommitError::Refused(refusal) => refusal.code,
    };
    failure(code, error.to_string())
}
