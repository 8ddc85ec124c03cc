use std::sync::Mutex;

use super::*;

/// Answers always the same, and remembers what went out.
struct Fixed {
    answer: Result<Response, HttpError>,
    asked: Mutex<Vec<Asked>>,
}

/// URL, headers and timeout.
type Asked = (String, Vec<(String, String)>, Duration);

#[async_trait::async_trait]
impl Transport for Fixed {
    async fn send(&self, request: Prepared) -> Result<Response, HttpError> {
        self.asked.lock().unwrap().push((
            request.url.to_string(),
            request.headers,
            request.timeout,
        ));
        self.answer.clone()
    }
}

/// Never answers.
struct Silent;

#[async_trait::async_trait]
impl Transport for Silent {
    async fn send(&self, _: Prepared) -> Result<Response, HttpError> {
        std::future::pending().await
    }
}

fn outgoing(transport: Arc<dyn Transport>, limits: Limits) -> (Outgoing, Handles) {
    let secrets = Secrets::new([("token", "EAAG-secret")]);
    let mut handles = Handles::default();
    handles
        .handle(&secrets, "token", &mut |bytes| bytes.fill(7))
        .unwrap();
    let placements = vec![crate::manifest::Placement {
        host: "api.example.com".parse().unwrap(),
        place: crate::manifest::Place::Header("authorization".into()),
    }];
    let bindings = vec![Secret {
        name: "token".into(),
        placements,
    }];
    let policy = Policy {
        granted: vec!["api.example.com".parse().unwrap()],
        ..Policy::default()
    };
    (
        Outgoing::new(
            Arc::new(policy),
            bindings.into(),
            Arc::new(secrets),
            transport,
            limits,
        ),
        handles,
    )
}

fn get(handles: &Handles) -> Request {
    Request {
        method: "GET".into(),
        url: "https://api.example.com/me".into(),
        headers: vec![(
            "Authorization".into(),
            format!("Bearer {}", handles.token("token").unwrap()),
        )],
        ..Request::default()
    }
}

async fn exchange(
    answer: Result<Response, HttpError>,
    limits: Limits,
) -> Result<Response, HttpError> {
    let (outgoing, handles) = outgoing(
        Arc::new(Fixed {
            answer,
            asked: Mutex::default(),
        }),
        limits,
    );
    outgoing.send(&get(&handles), &handles).await
}

fn ok(body: &'static str) -> Response {
    Response {
        status: 200,
        headers: vec![],
        body: body.into(),
    }
}

#[tokio::test]
async fn the_provider_gets_the_secret_and_the_plugin_an_answer_without_it() {
    let fixed = Arc::new(Fixed {
        answer: Ok(ok("you sent Bearer EAAG-secret")),
        asked: Mutex::default(),
    });
    let (outgoing, handles) = outgoing(fixed.clone(), Limits::default());
    assert_eq!(
        outgoing.send(&get(&handles), &handles).await,
        Ok(ok("you sent Bearer •••"))
    );
    let headers = [
        ("authorization", "Bearer EAAG-secret"),
        ("accept-encoding", "identity"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(
        *fixed.asked.lock().unwrap(),
        [(
            "https://api.example.com/me".to_owned(),
            headers.to_vec(),
            Limits::default().timeout
        )]
    );
}

#[tokio::test]
async fn a_redirect_comes_back_as_it_is() {
    let redirect = Response {
        status: 307,
        headers: vec![("location".into(), "https://evil.test/".into())],
        body: Bytes::new(),
    };
    let fixed = Arc::new(Fixed {
        answer: Ok(redirect.clone()),
        asked: Mutex::default(),
    });
    let (outgoing, handles) = outgoing(fixed.clone(), Limits::default());
    assert_eq!(outgoing.send(&get(&handles), &handles).await, Ok(redirect));
    assert_eq!(fixed.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn every_limit_is_named_by_its_error() {
    let (outgoing, handles) = outgoing(
        Arc::new(Fixed {
            answer: Ok(ok("")),
            asked: Mutex::default(),
        }),
        Limits {
            max_calls: 2,
            ..Limits::default()
        },
    );
    let refused = Request {
        url: "https://evil.test/".into(),
        ..Request::default()
    };
    assert_eq!(
        outgoing.send(&refused, &handles).await.unwrap_err().code(),
        "denied"
    );
    assert_eq!(outgoing.send(&get(&handles), &handles).await, Ok(ok("")));
    assert_eq!(
        outgoing.send(&get(&handles), &handles).await,
        Err(HttpError::Limit(
            "max_calls: a call may make 2 HTTP requests".into()
        ))
    );
    let large = exchange(
        Ok(ok("0123456789")),
        Limits {
            max_response_bytes: 9,
            ..Limits::default()
        },
    )
    .await;
    assert_eq!(
        large,
        Err(HttpError::Limit(
            "max_response_bytes: the answer has more than 9 bytes".into()
        ))
    );
    let long = exchange(
        Ok(ok("")),
        Limits {
            max_request_bytes: 10,
            ..Limits::default()
        },
    )
    .await;
    assert!(matches!(long, Err(HttpError::Limit(text)) if text.starts_with("max_request_bytes: ")));
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_at_the_shorter_of_both_timeouts() {
    let limits = Limits {
        timeout: Duration::from_millis(20),
        ..Limits::default()
    };
    let (outgoing, handles) = outgoing(Arc::new(Silent), limits);
    let asked = |ms| Request {
        timeout: Some(Duration::from_millis(ms)),
        ..get(&handles)
    };
    assert_eq!(
        outgoing.send(&asked(5), &handles).await,
        Err(HttpError::Timeout(Duration::from_millis(5)))
    );
    assert_eq!(
        outgoing.send(&asked(60_000), &handles).await,
        Err(HttpError::Timeout(Duration::from_millis(20)))
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_given_to_the_plugin() {
    let gzip = Response {
        headers: vec![("content-encoding".into(), "gzip".into())],
        ..ok("…")
    };
    assert_eq!(
        exchange(Ok(gzip), Limits::default())
            .await
            .unwrap_err()
            .code(),
        "denied"
    );
    let identity = Response {
        headers: vec![("content-encoding".into(), "identity".into())],
        ..ok("x")
    };
    assert_eq!(
        exchange(Ok(identity.clone()), Limits::default()).await,
        Ok(identity)
    );
}

#[tokio::test]
async fn errors_of_the_connection_are_scrubbed_too() {
    let error = HttpError::Unreachable("cannot connect with EAAG-secret".into());
    assert_eq!(
        exchange(Err(error), Limits::default()).await,
        Err(HttpError::Unreachable("cannot connect with •••".into()))
    );
}
