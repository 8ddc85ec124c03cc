//! `balcao-plugin`: what a Balcão plugin written in Rust is made with.
//!
//! Owns the bindings to the WIT packages, a trait per interface that a plugin may export (with a default wherever leaving a function
//! out is reasonable), the [`export!`] macro, and what a component needs on `wasm32-unknown-unknown` (allocator, panic hook).
//! It never decides anything: policy and limits are the host's.
//!
//! ```text
//! use balcao_plugin::{Events, Failure, app::Event, info};
//!
//! struct Greeter;
//!
//! impl Events for Greeter {
//!     fn handle(event: Event) -> Result<(), Failure> {
//!         info!("{} happened", event.kind);
//!         Ok(())
//!     }
//! }
//!
//! balcao_plugin::export!(Greeter: events);
//! ```
//!
//! A plugin also compiles natively (as an `rlib`), so that code which does not call an import can be tested, fuzzed and measured
//! without a component: keep parsing and building in such modules. An import called natively panics.

// The generated code names this crate, so that the export macros work in a plugin's crate and here alike.
extern crate self as balcao_plugin;

pub mod app;
pub mod bindings;
pub mod connector;
mod export;
mod failure;
pub mod json;
pub mod lenient;
pub mod log;
#[doc(hidden)]
pub mod rt;
pub mod settings;

pub use app::{Actions, Events, Lifecycle, Reports, TimerEvents, Views};
pub use bindings::balcao::connector::{inbox, visitors};
pub use bindings::balcao::desk::{
    conclusion, contacts, contacts_write, conversations, labels, media, messages, messages_send,
    routing, teams,
};
pub use bindings::balcao::platform::{clock, collections, http, random, secrets, storage, timers};
pub use bindings::balcao::types::types::{Attachment, Content, Error, Failure, Subject};
pub use connector::{Channel, ChannelEdits, ChannelMedia, ChannelSignals};

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Instant = i64;

#[doc(hidden)]
pub use export::checks as __exported;
#[doc(hidden)]
pub use wit_bindgen;
