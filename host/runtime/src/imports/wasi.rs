//! What language runtimes import (files, environment, terminals, sockets): linked so that such components load, and empty. Their clocks
//! and random numbers are the call's own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::wasi_http::Standard;
use crate::state::CallState;

/// Things that a plugin may have open at once: each may take memory of the host.
const OPEN_AT_ONCE: usize = 512;

/// One instance's empty world, made when it is first used.
pub(crate) struct Wasi {
    context: WasiCtx,
    pub(super) table: ResourceTable,
    pub(super) http: Option<Standard>,
    now: Now,
}

impl Wasi {
    fn new(at: i64) -> Self {
        let now = Now(Arc::new(AtomicI64::new(at)));
        let context = WasiCtx::builder()
            .wall_clock(now.clone())
            .monotonic_clock(now.clone())
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(OPEN_AT_ONCE);
        Self {
            context,
            table,
            http: None,
            now,
        }
    }

    /// The time of another call.
    pub fn set_now(&self, at: i64) {
        self.now.0.store(at, Ordering::Relaxed);
    }
}

impl CallState {
    pub(super) fn wasi(&mut self) -> &mut Wasi {
        let now = self.context.now;
        self.wasi.get_or_insert_with(|| Wasi::new(now))
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi();
        WasiCtxView {
            ctx: &mut wasi.context,
            table: &mut wasi.table,
        }
    }
}

pub(crate) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// The call's time, standing still. Microseconds.
#[derive(Clone)]
struct Now(Arc<AtomicI64>);

impl Now {
    fn since_1970(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed).max(0).cast_unsigned())
    }
}

impl HostWallClock for Now {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        self.since_1970()
    }
}

impl HostMonotonicClock for Now {
    fn resolution(&self) -> u64 {
        1_000
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since_1970().as_nanos()).unwrap_or(u64::MAX)
    }
}
