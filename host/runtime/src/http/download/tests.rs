use std::sync::Arc;

use super::*;
use crate::{
    http::{Limits, Policy, Prepared, Transport},
    manifest::{Place, Placement, Secret},
    secrets::Secrets,
};

/// Gives its pieces to the sink, one after the other.
struct Pieces(u16, Vec<&'static str>);

#[async_trait]
impl Transport for Pieces {
    async fn send(&self, _: Prepared) -> Result<Response, HttpError> {
        Err(HttpError::Unreachable("only downloads".into()))
    }

    async fn download(&self, _: Prepared, to: &mut dyn Sink) -> Result<Response, HttpError> {
        for piece in &self.1 {
            let written = to.write(piece.as_bytes()).await;
            written.map_err(|error| not_kept(&error))?;
        }
        Ok(Response {
            status: self.0,
            ..Response::default()
        })
    }
}

struct Kept(String);

#[async_trait]
impl Sink for Kept {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0 += std::str::from_utf8(bytes).unwrap();
        Ok(())
    }
}

/// What comes of downloading from `url`, with the secret `key` in a header, and what was kept.
async fn download(url: &str, pieces: &[&'static str]) -> (Result<u16, HttpError>, String) {
    let secrets = Secrets::new([("key", "open sesame"), ("other", "never sent")]);
    let mut handles = Handles::default();
    let token = handles
        .handle(&secrets, "key", &mut |bytes| bytes.fill(7))
        .unwrap();
    let binding = Secret {
        name: "key".into(),
        placements: vec![Placement {
            host: "cdn.example.com".parse().unwrap(),
            place: Place::Header("authorization".into()),
        }],
    };
    let policy = Policy {
        granted: vec!["cdn.example.com".parse().unwrap()],
        ..Policy::default()
    };
    let outgoing = Outgoing::new(
        Arc::new(policy),
        Arc::new([binding]),
        Arc::new(secrets),
        Arc::new(Pieces(200, pieces.to_vec())),
        Limits::default(),
    );
    let request = Request {
        method: "GET".into(),
        url: url.into(),
        headers: vec![("authorization".into(), token)],
        ..Request::default()
    };
    let mut kept = Kept(String::new());
    let answer = outgoing.download(&request, &handles, &mut kept).await;
    (answer.map(|it| it.status), kept.0)
}

#[tokio::test]
async fn bytes_go_to_the_sink_as_they_come() {
    let (answer, kept) = download("https://cdn.example.com/1", &["never ", "sent ", "here"]).await;
    assert_eq!((answer, kept.as_str()), (Ok(200), "never sent here"));
}

#[tokio::test]
async fn a_host_that_was_not_granted_is_asked_nothing() {
    let (answer, kept) = download("https://cdn.example.org/1", &["bytes"]).await;
    assert!(matches!(answer, Err(HttpError::Denied(_))), "{answer:?}");
    assert_eq!(kept, "");
}

#[tokio::test]
async fn an_answer_that_gives_the_secret_back_is_refused_wherever_its_pieces_part() {
    for pieces in [
        &["it is open sesame."][..],
        &["it is open", " sesame."],
        &["o", "p", "e", "n", " ", "s", "e", "s", "a", "m", "e"],
    ] {
        let (answer, _) = download("https://cdn.example.com/1", pieces).await;
        let Err(HttpError::Denied(why)) = answer else {
            panic!("{answer:?}");
        };
        assert!(!why.contains("sesame"), "{why}");
    }
}
