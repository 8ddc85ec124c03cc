//! The provider's HTTP interface: reading a call from an address, a query, a form or JSON, and carrying it out.

use axum::body::Bytes;
use axum::extract::{Form, FromRequest, Multipart, Request};
use axum::http::Method as Verb;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::method::{Gives, Method};
use super::parameter::{Given, integer};
use super::{Bot, State, Webhook};
use crate::api::essence;
use crate::ledger::Sent;
use crate::provider::Provider;
use crate::reply::{Reply, Upload};
use crate::standin::{Standin, milliseconds};

/// What a call gave.
struct Done {
    result: Value,
    sent: Option<Sent>,
}

/// The answer to any request to the provider.
pub(crate) async fn answer(standin: &Standin, request: Request) -> Reply {
    let Some(bot) = &standin.accounts().telegram else {
        return Refusal::unauthorized().reply(Value::Null);
    };
    let path = request.uri().path().to_owned();
    if let Some(file) = path.strip_prefix("/file/bot") {
        return match download(standin, bot, file) {
            Ok(file) => Reply::file(file),
            Err(refusal) => refusal.reply(Value::Null),
        };
    }
    let method = match addressed(bot, &path, request.method()) {
        Ok(method) => method,
        Err(refusal) => return refusal.reply(crate::api::shown(request).await),
    };
    let given = match given(request).await {
        Ok(given) => given,
        Err(refusal) => return refusal.reply(Value::Null),
    };
    let shown = shown(&given);
    match call(standin, bot, method, given) {
        Ok(Done { result, sent }) => Reply {
            sent,
            ..Reply::json(shown, json!({ "ok": true, "result": result }))
        },
        Err(refusal) => refusal.reply(shown),
    }
}

/// A call that the business made by its answer to a webhook: `method` and the parameters. Nobody hears what becomes of it.
pub(crate) fn answered(standin: &Standin, body: &Bytes) {
    let (Some(bot), Ok(Value::Object(mut values))) = (
        &standin.accounts().telegram,
        serde_json::from_slice::<Value>(body),
    ) else {
        return;
    };
    let Some(Value::String(name)) = values.remove("method") else {
        return;
    };
    let given = Given {
        values,
        ..Given::default()
    };
    let request = shown(&given);
    let outcome = Method::find(&name)
        .ok_or_else(Refusal::not_found)
        .and_then(|method| call(standin, bot, method, given));
    let (status, answer, sent) = match outcome {
        Ok(done) => (200, json!({ "ok": true, "result": done.result }), done.sent),
        Err(refusal) => (400, refusal.body(), None),
    };
    let mut state = standin.state();
    let number = state.ledger.next();
    state.ledger.requests.push(crate::ledger::Entry {
        number,
        at: milliseconds(),
        channel: Provider::Telegram,
        method: "webhook".to_owned(),
        path: name,
        request,
        status,
        answer,
        sent,
    });
}

/// `/bot<token>/METHOD_NAME`, by GET or POST.
fn addressed(bot: &Bot, path: &str, verb: &Verb) -> Result<&'static Method, Refusal> {
    let call = path.strip_prefix("/bot").ok_or_else(Refusal::not_found)?;
    let (token, name) = call.split_once('/').ok_or_else(Refusal::not_found)?;
    if token != bot.token {
        return Err(Refusal::unauthorized());
    }
    if verb != Verb::GET && verb != Verb::POST {
        return Err(Refusal::not_found());
    }
    Method::find(name).ok_or_else(Refusal::not_found)
}

/// `https://api.telegram.org/file/bot<token>/<file_path>`
fn download(standin: &Standin, bot: &Bot, place: &str) -> Result<Upload, Refusal> {
    let (token, path) = place.split_once('/').ok_or_else(Refusal::not_found)?;
    if token != bot.token {
        return Err(Refusal::unauthorized());
    }
    let id = path.strip_prefix("files/").ok_or_else(Refusal::not_found)?;
    let state = standin.state();
    state
        .telegram
        .file(id)
        .cloned()
        .ok_or_else(Refusal::not_found)
}

