//! Classification of conversations (B1–B4, B6): what Balcão calls. `reason`, `classification` and `forms` have the rules and call no import,
//! so that they run natively in tests; here is only what reads, asks and writes, and picks the language of what is said.

pub mod classification;
pub mod forms;
pub mod reason;
pub mod words;

use balcao_plugin::app::{ActionContext, ActionOutcome, Event, EventKind};
use balcao_plugin::json::{self, Value};
use balcao_plugin::{
    Actions, Error, Events, Failure, Lifecycle, clock, collections, conclusion, conversations,
    storage,
};
use classification::{Choice, Row};
use conversations::Conversation;
use reason::Entry;
use serde::Deserialize;
use words::Text;

const ROWS: &str = "classifications";
const PREFIX: &str = "reason:";
/// The number of the next reason. Being there, it also says that the defaults have been written once.
const NEXT: &str = "next-reason";

struct Classification;

balcao_plugin::export!(Classification: actions, events, lifecycle);

/// What any of the forms gives.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Values {
    reason: Option<String>,
    value: Option<f64>,
    manage: bool,
    entry: Option<String>,
    save: bool,
    description: String,
    category: String,
    monetary: bool,
    remove: bool,
}

impl Lifecycle for Classification {
    /// Writes the defaults, the first time only: what an admin has removed stays removed.
    fn enable() -> Result<(), Failure> {
        if storage::get(NEXT)?.is_some() {
            return Ok(());
        }
        for reason in reason::defaults() {
            let id = take_id()?;
            put_reason(&id, &reason)?;
        }
        Ok(())
    }
}

impl Events for Classification {
    /// A plain conclusion: what the conversation was classified as before it was reopened is so no longer. What this app concluded is not told to it.
    fn handle(event: Event) -> Result<(), Failure> {
        let Some(id) = event
            .conversation
            .as_deref()
            .filter(|_| event.known_kind() == EventKind::ConversationConcluded)
        else {
            return Ok(());
        };
        let Some(row) = row(id)? else {
            return Ok(());
        };
        let conversation = match conversations::get(id) {
            Ok(found) => found,
            // Its rows go where it went.
            Err(error) if error.code == "not-found" => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if row.is_outdated(event.at, concluded(&conversation)?.at) {
            collections::delete(ROWS, id)?;
        }
        Ok(())
    }
}

impl Actions for Classification {
    fn form(context: ActionContext) -> Result<String, Failure> {
        let entries = entries()?;
        let form = match context.action.as_str() {
            "manage-reasons" => forms::manage(&entries, false),
            "classify-and-conclude" => {
                let admin = context.role == "admin";
                if entries.is_empty() && !admin {
                    return Err(failure(&context, "state", words::NONE_TO_CHOOSE));
                }
                forms::classify(&entries, row_about(&context)?.as_ref(), admin)
            }
            "edit-classification" => {
                let (conversation, _) = own_concluded(&context)?;
                if entries.is_empty() {
                    return Err(failure(&context, "state", words::NONE_TO_CHOOSE));
                }
                forms::reclassify(&entries, row(&conversation.id)?.as_ref())
            }
            other => return Err(unknown(other)),
        };
        Ok(json::text(&form))
    }

