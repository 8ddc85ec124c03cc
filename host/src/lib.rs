//! Balcão: the inbox server in which everything but the inbox itself is a plugin.

pub mod clock;
pub mod error;
pub mod id;
pub mod outgoing;
pub mod store;
