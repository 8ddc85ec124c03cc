//! The wasmtime engine with the settings that were measured best, its clock tick, and compilation. One per process.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::Semaphore;
pub use wasmtime::component::Component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a computing plugin yields to others, and how exactly its CPU budget is kept.
pub const TICK: Duration = Duration::from_millis(1);

/// How many calls may run at once in this process, and how large one may be.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    pub concurrent_calls: u32,
    /// The most that any call may have as linear memory, whatever its `Limits` say.
    pub max_memory_bytes: usize,
    /// Whether the kernel says which pages a call has written, so that only those are reset (Linux ≥ 6.7). Off: pages that were swapped out
    /// meanwhile were reported to survive the reset.
    pub pagemap_scan: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            concurrent_calls: 256,
            max_memory_bytes: 256 << 20,
            pagemap_scan: false,
        }
    }
}

/// Compiles and runs components. Clones share one engine; its ticker thread ends with the last of them.
#[derive(Clone)]
pub struct Engine {
    wasmtime: wasmtime::Engine,
    _ticker: Arc<Ticker>,
    /// For instances that wait for a call.
    kept: Arc<Semaphore>,
}

impl Engine {
    pub fn new(options: EngineOptions) -> wasmtime::Result<Self> {
        let wasmtime = wasmtime::Engine::new(&config(options))?;
        let ticker = Ticker::start(wasmtime.weak());
        Ok(Self {
            wasmtime,
            _ticker: Arc::new(ticker),
            kept: Arc::new(Semaphore::new(options.concurrent_calls as usize / 4)),
        })
    }

    /// What instances that wait for a call take, so that most slots stay free for calls.
    pub(crate) fn kept_slots(&self) -> Arc<Semaphore> {
        Arc::clone(&self.kept)
    }

    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// Machine code of a component for this engine and processor: slow (cranelift), so it runs once per digest and, in the server, in a
    /// child process.
    pub fn precompile(&self, component: &[u8]) -> wasmtime::Result<Vec<u8>> {
        self.wasmtime.precompile_component(component)
    }

    pub fn compile(&self, component: &[u8]) -> wasmtime::Result<Component> {
        Component::from_binary(&self.wasmtime, component)
    }

    /// Names what compiled code depends on beside the component itself: compiled code of another key is a miss, never loaded.
    pub fn compatibility_key(&self) -> String {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.wasmtime
            .precompile_compatibility_hash()
            .hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Loads what `precompile` gave.
    ///
    /// # Safety
    /// `compiled` must come from `precompile` of this program on this machine, unchanged: it is machine code.
    pub unsafe fn load(&self, compiled: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: the caller vouches for the bytes.
        unsafe { Component::deserialize(&self.wasmtime, compiled) }
    }
}

fn config(options: EngineOptions) -> Config {
    let calls = options.concurrent_calls;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(calls)
        .total_core_instances(calls * 4)
        .total_memories(calls * 2)
        .total_tables(calls * 4)
        .total_stacks(calls)
        .max_core_instances_per_component(16)
        .max_memories_per_component(4)
        .max_tables_per_component(16)
        .max_memory_size(options.max_memory_bytes)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .max_unused_warm_slots(64)
        .pagemap_scan(if options.pagemap_scan {
            Enabled::Auto
        } else {
            Enabled::No
        });
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .gc_support(false)
        .wasm_component_model(true)
        .async_stack_size(512 << 10)
        .max_wasm_stack(256 << 10);
    config
}

/// Advances the engine's epoch; ends when the engine is gone.
struct Ticker;

impl Ticker {
    fn start(engine: wasmtime::EngineWeak) -> Self {
        let run = move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                // The engine's clock is this thread: it sleeps between two ticks, and nothing waits for it.
                thread::sleep(TICK);
            }
        };
        thread::Builder::new()
            .name("epoch".into())
            .spawn(run)
            .expect("a thread can be started");
        Self
    }
}
