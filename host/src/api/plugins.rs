//! `/plugins`: the marketplace. What a package asks for is read from the package itself, consent is for exactly that, and what is stored is what was
//! consented to. Everybody sees the apps and their icons; administrators enable, configure and inspect them.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use balcao_runtime::{
    package::Package,
    permissions::{self, Permission, Permissions},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    administer::administer,
    channels::refuse,
    etag::{Conditions, IfMatch, IfNoneMatch, answer},
    extract::{Body, Path},
    once::{IdempotencyKey, Keyed, Once},
    page::Page,
    problem::{Answer, Problem},
    security,
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    error::{Error, Result},
    plugin::{in_force, is_connector},
    settings::{self, Settings},
    store::{Tx, enabled_plugins::EnabledPlugin, events::NewEvent},
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, configure))
        .routes(routes!(show_settings, replace_settings))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(icon))
}

/// An app of the marketplace.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Plugin)]
pub struct PluginView {
    pub id: String,
    pub version: String,
    /// In the caller's language, like all texts here.
    pub name: String,
    pub description: String,
    #[schema(required)]
    pub icon_url: Option<String>,
    pub publisher: String,
    pub categories: Vec<String>,
    pub kind: PluginKind,
    pub enabled: bool,
    pub health: PluginHealth,
    /// JSON Schema of the settings form; of each channel where `kind` is `channel`.
    #[schema(value_type = Option<Object>, required)]
    pub settings_schema: Option<Value>,
    /// Without the secrets. Empty for who is no administrator.
    #[schema(value_type = Object)]
    pub settings: Settings,
    /// Which secrets are set.
    pub secrets: BTreeMap<String, bool>,
    /// What it asks for; enabling it grants exactly this.
    pub permissions: Vec<PermissionView>,
    pub contributions: Vec<ContributionView>,
    /// Grows with every change of its settings; null where it was never enabled, and for who is no administrator.
    pub revision: Option<i64>,
}

#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    /// Its settings are each channel's.
    Channel,
    App,
}

#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginHealth {
    Ok,
    /// The circuit breaker is open.
    Failing,
    Off,
}

impl PluginHealth {
    /// Of an app in force.
    pub fn of(plugin: Option<&EnabledPlugin>) -> Self {
        match plugin {
            None => Self::Off,
            Some(it) if it.breaker.is_some() => Self::Failing,
            Some(_) => Self::Ok,
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Permission)]
pub struct PermissionView {
    pub code: String,
    pub title: String,
    /// Hosts, secrets, events, in the caller's language; empty where there is no more to say.
    pub detail: Vec<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Contribution)]
pub struct ContributionView {
    pub code: String,
    pub title: String,
}

/// What a workspace has of an app.
struct Present {
    enabled: Option<EnabledPlugin>,
    set: BTreeSet<String>,
}

fn view(caller: &Caller, package: &Package, present: &Present) -> Result<PluginView> {
    let manifest = package.manifest();
    let locale = &caller.locale;
    let is_channel = is_connector(package);
    let enabled = present.enabled.as_ref().filter(|it| in_force(it, package));
    let health = PluginHealth::of(enabled);
    let shown = present.enabled.as_ref().filter(|_| caller.is_admin());
    let secrets = settings::secret_names(package.settings_schema())
        .into_iter()
        .filter(|_| !is_channel)
        .map(|name| (name.clone(), present.set.contains(&name)));
    let asked = Permissions::asked(package)
        .into_iter()
        .map(|it| PermissionView {
            code: it.code.to_owned(),
            title: it.title.get(locale).to_owned(),
            detail: permissions::details(package, &it, locale),
        });
    let contributions =
        permissions::contributions(package)
            .into_iter()
            .map(|it| ContributionView {
                code: it.code.to_owned(),
                title: it.title.get(locale).to_owned(),
            });
    Ok(PluginView {
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        name: manifest.name.get(locale).to_owned(),
        description: manifest.description.get(locale).to_owned(),
        icon_url: manifest
            .icon
            .as_ref()
            .map(|_| format!("/api/v1/plugins/{}/icon", manifest.id)),
        publisher: manifest.publisher.clone(),
        categories: manifest.categories.clone(),
        kind: if is_channel {
            PluginKind::Channel
        } else {
            PluginKind::App
        },
        enabled: enabled.is_some(),
        health,
        settings_schema: package.settings_schema().cloned(),
        settings: shown
            .map(|it| serde_json::from_str(&it.settings))
            .transpose()?
            .unwrap_or_default(),
        revision: shown.map(|it| it.revision),
        secrets: secrets.collect(),
        permissions: asked.collect(),
        contributions: contributions.collect(),
    })
}

