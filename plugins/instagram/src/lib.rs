//! The Instagram messaging connector: what Balcão calls and what it hands over.
//! Verification of webhooks is declared in the manifest and done by the host; the token is only ever held as a handle.
//! `inbound`, `profile` and `media` read, `outbound`, `limits` and `answer` write; none of them calls an import, so that
//! they run natively in tests. What calls imports is here and in `graph`.

pub mod answer;
mod graph;
pub mod inbound;
pub mod limits;
pub mod media;
pub mod outbound;
pub mod profile;
mod settings;

use balcao_plugin::connector::{
    Account, Capabilities, Event, Outbound, Request, Response, Sent, Source, meta,
};
use balcao_plugin::inbox::Person;
use balcao_plugin::{Channel, ChannelMedia, ChannelSignals, Failure, clock, inbox, info, storage};
use media::Reference;
use profile::Profile;
use settings::{Login, Settings};

/// The provider fetches files soon after accepting a message, and may try again.
const LINK_SECONDS: u32 = 3600;
/// People of one webhook whose profiles are asked for; the others are introduced by their next message.
const INTRODUCTIONS: usize = 4;
/// What an account is subscribed to. The provider sends whatever the app has chosen once there is one.
const FIELDS: &str = "messages,messaging_postbacks,messaging_seen,message_reactions,messaging_referral,messaging_optins,message_edit,standby";

struct Instagram;

balcao_plugin::export!(Instagram: channel, channel_media, channel_signals);

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
        let account = answer::account(&graph::get(login, asked)?, login, settings.account())?;
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
            "GET" => Ok(meta::challenge(&request)),
            "POST" => take(&request.body),
            _ => Ok(meta::other_method()),
        }
    }

    fn send(message: Outbound) -> Result<Sent, Failure> {
        let settings = Settings::read()?;
        let window = limits::window(message.last_inbound_at, clock::now(), settings.human_agent)?;
        let body = outbound::message(&message, window, |id| {
            balcao_plugin::media::link(id, LINK_SECONDS).map_err(Failure::from)
        })?;
        answer::sent(&graph::call(settings.login, "POST", "/me/messages", &body)?)
    }
}

impl ChannelMedia for Instagram {
    fn locate(_channel: String, reference: String) -> Result<Source, Failure> {
        let reference = Reference::parse(&reference)
            .ok_or_else(|| Failure::invalid("Not a reference to a file of the provider's."))?;
        let renewed = if reference.is_fresh(clock::now()) {
            None
        } else {
            let fields = "attachments,story,shares";
            let path = format!("/{}?fields={fields}", reference.message);
            let message = graph::get(Settings::read()?.login, &path);
            message.ok().and_then(|it| reference.renewed(it.body()))
        };
        Ok(Source {
            url: renewed.unwrap_or_else(|| reference.url.to_owned()),
            headers: Vec::new(),
        })
    }
}

impl ChannelSignals for Instagram {
    fn signal(_channel: String, thread: String, kind: String, data: String) -> Result<(), Failure> {
        let body = outbound::signal(&thread, &kind, &data)?;
        graph::call(Settings::read()?.login, "POST", "/me/messages", &body).map(drop)
    }
}

/// Hands over what a webhook carries. Anything in it that cannot be used is logged and answered with 200, since the provider
/// would only repeat it.
fn take(body: &[u8]) -> Result<Response, Failure> {
    let settings = Settings::read()?;
    let mut brought = inbound::read(body, settings.account(), clock::now);
    let mut introductions = Introductions {
        login: settings.login,
        left: INTRODUCTIONS,
    };
    for event in &mut brought.events {
        if let Event::Message { message, .. } = event
            && !message.outgoing
        {
            introductions.introduce(&mut message.sender);
        }
    }
    brought.hand_over()?;
    Ok(Response::ok())
}

/// Names for the people of one webhook.
struct Introductions {
    login: Login,
    left: usize,
}

impl Introductions {
    /// Never fails: whoever cannot be asked for stays an id, until their next message.
    fn introduce(&mut self, person: &mut Person) {
        let key = profile::key(&person.external_id);
        if let Ok(Some(kept)) = storage::get(&key) {
            return Profile::kept(&kept).introduce(person);
        }
        let Some(path) = profile::path(&person.external_id).filter(|_| self.left > 0) else {
            return;
        };
        self.left -= 1;
        let (profile, seconds) = match graph::get_soon(self.login, &path) {
            Ok(answer) => (Profile::of(answer.body()), profile::KEPT),
            Err(failure) => {
                info!("A profile could not be had ({})", failure.code);
                if failure.code == meta::TOKEN.code {
                    // Messages still come in, and nobody would notice before the first answer fails.
                    let _ = inbox::health("degraded", &failure.message);
                }
                let passes = failure.retry.is_some();
                if passes {
                    // Whoever else wrote would wait as long for nothing.
                    self.left = 0;
                }
                let seconds = if passes {
                    profile::PAUSE
                } else {
                    profile::REFUSED
                };
                (Profile::default(), seconds)
            }
        };
        // Where it cannot be kept, it is asked for again.
        let about = Some(person.external_id.as_str());
        let _ = storage::set(&key, &profile.text(), Some(seconds), about);
        profile.introduce(person);
    }
}
