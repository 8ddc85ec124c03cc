//! The WhatsApp Business Platform (Cloud API) connector: what Balcão calls and what it hands over.
//! Verification of webhooks is declared in the manifest and done by the host; the token is only ever held as a handle.
//! `payload` and `inbound` read, `outbound` and `answer` write; none of them calls an import, so that they run natively in tests.

pub mod answer;
pub mod inbound;
pub mod outbound;
pub mod payload;

use answer::Answer;
use balcao_plugin::connector::{Account, Capabilities, Outbound, Request, Response, Sent, Source};
use balcao_plugin::{
    Channel, ChannelMedia, ChannelSignals, Error, Failure, clock, http, inbox, info, media,
    secrets, settings, warn,
};
use inbound::{Event, Remark};
use outbound::Call;
use serde::Deserialize;

/// The provider's version that paths and shapes here are written for.
const API: &str = "https://graph.facebook.com/v23.0";
/// The provider fetches media soon after accepting a message, and may try again.
const LINK_SECONDS: u32 = 3600;

struct WhatsApp;

balcao_plugin::export!(WhatsApp: channel, channel_media, channel_signals);

#[derive(Deserialize)]
struct Settings {
    /// Not given: every account in a webhook is accepted, and nothing can be sent.
    #[serde(default)]
    phone_number_id: String,
}

impl Settings {
    fn read() -> Result<Self, Failure> {
        settings::workspace()
    }

    /// The account, where messages go out from it.
    fn sender(&self) -> Result<&str, Failure> {
        match self.phone_number_id.trim() {
            "" => Err(Failure::invalid(
                "Preencha a identificação do número de telefone (phone_number_id) nas configurações do canal: sem ela nada pode ser enviado.",
            )),
            id if inbound::is_digits(id) => Ok(id),
            _ => Err(Failure::invalid(
                "A identificação do número de telefone (phone_number_id) só tem algarismos; confira as configurações do canal.",
            )),
        }
    }
}

impl Channel for WhatsApp {
    fn describe(_channel: String) -> Result<Capabilities, Failure> {
        Ok(outbound::capabilities())
    }

    fn connect(_channel: String, _webhook: String) -> Result<Account, Failure> {
        let settings = Settings::read()?;
        let id = settings.sender()?;
        let answer = call(
            "GET",
            &format!("{API}/{id}?fields=display_phone_number,verified_name"),
            &[],
        )?;
        answer.account(id)
    }

    fn receive(request: Request) -> Result<Response, Failure> {
        match request.method.as_str() {
            "GET" => Ok(challenge(&request)),
            "POST" => take(&request.body),
            _ => Ok(Response {
                headers: vec![("allow".into(), "GET, POST".into())],
                ..Response::text(405, "")
            }),
        }
    }

    fn send(message: Outbound) -> Result<Sent, Failure> {
        let settings = Settings::read()?;
        let url = format!("{API}/{}/messages", settings.sender()?);
        let body = outbound::message(&message, |id| {
            media::link(id, LINK_SECONDS).map_err(Failure::from)
        })?;
        call("POST", &url, &body)?.sent()
    }
}

impl ChannelMedia for WhatsApp {
    fn locate(_channel: String, reference: String) -> Result<Source, Failure> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if reference.is_empty() || !reference.bytes().all(is_id) {
            return Err(Failure::invalid("Not an id of the provider's media."));
        }
        Ok(Source {
            url: call("GET", &format!("{API}/{reference}"), &[])?.media_url()?,
            headers: vec![authorization()?],
        })
    }
}

impl ChannelSignals for WhatsApp {
    fn signal(_channel: String, thread: String, kind: String, data: String) -> Result<(), Failure> {
        let settings = Settings::read()?;
        let url = format!("{API}/{}/messages", settings.sender()?);
        match outbound::signal(&thread, &kind, &data)? {
            Call::Status(body) => call("POST", &url, &body)?.done(),
            Call::Message(body) => call("POST", &url, &body)?.sent().map(drop),
        }
    }
}

/// The answer to the provider's question whether the webhook is ours. The host has compared the token.
fn challenge(request: &Request) -> Response {
    match (request.query("hub.mode"), request.query("hub.challenge")) {
        (Some("subscribe"), Some(challenge)) => Response::text(200, challenge),
        _ => Response::text(400, "hub.mode=subscribe and hub.challenge are expected"),
    }
}

/// Hands over what a webhook carries. Anything in it that cannot be used is logged and answered with 200, since the provider
/// would only repeat it.
fn take(body: &[u8]) -> Result<Response, Failure> {
    let settings = Settings::read()?;
    let account = Some(settings.phone_number_id.trim()).filter(|id| !id.is_empty());
    let brought = inbound::read(body, account, clock::now);
    for event in &brought.events {
        match hand_over(event) {
            Ok(()) => {}
            // Wrong in itself: it stays wrong, and its siblings must not suffer.
            Err(error) if error.code == "invalid" => {
                warn!("The host refused an event: {}", error.message);
            }
            Err(error) => return Err(error.into()),
        }
    }
    for remark in &brought.remarks {
        match remark {
            Remark::Ignored(why) => info!("{why}"),
            Remark::Odd(what) => warn!("{what}"),
        }
    }
    Ok(Response::ok())
}

fn hand_over(event: &Event) -> Result<(), Error> {
    match event {
        Event::Message { key, message } => inbox::message(key, message),
        Event::Delivery {
            key,
            message,
            state,
            at,
            reason,
            extra,
        } => inbox::delivery(key, message, state, *at, reason, extra),
        Event::Reaction {
            key,
            message,
            sender,
            emoji,
            at,
        } => inbox::reaction(key, message, sender, emoji, *at),
        Event::Edit {
            key,
            message,
            content,
            at,
        } => inbox::edit(key, message, content, *at),
        Event::Revoke { key, message, at } => inbox::revoke(key, message, *at),
        Event::Identity { key, old, now } => inbox::identity(key, old, now),
        Event::Note {
            key,
            thread,
            code,
            text,
            extra,
        } => inbox::note(key, Some(thread), code, text, extra),
    }
}

fn authorization() -> Result<(String, String), Failure> {
    let handle = secrets::handle("access_token")?;
    Ok(("authorization".into(), format!("Bearer {handle}")))
}

/// One request to the provider. An empty body is none.
fn call(method: &str, url: &str, body: &[u8]) -> Result<Answer, Failure> {
    let mut headers = vec![authorization()?];
    if !body.is_empty() {
        headers.push(("content-type".into(), "application/json".into()));
    }
    let response = http::send(&http::Request {
        method: method.into(),
        url: url.into(),
        headers,
        body: body.to_vec(),
        timeout_ms: None,
    })?;
    Answer::read(response.status, &response.headers, &response.body)
}
