//! What language runtimes import (files, environment, terminals, sockets): linked so that such components load, and empty. Their clocks
//! and random numbers are the call's own.

use std::time::Duration;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use crate::state::CallState;

/// One call's empty world, made when it is first used.
pub(crate) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
}

impl Wasi {
    fn new(now: i64) -> Self {
        let now = Now(Duration::from_micros(now.max(0).cast_unsigned()));
        let context = WasiCtx::builder()
            .wall_clock(now)
            .monotonic_clock(now)
            .build();
        Self {
            context,
            table: ResourceTable::new(),
        }
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let now = self.context.now;
        let wasi = self.wasi.get_or_insert_with(|| Wasi::new(now));
        WasiCtxView {
            ctx: &mut wasi.context,
            table: &mut wasi.table,
        }
    }
}

pub(crate) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// The call's time, standing still.
#[derive(Clone, Copy)]
struct Now(Duration);

impl HostWallClock for Now {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Now {
    fn resolution(&self) -> u64 {
        1_000
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }
}
