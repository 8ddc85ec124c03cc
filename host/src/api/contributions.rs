//! `/actions` and `/views`: the buttons, forms and screens that enabled apps contribute to the interface's slots. Owns who may see and use which; what
//! they do is the plugin's, with the rights of both.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use balcao_runtime::{
    manifest::{Only, Role as ForRole},
    package::Package,
    rules::Routed,
    wit::{Subject, actions, views},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    codes,
    extract::{Body, Path, Query},
    once::{IdempotencyKey, Keyed},
    page::Page,
    problem::{Answer, Problem},
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    error::{Error, Result},
    id::ConversationId,
    plugin::{AppError, in_force},
    store::enabled_plugins::EnabledPlugin,
    user::Role,
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list_actions))
        .routes(routes!(form))
        .routes(routes!(invoke))
        .routes(routes!(list_views))
        .routes(routes!(render))
}

/// Where in the interface, and beside what.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Slot {
    pub slot: String,
    pub about_kind: Option<String>,
    pub about_id: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PluginAction)]
pub struct ActionView {
    pub plugin_id: String,
    pub action: String,
    pub title: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PluginView)]
pub struct ViewView {
    pub plugin_id: String,
    pub view: String,
    pub title: String,
}

/// What a button stands beside.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct About {
    pub kind: String,
    pub id: String,
}

/// The buttons of a slot for the caller.
#[utoipa::path(get, path = "/actions", tag = "contributions", params(Slot), responses((status = 200, body = Page<ActionView>)))]
async fn list_actions(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(at): Query<Slot>,
) -> Answer<Json<Page<ActionView>>> {
    let about = at.about();
    let state = require_sight(&app, &caller, about.as_ref()).await?;
    let served_by = served_by(&app, &caller, about.as_ref()).await?;
    let mut items = Vec::new();
    for package in enabled(&app, &caller).await? {
        let manifest = package.manifest();
        let offered = manifest.actions.iter().filter(|it| {
            it.slot == at.slot
                && writes_here(&package, &it.slot, served_by.as_deref())
                && may_use(&caller, &it.roles)
                && is_for(&caller, it.only, state.as_ref())
        });
        items.extend(offered.map(|it| ActionView {
            plugin_id: manifest.id.clone(),
            action: it.id.clone(),
            title: it.title.get(&caller.locale).to_owned(),
        }));
    }
    Ok(Json(Page::whole(items)))
}

