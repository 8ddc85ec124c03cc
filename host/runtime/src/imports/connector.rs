//! `balcao:connector`: what a channel's connector hands over, and its visitors.

use crate::{
    bounds::{self, OutOfBounds, cut, external, extra, text},
    effect::{Effect, Inbox, Visitors},
    services::{Services, refused},
    state::{CallState, invalid},
    wit::{Content, Error, Instant, inbox, visitors},
};

/// As the WIT has it.
impl From<OutOfBounds> for Error {
    fn from(error: OutOfBounds) -> Self {
        let code = match error {
            OutOfBounds::Invalid(_) => "invalid",
            OutOfBounds::Limit(_) => "limit",
        };
        refused(code, error.to_string())
    }
}

fn content(value: &Content) -> Result<(), OutOfBounds> {
    external("kind", &value.kind)?;
    text("text", &value.text)?;
    extra(&value.extra)?;
    bounds::attachments(value.attachments.len())?;
    value
        .attachments
        .iter()
        .try_for_each(|it| bounds::attachment(&it.source, &it.name))
}

fn person(value: &inbox::Person) -> Result<(), OutOfBounds> {
    external("sender", &value.external_id)?;
    text("name", &value.name)?;
    extra(&value.extra)?;
    value.aliases.iter().try_for_each(|(kind, value)| {
        external("alias", kind).and_then(|()| external("alias", value))
    })
}

fn size_of(content: &Content) -> usize {
    let attachments: usize = content
        .attachments
        .iter()
        .map(|it| it.source.len() + it.name.len() + it.mime.len())
        .sum();
    content.text.len() + content.extra.len() + attachments
}

impl CallState {
    /// Only a call about a channel may hand something over.
    fn hand_over(
        &mut self,
        checked: Result<(), impl Into<Error>>,
        effect: Inbox,
        bytes: usize,
    ) -> Result<(), Error> {
        checked.map_err(Into::into)?;
        self.of_a_channel()?;
        self.push(Effect::Inbox(effect), bytes)
    }

    fn of_a_channel(&self) -> Result<(), Error> {
        match &self.context.channel {
            Some(_) => Ok(()),
            None => Err(refused("state", "this call is not about a channel")),
        }
    }
}

/// Files of the host may come from nobody but the visitor who uploaded them.
async fn uploads(services: &dyn Services, message: &inbox::Inbound) -> Result<(), Error> {
    for attachment in &message.content.attachments {
        let Some(id) = attachment.source.strip_prefix("media:") else {
            continue;
        };
        if !services.is_upload_of(id, &message.thread).await? {
            let (visitor, file) = (cut(&message.thread, 64), cut(id, 64));
            let why = format!("the visitor {visitor} has not uploaded {file}");
            return Err(refused("not-found", why));
        }
    }
    Ok(())
}

impl inbox::Host for CallState {
    async fn message(
        &mut self,
        event_key: String,
        message: inbox::Inbound,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = external("event-key", &event_key)
            .and_then(|()| external("external-id", &message.external_id))
            .and_then(|()| external("thread", &message.thread))
            .and_then(|()| person(&message.sender))
            .and_then(|()| content(&message.content))
            .and_then(|()| extra(&message.extra));
        let checked = match checked {
            Ok(()) => uploads(self.context.services.as_ref(), &message).await,
            Err(error) => Err(error.into()),
        };
        let bytes = size_of(&message.content) + message.extra.len() + 256;
        Ok(self.hand_over(checked, Inbox::Message { event_key, message }, bytes))
    }

    async fn delivery(
        &mut self,
        event_key: String,
        external_id: String,
        state: String,
        at: Instant,
        reason: String,
        more: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = external("event-key", &event_key)
            .and_then(|()| external("external-id", &external_id))
            .and_then(|()| text("reason", &reason))
            .and_then(|()| extra(&more))
            .and_then(|()| bounds::delivery_state(&state));
        let bytes = reason.len() + more.len() + 128;
        let effect = Inbox::Delivery {
            event_key,
            external_id,
            state,
            at,
            reason,
            extra: more,
        };
        Ok(self.hand_over(checked, effect, bytes))
    }

    async fn read(
        &mut self,
        event_key: String,
        thread: String,
        until: Instant,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = external("event-key", &event_key).and_then(|()| external("thread", &thread));
        Ok(self.hand_over(
            checked,
            Inbox::Read {
                event_key,
                thread,
                until,
            },
            128,
        ))
    }

