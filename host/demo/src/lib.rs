//! A local stand-in for the provider behind the demo's channel (the WhatsApp Cloud API at graph.facebook.com): it checks every request
//! against the provider's documents, answers as documented, keeps a ledger of what arrived and shows it as the customer's phone.
//! It never looks at our connector, and only the demo and the tests start it. The data of the demo workspace is in `demo.json`.

pub mod account;
pub mod answer;
mod api;
pub mod fault;
mod interactive;
pub mod ledger;
pub mod message;
mod page;
mod shop;
pub mod standin;
pub mod webhook;

pub use account::Account;
pub use standin::{Standin, serve};
