//! `balcao:desk`: conversations, routing, conclusion, labels, messages, contacts, teams, media. Reads show the call's own effects;
//! changes are judged by `rules` at once, so a refusal that can be foreseen comes back at its line.

use std::sync::Arc;

use crate::{
    bounds::cut,
    effect::{Conclusion, ContactsWrite, Effect, Labels, MessagesSend, Routing},
    http::{Attached, Request, upload},
    rules,
    services::refused,
    state::{CallState, invalid},
    wit::{
        Content, Error, Instant, Subject, conclusion, contacts, contacts_write, conversations,
        labels, media, messages, messages_send, routing, teams,
    },
};

const MAX_TEXT: usize = 64 << 10;
const MAX_LABEL: usize = 100;
const MAX_READ: u32 = 1 << 20;
/// Files of one upload.
const MAX_FILES: usize = 10;

impl conversations::Host for CallState {
    async fn get(
        &mut self,
        id: String,
    ) -> wasmtime::Result<Result<conversations::Conversation, Error>> {
        self.enter()?;
        Ok(self.conversation(&id).await.map(|found| found.snapshot()))
    }

    async fn queued(
        &mut self,
        team: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<conversations::Conversation>, Error>> {
        self.enter()?;
        let services = Arc::clone(&self.context.services);
        let found = services
            .queued(&team, after.as_deref(), limit.clamp(1, 200))
            .await;
        Ok(found.map(|found| {
            self.view.show(&found);
            let view = &self.view;
            let as_seen = found.into_iter().map(|it| view.seen(it));
            let own_channel = self.context.channel.as_ref();
            as_seen
                .filter(|it| {
                    it.routed.status == rules::Status::Queued
                        && it.routed.team.as_ref() == Some(&team)
                })
                .filter(|it| own_channel.is_none_or(|own| *own == it.channel))
                .map(|it| it.snapshot())
                .collect()
        }))
    }
}

impl CallState {
    async fn route(&mut self, effect: Routing) -> Result<(), Error> {
        let (conversation, change) = rules::change_of_routing(&effect, &self.plugin);
        self.change(&conversation, &change).await?;
        self.push(Effect::Routing(effect), 256)
    }

    async fn finish(&mut self, effect: Conclusion) -> Result<(), Error> {
        let actor = self.context.actor.as_ref();
        let user = actor.map(|actor| actor.person.id.as_str());
        let archive = actor.is_some_and(|actor| actor.archive_immediately);
        let (conversation, change) = rules::change_of_conclusion(&effect, user, archive);
        self.change(&conversation, &change).await?;
        self.push(Effect::Conclusion(effect), 1024)
    }
}

impl routing::Host for CallState {
    async fn offer(
        &mut self,
        conversation: String,
        agent: String,
        deadline: Option<Instant>,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self
            .route(Routing::Offer {
                conversation,
                agent,
                deadline,
            })
            .await)
    }

    async fn release(
        &mut self,
        conversation: String,
        note: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self
            .route(Routing::Release {
                conversation,
                note: cut(&note, MAX_TEXT).to_owned(),
            })
            .await)
    }

    async fn assign(
        &mut self,
        conversation: String,
        agent: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self
            .route(Routing::Assign {
                conversation,
                agent,
            })
            .await)
    }

    async fn transfer(
        &mut self,
        conversation: String,
        team: String,
        agent: Option<String>,
        note: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self
            .route(Routing::Transfer {
                conversation,
                team,
                agent,
                note: cut(&note, MAX_TEXT).to_owned(),
            })
            .await)
    }
}

impl conclusion::Host for CallState {
    async fn conclude(
        &mut self,
        conversation: String,
        summary: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self
            .finish(Conclusion::Conclude {
                conversation,
                summary: cut(&summary, MAX_TEXT).to_owned(),
            })
            .await)
    }

    async fn set_summary(
        &mut self,
        conversation: String,
        summary: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self
            .finish(Conclusion::SetSummary {
                conversation,
                summary: cut(&summary, MAX_TEXT).to_owned(),
            })
            .await)
    }

    async fn reopen(&mut self, conversation: String) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self.finish(Conclusion::Reopen { conversation }).await)
    }
}

