use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

const SECRET: &str = "EAAG/to+ken\"é&1";

fn scrubber(secrets: &[&str]) -> Scrubber {
    Scrubber::new(secrets.iter().map(|s| s.as_bytes()))
}

fn scrubbed(text: &str) -> String {
    scrubber(&[SECRET]).text(text).into_owned()
}

#[test]
fn every_form_in_which_a_secret_comes_back_is_masked() {
    let forms = [
        SECRET.to_owned(),
        STANDARD.encode(SECRET),
        URL_SAFE.encode(SECRET),
        hex::encode(SECRET),
        hex::encode_upper(SECRET),
        url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect(),
        "EAAG%2fto%2bken%22%c3%a9%261".to_owned(),
        r#"EAAG/to+ken\"é&1"#.to_owned(),
        r#"EAAG\/to+ken\"é&1"#.to_owned(),
        r#"EAAG/to+ken\"\u00e9\u00261"#.to_owned(),
    ];
    for form in forms {
        let shown = scrubbed(&format!("before {form} after"));
        let (start, end) = (shown.starts_with("before •••"), shown.ends_with(" after"));
        // Base64 may leave its padding, which says nothing.
        assert!(
            start && end && shown.len() <= "before ••• after".len() + 2,
            "{form}: {shown}"
        );
    }
}

#[test]
fn a_secret_is_found_within_a_longer_base64_text() {
    for before in ["", "a", "ab", "user:", "{\"token\":\""] {
        for after in ["", "z", "\"}"] {
            let shown = scrubbed(&STANDARD.encode(format!("{before}{SECRET}{after}")));
            assert!(shown.contains(MASK), "{before:?} {after:?}: {shown}");
        }
    }
}

#[test]
fn several_secrets_and_repetitions_go_in_one_pass_and_the_longest_wins() {
    let scrubber = scrubber(&["secret-one", "secret-one-longer", "another"]);
    assert_eq!(
        scrubber.text("secret-one-longer secret-one another another!"),
        "••• ••• ••• •••!"
    );
}

#[test]
fn short_secrets_and_clean_texts_are_left_alone() {
    assert_eq!(scrubber(&["12345"]).text("12345"), "12345");
    assert_eq!(scrubber(&[]).text("anything"), "anything");
    assert!(matches!(
        scrubber(&["secret"]).bytes(b"clean"),
        Cow::Borrowed(_)
    ));
    assert_eq!(scrubber(&["secret"]).text("secret"), MASK);
}

#[test]
fn bodies_that_are_no_text_are_scrubbed_too() {
    let secret = [0xff, 0x00, 0xfe, 0x80, 0x81, 0x82];
    let scrubber = Scrubber::new([&secret[..]]);
    let body = [&b"\x00\x01"[..], &secret, b"\x02"].concat();
    assert_eq!(
        scrubber.bytes(&body),
        [b"\x00\x01", MASK.as_bytes(), b"\x02"].concat()
    );
}

#[test]
fn an_answer_is_scrubbed_in_names_values_and_body() {
    let response = Response {
        status: 302,
        headers: vec![
            ("location".into(), "https://evil.test/?t=secret1".into()),
            ("x-secret1".into(), "ok".into()),
        ],
        body: "{\"t\":\"secret1\"}".into(),
    };
    let expected = Response {
        status: 302,
        headers: vec![
            ("location".into(), "https://evil.test/?t=•••".into()),
            ("x-•••".into(), "ok".into()),
        ],
        body: "{\"t\":\"•••\"}".into(),
    };
    assert_eq!(scrubber(&["secret1"]).response(response), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_survives_in_any_surroundings(secret in "[a-z][ -~é]{4,38}[a-z]", before in ".{0,20}", after in ".{0,20}") {
        let scrubber = scrubber(&[&secret]);
        let forms = [secret.clone(), STANDARD.encode(&secret), serde_json::Value::from(secret.as_str()).to_string(), hex::encode(&secret)];
        for form in forms {
            let text = format!("{before}{form}{after}");
            let form = form.trim_matches('"').trim_end_matches('=');
            prop_assert!(!scrubber.text(&text).contains(form));
        }
    }

    #[test]
    fn any_bytes_are_scrubbed_without_panic(secret in prop::collection::vec(any::<u8>(), 0..20), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Scrubber::new([&secret[..]]).bytes(&bytes);
    }
}
