//! How much one call may use. Every limit has a default, may be lowered by a manifest and changed by an operator, and an error that names it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wasmtime::ResourceLimiter;

use crate::manifest::LimitWishes;

/// Bounds of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Limits {
    /// Time spent computing, without waits; the plugin yields to others every millisecond and is stopped at the budget.
    pub cpu_ms: u64,
    /// The whole call, waits included.
    pub deadline_ms: u64,
    /// All linear memories and tables of the call together.
    pub memory_bytes: usize,
    /// Calls of imported functions.
    pub host_calls: u32,
    pub effects: u32,
    /// Bytes of all effects together, as they would be stored.
    pub effect_bytes: usize,
    pub log_lines: u32,
    /// Bytes of one log line; longer ones are cut.
    pub log_line_bytes: usize,
    pub http_calls: u32,
    pub http_request_bytes: usize,
    /// Bytes of the files of one upload, which do not count as the request's own.
    pub upload_bytes: u64,
    pub http_response_bytes: usize,
    /// One outgoing request.
    pub http_timeout_ms: u64,
    /// Bytes of a file that is fetched for a message that the plugin's channel brought.
    pub media_bytes: u64,
    /// Bytes of one stored value.
    pub storage_value_bytes: usize,
    /// Bytes of what an export returns.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_ms: 200,
            deadline_ms: 30_000,
            memory_bytes: 64 << 20,
            host_calls: 10_000,
            effects: 2_000,
            effect_bytes: 8 << 20,
            log_lines: 100,
            log_line_bytes: 2_048,
            http_calls: 20,
            http_request_bytes: 2 << 20,
            upload_bytes: 50_000_000,
            http_response_bytes: 8 << 20,
            http_timeout_ms: 15_000,
            media_bytes: 100 << 20,
            storage_value_bytes: 256 << 10,
            output_bytes: 8 << 20,
        }
    }
}

impl Limits {
    /// As a manifest wishes them: lower than these, never higher.
    pub fn wished(mut self, wishes: &LimitWishes) -> Self {
        if let Some(ms) = wishes.cpu_ms {
            self.cpu_ms = self.cpu_ms.min(u64::from(ms));
        }
        if let Some(ms) = wishes.deadline_ms {
            self.deadline_ms = self.deadline_ms.min(u64::from(ms));
        }
        if let Some(mib) = wishes.memory_mib {
            let bytes = usize::try_from(mib)
                .unwrap_or(usize::MAX)
                .saturating_mul(1 << 20);
            self.memory_bytes = self.memory_bytes.min(bytes);
        }
        self
    }
}

/// A limit that a call has run into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit {name}: {message}")]
pub struct LimitHit {
    /// As in `Limits`.
    pub name: &'static str,
    pub message: String,
}

impl LimitHit {
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
        }
    }
}

/// Computing time of one call: runs while the call's future is being polled, stands still while it waits.
#[derive(Debug)]
pub struct CpuMeter {
    started: Instant,
    /// Nanoseconds of all finished polls.
    spent: AtomicU64,
    /// When the present poll began, in nanoseconds since `started`; `IDLE` between polls.
    resumed: AtomicU64,
}

const IDLE: u64 = u64::MAX;

impl CpuMeter {
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            spent: AtomicU64::new(0),
            resumed: AtomicU64::new(IDLE),
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub fn resume(&self) {
        self.resumed.store(self.elapsed(), Ordering::Relaxed);
    }

    pub fn pause(&self) {
        let since = self.resumed.swap(IDLE, Ordering::Relaxed);
        if since != IDLE {
            let spent = self.elapsed().saturating_sub(since);
            self.spent.fetch_add(spent, Ordering::Relaxed);
        }
    }

    pub fn spent(&self) -> Duration {
        let running = match self.resumed.load(Ordering::Relaxed) {
            IDLE => 0,
            since => self.elapsed().saturating_sub(since),
        };
        Duration::from_nanos(self.spent.load(Ordering::Relaxed) + running)
    }
}

/// One limiter over all memories and tables of a call.
#[derive(Debug)]
pub struct MemoryMeter {
    bound: usize,
    used: usize,
    pub peak: usize,
}

/// What a table element costs, for the same bound.
const TABLE_ELEMENT_BYTES: usize = 16;

impl MemoryMeter {
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            used: 0,
            peak: 0,
        }
    }

    /// Goes on with what an instance has from its earlier calls, if that is within the bound.
    pub fn go_on(&mut self, earlier: &Self) -> bool {
        self.used = earlier.used;
        self.peak = earlier.used;
        self.used <= self.bound
    }

    fn grow(&mut self, by: usize) -> wasmtime::Result<bool> {
        let wanted = self.used.saturating_add(by);
        if wanted > self.bound {
            return Err(wasmtime::Error::new(LimitHit::new(
                "memory_bytes",
                format!(
                    "the call wanted {wanted} bytes of memory, {} are allowed",
                    self.bound
                ),
            )));
        }
        self.used = wanted;
        self.peak = self.peak.max(wanted);
        Ok(true)
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(
            desired
                .saturating_sub(current)
                .saturating_mul(TABLE_ELEMENT_BYTES),
        )
    }
}