fn label_fits(label: &str) -> Result<(), Error> {
    if label.trim().is_empty() || label.len() > MAX_LABEL {
        return Err(invalid(format!("a label has 1 to {MAX_LABEL} bytes")));
    }
    Ok(())
}

impl CallState {
    async fn labelled(&mut self, of: &Subject, label: &str) -> Result<(), Error> {
        label_fits(label)?;
        match of.kind.as_str() {
            // Whoever may not see the conversation may not label it either.
            "conversation" => self.conversation(&of.id).await.map(drop),
            "message" => self.message(&of.id).await.map(drop),
            other => Err(invalid(format!(
                "a label is put on a conversation or a message, not `{}`",
                cut(other, 64)
            ))),
        }
    }

    async fn message(&mut self, id: &str) -> Result<messages::Message, Error> {
        if let Some(own) = self.view.messages.get(id) {
            return Ok(own.clone());
        }
        let services = Arc::clone(&self.context.services);
        services
            .message(id)
            .await?
            .ok_or_else(|| refused("not-found", format!("no message {}", cut(id, 64))))
    }
}

impl labels::Host for CallState {
    async fn add(&mut self, of: Subject, label: String) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        if let Err(error) = self.labelled(&of, &label).await {
            return Ok(Err(error));
        }
        if let Some(seen) = self
            .view
            .conversations
            .get_mut(&of.id)
            .filter(|it| !it.labels.contains(&label))
        {
            seen.labels.push(label.clone());
        }
        Ok(self.push(Effect::Labels(Labels::Add { of, label }), 256))
    }

    async fn remove(&mut self, of: Subject, label: String) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        if let Err(error) = self.labelled(&of, &label).await {
            return Ok(Err(error));
        }
        if let Some(seen) = self.view.conversations.get_mut(&of.id) {
            seen.labels.retain(|it| *it != label);
        }
        Ok(self.push(Effect::Labels(Labels::Remove { of, label }), 256))
    }
}

impl messages::Host for CallState {
    async fn get(&mut self, id: String) -> wasmtime::Result<Result<messages::Message, Error>> {
        self.enter()?;
        Ok(self.message(&id).await)
    }