/// The screens of a slot for the caller.
#[utoipa::path(get, path = "/views", tag = "contributions", params(Slot), responses((status = 200, body = Page<ViewView>)))]
async fn list_views(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(at): Query<Slot>,
) -> Answer<Json<Page<ViewView>>> {
    require_sight(&app, &caller, at.about().as_ref()).await?;
    let mut items = Vec::new();
    for package in enabled(&app, &caller).await? {
        let manifest = package.manifest();
        let own = manifest
            .views
            .iter()
            .filter(|it| it.slot == at.slot && may_use(&caller, &it.roles));
        items.extend(own.map(|it| ViewView {
            plugin_id: manifest.id.clone(),
            view: it.id.clone(),
            title: it.title.get(&caller.locale).to_owned(),
        }));
    }
    Ok(Json(Page::whole(items)))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskForm {
    pub about: Option<About>,
}

/// The form of an action, or null: then it is invoked at once.
#[utoipa::path(post, path = "/actions/{plugin}/{action}/form", tag = "contributions",
    params(("plugin" = String, Path), ("action" = String, Path)), request_body = AskForm,
    responses((status = 200, body = Option<Object>), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn form(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((plugin, action)): Path<(String, String)>,
    Body(asked): Body<AskForm>,
) -> Answer<Json<Value>> {
    let context = action_context(&app, &caller, (&plugin, &action), asked.about).await?;
    let form = app
        .apps
        .form(caller.workspace, &plugin, context)
        .await
        .map_err(failed)?;
    Ok(Json(parsed(&form)?))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invoke {
    pub about: Option<About>,
    /// What the form holds.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub values: Value,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Outcome)]
pub struct OutcomeView {
    #[schema(schema_with = codes::outcome_kind)]
    pub kind: String,
    pub text: String,
    #[schema(value_type = Object)]
    pub data: Value,
}

/// Run an action, with the caller's rights and the app's.
#[utoipa::path(post, path = "/actions/{plugin}/{action}/invoke", tag = "contributions",
    params(("plugin" = String, Path), ("action" = String, Path), IdempotencyKey), request_body = Invoke,
    responses((status = 200, body = OutcomeView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn invoke(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((plugin, action)): Path<(String, String)>,
    Keyed { once, body: asked }: Keyed<Invoke>,
) -> Answer<Response> {
    let deed = {
        let app = app.clone();
        async move {
            let outcome = invoked(&app, &caller, (&plugin, &action), asked).await?;
            Ok((StatusCode::OK, outcome))
        }
    };
    once.run(app, deed).await
}

async fn invoked(
    app: &App,
    caller: &Caller,
    (plugin, action): (&str, &str),
    asked: Invoke,
) -> Answer<OutcomeView> {
    let context = action_context(app, caller, (plugin, action), asked.about).await?;
    let form = app
        .apps
        .form(caller.workspace, plugin, context.clone())
        .await
        .map_err(failed)?;
    let schema = parsed(&form)?.get("schema").cloned();
    let values = if asked.values.is_null() {
        Value::Object(Default::default())
    } else {
        asked.values
    };
    check_values(schema.as_ref(), &values)?;
    let said = app
        .apps
        .invoke(caller.workspace, plugin, context, &values.to_string())
        .await
        .map_err(failed)?;
    Ok(OutcomeView {
        data: parsed(&said.data)?,
        kind: said.kind,
        text: said.text,
    })
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Render {
    pub about: Option<About>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Value,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Rendered {
    /// In the documented vocabulary of views.
    #[schema(value_type = Object)]
    pub tree: Value,
}

/// Draw a view.
#[utoipa::path(post, path = "/views/{plugin}/{view}", tag = "contributions",
    params(("plugin" = String, Path), ("view" = String, Path)), request_body = Render,
    responses((status = 200, body = Rendered), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn render(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((plugin, view)): Path<(String, String)>,
    Body(asked): Body<Render>,
) -> Answer<Json<Rendered>> {
    let package = find(&app, &caller, &plugin).await?;
    let entry = package
        .manifest()
        .views
        .iter()
        .find(|it| it.id == view)
        .ok_or_else(Problem::not_found)?;
    require_role(&caller, &entry.roles)?;
    require_sight(&app, &caller, asked.about.as_ref()).await?;
    let context = views::Context {
        view,
        user: caller.user.to_string(),
        role: caller.role.as_str().to_owned(),
        about: asked.about.map(subject),
        locale: caller.locale.clone(),
        parameters: if asked.parameters.is_null() {
            String::new()
        } else {
            asked.parameters.to_string()
        },
    };
    let tree = app
        .apps
        .render(caller.workspace, &plugin, context)
        .await
        .map_err(failed)?;
    Ok(Json(Rendered {
        tree: parsed(&tree)?,
    }))
}

impl Slot {
    fn about(&self) -> Option<About> {
        Some(About {
            kind: self.about_kind.clone()?,
            id: self.about_id.clone()?,
        })
    }
}

async fn action_context(
    app: &App,
    caller: &Caller,
    (plugin, action): (&str, &str),
    about: Option<About>,
) -> Answer<actions::Context> {
    let package = find(app, caller, plugin).await?;
    let entry = package
        .manifest()
        .actions
        .iter()
        .find(|it| it.id == action)
        .ok_or_else(Problem::not_found)?;
    require_role(caller, &entry.roles)?;
    let state = require_sight(app, caller, about.as_ref()).await?;
    let served_by = served_by(app, caller, about.as_ref()).await?;
    if !writes_here(&package, &entry.slot, served_by.as_deref()) {
        return Err(Problem::denied(caller.say(
            "Isto é só para conversas dos canais deste app.",
            "This is only for conversations of this app's channels.",
        )));
    }
    if !is_for(caller, entry.only, state.as_ref()) {
        return Err(Problem::denied(caller.say(
            "Isto é só para quem atende ou concluiu a conversa.",
            "This is only for whoever serves or has concluded the conversation.",
        )));
    }
    Ok(actions::Context {
        action: action.to_owned(),
        user: caller.user.to_string(),
        role: caller.role.as_str().to_owned(),
        about: about.map(subject),
        locale: caller.locale.clone(),
        extra: String::new(),
    })
}

/// The packages that the workspace has enabled.
async fn enabled(app: &App, caller: &Caller) -> Result<Vec<Arc<Package>>> {
    let plugins = app
        .store
        .read()
        .await?
        .enabled_plugins(caller.workspace)
        .await?;
    Ok(plugins
        .into_iter()
        .filter_map(|plugin| acting(app, &plugin))
        .collect())
}

async fn find(app: &App, caller: &Caller, plugin: &str) -> Answer<Arc<Package>> {
    let found = app
        .store
        .read()
        .await?
        .enabled_plugin(caller.workspace, plugin)
        .await?;
    found
        .and_then(|plugin| acting(app, &plugin))
        .ok_or_else(Problem::not_found)
}

/// The package of an app, where it is in force.
fn acting(app: &App, plugin: &EnabledPlugin) -> Option<Arc<Package>> {
    let package = app.apps.package(&plugin.plugin_id)?;
    in_force(plugin, &package).then_some(package)
}

fn may_use(caller: &Caller, roles: &[ForRole]) -> bool {
    let role = match caller.role {
        Role::Admin => ForRole::Admin,
        Role::Supervisor => ForRole::Supervisor,
        Role::Agent => ForRole::Agent,
    };
    roles.contains(&role)
}

fn require_role(caller: &Caller, roles: &[ForRole]) -> Answer<()> {
    if may_use(caller, roles) {
        return Ok(());
    }
    Err(Problem::denied(caller.say(
        "Seu perfil não permite isto.",
        "Your role does not allow this.",
    )))
}

/// What somebody acts on they must be able to see.
async fn require_sight(
    app: &App,
    caller: &Caller,
    about: Option<&About>,
) -> Answer<Option<Routed>> {
    let Some(about) = about.filter(|about| about.kind == "conversation") else {
        return Ok(None);
    };
    let id: ConversationId = about.id.parse().map_err(|_| Problem::not_found())?;
    let state = crate::realtime::routed(app, caller.workspace, id).await?;
    let seen = state.filter(|state| balcao_runtime::rules::sees(&caller.person(), state));
    seen.map(Some).ok_or_else(Problem::not_found)
}

/// The app that serves the channel of the conversation.
async fn served_by(app: &App, caller: &Caller, about: Option<&About>) -> Answer<Option<String>> {
    let Some(about) = about.filter(|about| about.kind == "conversation") else {
        return Ok(None);
    };
    let id: ConversationId = about.id.parse().map_err(|_| Problem::not_found())?;
    let mut tx = app.store.read().await?;
    let Some(conversation) = tx.conversation(caller.workspace, id).await? else {
        return Ok(None);
    };
    let channel = tx
        .channel(caller.workspace, conversation.channel_id)
        .await?;
    Ok(channel.map(|channel| channel.plugin_id))
}

/// Whether an action may stand where messages are written: those of a connector are about its own channels only (FEATURES D10).
fn writes_here(package: &Package, slot: &str, served_by: Option<&str>) -> bool {
    let connector = package
        .exports()
        .iter()
        .any(|it| it.unversioned() == "balcao:connector/channel");
    slot != "composer" || !connector || served_by == Some(package.manifest().id.as_str())
}

/// Whether an action of that kind is for the caller, beside that conversation.
fn is_for(caller: &Caller, only: Option<Only>, beside: Option<&Routed>) -> bool {
    let user = caller.user.to_string();
    match only {
        None => true,
        Some(Only::Own) => beside.is_some_and(|it| match &it.conclusion {
            Some(conclusion) => conclusion.by.as_ref() == Some(&user),
            None => it.agent.as_ref() == Some(&user),
        }),
    }
}

fn subject(about: About) -> Subject {
    Subject {
        kind: about.kind,
        id: about.id,
    }
}

/// JSON that a plugin gave; empty is null.
fn parsed(text: &str) -> Answer<Value> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text)
        .map_err(|_| Problem::state("The app gave something that cannot be shown."))
}

/// Values that do not fit the form are refused by field, before the plugin is asked.
fn check_values(schema: Option<&Value>, values: &Value) -> Answer<()> {
    let Some(schema) = schema else {
        return Ok(());
    };
    let values = values
        .as_object()
        .ok_or_else(|| Problem::field("values", "must be an object"))?;
    super::channels::refuse(crate::settings::problems(
        values,
        &Default::default(),
        Some(schema),
    ))
}

fn failed(error: AppError) -> Problem {
    match error {
        AppError::Plugin(failure) => Problem::state(failure.message),
        AppError::Host(error) => error.into(),
    }
}

impl From<AppError> for Error {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Plugin(failure) => Self::State(failure.message),
            AppError::Host(error) => error,
        }
    }
}
