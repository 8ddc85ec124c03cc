//! Telegram.

use axum::body::Body;
use hyper::Request;
use serde_json::{Value, json};

use crate::business::Business;
use crate::{BOT, Site};

const HOST: &str = "api.telegram.org";
const CHAT: i64 = 5001;

async fn call(site: &Site, method: &str, parameters: &Value) -> (u16, Value) {
    let path = format!("/bot{BOT}/{method}");
    site.json("POST", (HOST, &path), None, Some(parameters))
        .await
}

/// A call that is taken; its result.
async fn taken(site: &Site, method: &str, parameters: &Value) -> Value {
    let (status, answer) = call(site, method, parameters).await;
    assert_eq!(
        (status, &answer["ok"]),
        (200, &json!(true)),
        "{method} {parameters}: {answer}"
    );
    answer["result"].clone()
}

/// A call that is refused; status and description.
async fn refused(site: &Site, method: &str, parameters: &Value) -> String {
    let (status, answer) = call(site, method, parameters).await;
    assert_eq!(answer["ok"], false, "{method} {parameters}: {answer}");
    assert_eq!(answer["error_code"], status);
    assert_eq!(status, 400, "{method} {parameters}: {answer}");
    let description = answer["description"].as_str().unwrap();
    let words = description.strip_prefix("Bad Request: ");
    words.unwrap_or_else(|| panic!("{description}")).to_owned()
}

/// The parameters and those of `CHAT`.
fn to_chat(mut parameters: Value) -> Value {
    parameters["chat_id"] = CHAT.into();
    parameters
}

fn long(length: usize) -> String {
    "a".repeat(length)
}

