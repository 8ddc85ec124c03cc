//! What a webhook means: the provider's envelope in, the events to hand to `inbox` and the lines to log out. Plain data, no imports.
//! Whatever a body holds, this neither panics nor gives up on more than the element that is wrong.

mod account;
mod content;
mod message;
mod person;

use balcao_plugin::connector::{Brought, Event};
use balcao_plugin::lenient::{self, Field};
use balcao_plugin::{Instant, json};
use serde_json::Value as Json;

/// Reads a webhook's body. `account` limits it to one phone number id; `now` stands in for a time that the provider left out.
pub fn read(body: &[u8], account: Option<&str>, now: impl Fn() -> Instant) -> Brought {
    let mut reader = Reader {
        account,
        now,
        brought: Brought::default(),
    };
    match lenient::parse(body) {
        Ok(webhook) => reader.webhook(Field::of(&webhook)),
        Err(place) => reader
            .brought
            .odd(format!("The body is not a webhook: {place}")),
    }
    reader.brought
}

struct Reader<'s, N> {
    account: Option<&'s str>,
    now: N,
    brought: Brought,
}

impl<N: Fn() -> Instant> Reader<'_, N> {
    fn webhook(&mut self, webhook: Field) {
        let mut entries = 0;
        for entry in webhook.get("entry").list() {
            entries += 1;
            for change in entry.get("changes").list() {
                self.change(change, entry);
            }
        }
        if entries == 0 {
            self.brought.odd("The body has no entries");
        }
    }

    /// One `field` that the app subscribed to, with its `value`.
    fn change(&mut self, change: Field, entry: Field) {
        let field = change.get("field").text();
        let Some(value) = change.get("value").object() else {
            let field = short(&field);
            return self
                .brought
                .odd(format!("A change of the field {field:?} without a value"));
        };
        if self.is_of_another_account(value) {
            let why = "A change for another phone number id than the channel's";
            return self.brought.ignored(why);
        }
        match field.as_str() {
            "messages" => self.messages(value, value),
            "smb_message_echoes" | "message_echoes" => self.echoes(value, value),
            "standby" => self.standby(value),
            "user_id_update" => {
                for update in value.get("user_id_update").list() {
                    self.user_id(update, value);
                }
            }
            "user_preferences" => {
                for preference in value.get("user_preferences").list() {
                    self.preference(preference);
                }
            }
            "calls" => {
                for call in value.get("calls").list() {
                    self.call(call, value);
                }
                for _ in value.get("statuses").list() {
                    let why = "The state of a call, which this channel does not place";
                    self.brought.ignored(why);
                }
            }
            field => account::read(field, value, entry, &mut self.brought),
        }
    }

    fn is_of_another_account(&self, value: Field) -> bool {
        let theirs = value.get("metadata").get("phone_number_id").given();
        match (self.account, theirs) {
            (Some(ours), Some(theirs)) => ours != theirs,
            _ => false,
        }
    }

    /// What is said while another of the number's senders answers (the provider's own agent): the same, within an object of its own.
    fn standby(&mut self, value: Field) {
        let told = value.get("standby");
        self.messages(told, value);
        self.echoes(told, value);
    }

    /// What the business wrote elsewhere. In `standby` it is the request that was made, within the echo.
    fn echoes(&mut self, told: Field, value: Field) {
        for echo in told.get("message_echoes").list() {
            let of = echo.get("message").object().unwrap_or(echo);
            self.message(echo, of, value, true);
        }
    }

    /// Messages and statuses; `value` introduces their people and says what went wrong.
    fn messages(&mut self, told: Field, value: Field) {
        let (mut messages, mut others) = (0, told.get("message_echoes").list().count());
        for message in told.get("messages").list() {
            messages += 1;
            self.message(message, message, value, false);
        }
        for status in told.get("statuses").list() {
            others += 1;
            self.status(status);
        }
        if messages > 0 {
            return;
        }
        for problem in value.get("errors").list() {
            others += 1;
            self.brought
                .odd(format!("The provider reports: {}", problem_text(problem)));
        }
        if others == 0 {
            self.brought
                .ignored("A change without a message or a status");
        }
    }

    /// One message. `told` has its id and time; `message`, the same but in an echo of `standby`, all else.
    fn message(&mut self, told: Field, message: Field, value: Field, outgoing: bool) {
        let kind = short(&message.get("type").text());
        let Some(id) = told.get("id").given() else {
            return self
                .brought
                .odd(format!("A message of type {kind:?} without an id"));
        };
        if message.get("group_id").is_there() {
            let why = "A message of a group: only conversations with one person are served";
            return self.brought.ignored(why);
        }
        let sender = match outgoing {
            true => person::business(message, value),
            false => person::sender(message, value),
        };
        let thread = match outgoing {
            true => person::addressee(message),
            false => sender.external_id.clone(),
        };
        if sender.external_id.is_empty() || thread.is_empty() {
            return self
                .brought
                .odd(format!("A message of type {kind:?} without a sender"));
        }
        let at = self.time(told.get("timestamp"));
        let message = message::Message {
            of: message,
            kind: &kind,
            id,
            thread,
            sender,
            outgoing,
            at,
        };
        let (event, odd) = message.read(value.get("errors"));
        self.brought.push(event);
        if odd {
            self.brought.odd(format!(
                "A message of type {kind:?} was kept as unsupported: it is not as documented"
            ));
        }
    }

    /// A business-scoped id that gave way to another: it is the same person. Where the phone is told, that still names them.
    fn user_id(&mut self, update: Field, value: Field) {
        let ids = update.get("user_id");
        let (old, new) = (ids.get("previous").given(), ids.get("current").given());
        let (Some(old), Some(new)) = (old, new) else {
            return self
                .brought
                .odd("A changed user id without the old and the new one");
        };
        let name = value.get("contacts").list().next();
        let name = name.map(|it| it.get("profile").get("name").text());
        let phone = update.get("wa_id").given();
        let now = person::named(phone.clone(), Some(new.clone()), name, None);
        self.brought.push(Event::Identity {
            key: format!("i:{old}:{new}"),
            old: phone.unwrap_or(old),
            now,
        });
    }

    /// Whether somebody wants marketing messages.
    fn preference(&mut self, preference: Field) {
        let wanted = preference.get("value").text();
        let phone = preference.get("wa_id").given();
        let Some(thread) = phone.or_else(|| preference.get("user_id").given()) else {
            return self.brought.odd("A preference of nobody");
        };
        let text = match wanted.as_str() {
            "stop" => "O cliente pediu para não receber mais mensagens de marketing.",
            "resume" => "O cliente voltou a aceitar mensagens de marketing.",
            "signup" => "O cliente se inscreveu para receber mensagens de marketing.",
            _ => {
                return self
                    .brought
                    .ignored("A preference that this channel does not know");
            }
        };
        let when = preference.get("timestamp").text();
        self.brought.push(Event::Note {
            key: format!("n:{thread}:marketing:{wanted}:{when}"),
            thread: Some(thread),
            code: "marketing-preference".into(),
            text: text.into(),
            extra: lenient::extra(&json::json!({ "value": wanted })),
        });
    }

    /// A call: nobody can take it here, but whoever serves the customer should know that they tried.
    fn call(&mut self, call: Field, value: Field) {
        let event = (call.get("event").text(), call.get("direction").text());
        let ("connect", "USER_INITIATED") = (event.0.as_str(), event.1.as_str()) else {
            return self
                .brought
                .ignored("The course of a call, which this channel does not take");
        };
        let caller = person::sender(call, value);
        let Some(id) = call
            .get("id")
            .given()
            .filter(|_| !caller.external_id.is_empty())
        else {
            return self.brought.odd("A call without an id or of nobody");
        };
        self.brought.push(Event::Note {
            key: format!("n:{id}"),
            thread: Some(caller.external_id),
            code: "call".into(),
            text: "O cliente ligou pelo WhatsApp. Este canal não atende ligações.".into(),
            extra: String::new(),
        });
    }

    fn status(&mut self, status: Field) {
        let Some(id) = status.get("id").given() else {
            return self.brought.odd("A status without a message id");
        };
        let name = status.get("status").text();
        let at = self.time(status.get("timestamp"));
        if status.get("recipient_type").text() == "group" {
            let why =
                "The status of a group's message: only conversations with one person are served";
            return self.brought.ignored(why);
        }
        let key = format!("s:{id}:{name}");
        let state = match name.as_str() {
            "sent" => "sent",
            "delivered" => "delivered",
            // A voice message that was listened to.
            "read" | "played" => "read",
            "failed" => "failed",
            "deleted" => {
                return self.brought.push(Event::Revoke {
                    key,
                    message: id,
                    at,
                });
            }
            _ => {
                let name = short(&name);
                return self.brought.ignored(format!(
                    "A status {name:?}, which this channel does not use"
                ));
            }
        };
        let problem = status.get("errors").list().next();
        if let Some((state, message)) = problem.and_then(account::broken) {
            self.brought.push(Event::Health { state, message });
        }
        self.brought.push(Event::Delivery {
            key,
            message: id,
            state,
            at,
            reason: problem.map(account::reason).unwrap_or_default(),
            extra: status_extra(status, problem),
        });
    }

    /// The provider counts seconds.
    fn time(&self, seconds: Field) -> Instant {
        let seconds = seconds.text().parse::<i64>().ok();
        let at = seconds
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| seconds.checked_mul(1_000_000));
        at.unwrap_or_else(|| (self.now)())
    }
}

/// What the message cost and in which category.
fn status_extra(status: Field, problem: Option<Field>) -> String {
    let mut extra = Json::Object(Default::default());
    for name in ["pricing", "conversation"] {
        if let Some(value) = status.get(name).value() {
            extra[name] = value.clone();
        }
    }
    if let Some(code) = problem.and_then(|problem| problem.get("code").given()) {
        extra["code"] = code.into();
    }
    lenient::extra(&extra)
}

/// The provider's code and its most exact words.
pub(crate) fn problem_text(problem: Field) -> String {
    let words = problem
        .get("error_data")
        .get("details")
        .given()
        .or_else(|| problem.get("message").given())
        .or_else(|| problem.get("title").given())
        .unwrap_or_else(|| "sem descrição".into());
    match problem.get("code").given() {
        Some(code) => format!("{code}: {words}"),
        None => words,
    }
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A name of the provider's, short enough for a line of the log.
fn short(name: &str) -> String {
    lenient::cut(name.to_owned(), 64)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
