//! What the host itself reads of strangers: packages and their manifests, and what a webhook shows to prove itself. The first byte says which.
#![no_main]

use balcao_runtime::manifest::{Manifest, VerifyRule};
use balcao_runtime::package::Package;
use balcao_runtime::secrets::{Algorithm, Secrets};
use balcao_runtime::verify::{Verdict, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'p', bytes)) => package(bytes),
        Some((b'm', bytes)) => manifest(&String::from_utf8_lossy(bytes)),
        Some((b's', bytes)) => signature(bytes),
        _ => {}
    }
});

fn package(bytes: &[u8]) {
    drop(Package::read(bytes.to_vec().into()));
}

/// What is refused is refused with a reason.
fn manifest(text: &str) {
    if let Err(problems) = Manifest::parse(text) {
        assert_ne!(problems, []);
    }
}

/// A header's value, a line's end, then the body. Nobody guesses the HMAC of a secret, and a secret itself only in full.
fn signature(bytes: &[u8]) {
    let secrets = Secrets::new([("s", SECRET)]);
    let at = bytes.iter().position(|byte| *byte == b'\n');
    let (value, body) = bytes.split_at(at.unwrap_or(bytes.len()));
    let headers = [(
        "x-proof".to_owned(),
        String::from_utf8_lossy(value).into_owned(),
    )];
    let methods = || vec!["POST".to_owned()];
    let hmac = VerifyRule::Hmac {
        methods: methods(),
        algorithm: Algorithm::Sha256,
        header: "X-Proof".to_owned(),
        prefix: "sha256=".to_owned(),
        secret: "s".to_owned(),
    };
    let header = VerifyRule::Header {
        methods: methods(),
        header: "X-Proof".to_owned(),
        secret: "s".to_owned(),
    };
    let judged = |rule| verify(&[rule], &secrets, "POST", &[], &headers, body);
    assert_ne!(judged(hmac), Verdict::Accepted);
    assert_eq!(judged(header) == Verdict::Accepted, headers[0].1 == SECRET);
}

const SECRET: &str = "s3cret";
