use proptest::prelude::*;

use super::*;
use crate::manifest::Placement;

const TOKEN: &str = "EAAG very/secret&token=1";
const HANDLE: &str = "sec_000102030405060708090a0b0c0d0e0f";

/// One secret with a placement of every kind at `api.example.com`, and one that is never sent.
struct Case {
    secrets: Secrets,
    handles: Handles,
    bindings: Vec<Secret>,
    policy: Policy,
}

fn case() -> Case {
    case_of(TOKEN)
}

fn case_of(token: &str) -> Case {
    let secrets = Secrets::new([("token", token), ("app_secret", "never sent")]);
    let mut handles = Handles::default();
    let mut next = 0;
    let mut random = |bytes: &mut [u8]| {
        bytes.iter_mut().for_each(|byte| {
            *byte = next;
            next += 1;
        });
    };
    handles.handle(&secrets, "token", &mut random).unwrap();
    handles.handle(&secrets, "app_secret", &mut random).unwrap();
    let places = [
        Place::Header("authorization".into()),
        Place::PathSegment {
            before: "bot".into(),
            after: String::new(),
        },
        Place::FormField("access_token".into()),
        Place::JsonPointer("/auth/token".into()),
    ];
    let placements = places.map(|place| Placement {
        host: "api.example.com".parse().unwrap(),
        place,
    });
    let bindings = vec![
        Secret {
            name: "token".into(),
            placements: placements.into(),
        },
        Secret {
            name: "app_secret".into(),
            placements: vec![],
        },
    ];
    let granted = ["api.example.com", "*.example.com", "other.test"].map(|h| h.parse().unwrap());
    let policy = Policy {
        granted: granted.into(),
        ..Policy::default()
    };
    Case {
        secrets,
        handles,
        bindings,
        policy,
    }
}

impl Case {
    fn prepare(&self, request: &Request) -> Result<Prepared, Refused> {
        prepare(
            request,
            &self.handles,
            &self.secrets,
            &self.bindings,
            &self.policy,
        )
    }
}

fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: headers
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
        body: body.to_owned().into(),
        files: Vec::new(),
        timeout: None,
    }
}

fn prepared(url: &str, headers: &[(&str, &str)], body: &str) -> Prepared {
    case()
        .prepare(&request("POST", url, headers, body))
        .unwrap()
}

/// Everything that would go out.
fn sent(prepared: &Prepared) -> String {
    format!(
        "{} {} {:?} {}",
        prepared.method,
        prepared.url,
        prepared.headers,
        String::from_utf8_lossy(&prepared.body)
    )
}

/// Everything that people may see.
fn shown(prepared: &Prepared) -> String {
    format!(
        "{prepared:?} {} {:?}",
        prepared.shown_url, prepared.shown_headers
    )
}

/// Words of the secret that survive any encoding of the rest.
fn leaks(text: &str) -> bool {
    text.contains("EAAG") || text.contains("never")
}

fn bearer() -> String {
    format!("Bearer {HANDLE}")
}

#[test]
fn a_handle_in_the_bound_header_becomes_the_secret_and_is_not_shown() {
    let prepared = prepared(
        "https://api.example.com/v1",
        &[("Authorization", &bearer()), ("X-Other", "1")],
        "",
    );
    let expected = [
        ("authorization", format!("Bearer {TOKEN}")),
        ("x-other", "1".into()),
        ("accept-encoding", "identity".into()),
    ];
    assert_eq!(
        prepared.headers,
        expected.map(|(name, value)| (name.to_owned(), value))
    );
    assert!(!leaks(&shown(&prepared)) && prepared.shown_headers[0].1 == bearer());
}

#[test]
fn a_handle_in_the_bound_segment_is_escaped_and_the_shown_url_keeps_it() {
    let prepared = prepared(
        &format!("https://api.example.com/bot{HANDLE}/send?x={HANDLE}"),
        &[],
        "",
    );
    assert_eq!(
        prepared.url.as_str(),
        format!("https://api.example.com/botEAAG%20very%2Fsecret%26token%3D1/send?x={HANDLE}")
    );
    assert_eq!(
        prepared.shown_url,
        format!("https://api.example.com/bot{HANDLE}/send?x={HANDLE}")
    );
}

