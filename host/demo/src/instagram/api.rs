//! The provider's HTTP interface: which request reaches what.

use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{Method, Uri};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::{Professional, message};
use crate::api::{is_json, shown};
use crate::ledger::Sent;
use crate::provider::token;
use crate::reply::Reply;
use crate::standin::Standin;

/// Of an account with a token of its own.
const ACCOUNT: &[&str] = &[
    "id",
    "user_id",
    "username",
    "name",
    "account_type",
    "profile_picture_url",
    "followers_count",
    "follows_count",
    "media_count",
];
/// Of whoever writes.
const PERSON: &[&str] = &[
    "id",
    "name",
    "username",
    "profile_pic",
    "follower_count",
    "is_user_follow_business",
    "is_business_follow_user",
    "is_verified_user",
];
const MESSAGE: &[&str] = &[
    "id",
    "created_time",
    "from",
    "to",
    "message",
    "attachments",
    "story",
    "shares",
    "reactions",
    "reply_to",
    "is_unsupported",
];
const SUBSCRIPTIONS: &[&str] = &[
    "comments",
    "live_comments",
    "mentions",
    "message_edit",
    "message_echoes",
    "message_reactions",
    "messages",
    "messaging_handover",
    "messaging_optins",
    "messaging_postbacks",
    "messaging_referral",
    "messaging_seen",
    "standby",
    "story_insights",
];

/// The answer to any request to the provider.
pub(crate) async fn answer(standin: &Standin, request: Request, trace: &str) -> Reply {
    let Some(account) = &standin.accounts().instagram else {
        return Refusal::bad_token().reply(Value::Null, trace);
    };
    if request.uri().path().starts_with("/ig_messaging_cdn/") {
        return match file(standin, request.uri()) {
            Ok(reply) => reply,
            Err(refusal) => refusal.reply(Value::Null, trace),
        };
    }
    match token(request.uri(), request.headers()) {
        Some(token) if token == account.access_token => {}
        given => {
            let refusal = given.map_or_else(Refusal::no_token, |_| Refusal::bad_token());
            return refusal.reply(shown(request).await, trace);
        }
    }
    let (shown, outcome) = carry_out(standin, account, request).await;
    match outcome {
        Ok(reply) => Reply {
            request: shown,
            ..reply
        },
        Err(refusal) => refusal.reply(shown, trace),
    }
}

/// Also gives the JSON body for the ledger.
async fn carry_out(
    standin: &Standin,
    account: &Professional,
    request: Request,
) -> (Value, Result<Reply, Refusal>) {
    let (uri, method) = (request.uri().clone(), request.method().clone());
    let page = is_of_page(&request);
    let mut segments: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    if segments.first().is_some_and(|first| is_version(first)) {
        segments.remove(0);
    }
    let own = |id: &str| id == "me" || id == account.id;
    let outcome = match (&method, segments.as_slice()) {
        (&Method::POST, [id, "messages"]) if own(id) => {
            return messages(standin, request).await;
        }
        (&Method::GET, [id]) if own(id) => match page {
            true => page_of(account, &uri),
            false => chosen(&uri, ACCOUNT, &account_fields(account)),
        },
        (&Method::GET, [id]) if id.bytes().all(|byte| byte.is_ascii_digit()) => {
            person(standin, &uri, id)
        }
        (&Method::GET, [id]) => sent_message(standin, &uri, id),
        (&Method::POST, [id, "subscribed_apps"]) if own(id) => subscribe(standin, &uri),
        (&Method::DELETE, [id, "subscribed_apps"]) if own(id) => {
            standin.state().instagram.subscribed.clear();
            Ok(json!({ "success": true }))
        }
        (&Method::GET, [id, "subscribed_apps"]) if own(id) => Ok(json!({
            "data": [{ "subscribed_fields": standin.state().instagram.subscribed }]
        })),
        (_, [id]) | (_, [id, "messages" | "subscribed_apps"]) => {
            Err(Refusal::unknown_object(method.as_str(), id))
        }
        _ => Err(Refusal::unknown_path(uri.path())),
    };
    (
        shown(request).await,
        outcome.map(|answer| Reply::json(Value::Null, answer)),
    )
}

/// `v25.0`; without one, the app's oldest.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .and_then(|version| version.split_once('.'))
        .is_some_and(|(major, minor)| major.parse::<u8>().is_ok() && minor == "0")
}

/// A Page's token is for the other host.
fn is_of_page(request: &Request) -> bool {
    let host = request.headers().get("host");
    host.and_then(|host| host.to_str().ok())
        .is_some_and(|host| host.starts_with("graph.facebook.com"))
}

async fn messages(standin: &Standin, request: Request) -> (Value, Result<Reply, Refusal>) {
    let json = is_json(request.headers());
    let Ok(body) = Bytes::from_request(request, &()).await else {
        return (
            Value::Null,
            Err(Refusal::invalid("the body breaks off or is too large")),
        );
    };
    let shown: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !json {
        let refusal = Refusal::invalid("Content-Type must be application/json");
        return (shown, Err(refusal));
    }
    let outcome = message::check(&body).map(|checked| {
        let Some(kind) = checked.kind else {
            return Reply::json(Value::Null, json!({ "recipient_id": checked.to }));
        };
        let id = mid(standin);
        let text = shown["message"]["text"].as_str().unwrap_or_default();
        let mut state = standin.state();
        state.instagram.messages.insert(id.clone(), text.to_owned());
        let answer = json!({ "recipient_id": checked.to, "message_id": id });
        Reply {
            sent: Some(Sent {
                id,
                to: checked.to,
                kind,
            }),
            ..Reply::json(Value::Null, answer)
        }
    });
    (shown, outcome)
}