    fn invoke(context: ActionContext, values: String) -> Result<ActionOutcome, Failure> {
        let values: Values = json::parse(&values).map_err(|error| {
            let said = words::UNREADABLE_VALUES.said_in(&context.locale);
            Failure::invalid(format!("{said}: {error}"))
        })?;
        let entries = entries()?;
        match context.action.as_str() {
            "manage-reasons" => manage(&context, &entries, &values),
            "classify-and-conclude" if values.manage => manage(&context, &entries, &values),
            "classify-and-conclude" => classify(&context, &entries, &values),
            "edit-classification" => edit(&context, &entries, &values),
            other => Err(unknown(other)),
        }
    }
}

fn classify(
    context: &ActionContext,
    entries: &[Entry],
    values: &Values,
) -> Result<ActionOutcome, Failure> {
    let choice = match Choice::read(entries, values.reason.as_deref(), values.value) {
        Ok(choice) => choice,
        Err(wrong) => return Ok(errors(context, &[wrong])),
    };
    let conversation = conversation(context)?;
    conclusion::conclude(&conversation.id, &choice.summary())
        .map_err(|error| refused(context, error))?;
    put_row(&conversation, &choice, &context.user, clock::now())?;
    Ok(done(context, words::CONCLUDED))
}

fn edit(
    context: &ActionContext,
    entries: &[Entry],
    values: &Values,
) -> Result<ActionOutcome, Failure> {
    let choice = match Choice::read(entries, values.reason.as_deref(), values.value) {
        Ok(choice) => choice,
        Err(wrong) => return Ok(errors(context, &[wrong])),
    };
    let (conversation, concluded_at) = own_concluded(context)?;
    conclusion::set_summary(&conversation.id, &choice.summary())
        .map_err(|error| refused(context, error))?;
    put_row(&conversation, &choice, &context.user, concluded_at)?;
    Ok(done(context, words::RECLASSIFIED))
}

/// Adds, changes or removes a reason, in two steps: which, and how (B2, B6).
fn manage(
    context: &ActionContext,
    entries: &[Entry],
    values: &Values,
) -> Result<ActionOutcome, Failure> {
    if context.role != "admin" {
        return Err(failure(context, "denied", words::ADMINS_ONLY));
    }
    let Some(chosen) = values.entry.as_deref() else {
        return Ok(ask(&forms::manage(entries, values.manage)));
    };
    let present = entries.iter().find(|it| it.id == chosen);
    if present.is_none() && chosen != forms::NEW {
        let wrong = ("entry", words::REASON_GONE);
        return Ok(errors(context, &[wrong]));
    }
    if !values.save {
        return Ok(ask(&forms::edit(present, values.manage)));
    }
    if let Some(entry) = present.filter(|_| values.remove) {
        storage::delete(&format!("{PREFIX}{}", entry.id))?;
        return Ok(done(context, words::REASON_REMOVED));
    }
    let id = present.map(|it| it.id.as_str());
    let checked = reason::check(
        entries,
        id,
        &values.description,
        &values.category,
        values.monetary,
    );
    let reason = match checked {
        Ok(reason) => reason,
        Err(wrong) => return Ok(errors(context, &wrong)),
    };
    match id {
        Some(id) => put_reason(id, &reason)?,
        None => put_reason(&take_id()?, &reason)?,
    }
    Ok(done(context, words::REASON_SAVED))
}

fn ask(form: &Value) -> ActionOutcome {
    ActionOutcome {
        kind: "form".into(),
        text: String::new(),
        data: json::text(form),
    }
}

fn entries() -> Result<Vec<Entry>, Failure> {
    let kept = storage::list_keys(PREFIX, None, 1000)?;
    kept.into_iter()
        .map(|(key, value)| {
            Ok(Entry {
                id: key.strip_prefix(PREFIX).unwrap_or(&key).to_owned(),
                reason: json::parse(&value).map_err(unreadable)?,
            })
        })
        .collect()
}

fn put_reason(id: &str, reason: &reason::Reason) -> Result<(), Failure> {
    Ok(storage::set(
        &format!("{PREFIX}{id}"),
        &json::text(reason),
        None,
        None,
    )?)
}

/// An id that no reason has had.
fn take_id() -> Result<String, Failure> {
    let number: u32 = match storage::get(NEXT)? {
        Some(text) => json::parse(&text).map_err(unreadable)?,
        None => 1,
    };
    storage::set(NEXT, &json::text(&(number + 1)), None, None)?;
    Ok(reason::id(number))
}

fn row(conversation: &str) -> Result<Option<Row>, Failure> {
    let kept = collections::get(ROWS, conversation)?;
    kept.map(|text| json::parse(&text).map_err(unreadable))
        .transpose()
}

fn put_row(
    conversation: &Conversation,
    choice: &Choice,
    agent: &str,
    at: i64,
) -> Result<(), Failure> {
    let row = Row {
        conversation: conversation.id.clone(),
        category: choice.entry.reason.category,
        reason: choice.entry.id.clone(),
        description: choice.entry.reason.description.clone(),
        value_cents: choice.cents,
        agent: agent.into(),
        team: conversation.team.clone(),
        channel: conversation.channel.clone(),
        at,
    };
    let text = json::text(&row);
    Ok(collections::put(
        ROWS,
        &conversation.id,
        &text,
        Some(&conversation.contact),
    )?)
}

/// The id of the conversation that the action stands beside.
fn about(context: &ActionContext) -> Option<&str> {
    let about = context.about.as_ref();
    about
        .filter(|it| it.kind == "conversation")
        .map(|it| it.id.as_str())
}

fn row_about(context: &ActionContext) -> Result<Option<Row>, Failure> {
    about(context).map_or(Ok(None), row)
}

fn conversation(context: &ActionContext) -> Result<Conversation, Failure> {
    let id = about(context)
        .ok_or_else(|| Failure::invalid(words::NOT_A_CONVERSATION.said_in(&context.locale)))?;
    Ok(conversations::get(id)?)
}

/// What a conversation's `extra` says of its conclusion; nothing while it is open.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Concluded {
    by: Option<String>,
    at: Option<i64>,
}

fn concluded(conversation: &Conversation) -> Result<Concluded, Failure> {
    if conversation.extra.is_empty() {
        return Ok(Concluded::default());
    }
    json::parse(&conversation.extra).map_err(unreadable)
}

/// The conversation, if the acting user has concluded it (B4), and when that was.
fn own_concluded(context: &ActionContext) -> Result<(Conversation, i64), Failure> {
    let conversation = conversation(context)?;
    if conversation.status != "concluded" {
        return Err(failure(context, "state", words::NOT_CONCLUDED));
    }
    let concluded = concluded(&conversation)?;
    if concluded.by.as_deref() != Some(context.user.as_str()) {
        return Err(failure(context, "denied", words::NOT_YOURS));
    }
    let at = concluded.at.unwrap_or_else(clock::now);
    Ok((conversation, at))
}

/// The host's refusal in words for the person who pressed the button.
fn refused(context: &ActionContext, error: Error) -> Failure {
    let text = match error.code.as_str() {
        "denied" => words::NOT_ALLOWED,
        "state" => words::CHANGED_MEANWHILE,
        _ => return error.into(),
    };
    failure(context, &error.code, text)
}

fn failure(context: &ActionContext, code: &str, text: Text) -> Failure {
    Failure::permanent(code, text.said_in(&context.locale))
}

fn done(context: &ActionContext, text: Text) -> ActionOutcome {
    ActionOutcome::done(text.said_in(&context.locale))
}

fn errors(context: &ActionContext, wrong: &[(&str, Text)]) -> ActionOutcome {
    let said: Vec<(&str, &str)> = wrong
        .iter()
        .map(|(field, text)| (*field, text.said_in(&context.locale)))
        .collect();
    ActionOutcome::errors(&said)
}

fn unknown(action: &str) -> Failure {
    Failure::unsupported(format!("There is no action `{action}`."))
}

fn unreadable(error: json::Error) -> Failure {
    Failure::invalid(format!("What is stored is not of the plugin's: {error}"))
}
