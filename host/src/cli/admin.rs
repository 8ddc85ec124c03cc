//! `balcao admin …`: what the operator does on the server's own machine, without being signed in.

use std::io::Read;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::{app::App, config::Config, password, user::Email, workspace};

#[derive(Subcommand)]
pub enum Admin {
    /// Create a workspace with its first administrator.
    CreateWorkspace(CreateWorkspace),
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
        }
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

fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .context("standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
