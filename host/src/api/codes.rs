//! The closed sets of words that answers carry as text, for the OpenAPI document: a client's types then name them one by one.

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

fn one_of(words: &[&str]) -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.iter().copied()))
        .into()
}

/// From the contact, to the contact, or for colleagues only.
pub fn direction() -> Schema {
    one_of(&["in", "out", "note"])
}

/// What is asked of the channel about a message that it has.
pub fn change_action() -> Schema {
    one_of(&["edit", "revoke"])
}

/// What has become of it.
pub fn change_state() -> Schema {
    one_of(&["queued", "failed", "uncertain"])
}

/// Where a message is on its way.
pub fn message_state() -> Schema {
    one_of(&[
        "received",
        "queued",
        "sent",
        "delivered",
        "read",
        "failed",
        "uncertain",
    ])
}

/// Whether an attachment's bytes are here.
pub fn attachment_state() -> Schema {
    one_of(&["waiting", "ready", "failed"])
}

/// Where a conversation is.
pub fn status() -> Schema {
    one_of(&["queued", "in_progress", "concluded"])
}

/// Who wrote or did something.
pub fn author_kind() -> Schema {
    one_of(&["contact", "user", "plugin", "system"])
}

/// Who reacted.
pub fn reacted_by() -> Schema {
    one_of(&["contact", "user"])
}

/// What to do with an action's outcome.
pub fn outcome_kind() -> Schema {
    one_of(&["done", "form", "errors", "open", "file"])
}