    async fn recent(
        &mut self,
        conversation: String,
        before: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<messages::Message>, Error>> {
        self.enter()?;
        let limit = limit.clamp(1, 100);
        let services = Arc::clone(&self.context.services);
        let found = services
            .recent_messages(&conversation, before.as_deref(), limit)
            .await;
        Ok(found.map(|stored| {
            let own = self
                .view
                .messages
                .values()
                .filter(|it| it.conversation == conversation);
            // Ids sort by time; own messages are newer than any stored one.
            let own = own
                .filter(|it| before.as_ref().is_none_or(|before| it.id < *before))
                .rev()
                .cloned();
            own.chain(stored).take(limit as usize).collect()
        }))
    }

    async fn of_thread(
        &mut self,
        thread: String,
        before: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<messages::Message>, Error>> {
        self.enter()?;
        let limit = limit.clamp(1, 100);
        let services = Arc::clone(&self.context.services);
        Ok(services
            .thread_messages(&thread, before.as_deref(), limit)
            .await)
    }
}

impl CallState {
    async fn say(
        &mut self,
        conversation: String,
        content: Content,
        private: bool,
    ) -> Result<String, Error> {
        self.conversation(&conversation).await?;
        let bytes = content.text.len() + content.extra.len() + 256;
        if bytes > MAX_TEXT {
            return Err(refused(
                "limit",
                format!("a message may have {MAX_TEXT} bytes"),
            ));
        }
        let id = self.context.chance.mint("msg", self.context.now);
        let effect = if private {
            MessagesSend::Note {
                id: id.clone(),
                conversation: conversation.clone(),
                text: content.text.clone(),
            }
        } else {
            MessagesSend::Send {
                id: id.clone(),
                conversation: conversation.clone(),
                content: content.clone(),
            }
        };
        self.push(Effect::MessagesSend(effect), bytes)?;
        let message = messages::Message {
            id: id.clone(),
            conversation,
            author: "plugin".to_owned(),
            author_id: Some(self.plugin.to_string()),
            at: self.context.now,
            content,
            state: "queued".to_owned(),
            private,
            extra: String::new(),
        };
        self.view.messages.insert(id.clone(), message);
        Ok(id)
    }
}

impl messages_send::Host for CallState {
    async fn send(
        &mut self,
        conversation: String,
        content: Content,
    ) -> wasmtime::Result<Result<String, Error>> {
        self.enter()?;
        Ok(self.say(conversation, content, false).await)
    }

    async fn note(
        &mut self,
        conversation: String,
        text: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        self.enter()?;
        let content = Content {
            kind: "text".to_owned(),
            text,
            attachments: Vec::new(),
            extra: String::new(),
        };
        Ok(self.say(conversation, content, true).await)
    }
}

impl contacts::Host for CallState {
    async fn get(&mut self, id: String) -> wasmtime::Result<Result<contacts::Contact, Error>> {
        self.enter()?;
        let found = self.context.services.contact(&id).await;
        let found = found.and_then(|it| {
            it.ok_or_else(|| refused("not-found", format!("no contact {}", cut(&id, 64))))
        });
        Ok(found.map(|contact| with_own_effects(contact, &self.effects)))
    }

    async fn find(
        &mut self,
        kind: String,
        value: String,
    ) -> wasmtime::Result<Result<Option<String>, Error>> {
        self.enter()?;
        Ok(self.context.services.find_contact(&kind, &value).await)
    }
}

/// The contact as the call's own effects leave it.
fn with_own_effects(mut contact: contacts::Contact, effects: &[Effect]) -> contacts::Contact {
    for effect in effects {
        let Effect::ContactsWrite(effect) = effect else {
            continue;
        };
        match effect {
            ContactsWrite::AddLabel { contact: id, label }
                if *id == contact.id && !contact.labels.contains(label) =>
            {
                contact.labels.push(label.clone());
            }
            ContactsWrite::RemoveLabel { contact: id, label } if *id == contact.id => {
                contact.labels.retain(|it| it != label);
            }
            ContactsWrite::Rename { contact: id, name } if *id == contact.id => {
                contact.name.clone_from(name)
            }
            ContactsWrite::SetField {
                contact: id,
                name,
                value,
            } if *id == contact.id => {
                let mut fields: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(&contact.fields).unwrap_or_default();
                match serde_json::from_str(value) {
                    Ok(value) => drop(fields.insert(name.clone(), value)),
                    Err(_) => drop(fields.remove(name)),
                }
                contact.fields = serde_json::Value::Object(fields).to_string();
            }
            _ => {}
        }
    }
    contact
}

impl CallState {
    async fn change_contact(
        &mut self,
        id: &str,
        checked: Result<(), Error>,
        effect: ContactsWrite,
        bytes: usize,
    ) -> Result<(), Error> {
        checked?;
        if self.context.services.contact(id).await?.is_none() {
            return Err(refused("not-found", format!("no contact {}", cut(id, 64))));
        }
        self.push(Effect::ContactsWrite(effect), bytes)
    }
}

impl contacts_write::Host for CallState {
    async fn add_label(
        &mut self,
        contact: String,
        label: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = label_fits(&label);
        let effect = ContactsWrite::AddLabel {
            contact: contact.clone(),
            label,
        };
        Ok(self.change_contact(&contact, checked, effect, 256).await)
    }

    async fn remove_label(
        &mut self,
        contact: String,
        label: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = label_fits(&label);
        let effect = ContactsWrite::RemoveLabel {
            contact: contact.clone(),
            label,
        };
        Ok(self.change_contact(&contact, checked, effect, 256).await)
    }

    async fn set_field(
        &mut self,
        contact: String,
        name: String,
        value: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let json =
            value.is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(&value).is_ok();
        let checked = match (label_fits(&name), json && value.len() <= MAX_TEXT) {
            (Ok(()), true) => Ok(()),
            (Err(error), _) => Err(error),
            (_, false) => Err(invalid("a field's value is JSON of at most 64 KiB")),
        };
        let bytes = value.len() + 256;
        let effect = ContactsWrite::SetField {
            contact: contact.clone(),
            name,
            value,
        };
        Ok(self.change_contact(&contact, checked, effect, bytes).await)
    }

    async fn rename(
        &mut self,
        contact: String,
        name: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let checked = match name.trim().is_empty() || name.len() > 200 {
            true => Err(invalid("a name has 1 to 200 bytes")),
            false => Ok(()),
        };
        let effect = ContactsWrite::Rename {
            contact: contact.clone(),
            name,
        };
        Ok(self.change_contact(&contact, checked, effect, 256).await)
    }
}

impl teams::Host for CallState {
    async fn get(&mut self, id: String) -> wasmtime::Result<Result<teams::Team, Error>> {
        self.enter()?;
        Ok(self.team(&id).await)
    }

    async fn list_all(&mut self) -> wasmtime::Result<Result<Vec<teams::Team>, Error>> {
        self.enter()?;
        Ok(self.context.services.teams().await)
    }

    async fn hours_at(
        &mut self,
        about: Subject,
        at: Instant,
    ) -> wasmtime::Result<Result<teams::Hours, Error>> {
        self.enter()?;
        Ok(self.hours(about, at).await)
    }
}

impl media::Host for CallState {
    async fn describe(&mut self, id: String) -> wasmtime::Result<Result<media::File, Error>> {
        self.enter()?;
        Ok(self.file(&id).await)
    }

    async fn link(&mut self, id: String, seconds: u32) -> wasmtime::Result<Result<String, Error>> {
        self.enter()?;
        Ok(self
            .context
            .services
            .file_link(&id, seconds.clamp(1, 86_400))
            .await)
    }

    async fn upload(
        &mut self,
        id: String,
        url: String,
        headers: Vec<(String, String)>,
        part: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<(u16, Vec<u8>), Error>> {
        self.enter()?;
        let files = [(part, id)];
        Ok(self.upload_files(&files, url, headers, &fields).await)
    }

    async fn upload_all(
        &mut self,
        files: Vec<(String, String)>,
        url: String,
        headers: Vec<(String, String)>,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<(u16, Vec<u8>), Error>> {
        self.enter()?;
        Ok(self.upload_files(&files, url, headers, &fields).await)
    }

    async fn read(
        &mut self,
        id: String,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.enter()?;
        Ok(self
            .context
            .services
            .file_bytes(&id, offset, u64::from(length.min(MAX_READ)))
            .await)
    }
}

impl CallState {
    async fn file(&mut self, id: &str) -> Result<media::File, Error> {
        let services = Arc::clone(&self.context.services);
        services
            .file(id)
            .await?
            .ok_or_else(|| refused("not-found", format!("no file {}", cut(id, 64))))
    }

    /// A multipart form (RFC 7578) with the fields and the files, each by the name of its part.
    async fn upload_files(
        &mut self,
        files: &[(String, String)],
        url: String,
        mut headers: Vec<(String, String)>,
        fields: &[(String, String)],
    ) -> Result<(u16, Vec<u8>), Error> {
        if files.is_empty() || files.len() > MAX_FILES {
            return Err(invalid(format!("files: 1 to {MAX_FILES}")));
        }
        let mut random = [0; 16];
        self.context.chance.fill(&mut random);
        let boundary = hex::encode(random);
        let quoted = |text: &str| text.replace('"', "%22").replace(['\r', '\n'], " ");
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n{value}\r\n",
                quoted(name)
            );
        }
        let mut attached = Vec::with_capacity(files.len());
        for (part, id) in files {
            let file = self.file(id).await?;
            body += &format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {}\r\n\r\n",
                quoted(part),
                quoted(&file.name),
                quoted(&file.mime),
            );
            let services = Arc::clone(&self.context.services);
            attached.push(Attached::of(services, id, file.size, body.len()));
            body += "\r\n";
        }
        body += &format!("--{boundary}--\r\n");
        headers.push((
            "content-type".to_owned(),
            format!("multipart/form-data; boundary={boundary}"),
        ));
        self.wait_for_files(upload::size_of(&attached));
        let request = Request {
            method: "POST".to_owned(),
            url,
            headers,
            body: body.into(),
            files: attached,
            timeout: None,
        };
        let response = self.send_http(request).await?;
        Ok((response.status, response.body.into()))
    }
}
