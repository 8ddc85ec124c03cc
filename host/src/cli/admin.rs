//! `balcao admin …`: what the operator does on the server's own machine, without being signed in.

use std::io::Read;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use balcao_runtime::quota::Allowance;

use crate::{
    app::{self, App},
    config::Config,
    id::WorkspaceId,
    jobs::search,
    password,
    store::Store,
    user::Email,
    workspace,
};

#[derive(Subcommand)]
pub enum Admin {
    /// Create a workspace with its first administrator.
    CreateWorkspace(CreateWorkspace),
    /// Make the search index anew from what is stored.
    Reindex,
    /// Show or set the limits of a plugin in a workspace. A running server takes them up within seconds.
    Limits(Limits),
}

#[derive(Args)]
pub struct Limits {
    /// The workspace's id (`wsp_…`).
    workspace: WorkspaceId,
    /// The plugin's id; `*` for every plugin of the workspace.
    plugin: String,
    /// `NAME=NUMBER` sets a limit, `NAME=` gives it its default back. None: only show.
    #[arg(value_name = "NAME=NUMBER", value_parser = parse_limit)]
    set: Vec<(String, Option<i64>)>,
}

fn parse_limit(text: &str) -> Result<(String, Option<i64>), String> {
    let (name, number) = text
        .split_once('=')
        .ok_or("write NAME=NUMBER, or NAME= for the default")?;
    let number = match number {
        "" => None,
        digits => Some(
            digits
                .parse::<i64>()
                .ok()
                .filter(|number| *number >= 0)
                .ok_or_else(|| format!("`{digits}` is not a whole number of at least 0"))?,
        ),
    };
    let one = (name, number.unwrap_or(0).unsigned_abs());
    Allowance::default().with([one])?;
    Ok((name.to_owned(), number))
}

#[derive(Args)]
pub struct CreateWorkspace {
    /// The workspace's name.
    #[arg(long)]
    name: String,
    /// The administrator's e-mail.
    #[arg(long)]
    admin_email: String,
    /// Read the password from standard input; without it, one is made and printed.
    #[arg(long)]
    password_stdin: bool,
}

impl Admin {
    pub async fn run(self, config: Config) -> anyhow::Result<()> {
        match self {
            Self::CreateWorkspace(command) => command.run(config).await,
            Self::Limits(command) => command.run(config).await,
            Self::Reindex => reindex(config).await,
        }
    }
}

impl Limits {
    async fn run(self, config: Config) -> anyhow::Result<()> {
        let common = config.allowance()?;
        let store = Store::open(&app::database(&config)).await?;
        let shown = self.apply(&store, &common).await;
        store.close().await;
        for (name, number) in shown? {
            println!("{name} {number}");
        }
        Ok(())
    }

    /// Sets what is to be set; gives every limit as it applies then, before the plugin's own wishes.
    async fn apply(&self, store: &Store, common: &Allowance) -> anyhow::Result<Vec<(String, u64)>> {
        let mut tx = store.begin().await?;
        if tx.workspace(self.workspace).await?.is_none() {
            bail!("there is no workspace {}", self.workspace);
        }
        for (name, number) in &self.set {
            tx.set_plugin_limit(self.workspace, &self.plugin, name, *number)
                .await?;
        }
        let set = tx.plugin_limits().await?;
        tx.commit().await?;
        let own = set.iter().filter(|row| {
            row.workspace_id == self.workspace
                && (row.plugin_id == "*" || row.plugin_id == self.plugin)
        });
        let numbers = own.map(|row| (row.name.as_str(), u64::try_from(row.value).unwrap_or(0)));
        let allowance = common.with(numbers).map_err(anyhow::Error::msg)?;
        Ok(allowance.numbers())
    }
}

impl CreateWorkspace {
    async fn run(self, config: Config) -> anyhow::Result<()> {
        let Some(email) = Email::parse(&self.admin_email) else {
            bail!(
                "--admin-email: `{}` is not an e-mail address",
                self.admin_email
            );
        };
        let given = if self.password_stdin {
            Some(read_password()?)
        } else {
            None
        };
        if let Some(problem) = given
            .as_deref()
            .and_then(|it| password::password_problem(it, email.as_str()))
        {
            bail!("the password {problem}");
        }
        let app = App::open(config).await?;
        let chosen = match &given {
            Some(password) => password.clone(),
            None => password::readable_password(app.random.bytes()),
        };
        let created = workspace::create(&app, &self.name, &email, &chosen).await;
        app.close().await;
        let workspace = created.context("the workspace was not created")?;
        println!("workspace {workspace}");
        println!("admin     {}", email.as_str());
        if given.is_none() {
            println!("password  {chosen}");
        }
        Ok(())
    }
}

async fn reindex(config: Config) -> anyhow::Result<()> {
    let app = App::open(config).await?;
    let made = every_index(&app).await;
    app.close().await;
    println!("{} workspaces indexed", made?);
    Ok(())
}

async fn every_index(app: &App) -> anyhow::Result<usize> {
    let workspaces = app.store.read().await?.workspaces().await?;
    for workspace in &workspaces {
        search::rebuild(&app.store, workspace.id)
            .await
            .with_context(|| format!("workspace {}", workspace.id))?;
    }
    Ok(workspaces.len())
}

fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .context("standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