async fn present(tx: &mut Tx, caller: &Caller, id: &str) -> Result<Present> {
    let names = tx.secrets_of(caller.workspace, id).await?;
    Ok(Present {
        enabled: tx.enabled_plugin(caller.workspace, id).await?,
        set: names.into_iter().map(|(name, _)| name).collect(),
    })
}

fn offered(app: &App, id: &str) -> Answer<std::sync::Arc<Package>> {
    app.apps.package(id).ok_or_else(Problem::not_found)
}

/// The apps that can be enabled.
#[utoipa::path(get, path = "/plugins", tag = "plugins", responses((status = 200, body = Page<PluginView>)))]
async fn list(State(app): State<SharedApp>, caller: Caller) -> Answer<Json<Page<PluginView>>> {
    let mut tx = app.store.read().await?;
    let mut enabled: BTreeMap<String, EnabledPlugin> = BTreeMap::new();
    for plugin in tx.enabled_plugins(caller.workspace).await? {
        enabled.insert(plugin.plugin_id.clone(), plugin);
    }
    let mut set: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (owner, name) in tx.secret_names(caller.workspace).await? {
        set.entry(owner).or_default().insert(name);
    }
    let items: Result<Vec<_>> = app
        .apps
        .offered()
        .iter()
        .map(|package| {
            let id = &package.manifest().id;
            let present = Present {
                enabled: enabled.remove(id),
                set: set.remove(id).unwrap_or_default(),
            };
            view(&caller, package, &present)
        })
        .collect();
    Ok(Json(Page::whole(items?)))
}

/// One app.
#[utoipa::path(get, path = "/plugins/{id}", tag = "plugins", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = PluginView), (status = 304), (status = 404, body = Problem)))]
async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Answer<Response> {
    conditions.show(&one(&app, &caller, &id).await?)
}

async fn one(app: &App, caller: &Caller, id: &str) -> Answer<PluginView> {
    one_in(app, &mut app.store.read().await?, caller, id).await
}

