//! How much one plugin may use in one workspace over all its calls, as `limits` says for one call (DESIGN §5): quotas with their defaults
//! and overrides, and the meter that counts. What must be exact (storage, collections, timers) is only named here and checked where a call
//! is committed; rates are counted in windows of a minute, and whoever runs several nodes tells each meter what the others have used.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{limits::LimitHit, limits::Limits, wit::Instant};

/// Length of a window, µs.
pub const WINDOW: i64 = 60_000_000;

/// Bounds of one plugin in one workspace, on all nodes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    pub calls_at_once: u64,
    /// Calls of imported functions. A call that has begun may end: it has a bound of its own.
    pub host_calls_per_minute: u64,
    pub http_calls_per_minute: u64,
    /// Of requests and answers together.
    pub http_bytes_per_minute: u64,
    pub log_lines_per_minute: u64,
    /// Of keys and values together.
    pub storage_bytes: u64,
    pub storage_keys: u64,
    /// In all its collections together.
    pub collection_rows: u64,
    pub timers: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            calls_at_once: 128,
            host_calls_per_minute: 60_000_000,
            http_calls_per_minute: 6_000,
            http_bytes_per_minute: 1 << 30,
            log_lines_per_minute: 6_000,
            storage_bytes: 64 << 20,
            storage_keys: 100_000,
            collection_rows: 1_000_000,
            timers: 100_000,
        }
    }
}

/// What a plugin keeps in a workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeps {
    pub storage_keys: u64,
    pub storage_bytes: u64,
    pub collection_rows: u64,
    pub timers: u64,
}

impl Quotas {
    /// Whether a commit that leaves the plugin with `after` may be: what it lets grow must end within its bound. What was there already
    /// (from before the bound was lowered) may stay and shrink.
    ///
    /// # Errors
    /// The first quota that is exceeded, by name.
    pub fn permit(&self, before: &Keeps, after: &Keeps) -> Result<(), LimitHit> {
        let kept = [
            (
                "storage_keys",
                before.storage_keys,
                after.storage_keys,
                self.storage_keys,
                "keys in storage",
            ),
            (
                "storage_bytes",
                before.storage_bytes,
                after.storage_bytes,
                self.storage_bytes,
                "bytes in storage",
            ),
            (
                "collection_rows",
                before.collection_rows,
                after.collection_rows,
                self.collection_rows,
                "rows in collections",
            ),
            ("timers", before.timers, after.timers, self.timers, "timers"),
        ];
        for (name, before, after, bound, what) in kept {
            if after > bound && after > before {
                return Err(LimitHit::new(
                    name,
                    format!(
                        "the app may keep {bound} {what} in this workspace, and would have {after}"
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// The limits of a call and the quotas of all calls, as they apply to one plugin in one workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    pub call: Limits,
    pub quotas: Quotas,
}

impl Allowance {
    /// The same with some limits or quotas set to other numbers, by their names.
    ///
    /// # Errors
    /// A name that is none, or a number that is too large for it.
    pub fn with<'a>(
        &self,
        overrides: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<Self, String> {
        let (mut call, mut quotas) = (fields(&self.call), fields(&self.quotas));
        for (name, number) in overrides {
            let of = [&mut call, &mut quotas]
                .into_iter()
                .find(|fields| fields.contains_key(name))
                .ok_or_else(|| {
                    format!(
                        "`{name}` is not a limit; the limits are {}",
                        names().join(", ")
                    )
                })?;
            of.insert(name.to_owned(), number.into());
        }
        let senseless = |error: serde_json::Error| error.to_string();
        Ok(Self {
            call: serde_json::from_value(Value::Object(call)).map_err(senseless)?,
            quotas: serde_json::from_value(Value::Object(quotas)).map_err(senseless)?,
        })
    }

    /// Every limit and quota by its name.
    pub fn numbers(&self) -> Vec<(String, u64)> {
        let all = fields(&self.call).into_iter().chain(fields(&self.quotas));
        all.filter_map(|(name, number)| Some((name, number.as_u64()?)))
            .collect()
    }
}

/// The names of all limits and quotas.
pub fn names() -> Vec<String> {
    let all = Allowance::default().numbers();
    all.into_iter().map(|(name, _)| name).collect()
}

fn fields<T: Serialize>(of: &T) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => fields,
        // A struct of numbers is always an object.
        _ => Map::new(),
    }
}

/// What calls have used in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub calls: u64,
    /// Calls that ended in a trap or a limit.
    pub faults: u64,
    /// Computing time, µs.
    pub cpu_us: u64,
    pub host_calls: u64,
    pub http_calls: u64,
    pub http_bytes: u64,
    pub log_lines: u64,
}

impl Used {
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.faults += other.faults;
        self.cpu_us += other.cpu_us;
        self.host_calls += other.host_calls;
        self.http_calls += other.http_calls;
        self.http_bytes += other.http_bytes;
        self.log_lines += other.log_lines;
    }

    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Counts what one plugin uses in one workspace. Shared by its calls.
#[derive(Debug)]
pub struct Meter {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    quotas: Quotas,
    /// Number of the present window: its start divided by `WINDOW`.
    window: i64,
    /// In the present window, by all nodes as far as this one knows.
    used: Used,
    /// Of that, what nobody else has been told yet.
    untold: Used,
    /// What of earlier windows nobody has been told yet.
    past: Vec<(i64, Used)>,
    running: u64,
    /// On other nodes, as last heard.
    running_elsewhere: u64,
    /// Whether anything has happened since the last `take`.
    touched: bool,
    /// Whether this window's log has been said to be cut.
    log_notice: bool,
}

/// What is kept of a call's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogShare {
    /// The first so many lines.
    pub kept: u64,
    /// A line of the host's own after them, once a minute.
    pub notice: Option<String>,
}

/// What a meter has to tell the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// By the number of the window.
    pub windows: Vec<(i64, Used)>,
    pub running: u64,
}

impl Meter {
    pub fn new(quotas: Quotas) -> Self {
        Self {
            inner: Mutex::new(Inner {
                quotas,
                window: 0,
                used: Used::default(),
                untold: Used::default(),
                past: Vec::new(),
                running: 0,
                running_elsewhere: 0,
                touched: false,
                log_notice: false,
            }),
        }
    }

