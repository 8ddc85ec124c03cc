//! Creating workspaces: for the operator's command and the demonstration alike.

use crate::{
    account,
    app::App,
    error::{Error, Result},
    id::{UserId, WorkspaceId},
    password::password_problem,
    store::{audit::Act, workspaces::Workspace},
    user::{Email, Role, User, clean_name},
};

/// What a new workspace speaks and which clock it follows, until it says otherwise.
const LOCALE: &str = "pt-BR";
const TIME_ZONE: &str = "America/Sao_Paulo";

/// Creates a workspace with its key and its first administrator, all or nothing.
///
/// # Errors
/// `Invalid` for a name or password that is not taken.
pub async fn create(app: &App, name: &str, admin: &Email, password: &str) -> Result<WorkspaceId> {
    let id = app.ids.mint();
    create_as(app, id, name, (admin, password)).await?;
    Ok(id)
}

/// The same under an id that was minted before.
pub async fn create_as(
    app: &App,
    id: WorkspaceId,
    name: &str,
    (admin, password): (&Email, &str),
) -> Result<()> {
    let name = clean_name(name)
        .ok_or_else(|| Error::invalid_field("name", "must be one line of 1 to 100 characters"))?;
    if let Some(problem) = password_problem(password, admin.as_str()) {
        return Err(Error::invalid_field("password", problem));
    }
    let hash = account::hash(app, password).await?;
    let now = app.clock.now();
    let workspace = Workspace {
        id,
        name,
        locale: LOCALE.to_owned(),
        time_zone: TIME_ZONE.to_owned(),
        created_at: now,
        suspended_at: None,
    };
    let user = first_admin(app, workspace.id, admin);
    let act = Act {
        action: "workspace.create",
        subject: Some(("workspace", workspace.id.to_string())),
        data: serde_json::json!({ "name": workspace.name }),
    };
    let mut tx = app.store.begin().await?;
    tx.insert_workspace(&workspace).await?;
    app.vault.make_key(&mut tx, workspace.id).await?;
    tx.insert_user(&user, Some(&hash)).await?;
    tx.audit(workspace.id, app.ids.mint(), now, None, &act)
        .await?;
    tx.commit().await
}

fn first_admin(app: &App, workspace: WorkspaceId, email: &Email) -> User {
    let id: UserId = app.ids.mint();
    let name = email
        .as_str()
        .split('@')
        .next()
        .unwrap_or("admin")
        .to_owned();
    User {
        workspace_id: workspace,
        id,
        email: email.as_str().to_owned(),
        name,
        role: Role::Admin,
        available: true,
        active: true,
        archive_immediately: false,
        locale: None,
        created_at: app.clock.now(),
    }
}