#[tokio::test]
async fn a_text_is_answered_with_the_message_that_the_ledger_and_the_phone_show() {
    let site = Site::start().await;
    let asked = to_chat(
        json!({ "text": "Abrimos às 9h", "entities": [{ "type": "bold", "offset": 0, "length": 7 }] }),
    );
    let message = taken(&site, "sendMessage", &asked).await;
    let id = message["message_id"].as_i64().unwrap();
    assert!(id > 0);
    assert_eq!(
        message,
        json!({
            "message_id": id,
            "from": { "id": 100_200, "is_bot": true, "first_name": "Loja Demonstração" },
            "chat": { "id": CHAT, "type": "private" },
            "date": message["date"],
            "text": "Abrimos às 9h",
            "entities": [{ "type": "bold", "offset": 0, "length": 7 }],
        })
    );
    let ledger = site.standin.ledger();
    let (entry, sent) = ledger.sent().next().unwrap();
    assert_eq!(
        (sent.id.as_str(), sent.to.as_str(), sent.kind.as_str()),
        (id.to_string().as_str(), "5001", "text")
    );
    assert_eq!((entry.status, &entry.request), (200, &asked));
    assert!(
        site.phones()
            .await
            .contains(r#"<li class="shop">Abrimos às 9h</li>"#)
    );
}

#[tokio::test]
async fn every_documented_method_is_taken() {
    let site = Site::start().await;
    let link = "https://files.example/a";
    let markup = json!({ "inline_keyboard": [[{ "text": "Sim", "callback_data": "yes" }, { "text": "Site", "url": "https://example.com" }]] });
    let messages = [
        (
            "sendPhoto",
            "photo",
            json!({ "photo": link, "caption": "Foto", "has_spoiler": true }),
        ),
        (
            "sendVideo",
            "video",
            json!({ "video": link, "duration": 3, "supports_streaming": true }),
        ),
        ("sendAnimation", "animation", json!({ "animation": link })),
        (
            "sendAudio",
            "audio",
            json!({ "audio": link, "performer": "Ana", "title": "Um" }),
        ),
        ("sendVoice", "voice", json!({ "voice": link })),
        ("sendDocument", "document", json!({ "document": link })),
        (
            "sendSticker",
            "sticker",
            json!({ "sticker": link, "emoji": "🙂" }),
        ),
        (
            "sendLocation",
            "location",
            json!({ "latitude": -23.5, "longitude": "-46.6", "horizontal_accuracy": 1500 }),
        ),
        (
            "sendVenue",
            "venue",
            json!({ "latitude": -23.5, "longitude": -46.6, "title": "Loja", "address": "Rua Um" }),
        ),
        (
            "sendContact",
            "contact",
            json!({ "phone_number": "+5511911110000", "first_name": "Ana" }),
        ),
        (
            "sendMessage",
            "text",
            json!({ "text": "oi", "reply_markup": markup, "reply_parameters": { "message_id": 7, "allow_sending_without_reply": true } }),
        ),
        (
            "sendMessage",
            "text",
            json!({ "text": "oi", "business_connection_id": "bc", "parse_mode": "HTML", "message_thread_id": 7 }),
        ),
        (
            "sendMessage",
            "text",
            json!({ "text": "oi", "reply_markup": { "keyboard": [["Sim", { "text": "Telefone", "request_contact": true }]], "resize_keyboard": true } }),
        ),
        (
            "sendMessage",
            "text",
            json!({ "text": "oi", "reply_markup": { "remove_keyboard": true } }),
        ),
        (
            "sendMessage",
            "text",
            json!({ "text": "oi", "reply_markup": { "force_reply": true, "input_field_placeholder": "Nome" } }),
        ),
        ("SENDMESSAGE", "text", json!({ "text": long(4096) })),
    ];
    let count = messages.len();
    for (method, content, parameters) in messages {
        let message = taken(&site, method, &to_chat(parameters)).await;
        assert!(!message[content].is_null(), "{method}: {message}");
        assert!(message["message_id"].is_i64());
    }
    assert_eq!(site.sent(), count);
    let album = json!([{ "type": "photo", "media": link, "caption": "Um" }, { "type": "video", "media": link }]);
    let album = taken(&site, "sendMediaGroup", &to_chat(json!({ "media": album }))).await;
    assert_eq!(album.as_array().unwrap().len(), 2);
    assert_eq!(album[0]["media_group_id"], album[1]["media_group_id"]);
    assert_eq!(album[0]["caption"], "Um");
    assert_eq!(site.sent(), count + 1);
    let nothing_sent = [
        ("sendChatAction", json!({ "action": "typing" })),
        (
            "setMessageReaction",
            json!({ "message_id": 7, "reaction": [{ "type": "emoji", "emoji": "👍" }] }),
        ),
        (
            "setMessageReaction",
            json!({ "message_id": 7, "reaction": [] }),
        ),
        (
            "readBusinessMessage",
            json!({ "business_connection_id": "bc", "message_id": 7 }),
        ),
    ];
    for (method, parameters) in nothing_sent {
        assert_eq!(taken(&site, method, &to_chat(parameters)).await, true);
    }
    let deleted = json!({ "business_connection_id": "bc", "message_ids": [7] });
    assert_eq!(taken(&site, "deleteBusinessMessages", &deleted).await, true);
    assert_eq!(taken(&site, "getMe", &json!({})).await["id"], 100_200);
    assert_eq!(site.sent(), count + 1);
}

#[tokio::test]
async fn every_departure_from_the_documents_is_refused_in_the_providers_shape() {
    let site = Site::start().await;
    let keyboard =
        |button: Value| json!({ "text": "oi", "reply_markup": { "inline_keyboard": [[button]] } });
    let entity = |entity: Value| json!({ "text": "oi", "entities": [entity] });
    let photo = |count: usize| json!({ "media": vec![json!({ "type": "photo", "media": "https://files.example/a" }); count] });
    let react = |reaction: Value| json!({ "message_id": 7, "reaction": reaction });
    let cases = [
        ("sendMessage", json!({}), "message text is empty"),
        (
            "sendMessage",
            json!({ "text": "  " }),
            "message text is empty",
        ),
        (
            "sendMessage",
            json!({ "text": long(4097) }),
            "message is too long",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "bold": true }),
            "sendMessage has no parameter bold",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "parse_mode": "BBCode" }),
            "wrong parameter parse_mode in request",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "disable_notification": 1 }),
            "field \"disable_notification\" must be a boolean",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "message_thread_id": 0 }),
            "field \"message_thread_id\" must be an integer of its range",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "business_connection_id": "" }),
            "parameter \"business_connection_id\" is required",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "reply_parameters": {} }),
            "message to be replied not found",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "reply_parameters": { "message_id": 7, "text": "oi" } }),
            "reply_parameters has no field text",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "link_preview_options": { "off": true } }),
            "link_preview_options has no field off",
        ),
        (
            "sendMessage",
            entity(json!({ "type": "loud", "offset": 0, "length": 1 })),
            "can't parse entities: unsupported type \"loud\" of MessageEntity",
        ),
        (
            "sendMessage",
            entity(json!({ "type": "bold", "offset": 0 })),
            "can't parse entities: a MessageEntity needs an offset and a length",
        ),
        (
            "sendMessage",
            entity(json!({ "type": "text_link", "offset": 0, "length": 1 })),
            "can't parse entities: a text_link needs its url",
        ),
        (
            "sendMessage",
            entity(json!({ "type": "bold", "offset": 1, "length": 2 })),
            "entity beyond the end of the text",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "reply_markup": { "buttons": [] } }),
            "object expected as reply markup",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "reply_markup": { "inline_keyboard": [{}] } }),
            "can't parse keyboard: expected an Array of Array of buttons",
        ),
        (
            "sendMessage",
            keyboard(json!({ "callback_data": "a" })),
            "can't parse keyboard button: Field \"text\" must be of type String",
        ),
        (
            "sendMessage",
            keyboard(json!({ "text": "a" })),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            "sendMessage",
            keyboard(json!({ "text": "a", "callback_data": "a", "pay": true })),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            "sendMessage",
            keyboard(json!({ "text": "a", "callback_data": long(65) })),
            "BUTTON_DATA_INVALID",
        ),
        (
            "sendMessage",
            keyboard(json!({ "text": "a", "url": "javascript:1" })),
            "BUTTON_URL_INVALID",
        ),
        (
            "sendMessage",
            keyboard(json!({ "text": "a", "callback_data": "a", "style": "loud" })),
            "can't parse keyboard button: invalid style",
        ),
        (
            "sendMessage",
            keyboard(json!({ "text": "a", "callback_data": "a", "title": "a" })),
            "InlineKeyboardButton has no field title",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "reply_markup": { "keyboard": [[{ "text": "a", "request_contact": true, "request_location": true }]] } }),
            "a KeyboardButton asks for one thing at most",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "reply_markup": { "force_reply": true, "input_field_placeholder": long(65) } }),
            "input field placeholder must have 1-64 characters",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "reply_markup": "{" }),
            "can't parse reply_markup JSON object",
        ),
        ("sendPhoto", json!({}), "there is no photo in the request"),
        (
            "sendPhoto",
            json!({ "photo": "https://" }),
            "wrong HTTP URL specified",
        ),
        (
            "sendPhoto",
            json!({ "photo": "unknown-file" }),
            "wrong file identifier/HTTP URL specified",
        ),
        (
            "sendPhoto",
            json!({ "photo": "attach://none" }),
            "wrong file identifier/HTTP URL specified",
        ),
        (
            "sendPhoto",
            json!({ "photo": "https://files.example/a", "caption": long(1025) }),
            "message caption is too long",
        ),
        (
            "sendVoice",
            json!({ "voice": "https://files.example/a", "title": "a" }),
            "sendVoice has no parameter title",
        ),
        (
            "sendSticker",
            json!({ "sticker": "https://files.example/a", "caption": "a" }),
            "sendSticker has no parameter caption",
        ),
        (
            "sendVideoNote",
            json!({ "video_note": "https://files.example/a" }),
            "wrong HTTP URL specified",
        ),
        (
            "sendMediaGroup",
            photo(1),
            "wrong number of items in media: 2-10 are needed",
        ),
        (
            "sendMediaGroup",
            photo(11),
            "wrong number of items in media: 2-10 are needed",
        ),
        (
            "sendMediaGroup",
            json!({ "media": [{ "type": "photo", "media": "https://files.example/a" }, { "type": "document", "media": "https://files.example/b" }] }),
            "document can't be mixed with other media types",
        ),
        (
            "sendMediaGroup",
            json!({ "media": [{ "type": "photo", "media": "https://files.example/a" }, { "type": "animation", "media": "https://files.example/b" }] }),
            "type of InputMedia cannot be in an album",
        ),
        (
            "sendMediaGroup",
            json!({ "media": [{ "type": "photo", "media": "https://files.example/a", "title": "a" }, { "type": "photo", "media": "https://files.example/b" }] }),
            "InputMedia has no field title",
        ),
        (
            "sendLocation",
            json!({ "latitude": 91, "longitude": 0 }),
            "field \"latitude\" must be a number of its range",
        ),
        (
            "sendLocation",
            json!({ "latitude": 9, "longitude": 181 }),
            "field \"longitude\" must be a number of its range",
        ),
        (
            "sendLocation",
            json!({ "latitude": 9 }),
            "parameter \"longitude\" is required",
        ),
        (
            "sendVenue",
            json!({ "latitude": 9, "longitude": 0, "title": "a" }),
            "parameter \"address\" is required",
        ),
        (
            "sendContact",
            json!({ "phone_number": "1" }),
            "parameter \"first_name\" is required",
        ),
        (
            "sendContact",
            json!({ "phone_number": "1", "first_name": "A", "vcard": long(2049) }),
            "a text is too long",
        ),
        (
            "sendChatAction",
            json!({ "action": "thinking" }),
            "wrong parameter action in request",
        ),
        (
            "setMessageReaction",
            react(json!([{ "type": "emoji", "emoji": "🧀" }])),
            "REACTION_INVALID",
        ),
        (
            "setMessageReaction",
            react(json!([{ "type": "paid" }])),
            "REACTION_INVALID",
        ),
        (
            "setMessageReaction",
            react(json!([{ "type": "emoji", "emoji": "👍" }, { "type": "emoji", "emoji": "👎" }])),
            "REACTIONS_TOO_MANY",
        ),
        (
            "deleteMessages",
            json!({ "message_ids": [] }),
            "message identifiers are not specified",
        ),
        (
            "deleteMessages",
            json!({ "message_ids": vec![1; 101] }),
            "message identifiers are not specified",
        ),
        (
            "deleteMessage",
            json!({ "message_id": 7 }),
            "message to delete not found",
        ),
        (
            "editMessageText",
            json!({ "message_id": 7, "text": "oi" }),
            "message to edit not found",
        ),
    ];
    let count = cases.len();
    for (method, parameters, description) in cases {
        let parameters = to_chat(parameters);
        assert_eq!(
            refused(&site, method, &parameters).await,
            description,
            "{method} {parameters}"
        );
    }
    let elsewhere = [
        ("sendMessage", json!({ "text": "oi" }), "chat_id is empty"),
        (
            "sendMessage",
            json!({ "text": "oi", "chat_id": "" }),
            "chat_id is empty",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "chat_id": 0 }),
            "chat not found",
        ),
        (
            "sendMessage",
            json!({ "text": "oi", "chat_id": "nobody" }),
            "chat not found",
        ),
        (
            "getFile",
            json!({ "file_id": "none" }),
            "wrong file_id or the file is temporarily unavailable",
        ),
        (
            "getUserProfilePhotos",
            json!({ "limit": 1 }),
            "parameter \"user_id\" is required",
        ),
        (
            "answerCallbackQuery",
            json!({ "callback_query_id": "none" }),
            "query is too old and response timeout expired or query ID is invalid",
        ),
        (
            "readBusinessMessage",
            json!({ "chat_id": CHAT, "message_id": 7 }),
            "parameter \"business_connection_id\" is required",
        ),
        (
            "editMessageText",
            json!({ "text": "oi" }),
            "message identifier is not specified",
        ),
        (
            "setWebhook",
            json!({ "url": "http://balcao.example/hooks/1" }),
            "bad webhook: An HTTPS URL must be provided for webhook",
        ),
        (
            "setWebhook",
            json!({ "url": "https://balcao.example:9000/hooks/1" }),
            "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        (
            "setWebhook",
            json!({ "url": "https://balcao.example/", "secret_token": "com espaço" }),
            "secret token contains unallowed characters",
        ),
        (
            "setWebhook",
            json!({ "url": "https://balcao.example/", "secret_token": long(257) }),
            "secret token is too long",
        ),
        (
            "setWebhook",
            json!({ "url": "https://balcao.example/", "allowed_updates": ["all"] }),
            "can't parse allowed_updates",
        ),
        (
            "setWebhook",
            json!({ "url": "https://balcao.example/", "max_connections": 101 }),
            "field \"max_connections\" must be an integer of its range",
        ),
    ];
    for (method, parameters, description) in elsewhere {
        assert_eq!(
            refused(&site, method, &parameters).await,
            description,
            "{method} {parameters}"
        );
    }
    assert_eq!(site.sent(), 0);
    assert!(site.standin.ledger().requests.len() > count);
}

