//! The imports, one file per package of the WIT: each function counts itself, checks its arguments, reads through `Services` or
//! collects an effect. What may be imported at all is in `KNOWN`; only what was granted is linked.

mod connector;
mod desk;
mod platform;
pub(crate) mod wasi;
mod wasi_http;

use wasmtime::component::{HasSelf, Linker};

use crate::{state::CallState, wit};

pub(crate) type Link = fn(&mut Linker<CallState>) -> wasmtime::Result<()>;

macro_rules! known {
    ($($name:literal => $($path:ident)::+),+ $(,)?) => {
        /// Interfaces that this host offers, with how each is linked.
        pub(crate) const KNOWN: &[(&str, Link)] = &[
            $(($name, |linker| {
                wit::balcao::$($path)::+::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)
            })),+
        ];
    };
}

known! {
    "balcao:types/types@0.1.0" => types::types,
    "balcao:platform/log@0.1.0" => platform::log,
    "balcao:platform/clock@0.1.0" => platform::clock,
    "balcao:platform/random@0.1.0" => platform::random,
    "balcao:platform/settings@0.1.0" => platform::settings,
    "balcao:platform/secrets@0.1.0" => platform::secrets,
    "balcao:platform/http@0.1.0" => platform::http,
    "balcao:platform/storage@0.1.0" => platform::storage,
    "balcao:platform/collections@0.1.0" => platform::collections,
    "balcao:platform/timers@0.1.0" => platform::timers,
    "balcao:connector/inbox@0.1.0" => connector::inbox,
    "balcao:connector/visitors@0.1.0" => connector::visitors,
    "balcao:desk/conversations@0.1.0" => desk::conversations,
    "balcao:desk/routing@0.1.0" => desk::routing,
    "balcao:desk/conclusion@0.1.0" => desk::conclusion,
    "balcao:desk/labels@0.1.0" => desk::labels,
    "balcao:desk/messages@0.1.0" => desk::messages,
    "balcao:desk/messages-send@0.1.0" => desk::messages_send,
    "balcao:desk/contacts@0.1.0" => desk::contacts,
    "balcao:desk/contacts-write@0.1.0" => desk::contacts_write,
    "balcao:desk/teams@0.1.0" => desk::teams,
    "balcao:desk/media@0.1.0" => desk::media,
}

/// How an interface is linked, if this host offers it.
pub(crate) fn known(name: &str) -> Option<Link> {
    if let Some((_, link)) = KNOWN.iter().find(|(known, _)| *known == name) {
        return Some(*link);
    }
    // Any 0.2: later ones only add.
    match name.split_once("@0.2.")?.0 {
        "wasi:http/outgoing-handler" => Some(wasi_http::link_handler),
        "wasi:http/types" => Some(wasi_http::link_types),
        _ => None,
    }
}

impl wit::balcao::types::types::Host for CallState {}
