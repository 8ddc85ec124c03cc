//! Runs plugins: the same runtime with the same limits in the server, on the command line and in tests. Only the services behind the
//! imports differ. Knows no database and no web server.
//!
//! | module | owns |
//! |---|---|
//! | `wit` | the contract's shapes, generated |
//! | `engine`, `plugin`, `call` | compile, link what was granted, call an export in a fresh instance |
//! | `context`, `limits` | what a call is given, and how much of it |
//! | `state`, `imports` | what a running call holds, and the functions it may use |
//! | `effect` | what a call asked for |
//! | `rules` | what may happen to a conversation |
//! | `services` | what the imports are served from |
//! | `manifest` | what a package says of itself |
//! | `package` | the file: component, manifest, assets, digest |
//! | `permissions`, `check` | what it asks for and contributes, in plain words; what is wrong with it |
//! | `settings` | what an admin gave, checked and apart from its secrets |
//! | `secrets`, `verify` | what may be done with secrets without their leaving the host |
//! | `http` | where plugins' requests may go, and what comes back |

pub mod call;
pub mod check;
pub mod context;
pub mod effect;
pub mod engine;
pub mod http;
mod imports;
pub mod limits;
pub mod manifest;
pub mod package;
pub mod permissions;
pub mod plugin;
pub mod rules;
pub mod secrets;
pub mod services;
pub mod settings;
mod state;
pub mod verify;
pub mod wit;

pub use state::{HttpExchange, LogLine};
