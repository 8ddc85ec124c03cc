//! The connectors' reading of what their providers answer: the first byte says of how many hundreds the status is, the rest is the body.
#![no_main]

use balcao_fuzz::mutated;
use balcao_plugin::Failure;
use balcao_plugin::connector::{Person, Sent, meta::Answer};
use balcao_plugin::lenient::{self, Field};
use balcao_runtime::bounds;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use plugin_instagram::{answer as instagram, profile::Profile};
use plugin_telegram::{address::Thread, answer as telegram};
use plugin_whatsapp::{answer as whatsapp, templates};

fuzz_target!(|input: &[u8]| {
    let Some((hundreds, body)) = input.split_first() else {
        return;
    };
    let status = 100 * u16::from(hundreds % 6);
    match whatsapp::WHATSAPP.read(status, &[], body) {
        Err(failure) => told(&failure),
        Ok(answer) => of_whatsapp(&answer),
    }
    match instagram::INSTAGRAM.read(status, &[], body) {
        Err(failure) => told(&failure),
        Ok(answer) => of_instagram(&answer),
    }
    match telegram::Answer::read(status, body) {
        Err(refusal) => told(&refusal.failure),
        Ok(answer) => of_telegram(&answer),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutated(data, size, max_size, seed)
});

fn of_whatsapp(answer: &Answer) {
    sent(whatsapp::sent(answer));
    let _ = (
        whatsapp::done(answer),
        whatsapp::account(answer, "1"),
        whatsapp::media_url(answer),
    );
    let listed = templates::listed(answer.body());
    let form = templates::choice(&listed, true);
    let offered = &form["schema"]["properties"]["template"]["oneOf"];
    let offered = offered.as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(offered.len(), listed.templates.len());
    for template in offered {
        for step in ["", "filled", "send"] {
            let values = serde_json::json!({ "template": template["const"], "step": step });
            templates::next(&listed, Field::of(&values), step.is_empty());
        }
    }
}

fn of_instagram(answer: &Answer) {
    sent(instagram::sent(answer));
    let profile = Profile::of(answer.body());
    assert_eq!(Profile::kept(&profile.text()), profile);
    let mut person = Person {
        external_id: "1".to_owned(),
        aliases: Vec::new(),
        name: String::new(),
        avatar: String::new(),
        extra: String::new(),
    };
    profile.introduce(&mut person);
    balcao_fuzz::HandedOver::default().person(&person);
}

fn of_telegram(answer: &telegram::Answer) {
    if let Some(thread) = Thread::parse("5") {
        sent(answer.sent(&thread));
    }
    let _ = (answer.account(), answer.reads_groups(), answer.file_path());
}

/// What is accepted has a name; one that cannot be is the host's to do without.
fn sent(sent: Result<Sent, Failure>) {
    match sent {
        Err(failure) => told(&failure),
        Ok(sent) => {
            assert!(sent.external_ids.iter().all(|id| !id.is_empty()));
            assert_eq!(bounds::extra(&sent.extra), Ok(()));
        }
    }
}

/// A failure says something, and its `extra` is read by the interface.
fn told(failure: &Failure) {
    assert!(!failure.code.is_empty() && !failure.message.is_empty());
    let extra = lenient::parse(failure.extra.as_bytes());
    assert!(failure.extra.is_empty() || extra.is_ok_and(|it| it.is_object()));
}
