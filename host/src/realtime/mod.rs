//! What screens see as it happens. `bus` fans the event log out inside this process, `feed` turns rows of the log into lines, `socket` speaks to
//! one screen, `typing` hears the contacts, `visitors` shows browsers on other people's sites what connectors push. Log and store are the truth: a lost
//! wake-up delays, it never loses.

pub mod bus;
pub mod feed;
pub use feed::routed;
pub mod socket;
pub mod typing;
pub mod visitors;
