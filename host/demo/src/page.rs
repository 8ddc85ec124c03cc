//! What a person sees at `/`: the phones of the customers, with what they received and wrote. Owns the page's looks and its form.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;
use serde_json::Value;

use crate::account::DISPLAY_NUMBER;
use crate::ledger::Ledger;
use crate::standin::Standin;
use crate::webhook::digits;

/// The customer of the demo. Invented, like the shop's.
pub const CUSTOMER: &str = "5511911110000";

/// The page and its form.
pub fn router(standin: Standin) -> Router {
    Router::new()
        .route("/", get(whole))
        .route("/phones", get(phones))
        .route("/write", post(write))
        .with_state(standin)
}

/// The phones are in a frame of their own, which renews itself without disturbing who is typing.
async fn whole(State(standin): State<Standin>) -> Html<String> {
    let connected = standin.state().webhook.is_some();
    let form = match connected {
        true => format!(
            r#"<form method="post" action="/write">
<label>Número <input name="from" value="{CUSTOMER}" required pattern="[0-9]{{8,15}}"></label>
<label>Nome <input name="name" value="Cliente de demonstração" required></label>
<label class="text">Mensagem <input name="text" required maxlength="4096" autofocus></label>
<button>Enviar para a loja</button></form>"#
        ),
        false => "<p>Sem webhook: o cliente só recebe.</p>".to_owned(),
    };
    Html(page(
        &format!(
            "<h1>Celulares dos clientes</h1><p>Imitação local do provedor: nada daqui sai desta máquina. A loja é {DISPLAY_NUMBER}. \
             <a href=\"/ledger\">Registro completo em JSON</a></p>{form}<iframe src=\"/phones\" title=\"Celulares\"></iframe>"
        ),
        "",
    ))
}

async fn phones(State(standin): State<Standin>) -> Html<String> {
    Html(page(
        &render(&standin.ledger()),
        r#"<meta http-equiv="refresh" content="2">"#,
    ))
}

#[derive(Deserialize)]
struct Writing {
    from: String,
    name: String,
    text: String,
}

async fn write(State(standin): State<Standin>, Form(writing): Form<Writing>) -> Response {
    let from = digits(&writing.from);
    if !(8..=15).contains(&from.len()) || writing.text.trim().is_empty() {
        return (StatusCode::BAD_REQUEST, "Número ou mensagem inválidos").into_response();
    }
    match standin.write(&from, writing.name.trim(), &writing.text) {
        true => Redirect::to("/").into_response(),
        false => (StatusCode::CONFLICT, "Sem webhook").into_response(),
    }
}

/// One line on a phone: its place in time, who wrote it, and its HTML.
type Bubble = (u64, &'static str, String);

fn render(ledger: &Ledger) -> String {
    let mut phones: BTreeMap<&str, Vec<Bubble>> = BTreeMap::new();
    for (entry, sent) in ledger.sent() {
        let bubble = (entry.number, "shop", describe(&entry.request, &sent.kind));
        phones.entry(&sent.to).or_default().push(bubble);
    }
    for written in &ledger.written {
        let bubble = (written.number, "customer", escape(&written.text));
        phones.entry(&written.from).or_default().push(bubble);
    }
    if phones.is_empty() {
        return "<p>Nenhuma mensagem ainda.</p>".to_owned();
    }
    let mut html = String::from("<main>");
    for (phone, mut bubbles) in phones {
        bubbles.sort_by_key(|(number, ..)| std::cmp::Reverse(*number));
        let _ = write!(html, "<section><h2>+{}</h2><ol reversed>", escape(phone));
        for (_, who, text) in bubbles {
            let _ = write!(html, "<li class=\"{who}\">{text}</li>");
        }
        html.push_str("</ol></section>");
    }
    html.push_str("</main>");
    html
}

/// What the customer sees of a message.
fn describe(message: &Value, kind: &str) -> String {
    let content = &message[kind];
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    match kind {
        "text" => text(&content["body"]),
        "reaction" => format!("reagiu com {}", text(&content["emoji"])),
        "interactive" => format!(
            "{}<ul>{}</ul>",
            text(&content["body"]["text"]),
            choices(&content["action"])
        ),
        "template" => format!("modelo <b>{}</b>", text(&content["name"])),
        "location" => format!(
            "📍 {} {}",
            escape(&content["latitude"].to_string()),
            escape(&content["longitude"].to_string())
        ),
        "contacts" => format!("👤 {}", text(&content[0]["name"]["formatted_name"])),
        media => {
            let place = content["link"]
                .as_str()
                .or(content["id"].as_str())
                .unwrap_or_default();
            format!(
                "<i>{}</i> {}<br>{}",
                escape(media),
                escape(place),
                text(&content["caption"])
            )
        }
    }
}

fn choices(action: &Value) -> String {
    let buttons = action["buttons"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|button| &button["reply"]["title"]);
    let sections = action["sections"].as_array().into_iter().flatten();
    let rows = sections
        .flat_map(|section| section["rows"].as_array().into_iter().flatten())
        .map(|row| &row["title"]);
    buttons.chain(rows).fold(String::new(), |mut html, title| {
        let _ = write!(
            html,
            "<li>{}</li>",
            escape(title.as_str().unwrap_or_default())
        );
        html
    })
}

/// Plain text as HTML.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push_str("<br>"),
            other => html.push(other),
        }
    }
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
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 0 0 .5rem }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: 1rem 0 }
label { display: grid; gap: .2rem } label.text { flex: 1; min-width: 12rem }
input, button { font: inherit; padding: .4rem .6rem }
iframe { width: 100%; height: 70vh; border: 1px solid #8886; border-radius: .5rem }
main { display: flex; flex-wrap: wrap; gap: 1rem }
section { flex: 1; min-width: 17rem; max-width: 24rem; border: 1px solid #8886; border-radius: 1.2rem; padding: 1rem }
ol { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; gap: .4rem }
ol > li { padding: .4rem .7rem; border-radius: .8rem; max-width: 85%; overflow-wrap: anywhere }
.shop { background: #8883; align-self: start } .customer { background: #1a7f4b; color: #fff; align-self: end }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_typed_stays_text() {
        assert_eq!(
            escape("<b a=\"1\">&'\n"),
            "&lt;b a=&quot;1&quot;&gt;&amp;&#39;<br>"
        );
    }
}
