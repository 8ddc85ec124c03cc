//! [`export!`](crate::export!): turns a type that implements some of this crate's traits into a component.
//! It exports exactly the interfaces that it is given, since what a component exports is what it contributes.

/// Makes a plugin of a type: `balcao_plugin::export!(MyPlugin: channel, channel_media);`
///
/// Each name is an interface whose trait the type implements: `channel` ([`Channel`](crate::Channel)), `channel_media`
/// ([`ChannelMedia`](crate::ChannelMedia)), `channel_signals` ([`ChannelSignals`](crate::ChannelSignals)), `channel_edits`
/// ([`ChannelEdits`](crate::ChannelEdits)), `events`
/// ([`Events`](crate::Events)), `timer_events` ([`TimerEvents`](crate::TimerEvents)), `actions` ([`Actions`](crate::Actions)),
/// `views` ([`Views`](crate::Views)), `reports` ([`Reports`](crate::Reports)) and `lifecycle` ([`Lifecycle`](crate::Lifecycle)).
///
/// Once per component. On `wasm32-unknown-unknown` it also sets the allocator of [`rt`](crate::rt). In a native build it only checks that the
/// traits are there: the names of component exports mean something else to native linkers.
#[macro_export]
macro_rules! export {
    ($plugin:ident: $($interface:ident),+ $(,)?) => {
        $($crate::__export_one!($plugin, $interface);)+

        #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
        #[global_allocator]
        static BALCAO_ALLOCATOR: $crate::rt::Bump = $crate::rt::Bump::new();
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_one {
    ($plugin:ident, $interface:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::$interface as bindings;
    bindings::export!($plugin with_types_in bindings);
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::__exported::$interface::<$plugin>;
    };
}

/// What a type must implement for each name that [`export!`](crate::export!) knows; checked in native builds.
#[doc(hidden)]
pub mod checks {
    use crate::{app, connector};

    pub fn channel<T: connector::Channel>() {}
    pub fn channel_media<T: connector::ChannelMedia>() {}
    pub fn channel_signals<T: connector::ChannelSignals>() {}
    pub fn channel_edits<T: connector::ChannelEdits>() {}
    pub fn events<T: app::Events>() {}
    pub fn timer_events<T: app::TimerEvents>() {}
    pub fn actions<T: app::Actions>() {}
    pub fn views<T: app::Views>() {}
    pub fn reports<T: app::Reports>() {}
    pub fn lifecycle<T: app::Lifecycle>() {}
}
