//! What a person sees at `/`: the phones of the customers, with what they received and wrote. Owns the page's looks and its forms; what a
//! message says is in `page::bubble`.

mod bubble;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;

use crate::provider::Provider;
use crate::standin::{Standin, milliseconds};
use crate::whatsapp::account::DISPLAY_NUMBER;
use crate::whatsapp::webhook::digits;
use crate::{instagram, telegram};
use bubble::escape;

const PROVIDERS: [Provider; 3] = [Provider::Whatsapp, Provider::Telegram, Provider::Instagram];

/// The customer of the demo at each provider. Invented, like the shop's.
fn customer(provider: Provider) -> &'static str {
    match provider {
        Provider::Whatsapp => "5511911110000",
        Provider::Telegram => "700100200",
        Provider::Instagram => "900000000000001",
    }
}

/// The page and its forms.
pub fn router(standin: Standin) -> Router {
    Router::new()
        .route("/", get(whole))
        .route("/phones", get(phones))
        .route("/write", post(write))
        .route("/press", post(press))
        .route("/shown/{channel}/{id}", get(shown))
        .with_state(standin)
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default = "first")]
    channel: Provider,
}

fn first() -> Provider {
    PROVIDERS[0]
}

/// The phones are in a frame of their own, which renews itself without disturbing who is typing.
async fn whole(State(standin): State<Standin>, Query(chosen): Query<Chosen>) -> Html<String> {
    let mut tabs = String::new();
    for provider in PROVIDERS {
        let current = match provider == chosen.channel {
            true => " aria-current=\"page\"",
            false => "",
        };
        let (code, name) = (code(provider), provider.name());
        let _ = write!(tabs, "<a href=\"/?channel={code}\"{current}>{name}</a>");
    }
    let connected = standin.webhook(chosen.channel).is_some();
    Html(page(
        &format!(
            "<h1>Celulares dos clientes</h1><p>Imitação local dos provedores: nada daqui sai desta máquina. No WhatsApp a loja é {DISPLAY_NUMBER}. \
             <a href=\"/ledger\">Registro completo em JSON</a></p><nav>{tabs}</nav>{}<iframe src=\"/phones\" title=\"Celulares\"></iframe>",
            form(chosen.channel, connected)
        ),
        "",
    ))
}

fn form(provider: Provider, connected: bool) -> String {
    if !connected {
        return "<p>Sem webhook: o cliente só recebe.</p>".to_owned();
    }
    let (code, customer) = (code(provider), customer(provider));
    let address = match provider {
        Provider::Whatsapp => "Número",
        Provider::Telegram | Provider::Instagram => "Código da pessoa",
    };
    format!(
        r#"<form method="post" action="/write"><input type="hidden" name="channel" value="{code}">
<label>{address} <input name="from" value="{customer}" required pattern="[0-9]{{1,18}}"></label>
<label>Nome <input name="name" value="Cliente de demonstração" required></label>
<label class="text">Mensagem <input name="text" required maxlength="4096" autofocus></label>
<button>Enviar para a loja</button></form>"#
    )
}

async fn phones(State(standin): State<Standin>) -> Html<String> {
    Html(page(
        &render(&standin),
        r#"<meta http-equiv="refresh" content="2">"#,
    ))
}

#[derive(Deserialize)]
struct Writing {
    #[serde(default = "first")]
    channel: Provider,
    from: String,
    name: String,
    text: String,
}

async fn write(State(standin): State<Standin>, Form(writing): Form<Writing>) -> Response {
    let from = digits(&writing.from);
    let length = match writing.channel {
        Provider::Whatsapp => 8..=15,
        Provider::Telegram | Provider::Instagram => 1..=18,
    };
    if !length.contains(&from.len()) || writing.text.trim().is_empty() {
        return (StatusCode::BAD_REQUEST, "Número ou mensagem inválidos").into_response();
    }
    match standin.write(writing.channel, &from, writing.name.trim(), &writing.text) {
        true => {
            let code = code(writing.channel);
            Redirect::to(&format!("/?channel={code}")).into_response()
        }
        false => (StatusCode::CONFLICT, "Sem webhook").into_response(),
    }
}

/// A button of a message that a customer received.
#[derive(Deserialize)]
struct Press {
    channel: Provider,
    from: String,
    /// The message's id.
    message: String,
    title: String,
    data: String,
}

