//! The stand-ins over real sockets, as clients of the providers meet them.

mod business;
mod instagram;
mod scenarios;
mod telegram;
mod whatsapp;

use std::net::SocketAddr;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::HeaderMap;
use balcao_demo::instagram::Professional;
use balcao_demo::telegram::Bot;
use balcao_demo::{Account, Accounts, Standin, serve};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

const NUMBER: &str = "100000000000001";
const TOKEN: &str = "demo-access-token";
const BOT: &str = "100200:TOKEN";
const ACCOUNT: &str = "17841400000000002";
const INSTAGRAM: &str = "instagram-token";

/// A running stand-in.
struct Site {
    standin: Standin,
    address: SocketAddr,
}

impl Site {
    async fn start() -> Self {
        Self::with(NUMBER).await
    }

    /// Whose WhatsApp number has that id.
    async fn with(number: &str) -> Self {
        let standin = Standin::new(Accounts {
            whatsapp: Account {
                phone_number_id: number.to_owned(),
                access_token: TOKEN.to_owned(),
                app_secret: "secret".to_owned(),
                channel: "Loja".to_owned(),
            },
            telegram: Some(Bot {
                token: BOT.to_owned(),
                secret: "bot-secret".to_owned(),
                channel: "Bot: da loja".to_owned(),
            }),
            instagram: Some(Professional {
                id: ACCOUNT.to_owned(),
                access_token: INSTAGRAM.to_owned(),
                app_secret: "secret".to_owned(),
                channel: "Perfil".to_owned(),
            }),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(standin.clone(), listener));
        Self { standin, address }
    }

    /// Status, headers and body, or the error of a connection that ended.
    async fn ask(&self, request: Request<Body>) -> Result<(u16, HeaderMap, Bytes), hyper::Error> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let response: Response<Body> = sender.send_request(request).await?.map(Body::new);
        let (parts, body) = response.into_parts();
        Ok((
            parts.status.as_u16(),
            parts.headers,
            to_bytes(body, usize::MAX).await.unwrap(),
        ))
    }

    /// A JSON request to a provider's host; its answer is JSON too.
    async fn json(
        &self,
        method: &str,
        (host, path): (&str, &str),
        token: Option<&str>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let (status, _, body) = self.ask(request.body(body).unwrap()).await.unwrap();
        let answer = serde_json::from_slice(&body);
        (
            status,
            answer.unwrap_or_else(|_| panic!("{method} {path}: no JSON")),
        )
    }

    async fn order(&self, order: &Value) -> u16 {
        let request = Request::post("/_control")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Body::from(order.to_string()))
            .unwrap();
        self.ask(request).await.unwrap().0
    }

    /// Keeps a file as a customer's.
    async fn keep(&self, channel: &str, id: &str, mime: &str, bytes: &'static [u8]) {
        let request = Request::put(format!("/_files/{channel}/{id}"))
            .header("host", "localhost")
            .header("content-type", mime)
            .body(Body::from(bytes))
            .unwrap();
        assert_eq!(self.ask(request).await.unwrap().0, 204);
    }

    /// A form of the page, by its fields as they are in a body.
    async fn form(&self, path: &str, fields: &'static str) -> u16 {
        let request = Request::post(path)
            .header("host", "localhost")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(fields))
            .unwrap();
        self.ask(request).await.unwrap().0
    }

    /// The phones as HTML.
    async fn phones(&self) -> String {
        let request = Request::get("/phones")
            .header("host", "localhost")
            .body(Body::empty())
            .unwrap();
        let (_, _, page) = self.ask(request).await.unwrap();
        String::from_utf8(page.to_vec()).unwrap()
    }

    fn sent(&self) -> usize {
        self.standin.ledger().sent().count()
    }
}

#[tokio::test]
async fn each_webhook_that_the_server_names_goes_to_whoever_plays_that_channel() {
    let (site, business) = (Site::start().await, business::Business::default());
    let url = business.open().await;
    for line in [
        format!("demo: webhook of Widget: {url}"),
        format!("demo: webhook of Bot: da loja: {url}/bot"),
    ] {
        site.standin.hear(&line);
    }
    let write = |channel| match channel {
        "telegram" => "channel=telegram&from=700100&name=Ana&text=oi",
        "instagram" => "channel=instagram&from=900100&name=Ana&text=oi",
        _ => "channel=whatsapp&from=551190000&name=Ana&text=oi",
    };
    let mut answers = Vec::new();
    for channel in ["whatsapp", "telegram", "instagram"] {
        answers.push(site.form("/write", write(channel)).await);
    }
    assert_eq!(answers, [409, 303, 409]);
    site.standin
        .hear(&format!("demo: webhook of Perfil: {url}"));
    site.standin.hear(&url);
    assert_eq!(site.form("/write", write("whatsapp")).await, 303);
    assert_eq!(site.form("/write", write("instagram")).await, 303);
}

#[tokio::test]
async fn a_fault_is_ordered_for_one_provider_and_only_for_one_that_has_it() {
    let site = Site::start().await;
    let of = |channel: &str, kind: &str| json!({ "channel": channel, "fault": { "kind": kind } });
    assert_eq!(site.order(&of("telegram", "window-closed")).await, 422);
    assert_eq!(site.order(&of("telegram", "throughput")).await, 422);
    assert_eq!(site.order(&of("telegram", "server-error")).await, 204);
    let instagram = ("graph.instagram.com", "/v25.0/me?fields=username");
    let (status, _) = site.json("GET", instagram, Some(INSTAGRAM), None).await;
    assert_eq!(status, 200);
    let me = format!("/bot{BOT}/getMe");
    let (status, _) = site
        .json("GET", ("api.telegram.org", &me), None, None)
        .await;
    assert_eq!(status, 500);
}
