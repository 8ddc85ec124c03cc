//! The runtime with real components: the misbehaving ones of `plugins/fixtures`, and some made here.

mod common;
mod grants;
mod limits;
mod standard;
mod thief;
