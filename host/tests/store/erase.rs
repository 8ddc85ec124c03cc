//! Erasing who wrote where others did, as in a group: what they said goes, and that they said something stays; and what is being indexed meanwhile. All
//! else is tried in `erasure.rs`.

use std::pin::pin;

use balcao_runtime::effect::Inbox;
use balcao_runtime::wit::Attachment;

use crate::support::{Bench, NOON, both, message, text};

both! {
    what_somebody_said_in_the_conversation_of_others_is_emptied_and_theirs_stays,
    what_is_being_indexed_meanwhile_is_erased_too,
}

const SAID: &str = "their words";

async fn what_somebody_said_in_the_conversation_of_others_is_emptied_and_theirs_stays(
    bench: &Bench,
) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let mut said = message("5522", "m2", NOON);
    if let Inbox::Message { message, .. } = &mut said {
        message.thread = "5511".to_owned();
        message.content.text = SAID.to_owned();
        message.content.attachments = vec![Attachment {
            source: "ref:7".to_owned(),
            mime: "image/jpeg".to_owned(),
            name: String::new(),
            size: 0,
        }];
    }
    let edited = Inbox::Edit {
        event_key: "m2/edit".to_owned(),
        message: "m2".to_owned(),
        content: text(&format!("{SAID}, put otherwise")),
        at: NOON + 1,
    };
    let items = vec![message("5511", "m1", NOON), said.clone(), edited];
    let conversation = bench.submit(&ingest, &office, items).await.messages[0].0;
    // Once more, with its file still to come.
    if let Inbox::Message { event_key, message } = &mut said {
        "m3".clone_into(event_key);
        "m3".clone_into(&mut message.external_id);
    }
    bench.submit(&ingest, &office, vec![said]).await;
    let before = bench.messages(&office, conversation).await;
    let [first, second, third] = &before[..] else {
        panic!("three messages: {before:?}");
    };
    assert_eq!(
        bench.number("SELECT COUNT(*) FROM message_versions").await,
        1
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM fetches").await, 1);
    let it = bench.conversation(&office, conversation).await;
    assert!(it.preview.is_some_and(|preview| preview.contains(SAID)));
    let author = second.author_id.as_deref().expect("an author");

    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let erased = author.parse().expect("a contact");
    tx.erase_contact(office.scope(bench), erased).await.unwrap();
    tx.commit().await.unwrap();

    let after = bench.messages(&office, conversation).await;
    assert_eq!(after[0], *first, "who is not erased");
    for (after, before) in after[1..].iter().zip([second, third]) {
        assert_eq!(after.id, before.id);
        assert_eq!(
            (after.text.as_str(), after.attachments.as_str()),
            ("", "[]")
        );
        assert_eq!((after.extra.as_str(), &after.author_id), ("{}", &None));
        assert!(after.revoked_at.is_some(), "it is shown as taken back");
    }
    assert_eq!(
        bench.number("SELECT COUNT(*) FROM message_versions").await,
        0
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM fetches").await, 0);
    let it = bench.conversation(&office, conversation).await;
    assert_eq!(it.preview, None);
}

async fn what_is_being_indexed_meanwhile_is_erased_too(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let said = vec![message("5511", "m1", NOON)];
    let conversation = bench.submit(&ingest, &office, said).await.messages[0].0;
    let contact = bench.conversation(&office, conversation).await.contact_id;
    bench
        .raw("UPDATE conversations SET status = 'concluded'".to_owned())
        .await;

    let mut indexing = bench.store.begin().await.unwrap();
    indexing.index_events(office.workspace, 24).await.unwrap();
    let mut erasing = pin!(async {
        let mut tx = bench.store.write(office.workspace).await.unwrap();
        let erased = tx.erase_contact(office.scope(bench), contact).await;
        erased.unwrap();
        tx.commit().await.unwrap();
    });
    tokio::select! {
        () = &mut erasing => panic!("erased beside what is read and not written yet"),
        () = bench.somebody_waits() => {}
    }
    indexing.commit().await.unwrap();
    erasing.await;
    for table in [
        "SELECT COUNT(*) FROM search_documents",
        "SELECT COUNT(*) FROM search_words",
    ] {
        assert_eq!(bench.number(table).await, 0, "{table}");
    }
}
