//! What the rest of the server asks of plugins. `Apps` is the whole surface: behind it are the registry of packages, the calls and the commit of
//! their effects. Knows no plugin by name.

mod apps;
mod books;
mod calls;
pub mod compile;
mod enabled;
mod fetch;
mod kept;
mod registry;
mod services;

use std::sync::Arc;

use async_trait::async_trait;
use balcao_runtime::{
    http::Sink,
    package::Package,
    permissions,
    wit::{Content, actions, channel, channel_edits, views},
};

pub use calls::Calls;
pub use enabled::{EnabledApps, with_defaults};
pub use registry::{Hosts, Registry};

use crate::{
    attachment::Trouble,
    channel::Channel,
    clock::Instant,
    error::{Error, Result},
    id::{SendId, WorkspaceId},
    store::{claims::Claim, enabled_plugins::EnabledPlugin},
};

/// Whether a package brings a channel: its settings are each channel's then, not the workspace's.
pub fn is_connector(package: &Package) -> bool {
    permissions::contributions(package)
        .iter()
        .any(|it| it.code == "channel")
}

/// Whether an app acts in the workspace, with this package: another one than the administrator consented to is not that app.
pub fn in_force(app: &EnabledPlugin, package: &Package) -> bool {
    app.enabled && consented(app, package)
}

fn consented(app: &EnabledPlugin, package: &Package) -> bool {
    package.digest().to_string() == app.digest
}

/// Why a plugin did not do what it was asked. Nothing that it wanted was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallFailure {
    /// The plugin's own code, or `trap`, `limit`, `missing`, `off`, `breaker`.
    pub code: String,
    /// For people.
    pub message: String,
    /// Seconds after which it may be asked again; none: not before something has changed.
    pub retry: Option<u32>,
}

/// A call that came to nothing: by the plugin's fault, or by ours.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Plugin(#[from] CallFailure),
    #[error(transparent)]
    Host(#[from] Error),
}

/// What came of an attempt to send.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    Sent(channel::Sent),
    /// What was sent before says something else now, or is gone.
    Changed,
    /// `retry`: seconds after which it may be tried again; none: never. `code`: the app's own; empty where it was not asked or did not say.
    Refused {
        code: String,
        retry: Option<u32>,
        message: String,
    },
    /// A request went out and nobody knows what became of it.
    Uncertain,
}

/// An attachment whose bytes are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// `ref:…` or `https://…`.
    pub source: &'a str,
    /// The same at every attempt.
    pub key: &'a str,
    pub max_bytes: u64,
    /// Bytes that it has, as the provider says; 0 where it does not.
    pub announced: u64,
}

/// Why an attachment's bytes did not come, and how many seconds whoever was asked wants to be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFetched {
    pub trouble: Trouble,
    pub rest: Option<u32>,
}

impl From<Trouble> for NotFetched {
    fn from(trouble: Trouble) -> Self {
        Self {
            trouble,
            rest: None,
        }
    }
}

/// What came of telling a plugin of an event or timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Committed with everything the plugin asked for; what the lane has next, where that is due and still held for us.
    Done { next: Option<Box<Claim>> },
    /// Another holds the lane now, or the database knows it under another number.
    NotOurs,
    /// Nothing of it was kept, and that is not the plugin's doing: others kept changing what it looked at, or the database could not
    /// be reached.
    Later { message: String },
    /// The plugin has failed; nothing of it was kept. `retry`: seconds, none: never again.
    Failed { message: String, retry: Option<u32> },
}

/// Packages that are offered, and calls of those that are enabled. What a call wants is committed before its answer is given.
#[async_trait]
pub trait Apps: Send + Sync {
    /// The newest package of each id, by id.
    fn offered(&self) -> Vec<Arc<Package>>;

    /// The newest package of that id.
    fn package(&self, id: &str) -> Option<Arc<Package>>;

    /// Whether the plugin is called in the workspace: it is in force, or begins.
    fn is_on(&self, workspace: WorkspaceId, plugin: &str) -> bool;

    /// The workspace's grants, settings or secrets of this plugin have changed, or a channel of it.
    async fn changed(&self, workspace: WorkspaceId, plugin: &str);

    /// Writes what calls have used and logged, and hears what other nodes and the operator did. Once a second is often enough.
    async fn keep_books(&self) -> Result<()>;

    /// Forgets what is too old to be of use. Once a minute is often enough.
    async fn tidy_books(&self) -> Result<()>;

    /// Lets the plugin begin in a workspace that is about to enable it, where it wants to: from here on it is called and told of events, and
    /// [`Apps::changed`] says what became of it.
    async fn enable(&self, plugin: &EnabledPlugin) -> Result<(), AppError>;

    /// Lets the plugin end what it has outside, before the workspace disables it, where it wants to.
    async fn disable(&self, workspace: WorkspaceId, plugin: &str) -> Result<(), AppError>;

    /// Passes on what somebody does beside writing: `typing`, `read`, `reaction`. Best effort, never repeated.
    async fn signal(
        &self,
        channel: &Channel,
        thread: &str,
        kind: &str,
        data: &str,
    ) -> Result<(), AppError>;

    /// A verified webhook; the answer is given once what it brought is committed.
    async fn receive(
        &self,
        channel: &Channel,
        request: channel::Request,
    ) -> Result<channel::Response, AppError>;

    /// What the channel can do.
    async fn describe(&self, channel: &Channel) -> Result<channel::Capabilities, AppError>;

    /// Checks the channel's settings and registers its webhook where that is possible.
    async fn connect(&self, channel: &Channel, webhook: &str)
    -> Result<channel::Account, AppError>;

    /// Takes back what `connect` has registered with the provider, where the plugin does.
    async fn disconnect(&self, channel: &Channel) -> Result<(), AppError>;

    /// Sends a message once.
    async fn send(&self, channel: &Channel, message: channel::Outbound) -> Attempt;

    /// Changes a message that the channel has, once: it says `content`, or nothing any more. `deed`: this change, and no other of the message.
    async fn change(
        &self,
        channel: &Channel,
        deed: SendId,
        message: channel_edits::Target,
        content: Option<Content>,
    ) -> Attempt;

    /// Fetches an attachment of a message that the channel brought, of at most so many bytes: they go to `to` as they come.
    async fn fetch(
        &self,
        channel: &Channel,
        wanted: Wanted<'_>,
        to: &mut dyn Sink,
    ) -> Result<(), NotFetched>;

    /// Tells the plugin of an event or a timer and commits what it asks for. `keep`: until when the lane may be kept for its next, taken in
    /// the same commit; none lets go of it.
    async fn handle(&self, claim: &Claim, keep: Option<Instant>) -> Handled;

    /// The form of an action: a JSON text, empty for none.
    async fn form(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: actions::Context,
    ) -> Result<String, AppError>;

    /// Runs an action with the user's and the plugin's rights.
    async fn invoke(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: actions::Context,
        values: &str,
    ) -> Result<actions::Outcome, AppError>;

    /// Draws a view: a JSON text.
    async fn render(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: views::Context,
    ) -> Result<String, AppError>;
}
