//! Runs a plugin alone: no server, no network, a virtual clock. Behind `balcao plugin call` (one call, its outcome as JSON) and
//! `balcao plugin test` (scenario files, see `docs/scenarios.md`). The runtime and its limits are the server's own; only the workspace is
//! in memory.
//!
//! | module | owns |
//! |---|---|
//! | `workbench` | a loaded plugin with settings, recorded HTTP and a workspace |
//! | `input` | calls as JSON |
//! | `report` | what came of a call, as JSON |
//! | `scenario` | the format of scenario files |
//! | `runner` | running one |
//! | `expectations`, `compare` | expected against actual, and how a difference is shown |

mod compare;
mod expectations;
pub mod input;
pub mod report;
mod runner;
pub mod scenario;
pub mod workbench;

pub use report::CallReport;
pub use runner::run;
pub use scenario::Scenario;
pub use workbench::{Loaded, OpenError, Workbench};
