//! `/channels`: connected accounts. Everybody sees them; administrators connect, change and test them. Settings are checked against the
//! package's schema, and their secrets are sealed and never given back.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::State, http::StatusCode, response::Response};
use balcao_runtime::package::Package;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    administer::administer,
    etag::{Conditions, IfMatch, IfNoneMatch, answer},
    extract::{Body, Path},
    once::{IdempotencyKey, Keyed, Once},
    page::Page,
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    channel::{Channel, ChannelChange, HealthState},
    error::{Error, Result},
    health,
    id::{ChannelId, TeamId},
    plugin::{AppError, CallFailure, in_force, is_connector},
    settings::{self, Settings},
    store::{Tx, events::NewEvent},
    user::clean_name,
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(test))
}

/// A connected account.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Channel)]
pub struct ChannelView {
    #[schema(value_type = String)]
    pub id: ChannelId,
    pub plugin_id: String,
    pub name: String,
    /// Where its new conversations go.
    #[schema(value_type = Option<String>, required)]
    pub team_id: Option<TeamId>,
    pub enabled: bool,
    pub health: Health,
    /// Webhooks that could not be verified since the channel was changed or the server started; null: none. For administrators.
    #[schema(required)]
    pub refused: Option<Refused>,
    /// Where the provider sends its webhooks.
    pub webhook_url: String,
    /// What the plugin says it can do; null while it has not said.
    #[schema(value_type = Option<Object>, required)]
    pub capabilities: Option<Value>,
    /// Bytes of the largest file that contacts and agents may send through it, where an administrator has set that. Whatever it says, the server's
    /// own bounds and the app's hold.
    #[schema(required)]
    pub max_file_bytes: Option<i64>,
    /// Without the secrets. Empty for who is no administrator.
    #[schema(value_type = Object)]
    pub settings: Settings,
    /// Which secrets are set.
    pub secrets: BTreeMap<String, bool>,
    pub created_at: Time,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ChannelHealth)]
pub struct Health {
    pub state: HealthState,
    pub message: String,
    /// Whether attempts to send have shown it: while it is `degraded`, what is sent waits.
    pub sending: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RefusedWebhooks)]
pub struct Refused {
    pub count: u64,
    pub last_at: Time,
}

fn view(
    app: &App,
    caller: &Caller,
    channel: Channel,
    set: &BTreeSet<(String, String)>,
) -> Result<ChannelView> {
    let owner = channel.id.to_string();
    let admin = caller.is_admin();
    let package = app.apps.package(&channel.plugin_id);
    let schema = package
        .as_ref()
        .and_then(|package| package.settings_schema());
    let secrets = settings::secret_names(schema)
        .into_iter()
        .filter(|_| admin)
        .map(|name| (name.clone(), set.contains(&(owner.clone(), name))));
    Ok(ChannelView {
        webhook_url: webhook_url(app, channel.id),
        settings: if admin {
            serde_json::from_str(&channel.settings)?
        } else {
            Settings::new()
        },
        secrets: secrets.collect(),
        capabilities: channel
            .capabilities
            .as_deref()
            .map(serde_json::from_str)
            .transpose()?,
        health: Health {
            state: channel.health_state,
            message: channel.health_message,
            sending: channel.health_by == "send",
        },
        refused: app
            .refusals
            .of(channel.id)
            .filter(|_| admin)
            .map(|it| Refused {
                count: it.count,
                last_at: Time(it.last_at),
            }),
        id: channel.id,
        plugin_id: channel.plugin_id,
        name: channel.name,
        team_id: channel.team_id,
        max_file_bytes: channel.max_file_bytes,
        enabled: channel.enabled,
        created_at: Time(channel.created_at),
    })
}

/// Where the provider reaches a channel.
pub fn webhook_url(app: &App, channel: ChannelId) -> String {
    format!("{}/hooks/{channel}", app.public_base())
}

/// One channel.
#[utoipa::path(get, path = "/channels/{id}", tag = "channels", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = ChannelView), (status = 304), (status = 404, body = Problem)))]
async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
    conditions: Conditions,
) -> Answer<Response> {
    conditions.show(&one(&app, &caller, id).await?)
}

async fn one(app: &App, caller: &Caller, id: ChannelId) -> Result<ChannelView> {
    one_in(app, &mut app.store.read().await?, caller, id).await
}

