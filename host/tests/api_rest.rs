//! What DESIGN §9 says of the REST API, over real HTTP.

mod common;

#[path = "rest/apps.rs"]
mod apps;
#[path = "rest/live.rs"]
mod live;
#[path = "rest/once.rs"]
mod once;
#[path = "rest/people.rs"]
mod people;
#[path = "rest/tags.rs"]
mod tags;
#[path = "rest/tokens.rs"]
mod tokens;
