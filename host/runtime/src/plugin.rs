//! A loaded plugin: linked with what was granted and nothing else, its exports looked up one by one, ready to be called (`call.rs`).

use std::{collections::BTreeSet, sync::Arc};

use wasmtime::component::{Component, InstancePre, Linker};

use crate::{
    engine::Engine,
    imports,
    reuse::Kept,
    state::CallState,
    wit::{
        actions, channel, channel_edits, channel_media, channel_signals, events, lifecycle,
        reports, timer_events, views,
    },
};

/// Why a component cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the component asks for {0}, which was not granted")]
    NotGranted(String),
    #[error("the component asks for {0}, which this host does not offer")]
    Unknown(String),
    /// The component does not fit the interfaces it names.
    #[error("{0}")]
    Mismatch(String),
}

/// What was granted: names of import interfaces, with versions. Interfaces that nobody needs to grant (types, log, clock…) may be left out.
pub type Grants = BTreeSet<String>;

/// Imports that every plugin may have without being asked about.
const FREE: [&str; 5] = [
    "balcao:types/types@0.1.0",
    "balcao:platform/log@0.1.0",
    "balcao:platform/clock@0.1.0",
    "balcao:platform/random@0.1.0",
    "balcao:platform/settings@0.1.0",
];

/// The exports that were found.
#[derive(Default)]
pub(crate) struct Exports {
    pub channel: Option<channel::GuestIndices>,
    pub channel_media: Option<channel_media::GuestIndices>,
    pub channel_signals: Option<channel_signals::GuestIndices>,
    pub channel_edits: Option<channel_edits::GuestIndices>,
    pub events: Option<events::GuestIndices>,
    pub timer_events: Option<timer_events::GuestIndices>,
    pub actions: Option<actions::GuestIndices>,
    pub views: Option<views::GuestIndices>,
    pub reports: Option<reports::GuestIndices>,
    pub lifecycle: Option<lifecycle::GuestIndices>,
}

/// One component, linked. Cheap to clone, safe to call from many tasks at once: every call is a fresh instance, or one that no other call
/// has at the time.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) inner: Arc<Inner>,
    /// Where it keeps instances between calls, if it does.
    pub(crate) kept: Option<Arc<Kept>>,
}

pub(crate) struct Inner {
    pub id: Arc<str>,
    pub engine: Engine,
    pub pre: InstancePre<CallState>,
    pub exports: Exports,
}

impl Plugin {
    /// # Errors
    /// An import that was not granted or is not offered, or an export of another shape than its name says.
    pub fn load(
        engine: &Engine,
        id: &str,
        component: &Component,
        granted: &Grants,
    ) -> Result<Self, LoadError> {
        let linker = link(engine, component, granted)?;
        let pre = linker
            .instantiate_pre(component)
            .map_err(|error| LoadError::Mismatch(format!("{error:#}")))?;
        let exports = exports(engine, component, &pre)?;
        let inner = Inner {
            id: id.into(),
            engine: engine.clone(),
            pre,
            exports,
        };
        Ok(Self {
            inner: Arc::new(inner),
            kept: None,
        })
    }

    /// With instances kept between the calls of one workspace (`reuse`), as its manifest may ask for.
    pub fn reusing(mut self, reuse: bool) -> Self {
        self.kept = reuse.then(|| Arc::new(Kept::new(self.inner.engine.kept_slots())));
        self
    }

    /// Forgets the instances that are kept for a workspace.
    pub fn forget(&self, workspace: &str) {
        if let Some(kept) = &self.kept {
            kept.forget(workspace);
        }
    }

    pub fn id(&self) -> &str {
        &self.inner.id
    }
}

fn link(
    engine: &Engine,
    component: &Component,
    granted: &Grants,
) -> Result<Linker<CallState>, LoadError> {
    let mut linker = Linker::new(engine.wasmtime());
    let mut wasi = false;
    for (name, _) in component.component_type().imports(engine.wasmtime()) {
        if name.starts_with("wasi:") && !name.starts_with("wasi:http/") {
            wasi = true;
            continue;
        }
        let Some(add) = imports::known(name) else {
            return Err(LoadError::Unknown(name.to_owned()));
        };
        if !FREE.contains(&name) && !granted.contains(name) {
            return Err(LoadError::NotGranted(name.to_owned()));
        }
        add(&mut linker).map_err(|error| LoadError::Mismatch(format!("{name}: {error:#}")))?;
    }
    if wasi {
        imports::wasi::link(&mut linker)
            .map_err(|error| LoadError::Mismatch(format!("{error:#}")))?;
    }
    Ok(linker)
}

macro_rules! look_up {
    ($engine:ident, $component:ident, $pre:ident, $($field:ident = $name:literal),+ $(,)?) => {{
        let mut exports = Exports::default();
        for (name, _) in $component.component_type().exports($engine.wasmtime()) {
            match name {
                $($name => {
                    let indices = $field::GuestIndices::new($pre);
                    exports.$field = Some(indices.map_err(|error| LoadError::Mismatch(format!("{name}: {error:#}")))?);
                })+
                // Unknown exports are ignored: a plugin may serve hosts newer than this one.
                _ => {}
            }
        }
        exports
    }};
}

fn exports(
    engine: &Engine,
    component: &Component,
    pre: &InstancePre<CallState>,
) -> Result<Exports, LoadError> {
    Ok(look_up!(
        engine,
        component,
        pre,
        channel = "balcao:connector/channel@0.1.0",
        channel_media = "balcao:connector/channel-media@0.1.0",
        channel_signals = "balcao:connector/channel-signals@0.1.0",
        channel_edits = "balcao:connector/channel-edits@0.1.0",
        events = "balcao:app/events@0.1.0",
        timer_events = "balcao:app/timer-events@0.1.0",
        actions = "balcao:app/actions@0.1.0",
        views = "balcao:app/views@0.1.0",
        reports = "balcao:app/reports@0.1.0",
        lifecycle = "balcao:app/lifecycle@0.1.0",
    ))
}