async fn one_in(app: &App, tx: &mut Tx, caller: &Caller, id: ChannelId) -> Result<ChannelView> {
    let channel = tx
        .channel(caller.workspace, id)
        .await?
        .ok_or(Error::NotFound("channel"))?;
    let set = tx
        .secret_names(caller.workspace)
        .await?
        .into_iter()
        .collect();
    view(app, caller, channel, &set)
}

/// All channels.
#[utoipa::path(get, path = "/channels", tag = "channels", responses((status = 200, body = Page<ChannelView>)))]
async fn list(State(app): State<SharedApp>, caller: Caller) -> Answer<Json<Page<ChannelView>>> {
    let mut tx = app.store.read().await?;
    let channels = tx.channels(caller.workspace).await?;
    let set = tx
        .secret_names(caller.workspace)
        .await?
        .into_iter()
        .collect();
    let items: Result<Vec<_>> = channels
        .into_iter()
        .map(|channel| view(&app, &caller, channel, &set))
        .collect();
    Ok(Json(Page::whole(items?)))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    pub plugin_id: String,
    pub name: String,
    #[schema(value_type = Option<String>)]
    pub team_id: Option<TeamId>,
    /// The plugin's settings with their secrets in plain.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Settings,
}

/// Connect an account. Administrators only.
#[utoipa::path(post, path = "/channels", tag = "channels", params(IdempotencyKey), request_body = NewChannel,
    responses((status = 201, body = ChannelView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<SharedApp>,
    caller: Caller,
    Keyed { once, body: asked }: Keyed<NewChannel>,
) -> Answer<Response> {
    caller.require_admin()?;
    let new = prepared(&app, &caller, asked)?;
    let id = new.channel.id;
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    insert(&app, &mut tx, &caller, &new).await?;
    let view = one_in(&app, &mut tx, &caller, id).await?;
    once.keep(&mut tx, StatusCode::CREATED, &view).await?;
    tx.commit().await?;
    settle(&app, &new.channel).await?;
    // The channel has described itself meanwhile; a repetition is to say the same.
    let mut tx = app.store.begin().await?;
    let view = one_in(&app, &mut tx, &caller, id).await?;
    once.commit(tx, StatusCode::CREATED, &view).await
}

/// A channel that is to be connected.
struct New {
    channel: Channel,
    secrets: BTreeMap<String, String>,
}

/// Connects an account; the demonstration comes this way too.
///
/// # Errors
/// `State` where the app is not enabled, `Invalid` by field where the settings do not fit.
pub async fn add(app: &App, caller: &Caller, asked: NewChannel) -> Answer<ChannelId> {
    let new = prepared(app, caller, asked)?;
    let mut tx = app.store.write(caller.workspace).await?;
    insert(app, &mut tx, caller, &new).await?;
    tx.commit().await?;
    settle(app, &new.channel).await?;
    Ok(new.channel.id)
}

fn prepared(app: &App, caller: &Caller, asked: NewChannel) -> Answer<New> {
    let package = connector(app, &asked.plugin_id)?;
    let name = checked_name(&asked.name)?;
    let schema = package.settings_schema();
    let parted = settings::part(asked.settings, schema);
    refuse(settings::problems(&parted.plain, &parted.secrets, schema))?;
    let channel = Channel {
        workspace_id: caller.workspace,
        id: app.ids.mint(),
        plugin_id: asked.plugin_id,
        name,
        team_id: asked.team_id,
        settings: Value::Object(parted.plain).to_string(),
        enabled: true,
        health_state: HealthState::Unknown,
        health_by: String::new(),
        health_message: String::new(),
        capabilities: None,
        account: None,
        max_file_bytes: None,
        created_at: app.clock.now(),
    };
    Ok(New {
        channel,
        secrets: parted.secrets,
    })
}

async fn insert(app: &App, tx: &mut Tx, caller: &Caller, new: &New) -> Answer<()> {
    let channel = &new.channel;
    let enabled = tx
        .enabled_plugin(caller.workspace, &channel.plugin_id)
        .await?;
    let package = connector(app, &channel.plugin_id)?;
    if !enabled.is_some_and(|plugin| in_force(&plugin, &package)) {
        return Err(Problem::state(caller.say(
            "Habilite o app em Mais Apps primeiro.",
            "Enable the app in More apps first.",
        )));
    }
    require_team(tx, caller, channel.team_id).await?;
    if let Some((field, other)) = twin(app, tx, channel, &new.secrets).await? {
        return Err(Problem::field(&field, in_use(caller, &other)));
    }
    tx.insert_channel(channel).await?;
    let owner = channel.id.to_string();
    app.vault
        .put(tx, caller.workspace, &owner, &new.secrets)
        .await?;
    let what = ("channel.create", json!({ "plugin": channel.plugin_id }));
    note(app, tx, caller, channel.id, what).await?;
    Ok(())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedChannel {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub team_id: Option<Option<TeamId>>,
    pub enabled: Option<bool>,
    /// Bytes, from 100,000 up to what the server takes at all; null: no bound of its own.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub max_file_bytes: Option<Option<i64>>,
    /// All of them; a secret that is left out stays as it is.
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Settings>,
}

/// Tells null from absent.
fn given<'de, T, D>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Deserialize::deserialize(from).map(Some)
}

/// Change a channel. Administrators only.
#[utoipa::path(patch, path = "/channels/{id}", tag = "channels", params(("id" = String, Path), IfMatch), request_body = ChangedChannel,
    responses((status = 200, body = ChannelView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
    conditions: Conditions,
    Body(asked): Body<ChangedChannel>,
) -> Answer<Response> {
    caller.require_admin()?;
    let name = asked.name.as_deref().map(checked_name).transpose()?;
    require_bound(&caller, asked.max_file_bytes.flatten())?;
    let mut tx = app.store.write(caller.workspace).await?;
    let channel = tx
        .channel(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    conditions.require(&one_in(&app, &mut tx, &caller, id).await?)?;
    require_team(&mut tx, &caller, asked.team_id.flatten()).await?;
    let settings = match asked.settings {
        Some(sent) => Some(replace_settings(&app, &mut tx, &channel, sent).await?),
        None => None,
    };
    let change = ChannelChange {
        name,
        team: asked.team_id,
        enabled: asked.enabled,
        settings,
        max_file_bytes: asked.max_file_bytes,
    };
    let (given, on) = (change.settings.is_some(), change.enabled == Some(true));
    tx.update_channel(caller.workspace, id, &change).await?;
    if given || on {
        require_own_account(&app, &mut tx, &caller, (id, given)).await?;
    }
    let (plugin, now) = (channel.plugin_id.as_str(), app.clock.now());
    tx.retry_parked(caller.workspace, plugin, Some(id), now)
        .await?;
    note(&app, &mut tx, &caller, id, ("channel.change", json!({}))).await?;
    tx.commit().await?;
    app.channels.forget(id);
    settle(&app, &channel).await?;
    answer(StatusCode::OK, &one(&app, &caller, id).await?)
}

/// Two channels that are on cannot have one account: what comes in would come through one of them only. `given`: the settings are new.
async fn require_own_account(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    (id, given): (ChannelId, bool),
) -> Answer<()> {
    let channel = tx.channel(caller.workspace, id).await?;
    let channel = channel.ok_or_else(Problem::not_found)?;
    let owner = id.to_string();
    let secrets = app.vault.reveal(tx, caller.workspace, &owner).await?;
    match twin(app, tx, &channel, &secrets).await? {
        Some((field, other)) if given => Err(Problem::field(&field, in_use(caller, &other))),
        Some((_, other)) => Err(Problem::state(in_use(caller, &other))),
        None => Ok(()),
    }
}

/// A channel of the same app that is on and has the same account, by what the schema marks as saying which: the property, and the other's name.
async fn twin(
    app: &App,
    tx: &mut Tx,
    channel: &Channel,
    secrets: &BTreeMap<String, String>,
) -> Answer<Option<(String, String)>> {
    if !channel.enabled {
        return Ok(None);
    }
    let package = connector(app, &channel.plugin_id)?;
    let account = |channel: &Channel, secrets: &_| -> Result<_> {
        let plain: Settings = serde_json::from_str(&channel.settings)?;
        Ok(settings::account(
            &plain,
            secrets,
            package.settings_schema(),
        ))
    };
    let own = account(channel, secrets)?;
    for other in tx.channels(channel.workspace_id).await? {
        if other.id == channel.id || other.plugin_id != channel.plugin_id || !other.enabled {
            continue;
        }
        let owner = other.id.to_string();
        let secrets = app.vault.reveal(tx, other.workspace_id, &owner).await?;
        let theirs = account(&other, &secrets)?;
        let shared = own
            .iter()
            .find(|(name, value)| theirs.get(*name) == Some(*value));
        if let Some((field, _)) = shared {
            return Ok(Some((field.clone(), other.name)));
        }
    }
    Ok(None)
}

fn in_use(caller: &Caller, other: &str) -> String {
    let said = caller.say(
        "Esta conta já está conectada no canal “{}”. Desligue ou exclua aquele canal antes.",
        "This account is connected in the channel “{}” already. Turn that channel off or delete it first.",
    );
    said.replace("{}", other)
}

/// Checks and seals; gives what is to be stored in plain.
async fn replace_settings(
    app: &App,
    tx: &mut Tx,
    channel: &Channel,
    sent: Settings,
) -> Answer<String> {
    let package = connector(app, &channel.plugin_id)?;
    let schema = package.settings_schema();
    let owner = channel.id.to_string();
    let parted = settings::part(sent, schema);
    let mut secrets = app.vault.reveal(tx, channel.workspace_id, &owner).await?;
    secrets.extend(parted.secrets.clone());
    refuse(settings::problems(&parted.plain, &secrets, schema))?;
    app.vault
        .put(tx, channel.workspace_id, &owner, &parted.secrets)
        .await?;
    Ok(Value::Object(parted.plain).to_string())
}

/// Remove a channel that was never used; a used one can only be disabled. Administrators only.
#[utoipa::path(delete, path = "/channels/{id}", tag = "channels", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn remove(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
) -> Answer<StatusCode> {
    caller.require_admin()?;
    let channel = unused(&caller, &mut app.store.read().await?, id).await?;
    // One that never was connected has nothing to take back: the account may be another channel's.
    if channel.account.is_some()
        && let Err(error) = app.apps.disconnect(&channel).await
    {
        // A provider that does not let go of it keeps nobody here.
        tracing::warn!(channel = %id, workspace = %caller.workspace, "the channel's app failed as it was removed: {error}");
    }
    let mut tx = app.store.write(caller.workspace).await?;
    unused(&caller, &mut tx, id).await?;
    tx.delete_channel(caller.workspace, id).await?;
    tx.delete_secrets_of(caller.workspace, &id.to_string())
        .await?;
    note(&app, &mut tx, &caller, id, ("channel.remove", json!({}))).await?;
    tx.commit().await?;
    app.channels.forget(id);
    app.refusals.forget(id);
    app.vault.forget(caller.workspace, &id.to_string());
    app.apps.changed(caller.workspace, &channel.plugin_id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// A channel that may be removed.
async fn unused(caller: &Caller, tx: &mut Tx, id: ChannelId) -> Answer<Channel> {
    let channel = tx.channel(caller.workspace, id).await?;
    let channel = channel.ok_or_else(Problem::not_found)?;
    if tx.channel_is_used(caller.workspace, id).await? {
        return Err(Problem::state(caller.say(
            "Este canal já tem conversas; desligue-o.",
            "This channel has conversations; turn it off instead.",
        )));
    }
    Ok(channel)
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Tested {
    pub ok: bool,
    /// The account that was found.
    #[schema(value_type = Option<Object>, required)]
    pub account: Option<Value>,
    /// For people.
    pub message: String,
}

/// Ask the plugin to check the settings and register the webhook. Administrators only.
#[utoipa::path(post, path = "/channels/{id}/test", tag = "channels", params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = Tested), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn test(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
    once: Once,
) -> Answer<Response> {
    caller.require_admin()?;
    let deed = {
        let app = app.clone();
        async move { Ok((StatusCode::OK, tested(&app, &caller, id).await?)) }
    };
    once.run(app, deed).await
}

async fn tested(app: &App, caller: &Caller, id: ChannelId) -> Answer<Tested> {
    let channel = app
        .store
        .read()
        .await?
        .channel(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    // Nothing is known of the channel by that.
    if !app.apps.is_on(caller.workspace, &channel.plugin_id) {
        return Err(Problem::state(caller.say(
            "O app deste canal está desabilitado; habilite-o em Mais Apps.",
            "This channel's app is disabled; enable it in More apps.",
        )));
    }
    let connected = match app.apps.connect(&channel, &webhook_url(app, id)).await {
        Ok(account) => unshared(app, caller, &channel, &account.external_id)
            .await?
            .map(|()| account),
        Err(AppError::Plugin(failure)) => Err(failure),
        Err(AppError::Host(error)) => return Err(error.into()),
    };
    Ok(match connected {
        Ok(account) => {
            let kept = serde_json::to_value(&account).map_err(Error::from)?;
            health::tested(app, &channel, Ok(&kept.to_string())).await?;
            Tested {
                ok: true,
                account: Some(kept),
                message: account.name,
            }
        }
        Err(failure) => {
            health::tested(app, &channel, Err(&failure)).await?;
            Tested {
                ok: false,
                account: None,
                message: failure.message,
            }
        }
    })
}

/// Refuses an account that another channel of the app has already: what comes in would come twice, or through one of them only.
async fn unshared(
    app: &App,
    caller: &Caller,
    channel: &Channel,
    account: &str,
) -> Result<std::result::Result<(), CallFailure>> {
    let all = app.store.read().await?.channels(caller.workspace).await?;
    let mut others = all
        .into_iter()
        .filter(|it| it.enabled && it.id != channel.id && it.plugin_id == channel.plugin_id);
    let shared = others.find(|other| {
        let kept = other.account.as_deref().unwrap_or_default();
        let kept: Value = serde_json::from_str(kept).unwrap_or_default();
        kept["external_id"] == account
    });
    Ok(match shared {
        None => Ok(()),
        Some(other) => {
            let said = caller.say(
                "Esta conta também está conectada no canal “{}”. Exclua ou desligue um dos dois e teste de novo a conexão do que ficar.",
                "This account is connected in the channel “{}” as well. Delete one of the two or turn it off, and test the connection of the one that stays.",
            );
            Err(CallFailure {
                code: "shared".to_owned(),
                message: said.replace("{}", &other.name),
                retry: None,
            })
        }
    })
}

/// After a channel changed: nothing stale stays in memory, and the plugin says what the channel can do.
pub async fn settle(app: &App, channel: &Channel) -> Result<()> {
    let (workspace, id) = (channel.workspace_id, channel.id);
    app.channels.forget(id);
    app.refusals.forget(id);
    app.vault.forget(workspace, &id.to_string());
    app.apps.changed(workspace, &channel.plugin_id).await;
    let Some(channel) = app.store.read().await?.channel(workspace, id).await? else {
        return Ok(());
    };
    match app.apps.describe(&channel).await {
        Ok(capabilities) => {
            let json = serde_json::to_string(&capabilities)?;
            let mut tx = app.store.begin().await?;
            tx.set_channel_capabilities(workspace, id, &json).await?;
            tx.commit().await
        }
        Err(AppError::Plugin(failure)) => {
            tracing::warn!(%workspace, channel = %id, code = failure.code, "the plugin did not describe its channel");
            Ok(())
        }
        Err(AppError::Host(error)) => Err(error),
    }
}

fn connector(app: &App, plugin: &str) -> Answer<std::sync::Arc<Package>> {
    app.apps
        .package(plugin)
        .filter(|package| is_connector(package))
        .ok_or_else(|| Problem::field("plugin_id", "is no app that brings a channel"))
}

fn checked_name(name: &str) -> Result<String> {
    clean_name(name)
        .ok_or_else(|| Error::invalid_field("name", "must be one line of 1 to 100 characters"))
}

/// Says what is wrong with settings, if anything is.
pub fn refuse(problems: BTreeMap<String, String>) -> Answer<()> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problem::fields(problems))
    }
}

/// A bound that would stop nearly everything, or nothing, is a mistake.
fn require_bound(caller: &Caller, bytes: Option<i64>) -> Result<()> {
    match bytes {
        Some(bytes) if !(100_000..=1_000_000_000).contains(&bytes) => Err(Error::invalid_field(
            "max_file_bytes",
            caller.say(
                "deve ficar entre 0,1 MB e 1.000 MB",
                "must be between 0.1 MB and 1,000 MB",
            ),
        )),
        _ => Ok(()),
    }
}

async fn require_team(tx: &mut Tx, caller: &Caller, team: Option<TeamId>) -> Result<()> {
    if let Some(team) = team
        && tx.team(caller.workspace, team).await?.is_none()
    {
        return Err(Error::invalid_field(
            "team_id",
            "is no team of this workspace",
        ));
    }
    Ok(())
}

pub(super) async fn note(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    channel: ChannelId,
    (action, data): (&str, Value),
) -> Result<()> {
    let event = NewEvent::new("channel.changed").subject("channel", channel);
    administer(app, tx, caller, event, (action, data)).await
}