    async fn reaction(
        &mut self,
        event_key: String,
        message: String,
        sender: inbox::Person,
        emoji: String,
        at: Instant,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = external("event-key", &event_key)
            .and_then(|()| external("message", &message))
            .and_then(|()| person(&sender))
            .and_then(|()| bounds::emoji(&emoji));
        Ok(self.hand_over(
            checked,
            Inbox::Reaction {
                event_key,
                message,
                sender,
                emoji,
                at,
            },
            256,
        ))
    }

    async fn edit(
        &mut self,
        event_key: String,
        message: String,
        edited: Content,
        at: Instant,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = external("event-key", &event_key)
            .and_then(|()| external("message", &message))
            .and_then(|()| content(&edited));
        let bytes = size_of(&edited) + 128;
        Ok(self.hand_over(
            checked,
            Inbox::Edit {
                event_key,
                message,
                content: edited,
                at,
            },
            bytes,
        ))
    }

    async fn revoke(
        &mut self,
        event_key: String,
        message: String,
        at: Instant,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked =
            external("event-key", &event_key).and_then(|()| external("message", &message));
        Ok(self.hand_over(
            checked,
            Inbox::Revoke {
                event_key,
                message,
                at,
            },
            128,
        ))
    }

    async fn typing(&mut self, thread: String) -> wasmtime::Result<()> {
        self.enter()?;
        // Best effort: what cannot be handed over is simply not shown.
        let checked = external("thread", &thread);
        drop(self.hand_over(checked, Inbox::Typing { thread }, 64));
        Ok(())
    }

    async fn identity(
        &mut self,
        event_key: String,
        old_external_id: String,
        now: inbox::Person,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = external("event-key", &event_key)
            .and_then(|()| external("old-external-id", &old_external_id))
            .and_then(|()| person(&now));
        Ok(self.hand_over(
            checked,
            Inbox::Identity {
                event_key,
                old_external_id,
                now,
            },
            256,
        ))
    }

    async fn note(
        &mut self,
        event_key: String,
        thread: Option<String>,
        code: String,
        words: String,
        more: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = external("event-key", &event_key)
            .and_then(|()| {
                thread
                    .as_deref()
                    .map_or(Ok(()), |thread| external("thread", thread))
            })
            .and_then(|()| external("code", &code))
            .and_then(|()| text("text", &words))
            .and_then(|()| extra(&more));
        let bytes = words.len() + more.len() + 128;
        let effect = Inbox::Note {
            event_key,
            thread,
            code,
            text: words,
            extra: more,
        };
        Ok(self.hand_over(checked, effect, bytes))
    }

    async fn health(
        &mut self,
        state: String,
        message: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = bounds::health_state(&state).and_then(|()| text("message", &message));
        let bytes = message.len();
        Ok(self.hand_over(checked, Inbox::Health { state, message }, bytes))
    }
}

/// What a browser can listen for, and is not the host's.
fn pushed_kind(kind: &str) -> Result<(), Error> {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if kind.is_empty() || kind.len() > 64 || !kind.bytes().all(letters) || kind.starts_with("host-")
    {
        return Err(invalid(format!(
            "kind: 1 to 64 small letters, digits and -, not beginning with host-, not `{}`",
            cut(kind, 64)
        )));
    }
    Ok(())
}

/// As one line: that is how it goes out.
fn pushed_data(data: &str) -> Result<String, Error> {
    text("data", data)?;
    match serde_json::from_str::<serde_json::Value>(data) {
        Ok(value) => Ok(value.to_string()),
        Err(_) => Err(invalid("data: JSON")),
    }
}

impl visitors::Host for CallState {
    async fn open(
        &mut self,
        token: Option<String>,
    ) -> wasmtime::Result<Result<visitors::Visitor, Error>> {
        self.enter()?;
        Ok(self.context.services.visitor_open(token.as_deref()).await)
    }

    async fn verify(&mut self, token: String) -> wasmtime::Result<Option<String>> {
        self.enter()?;
        Ok(self.context.services.visitor_verify(&token).await?)
    }

    async fn push(
        &mut self,
        visitor: String,
        kind: String,
        data: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = external("visitor", &visitor)
            .map_err(Error::from)
            .and_then(|()| pushed_kind(&kind))
            .and_then(|()| pushed_data(&data))
            .and_then(|data| self.of_a_channel().map(|()| data));
        let data = match checked {
            Ok(data) => data,
            Err(error) => return Ok(Err(error)),
        };
        let bytes = data.len() + 128;
        Ok(self.push(
            Effect::Visitors(Visitors::Push {
                visitor,
                kind,
                data,
            }),
            bytes,
        ))
    }
}
