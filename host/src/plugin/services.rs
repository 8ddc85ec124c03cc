//! The reads behind a call's imports, from the store: one short read transaction each, none open while the plugin computes. Sees only the
//! call's workspace and, for keys and rows, only the plugin's own.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use balcao_runtime::{
    services::{
        Aggregate, Away, Conversation, HoursOf, MessageExtra, Query, Reaction, Services, Stored,
        message_extra, refused,
    },
    wit::{Error, Instant, Subject, collections, contacts, media, messages, teams, visitors},
};

use crate::{
    error::Error as HostError,
    id::{ChannelId, ConversationId, FileId, VisitorId, WorkspaceId},
    media::Media,
    store::{
        Store, Tx, conversations,
        files::File,
        messages as stored_messages,
        storage::{Indexes, Owner},
    },
    visitors::Visitors,
};

/// For one call.
pub struct StoreServices {
    pub store: Store,
    pub workspace: WorkspaceId,
    pub plugin: Arc<str>,
    pub indexes: Arc<Indexes>,
    pub media: Arc<Media>,
    pub visitors: Arc<Visitors>,
    /// Of a call about one: a connector sees only what is of its own.
    pub channel: Option<ChannelId>,
    pub now: Instant,
}

/// How the plugin is told of an error of ours: what is no fault of its own says nothing of the database.
fn told(error: HostError) -> Error {
    match error {
        HostError::NotFound(what) => refused("not-found", format!("no such {what}")),
        error if error.may_pass() => {
            tracing::warn!("a plugin's read has to wait: {error}");
            refused("unavailable", "the store cannot be read now")
        }
        HostError::Internal(error) => {
            tracing::error!("a plugin's read failed: {error:#}");
            refused("unavailable", "the store cannot be read now")
        }
        other => refused("invalid", other.to_string()),
    }
}

fn no_file() -> Error {
    told(HostError::NotFound("file"))
}

impl StoreServices {
    async fn read(&self) -> Result<Tx, Error> {
        self.store.look_up().await.map_err(told)
    }

    /// For what may look through many rows.
    async fn search(&self) -> Result<Tx, Error> {
        self.store.read().await.map_err(told)
    }

    /// A file whose bytes are here.
    async fn ready(&self, tx: &mut Tx, id: &str) -> Result<Option<File>, Error> {
        let Ok(id) = id.parse::<FileId>() else {
            return Ok(None);
        };
        let found = tx.file(self.workspace, id).await.map_err(told)?;
        Ok(found.filter(|file| file.state == "ready"))
    }

    fn sees(&self, channel: ChannelId) -> bool {
        self.channel.is_none_or(|own| own == channel)
    }

    /// What is lost of it in a power failure is done again as the token comes again.
    async fn earlier_tokens_end(
        &self,
        of: (WorkspaceId, ChannelId),
        visitor: VisitorId,
        since: Instant,
    ) -> crate::error::Result<()> {
        let mut tx = self.store.begin_repeatable().await?;
        tx.visitor_tokens_end(of, visitor, since).await?;
        tx.commit().await
    }

    /// Where the call is about a channel.
    fn of_channel(&self) -> Result<(WorkspaceId, ChannelId), Error> {
        let own = self.channel.map(|channel| (self.workspace, channel));
        own.ok_or_else(|| refused("state", "this call is not about a channel"))
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
            workspace: self.workspace,
            plugin: &self.plugin,
        }
    }
}

fn snapshot(stored: &conversations::Conversation) -> Result<Conversation, Error> {
    Ok(Conversation {
        id: stored.id.to_string(),
        channel: stored.channel_id.to_string(),
        contact: stored.contact_id.to_string(),
        routed: stored.routed().map_err(told)?,
        queued_at: stored.queued_at,
        last_inbound_at: stored.last_inbound_at,
        labels: serde_json::from_str(&stored.labels).unwrap_or_default(),
    })
}

fn message(stored: &stored_messages::Message) -> messages::Message {
    messages::Message {
        id: stored.id.to_string(),
        conversation: stored.conversation_id.to_string(),
        author: stored.author.clone(),
        author_id: stored.author_id.clone(),
        at: stored.at,
        content: balcao_runtime::wit::Content {
            kind: stored.kind.clone(),
            text: stored.text.clone(),
            attachments: serde_json::from_str(&stored.attachments).unwrap_or_default(),
            extra: stored.extra.clone(),
        },
        state: stored.state.clone(),
        private: stored.direction == "note",
        extra: message_extra(&extra(stored)),
    }
}

fn extra(stored: &stored_messages::Message) -> MessageExtra<'_> {
    MessageExtra {
        external_id: stored.external_id.as_deref(),
        reply_to: stored.reply_to_external.as_deref(),
        edited: stored.edited_at.is_some(),
        revoked: stored.revoked_at.is_some(),
        author_name: None,
        reactions: reactions(&stored.reactions),
    }
}