#[tokio::test]
async fn token_path_verb_and_body_are_checked() {
    let site = Site::start().await;
    let ask = async |verb: &str, path: &str| {
        let body = json!({ "chat_id": CHAT, "text": "oi" });
        site.json(verb, (HOST, path), None, Some(&body)).await
    };
    let unauthorized = json!({ "ok": false, "error_code": 401, "description": "Unauthorized" });
    let not_found = json!({ "ok": false, "error_code": 404, "description": "Not Found" });
    let good = format!("/bot{BOT}/sendMessage");
    assert_eq!(
        ask("POST", "/bot7:OTHER/sendMessage").await,
        (401, unauthorized)
    );
    for path in [
        format!("/bot{BOT}/shout"),
        "/sendMessage".to_owned(),
        format!("/bot{BOT}"),
    ] {
        assert_eq!(ask("POST", &path).await, (404, not_found.clone()), "{path}");
    }
    assert_eq!(ask("DELETE", &good).await, (404, not_found));
    assert_eq!(ask("GET", &good).await.0, 200);
    let query = format!("{good}?chat_id={CHAT}&text=Bom%20dia");
    let (status, answer) = site.json("GET", (HOST, &query), None, None).await;
    assert_eq!(
        (status, &answer["result"]["text"]),
        (200, &json!("Bom dia"))
    );
    let broken = Request::post(&good)
        .header("host", HOST)
        .header("content-type", "application/json")
        .body(Body::from("[1]"))
        .unwrap();
    let (status, _, body) = site.ask(broken).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &answer["description"]),
        (
            400,
            &json!("Bad Request: request body must be a JSON object")
        )
    );
}

