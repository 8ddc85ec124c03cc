//! Runs plugins: the same runtime with the same limits in the server, on the command line and in tests. Only the services behind the
//! imports differ. Knows no database and no web server.
//!
//! | module | owns |
//! |---|---|
//! | `wit` | the contract's shapes, generated |
//! | `effect` | what a call asked for |
//! | `rules` | what may happen to a conversation |
//! | `services` | what the imports are served from |

pub mod effect;
pub mod engine;
pub mod limits;
pub mod rules;
pub mod services;
pub mod wit;