async fn press(State(standin): State<Standin>, Form(press): Form<Press>) -> Response {
    let name = "Cliente de demonstração";
    let from = press.from.as_str();
    let told = match press.channel {
        Provider::Telegram => press.message.parse().ok().and_then(|message| {
            telegram::webhook::press(&standin, from, name, message, &press.data)
        }),
        Provider::Instagram => {
            instagram::webhook::tap(&standin, from, name, &press.title, &press.data)
        }
        Provider::Whatsapp => None,
    };
    let Some((url, id, notice)) = told else {
        return (StatusCode::CONFLICT, "Sem webhook").into_response();
    };
    let title = press.title.as_str();
    standin.keep(press.channel, from, title, id, milliseconds());
    standin.post(press.channel, url, notice);
    Redirect::to("/phones").into_response()
}

/// A file that the business uploaded, as the customer sees it.
async fn shown(
    State(standin): State<Standin>,
    Path((channel, id)): Path<(Provider, String)>,
) -> Response {
    let state = standin.state();
    let file = match channel {
        Provider::Whatsapp => state.media.get(&id),
        Provider::Telegram => state.telegram.file(&id),
        Provider::Instagram => None,
    };
    match file.cloned() {
        Some(file) => ([(header::CONTENT_TYPE, file.mime)], file.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// As in addresses.
fn code(provider: Provider) -> &'static str {
    match provider {
        Provider::Whatsapp => "whatsapp",
        Provider::Telegram => "telegram",
        Provider::Instagram => "instagram",
    }
}

/// One line on a phone: its place in time, who wrote it, and its HTML.
type Bubble = (u64, &'static str, String);

fn render(standin: &Standin) -> String {
    let ledger = standin.ledger();
    let mut phones: BTreeMap<(Provider, &str), Vec<Bubble>> = BTreeMap::new();
    for (entry, sent) in ledger.sent() {
        let said = bubble::of(standin, entry, sent);
        let phone = (entry.channel, sent.to.as_str());
        let bubbles = phones.entry(phone).or_default();
        bubbles.push((entry.number, "shop", said));
    }
    for written in &ledger.written {
        let phone = (written.channel, written.from.as_str());
        let bubble = (written.number, "customer", escape(&written.text));
        phones.entry(phone).or_default().push(bubble);
    }
    if phones.is_empty() {
        return "<p>Nenhuma mensagem ainda.</p>".to_owned();
    }
    let mut html = String::from("<main>");
    for ((channel, phone), mut bubbles) in phones {
        bubbles.sort_by_key(|(number, ..)| std::cmp::Reverse(*number));
        let plus = match channel {
            Provider::Whatsapp => "+",
            Provider::Telegram | Provider::Instagram => "",
        };
        let (code, name, phone) = (code(channel), channel.name(), escape(phone));
        let _ = write!(
            html,
            "<section class=\"{code}\"><h2>{plus}{phone} <small>{name}</small></h2><ol reversed>"
        );
        for (_, who, text) in bubbles {
            let _ = write!(html, "<li class=\"{who}\">{text}</li>");
        }
        html.push_str("</ol></section>");
    }
    html.push_str("</main>");
    html
}

fn page(body: &str, head: &str) -> String {
    format!(
        "<!doctype html><html lang=\"pt-BR\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">{head}\
         <title>Celulares dos clientes</title><style>{STYLE}</style>{body}</html>"
    )
}

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif }
body { margin: 1rem auto; padding: 0 1rem; max-width: 60rem }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 0 0 .5rem } h2 small { font-weight: normal; opacity: .7 }
nav { display: flex; gap: .25rem; border-bottom: 1px solid #8886 }
nav a { padding: .4rem .9rem; color: inherit; text-decoration: none; border-radius: .5rem .5rem 0 0 }
nav a[aria-current] { background: #8883; font-weight: 600 }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: 1rem 0 }
label { display: grid; gap: .2rem } label.text { flex: 1; min-width: 12rem }
input, button { font: inherit; padding: .4rem .6rem }
iframe { width: 100%; height: 70vh; border: 1px solid #8886; border-radius: .5rem }
main { display: flex; flex-wrap: wrap; gap: 1rem }
section { flex: 1; min-width: 17rem; max-width: 24rem; border: 1px solid #8886; border-top: .3rem solid; border-radius: 1.2rem; padding: 1rem }
.whatsapp { border-top-color: #1a7f4b } .telegram { border-top-color: #2a7fb8 } .instagram { border-top-color: #b83280 }
ol { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; gap: .4rem }
ol > li { padding: .4rem .7rem; border-radius: .8rem; max-width: 85%; overflow-wrap: anywhere }
.shop { background: #8883; align-self: start } .customer { color: #fff; align-self: end }
.whatsapp .customer { background: #1a7f4b } .telegram .customer { background: #2a6f9e } .instagram .customer { background: #9b2c6f }
li img { display: block; max-width: 100%; max-height: 12rem; border-radius: .5rem; margin: .2rem 0 }
li form { margin: .3rem 0 0 } li form button { width: 100% }
";
