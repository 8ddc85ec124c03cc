//! Questions about collections: the same answers as the runtime's in-memory ones.

use balcao::store::effects::{CallCommit, Cause};
use balcao::store::events::NoSubscriptions;
use balcao::store::storage::{Indexes, Owner};
use balcao_runtime::effect::{Collections, Effect};
use balcao_runtime::services::{Aggregate, Query, ReadSet};
use balcao_runtime::wit::collections::Condition;

use crate::support::{Bench, Office, both};

both! {
    rows_are_found_by_indexes_in_the_order_asked_for_and_page_on_after_a_key,
    counts_and_sums_are_by_group_and_period,
    what_is_not_declared_is_refused,
}

const PLUGIN: &str = "app";

fn indexes() -> Indexes {
    [(
        "sales".to_owned(),
        ["team", "cents", "at"].map(str::to_owned).to_vec(),
    )]
    .into()
}

/// Four sales, of which one has neither value nor time.
async fn sales(bench: &Bench) -> Office {
    let office = bench.office().await;
    let rows = [
        ("a", r#"{"team":"one","cents":100,"at":1772366400000000}"#),
        ("b", r#"{"team":"t\"wo","cents":250,"at":1772452800000000}"#),
        ("c", r#"{"team":"one","cents":50,"at":1775044800000000}"#),
        ("d", r#"{"team":"one"}"#),
    ];
    let effects = rows.map(|(key, row)| {
        let (collection, key, row) = ("sales".into(), key.into(), row.into());
        Effect::Collections(Collections::Put {
            collection,
            key,
            row,
            about: None,
        })
    });
    let (reads, indexes) = (ReadSet::default(), indexes());
    let call = CallCommit {
        plugin: PLUGIN,
        channel: None,
        cause: Cause::Host,
        reads: &reads,
        effects: &effects,
        indexes: &indexes,
        quotas: &Default::default(),
    };
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.commit_call(office.scope_with(bench, &NoSubscriptions), &call)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    office
}

fn condition(field: &str, op: &str, value: &str) -> Condition {
    Condition {
        field: field.into(),
        op: op.into(),
        value: value.into(),
    }
}

fn asked(conditions: Vec<Condition>, order: &str, descending: bool, after: Option<&str>) -> Query {
    Query {
        collection: "sales".into(),
        conditions,
        order: order.into(),
        descending,
        after: after.map(str::to_owned),
        limit: 10,
    }
}

async fn rows_are_found_by_indexes_in_the_order_asked_for_and_page_on_after_a_key(bench: &Bench) {
    let office = sales(bench).await;
    let keys = async |query: Query| {
        let mut tx = bench.store.read().await.unwrap();
        let of = Owner {
            workspace: office.workspace,
            plugin: PLUGIN,
        };
        let found = tx.query_collection(of, &indexes(), &query).await.unwrap();
        found.into_iter().map(|it| it.key).collect::<Vec<_>>()
    };
    assert_eq!(
        keys(asked(
            vec![condition("team", "eq", "\"one\"")],
            "",
            false,
            None
        ))
        .await,
        ["a", "c", "d"]
    );
    assert_eq!(
        keys(asked(
            vec![condition("cents", "gte", "100")],
            "cents",
            true,
            None
        ))
        .await,
        ["b", "a"]
    );
    assert_eq!(
        keys(asked(
            vec![condition("cents", "lt", "100")],
            "",
            false,
            None
        ))
        .await,
        ["c"]
    );
    assert_eq!(
        keys(asked(
            vec![condition("cents", "eq", "null")],
            "",
            false,
            None
        ))
        .await,
        ["d"]
    );
    let any = condition("team", "in", r#"["t\"wo","three"]"#);
    assert_eq!(keys(asked(vec![any], "", false, None)).await, ["b"]);
    assert_eq!(
        keys(asked(vec![], "cents", false, None)).await,
        ["d", "c", "a", "b"]
    );
    assert_eq!(
        keys(asked(vec![], "cents", false, Some("c"))).await,
        ["a", "b"]
    );
    assert_eq!(keys(asked(vec![], "cents", true, Some("c"))).await, ["d"]);
    assert_eq!(keys(asked(vec![], "", true, Some("c"))).await, ["b", "a"]);
}

async fn counts_and_sums_are_by_group_and_period(bench: &Bench) {
    let office = sales(bench).await;
    let found = async |by: &[&str]| {
        let query = Aggregate {
            collection: "sales".into(),
            conditions: vec![],
            by: by.iter().map(|it| (*it).to_owned()).collect(),
            sum: vec!["cents".into()],
        };
        let mut tx = bench.store.read().await.unwrap();
        let of = Owner {
            workspace: office.workspace,
            plugin: PLUGIN,
        };
        let groups = tx
            .aggregate_collection(of, &indexes(), &query)
            .await
            .unwrap();
        groups
            .into_iter()
            .map(|it| (it.values.join(" "), it.count, it.sums[0]))
            .collect::<Vec<_>>()
    };
    let group = |name: &str, count, sum| (name.to_owned(), count, sum);
    assert_eq!(found(&[]).await, [group("", 4, 400)]);
    assert_eq!(
        found(&["team"]).await,
        [group("\"one\"", 3, 150), group(r#""t\"wo""#, 1, 250)]
    );
    let months = [
        group("\"2026-03\"", 2, 350),
        group("\"2026-04\"", 1, 50),
        group("null", 1, 0),
    ];
    assert_eq!(found(&["month(at)"]).await, months);
    // 1 March 2026 is a Sunday, the 2nd a Monday.
    assert_eq!(
        found(&["week(at)"]).await[..2],
        [
            group("\"2026-02-23\"", 1, 100),
            group("\"2026-03-02\"", 1, 250)
        ]
    );
    assert_eq!(
        found(&["team", "day(at)"]).await[0],
        group("\"one\" \"2026-03-01\"", 1, 100)
    );
}

async fn what_is_not_declared_is_refused(bench: &Bench) {
    let office = sales(bench).await;
    let refused = async |query: Query| {
        let mut tx = bench.store.read().await.unwrap();
        let of = Owner {
            workspace: office.workspace,
            plugin: PLUGIN,
        };
        tx.query_collection(of, &indexes(), &query)
            .await
            .unwrap_err()
            .code()
    };
    assert_eq!(
        refused(asked(vec![condition("colour", "eq", "1")], "", false, None)).await,
        "invalid"
    );
    assert_eq!(
        refused(asked(vec![condition("team", "like", "1")], "", false, None)).await,
        "invalid"
    );
    assert_eq!(
        refused(asked(
            vec![condition("team", "eq", "nonsense")],
            "",
            false,
            None
        ))
        .await,
        "invalid"
    );
    assert_eq!(
        refused(asked(vec![], "colour", false, None)).await,
        "invalid"
    );
    assert_eq!(
        refused(asked(vec![], "", false, Some("z"))).await,
        "invalid"
    );
    assert_eq!(
        refused(Query {
            collection: "nothing".into(),
            ..asked(vec![], "", false, None)
        })
        .await,
        "not_found"
    );
}
