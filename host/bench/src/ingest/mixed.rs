//! `ingest/mixed`: webhooks of all channels in turn through one running server and its real connectors, beside the plain insert of the same rows.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::sync::Arc;

use super::{EACH, Size, middle, plain, run_with};
use crate::Options;
use crate::channels::{KINDS, Kind};
use crate::load::{self, Webhook};
use crate::office::Office;
use crate::report::{Row, percentile};
use crate::server::{Place, Server};

/// See the module.
pub fn measure(options: &Options) -> Result<Vec<Row>> {
    let office = Office::of(options, None, &demo()?)?;
    let size = Size::of(options);
    let (mut runs, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let place = office.copy("mixed")?;
        load::block_on(introduce(&place, size.contacts))?;
        let server = Server::start(&office.program, &place)?;
        let webhooks = load::block_on(webhooks(&office, &server, size))?;
        runs.push(run_with(&server, &place, size, webhooks)?);
        server.kill()?;
        let target = office.copy("plain")?;
        plain.push(load::block_on(plain::on_sqlite(
            &place,
            &target,
            plain::CHUNK,
        ))?);
    }
    let mut latencies: Vec<f64> = runs
        .iter()
        .flat_map(|run| run.posted.latencies.iter().copied())
        .collect();
    latencies.sort_unstable_by(f64::total_cmp);
    let rate = middle(runs.iter().map(|run| run.rate).collect());
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.plugin).collect();
    let note = format!(
        "{} contacts × {EACH} messages of {} in turn over {} connections, beside a plain batch insert of the same rows; aim: half of ingest/http",
        size.contacts,
        names.join(", "),
        load::CONNECTIONS
    );
    Ok(vec![
        Row::new("ingest/mixed", rate, "messages/s", note)
            .against(middle(plain))
            .spread(percentile(&latencies, 0.5), percentile(&latencies, 0.99)),
    ])
}

/// The demonstration with a channel of each kind in place of its own.
fn demo() -> Result<String> {
    let mut demo: Value = serde_json::from_str(crate::office::DEMO)?;
    let channels = KINDS.iter().map(|kind| {
        json!({ "plugin": kind.plugin, "name": kind.plugin, "team": "Vendas", "settings": kind.settings() })
    });
    demo["channels"] = channels.collect();
    let plugins = demo["plugins"].as_array_mut().context("plugins")?;
    for kind in KINDS {
        if !plugins.iter().any(|it| it["id"] == kind.plugin) {
            plugins.push(json!({ "id": kind.plugin, "settings": {} }));
        }
    }
    Ok(demo.to_string())
}

/// Every contact writes through one channel, and its messages come in turn with those of the others.
async fn webhooks(office: &Office, server: &Server, size: Size) -> Result<Arc<[Webhook]>> {
    let hooks: Vec<(Kind, String)> = KINDS
        .iter()
        .map(|kind| Ok((*kind, office.hook_of(kind.plugin)?)))
        .collect::<Result<_>>()?;
    let of = |contact: usize| &hooks[contact % hooks.len()];
    let mut connection = load::Connection::open(server.address).await?;
    let mut tokens = Vec::new();
    for contact in 0..size.contacts {
        let (kind, hook) = of(contact);
        tokens.push(match kind.has_visitors() {
            true => token(&mut connection, hook).await?,
            false => String::new(),
        });
    }
    (0..size.messages())
        .map(|n| {
            let contact = n % size.contacts;
            let (kind, hook) = of(contact);
            let body = (kind.message)(contact, n, load::TEXT).to_string();
            let (name, proof) = kind.proof(body.as_bytes(), &tokens[contact]);
            Webhook::new(&format!("{hook}{}", kind.path), name, &proof, body)
        })
        .collect()
}

/// A new visitor's.
async fn token(connection: &mut load::Connection, hook: &str) -> Result<String> {
    let open = Webhook::new(
        &format!("{hook}/open"),
        "authorization",
        "",
        "{}".to_owned(),
    )?;
    let opened: Value = serde_json::from_slice(&connection.post(&open).await?)?;
    let token = opened["token"].as_str();
    Ok(token.context("a visitor got no token")?.to_owned())
}

/// What connectors would ask their providers about the contacts first is known already: no provider is there, and none is measured.
async fn introduce(place: &Place, contacts: usize) -> Result<()> {
    const KEEP: &str = "INSERT INTO storage (workspace_id, plugin_id, key, value, revision) SELECT id, $1, $2, $3, 1 FROM workspaces";
    let mut file = SqliteConnectOptions::new()
        .filename(place.sqlite())
        .connect()
        .await?;
    let mut tx = file.begin().await?;
    for kind in KINDS {
        for (key, value) in (0..contacts).filter_map(|contact| kind.known(contact)) {
            let kept = sqlx::query(KEEP)
                .bind(kind.plugin)
                .bind(key)
                .bind(value)
                .execute(&mut *tx)
                .await?;
            ensure!(kept.rows_affected() == 1, "one workspace");
        }
    }
    tx.commit().await?;
    Ok(file.close().await?)
}
