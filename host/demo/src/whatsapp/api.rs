//! The provider's HTTP interface: which request reaches what.

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::api::{is_json, shown};
use crate::ledger::Sent;
use crate::reply::{Reply, Upload};
use crate::standin::Standin;
use crate::whatsapp::account::DISPLAY_NUMBER;
use crate::whatsapp::answer::{Refusal, accepted};
use crate::whatsapp::message::{self, Checked};
use crate::whatsapp::templates;
use crate::whatsapp::webhook::digits;

/// The answer to any request to the provider.
pub(crate) async fn answer(standin: &Standin, request: Request, trace: &str) -> Reply {
    let (shown, outcome) = carry_out(standin, request).await;
    match outcome {
        Ok(reply) => Reply {
            request: shown,
            ..reply
        },
        Err(refusal) => refusal.reply(shown, trace),
    }
}

/// Also gives the JSON body for the ledger.
async fn carry_out(standin: &Standin, request: Request) -> (Value, Result<Reply, Refusal>) {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    if let Err(refusal) = authorised(standin, request.headers()) {
        return (shown(request).await, Err(refusal));
    }
    let mut segments = path.trim_start_matches('/').split('/');
    let version = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.collect();
    // The host of media addresses is another one, but everything arrives here.
    if let ["attachments", id] = rest.as_slice()
        && version == "whatsapp_business"
    {
        return (Value::Null, find(standin, "GET", id).map(Reply::file));
    }
    if !is_version(version) {
        return (shown(request).await, Err(Refusal::unknown_path(&path)));
    }
    let number = standin.account().phone_number_id.as_str();
    match (method, rest.as_slice()) {
        (Method::POST, [id, "messages"]) if *id == number => messages(standin, request).await,
        (Method::POST, [id, "media"]) if *id == number => {
            (Value::Null, upload(standin, request).await)
        }
        (Method::GET, [id]) if *id == number => (
            Value::Null,
            Ok(done(number_fields(standin, request.uri().query()))),
        ),
        (Method::GET, [templates::BUSINESS, "message_templates"]) => {
            (Value::Null, Ok(done(templates::listed())))
        }
        (Method::GET, [id]) => (Value::Null, media(standin, id)),
        (Method::DELETE, [id]) => (Value::Null, remove(standin, id)),
        (method, [id] | [id, "messages" | "media"]) => {
            let refusal = Refusal::unknown_object(method.as_str(), id);
            (shown(request).await, Err(refusal))
        }
        _ => (shown(request).await, Err(Refusal::unknown_path(&path))),
    }
}

fn done(answer: Value) -> Reply {
    Reply::json(Value::Null, answer)
}

fn authorised(standin: &Standin, headers: &HeaderMap) -> Result<(), Refusal> {
    let header = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(Refusal::no_token)?;
    let token = header
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Bearer "));
    match token {
        Some(token) if token == standin.account().access_token => Ok(()),
        _ => Err(Refusal::bad_token()),
    }
}

/// `v23.0`
fn is_version(segment: &str) -> bool {
    let numeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    segment
        .strip_prefix('v')
        .and_then(|numbers| numbers.split_once('.'))
        .is_some_and(|(major, minor)| numeric(major) && numeric(minor))
}

async fn messages(standin: &Standin, request: Request) -> (Value, Result<Reply, Refusal>) {
    let json = is_json(request.headers());
    let Ok(body) = Bytes::from_request(request, &()).await else {
        return (
            Value::Null,
            Err(Refusal::invalid("the body breaks off or is too large")),
        );
    };
    let shown = serde_json::from_slice(&body).unwrap_or_default();
    if !json {
        return (
            shown,
            Err(Refusal::invalid("Content-Type must be application/json")),
        );
    }
    let outcome = message::check(&body).and_then(|checked| take(standin, checked));
    (shown, outcome)
}