/// An id for a message.
pub(super) fn mid(standin: &Standin) -> String {
    format!("aWdfZAG1faXRlbToxOk{}", standin.plain_id())
}

fn subscribe(standin: &Standin, uri: &Uri) -> Result<Value, Refusal> {
    let fields = query(uri, "subscribed_fields")?;
    let fields: Vec<String> = fields.split(',').map(str::to_owned).collect();
    if let Some(unknown) = fields
        .iter()
        .find(|field| !SUBSCRIPTIONS.contains(&field.as_str()))
    {
        let all = SUBSCRIPTIONS.join(", ");
        return Err(Refusal::invalid(&format!(
            "Param subscribed_fields[0] must be one of {{{all}}} - got \"{unknown}\"."
        )));
    }
    standin.state().instagram.subscribed = fields;
    Ok(json!({ "success": true }))
}

fn account_fields(account: &Professional) -> Value {
    json!({
        "id": format!("6{}", account.id.get(1..).unwrap_or_default()),
        "user_id": account.id,
        "username": "loja.demonstracao",
        "name": "Loja Demonstração",
        "account_type": "Business",
        "followers_count": 1,
        "follows_count": 1,
        "media_count": 0,
    })
}

/// A Page with the account that it is linked to: `fields=name,instagram_business_account{id,username}`.
fn page_of(account: &Professional, uri: &Uri) -> Result<Value, Refusal> {
    let fields = query(uri, "fields")?;
    let linked = account_fields(account);
    let mut answer = json!({ "id": "100000000000009" });
    let plain = match fields.split_once("instagram_business_account") {
        None => fields.as_str(),
        Some((before, inner)) => {
            let inner = inner.trim_start_matches('{').trim_end_matches('}');
            let mut nested = json!({ "id": account.id });
            for name in inner.split(',').filter(|name| !name.is_empty()) {
                if !["id", "username", "name", "profile_picture_url"].contains(&name) {
                    return Err(nonexisting(name));
                }
                if name != "id" && !linked[name].is_null() {
                    nested[name] = linked[name].clone();
                }
            }
            answer["instagram_business_account"] = nested;
            before.trim_end_matches(',')
        }
    };
    for name in plain.split(',').filter(|name| !name.is_empty()) {
        match name {
            "id" => {}
            "name" => answer["name"] = "Loja Demonstração".into(),
            other => return Err(nonexisting(other)),
        }
    }
    Ok(answer)
}

fn person(standin: &Standin, uri: &Uri, id: &str) -> Result<Value, Refusal> {
    let name = standin.state().instagram.people.get(id).cloned();
    let name = name.ok_or_else(|| Refusal::unknown_object("GET", id))?;
    let handle: String = name
        .to_lowercase()
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                '.'
            }
        })
        .filter(char::is_ascii)
        .collect();
    // Who has a picture has it under `profile_ID`.
    let picture = format!("profile_{id}");
    let kept = standin.state().instagram.files.contains_key(&picture);
    let address =
        format!("https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id={picture}&signature=demo");
    let fields = json!({
        "id": id,
        "name": name,
        "profile_pic": kept.then_some(address),
        "username": handle,
        "follower_count": 12,
        "is_user_follow_business": true,
        "is_business_follow_user": false,
        "is_verified_user": false,
    });
    chosen(uri, PERSON, &fields)
}

fn sent_message(standin: &Standin, uri: &Uri, id: &str) -> Result<Value, Refusal> {
    let text = standin.state().instagram.messages.get(id).cloned();
    let text = text.ok_or_else(|| Refusal::unknown_object("GET", id))?;
    chosen(uri, MESSAGE, &json!({ "id": id, "message": text }))
}

/// Only the asked-for fields, always with the id.
fn chosen(uri: &Uri, known: &[&str], all: &Value) -> Result<Value, Refusal> {
    let mut answer = json!({ "id": all["id"] });
    for name in query(uri, "fields")?.split(',') {
        if !known.contains(&name) {
            return Err(nonexisting(name));
        }
        if !all[name].is_null() {
            answer[name] = all[name].clone();
        }
    }
    Ok(answer)
}

fn nonexisting(name: &str) -> Refusal {
    Refusal::invalid(&format!("Tried accessing nonexisting field ({name})"))
}

/// A parameter of the query that is needed.
fn query(uri: &Uri, name: &str) -> Result<String, Refusal> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| Refusal::invalid("the query is no query"))?;
    let found = pairs.into_iter().find(|(key, _)| key == name);
    found
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Refusal::invalid(&format!("The parameter {name} is required.")))
}

/// `https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=…&signature=…`, without a token.
fn file(standin: &Standin, uri: &Uri) -> Result<Reply, Refusal> {
    let id = query(uri, "asset_id").map_err(|_| Refusal::no_file())?;
    query(uri, "signature").map_err(|_| Refusal::no_file())?;
    let found = standin.state().instagram.files.get(&id).cloned();
    found.map(Reply::file).ok_or_else(Refusal::no_file)
}
