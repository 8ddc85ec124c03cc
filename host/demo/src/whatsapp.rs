//! The WhatsApp Cloud API at `graph.facebook.com`, and its files at `lookaside.fbsbx.com`.

pub mod account;
pub mod answer;
pub(crate) mod api;
mod interactive;
pub mod message;
mod template;
mod templates;
pub mod webhook;

pub use account::Account;