fn take(standin: &Standin, checked: Checked) -> Result<Reply, Refusal> {
    let (to, kind, media) = match checked {
        Checked::Read => return Ok(done(json!({ "success": true }))),
        Checked::Message { to, kind, media } => (to, kind, media),
    };
    if let Some(id) = media
        .iter()
        .find(|id| !standin.state().media.contains_key(*id))
    {
        return Err(Refusal::bad_value(&format!(
            "there is no media with the id {id}"
        )));
    }
    let phone = digits(&to);
    let id = standin.message_id(&phone);
    let answer = accepted(&to, &id, kind == "template");
    Ok(Reply {
        sent: Some(Sent {
            id,
            to: phone,
            kind,
        }),
        ..done(answer)
    })
}

/// Only the asked-for fields, always with the id.
fn number_fields(standin: &Standin, query: Option<&str>) -> Value {
    let all = json!({
        "verified_name": "Loja Demonstração",
        "code_verification_status": "VERIFIED",
        "display_phone_number": DISPLAY_NUMBER,
        "quality_rating": "GREEN",
        "platform_type": "CLOUD_API",
        "throughput": { "level": "STANDARD" },
    });
    let asked = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("fields="));
    let asked: Option<Vec<String>> = asked.map(|list| {
        list.replace("%2C", ",")
            .split(',')
            .map(str::to_owned)
            .collect()
    });
    let mut fields = json!({ "id": standin.account().phone_number_id });
    for (name, value) in all.as_object().into_iter().flatten() {
        if asked.as_ref().is_none_or(|asked| asked.contains(name)) {
            fields[name] = value.clone();
        }
    }
    fields
}

async fn upload(standin: &Standin, request: Request) -> Result<Reply, Refusal> {
    let broken = |_| Refusal::invalid("the body is not multipart/form-data");
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(broken)?;
    let (mut product, mut file, mut kind) = (None, None, None);
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|_| Refusal::invalid("the form breaks off"))?
    {
        let name = field.name().unwrap_or_default().to_owned();
        let mime = field.content_type().map(str::to_owned);
        let bytes = field
            .bytes()
            .await
            .map_err(|_| Refusal::invalid("the form breaks off"))?;
        match name.as_str() {
            "messaging_product" => product = Some(bytes),
            "type" => kind = Some(String::from_utf8_lossy(&bytes).into_owned()),
            "file" => file = Some((mime, bytes)),
            other => return Err(Refusal::invalid(&format!("Unexpected key \"{other}\""))),
        }
    }
    if product.as_deref() != Some(b"whatsapp") {
        return Err(Refusal::new(
            400,
            100,
            "The parameter messaging_product is required.",
            None,
        ));
    }
    let (mime, bytes) =
        file.ok_or_else(|| Refusal::new(400, 100, "The parameter file is required.", None))?;
    let mime = kind
        .or(mime)
        .ok_or_else(|| Refusal::new(400, 100, "The parameter type is required.", None))?;
    let id = standin.plain_id().to_string();
    standin
        .state()
        .media
        .insert(id.clone(), Upload { mime, bytes });
    Ok(done(json!({ "id": id })))
}

fn find(standin: &Standin, method: &str, id: &str) -> Result<Upload, Refusal> {
    let found = standin.state().media.get(id).cloned();
    found.ok_or_else(|| Refusal::unknown_object(method, id))
}

fn media(standin: &Standin, id: &str) -> Result<Reply, Refusal> {
    let file = find(standin, "GET", id)?;
    Ok(done(json!({
        "messaging_product": "whatsapp",
        "url": format!("https://lookaside.fbsbx.com/whatsapp_business/attachments/{id}"),
        "mime_type": file.mime,
        "sha256": hex::encode(Sha256::digest(&file.bytes)),
        "file_size": file.bytes.len().to_string(),
        "id": id,
    })))
}

fn remove(standin: &Standin, id: &str) -> Result<Reply, Refusal> {
    find(standin, "DELETE", id)?;
    standin.state().media.remove(id);
    Ok(done(json!({ "success": true })))
}
