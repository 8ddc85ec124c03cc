//! The Rust side of `wit/`, generated. Owns nothing of its own: shapes here are the contract's, used by the host as they are.

wasmtime::component::bindgen!({
    path: [
        "../../wit/types",
        "../../wit/platform",
        "../../wit/desk",
        "../../wit/connector",
        "../../wit/app",
        "../../wit/worlds",
    ],
    world: "balcao:worlds/host@0.1.0",
    imports: {
        "balcao:platform/log": trappable,
        "balcao:platform/clock": trappable,
        default: async | trappable,
    },
    exports: { default: async },
    additional_derives: [PartialEq, Clone, serde::Serialize, serde::Deserialize],
});

pub use balcao::connector::{inbox, visitors};
pub use balcao::desk::{
    conclusion, contacts, contacts_write, conversations, labels, media, messages, messages_send,
    routing, teams,
};
pub use balcao::platform::{
    clock, collections, http, log, random, secrets, settings, storage, timers,
};
pub use balcao::types::types::{self, Attachment, Content, Error, Failure, Subject};
pub use exports::balcao::app::{actions, events, lifecycle, reports, timer_events, views};
pub use exports::balcao::connector::{channel, channel_edits, channel_media, channel_signals};

/// Microseconds since 1970-01-01T00:00:00Z, as everywhere in Balcão.
pub type Instant = i64;
