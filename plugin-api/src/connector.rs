//! The traits of a connector: a channel, and what it may offer beside receiving and sending.

mod brought;
pub mod meta;

use crate::{Content, Failure, bindings, rt};

pub use crate::inbox::{Inbound, Person};
pub use bindings::channel::exports::balcao::connector::channel::{
    Account, Capabilities, KindLimit, Outbound, Request, Response, Sent,
};
pub use bindings::channel_edits::exports::balcao::connector::channel_edits::Target;
pub use bindings::channel_media::exports::balcao::connector::channel_media::Source;
pub use brought::{Brought, Event, Remark};

/// Serves a channel: a connected account of a provider. A call is about one channel; settings and secrets are its own.
pub trait Channel {
    /// What the channel can do; asked when the plugin or the channel's settings change.
    fn describe(channel: String) -> Result<Capabilities, Failure>;

    /// Checks the settings with the provider and registers the webhook's address, if the provider lets it be registered.
    fn connect(channel: String, webhook: String) -> Result<Account, Failure>;

    /// Undoes what `connect` did at the provider. Nothing by default.
    fn disconnect(_channel: String) -> Result<(), Failure> {
        Ok(())
    }

    /// Takes a verified request to the channel's webhook, hands what it carries to `inbox`, and answers. A failure parks the
    /// request for a later version; what is wrong with the request itself is a response.
    fn receive(request: Request) -> Result<Response, Failure>;

    /// Sends a message. By default the channel can only be written to.
    fn send(_message: Outbound) -> Result<Sent, Failure> {
        Err(Failure::unsupported("This channel only receives."))
    }
}

/// Says where the attachments given as `ref:…` are to be fetched.
pub trait ChannelMedia {
    /// `reference` is what followed `ref:`.
    fn locate(channel: String, reference: String) -> Result<Source, Failure>;
}

/// Passes on what an agent does beside writing: `typing`, `read`, `reaction`. Best effort, never repeated.
pub trait ChannelSignals {
    fn signal(channel: String, thread: String, kind: String, data: String) -> Result<(), Failure>;
}

/// Changes messages that the channel has. `describe` names what of it the channel can: `edit`, `revoke`.
pub trait ChannelEdits {
    /// Lets a message say something else.
    fn edit(_message: Target, _content: Content) -> Result<(), Failure> {
        Err(Failure::unsupported("This channel does not edit messages."))
    }

    /// Takes a message back, for everybody.
    fn revoke(_message: Target) -> Result<(), Failure> {
        Err(Failure::unsupported(
            "This channel does not take messages back.",
        ))
    }
}

impl Response {
    /// An answer with a plain text. For a provider that wants nothing more, [`Response::ok`].
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "text/plain; charset=utf-8".into())],
            body: text.into().into_bytes(),
        }
    }

    /// 200 with nothing.
    pub fn ok() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

impl Request {
    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

/// Seconds that a provider asks to wait in its answer (`Retry-After`); none where it does not say, or says a date. Header names in lower case.
pub fn retry_after(headers: &[(String, String)]) -> Option<u32> {
    first(headers, "retry-after")?.trim().parse().ok()
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

impl<T: Channel> bindings::channel::exports::balcao::connector::channel::Guest for T {
    fn describe(channel: String) -> Result<Capabilities, Failure> {
        rt::enter();
        T::describe(channel)
    }
    fn connect(channel: String, webhook: String) -> Result<Account, Failure> {
        rt::enter();
        T::connect(channel, webhook)
    }
    fn disconnect(channel: String) -> Result<(), Failure> {
        rt::enter();
        T::disconnect(channel)
    }
    fn receive(request: Request) -> Result<Response, Failure> {
        rt::enter();
        T::receive(request)
    }
    fn send(message: Outbound) -> Result<Sent, Failure> {
        rt::enter();
        T::send(message)
    }
}

impl<T: ChannelMedia> bindings::channel_media::exports::balcao::connector::channel_media::Guest
    for T
{
    fn locate(channel: String, reference: String) -> Result<Source, Failure> {
        rt::enter();
        T::locate(channel, reference)
    }
}

impl<T: ChannelSignals>
    bindings::channel_signals::exports::balcao::connector::channel_signals::Guest for T
{
    fn signal(channel: String, thread: String, kind: String, data: String) -> Result<(), Failure> {
        rt::enter();
        T::signal(channel, thread, kind, data)
    }
}

impl<T: ChannelEdits> bindings::channel_edits::exports::balcao::connector::channel_edits::Guest
    for T
{
    fn edit(message: Target, content: Content) -> Result<(), Failure> {
        rt::enter();
        T::edit(message, content)
    }
    fn revoke(message: Target) -> Result<(), Failure> {
        rt::enter();
        T::revoke(message)
    }
}
