//! What the rest of the server may ask of plugins (`Apps`), as calls.

use std::sync::Arc;

use async_trait::async_trait;
use balcao_runtime::{
    HttpExchange, bounds,
    call::{CallError, Input, Outcome, Output},
    context::FirstRun,
    http::{HttpError, Sink},
    package::Package,
    wit::{Content, Failure, actions, channel, channel_edits, views},
};

use super::{
    AppError, Apps, Attempt, Handled, NotFetched, Wanted,
    calls::{About, Calls, MISSING, OFF, RESTS},
};
use crate::{
    channel::Channel,
    clock::Instant,
    error::{Error, Result},
    id::{MessageId, SendId, WorkspaceId},
    store::{claims::Claim, enabled_plugins::EnabledPlugin},
};

impl Calls {
    async fn close_breaker(&self, workspace: WorkspaceId, plugin: &str) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.set_plugin_breaker(workspace, plugin, None).await?;
        tx.commit().await
    }

    /// Runs what is never run again by itself: a message's way out, or that of a change of it. `key`: of the deed.
    async fn deliver(&self, channel: &Channel, key: String, input: Input) -> Attempt {
        let mut about = self.about_channel(channel);
        about.key = key;
        match self.run(&about, FirstRun::default(), input).await {
            Ok((offered, mut outcome)) => {
                if outcome.result.is_ok() {
                    // Large, and most connectors have no need of it.
                    let kept = Box::pin(self.keep_beside(&about, &offered, &mut outcome)).await;
                    match kept {
                        Ok(()) => outcome.keep_instance(),
                        Err(error) if outcome.http().is_empty() => {
                            outcome.result = Err(not_kept(&error));
                        }
                        Err(error) => self.note_not_kept(&about, &error),
                    }
                }
                attempt(outcome)
            }
            Err(AppError::Plugin(failure)) => Attempt::Refused {
                code: String::new(),
                // Switched off or resting: it may come back.
                retry: Some(0),
                message: match failure.code.as_str() {
                    OFF => "O app deste canal está desabilitado.".to_owned(),
                    RESTS => "O app deste canal falhou vezes demais e está em pausa.".to_owned(),
                    _ => failure.message,
                },
            },
            Err(AppError::Host(error)) => {
                tracing::error!(channel = %channel.id, "a message could not be sent: {error}");
                Attempt::Refused {
                    code: String::new(),
                    retry: Some(0),
                    message: "o servidor não conseguiu enviar agora".to_owned(),
                }
            }
        }
    }

    /// A call that not every plugin has.
    async fn begin_or_end(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        input: &Input,
    ) -> Result<(), AppError> {
        let about = About {
            workspace,
            plugin,
            channel: None,
            actor: None,
            key: self.ids.mint::<MessageId>().to_string(),
        };
        match self.commit(&about, input).await {
            Ok(_) => Ok(()),
            Err(AppError::Plugin(failure)) if failure.code == MISSING => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Ids that are kept of a message; the last ones, where there are more.
const MOST_PARTS: usize = 32;

/// What a finished `send` means. Where a request may have been received although the plugin did not succeed, nobody knows whether the
/// message went out, whatever the plugin says of it. Only of a provider that said no in the end the plugin knows what it had said yes to before: to
/// take a file, most of all.
fn attempt(outcome: Outcome) -> Attempt {
    let http = outcome.http();
    let said_yes = |it: &HttpExchange| it.result.as_ref().is_ok_and(|answer| answer.status < 300);
    let unanswered = |it: &HttpExchange| it.result.as_ref().is_err_and(HttpError::may_have_arrived);
    let unknown = http.iter().any(unanswered)
        || match outcome.result {
            Err(CallError::Failed(_)) => http.last().is_some_and(said_yes),
            _ => http.iter().any(said_yes),
        };
    match outcome.result {
        Ok(Output::Sent(mut sent)) => {
            // It is out, whatever its provider calls it: what no id can be is done without.
            sent.external_ids
                .retain(|id| bounds::external("external-id", id).is_ok());
            let more = sent.external_ids.len().saturating_sub(MOST_PARTS);
            sent.external_ids.drain(..more);
            Attempt::Sent(sent)
        }
        Ok(Output::Done) => Attempt::Changed,
        _ if unknown => Attempt::Uncertain,
        Ok(_) => Attempt::Refused {
            code: String::new(),
            retry: None,
            message: "O app deste canal respondeu o que não foi perguntado.".to_owned(),
        },
        Err(CallError::Failed(said)) => Attempt::Refused {
            code: said.code,
            retry: said.retry,
            message: said.message,
        },
        Err(CallError::Busy(_)) => Attempt::Refused {
            code: String::new(),
            retry: Some(0),
            message: "O app deste canal está ocupado demais.".to_owned(),
        },
        // What went wrong inside is for whoever keeps the app, and in its log.
        Err(error) => Attempt::Refused {
            code: String::new(),
            retry: Some(0),
            message: format!("O app deste canal falhou ao enviar ({error})."),
        },
    }
}

/// A send whose effects could not be kept: it may be tried again where nothing has gone out.
fn not_kept(error: &AppError) -> CallError {
    let (code, retry) = match error {
        AppError::Plugin(failure) => (failure.code.clone(), failure.retry),
        AppError::Host(error) => {
            tracing::error!("what a send asked for could not be kept: {error}");
            ("unavailable".to_owned(), Some(0))
        }
    };
    CallError::Failed(Failure {
        retry,
        code,
        message: error.to_string(),
        extra: String::new(),
    })
}

/// An export answered with what another one answers: cannot happen, and is not worth a panic.
fn unexpected<T>() -> Result<T, AppError> {
    Err(Error::Internal(anyhow::anyhow!("an export answered for another one")).into())
}

#[async_trait]
impl Apps for Calls {
    fn offered(&self) -> Vec<Arc<Package>> {
        self.registry
            .all()
            .map(|it| Arc::clone(&it.package))
            .collect()
    }

    fn package(&self, id: &str) -> Option<Arc<Package>> {
        self.registry.get(id).map(|it| Arc::clone(&it.package))
    }

    fn is_on(&self, workspace: WorkspaceId, plugin: &str) -> bool {
        self.enabled.get(workspace, plugin).is_some()
    }

    async fn changed(&self, workspace: WorkspaceId, plugin: &str) {
        let package = self.package(plugin);
        // What was changed may be what made it fail: it may try again at once.
        if let Err(error) = self.close_breaker(workspace, plugin).await {
            tracing::error!(%workspace, plugin, "the breaker could not be closed: {error}");
        }
        if let Err(error) = self
            .enabled
            .refresh(&self.store, workspace, package.as_deref(), plugin)
            .await
        {
            tracing::error!(%workspace, plugin, "what the workspace has enabled could not be read again: {error}");
        }
        if let Some(offered) = self.registry.get(plugin) {
            offered.plugin.forget(&workspace.to_string());
        }
    }

    async fn keep_books(&self) -> Result<()> {
        let package = |id: &str| self.package(id);
        self.books
            .balance(&self.store, &self.clock, &self.enabled, package)
            .await
    }

    async fn tidy_books(&self) -> Result<()> {
        self.books.tidy(&self.store, self.clock.now()).await
    }

    async fn enable(&self, plugin: &EnabledPlugin) -> Result<(), AppError> {
        let package = self.package(&plugin.plugin_id);
        // Asked for as if it were on, which it is not yet in the store.
        self.enabled.begins(plugin, package.as_deref());
        let (workspace, plugin) = (plugin.workspace_id, plugin.plugin_id.as_str());
        let begun = self.begin_or_end(workspace, plugin, &Input::Enable).await;
        self.enabled.has_begun(workspace, plugin);
        begun
    }

    async fn disable(&self, workspace: WorkspaceId, plugin: &str) -> Result<(), AppError> {
        self.begin_or_end(workspace, plugin, &Input::Disable).await
    }

    async fn signal(
        &self,
        channel: &Channel,
        thread: &str,
        kind: &str,
        data: &str,
    ) -> Result<(), AppError> {
        let input = Input::Signal {
            channel: channel.id.to_string(),
            thread: thread.to_owned(),
            kind: kind.to_owned(),
            data: data.to_owned(),
        };
        self.commit(&self.about_channel(channel), &input).await?;
        Ok(())
    }

    async fn receive(
        &self,
        channel: &Channel,
        request: channel::Request,
    ) -> Result<channel::Response, AppError> {
        match self
            .commit(&self.about_channel(channel), &Input::Receive(request))
            .await?
        {
            Output::Response(response) => Ok(response),
            _ => unexpected(),
        }
    }

    async fn describe(&self, channel: &Channel) -> Result<channel::Capabilities, AppError> {
        let input = Input::Describe {
            channel: channel.id.to_string(),
        };
        match self.commit(&self.about_channel(channel), &input).await? {
            Output::Capabilities(capabilities) => Ok(capabilities),
            _ => unexpected(),
        }
    }

    async fn connect(
        &self,
        channel: &Channel,
        webhook: &str,
    ) -> Result<channel::Account, AppError> {
        let input = Input::Connect {
            channel: channel.id.to_string(),
            webhook: webhook.to_owned(),
        };
        match self.commit(&self.about_channel(channel), &input).await? {
            Output::Account(account) => Ok(account),
            _ => unexpected(),
        }
    }

    async fn disconnect(&self, channel: &Channel) -> Result<(), AppError> {
        let input = Input::Disconnect {
            channel: channel.id.to_string(),
        };
        self.commit(&self.about_channel(channel), &input).await?;
        Ok(())
    }

    async fn send(&self, channel: &Channel, message: channel::Outbound) -> Attempt {
        let key = message.message.clone();
        self.deliver(channel, key, Input::Send(message)).await
    }

    async fn change(
        &self,
        channel: &Channel,
        deed: SendId,
        message: channel_edits::Target,
        content: Option<Content>,
    ) -> Attempt {
        // Another deed than the sending, and the same at each attempt.
        let key = format!("{}/{deed}", message.message);
        let input = match content {
            Some(content) => Input::Edit(message, content),
            None => Input::Revoke(message),
        };
        self.deliver(channel, key, input).await
    }

    async fn fetch(
        &self,
        channel: &Channel,
        wanted: Wanted<'_>,
        to: &mut dyn Sink,
    ) -> Result<(), NotFetched> {
        // Large, and most calls have no need of it.
        Box::pin(self.fetch_for(channel, wanted, to)).await
    }

    async fn handle(&self, claim: &Claim, keep: Option<Instant>) -> Handled {
        match self.serve(claim, keep).await {
            Ok(handled) => handled,
            // What waits for an app whose package was replaced waits until it is enabled again.
            Err(AppError::Plugin(failure)) if failure.code == OFF => Handled::Later {
                message: failure.to_string(),
            },
            Err(AppError::Plugin(failure)) => Handled::Failed {
                message: failure.to_string(),
                retry: Some(0),
            },
            Err(AppError::Host(error)) if error.may_pass() => Handled::Later {
                message: error.to_string(),
            },
            Err(AppError::Host(error)) => Handled::Failed {
                message: error.to_string(),
                retry: Some(0),
            },
        }
    }

    async fn form(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: actions::Context,
    ) -> Result<String, AppError> {
        let channel = self
            .own_channel(workspace, plugin, context.about.as_ref())
            .await?;
        let mut about = self.about_action(workspace, plugin, &context.user).await?;
        about.channel = channel.as_ref();
        match self.commit(&about, &Input::Form(context)).await? {
            Output::Json(form) => Ok(form),
            _ => unexpected(),
        }
    }

    async fn invoke(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: actions::Context,
        values: &str,
    ) -> Result<actions::Outcome, AppError> {
        let channel = self
            .own_channel(workspace, plugin, context.about.as_ref())
            .await?;
        let mut about = self.about_action(workspace, plugin, &context.user).await?;
        about.channel = channel.as_ref();
        match self
            .commit(&about, &Input::Invoke(context, values.to_owned()))
            .await?
        {
            Output::Outcome(outcome) => Ok(outcome),
            _ => unexpected(),
        }
    }

    async fn render(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: views::Context,
    ) -> Result<String, AppError> {
        let about = self.about_action(workspace, plugin, &context.user).await?;
        match self.commit(&about, &Input::Render(context)).await? {
            Output::Json(tree) => Ok(tree),
            _ => unexpected(),
        }
    }
}
