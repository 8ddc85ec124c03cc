//! The server with the webhooks' parsing in native Rust: the connector's own `inbound` code, compiled with this program, in place of the call of the
//! component. Everything around it (verification, ingest, the other apps) is the server's.

use std::sync::Arc;

use anyhow::{Context, Result};
use async_trait::async_trait;
use balcao::app::App;
use balcao::channel::Channel;
use balcao::clock::{Clock, Instant};
use balcao::config::Config;
use balcao::id::{SendId, WorkspaceId};
use balcao::ingest::{Ingest, NoSignals, Parts};
use balcao::plugin::{AppError, Apps, Attempt, Handled, NotFetched, Wanted};
use balcao::store::claims::Claim;
use balcao::store::enabled_plugins::EnabledPlugin;
use balcao_plugin as guest;
use balcao_plugin::connector::Event;
use balcao_runtime::effect::Inbox;
use balcao_runtime::http::Sink;
use balcao_runtime::package::Package;
use balcao_runtime::wit::{Attachment, Content, actions, channel, channel_edits, inbox, views};
use plugin_whatsapp::inbound;
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::children::Role;

/// Runs a server as `balcao serve` does, until it is killed.
pub async fn serve(role: Role) -> Result<()> {
    let config = Config::load()?;
    let listener = TcpListener::bind(config.listen).await?;
    let mut app = App::open(config).await?;
    if role == Role::Native {
        let mut own = Arc::into_inner(app).context("the app is shared already")?;
        own.apps = Arc::new(Native::before(&own)?);
        app = Arc::new(own);
    }
    balcao::serve(&app, listener, None, std::future::pending()).await
}

/// Reads webhooks itself and leaves everything else to the apps that are there.
struct Native {
    apps: Arc<dyn Apps>,
    ingest: Ingest,
    clock: Clock,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    phone_number_id: String,
}

impl Native {
    fn before(app: &App) -> balcao::error::Result<Self> {
        let ingest = Ingest::start(Parts {
            store: app.store.clone(),
            ids: app.ids.clone(),
            clock: app.clock.clone(),
            subscriptions: Arc::clone(&app.subscriptions),
            signals: Arc::new(NoSignals),
        })?;
        Ok(Self {
            apps: Arc::clone(&app.apps),
            ingest,
            clock: app.clock.clone(),
        })
    }
}