    /// Other quotas from now on.
    pub fn allow(&self, quotas: Quotas) {
        self.lock().quotas = quotas;
    }

    /// A call begins, if it may.
    ///
    /// # Errors
    /// The quota that is used up, by name: the call may be tried again later.
    pub fn begin(self: &Arc<Self>, now: Instant) -> Result<Running, LimitHit> {
        let mut inner = self.lock();
        inner.roll(now);
        let at_once = inner.quotas.calls_at_once;
        if inner.running + inner.running_elsewhere >= at_once {
            return Err(LimitHit::new(
                "calls_at_once",
                format!("the app may have {at_once} calls at once in this workspace"),
            ));
        }
        let host_calls = inner.quotas.host_calls_per_minute;
        if inner.used.host_calls >= host_calls {
            return Err(LimitHit::new(
                "host_calls_per_minute",
                format!("the app may use the host {host_calls} times a minute in this workspace"),
            ));
        }
        inner.running += 1;
        inner.touched = true;
        Ok(Running {
            meter: Arc::clone(self),
        })
    }

    /// A request is about to be sent.
    ///
    /// # Errors
    /// The quota that is used up, by name.
    pub fn send(&self, now: Instant, bytes: usize) -> Result<(), LimitHit> {
        let mut inner = self.lock();
        inner.roll(now);
        let (calls, total) = (
            inner.quotas.http_calls_per_minute,
            inner.quotas.http_bytes_per_minute,
        );
        if inner.used.http_calls >= calls {
            return Err(LimitHit::new(
                "http_calls_per_minute",
                format!("the app may make {calls} HTTP requests a minute in this workspace"),
            ));
        }
        if inner.used.http_bytes.saturating_add(bytes as u64) > total {
            return Err(LimitHit::new(
                "http_bytes_per_minute",
                format!("the app may send and receive {total} bytes a minute in this workspace"),
            ));
        }
        inner.count(&Used {
            http_calls: 1,
            http_bytes: bytes as u64,
            ..Used::default()
        });
        Ok(())
    }

    /// An answer has come.
    pub fn received(&self, now: Instant, bytes: usize) {
        let mut inner = self.lock();
        inner.roll(now);
        inner.count(&Used {
            http_bytes: bytes as u64,
            ..Used::default()
        });
    }

    /// A call has ended. Says which of its `used.log_lines` are kept.
    pub fn ended(&self, now: Instant, used: &Used) -> LogShare {
        let mut inner = self.lock();
        inner.roll(now);
        let bound = inner.quotas.log_lines_per_minute;
        let kept = used
            .log_lines
            .min(bound.saturating_sub(inner.used.log_lines));
        inner.count(&Used {
            log_lines: kept,
            ..*used
        });
        let notice = (kept < used.log_lines && !inner.log_notice).then(|| {
            format!("log_lines_per_minute: only the first {bound} lines of a minute are kept")
        });
        inner.log_notice |= notice.is_some();
        LogShare { kept, notice }
    }

    /// What the others have not been told yet; none where nothing has happened.
    pub fn take(&self) -> Option<News> {
        let mut inner = self.lock();
        let running = inner.running;
        if !inner.touched && running == 0 {
            return None;
        }
        inner.touched = false;
        let mut windows = std::mem::take(&mut inner.past);
        let untold = std::mem::take(&mut inner.untold);
        if !untold.is_nothing() {
            windows.push((inner.window, untold));
        }
        Some(News { windows, running })
    }

    /// The others could not be told: they will be the next time.
    pub fn give_back(&self, news: News) {
        let mut inner = self.lock();
        inner.touched = true;
        inner.past.extend(news.windows);
    }

    /// What all nodes have used in a window, this one's `take`n part included.
    pub fn heard(&self, window: i64, total: &Used) {
        let mut inner = self.lock();
        if inner.window == window {
            inner.used = *total;
            let untold = inner.untold;
            inner.used.add(&untold);
        }
    }

    /// How many calls run on other nodes.
    pub fn heard_running(&self, elsewhere: u64) {
        self.lock().running_elsewhere = elsewhere;
    }

    /// Calls under way here.
    pub fn running(&self) -> u64 {
        self.lock().running
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Begins a new window where the present one is over. A clock that goes back stays in it.
    fn roll(&mut self, now: Instant) {
        let window = now.div_euclid(WINDOW);
        if window <= self.window {
            return;
        }
        let untold = std::mem::take(&mut self.untold);
        if !untold.is_nothing() {
            self.past.push((self.window, untold));
        }
        self.window = window;
        self.used = Used::default();
        self.log_notice = false;
    }

    fn count(&mut self, more: &Used) {
        self.used.add(more);
        self.untold.add(more);
        self.touched = true;
    }
}

/// A call under way; it is over when this is dropped.
#[derive(Debug)]
pub struct Running {
    meter: Arc<Meter>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut inner = self.meter.lock();
        inner.running = inner.running.saturating_sub(1);
        inner.touched = true;
    }
}

#[cfg(test)]
mod tests;
