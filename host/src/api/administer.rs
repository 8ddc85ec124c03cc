//! What an administrative act leaves behind, in the act's own transaction: an event for screens and apps, and who did it (FEATURES E4).

use serde_json::Value;

use crate::{
    account::Caller,
    app::App,
    error::Result,
    store::{
        Tx,
        audit::Act,
        events::{Actor, NewEvent},
    },
};

/// Writes `event` as the caller's, and the act upon the event's subject into the audit log.
pub(super) async fn administer(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    event: NewEvent,
    (action, data): (&str, Value),
) -> Result<()> {
    let subject = event.subject.clone();
    let event = event.by(&Actor::user(caller.user));
    tx.append(app.scope(caller.workspace), vec![event]).await?;
    let act = Act {
        action,
        subject: subject.as_ref().map(|it| (it.kind.as_str(), it.id.clone())),
        data,
    };
    let (id, now) = (app.ids.mint(), app.clock.now());
    tx.audit(caller.workspace, id, now, Some(caller.user), &act)
        .await
}