/// The parameters: "URL query string, application/x-www-form-urlencoded, application/json (except for uploading files),
/// multipart/form-data".
async fn given(request: Request) -> Result<Given, Refusal> {
    let mut given = Given::default();
    let query = request.uri().query().unwrap_or_default();
    for (name, value) in pairs(query.as_bytes())? {
        given.values.insert(name, value.into());
    }
    match essence(request.headers()).as_deref() {
        Some("application/json") => {
            let body = Bytes::from_request(request, &())
                .await
                .map_err(|_| Refusal::bad("the body breaks off"))?;
            if !body.is_empty() {
                let parsed: Map<String, Value> = serde_json::from_slice(&body)
                    .map_err(|_| Refusal::bad("request body must be a JSON object"))?;
                given.values.extend(parsed);
            }
        }
        Some("application/x-www-form-urlencoded") => {
            let Form(form) = Form::<Vec<(String, String)>>::from_request(request, &())
                .await
                .map_err(|_| Refusal::bad("can't parse the form"))?;
            let form = form.into_iter().map(|(name, value)| (name, value.into()));
            given.values.extend(form);
        }
        Some("multipart/form-data") => form(request, &mut given).await?,
        _ => {}
    }
    Ok(given)
}

fn pairs(query: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    let uri = format!("/?{}", String::from_utf8_lossy(query));
    let uri: axum::http::Uri = uri
        .parse()
        .map_err(|_| Refusal::bad("can't parse the query"))?;
    axum::extract::Query::try_from_uri(&uri)
        .map(|axum::extract::Query(pairs)| pairs)
        .map_err(|_| Refusal::bad("can't parse the query"))
}

/// Fields without a file name are texts.
async fn form(request: Request, given: &mut Given) -> Result<(), Refusal> {
    let broken = || Refusal::bad("can't parse the form");
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| broken())?;
    while let Some(field) = form.next_field().await.map_err(|_| broken())? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some();
        let mime = field.content_type().map(str::to_owned);
        let bytes = field.bytes().await.map_err(|_| broken())?;
        if is_file {
            let mime = mime.unwrap_or_else(|| "application/octet-stream".to_owned());
            given.uploads.insert(name, Upload { mime, bytes });
        } else {
            let text = String::from_utf8(bytes.to_vec());
            let text = text.map_err(|_| Refusal::bad("strings must be encoded in UTF-8"))?;
            given.values.insert(name, text.into());
        }
    }
    Ok(())
}

/// The call as the ledger shows it: a file by its type and size.
fn shown(given: &Given) -> Value {
    let mut all = given.values.clone();
    for (name, file) in &given.uploads {
        let note = json!({ "mime": file.mime, "bytes": file.bytes.len() });
        all.insert(name.clone(), note);
    }
    all.into()
}

fn call(standin: &Standin, bot: &Bot, method: &Method, mut given: Given) -> Result<Done, Refusal> {
    let mut state = standin.state();
    let state = &mut state.telegram;
    given.check(method, state)?;
    let mut sent = None;
    let result = match method.gives {
        Gives::Me => me(bot),
        Gives::True => true.into(),
        Gives::Message(content) => {
            let message = send(bot, state, content, &given);
            sent = Some(noted(&message, content));
            message
        }
        Gives::Album => {
            let messages = album(bot, state, &given);
            sent = messages.first().map(|first| noted(first, "album"));
            messages.into()
        }
        Gives::Edited(field) => edit(state, field, &given.values)?,
        Gives::Deleted => delete(state, &given.values)?,
        Gives::File => file(state, &given.values)?,
        Gives::Pictures => pictures(state, &given.values),
        Gives::WebhookInfo => webhook_info(state),
        Gives::WebhookSet => set_webhook(state, &given.values)?,
        Gives::WebhookGone => {
            state.webhook = None;
            true.into()
        }
        Gives::Answered => {
            let id = given.values["callback_query_id"].as_str();
            if !state.queries.remove(id.unwrap_or_default()) {
                return Err(Refusal::bad(
                    "query is too old and response timeout expired or query ID is invalid",
                ));
            }
            true.into()
        }
    };
    Ok(Done { result, sent })
}

fn me(bot: &Bot) -> Value {
    json!({
        "id": bot.id(),
        "is_bot": true,
        "first_name": "Loja Demonstração",
        "username": "loja_demonstracao_bot",
        "can_join_groups": true,
        "can_read_all_group_messages": false,
        "supports_inline_queries": false,
        "can_connect_to_business": true,
        "has_main_web_app": false,
    })
}

fn noted(message: &Value, kind: &str) -> Sent {
    Sent {
        id: message["message_id"].to_string(),
        to: message["chat"]["id"].to_string(),
        kind: kind.to_owned(),
    }
}

