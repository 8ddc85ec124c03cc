//! `/teams/{id}/apps`: what enabled apps let be set for one team (FEATURES C1). Administrators only. What it means for the workspace's settings is
//! `crate::team_settings`.

use axum::{Json, extract::State};
use balcao_runtime::package::Package;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    channels::refuse,
    extract::{Body, Path},
    page::Page,
    plugins::{settle, tell},
    problem::{Answer, Problem},
};
use crate::{
    account::Caller,
    app::SharedApp,
    error::{Error, Result},
    id::TeamId,
    plugin::{in_force, is_connector, with_defaults},
    settings::{self, Settings},
    store::{Tx, enabled_plugins::EnabledPlugin},
    team_settings,
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(configure))
}

/// An app's settings of one team.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = TeamApp)]
pub struct TeamAppView {
    pub plugin_id: String,
    /// In the caller's language.
    pub name: String,
    /// JSON Schema of the form.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// The team's own over the workspace's.
    #[schema(value_type = Object)]
    pub values: Settings,
}

/// The apps that can be set for this team. Administrators only.
#[utoipa::path(get, path = "/teams/{id}/apps", tag = "teams", params(("id" = String, Path)), operation_id = "apps",
    responses((status = 200, body = Page<TeamAppView>), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<TeamId>,
) -> Answer<Json<Page<TeamAppView>>> {
    caller.require_admin()?;
    let mut tx = app.store.read().await?;
    if tx.team(caller.workspace, id).await?.is_none() {
        return Err(Problem::not_found());
    }
    let mut items = Vec::new();
    for enabled in tx.enabled_plugins(caller.workspace).await? {
        let package = app.apps.package(&enabled.plugin_id);
        if let Some(package) = package.filter(|package| in_force(&enabled, package)) {
            items.extend(view(&mut tx, &caller, &package, &enabled, id).await?);
        }
    }
    Ok(Json(Page::whole(items)))
}

async fn view(
    tx: &mut Tx,
    caller: &Caller,
    package: &Package,
    enabled: &EnabledPlugin,
    team: TeamId,
) -> Result<Option<TeamAppView>> {
    let schema = package.settings_schema();
    let Some(form) = team_settings::form(schema).filter(|_| !is_connector(package)) else {
        return Ok(None);
    };
    let own = tx
        .team_settings(caller.workspace, team, &enabled.plugin_id)
        .await?
        .unwrap_or_default();
    let workspace: Settings = serde_json::from_str(&with_defaults(&enabled.settings, package))?;
    Ok(Some(TeamAppView {
        plugin_id: enabled.plugin_id.clone(),
        name: package.manifest().name.get(&caller.locale).to_owned(),
        values: team_settings::values(schema, &workspace, &own, &team.to_string()),
        schema: form,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigureTeam {
    /// What the form holds; what is left out is as in the workspace.
    #[schema(value_type = Object)]
    pub values: Settings,
}

/// Change an enabled app's settings of this team. Administrators only.
#[utoipa::path(put, path = "/teams/{id}/apps/{plugin}", tag = "teams", operation_id = "configure_app",
    params(("id" = String, Path), ("plugin" = String, Path)), request_body = ConfigureTeam,
    responses((status = 200, body = TeamAppView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn configure(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((id, plugin)): Path<(TeamId, String)>,
    Body(asked): Body<ConfigureTeam>,
) -> Answer<Json<TeamAppView>> {
    caller.require_admin()?;
    let package = app.apps.package(&plugin).ok_or_else(Problem::not_found)?;
    let schema = package.settings_schema();
    let form = team_settings::form(schema);
    let mut tx = app.store.write(caller.workspace).await?;
    let enabled = tx.enabled_plugin(caller.workspace, &plugin).await?;
    let enabled = enabled.filter(|it| it.enabled && form.is_some());
    let mut enabled = enabled.ok_or_else(Problem::not_found)?;
    refuse(settings::problems(
        &asked.values,
        &std::collections::BTreeMap::new(),
        form.as_ref(),
    ))?;
    let workspace: Settings =
        serde_json::from_str(&with_defaults(&enabled.settings, &package)).map_err(Error::from)?;
    let taken = team_settings::take(schema, &workspace, &asked.values, &id.to_string());
    if let Some(changed) = taken.workspace {
        let secrets = app.vault.reveal(&mut tx, caller.workspace, &plugin).await?;
        refuse(settings::problems(&changed, &secrets, schema))?;
        enabled.settings = Value::Object(changed).to_string();
        tx.set_plugin_settings(caller.workspace, &plugin, &enabled.settings)
            .await?;
    }
    if !tx
        .set_team_settings(caller.workspace, id, &plugin, taken.own)
        .await?
    {
        return Err(Problem::not_found());
    }
    tx.commit().await?;
    settle(&app, &caller, &plugin).await;
    let what = (
        "plugin.settings-changed",
        "plugin.configure",
        json!({ "team": id }),
    );
    tell(&app, &caller, &plugin, what).await?;
    let mut tx = app.store.read().await?;
    let shown = view(&mut tx, &caller, &package, &enabled, id).await?;
    Ok(Json(shown.ok_or_else(Problem::not_found)?))
}
