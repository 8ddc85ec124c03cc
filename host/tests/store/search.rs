//! Full-text search: the same words are found on both databases, by whoever may see them.

use balcao::id::ConversationId;
use balcao::jobs::search;
use balcao::store::conversations::{Filter, Folder};
use balcao_runtime::effect::Inbox;
use balcao_runtime::rules::Person;

use crate::support::{Bench, NOON, Office, both, message, text};

both! {
    words_are_found_without_accents_in_any_order_and_the_last_one_unfinished,
    nothing_is_found_that_the_searcher_may_not_see,
    the_index_follows_the_log_and_can_be_made_anew,
    contacts_are_found_by_name_address_and_part_of_a_number,
}

/// A contact of that number and name says something.
async fn says(
    bench: &Bench,
    office: &Office,
    from: &str,
    name: &str,
    said: &str,
) -> ConversationId {
    let mut item = message(from, &format!("{from} {said}"), NOON);
    if let Inbox::Message { message, .. } = &mut item {
        message.content = text(said);
        message.sender.name = name.to_owned();
    }
    let ingest = bench.ingest();
    let done = bench.submit(&ingest, office, vec![item]).await;
    assert_eq!(done.rejected, []);
    done.messages[0].0
}

async fn found(bench: &Bench, office: &Office, person: &Person, q: &str) -> Vec<ConversationId> {
    let filter = Filter {
        limit: 100,
        q: q.to_owned(),
        ..Filter::default()
    };
    let mut tx = bench.store.read().await.unwrap();
    let mut found: Vec<ConversationId> = tx
        .folder(office.workspace, person, Folder::Queued, &filter)
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.conversation.id)
        .collect();
    found.sort();
    found
}

async fn words_are_found_without_accents_in_any_order_and_the_last_one_unfinished(bench: &Bench) {
    let office = bench.office().await;
    let acai = says(bench, &office, "551", "", "Quero um AÇAÍ, com granola!").await;
    let cake = says(bench, &office, "552", "", "O bolo de cenoura não chegou").await;
    search::look(&bench.store).await.unwrap();
    let agent = office.person(office.agent1);
    for (q, expected) in [
        ("acai", vec![acai]),
        ("Açaí", vec![acai]),
        ("granola quero", vec![acai]),
        ("quero gran", vec![acai]),
        ("gran quero", vec![]),
        ("NAO CHEG", vec![cake]),
        ("acai cenoura", vec![]),
        ("ranola", vec![]),
        ("!!", vec![]),
        ("\"bolo\" OR & | : *", vec![]),
        ("'bolo' (cenoura", vec![cake]),
        ("  ", vec![acai, cake]),
    ] {
        assert_eq!(found(bench, &office, &agent, q).await, expected, "{q}");
    }
}

async fn nothing_is_found_that_the_searcher_may_not_see(bench: &Bench) {
    let (ours, theirs) = (bench.office().await, bench.office().await);
    let here = says(bench, &ours, "551", "", "segredo da casa").await;
    let there = says(bench, &theirs, "551", "", "segredo da outra").await;
    search::look(&bench.store).await.unwrap();
    let agent = ours.person(ours.agent1);
    assert_eq!(found(bench, &ours, &agent, "segredo").await, [here]);
    let other = theirs.person(theirs.admin);
    assert_eq!(found(bench, &theirs, &other, "segredo").await, [there]);
    // The other workspace's own term opens nothing of it.
    let term = theirs.workspace.to_string().replace('_', "");
    assert_eq!(found(bench, &ours, &agent, &term).await, []);
    assert_eq!(found(bench, &ours, &agent, "outra").await, []);
    let stranger = Person {
        id: ours.agent2.to_string(),
        admin: false,
        teams: Default::default(),
    };
    assert_eq!(found(bench, &ours, &stranger, "segredo").await, []);
}

async fn the_index_follows_the_log_and_can_be_made_anew(bench: &Bench) {
    let office = bench.office().await;
    let agent = office.person(office.agent1);
    let first = says(bench, &office, "551", "", "primeira pergunta").await;
    assert_eq!(found(bench, &office, &agent, "primeira").await, []);
    search::look(&bench.store).await.unwrap();
    assert_eq!(found(bench, &office, &agent, "primeira").await, [first]);
    let waiting = async || {
        bench
            .store
            .read()
            .await
            .unwrap()
            .workspaces_to_index()
            .await
    };
    assert_eq!(waiting().await.unwrap(), []);

    let revoke = Inbox::Revoke {
        event_key: "r".into(),
        message: "551 primeira pergunta".into(),
        at: NOON + 1,
    };
    bench.submit(&bench.ingest(), &office, vec![revoke]).await;
    let second = says(bench, &office, "552", "", "segunda pergunta").await;
    assert_eq!(waiting().await.unwrap(), [office.workspace]);
    search::look(&bench.store).await.unwrap();
    assert_eq!(found(bench, &office, &agent, "pergunta").await, [second]);
    assert_eq!(found(bench, &office, &agent, "primeira").await, []);

    let mut tx = bench.store.begin().await.unwrap();
    tx.clear_index(office.workspace).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(found(bench, &office, &agent, "pergunta").await, []);
    search::rebuild(&bench.store, office.workspace)
        .await
        .unwrap();
    assert_eq!(found(bench, &office, &agent, "pergunta").await, [second]);
    assert_eq!(waiting().await.unwrap(), []);
}

async fn contacts_are_found_by_name_address_and_part_of_a_number(bench: &Bench) {
    let office = bench.office().await;
    let agent = office.person(office.agent1);
    let maria = says(bench, &office, "5511987654321", "Maria José", "Oi").await;
    says(bench, &office, "5521900000000", "", "Oi").await;
    search::look(&bench.store).await.unwrap();
    for q in [
        "jose",
        "maria j",
        "+5511987654321",
        "98765",
        "(11) 98765-43",
    ] {
        assert_eq!(found(bench, &office, &agent, q).await, [maria], "{q}");
    }
    // The name came later.
    let named = says(bench, &office, "5521900000000", "Beltrano", "Sou eu").await;
    search::look(&bench.store).await.unwrap();
    assert_eq!(found(bench, &office, &agent, "beltr").await, [named]);
}