#[async_trait]
impl Apps for Native {
    async fn receive(
        &self,
        channel: &Channel,
        request: channel::Request,
    ) -> Result<channel::Response, AppError> {
        let settings: Settings =
            serde_json::from_str(&channel.settings).map_err(balcao::error::Error::from)?;
        let now = self.clock.now();
        let account = Some(settings.phone_number_id.trim()).filter(|id| !id.is_empty());
        let brought = inbound::read(&request.body, account, || now);
        let items = brought.events.into_iter().map(handed_over).collect();
        self.ingest
            .submit(
                channel.workspace_id,
                channel.id,
                &channel.plugin_id,
                items,
                now,
            )
            .await?;
        Ok(channel::Response {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    fn offered(&self) -> Vec<Arc<Package>> {
        self.apps.offered()
    }

    fn package(&self, id: &str) -> Option<Arc<Package>> {
        self.apps.package(id)
    }

    fn is_on(&self, workspace: WorkspaceId, plugin: &str) -> bool {
        self.apps.is_on(workspace, plugin)
    }

    async fn changed(&self, workspace: WorkspaceId, plugin: &str) {
        self.apps.changed(workspace, plugin).await;
    }

    async fn keep_books(&self) -> balcao::error::Result<()> {
        self.apps.keep_books().await
    }

    async fn tidy_books(&self) -> balcao::error::Result<()> {
        self.apps.tidy_books().await
    }

    async fn disable(&self, workspace: WorkspaceId, plugin: &str) -> Result<(), AppError> {
        self.apps.disable(workspace, plugin).await
    }

    async fn signal(
        &self,
        channel: &Channel,
        thread: &str,
        kind: &str,
        data: &str,
    ) -> Result<(), AppError> {
        self.apps.signal(channel, thread, kind, data).await
    }

    async fn enable(&self, plugin: &EnabledPlugin) -> Result<(), AppError> {
        self.apps.enable(plugin).await
    }

    async fn describe(&self, channel: &Channel) -> Result<channel::Capabilities, AppError> {
        self.apps.describe(channel).await
    }

    async fn connect(
        &self,
        channel: &Channel,
        webhook: &str,
    ) -> Result<channel::Account, AppError> {
        self.apps.connect(channel, webhook).await
    }

    async fn disconnect(&self, channel: &Channel) -> Result<(), AppError> {
        self.apps.disconnect(channel).await
    }

    async fn send(&self, channel: &Channel, message: channel::Outbound) -> Attempt {
        self.apps.send(channel, message).await
    }

    async fn change(
        &self,
        channel: &Channel,
        deed: SendId,
        message: channel_edits::Target,
        content: Option<Content>,
    ) -> Attempt {
        self.apps.change(channel, deed, message, content).await
    }

    async fn fetch(
        &self,
        channel: &Channel,
        wanted: Wanted<'_>,
        to: &mut dyn Sink,
    ) -> Result<(), NotFetched> {
        self.apps.fetch(channel, wanted, to).await
    }

    async fn handle(&self, claim: &Claim, keep: Option<Instant>) -> Handled {
        self.apps.handle(claim, keep).await
    }

    async fn form(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: actions::Context,
    ) -> Result<String, AppError> {
        self.apps.form(workspace, plugin, context).await
    }

    async fn invoke(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: actions::Context,
        values: &str,
    ) -> Result<actions::Outcome, AppError> {
        self.apps.invoke(workspace, plugin, context, values).await
    }

    async fn render(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: views::Context,
    ) -> Result<String, AppError> {
        self.apps.render(workspace, plugin, context).await
    }
}

/// What the component hands over by calling `inbox`.
fn handed_over(event: Event) -> Inbox {
    match event {
        Event::Message { key, message } => Inbox::Message {
            event_key: key,
            message: inbox::Inbound {
                external_id: message.external_id,
                thread: message.thread,
                sender: person(message.sender),
                outgoing: message.outgoing,
                at: message.at,
                content: content(message.content),
                reply_to: message.reply_to,
                extra: message.extra,
            },
        },
        Event::Delivery {
            key,
            message,
            state,
            at,
            reason,
            extra,
        } => Inbox::Delivery {
            event_key: key,
            external_id: message,
            state: state.to_owned(),
            at,
            reason,
            extra,
        },
        Event::Reaction {
            key,
            message,
            sender,
            emoji,
            at,
        } => Inbox::Reaction {
            event_key: key,
            message,
            sender: person(sender),
            emoji,
            at,
        },
        Event::Edit {
            key,
            message,
            content: new,
            at,
        } => Inbox::Edit {
            event_key: key,
            message,
            content: content(new),
            at,
        },
        Event::Revoke { key, message, at } => Inbox::Revoke {
            event_key: key,
            message,
            at,
        },
        Event::Identity { key, old, now } => Inbox::Identity {
            event_key: key,
            old_external_id: old,
            now: person(now),
        },
        Event::Note {
            key,
            thread,
            code,
            text,
            extra,
        } => Inbox::Note {
            event_key: key,
            thread,
            code,
            text,
            extra,
        },
        Event::Health { state, message } => Inbox::Health {
            state: state.to_owned(),
            message,
        },
    }
}

fn person(of: guest::inbox::Person) -> inbox::Person {
    inbox::Person {
        external_id: of.external_id,
        aliases: of.aliases,
        name: of.name,
        avatar: of.avatar,
        extra: of.extra,
    }
}

fn content(of: guest::Content) -> Content {
    let attachment = |it: guest::Attachment| Attachment {
        source: it.source,
        mime: it.mime,
        name: it.name,
        size: it.size,
    };
    Content {
        kind: of.kind,
        text: of.text,
        attachments: of.attachments.into_iter().map(attachment).collect(),
        extra: of.extra,
    }
}