async fn one_in(app: &App, tx: &mut Tx, caller: &Caller, id: &str) -> Answer<PluginView> {
    let package = offered(app, id)?;
    let present = present(tx, caller, id).await?;
    Ok(view(caller, &package, &present)?)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enable {
    /// Of an app; a connector's are its channels'.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Settings,
    /// The codes of all the permissions that it asks for, as they were shown.
    pub granted: Vec<String>,
}

/// Enable an app with what it asks for, all or nothing. Administrators only.
#[utoipa::path(post, path = "/plugins/{id}/enable", tag = "plugins", params(("id" = String, Path), IdempotencyKey), request_body = Enable,
    responses((status = 200, body = PluginView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn enable(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    Keyed { once, body: asked }: Keyed<Enable>,
) -> Answer<Response> {
    caller.require_admin()?;
    let package = offered(&app, &id)?;
    let consented: BTreeSet<&str> = asked.granted.iter().map(String::as_str).collect();
    let wanted = Permissions::asked(&package);
    if consented != wanted.iter().map(|it| it.code).collect() {
        return Err(Problem::conflict(caller.say(
            "O que este app pede não é o que foi mostrado; confira e confirme de novo.",
            "What this app asks for is not what was shown; look again and confirm.",
        )));
    }
    let deed = {
        let app = app.clone();
        async move {
            turn_on(&app, &caller, &package, asked.settings).await?;
            Ok((StatusCode::OK, one(&app, &caller, &id).await?))
        }
    };
    // Large: the way from an app that is off to one that has begun.
    Box::pin(once.run(app, deed)).await
}

/// Enables an app and grants what it asks for; the demonstration comes this way too.
///
/// # Errors
/// By field where the settings do not fit.
pub async fn turn_on(app: &App, caller: &Caller, package: &Package, sent: Settings) -> Answer<()> {
    let id = package.manifest().id.as_str();
    let mut tx = app.store.write(caller.workspace).await?;
    let settings = checked_settings(app, &mut tx, caller, package, sent).await?;
    let granted: Vec<Permission> = Permissions::asked(package);
    let digest = package.digest().to_string();
    let before = tx.enabled_plugin(caller.workspace, id).await?;
    let plugin = EnabledPlugin {
        workspace_id: caller.workspace,
        plugin_id: id.to_owned(),
        // On only once it has begun, whenever the server may be killed.
        enabled: before.is_some_and(|it| it.enabled && it.digest == digest),
        digest,
        version: package.manifest().version.clone(),
        settings,
        granted: serde_json::to_string(&granted).map_err(Error::from)?,
        revision: 1,
        breaker: None,
        enabled_at: app.clock.now(),
    };
    tx.put_enabled_plugin(&plugin).await?;
    tx.commit().await?;
    app.vault.forget(caller.workspace, id);
    let begun = begin(app, caller, &plugin, &granted).await;
    // It was told of what happened meanwhile, and may have acted on it.
    if begun.is_err()
        && let Err(problem) = switch_off(app, caller, id, plugin.enabled).await
    {
        tracing::error!(workspace = %caller.workspace, plugin = id, "an app that began in vain could not be switched off: {problem:?}");
    }
    settle(app, caller, id).await;
    begun
}

/// Lets the app begin and switches it on with the commit that says so.
async fn begin(
    app: &App,
    caller: &Caller,
    plugin: &EnabledPlugin,
    granted: &[Permission],
) -> Answer<()> {
    let id = plugin.plugin_id.as_str();
    app.apps.enable(plugin).await.map_err(Error::from)?;
    let mut tx = app.store.write(caller.workspace).await?;
    tx.enable_plugin(caller.workspace, id).await?;
    // What it had set before it was disabled goes on.
    let now = app.clock.now();
    tx.resume_plugin(caller.workspace, id, now).await?;
    tx.retry_parked(caller.workspace, id, None, now).await?;
    let codes: Vec<&str> = granted.iter().map(|it| it.code).collect();
    let data = json!({ "digest": plugin.digest, "granted": codes });
    // It is told itself: its subscriptions are in force since it was asked to begin.
    let what = ("plugin.enabled", "plugin.enable", data);
    note(app, &mut tx, caller, id, what).await?;
    tx.commit().await?;
    Ok(())
}

/// Notes what happened to an app in a commit of its own, after the app's subscriptions and settings are in force: it is told itself.
pub(super) async fn tell(
    app: &App,
    caller: &Caller,
    plugin: &str,
    what: (&'static str, &str, Value),
) -> Answer<()> {
    let mut tx = app.store.write(caller.workspace).await?;
    note(app, &mut tx, caller, plugin, what).await?;
    tx.commit().await?;
    Ok(())
}

/// Whole settings: what is sent over the secrets that are there. A connector has none of its own: its channels have them.
async fn checked_settings(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    package: &Package,
    sent: Settings,
) -> Answer<String> {
    let id = package.manifest().id.as_str();
    if is_connector(package) {
        if !sent.is_empty() {
            return Err(Problem::field(
                "settings",
                "belong to the channels of this app",
            ));
        }
        return Ok("{}".to_owned());
    }
    let schema = package.settings_schema();
    let parted = settings::part(sent, schema);
    let mut secrets = app.vault.reveal(tx, caller.workspace, id).await?;
    secrets.extend(parted.secrets.clone());
    refuse(settings::problems(&parted.plain, &secrets, schema))?;
    app.vault
        .put(tx, caller.workspace, id, &parted.secrets)
        .await?;
    Ok(Value::Object(parted.plain).to_string())
}

/// Disable an app; its settings and data stay. Administrators only.
#[utoipa::path(post, path = "/plugins/{id}/disable", tag = "plugins", params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = PluginView), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn disable(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    once: Once,
) -> Answer<Response> {
    caller.require_admin()?;
    let deed = {
        let app = app.clone();
        async move {
            turn_off(&app, &caller, &id).await?;
            Ok((StatusCode::OK, one(&app, &caller, &id).await?))
        }
    };
    once.run(app, deed).await
}

/// Lets the app end what it has outside, then switches it off: nothing of it acts in the workspace any more, and nobody waits for it. Its timers sleep.
async fn turn_off(app: &App, caller: &Caller, id: &str) -> Answer<()> {
    let workspace = caller.workspace;
    let plugin = app
        .store
        .read()
        .await?
        .enabled_plugin(workspace, id)
        .await?;
    if !plugin.ok_or_else(Problem::not_found)?.enabled {
        if app.apps.is_on(workspace, id) {
            return Err(Problem::state(caller.say(
                "O app ainda está sendo habilitado; espere um momento e tente de novo.",
                "The app is still being enabled; wait a moment and try again.",
            )));
        }
        return Ok(());
    }
    if let Err(error) = app.apps.disable(workspace, id).await {
        // An app that cannot say good-bye is switched off all the same.
        tracing::warn!(%workspace, plugin = id, "the app failed as it was disabled: {error}");
    }
    switch_off(app, caller, id, true).await
}

/// Nothing of the app acts in the workspace any more, and nobody waits for it. `noted`: it was on, and people and apps are told.
async fn switch_off(app: &App, caller: &Caller, id: &str, noted: bool) -> Answer<()> {
    let workspace = caller.workspace;
    let mut tx = app.store.write(workspace).await?;
    tx.disable_plugin(workspace, id).await?;
    tx.suspend_plugin(workspace, id).await?;
    let scope = app.scope(workspace);
    tx.release_offers_of(scope, id).await?;
    if holds_alone(app, caller, id) {
        tx.end_holds(scope).await?;
    }
    if noted {
        let what = ("plugin.disabled", "plugin.disable", json!({}));
        note(app, &mut tx, caller, id, what).await?;
    }
    tx.commit().await?;
    settle(app, caller, id).await;
    // What happened until nobody told it any more is not for it either.
    let mut tx = app.store.write(workspace).await?;
    tx.suspend_plugin(workspace, id).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether new conversations wait for this app and for no other.
fn holds_alone(app: &App, caller: &Caller, id: &str) -> bool {
    let told = app
        .subscriptions
        .of(caller.workspace, "conversation.queued");
    let mut holders = told.iter().filter(|it| it.hold);
    holders.next().is_some_and(|it| it.plugin == id) && holders.next().is_none()
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Configure {
    /// All of them; a secret that is left out stays as it is.
    #[schema(value_type = Object)]
    pub settings: Settings,
}

/// An app's settings in this workspace.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PluginSettings)]
pub struct SettingsView {
    /// Without the secrets.
    #[schema(value_type = Object)]
    pub settings: Settings,
    /// Which secrets are set.
    pub secrets: BTreeMap<String, bool>,
    /// Grows with every change, of a secret too.
    pub revision: i64,
}

/// An app's settings, with the tag that a change can be based on. Administrators only.
#[utoipa::path(get, path = "/plugins/{id}/settings", tag = "plugins", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = SettingsView), (status = 304), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn show_settings(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Answer<Response> {
    caller.require_admin()?;
    let mut tx = app.store.read().await?;
    conditions.show(&settings_of(&app, &mut tx, &caller, &id).await?)
}

async fn settings_of(app: &App, tx: &mut Tx, caller: &Caller, id: &str) -> Answer<SettingsView> {
    let shown = one_in(app, tx, caller, id).await?;
    let revision = shown.revision.ok_or_else(Problem::not_found)?;
    Ok(SettingsView {
        settings: shown.settings,
        secrets: shown.secrets,
        revision,
    })
}

/// Replace an enabled app's settings. Administrators only.
#[utoipa::path(put, path = "/plugins/{id}/settings", tag = "plugins", params(("id" = String, Path), IfMatch), request_body = Configure,
    responses((status = 200, body = SettingsView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
async fn replace_settings(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    conditions: Conditions,
    Body(asked): Body<Configure>,
) -> Answer<Response> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    conditions.require(&settings_of(&app, &mut tx, &caller, &id).await?)?;
    configured(&app, tx, &caller, &id, asked).await?;
    let mut tx = app.store.read().await?;
    answer(
        StatusCode::OK,
        &settings_of(&app, &mut tx, &caller, &id).await?,
    )
}

/// Change an enabled app's settings. Administrators only.
#[utoipa::path(patch, path = "/plugins/{id}", tag = "plugins", params(("id" = String, Path), IfMatch), request_body = Configure,
    responses((status = 200, body = PluginView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
async fn configure(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    conditions: Conditions,
    Body(asked): Body<Configure>,
) -> Answer<Response> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    conditions.require(&one_in(&app, &mut tx, &caller, &id).await?)?;
    configured(&app, tx, &caller, &id, asked).await?;
    answer(StatusCode::OK, &one(&app, &caller, &id).await?)
}

/// Checks, stores and commits settings, then lets the app know.
async fn configured(
    app: &App,
    mut tx: Tx,
    caller: &Caller,
    id: &str,
    asked: Configure,
) -> Answer<()> {
    let package = offered(app, id)?;
    let settings = checked_settings(app, &mut tx, caller, &package, asked.settings).await?;
    if !tx
        .set_plugin_settings(caller.workspace, id, &settings)
        .await?
    {
        return Err(Problem::not_found());
    }
    tx.commit().await?;
    settle(app, caller, id).await;
    let what = ("plugin.settings-changed", "plugin.configure", json!({}));
    tell(app, caller, id, what).await
}

/// The app's icon.
#[utoipa::path(get, path = "/plugins/{id}/icon", tag = "plugins", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "image/svg+xml"), (status = 404, body = Problem)))]
async fn icon(
    State(app): State<SharedApp>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Answer<Response> {
    let package = offered(&app, &id)?;
    let name = package
        .manifest()
        .icon
        .as_ref()
        .ok_or_else(Problem::not_found)?;
    let bytes = package.assets().get(name).ok_or_else(Problem::not_found)?;
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    if kind.type_() != "image" {
        return Err(Problem::not_found());
    }
    let mut response = (StatusCode::OK, bytes.clone()).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::try_from(kind.essence_str()).map_err(|_| Problem::not_found())?,
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(security::CSP_FILE),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=300"),
    );
    Ok(response)
}

/// Has the app's new settings taken up.
pub(super) async fn settle(app: &App, caller: &Caller, plugin: &str) {
    app.vault.forget(caller.workspace, plugin);
    app.apps.changed(caller.workspace, plugin).await;
}

async fn note(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    plugin: &str,
    (kind, action, data): (&'static str, &str, Value),
) -> Result<()> {
    let event = NewEvent::new(kind).subject("plugin", plugin);
    administer(app, tx, caller, event, (action, data)).await
}
