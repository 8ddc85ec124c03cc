//! One suite for both databases: each test is stamped once for SQLite and once for PostgreSQL (`TEST_POSTGRES_URL`).

#[path = "store/support.rs"]
mod support;

#[path = "store/opening.rs"]
mod opening;

#[path = "store/ingest.rs"]
mod ingest;

#[path = "store/desk.rs"]
mod desk;

#[path = "store/effects.rs"]
mod effects;

#[path = "store/collections.rs"]
mod collections;

#[path = "store/holders.rs"]
mod holders;

#[path = "../runtime/tests/model/mod.rs"]
mod model;

#[path = "store/exactly_once.rs"]
mod exactly_once;

#[path = "store/convergence.rs"]
mod convergence;

#[path = "store/fetches.rs"]
mod fetches;

#[path = "store/hours.rs"]
mod hours;

#[path = "store/parked.rs"]
mod parked;

#[path = "store/search.rs"]
mod search;

#[path = "store/retention.rs"]
mod retention;

#[path = "store/erase.rs"]
mod erase;
