//! How fast webhooks become committed messages: through a running server and its real connector, beside the plain insert of the same rows, and
//! beside the same server with the parsing done natively.

mod mixed;
mod native;
mod plain;

pub use native::serve;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};

use crate::Options;
use crate::children::{self, Role};
use crate::load::{self, Posted, Webhook};
use crate::office::Office;
use crate::report::{Row, percentile};
use crate::server::{Place, Server};

const CONTACTS: usize = 2_000;
const EACH: usize = 10;
/// Pairs of measurements, of which the middle one counts.
const ROUNDS: usize = 3;
/// How long the apps may take to be told of everything.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often it is looked whether they were.
const LOOK: Duration = Duration::from_millis(5);

/// How much is sent.
#[derive(Clone, Copy)]
struct Size {
    contacts: usize,
    rounds: usize,
}

impl Size {
    fn of(options: &Options) -> Self {
        match options.quick {
            true => Self {
                contacts: 30,
                rounds: 1,
            },
            false => Self {
                contacts: CONTACTS,
                rounds: ROUNDS,
            },
        }
    }

    fn messages(self) -> usize {
        self.contacts * EACH
    }
}

/// One run of the load.
struct Run {
    rate: f64,
    posted: Posted,
    /// From the last answer until the apps had been told of everything.
    drain: Duration,
}

/// The rows of ingest that are asked for.
pub fn measure(options: &Options) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    if options.wants("ingest/http")
        || options.wants("ingest/drain")
        || options.wants("ingest/plain-64")
    {
        rows.extend(http(options)?);
    }
    if options.wants("ingest/http-postgres") || options.wants("ingest/drain-postgres") {
        rows.extend(http_on_postgres(options)?);
    }
    if options.wants("ingest/mixed") {
        rows.extend(mixed::measure(options)?);
    }
    if options.wants("ingest/plugin-tax") {
        rows.extend(plugin_tax(options)?);
    }
    Ok(rows)
}

/// `ingest/http` and `ingest/drain`.
fn http(options: &Options) -> Result<Vec<Row>> {
    let office = Office::open(options, None)?;
    let size = Size::of(options);
    let (mut runs, mut plain, mut small) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..size.rounds {
        let place = office.copy("http")?;
        let server = Server::start(&office.program, &place)?;
        runs.push(run(&office, &server, &place, size)?);
        server.kill()?;
        for (chunk, rates) in [(plain::CHUNK, &mut plain), (load::CONNECTIONS, &mut small)] {
            let target = office.copy("plain")?;
            rates.push(load::block_on(plain::on_sqlite(&place, &target, chunk))?);
        }
        eprintln!(
            "  round {round}: {:.0} beside {:.0} and {:.0} messages/s",
            runs[round].rate, plain[round], small[round]
        );
    }
    let note = "the plain insert in commits of as many messages as the connections have under way, beside its own rate: a server that did nothing else";
    let (plain, small) = (middle(plain), middle(small));
    let mut rows = rows_of("ingest/http", "ingest/drain", size, runs, plain);
    rows.push(Row::new("ingest/plain-64", small, "messages/s", note).against(plain));
    Ok(rows)
}

/// The same on PostgreSQL, where one is given.
fn http_on_postgres(options: &Options) -> Result<Vec<Row>> {
    let url = std::env::var("TEST_POSTGRES_URL").unwrap_or_default();
    if options.quick || url.is_empty() {
        eprintln!(
            "  not measured on PostgreSQL: {}",
            if options.quick {
                "--quick"
            } else {
                "TEST_POSTGRES_URL is not set"
            }
        );
        return Ok(Vec::new());
    }
    let size = Size::of(options);
    let template = Databases { url: url.clone() };
    let database = template.create("template", None)?;
    let office = Office::open(options, Some(&database))?;
    let (mut runs, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let mut place = office.copy("http")?;
        let own = template.create("round", Some("template"))?;
        place.database = Some(own.clone());
        let server = Server::start(&office.program, &place)?;
        runs.push(run(&office, &server, &place, size)?);
        server.kill()?;
        plain.push(load::block_on(plain::on_postgres(&own))?);
        template.drop("round")?;
    }
    template.drop("template")?;
    Ok(rows_of(
        "ingest/http-postgres",
        "ingest/drain-postgres",
        size,
        runs,
        middle(plain),
    ))
}