/// Those that were taken back stay, without their emoji.
fn reactions(stored: &str) -> Vec<Reaction> {
    let mut all: Vec<Reaction> = serde_json::from_str(stored).unwrap_or_default();
    all.retain(|it| !it.emoji.is_empty());
    all
}

#[async_trait]
impl Services for StoreServices {
    async fn storage_get(&self, key: &str) -> Result<Option<Stored>, Error> {
        self.read()
            .await?
            .storage_get(self.owner(), key, self.now)
            .await
            .map_err(told)
    }

    async fn storage_list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, Stored)>, Error> {
        let mut tx = self.read().await?;
        tx.storage_list(self.owner(), prefix, after, i64::from(limit), self.now)
            .await
            .map_err(told)
    }

    async fn row(&self, collection: &str, key: &str) -> Result<Option<String>, Error> {
        self.read()
            .await?
            .collection_row(self.owner(), collection, key)
            .await
            .map_err(told)
    }

    async fn query(&self, query: &Query) -> Result<Vec<collections::Entry>, Error> {
        self.search()
            .await?
            .query_collection(self.owner(), &self.indexes, query)
            .await
            .map_err(told)
    }

    async fn aggregate(&self, query: &Aggregate) -> Result<Vec<collections::Group>, Error> {
        self.search()
            .await?
            .aggregate_collection(self.owner(), &self.indexes, query)
            .await
            .map_err(told)
    }

    async fn scoped_settings(&self, of: &Subject) -> Result<Option<String>, Error> {
        let (kind, id) = (of.kind.as_str(), of.id.parse());
        let ("team", Ok(team)) = (kind, id) else {
            return Ok(None);
        };
        let own = self
            .read()
            .await?
            .team_settings(self.workspace, team, &self.plugin)
            .await
            .map_err(told)?;
        Ok(own.map(|own| serde_json::Value::Object(own).to_string()))
    }

    async fn file(&self, id: &str) -> Result<Option<media::File>, Error> {
        let found = self.ready(&mut self.read().await?, id).await?;
        Ok(found.map(|file| media::File {
            id: file.id.to_string(),
            mime: file.mime,
            name: file.name,
            size: u64::try_from(file.size).unwrap_or(0),
        }))
    }

    async fn file_link(&self, id: &str, seconds: u32) -> Result<String, Error> {
        let mut tx = self.read().await?;
        let file = self.ready(&mut tx, id).await?.ok_or_else(no_file)?;
        let until = self.now.saturating_add(i64::from(seconds) * 1_000_000);
        self.media
            .link(&mut tx, self.workspace, file.id, until)
            .await
            .map_err(told)
    }

    async fn file_bytes(&self, id: &str, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let file = self.ready(&mut self.read().await?, id).await?;
        let file = file.ok_or_else(no_file)?;
        let read = self.media.bytes(&file, offset, length).await;
        read.map_err(told)
    }

    async fn conversation(&self, id: &str) -> Result<Option<Conversation>, Error> {
        let Ok(id) = id.parse::<ConversationId>() else {
            return Ok(None);
        };
        let found = self
            .read()
            .await?
            .conversation(self.workspace, id)
            .await
            .map_err(told)?;
        let found = found.filter(|it| self.sees(it.channel_id));
        found.as_ref().map(snapshot).transpose()
    }

    async fn queued(
        &self,
        team: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Conversation>, Error> {
        let Ok(team) = team.parse() else {
            return Ok(Vec::new());
        };
        let after = after.and_then(|after| after.parse().ok());
        let mut tx = self.read().await?;
        let found = tx
            .queue_of_team(self.workspace, team, after, i64::from(limit))
            .await
            .map_err(told)?;
        found.iter().map(snapshot).collect()
    }

    async fn message(&self, id: &str) -> Result<Option<messages::Message>, Error> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let found = self
            .read()
            .await?
            .message(self.workspace, id)
            .await
            .map_err(told)?;
        let found = found.filter(|it| self.sees(it.channel_id));
        Ok(found.as_ref().map(message))
    }

    async fn recent_messages(
        &self,
        conversation: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<messages::Message>, Error> {
        let Ok(conversation) = conversation.parse() else {
            return Ok(Vec::new());
        };
        let before = before.and_then(|before| before.parse().ok());
        let mut tx = self.read().await?;
        let found = tx
            .recent_messages(self.workspace, conversation, before, i64::from(limit))
            .await
            .map_err(told)?;
        let seen = found.iter().filter(|it| self.sees(it.channel_id));
        Ok(seen.map(message).collect())
    }

    async fn thread_messages(
        &self,
        thread: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<messages::Message>, Error> {
        let of = self.of_channel()?;
        let before = before.and_then(|before| before.parse().ok());
        let mut tx = self.search().await?;
        let found = tx
            .thread_messages(of, thread, before, i64::from(limit))
            .await
            .map_err(told)?;
        let mut names: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for it in found.iter().filter(|it| it.author == "user") {
            if let Some(author) = it.author_id.as_deref()
                && !names.contains_key(author)
            {
                let user = match author.parse() {
                    Ok(id) => tx.user(self.workspace, id).await.map_err(told)?,
                    Err(_) => None,
                };
                names.insert(author, user.map(|user| user.name));
            }
        }
        let shown = found.iter().map(|it| {
            let name = it.author_id.as_deref().and_then(|id| names.get(id));
            let extra = message_extra(&MessageExtra {
                author_name: name.and_then(|name| name.as_deref()),
                ..extra(it)
            });
            messages::Message {
                extra,
                ..message(it)
            }
        });
        Ok(shown.collect())
    }

    async fn is_upload_of(&self, file: &str, visitor: &str) -> Result<bool, Error> {
        let (workspace, channel) = self.of_channel()?;
        let Ok(id) = file.parse() else {
            return Ok(false);
        };
        let found = self.read().await?.file(workspace, id).await.map_err(told)?;
        Ok(found.is_some_and(|file| file.is_upload_of(channel, visitor)))
    }

    async fn visitor_open(&self, token: Option<&str>) -> Result<visitors::Visitor, Error> {
        let of = self.of_channel()?;
        let mut tx = self.read().await?;
        let opened = self.visitors.open(&mut tx, of, token).await;
        let opened = opened.map_err(told)?;
        drop(tx);
        if let Some(since) = opened.succeeds {
            self.earlier_tokens_end(of, opened.id, since)
                .await
                .map_err(told)?;
        }
        Ok(visitors::Visitor {
            id: opened.id.to_string(),
            token: opened.token,
            known: opened.known,
        })
    }

    async fn visitor_verify(&self, token: &str) -> Result<Option<String>, Away> {
        let Ok(of) = self.of_channel() else {
            return Ok(None);
        };
        let away = |error| {
            tracing::warn!("a visitor's token cannot be looked up now: {error}");
            Away
        };
        let mut tx = self.store.look_up().await.map_err(away)?;
        let id = self.visitors.verify(&mut tx, of, token).await;
        Ok(id.map_err(away)?.map(|id| id.to_string()))
    }

    async fn contact(&self, id: &str) -> Result<Option<contacts::Contact>, Error> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let mut tx = self.read().await?;
        let Some(found) = tx.contact(self.workspace, id).await.map_err(told)? else {
            return Ok(None);
        };
        let addresses = tx.addresses_of(self.workspace, id).await.map_err(told)?;
        Ok(Some(contacts::Contact {
            id: found.id.to_string(),
            name: found.name,
            labels: serde_json::from_str(&found.labels).unwrap_or_default(),
            addresses: addresses
                .into_iter()
                .map(|it| (it.kind, it.value))
                .collect(),
            fields: found.fields,
            extra: String::new(),
        }))
    }

    async fn find_contact(&self, kind: &str, value: &str) -> Result<Option<String>, Error> {
        let mut tx = self.read().await?;
        let found = tx
            .find_contact(self.workspace, kind, value)
            .await
            .map_err(told)?;
        Ok(found.map(|id| id.to_string()))
    }

    async fn team(&self, id: &str) -> Result<Option<teams::Team>, Error> {
        let Ok(id) = id.parse() else { return Ok(None) };
        self.read()
            .await?
            .plugin_team(self.workspace, id)
            .await
            .map_err(told)
    }

    async fn teams(&self) -> Result<Vec<teams::Team>, Error> {
        let mut tx = self.read().await?;
        let mut found = Vec::new();
        for team in tx.teams(self.workspace).await.map_err(told)? {
            found.extend(
                tx.plugin_team(self.workspace, team.id)
                    .await
                    .map_err(told)?,
            );
        }
        Ok(found)
    }

    async fn hours_at(&self, of: &HoursOf, at: Instant) -> Result<teams::Hours, Error> {
        let found = self
            .read()
            .await?
            .plugin_hours(self.workspace, of, at)
            .await
            .map_err(told)?;
        found.ok_or_else(|| told(HostError::NotFound("team or channel")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_told_to_try_again_what_will_pass_and_never_of_the_database() {
        let passing = [
            HostError::Unavailable("10.0.0.7:5432 cannot be reached".into()),
            HostError::from(sqlx::Error::PoolTimedOut),
            HostError::Internal(anyhow::anyhow!("SELECT secret FROM secrets")),
        ];
        for error in passing {
            let told = told(error);
            assert_eq!(
                (told.code.as_str(), told.message.as_str()),
                ("unavailable", "the store cannot be read now")
            );
        }
        let lasting = [HostError::NotFound("file"), HostError::invalid("no field")];
        let told = lasting.map(|error| told(error).code);
        assert_eq!(told, ["not-found", "invalid"]);
    }
}
