//! Everything one call is given from outside: who and when it is, settings, secrets, the way out, services, bounds. No ambient inputs:
//! what is not in here a call does not have.

use std::sync::Arc;

use crate::{
    http::{Policy, Transport},
    limits::Limits,
    manifest::Secret,
    quota::Meter,
    requests::HttpExchange,
    rules::Person,
    secrets::{Handles, Secrets},
    services::Services,
    wit::Instant,
};

/// Unforeseeable bytes and new ids; seeded in tests.
pub trait Chance: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
    /// A new id of the kind that the prefix names (`msg`, `fil`…).
    fn mint(&self, prefix: &str, now: Instant) -> String;
}

/// The user on whose behalf an action runs: its effects need their rights as well.
#[derive(Clone, Debug)]
pub struct Actor {
    pub person: Person,
    /// Their archive preference (FEATURES A4).
    pub archive_immediately: bool,
}

/// The way out to the network for one plugin in one workspace.
#[derive(Clone)]
pub struct HttpAccess {
    pub policy: Arc<Policy>,
    /// The manifest's secrets with their placements, as granted.
    pub bindings: Arc<[Secret]>,
    pub transport: Arc<dyn Transport>,
}

/// What a first run of the same call leaves to the next one, after a conflict: its HTTP cannot be undone, so the same requests in the
/// same order are answered from here, and handles stay the same so that they are the same requests.
#[derive(Default)]
pub struct FirstRun {
    pub http: Vec<HttpExchange>,
    pub handles: Handles,
}

/// One call.
pub struct CallContext {
    pub workspace: String,
    /// The same for every attempt at the same event, timer, action or message.
    pub key: String,
    pub now: Instant,
    /// The channel that the call is about; a connector sees only its own.
    pub channel: Option<String>,
    /// JSON of the settings that apply, without secrets, defaults filled in.
    pub settings: Arc<str>,
    /// Grows with every change of settings and secrets.
    pub revision: i64,
    pub secrets: Arc<Secrets>,
    pub http: HttpAccess,
    pub limits: Limits,
    /// Counts what the plugin uses in this workspace.
    pub meter: Arc<Meter>,
    pub actor: Option<Actor>,
    pub chance: Arc<dyn Chance>,
    pub services: Arc<dyn Services>,
    pub first_run: FirstRun,
}
