//! The bindings generated from `wit/`: every import in one world, and one world for each interface that may be exported, so that a
//! component's type names only what its plugin really exports. Imports that a plugin does not call are not in its component.
//!
//! Nothing here is written by hand; the rest of the crate gives these names a place to be found.

wit_bindgen::generate!({
    path: [
        "../wit/types",
        "../wit/platform",
        "../wit/connector",
        "../wit/desk",
    ],
    inline: "
        package balcao:sdk;
        world sdk-imports {
            import balcao:platform/log@0.1.0;
            import balcao:platform/clock@0.1.0;
            import balcao:platform/random@0.1.0;
            import balcao:platform/settings@0.1.0;
            import balcao:platform/secrets@0.1.0;
            import balcao:platform/http@0.1.0;
            import balcao:platform/storage@0.1.0;
            import balcao:platform/collections@0.1.0;
            import balcao:platform/timers@0.1.0;
            import balcao:connector/inbox@0.1.0;
            import balcao:connector/visitors@0.1.0;
            import balcao:desk/conversations@0.1.0;
            import balcao:desk/routing@0.1.0;
            import balcao:desk/conclusion@0.1.0;
            import balcao:desk/labels@0.1.0;
            import balcao:desk/messages@0.1.0;
            import balcao:desk/messages-send@0.1.0;
            import balcao:desk/contacts@0.1.0;
            import balcao:desk/contacts-write@0.1.0;
            import balcao:desk/teams@0.1.0;
            import balcao:desk/media@0.1.0;
        }
    ",
    runtime_path: "balcao_plugin::wit_bindgen::rt",
    generate_all,
    generate_unused_types: true,
    additional_derives: [PartialEq],
});

/// One exported interface: a world and an export macro of its own, and the shared types from the imports above.
macro_rules! exported {
    ($module:ident, $folder:tt, $world:tt, $bindings:tt) => {
        #[doc(hidden)]
        pub mod $module {
            wit_bindgen::generate!({
                path: ["../wit/types", $folder],
                inline: $world,
                runtime_path: "balcao_plugin::wit_bindgen::rt",
                with: { "balcao:types/types@0.1.0": balcao_plugin::bindings::balcao::types::types },
                pub_export_macro: true,
                default_bindings_module: $bindings,
                additional_derives: [PartialEq],
            });
        }
    };
}

exported!(
    channel,
    "../wit/connector",
    "package balcao:sdk; world sdk-channel { export balcao:connector/channel@0.1.0; }",
    "balcao_plugin::bindings::channel"
);
exported!(
    channel_media,
    "../wit/connector",
    "package balcao:sdk; world sdk-channel-media { export balcao:connector/channel-media@0.1.0; }",
    "balcao_plugin::bindings::channel_media"
);
exported!(
    channel_signals,
    "../wit/connector",
    "package balcao:sdk; world sdk-channel-signals { export balcao:connector/channel-signals@0.1.0; }",
    "balcao_plugin::bindings::channel_signals"
);
exported!(
    channel_edits,
    "../wit/connector",
    "package balcao:sdk; world sdk-channel-edits { export balcao:connector/channel-edits@0.1.0; }",
    "balcao_plugin::bindings::channel_edits"
);
exported!(
    events,
    "../wit/app",
    "package balcao:sdk; world sdk-events { export balcao:app/events@0.1.0; }",
    "balcao_plugin::bindings::events"
);
exported!(
    timer_events,
    "../wit/app",
    "package balcao:sdk; world sdk-timer-events { export balcao:app/timer-events@0.1.0; }",
    "balcao_plugin::bindings::timer_events"
);
exported!(
    actions,
    "../wit/app",
    "package balcao:sdk; world sdk-actions { export balcao:app/actions@0.1.0; }",
    "balcao_plugin::bindings::actions"
);
exported!(
    views,
    "../wit/app",
    "package balcao:sdk; world sdk-views { export balcao:app/views@0.1.0; }",
    "balcao_plugin::bindings::views"
);
exported!(
    reports,
    "../wit/app",
    "package balcao:sdk; world sdk-reports { export balcao:app/reports@0.1.0; }",
    "balcao_plugin::bindings::reports"
);
exported!(
    lifecycle,
    "../wit/app",
    "package balcao:sdk; world sdk-lifecycle { export balcao:app/lifecycle@0.1.0; }",
    "balcao_plugin::bindings::lifecycle"
);
