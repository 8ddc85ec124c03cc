//! Runs plugins: the same runtime with the same limits in the server, on the command line and in tests. Only the services behind the
//! imports differ. Knows no database and no web server.
//!
//! | module | owns |
//! |---|---|
//! | `wit` | the contract's shapes, generated |
//! | `engine`, `plugin`, `call` | compile, link what was granted, call an export in a fresh instance |
//! | `context`, `limits` | what a call is given, and how much of it |
//! | `quota` | how much a plugin may use over all its calls |
//! | `reuse` | instances that are kept between the calls of one workspace |
//! | `requests` | the HTTP of one call |
//! | `state`, `imports` | what a running call holds, and the functions it may use |
//! | `breaker` | when a plugin that keeps trapping is given a rest |
//! | `bounds` | what a connector may hand over, argument by argument |
//! | `effect` | what a call asked for |
//! | `rules` | what may happen to a conversation |
//! | `services` | what the imports are served from |
//! | `manifest` | what a package says of itself |
//! | `package` | the file: component, manifest, assets, digest |
//! | `permissions`, `check` | what it asks for and contributes, in plain words; what is wrong with it |
//! | `settings` | what an admin gave, checked and apart from its secrets |
//! | `secrets`, `verify` | what may be done with secrets without their leaving the host |
//! | `webhook` | what a request to a channel's address comes to |
//! | `memory`, `harness` | a workspace in memory, and running a plugin alone in it |
//! | `http` | where plugins' requests may go, and what comes back |

pub mod bounds;
#[cfg(feature = "engine")]
pub mod breaker;
#[cfg(feature = "engine")]
pub mod call;
#[cfg(feature = "engine")]
pub mod check;
#[cfg(feature = "engine")]
pub mod context;
#[cfg(feature = "engine")]
pub mod effect;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "engine")]
pub mod harness;
pub mod http;
#[cfg(feature = "engine")]
mod imports;
#[cfg(feature = "engine")]
pub mod limits;
pub mod manifest;
#[cfg(feature = "engine")]
pub mod memory;
pub mod package;
#[cfg(feature = "engine")]
pub mod permissions;
#[cfg(feature = "engine")]
pub mod plugin;
#[cfg(feature = "engine")]
pub mod quota;
#[cfg(feature = "engine")]
mod requests;
#[cfg(feature = "engine")]
pub mod reuse;
#[cfg(feature = "engine")]
pub mod rules;
pub mod secrets;
#[cfg(feature = "engine")]
pub mod services;
pub mod settings;
#[cfg(feature = "engine")]
mod state;
pub mod verify;
#[cfg(feature = "engine")]
pub mod webhook;
#[cfg(feature = "engine")]
pub mod wit;

#[cfg(feature = "engine")]
pub use requests::HttpExchange;
#[cfg(feature = "engine")]
pub use state::LogLine;
