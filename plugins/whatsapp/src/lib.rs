//! The WhatsApp Business Platform (Cloud API) connector: what Balcão calls and what it hands over.
//! Verification of webhooks is declared in the manifest and done by the host; the token is only ever held as a handle.
//! `inbound` reads, `outbound`, `templates` and `answer` write; none of them calls an import, so that they run natively in tests.

pub mod answer;
pub mod inbound;
pub mod outbound;
pub mod templates;

use answer::WHATSAPP;
use balcao_plugin::app::{ActionContext, ActionOutcome};
use balcao_plugin::connector::meta::{self, Answer};
use balcao_plugin::connector::{Account, Capabilities, Outbound, Request, Response, Sent, Source};
use balcao_plugin::lenient::{self, Field};
use balcao_plugin::{
    Actions, Channel, ChannelMedia, ChannelSignals, Failure, clock, media, messages_send, settings,
};
use outbound::Call;
use serde::Deserialize;
use templates::{Listed, Next};

/// The provider's version that paths and shapes here are written for.
const API: &str = "https://graph.facebook.com/v23.0";
/// The provider fetches media soon after accepting a message, and may try again.
const LINK_SECONDS: u32 = 3600;

struct WhatsApp;

balcao_plugin::export!(WhatsApp: channel, channel_media, channel_signals, actions);

#[derive(Deserialize)]
struct Settings {
    /// Not given: every account in a webhook is accepted, and nothing can be sent.
    #[serde(default)]
    phone_number_id: String,
    /// Not given: templates cannot be listed.
    #[serde(default)]
    business_account_id: String,
}

impl Settings {
    fn read() -> Result<Self, Failure> {
        settings::workspace()
    }

    /// The business account, which templates are of.
    fn business(&self) -> Result<&str, Failure> {
        match self.business_account_id.trim() {
            id if inbound::is_digits(id) => Ok(id),
            _ => Err(Failure::invalid(
                "Para usar modelos, um administrador precisa preencher a identificação da conta do WhatsApp Business nas configurações do canal.",
            )),
        }
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
        answer::account(&answer, id)
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
        let url = format!("{API}/{}/messages", settings.sender()?);
        let body = outbound::message(&message, |id| {
            media::link(id, LINK_SECONDS).map_err(Failure::from)
        })?;
        answer::sent(&call("POST", &url, &body)?)
    }
}

impl ChannelMedia for WhatsApp {
    fn locate(_channel: String, reference: String) -> Result<Source, Failure> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if reference.is_empty() || !reference.bytes().all(is_id) {
            return Err(Failure::invalid("Not an id of the provider's media."));
        }
        Ok(Source {
            url: answer::media_url(&call("GET", &format!("{API}/{reference}"), &[])?)?,
            headers: vec![meta::authorization()?],
        })
    }
}

impl ChannelSignals for WhatsApp {
    fn signal(_channel: String, thread: String, kind: String, data: String) -> Result<(), Failure> {
        let settings = Settings::read()?;
        let url = format!("{API}/{}/messages", settings.sender()?);
        match outbound::signal(&thread, &kind, &data)? {
            Call::Status(body) => answer::done(&call("POST", &url, &body)?),
            Call::Message(body) => answer::sent(&call("POST", &url, &body)?).map(drop),
        }
    }
}

/// The one action: a message template, chosen, filled, previewed and sent.
impl Actions for WhatsApp {
    fn form(context: ActionContext) -> Result<String, Failure> {
        let english = is_english(&context);
        let form = templates::choice(&approved(english)?, english);
        Ok(form.to_string())
    }

    fn invoke(context: ActionContext, values: String) -> Result<ActionOutcome, Failure> {
        let english = is_english(&context);
        let Some(conversation) = context.about.filter(|about| about.kind == "conversation") else {
            return Err(Failure::invalid(
                "Abra a conversa em que o modelo será enviado.",
            ));
        };
        let values = lenient::parse(values.as_bytes()).unwrap_or_default();
        Ok(
            match templates::next(&approved(english)?, Field::of(&values), english) {
                Next::Form(text, form) => ActionOutcome::form(text, &form),
                Next::Errors(fields) => {
                    let fields = fields
                        .iter()
                        .map(|(field, why)| (field.as_str(), why.as_str()));
                    ActionOutcome::errors(&Vec::from_iter(fields))
                }
                Next::Send(content) => {
                    messages_send::send(&conversation.id, &content)?;
                    ActionOutcome::done(if english {
                        "The template is on its way."
                    } else {
                        "O modelo está a caminho."
                    })
                }
            },
        )
    }
}

fn is_english(context: &ActionContext) -> bool {
    context.locale.starts_with("en")
}

/// What the provider has approved.
fn approved(english: bool) -> Result<Listed, Failure> {
    let settings = Settings::read()?;
    let url = format!(
        "{API}/{}/message_templates?fields={}&status=APPROVED&limit=250",
        settings.business()?,
        templates::FIELDS
    );
    let listed = templates::listed(call("GET", &url, &[])?.body());
    if listed.templates.is_empty() {
        let none = "A conta não tem modelos aprovados. Crie-os no Gerenciador do WhatsApp e espere a aprovação da Meta.";
        let others = templates::left_out(&listed, english);
        return Err(Failure::invalid(others.unwrap_or_else(|| none.to_owned())));
    }
    Ok(listed)
}

/// Hands over what a webhook carries. Anything in it that cannot be used is logged and answered with 200, since the provider
/// would only repeat it.
fn take(body: &[u8]) -> Result<Response, Failure> {
    let settings = Settings::read()?;
    let account = Some(settings.phone_number_id.trim()).filter(|id| !id.is_empty());
    let brought = inbound::read(body, account, clock::now);
    brought.hand_over()?;
    Ok(Response::ok())
}

/// One request to the provider. An empty body is none.
fn call(method: &str, url: &str, body: &[u8]) -> Result<Answer, Failure> {
    WHATSAPP.call(method, url, body, None)
}