/// A form with a text field, a JSON field and a file.
fn form(method: &str, fields: &[(&str, &str)], file: &str, bytes: &str) -> Request<Body> {
    let mut body = String::new();
    for (name, value) in fields {
        body +=
            &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!(
        "--b\r\nContent-Disposition: form-data; name=\"{file}\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n{bytes}\r\n--b--\r\n"
    );
    Request::post(format!("/bot{BOT}/{method}"))
        .header("host", HOST)
        .header("content-type", "multipart/form-data; boundary=b")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn an_uploaded_file_has_an_id_by_which_it_is_given_back_and_sent_again() {
    let site = Site::start().await;
    let upload = form(
        "sendPhoto",
        &[("chat_id", "5001"), ("caption", "Foto")],
        "photo",
        "PNG",
    );
    let (status, _, body) = site.ask(upload).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["result"]["chat"]["id"], 5001);
    let id = answer["result"]["photo"][0]["file_id"].as_str().unwrap();
    let file = taken(&site, "getFile", &json!({ "file_id": id })).await;
    assert_eq!(file["file_size"], 3);
    let path = format!("/file/bot{BOT}/{}", file["file_path"].as_str().unwrap());
    let get = |path: &str| {
        Request::get(path)
            .header("host", HOST)
            .body(Body::empty())
            .unwrap()
    };
    let (status, headers, bytes) = site.ask(get(&path)).await.unwrap();
    assert_eq!(
        (status, &headers["content-type"], bytes.as_ref()),
        (200, &"image/png".parse().unwrap(), b"PNG".as_ref())
    );
    assert_eq!(
        site.ask(get(&path.replace(BOT, "7:OTHER")))
            .await
            .unwrap()
            .0,
        401
    );
    taken(&site, "sendPhoto", &to_chat(json!({ "photo": id }))).await;
    let page = site.phones().await;
    assert!(
        page.contains(&format!("<img src=\"/shown/telegram/{id}\"")),
        "{page}"
    );
    let album = r#"[{"type":"photo","media":"attach://one"},{"type":"photo","media":"https://files.example/a"}]"#;
    let album = form(
        "sendMediaGroup",
        &[("chat_id", "5001"), ("media", album)],
        "one",
        "PNG",
    );
    assert_eq!(site.ask(album).await.unwrap().0, 200);
    for (file, bytes, description) in [
        ("photo", "", "file must be non-empty"),
        ("picture", "PNG", "sendPhoto has no parameter picture"),
    ] {
        let upload = form("sendPhoto", &[("chat_id", "5001")], file, bytes);
        let (_, _, body) = site.ask(upload).await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["description"], format!("Bad Request: {description}"));
    }
}

