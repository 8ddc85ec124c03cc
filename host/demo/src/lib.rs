//! Local stand-ins for the providers behind the demo's channels: the WhatsApp Cloud API, the Telegram Bot API and Instagram messaging. Each
//! checks every request against its provider's documents, answers as documented, keeps a ledger of what arrived and shows it as the
//! customer's phone. They never look at our connectors, and only the demo and the tests start them. The demo workspace is in `demo.json`.

mod api;
pub mod demo;
pub mod fault;
pub mod instagram;
pub mod ledger;
mod notify;
mod page;
pub mod provider;
mod reply;
mod shop;
pub mod standin;
pub mod telegram;
pub mod whatsapp;

pub use demo::Accounts;
pub use standin::{Standin, serve};
pub use whatsapp::account::Account;
pub use whatsapp::webhook;
