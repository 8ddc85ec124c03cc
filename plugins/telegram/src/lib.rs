//! The Telegram connector (Bot API): what Balcão calls and what it hands over. Verification of webhooks is declared in the manifest and done
//! by the host; token and secret are only ever held as handles.
//! `address` and `inbound` read, `outbound` and `answer` write; none of them calls an import, so that they run natively in tests.

pub mod address;
pub mod answer;
pub mod inbound;
pub mod outbound;

use answer::{Answer, Refusal};
use balcao_plugin::connector::{
    Account, Capabilities, Outbound, Request, Response, Sent, Source, Target,
};
use balcao_plugin::{
    Channel, ChannelEdits, ChannelMedia, ChannelSignals, Content, Error, Failure, clock, http,
    json, media, secrets, settings, warn,
};
use inbound::Wanted;
use outbound::Call;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

const API: &str = "https://api.telegram.org";
/// The provider fetches a file soon after accepting a message, and may try again.
const LINK_SECONDS: u32 = 3600;

struct Telegram;

balcao_plugin::export!(Telegram: channel, channel_media, channel_signals, channel_edits);

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    groups: bool,
    #[serde(default)]
    channel_posts: bool,
}

fn wanted() -> Result<Wanted, Failure> {
    let settings: Settings = settings::workspace()?;
    Ok(Wanted {
        groups: settings.groups,
        channel_posts: settings.channel_posts,
    })
}

impl Channel for Telegram {
    fn describe(_channel: String) -> Result<Capabilities, Failure> {
        Ok(outbound::capabilities())
    }

    /// Asks who the bot is, then tells the provider where its updates go, which of them, and the secret that comes with them.
    fn connect(_channel: String, webhook: String) -> Result<Account, Failure> {
        let wanted = wanted()?;
        let bot = post("getMe", &Map::new())?;
        let account = bot.account()?;
        let mut fields = Map::new();
        fields.insert("url".into(), webhook.into());
        fields.insert(
            "secret_token".into(),
            secrets::handle("webhook_secret")?.into(),
        );
        fields.insert("allowed_updates".into(), json!(inbound::updates(wanted)));
        post("setWebhook", &fields)?;
        if wanted.groups && !bot.reads_groups() {
            warn!(
                "The bot's privacy is on: in groups it sees only what is said to it (@BotFather, /setprivacy)"
            );
        }
        Ok(account)
    }

    fn disconnect(_channel: String) -> Result<(), Failure> {
        post("deleteWebhook", &Map::new())?;
        Ok(())
    }

    fn receive(request: Request) -> Result<Response, Failure> {
        let update = inbound::read(&request.body, wanted()?, clock::now);
        update.brought.hand_over()?;
        Ok(update.pressed.map_or_else(Response::ok, pressed))
    }

    fn send(message: Outbound) -> Result<Sent, Failure> {
        let thread = outbound::thread(&message.thread)?;
        let call = outbound::message(&message, &thread, clock::now())?;
        match perform(&call) {
            Ok(answer) => answer.sent(&thread),
            // Refused for its old number alone, so nothing was sent.
            Err(Refusal {
                moved_to: Some(chat),
                ..
            }) => {
                let moved = address::Thread { chat, ..thread };
                perform(&call.moved(chat))?.sent(&moved)
            }
            Err(refusal) => Err(refusal.into()),
        }
    }
}

impl ChannelMedia for Telegram {
    fn locate(_channel: String, reference: String) -> Result<Source, Failure> {
        let file = match reference.strip_prefix(inbound::PICTURE) {
            Some(person) => picture_of(person)?,
            None => answer::file_id(&reference)?.to_owned(),
        };
        let mut fields = Map::new();
        fields.insert("file_id".into(), file.into());
        let answer = post("getFile", &fields)?;
        let bot = bot()?;
        Ok(Source {
            url: format!("{API}/file/{bot}/{}", answer.file_path()?),
            headers: Vec::new(),
        })
    }
}

/// The file of somebody's latest picture, as large as it is shown.
fn picture_of(person: &str) -> Result<String, Failure> {
    let number: i64 = person
        .parse()
        .map_err(|_| Failure::invalid("Não é a identificação de uma pessoa do Telegram."))?;
    let mut fields = Map::new();
    fields.insert("user_id".into(), number.into());
    fields.insert("limit".into(), 1.into());
    post("getUserProfilePhotos", &fields)?.picture()
}

impl ChannelSignals for Telegram {
    fn signal(_channel: String, thread: String, kind: String, data: String) -> Result<(), Failure> {
        let thread = outbound::thread(&thread)?;
        if let Some(call) = outbound::signal(&thread, &kind, &data)? {
            perform(&call)?;
        }
        Ok(())
    }
}

impl ChannelEdits for Telegram {
    fn edit(message: Target, content: Content) -> Result<(), Failure> {
        change(&outbound::edit(&message, &content)?)
    }

    fn revoke(message: Target) -> Result<(), Failure> {
        change(&outbound::revoke(&message)?)
    }
}

/// What is so already needs no change.
fn change(call: &Call) -> Result<(), Failure> {
    match perform(call) {
        Err(refusal) if refusal.failure.code == answer::SO_ALREADY => Ok(()),
        answer => Ok(answer.map(|_| ())?),
    }
}

/// The provider takes a call as the answer to its webhook: the contact's app stops waiting for the button.
fn pressed(query: String) -> Response {
    let call = json!({ "method": "answerCallbackQuery", "callback_query_id": query });
    Response {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: json::text(&call).into_bytes(),
    }
}

/// The part of an address that holds the token.
fn bot() -> Result<String, Failure> {
    Ok(format!("bot{}", secrets::handle("bot_token")?))
}

/// Calls a method with what it needs: files of the host go as parts of a form where that may carry them, else files go as links.
fn perform(call: &Call) -> Result<Answer, Refusal> {
    if let Some(files) = call.held() {
        let url = format!("{API}/{}/{}", bot()?, call.method);
        match media::upload_all(&files, &url, &[], &call.beside().form()) {
            Ok((status, body)) => return Answer::read(status, &body),
            // Nothing was sent: the files are larger than what the host uploads.
            Err(error) if error.code == "limit" => {}
            Err(error) => return Err(unanswered(error).into()),
        }
    }
    let link = |file: &outbound::File| match &file.source {
        outbound::Source::Held(id) => media::link(id, LINK_SECONDS).map_err(Failure::from),
        outbound::Source::Link(link) => Ok(link.clone()),
    };
    let links: Vec<String> = call.files.iter().map(link).collect::<Result<_, _>>()?;
    post(call.method, &call.body(&links))
}

fn post(method: &str, fields: &Map<String, Json>) -> Result<Answer, Refusal> {
    let response = http::send(&http::Request {
        method: "POST".into(),
        url: format!("{API}/{}/{method}", bot()?),
        headers: vec![("content-type".into(), "application/json".into())],
        body: json::text(fields).into_bytes(),
        timeout_ms: None,
    });
    let response = response.map_err(unanswered)?;
    Answer::read(response.status, &response.body)
}

fn unanswered(error: Error) -> Failure {
    Failure::unanswered("Telegram", error)
}

#[cfg(test)]
mod tests {
    /// A handle anywhere else would go out as it is, and scenarios would not show it.
    #[test]
    fn the_manifest_binds_the_secrets_where_they_are_put() {
        let manifest = include_str!("../plugin.toml");
        for place in [
            r#"path-segment = "bot{}""#,
            r#"json-pointer = "/secret_token""#,
        ] {
            assert!(manifest.contains(place), "{place}");
        }
    }
}