#[tokio::test]
async fn a_customers_file_is_found_by_the_id_that_it_was_kept_under() {
    let site = Site::start().await;
    site.keep("telegram", "VOICE_1", "audio/ogg", b"OggS").await;
    let file = taken(&site, "getFile", &json!({ "file_id": "VOICE_1" })).await;
    assert_eq!(file["file_path"], "files/VOICE_1");
}

#[tokio::test]
async fn a_person_has_the_picture_that_was_kept_as_theirs() {
    let site = Site::start().await;
    let ask = json!({ "user_id": 5001, "limit": 1 });
    let none = taken(&site, "getUserProfilePhotos", &ask).await;
    assert_eq!(none, json!({ "total_count": 0, "photos": [] }));
    site.keep("telegram", "profile_5001", "image/jpeg", b"JPEG")
        .await;
    let one = taken(&site, "getUserProfilePhotos", &ask).await;
    assert_eq!(
        (&one["total_count"], &one["photos"][0][0]["file_id"]),
        (&json!(1), &json!("profile_5001"))
    );
}

#[tokio::test]
async fn an_edit_changes_the_phone_and_a_deletion_empties_it() {
    let site = Site::start().await;
    let message = taken(&site, "sendMessage", &to_chat(json!({ "text": "Sexta" }))).await;
    let id = &message["message_id"];
    let edit = |text: &str| to_chat(json!({ "message_id": id, "text": text }));
    let same = "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message";
    assert_eq!(
        refused(&site, "editMessageText", &edit("Sexta")).await,
        same
    );
    let caption = to_chat(json!({ "message_id": id, "caption": "a" }));
    assert_eq!(
        refused(&site, "editMessageCaption", &caption).await,
        "there is no caption in the message to edit"
    );
    let edited = taken(&site, "editMessageText", &edit("Sábado")).await;
    assert_eq!(
        (&edited["text"], edited["edit_date"].is_u64()),
        (&json!("Sábado"), true)
    );
    assert!(
        site.phones()
            .await
            .contains("Sábado <small>editada</small>")
    );
    let photo = json!({ "photo": "https://files.example/a" });
    let photo = taken(&site, "sendPhoto", &to_chat(photo)).await;
    let on_photo = json!({ "message_id": photo["message_id"], "text": "a" });
    assert_eq!(
        refused(&site, "editMessageText", &to_chat(on_photo)).await,
        "there is no text in the message to edit"
    );
    let gone = to_chat(json!({ "message_id": id }));
    assert_eq!(taken(&site, "deleteMessage", &gone).await, true);
    assert!(site.phones().await.contains("mensagem apagada"));
    let several = to_chat(json!({ "message_ids": [photo["message_id"], id] }));
    assert_eq!(taken(&site, "deleteMessages", &several).await, true);
    assert_eq!(site.phones().await.matches("mensagem apagada").count(), 2);
}