/// Makes the message and remembers it.
fn send(bot: &Bot, state: &mut State, content: &str, given: &Given) -> Value {
    let values = &given.values;
    let mut message = frame(bot, state, values);
    let copied = [
        "entities",
        "caption",
        "caption_entities",
        "reply_markup",
        "business_connection_id",
        "message_thread_id",
    ];
    for name in copied {
        if let Some(value) = values.get(name) {
            message[name] = value.clone();
        }
    }
    let place = || json!({ "latitude": values["latitude"], "longitude": values["longitude"] });
    message[content] = match content {
        "text" => values["text"].clone(),
        "location" => place(),
        "venue" => {
            json!({ "location": place(), "title": values["title"], "address": values["address"] })
        }
        "contact" => {
            json!({ "phone_number": values["phone_number"], "first_name": values["first_name"] })
        }
        _ => {
            let id = match given.uploads.get(content) {
                Some(upload) => stored(state, upload.clone()),
                None => values[content].as_str().unwrap_or_default().to_owned(),
            };
            described(content, &id)
        }
    };
    remember(state, &message);
    message
}

fn album(bot: &Bot, state: &mut State, given: &Given) -> Vec<Value> {
    let items = given.values["media"].as_array().cloned();
    let group = state.number().to_string();
    let mut messages = Vec::new();
    for item in items.unwrap_or_default() {
        let mut message = frame(bot, state, &given.values);
        let content = item["type"].as_str().unwrap_or_default();
        let source = item["media"].as_str().unwrap_or_default();
        let upload = source
            .strip_prefix("attach://")
            .and_then(|name| given.uploads.get(name));
        let id = match upload {
            Some(upload) => stored(state, upload.clone()),
            None => source.to_owned(),
        };
        message["media_group_id"] = group.clone().into();
        message[content] = described(content, &id);
        for name in ["caption", "caption_entities"] {
            if !item[name].is_null() {
                message[name] = item[name].clone();
            }
        }
        remember(state, &message);
        messages.push(message);
    }
    messages
}

/// What every message has.
fn frame(bot: &Bot, state: &mut State, values: &Map<String, Value>) -> Value {
    let chat = &values["chat_id"];
    let kind = match chat.as_i64() {
        Some(1..) => "private",
        Some(-999_999_999_999..) => "group",
        Some(_) => "supergroup",
        None => "channel",
    };
    json!({
        "message_id": state.number(),
        "from": { "id": bot.id(), "is_bot": true, "first_name": "Loja Demonstração" },
        "chat": { "id": chat, "type": kind },
        "date": milliseconds() / 1000,
    })
}

fn described(content: &str, id: &str) -> Value {
    let file = json!({ "file_id": id, "file_unique_id": id });
    match content {
        "photo" => json!([file]),
        _ => file,
    }
}

fn stored(state: &mut State, upload: Upload) -> String {
    let id = format!("STANDIN{}", state.number());
    state.keep(id.clone(), upload);
    id
}

fn remember(state: &mut State, message: &Value) {
    let chat = message["chat"]["id"].as_i64().unwrap_or_default();
    let number = message["message_id"].as_i64().unwrap_or_default();
    state.messages.insert((chat, number), message.clone());
}

fn edit(state: &mut State, field: &str, values: &Map<String, Value>) -> Result<Value, Refusal> {
    let (Some(chat), Some(number)) = (values.get("chat_id"), values.get("message_id")) else {
        // "Required if inline_message_id is not specified", and this bot has no inline messages.
        return Err(Refusal::bad("message identifier is not specified"));
    };
    let key = (
        chat.as_i64().unwrap_or_default(),
        number.as_i64().unwrap_or_default(),
    );
    let message = state
        .messages
        .get_mut(&key)
        .ok_or_else(|| Refusal::bad("message to edit not found"))?;
    if field == "text" && message["text"].is_null() {
        return Err(Refusal::bad("there is no text in the message to edit"));
    }
    if field == "caption" && !message["text"].is_null() {
        return Err(Refusal::bad("there is no caption in the message to edit"));
    }
    let before = message.clone();
    let fields: &[&str] = match field {
        "text" => &["text", "entities", "reply_markup"],
        "caption" => &["caption", "caption_entities", "reply_markup"],
        _ => &["reply_markup"],
    };
    if let Some(message) = message.as_object_mut() {
        for name in fields {
            match values.get(*name) {
                Some(value) => message.insert((*name).to_owned(), value.clone()),
                None => message.remove(*name),
            };
        }
    }
    if *message == before {
        return Err(Refusal::bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
        ));
    }
    message["edit_date"] = (milliseconds() / 1000).into();
    Ok(message.clone())
}

