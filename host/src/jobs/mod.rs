//! What the server does by itself beside answering: sending what was queued (`outbound`), fetching the files
//! of messages (`fetch`), giving plugins once more what they could not read (`parked`), ending what is over (`expiry`), taking over
//! from servers that died (`takeover`), balancing plugins' books (`books`), forgetting what is kept for a time (`purge`). Telling plugins what
//! happened is `dispatch`. Each is a loop that looks at the store when it may find something: as something is committed, as the next thing is due,
//! or now and then; what it had taken and not finished is taken again by lease.

pub mod books;
pub(crate) mod crew;
pub mod expiry;
pub mod fetch;
mod insist;
pub mod old_pictures;
pub mod outbound;
pub mod parked;
pub mod portraits;
pub mod purge;
pub mod search;
pub mod takeover;
mod wake;

pub(crate) use insist::insist;
pub use wake::Wake;