fn rows_of(http: &str, drain: &str, size: Size, mut runs: Vec<Run>, plain: f64) -> Vec<Row> {
    let mut latencies: Vec<f64> = runs
        .iter()
        .flat_map(|run| run.posted.latencies.iter().copied())
        .collect();
    latencies.sort_unstable_by(f64::total_cmp);
    runs.sort_unstable_by(|a, b| a.rate.total_cmp(&b.rate));
    let run = &runs[runs.len() / 2];
    let drains = runs.iter().map(|run| run.drain.as_secs_f64() * 1e3);
    let drained = middle(drains.collect());
    let load = format!(
        "{} contacts × {EACH} messages over {} connections",
        size.contacts,
        load::CONNECTIONS
    );
    vec![
        Row::new(http, run.rate, "messages/s", format!("{load}, beside a plain batch insert of the same rows; aim: ratio ≥ 0.5, p99 ≤ 60 ms"))
            .against(plain)
            .spread(percentile(&latencies, 0.5), percentile(&latencies, 0.99)),
        Row::new(drain, drained, "ms", "from the last answer of that load until the apps had handled every delivery"),
    ]
}

fn middle(mut of: Vec<f64>) -> f64 {
    of.sort_unstable_by(f64::total_cmp);
    of[of.len() / 2]
}

/// `ingest/plugin-tax`: the component beside native parsing, in servers that differ in nothing else.
fn plugin_tax(options: &Options) -> Result<Vec<Row>> {
    let office = Office::open(options, None)?;
    let size = Size::of(options);
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..size.rounds {
        for (role, rates) in [Role::Component, Role::Native].into_iter().zip(&mut rates) {
            let place = office.copy("tax")?;
            let server = children::serve(role, &place)?;
            rates.push(run(&office, &server, &place, size)?.rate);
            server.kill()?;
        }
    }
    let [component, native] = rates.map(middle);
    let note = "the same load with webhooks read by the component, beside the connector's own code compiled natively; aim: ratio ≥ 0.85";
    Ok(vec![
        Row::new("ingest/plugin-tax", component, "messages/s", note).against(native),
    ])
}

/// `dispatch/sustained`: how long after its event was committed a delivery is handled, at half the rate that ingest reaches.
pub fn sustained(options: &Options) -> Result<Vec<Row>> {
    let office = Office::open(options, None)?;
    let size = Size::of(options);
    let place = office.copy("rate")?;
    let server = Server::start(&office.program, &place)?;
    let rate = run(&office, &server, &place, size)?.rate / 2.0;
    server.kill()?;
    let seconds = if options.quick { 1.0 } else { 15.0 };
    let conversations = (rate * seconds) as usize / EACH + 1;
    let place = office.copy("sustained")?;
    let server = Server::start(&office.program, &place)?;
    let webhooks = load::webhooks(&office, steadily(conversations))?;
    let messages = webhooks.len();
    let lags = load::block_on(async {
        let posted = load::post(server.address, webhooks, Some(rate)).await?;
        wait_until_handled(&place).await?;
        let reached = messages as f64 / posted.took.as_secs_f64();
        ensure!(
            options.quick || reached > rate * 0.9,
            "only {reached:.0} of {rate:.0} messages/s were taken"
        );
        lags(&place).await
    })?;
    server.kill()?;
    ensure!(
        lags.len() == conversations,
        "{} of {conversations} conversations were offered",
        lags.len()
    );
    let note = format!(
        "p99 of the time from a conversation's event to the app's offer of it (in ms), {conversations} of them in {messages} messages at {rate:.0} messages/s; aim: ≤ 1000"
    );
    let (p50, p99) = (percentile(&lags, 0.5), percentile(&lags, 0.99));
    Ok(vec![
        Row::new("dispatch/sustained", p99, "ms", note).spread(p50, p99),
    ])
}

/// Every tenth message is of somebody new; each contact's messages come over time.
fn steadily(contacts: usize) -> impl Iterator<Item = usize> {
    const APART: usize = 20;
    (0..contacts * EACH).map(move |n| {
        let (newest, nth) = (n / EACH, n % EACH);
        newest.checked_sub(nth * APART).unwrap_or(newest)
    })
}

