//! Lines in the plugin's log. Say what happened and to what; never bodies, phone numbers or tokens.

use crate::bindings::balcao::platform::log;

/// A line that only the developer wants.
pub fn debug(message: &str) {
    log::write("debug", message);
}

/// A line that explains what was done, or why something was left undone.
pub fn info(message: &str) {
    log::write("info", message);
}

/// Something is not as it should be, and the call goes on.
pub fn warn(message: &str) {
    log::write("warn", message);
}

/// Something failed.
pub fn error(message: &str) {
    log::write("error", message);
}

/// [`log::info`](crate::log::info) with a format string.
#[macro_export]
macro_rules! info {
    ($($arguments:tt)+) => { $crate::log::info(&::std::format!($($arguments)+)) };
}

/// [`log::warn`](crate::log::warn) with a format string.
#[macro_export]
macro_rules! warn {
    ($($arguments:tt)+) => { $crate::log::warn(&::std::format!($($arguments)+)) };
}