/// One that is named and not there is an error; of several, those that are there go.
fn delete(state: &mut State, values: &Map<String, Value>) -> Result<Value, Refusal> {
    let chat = values["chat_id"].as_i64().unwrap_or_default();
    if let Some(number) = values.get("message_id").and_then(Value::as_i64) {
        return match state.messages.remove(&(chat, number)) {
            Some(_) => Ok(true.into()),
            None => Err(Refusal::bad("message to delete not found")),
        };
    }
    for number in values["message_ids"].as_array().into_iter().flatten() {
        state
            .messages
            .remove(&(chat, integer(number).unwrap_or_default()));
    }
    Ok(true.into())
}

fn file(state: &State, values: &Map<String, Value>) -> Result<Value, Refusal> {
    let id = values["file_id"].as_str().unwrap_or_default();
    let file = state
        .file(id)
        .ok_or_else(|| Refusal::bad("wrong file_id or the file is temporarily unavailable"))?;
    // "bots can download files of up to 20MB in size".
    if file.bytes.len() > 20 * 1024 * 1024 {
        return Err(Refusal::bad("file is too big"));
    }
    Ok(json!({
        "file_id": id,
        "file_unique_id": id,
        "file_size": file.bytes.len(),
        "file_path": format!("files/{id}"),
    }))
}

/// Who has one has it under `profile_ID`.
fn pictures(state: &State, values: &Map<String, Value>) -> Value {
    let id = format!("profile_{}", values["user_id"]);
    let Some(file) = state.file(&id) else {
        return json!({ "total_count": 0, "photos": [] });
    };
    let size = json!({
        "file_id": id,
        "file_unique_id": id,
        "file_size": file.bytes.len(),
        "width": 640,
        "height": 640,
    });
    json!({ "total_count": 1, "photos": [[size]] })
}

fn webhook_info(state: &State) -> Value {
    let url = state.webhook.as_ref().map_or("", |it| it.url.as_str());
    let mut info =
        json!({ "url": url, "has_custom_certificate": false, "pending_update_count": 0 });
    if let Some(webhook) = state.webhook.as_ref().filter(|it| !it.allowed.is_empty()) {
        info["allowed_updates"] = json!(webhook.allowed);
    }
    info
}

fn set_webhook(state: &mut State, values: &Map<String, Value>) -> Result<Value, Refusal> {
    let url = values["url"].as_str().unwrap_or_default();
    if url.is_empty() {
        state.webhook = None;
        return Ok(true.into());
    }
    reachable(url)?;
    let secret = values.get("secret_token").and_then(Value::as_str);
    let allowed = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    if secret.is_some_and(|secret| !secret.bytes().all(allowed)) {
        return Err(Refusal::bad("secret token contains unallowed characters"));
    }
    let kinds = values.get("allowed_updates").and_then(Value::as_array);
    let kinds = kinds.into_iter().flatten().filter_map(Value::as_str);
    state.webhook = Some(Webhook {
        url: url.to_owned(),
        secret: secret.map(str::to_owned),
        allowed: kinds.map(str::to_owned).collect(),
    });
    Ok(true.into())
}

/// https at one of four ports; on this machine also plain http at any, as with a Bot API server of one's own (`--local`).
fn reachable(url: &str) -> Result<(), Refusal> {
    let uri: axum::http::Uri = url
        .parse()
        .map_err(|_| Refusal::bad("bad webhook: invalid webhook URL specified"))?;
    let host = uri.host().unwrap_or_default();
    match uri.scheme_str() {
        Some("http") if ["127.0.0.1", "localhost", "[::1]"].contains(&host) => Ok(()),
        Some("https") if host.is_empty() => {
            Err(Refusal::bad("bad webhook: invalid webhook URL specified"))
        }
        Some("https") => match uri.port_u16().unwrap_or(443) {
            443 | 80 | 88 | 8443 => Ok(()),
            _ => Err(Refusal::bad(
                "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
            )),
        },
        _ => Err(Refusal::bad(
            "bad webhook: An HTTPS URL must be provided for webhook",
        )),
    }
}
