//! The Instagram messaging connector: what Balcão calls and what it hands over.
//! Verification of webhooks is declared in the manifest and done by the host; the token is only ever held as a handle.
//! `inbound` and `media` read, `outbound`, `limits` and `answer` write; none of them calls an import, so that they run natively in tests.
//! What calls imports is here and in `graph`.

pub mod answer;
mod graph;
pub mod inbound;
pub mod lenient;
pub mod limits;
pub mod media;
pub mod outbound;
pub mod reactions;
mod settings;

use balcao_plugin::connector::{Account, Capabilities, Outbound, Request, Response, Sent};
use balcao_plugin::{Channel, ChannelSignals, Failure, clock};
use settings::{Login, Settings};

/// The provider fetches files soon after accepting a message, and may try again.
const LINK_SECONDS: u32 = 3600;
/// What an account is subscribed to. The provider sends whatever the app has chosen once there is one.
const FIELDS: &str = "messages,messaging_postbacks,messaging_seen,message_reactions,messaging_referral,messaging_optins,message_edit,standby";

struct Instagram;

balcao_plugin::export!(Instagram: channel, channel_signals);

impl Channel for Instagram {
    fn describe(_channel: String) -> Result<Capabilities, Failure> {
        Ok(limits::capabilities(Settings::read()?.human_agent))
    }

    /// Asks whose the token is, and lets the account send its webhooks to the app. The address itself is registered in the app's
    /// dashboard. A Page's subscription is left alone: writing it would replace what a Messenger channel of the same app has chosen.
    fn connect(_channel: String, _webhook: String) -> Result<Account, Failure> {
        let settings = Settings::read()?;
        let login = settings.login;
        let asked = match login {
            Login::Instagram => "/me?fields=user_id,username,name",
            Login::Facebook => "/me?fields=name,instagram_business_account{id,username,name}",
        };
        let account = graph::get(login, asked)?.account(login, settings.account())?;
        if login == Login::Instagram {
            let path = format!("/me/subscribed_apps?subscribed_fields={FIELDS}");
            graph::call(login, "POST", &path, &[])?;
        }
        Ok(account)
    }

    fn disconnect(_channel: String) -> Result<(), Failure> {
        let login = Settings::read()?.login;
        if login == Login::Instagram {
            graph::call(login, "DELETE", "/me/subscribed_apps", &[])?;
        }
        Ok(())
    }

    fn receive(request: Request) -> Result<Response, Failure> {
        match request.method.as_str() {
            "GET" => Ok(challenge(&request)),
            _ => Ok(Response {
                headers: vec![("allow".into(), "GET".into())],
                ..Response::text(405, "")
            }),
        }
    }

    fn send(message: Outbound) -> Result<Sent, Failure> {
        let settings = Settings::read()?;
        let window = limits::window(message.last_inbound_at, clock::now(), settings.human_agent)?;
        let body = outbound::message(&message, window, |id| {
            balcao_plugin::media::link(id, LINK_SECONDS).map_err(Failure::from)
        })?;
        graph::call(settings.login, "POST", "/me/messages", &body)?.sent()
    }
}

impl ChannelSignals for Instagram {
    fn signal(_channel: String, thread: String, kind: String, data: String) -> Result<(), Failure> {
        let body = outbound::signal(&thread, &kind, &data)?;
        graph::call(Settings::read()?.login, "POST", "/me/messages", &body).map(drop)
    }
}

/// The answer to the provider's question whether the webhook is ours. The host has compared the token.
fn challenge(request: &Request) -> Response {
    match (request.query("hub.mode"), request.query("hub.challenge")) {
        (Some("subscribe"), Some(challenge)) => Response::text(200, challenge),
        _ => Response::text(400, "hub.mode=subscribe and hub.challenge are expected"),
    }
}
