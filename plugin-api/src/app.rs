//! The traits of what a plugin contributes beside channels: reactions, timers, buttons and forms, screens, reports, its own life.

use crate::{Failure, Instant, bindings, rt};

pub use bindings::actions::exports::balcao::app::actions::{
    Context as ActionContext, Outcome as ActionOutcome,
};
pub use bindings::events::exports::balcao::app::events::Event;
pub use bindings::reports::exports::balcao::app::reports::{Column, Query as ReportQuery, Table};
pub use bindings::timer_events::exports::balcao::app::timer_events::Timer;
pub use bindings::views::exports::balcao::app::views::Context as ViewContext;

/// Reacts to what happens. The manifest's subscriptions say to what.
pub trait Events {
    /// Events of one lane come one at a time, in order.
    fn handle(event: Event) -> Result<(), Failure>;
}

/// Acts at times it set through [`timers`](crate::timers).
pub trait TimerEvents {
    fn fire(timer: Timer) -> Result<(), Failure>;
}

/// Contributes the buttons and forms that the manifest names.
pub trait Actions {
    /// The form to show before `invoke`: `{"schema", "ui", "values"}`. Empty, the default: none.
    fn form(_context: ActionContext) -> Result<String, Failure> {
        Ok(String::new())
    }
    /// `values` are the form's, valid against its schema, as JSON.
    fn invoke(context: ActionContext, values: String) -> Result<ActionOutcome, Failure>;
}

/// Contributes the screens and panels that the manifest names.
pub trait Views {
    /// A tree in the documented vocabulary, as JSON.
    fn render(context: ViewContext) -> Result<String, Failure>;
}

/// Contributes the reports that the manifest names.
pub trait Reports {
    fn run(query: ReportQuery) -> Result<Table, Failure>;
}

/// The plugin's own life in a workspace. Everything is optional.
pub trait Lifecycle {
    /// After the admin has enabled the plugin.
    fn enable() -> Result<(), Failure> {
        Ok(())
    }
    /// Before the first call of a version whose storage version is another; works on a copy.
    fn migrate(_old: u32) -> Result<(), Failure> {
        Ok(())
    }
    /// Empty: healthy.
    fn health() -> Result<String, Failure> {
        Ok(String::new())
    }
    /// Before the plugin is disabled.
    fn disable() -> Result<(), Failure> {
        Ok(())
    }
}

/// The kinds of event that this version of the SDK knows; others may come, and are [`EventKind::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    ConversationQueued,
    ConversationOffered,
    ConversationStarted,
    ConversationReleased,
    ConversationTransferred,
    ConversationConcluded,
    ConversationReopened,
    MessageReceived,
    MessageSent,
    MessageFailed,
    ContactCreated,
    ContactMerged,
    TeamHoursChanged,
    ChannelHoursChanged,
    MemberAvailabilityChanged,
    PluginEnabled,
    PluginSettingsChanged,
    Other,
}

impl Event {
    /// The event's `kind` as a type.
    pub fn known_kind(&self) -> EventKind {
        use EventKind as K;
        match self.kind.as_str() {
            "conversation.queued" => K::ConversationQueued,
            "conversation.offered" => K::ConversationOffered,
            "conversation.started" => K::ConversationStarted,
            "conversation.released" => K::ConversationReleased,
            "conversation.transferred" => K::ConversationTransferred,
            "conversation.concluded" => K::ConversationConcluded,
            "conversation.reopened" => K::ConversationReopened,
            "message.received" => K::MessageReceived,
            "message.sent" => K::MessageSent,
            "message.failed" => K::MessageFailed,
            "contact.created" => K::ContactCreated,
            "contact.merged" => K::ContactMerged,
            "team.hours-changed" => K::TeamHoursChanged,
            "channel.hours-changed" => K::ChannelHoursChanged,
            "member.availability-changed" => K::MemberAvailabilityChanged,
            "plugin.enabled" => K::PluginEnabled,
            "plugin.settings-changed" => K::PluginSettingsChanged,
            _ => K::Other,
        }
    }
}

impl ActionOutcome {
    /// It is done; `text` is said to the user.
    pub fn done(text: impl Into<String>) -> Self {
        Self {
            kind: "done".into(),
            text: text.into(),
            data: String::new(),
        }
    }

    /// Nothing was done yet: ask on with this form (`{"schema", "ui", "values"}`), below the text.
    pub fn form(text: impl Into<String>, form: &serde_json::Value) -> Self {
        Self {
            kind: "form".into(),
            text: text.into(),
            data: crate::json::text(form),
        }
    }

    /// Nothing was done: the form's fields that are wrong, each with what is wrong with it.
    pub fn errors(fields: &[(&str, &str)]) -> Self {
        let fields: serde_json::Map<String, serde_json::Value> = fields
            .iter()
            .map(|(field, text)| ((*field).into(), (*text).into()))
            .collect();
        Self {
            kind: "errors".into(),
            text: String::new(),
            data: crate::json::text(&fields),
        }
    }
}

/// Microseconds in so many seconds, for adding to an [`Instant`].
pub const fn seconds(count: u32) -> Instant {
    count as Instant * 1_000_000
}

impl<T: Events> bindings::events::exports::balcao::app::events::Guest for T {
    fn handle(event: Event) -> Result<(), Failure> {
        rt::enter();
        T::handle(event)
    }
}

impl<T: TimerEvents> bindings::timer_events::exports::balcao::app::timer_events::Guest for T {
    fn fire(timer: Timer) -> Result<(), Failure> {
        rt::enter();
        T::fire(timer)
    }
}

impl<T: Actions> bindings::actions::exports::balcao::app::actions::Guest for T {
    fn form(context: ActionContext) -> Result<String, Failure> {
        rt::enter();
        T::form(context)
    }
    fn invoke(context: ActionContext, values: String) -> Result<ActionOutcome, Failure> {
        rt::enter();
        T::invoke(context, values)
    }
}

impl<T: Views> bindings::views::exports::balcao::app::views::Guest for T {
    fn render(context: ViewContext) -> Result<String, Failure> {
        rt::enter();
        T::render(context)
    }
}

impl<T: Reports> bindings::reports::exports::balcao::app::reports::Guest for T {
    fn run(query: ReportQuery) -> Result<Table, Failure> {
        rt::enter();
        T::run(query)
    }
}

impl<T: Lifecycle> bindings::lifecycle::exports::balcao::app::lifecycle::Guest for T {
    fn enable() -> Result<(), Failure> {
        rt::enter();
        T::enable()
    }
    fn migrate(old: u32) -> Result<(), Failure> {
        rt::enter();
        T::migrate(old)
    }
    fn health() -> Result<String, Failure> {
        rt::enter();
        T::health()
    }
    fn disable() -> Result<(), Failure> {
        rt::enter();
        T::disable()
    }
}