#[tokio::test]
async fn ordered_faults_have_the_documented_shapes() {
    let site = Site::start().await;
    let text = to_chat(json!({ "text": "oi" }));
    let cases = [
        (
            json!({ "kind": "rate-limited", "retry_after": 7 }),
            429,
            "Too Many Requests: retry after 7",
            json!({ "retry_after": 7 }),
        ),
        (
            json!({ "kind": "server-error" }),
            500,
            "Internal Server Error",
            Value::Null,
        ),
        (
            json!({ "kind": "unavailable" }),
            502,
            "Bad Gateway",
            Value::Null,
        ),
        (
            json!({ "kind": "unreachable" }),
            403,
            "Forbidden: bot was blocked by the user",
            Value::Null,
        ),
        (
            json!({ "kind": "token-expired" }),
            401,
            "Unauthorized",
            Value::Null,
        ),
    ];
    for (fault, status, description, parameters) in cases {
        let order = json!({ "channel": "telegram", "fault": fault });
        assert_eq!(site.order(&order).await, 204);
        let (got, answer) = call(&site, "sendMessage", &text).await;
        assert_eq!(
            (got, &answer["description"], &answer["parameters"]),
            (status, &json!(description), &parameters)
        );
    }
    assert_eq!(site.sent(), 0);
    for (kind, sent) in [("hang-up", 0), ("hang-up-after", 1)] {
        let order = json!({ "channel": "telegram", "fault": { "kind": kind } });
        assert_eq!(site.order(&order).await, 204);
        let request = Request::post(format!("/bot{BOT}/sendMessage"))
            .header("host", HOST)
            .header("content-type", "application/json")
            .body(Body::from(text.to_string()))
            .unwrap();
        assert!(site.ask(request).await.unwrap_err().is_incomplete_message());
        assert_eq!(site.sent(), sent, "{kind}");
    }
    taken(&site, "sendMessage", &text).await;
    assert_eq!(site.sent(), 2);
}

