//! The other side: what receives the providers' notifications.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use balcao_demo::webhook::signature;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A business that keeps what its webhook got.
#[derive(Clone, Default)]
pub struct Business(Arc<(Mutex<Vec<Value>>, Notify)>);

/// Takes what proves to be a provider's. A pressed button of a bot is answered at once, in the answer.
async fn hook(State(business): State<Business>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).map(|it| it.to_str().unwrap());
    let signed = header("x-hub-signature-256") == Some(&signature("secret", &body));
    if !signed && header("x-telegram-bot-api-secret-token") != Some("bot-secret") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let notification: Value = serde_json::from_slice(&body).unwrap();
    let query = notification["callback_query"]["id"].clone();
    business.0.0.lock().unwrap().push(notification);
    business.0.1.notify_one();
    match query {
        Value::Null => StatusCode::OK.into_response(),
        id => Json(json!({ "method": "answerCallbackQuery", "callback_query_id": id }))
            .into_response(),
    }
}

impl Business {
    /// Its webhook's address.
    pub async fn open(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/chn_1", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(axum::routing::post(hook))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// The first `count` notifications, once they are there.
    pub async fn notifications(&self, count: usize) -> Vec<Value> {
        loop {
            let got = self.0.0.lock().unwrap().clone();
            if got.len() >= count {
                return got;
            }
            self.0.1.notified().await;
        }
    }
}
