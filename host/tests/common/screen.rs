//! A screen that watches over the realtime connection.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{Client, Server};

/// Longer than anything here takes.
pub const NOT_MUCH: Duration = Duration::from_secs(20);

pub type Screen = WebSocketStream<TcpStream>;

pub async fn screen(server: &Server, client: &Client, seq: Option<i64>) -> Screen {
    let mut request = format!("ws://{}/api/v1/realtime", server.address)
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("cookie", client.headers["cookie"].parse().unwrap());
    request
        .headers_mut()
        .insert("origin", client.base.parse().unwrap());
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    let hello = json!({"type": "hello", "seq": seq}).to_string();
    socket.send(Message::text(hello)).await.unwrap();
    socket
}

/// The next line; pings are answered by the library.
pub async fn heard(socket: &mut Screen) -> Value {
    loop {
        let message = tokio::time::timeout(NOT_MUCH, socket.next())
            .await
            .expect("a line")
            .unwrap()
            .unwrap();
        if let Message::Text(text) = message {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Reads up to the line of that kind about that conversation.
pub async fn until(socket: &mut Screen, kind: &str, conversation: Option<&str>) -> Value {
    loop {
        let line = heard(socket).await;
        if line["kind"] == kind && line["conversation_id"].as_str() == conversation {
            return line;
        }
    }
}