#[tokio::test]
async fn what_the_customer_types_goes_to_the_webhook_that_was_set_with_its_secret() {
    let (site, business) = (Site::start().await, Business::default());
    let url = business.open().await;
    let set = json!({ "url": url, "secret_token": "bot-secret", "allowed_updates": ["message"] });
    assert_eq!(taken(&site, "setWebhook", &set).await, true);
    let info = taken(&site, "getWebhookInfo", &json!({})).await;
    assert_eq!(
        (&info["url"], &info["allowed_updates"]),
        (&json!(url), &json!(["message"]))
    );
    let form = "channel=telegram&from=5001&name=Ana+Lima&text=Bom+dia";
    assert_eq!(site.form("/write", form).await, 303);
    let update = &business.notifications(1).await[0];
    assert!(update["update_id"].is_i64());
    let message = &update["message"];
    assert_eq!(
        (
            &message["text"],
            &message["from"]["last_name"],
            &message["chat"]["type"]
        ),
        (&json!("Bom dia"), &json!("Lima"), &json!("private"))
    );
    let written = &site.standin.ledger().written[0];
    assert_eq!(written.id, format!("5001:{}", message["message_id"]));
    assert_eq!(taken(&site, "deleteWebhook", &json!({})).await, true);
    assert_eq!(site.form("/write", form).await, 409);
}

#[tokio::test]
async fn a_button_that_is_pressed_on_the_page_is_answered_once_by_the_webhooks_answer() {
    let (site, business) = (Site::start().await, Business::default());
    let set = json!({ "url": business.open().await, "secret_token": "bot-secret" });
    taken(&site, "setWebhook", &set).await;
    let markup = json!({ "inline_keyboard": [[{ "text": "Sim", "callback_data": "yes" }]] });
    let message = to_chat(json!({ "text": "Confirma?", "reply_markup": markup }));
    let message = taken(&site, "sendMessage", &message).await;
    assert!(site.phones().await.contains("<button>Sim</button>"));
    let id = message["message_id"].as_i64().unwrap();
    let fields = format!("channel=telegram&from=5001&message={id}&title=Sim&data=yes");
    assert_eq!(site.form("/press", fields.leak()).await, 303);
    let query = &business.notifications(1).await[0]["callback_query"];
    assert_eq!(
        (&query["data"], &query["message"]["message_id"]),
        (&json!("yes"), &json!(id))
    );
    let again = json!({ "callback_query_id": query["id"] });
    // The webhook's own answer is read in the background.
    while !site
        .standin
        .ledger()
        .requests
        .iter()
        .any(|it| it.path == "answerCallbackQuery")
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        refused(&site, "answerCallbackQuery", &again).await,
        "query is too old and response timeout expired or query ID is invalid"
    );
}
