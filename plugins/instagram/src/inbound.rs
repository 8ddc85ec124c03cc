//! What a webhook means: the provider's envelope in, the events to hand to `inbox` and the lines to log out. Plain data, no imports.
//! Whatever a body holds, this neither panics nor gives up on more than the element that is wrong.

mod content;
mod item;

use balcao_plugin::Instant;
use balcao_plugin::connector::Brought;
use balcao_plugin::lenient::{self, Field};

/// Reads a webhook's body. `account` limits it to one professional account; `now` stands in for a time that the provider left out.
pub fn read(body: &[u8], account: Option<&str>, now: impl Fn() -> Instant) -> Brought {
    let mut reader = Reader {
        account,
        now,
        brought: Brought::default(),
    };
    match lenient::parse(body) {
        // The examples of the provider's documents stand in a list; what it sends does not.
        Ok(serde_json::Value::Array(webhooks)) if !webhooks.is_empty() => {
            for webhook in &webhooks {
                reader.webhook(Field::of(webhook));
            }
        }
        Ok(webhook) => reader.webhook(Field::of(&webhook)),
        Err(place) => reader
            .brought
            .odd(format!("The body is not a webhook: {place}")),
    }
    reader.brought
}

/// The webhook fields whose values are messaging events, in the form that has changes.
const FIELDS: [&str; 10] = [
    "messages",
    "message_echoes",
    "message_edit",
    "message_reactions",
    "messaging_handover",
    "messaging_optins",
    "messaging_postbacks",
    "messaging_referral",
    "messaging_seen",
    "standby",
];

struct Reader<'s, N> {
    account: Option<&'s str>,
    now: N,
    brought: Brought,
}

impl<N: Fn() -> Instant> Reader<'_, N> {
    fn webhook(&mut self, webhook: Field) {
        let object = webhook.get("object").text();
        if !matches!(object.as_str(), "instagram" | "") {
            return self.brought.ignored(format!(
                "A webhook about the object {:?}, which is not Instagram's",
                short(&object)
            ));
        }
        let mut entries = 0;
        for entry in webhook.get("entry").list() {
            entries += 1;
            self.entry(entry);
        }
        if entries == 0 {
            self.brought.odd("The body has no entries");
        }
    }

    fn entry(&mut self, entry: Field) {
        let id = entry.get("id").text();
        let mut known = false;
        // What another app answers at the moment comes as `standby`: said all the same.
        for list in ["messaging", "standby"] {
            for item in entry.get(list).list() {
                known = true;
                self.item(item, &id);
            }
        }
        for change in entry.get("changes").list() {
            known = true;
            self.change(change, &id);
        }
        if entry.get("field").given().is_some() {
            known = true;
            self.change(entry, &id);
        }
        if !known {
            self.brought.odd("An entry without events");
        }
    }

    /// A `field` with its `value`: the form of Facebook Login, and of the dashboard's test button.
    fn change(&mut self, change: Field, entry: &str) {
        let field = change.get("field").text();
        if FIELDS.contains(&field.as_str()) {
            self.item(change.get("value"), entry);
        } else {
            self.brought.ignored(format!(
                "A change of the field {:?}, which this channel does not use",
                short(&field)
            ));
        }
    }

    fn item(&mut self, event: Field, entry: &str) {
        let Some(event) = event.object() else {
            return self.brought.odd("An event that is not an object");
        };
        let sender = event.get("sender").get("id").text();
        let recipient = event.get("recipient").get("id").text();
        if let Some(ours) = self.account
            && ![entry, &sender, &recipient].contains(&ours)
        {
            return self
                .brought
                .ignored("An event for another account than the channel's");
        }
        let item = item::Item {
            event,
            business: self.account.unwrap_or(entry),
            sender,
            recipient,
            at: self.time(&event.get("timestamp").text()),
        };
        match item.read() {
            Some(Ok(event)) => self.brought.push(event),
            Some(Err(remark)) => self.brought.remarks.push(remark),
            None => {
                let names: Vec<&str> = event
                    .names()
                    .filter(|name| !["sender", "recipient", "timestamp"].contains(name))
                    .map(short)
                    .take(4)
                    .collect();
                self.brought.ignored(format!(
                    "An event of a kind that this channel does not use: {names:?}"
                ));
            }
        }
    }

    /// The provider counts milliseconds, and seconds in the dashboard's tests.
    fn time(&self, text: &str) -> Instant {
        const MILLISECONDS_SINCE_1973: i64 = 100_000_000_000;
        text.parse::<i64>()
            .ok()
            .filter(|count| *count > 0)
            .and_then(|count| match count {
                ..MILLISECONDS_SINCE_1973 => count.checked_mul(1_000_000),
                _ => count.checked_mul(1_000),
            })
            .unwrap_or_else(|| (self.now)())
    }
}

/// A name of the provider's, short enough for a line of the log.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(40)]
}

#[cfg(test)]
mod tests;
