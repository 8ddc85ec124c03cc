//! `/healthz`: whether this process can do its work, for load balancers and scripts.

use axum::{Json, extract::State};
use serde::Serialize;

use super::problem::Answer;
use crate::app::SharedApp;

#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    version: &'static str,
}

/// Ready when the database answers.
pub async fn health(State(app): State<SharedApp>) -> Answer<Json<Health>> {
    app.store.read().await?.server_meta("health").await?;
    Ok(Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    }))
}