#[test]
fn a_handle_in_the_bound_form_field_becomes_the_secret() {
    let form = [(
        "content-type",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
    )];
    let prepared = prepared(
        "https://api.example.com/",
        &form,
        &format!("a=1&access_token={HANDLE}&b={HANDLE}"),
    );
    let expected = format!("a=1&access_token=EAAG+very%2Fsecret%26token%3D1&b={HANDLE}");
    assert_eq!(prepared.body, expected.as_bytes());
}

#[test]
fn a_handle_at_the_bound_pointer_becomes_the_secret() {
    let json = [("content-type", "application/json")];
    let prepared = prepared(
        "https://api.example.com/",
        &json,
        &format!(r#"{{"auth":{{"token":"{HANDLE}"}},"text":"{HANDLE}"}}"#),
    );
    let body: serde_json::Value = serde_json::from_slice(&prepared.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"auth": {"token": TOKEN}, "text": HANDLE})
    );
}

#[test]
fn bodies_without_a_bound_handle_are_sent_byte_for_byte() {
    for (mime, body) in [
        (
            "application/json",
            r#"{ "b": 1.10, "a": 12345678901234567890123 }"#,
        ),
        ("application/json", "not json"),
        ("application/x-www-form-urlencoded", "b=%7e&a=+"),
    ] {
        assert_eq!(
            prepared("https://api.example.com/", &[("content-type", mime)], body).body,
            body.as_bytes()
        );
    }
}