/// Posts the whole load and waits until the apps have been told of everything.
fn run(office: &Office, server: &Server, place: &Place, size: Size) -> Result<Run> {
    let webhooks = load::webhooks(office, (0..size.messages()).map(|n| n % size.contacts))?;
    run_with(server, place, size, webhooks)
}

/// The same with these webhooks: so many messages of so many contacts.
fn run_with(server: &Server, place: &Place, size: Size, webhooks: Arc<[Webhook]>) -> Result<Run> {
    load::block_on(async {
        let posted = load::post(server.address, webhooks, None).await?;
        let answered = Instant::now();
        wait_until_handled(place).await?;
        let drain = answered.elapsed();
        let there = count(place, "SELECT COUNT(*) FROM messages").await?;
        ensure!(
            there == size.messages() as i64,
            "{there} of {} messages are there",
            size.messages()
        );
        let offered = count(
            place,
            "SELECT COUNT(*) FROM conversations WHERE offer_agent IS NOT NULL",
        )
        .await?;
        ensure!(
            offered == size.contacts as i64,
            "{offered} of {} conversations are offered",
            size.contacts
        );
        Ok(Run {
            rate: size.messages() as f64 / posted.took.as_secs_f64(),
            posted,
            drain,
        })
    })
}

async fn wait_until_handled(place: &Place) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while count(
        place,
        "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries LIMIT 1) AS one",
    )
    .await?
        > 0
    {
        ensure!(
            Instant::now() < until,
            "deliveries are left after {} s",
            PATIENCE.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// From each conversation's first event to the offer, in ms, sorted.
async fn lags(place: &Place) -> Result<Vec<f64>> {
    const SQL: &str = "SELECT CAST(o.at - q.at AS BIGINT) FROM events q JOIN events o ON o.workspace_id = q.workspace_id
        AND o.conversation_id = q.conversation_id AND o.kind = 'conversation.offered' WHERE q.kind = 'conversation.queued'";
    let mut connection = reader(place).await?;
    let found: Vec<i64> = sqlx::query_scalar(SQL).fetch_all(&mut connection).await?;
    connection.close().await?;
    let mut lags: Vec<f64> = found
        .into_iter()
        .map(|micros| micros as f64 / 1e3)
        .collect();
    lags.sort_unstable_by(f64::total_cmp);
    Ok(lags)
}

async fn count(place: &Place, sql: &'static str) -> Result<i64> {
    Ok(match &place.database {
        None => {
            let mut connection = reader(place).await?;
            let found = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
            connection.close().await?;
            found
        }
        Some(url) => {
            let mut connection = PgConnection::connect(url).await?;
            let found = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
            connection.close().await?;
            found
        }
    })
}

/// To be closed before the next copy is made: whoever closes last removes the log by its name, which is the next copy's by then.
async fn reader(place: &Place) -> Result<SqliteConnection> {
    let file = SqliteConnectOptions::new().filename(place.sqlite());
    Ok(file.connect().await?)
}

/// Databases of this run on the given PostgreSQL server.
struct Databases {
    url: String,
}

impl Databases {
    /// An empty one, or a copy of another of ours; gives its address.
    fn create(&self, name: &str, template: Option<&str>) -> Result<String> {
        let name = named(name);
        let copied = template
            .map(|of| format!(" TEMPLATE {}", named(of)))
            .unwrap_or_default();
        self.run(format!("CREATE DATABASE {name}{copied}"))?;
        let (server, _) = self
            .url
            .rsplit_once('/')
            .context("TEST_POSTGRES_URL names no database")?;
        Ok(format!("{server}/{name}"))
    }

    fn drop(&self, name: &str) -> Result<()> {
        self.run(format!("DROP DATABASE {} WITH (FORCE)", named(name)))
    }

    fn run(&self, sql: String) -> Result<()> {
        load::block_on(async {
            let options: PgConnectOptions = self.url.parse()?;
            let mut connection = PgConnection::connect_with(&options).await?;
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await?;
            Ok(connection.close().await?)
        })
    }
}

fn named(name: &str) -> String {
    format!("balcao_bench_{}_{name}", std::process::id())
}
