//! A handler that panicked: logged once, answered as our fault, and the server goes on.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// What the client gets.
pub fn answer(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = text, "a handler panicked");
    Problem::silent_internal().into_response()
}