/// Each way to have the secret sent where the manifest does not bind it.
#[test]
fn a_handle_anywhere_else_is_only_text() {
    let json = [("content-type", "application/json")];
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let auth = bearer();
    let attempts = [
        // Another host, also one that a wildcard allows.
        prepared("https://other.test/", &[("authorization", &auth)], ""),
        prepared("https://x.example.com/", &[("authorization", &auth)], ""),
        prepared(
            "https://x.api.example.com/",
            &[("authorization", &auth)],
            "",
        ),
        prepared(&format!("https://other.test/bot{HANDLE}/"), &[], ""),
        // Another header, or its name.
        prepared(
            "https://api.example.com/",
            &[("x-authorization", &auth)],
            "",
        ),
        prepared("https://api.example.com/", &[(HANDLE, "1")], ""),
        // Other parts of the URL, and other shapes of the segment.
        prepared(
            &format!("https://api.example.com/?access_token={HANDLE}"),
            &[],
            "",
        ),
        prepared(&format!("https://api.example.com/{HANDLE}/"), &[], ""),
        prepared(&format!("https://api.example.com/bot{HANDLE}x/"), &[], ""),
        prepared(&format!("https://api.example.com/xbot{HANDLE}/"), &[], ""),
        prepared(
            &format!("https://api.example.com/bot%73{}/", &HANDLE[1..]),
            &[],
            "",
        ),
        prepared(&format!("https://api.example.com/#/bot{HANDLE}/"), &[], ""),
        // Another field, part of it, or another type of body.
        prepared("https://api.example.com/", &form, &format!("text={HANDLE}")),
        prepared(
            "https://api.example.com/",
            &form,
            &format!("access_token=x{HANDLE}"),
        ),
        prepared(
            "https://api.example.com/",
            &form,
            &format!("{HANDLE}=access_token"),
        ),
        prepared(
            "https://api.example.com/",
            &[("content-type", "text/plain")],
            &format!("access_token={HANDLE}"),
        ),
        prepared(
            "https://api.example.com/",
            &[],
            &format!(r#"{{"auth":{{"token":"{HANDLE}"}}}}"#),
        ),
        // Another pointer, part of the string, or a key.
        prepared(
            "https://api.example.com/",
            &json,
            &format!(r#"{{"token":"{HANDLE}"}}"#),
        ),
        prepared(
            "https://api.example.com/",
            &json,
            &format!(r#"{{"auth":{{"token":"x {HANDLE}"}}}}"#),
        ),
        prepared(
            "https://api.example.com/",
            &json,
            &format!(r#"{{"auth":{{"token":["{HANDLE}"]}}}}"#),
        ),
        prepared(
            "https://api.example.com/",
            &json,
            &format!(r#"{{"auth":{{"{HANDLE}":"token"}}}}"#),
        ),
        prepared(
            "https://api.example.com/",
            &json,
            &format!(r#"{{"auth/token":"{HANDLE}"}}"#),
        ),
    ];
    for attempt in attempts {
        assert!(!leaks(&sent(&attempt)), "{}", sent(&attempt));
    }
}

#[test]
fn a_handle_in_the_authority_never_becomes_part_of_a_host() {
    for url in [
        format!("https://{HANDLE}.example.com/"),
        format!("https://{HANDLE}@api.example.com/"),
        format!("https://api.example.com:{HANDLE}/"),
        format!("https://bot{HANDLE}/"),
    ] {
        match case().prepare(&request("GET", &url, &[], "")) {
            // A label of a granted domain, as text.
            Ok(prepared) => assert!(!leaks(&sent(&prepared)), "{url}"),
            Err(refused) => assert!(!leaks(&refused.to_string()), "{url}"),
        }
    }
}

#[test]
fn secrets_without_placements_and_tokens_of_other_calls_are_never_sent() {
    let case = case();
    let unbound = case.handles.token("app_secret").unwrap().to_owned();
    for text in [
        unbound.as_str(),
        "sec_ffffffffffffffffffffffffffffffff",
        "{secret:token}",
        "token",
        "sec_",
    ] {
        let request = request(
            "POST",
            &format!("https://api.example.com/bot{text}/"),
            &[
                ("authorization", text),
                ("content-type", "application/json"),
            ],
            &format!(r#"{{"auth":{{"token":"{text}"}}}}"#),
        );
        let prepared = case.prepare(&request).unwrap();
        assert!(!leaks(&sent(&prepared)), "{text}");
    }
    let other = Case {
        handles: Handles::default(),
        ..case
    };
    let prepared = other
        .prepare(&request(
            "GET",
            "https://api.example.com/",
            &[("authorization", &bearer())],
            "",
        ))
        .unwrap();
    assert!(!leaks(&sent(&prepared)));
}

#[test]
fn over_plain_http_no_secret_is_sent_even_where_the_operator_allows_http() {
    let mut case = case();
    case.policy.allow_http = true;
    let prepared = case
        .prepare(&request(
            "GET",
            &format!("http://api.example.com/bot{HANDLE}"),
            &[("authorization", &bearer())],
            "",
        ))
        .unwrap();
    assert!(!leaks(&sent(&prepared)));
}

#[test]
fn a_refused_host_is_refused_before_anything_is_substituted() {
    let refused = case()
        .prepare(&request(
            "GET",
            "https://evil.test/",
            &[("authorization", &bearer())],
            "",
        ))
        .unwrap_err();
    assert_eq!(refused, Refused::Policy(Refusal::Host("evil.test".into())));
}

#[test]
fn methods_and_headers_that_could_change_the_connection_are_refused() {
    for method in [
        "CONNECT",
        "TRACE",
        "get",
        "",
        "GET /x HTTP/1.1\r\nHost: evil",
    ] {
        assert!(
            matches!(
                case().prepare(&request(method, "https://api.example.com/", &[], "")),
                Err(Refused::Method(_))
            ),
            "{method:?}"
        );
    }
    let with = |name: &str, value: &str| {
        case()
            .prepare(&request(
                "GET",
                "https://api.example.com/",
                &[(name, value)],
                "",
            ))
            .map(|_| ())
    };
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "connection",
        "Keep-Alive",
        "upgrade",
        "te",
        "trailer",
        "Proxy-Authorization",
        "proxy-connection",
        "expect",
    ] {
        assert_eq!(
            with(name, "x"),
            Err(Refused::HostHeader(name.into())),
            "{name}"
        );
    }
    for name in ["", "a b", "a:b", "a\r\nb", "é"] {
        assert!(
            matches!(with(name, "x"), Err(Refused::HeaderName(_))),
            "{name:?}"
        );
    }
    for value in ["a\r\nHost: evil", "a\nb", "a\0b", "a\x7fb"] {
        assert_eq!(
            with("x-a", value),
            Err(Refused::HeaderValue("x-a".into())),
            "{value:?}"
        );
    }
    assert_eq!(with("x-a", "tab\tand é"), Ok(()));
}

#[test]
fn a_secret_that_would_break_its_place_is_refused_without_being_told() {
    let header = request(
        "GET",
        "https://api.example.com/",
        &[("authorization", &bearer())],
        "",
    );
    let refused = case_of("EAAG\r\nX-Evil: 1").prepare(&header).unwrap_err();
    assert!(
        matches!(&refused, Refused::Secret { secret, .. } if secret == "token")
            && !leaks(&refused.to_string())
    );
    let mut case = case_of("..");
    case.bindings[0].placements[1].place = Place::PathSegment {
        before: String::new(),
        after: String::new(),
    };
    let path = request(
        "GET",
        &format!("https://api.example.com/a/{HANDLE}/b"),
        &[],
        "",
    );
    assert!(matches!(case.prepare(&path), Err(Refused::Secret { .. })));
}

#[test]
fn the_answer_to_a_secret_comes_whole_and_unencoded() {
    let compressed = prepared(
        "https://api.example.com/",
        &[("Accept-Encoding", "gzip")],
        "",
    );
    assert_eq!(
        compressed.headers,
        [("accept-encoding".to_owned(), "identity".to_owned())]
    );
    let part = |auth: &str| {
        case()
            .prepare(&request(
                "GET",
                "https://api.example.com/",
                &[("authorization", auth), ("range", "bytes=0-3")],
                "",
            ))
            .map(|_| ())
    };
    assert_eq!(part(&bearer()), Err(Refused::Range));
    assert_eq!(part("Bearer plain"), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a plugin makes of its handle, the secret goes to the one host it is bound to.
    #[test]
    fn no_request_carries_a_secret_to_another_host(
        host in "(other\\.test|x\\.example\\.com|api\\.example\\.com\\.?|API\\.example\\.com(:443)?|[a-z.@:/]{1,12})",
        before in "[a-z/?#@:%.\\\\]{0,8}",
        after in "[a-z/?#@:%.]{0,8}",
        name in "(authorization|Authorization|cookie|host)",
        mime in "(application/json|application/x-www-form-urlencoded|text/plain)",
    ) {
        let url = format!("https://{host}/{before}{HANDLE}{after}");
        let body = format!("access_token={HANDLE}&{before}={HANDLE}");
        if let Ok(prepared) = case().prepare(&request("POST", &url, &[(&name, HANDLE), ("content-type", &mime)], &body)) {
            prop_assert!(!leaks(&shown(&prepared)));
            prop_assert!(prepared.url.host_str() == Some("api.example.com") || !leaks(&sent(&prepared)));
        }
    }

    /// The same host and path come out, but for the bound segment.
    #[test]
    fn substituting_never_changes_the_shape_of_the_url(secret in "[ -~]{1,30}", tail in "[a-z/]{0,10}") {
        let case = case_of(&secret);
        let url = format!("https://api.example.com/a/bot{HANDLE}/{tail}?q=1");
        let prepared = case.prepare(&request("GET", &url, &[], "")).unwrap();
        prop_assert_eq!(prepared.url.host_str(), Some("api.example.com"));
        prop_assert_eq!(prepared.url.path().split('/').count(), url.split('?').next().unwrap().split('/').count() - 2);
        prop_assert_eq!(prepared.url.query(), Some("q=1"));
        prop_assert_eq!(prepared.url.fragment(), None);
    }
}
