//! Sets up the demonstration's workspace from a file: through the same services as the API, as often as one likes, and only where nobody else
//! reaches the server. Owns the file's format and the sign-in it prints; the data itself is the demonstration's.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::{
    account::{Caller, Proof},
    api::{self, channels::NewChannel, problem::Problem, teams, users},
    app::App,
    id::{ChannelId, TeamId, UserId, WorkspaceId},
    password,
    seal::write_private_once,
    team::TeamRole,
    user::{Email, Role, clean_name},
    workspace,
};

/// Where the sign-in is kept, in the data folder.
const KEPT: &str = "demo.json";

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    workspace: Named,
    #[serde(default)]
    teams: Vec<DemoTeam>,
    users: Vec<DemoUser>,
    #[serde(default)]
    plugins: Vec<DemoPlugin>,
    #[serde(default)]
    channels: Vec<DemoChannel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoTeam {
    name: String,
    /// E-mails.
    #[serde(default)]
    agents: Vec<String>,
    #[serde(default)]
    supervisors: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoUser {
    email: String,
    name: String,
    role: Role,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoPlugin {
    id: String,
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoChannel {
    plugin: String,
    name: String,
    /// A team's name.
    team: String,
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
}

/// What was made at the first start and is needed at the next.
#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    workspace: WorkspaceId,
    password: String,
}

impl Demo {
    /// Reads the file.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        let demo: Self =
            serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
        demo.check()
            .with_context(|| format!("{}", file.display()))?;
        Ok(demo)
    }

    fn check(&self) -> anyhow::Result<()> {
        if !self.users.iter().any(|user| user.role == Role::Admin) {
            bail!("users: there must be an admin");
        }
        for user in &self.users {
            if Email::parse(&user.email).is_none() || clean_name(&user.name).is_none() {
                bail!("users: `{}` needs an e-mail and a name", user.email);
            }
        }
        for email in self
            .teams
            .iter()
            .flat_map(|team| team.agents.iter().chain(&team.supervisors))
        {
            if !self.users.iter().any(|user| user.email == *email) {
                bail!("teams: `{email}` is not in users");
            }
        }
        for channel in &self.channels {
            if !self.teams.iter().any(|team| team.name == channel.team) {
                bail!("channels: `{}` is not in teams", channel.team);
            }
        }
        Ok(())
    }

    /// Makes what is not there yet, then prints how to get in.
    ///
    /// # Errors
    /// Where `address` can be reached from elsewhere: this sign-in is printed on a screen.
    pub async fn set_up(&self, app: &App, address: SocketAddr) -> anyhow::Result<()> {
        require_loopback(address)?;
        let kept = self.workspace(app).await?;
        let admin = self.admin(app, kept.workspace).await?;
        let users = self.users(app, &admin, &kept.password).await?;
        let teams = self.teams(app, &admin, &users).await?;
        let channels = self.apps(app, &admin, &teams).await?;
        self.print(app, &kept, &channels);
        Ok(())
    }

    /// The workspace of the last start, or a new one. What is needed at the next start is kept first, so that a start that was killed is
    /// gone on with and not begun again.
    async fn workspace(&self, app: &App) -> anyhow::Result<Kept> {
        let path = app.config.data_dir.join(KEPT);
        let place = || path.display().to_string();
        let known: Option<Kept> = if path.exists() {
            Some(serde_json::from_slice(&fs::read(&path)?).with_context(place)?)
        } else {
            None
        };
        if let Some(kept) = known {
            let mut tx = app.store.read().await?;
            if tx.workspace(kept.workspace).await?.is_some() {
                return Ok(kept);
            }
            if !tx.workspaces().await?.is_empty() {
                bail!(
                    "{} belongs to another database; remove it to start anew",
                    path.display()
                );
            }
            drop(tx);
            return self.create(app, kept).await;
        }
        let kept = Kept {
            workspace: app.ids.mint(),
            password: password::readable_password(app.random.bytes()),
        };
        write_private_once(&path, &serde_json::to_vec_pretty(&kept)?).with_context(place)?;
        self.create(app, kept).await
    }

    async fn create(&self, app: &App, kept: Kept) -> anyhow::Result<Kept> {
        let admin = (self.admin_email()?, kept.password.as_str());
        workspace::create_as(
            app,
            kept.workspace,
            &self.workspace.name,
            (&admin.0, admin.1),
        )
        .await?;
        Ok(kept)
    }

    fn admin_email(&self) -> anyhow::Result<Email> {
        self.users
            .iter()
            .find(|user| user.role == Role::Admin)
            .and_then(|user| Email::parse(&user.email))
            .context("users: there must be an admin")
    }

    /// Acts as the first administrator from here on.
    async fn admin(&self, app: &App, workspace: WorkspaceId) -> anyhow::Result<Caller> {
        let email = self.admin_email()?;
        let mut tx = app.store.read().await?;
        let user = tx
            .users(workspace, None, 100)
            .await?
            .into_iter()
            .find(|user| user.email == email.as_str())
            .context("the administrator is gone")?;
        Ok(Caller {
            workspace,
            user: user.id,
            name: user.name,
            role: user.role,
            teams: tx.teams_of(workspace, user.id).await?,
            locale: "pt-BR".to_owned(),
            archive_immediately: false,
            proof: Proof::Operator,
            scopes: None,
        })
    }

    /// E-mail → user.
    async fn users(
        &self,
        app: &App,
        admin: &Caller,
        password: &str,
    ) -> anyhow::Result<BTreeMap<String, UserId>> {
        let there = app
            .store
            .read()
            .await?
            .users(admin.workspace, None, 1000)
            .await?;
        let mut all: BTreeMap<String, UserId> = there
            .into_iter()
            .map(|user| (user.email, user.id))
            .collect();
        for user in &self.users {
            let email = Email::parse(&user.email).context("an e-mail")?;
            let name = clean_name(&user.name).context("a name")?;
            if let Some(id) = all.get(email.as_str()) {
                let change = crate::user::UserChange {
                    name: Some(name),
                    ..Default::default()
                };
                if *id == admin.user && admin.name != user.name {
                    users::apply(app, admin, *id, &change).await?;
                }
                continue;
            }
            let added = users::add(app, admin, (name, email), user.role, password).await?;
            all.insert(added.email, added.id);
        }
        Ok(all)
    }

    /// Name → team.
    async fn teams(
        &self,
        app: &App,
        admin: &Caller,
        users: &BTreeMap<String, UserId>,
    ) -> anyhow::Result<BTreeMap<String, TeamId>> {
        let mut tx = app.store.read().await?;
        let there = tx.teams(admin.workspace).await?;
        let members = tx.team_members(admin.workspace).await?;
        drop(tx);
        let mut all: BTreeMap<String, TeamId> =
            there.into_iter().map(|team| (team.name, team.id)).collect();
        for team in &self.teams {
            let id = match all.get(&team.name) {
                Some(id) => *id,
                None => teams::add(app, admin, &team.name).await?.id,
            };
            all.insert(team.name.clone(), id);
            let agents = team.agents.iter().map(|email| (email, TeamRole::Agent));
            let supervisors = team
                .supervisors
                .iter()
                .map(|email| (email, TeamRole::Supervisor));
            for (email, role) in agents.chain(supervisors) {
                let user = *users.get(email).context("a member")?;
                if !members
                    .iter()
                    .any(|member| member.team_id == id && member.user_id == user)
                {
                    teams::join(app, admin, (id, user), role).await?;
                }
            }
        }
        Ok(all)
    }

    /// Enables the apps and connects the channels; gives the channels' names and addresses.
    async fn apps(
        &self,
        app: &App,
        admin: &Caller,
        teams: &BTreeMap<String, TeamId>,
    ) -> anyhow::Result<Vec<(String, String)>> {
        for plugin in &self.plugins {
            // What somebody changed or disabled stays so; what a killed start did not end is begun again.
            let subject = ("plugin", plugin.id.as_str());
            let mut tx = app.store.read().await?;
            if tx
                .was_done(admin.workspace, "plugin.enable", subject)
                .await?
            {
                continue;
            }
            drop(tx);
            let Some(package) = app.apps.package(&plugin.id) else {
                println!(
                    "demo: the app {} is not in {}",
                    plugin.id,
                    app.config.plugins_dir.display()
                );
                continue;
            };
            api::plugins::turn_on(app, admin, &package, with_teams(&plugin.settings, teams)?)
                .await
                .map_err(|problem| told(&plugin.id, &problem))?;
        }
        let mut addresses = Vec::new();
        for channel in &self.channels {
            let there = app.store.read().await?.channels(admin.workspace).await?;
            let id = match there.into_iter().find(|it| it.name == channel.name) {
                Some(channel) => {
                    if channel.capabilities.is_none() {
                        api::channels::settle(app, &channel).await?;
                    }
                    channel.id
                }
                None if app.apps.package(&channel.plugin).is_none() => continue,
                None => connect(app, admin, channel, teams.get(&channel.team).copied()).await?,
            };
            addresses.push((channel.name.clone(), api::channels::webhook_url(app, id)));
        }
        Ok(addresses)
    }

    fn print(&self, app: &App, kept: &Kept, channels: &[(String, String)]) {
        println!("demo: {}", app.public_base());
        for user in &self.users {
            println!("demo: sign in as {} with {}", user.email, kept.password);
        }
        for (name, address) in channels {
            println!("demo: webhook of {name}: {address}");
        }
    }
}

/// Refuses an address that can be reached from elsewhere.
pub fn require_loopback(address: SocketAddr) -> anyhow::Result<()> {
    if !address.ip().is_loopback() {
        bail!(
            "the demonstration runs only on a loopback address such as 127.0.0.1, not on {address}"
        );
    }
    Ok(())
}

async fn connect(
    app: &App,
    admin: &Caller,
    channel: &DemoChannel,
    team: Option<TeamId>,
) -> anyhow::Result<ChannelId> {
    let asked = NewChannel {
        plugin_id: channel.plugin.clone(),
        name: channel.name.clone(),
        team_id: team,
        settings: channel.settings.clone(),
    };
    api::channels::add(app, admin, asked)
        .await
        .map_err(|problem| told(&channel.name, &problem))
}

/// A problem as the operator reads it.
fn told(what: &str, problem: &Problem) -> anyhow::Error {
    let fields: Vec<String> = problem
        .errors
        .iter()
        .map(|(field, text)| format!("{field}: {text}"))
        .collect();
    anyhow::anyhow!("{what}: {} {}", problem.detail, fields.join("; "))
}

/// Settings with the teams that they name (`"team:Vendas"`) in place of their names: a demo file cannot know their ids.
fn with_teams(
    settings: &serde_json::Map<String, serde_json::Value>,
    teams: &BTreeMap<String, TeamId>,
) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    use serde_json::Value;
    fn put(value: &Value, teams: &BTreeMap<String, TeamId>) -> anyhow::Result<Value> {
        Ok(match value {
            Value::String(text) => match text.strip_prefix("team:") {
                None => value.clone(),
                Some(name) => {
                    let id = teams.get(name).with_context(|| format!("no team {name}"))?;
                    Value::String(id.to_string())
                }
            },
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| put(item, teams))
                    .collect::<anyhow::Result<_>>()?,
            ),
            other => other.clone(),
        })
    }
    settings
        .iter()
        .map(|(name, value)| Ok((name.clone(), put(value, teams)?)))
        .collect()
}
