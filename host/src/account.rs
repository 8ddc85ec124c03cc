//! Who is calling: signing in and out, sessions, tokens, and what a caller may do in general. The rights in a conversation are
//! `balcao_runtime::rules`; this file says whose rights they are.

use std::sync::LazyLock;

use balcao_runtime::rules::Person;
use tokio::task;

use crate::{
    app::App,
    clock::Instant,
    error::{Error, Result},
    id::{UserId, WorkspaceId},
    password::{self, Token},
    store::{Tx, sessions::Session, tokens::ApiToken},
    team::{Membership, TeamRole},
    user::{Email, Role, User},
};

const DAY: i64 = 24 * 3600 * 1_000_000;
/// A session is extended when this much of it has passed, so that reading does not write each time.
const EXTEND_AFTER: i64 = DAY;
/// A token's last use is noted to the minute.
const NOTE_USE_AFTER: i64 = 60_000_000;

/// How a caller proved who they are; enough to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Session([u8; 32]),
    Token([u8; 32]),
    /// Started on the server's own machine.
    Operator,
}

/// A signed-in user, as of now.
#[derive(Clone, Debug)]
pub struct Caller {
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub name: String,
    pub role: Role,
    pub teams: Vec<Membership>,
    /// `pt-BR` or `en`.
    pub locale: String,
    pub archive_immediately: bool,
    pub proof: Proof,
    /// What a token was limited to; none for a session, which may do all that its user may.
    pub scopes: Option<Vec<String>>,
}

impl Caller {
    /// As the rules of conversations see them.
    pub fn person(&self) -> Person {
        Person {
            id: self.user.to_string(),
            admin: self.role == Role::Admin,
            teams: self
                .teams
                .iter()
                .map(|team| (team.team_id.to_string(), team.role.into()))
                .collect(),
        }
    }

    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// # Errors
    /// `Denied` for everybody else.
    pub fn require_admin(&self) -> Result<()> {
        if self.is_admin() {
            return Ok(());
        }
        Err(Error::Denied(self.say(
            "Só administradores podem fazer isto.",
            "Only administrators may do this.",
        )))
    }

    /// Whether they look after somebody else's conversations anywhere.
    pub fn supervises_any(&self) -> bool {
        self.is_admin()
            || self
                .teams
                .iter()
                .any(|team| team.role == TeamRole::Supervisor)
    }

    /// The text in the caller's language.
    pub fn say(&self, pt_br: &str, en: &str) -> String {
        if self.locale == "en" { en } else { pt_br }.to_owned()
    }

    /// Whether a token may do what needs `scope` (`conversations:read`); sessions may. `read` and `write` stand for all of their kind, `*` for all.
    pub fn has_scope(&self, scope: &str) -> bool {
        let verb = scope.rsplit(':').next();
        self.scopes.as_ref().is_none_or(|scopes| {
            scopes
                .iter()
                .any(|it| it == scope || it == "*" || Some(it.as_str()) == verb)
        })
    }
}

/// Checks e-mail and password and opens a session.
///
/// # Errors
/// `Unauthenticated`, for whatever reason: an unknown e-mail takes as long and says the same as a wrong password.
pub async fn sign_in(
    app: &App,
    email: &Email,
    password: &str,
    only: Option<WorkspaceId>,
) -> Result<(Token, Session)> {
    let mut tx = app.store.read().await?;
    let mut candidates = tx.sign_in_candidates(email).await?;
    drop(tx);
    candidates.retain(|candidate| only.is_none_or(|workspace| candidate.workspace_id == workspace));
    let mut found = None;
    if candidates.is_empty() {
        verify(app, password, NOBODY.clone()).await?;
    }
    for candidate in candidates {
        let hash = candidate
            .password_hash
            .clone()
            .unwrap_or_else(|| NOBODY.clone());
        let had_one = candidate.password_hash.is_some();
        if verify(app, password, hash).await? && had_one {
            found = Some(candidate);
            break;
        }
    }
    let Some(user) = found else {
        return Err(Error::Unauthenticated);
    };
    let token = Token::session(app.random.bytes());
    let now = app.clock.now();
    let session = Session {
        workspace_id: user.workspace_id,
        user_id: user.id,
        expires_at: now + session_length(app),
    };
    let mut tx = app.store.begin().await?;
    tx.delete_expired_sessions(now).await?;
    tx.insert_session(&token.hash(), &session, now).await?;
    tx.commit().await?;
    Ok((token, session))
}

/// Ends a session. One that is over already is no error.
pub async fn sign_out(app: &App, token: &Token) -> Result<()> {
    let mut tx = app.store.begin().await?;
    tx.delete_session(&token.hash()).await?;
    tx.commit().await
}

/// Who shows this session token.
pub async fn by_session(app: &App, token: &Token) -> Result<Caller> {
    let hash = token.hash();
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let session = tx
        .session(&hash, now)
        .await?
        .ok_or(Error::Unauthenticated)?;
    let caller = load(
        &mut tx,
        session.workspace_id,
        session.user_id,
        Proof::Session(hash),
    )
    .await?;
    drop(tx);
    extend(app, &hash, session, now).await?;
    Ok(caller)
}

/// Who shows this API token.
pub async fn by_token(app: &App, token: &Token) -> Result<Caller> {
    let hash = token.hash();
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let (caller, found) = by_token_hash(&mut tx, hash, now).await?;
    drop(tx);
    if found
        .last_used_at
        .is_none_or(|last| now - last >= NOTE_USE_AFTER)
    {
        let mut tx = app.store.begin().await?;
        tx.api_token_used(&found, now).await?;
        tx.commit().await?;
    }
    Ok(caller)
}

/// The same caller as of now, by the same proof.
///
/// # Errors
/// `Unauthenticated` where they were signed out or deactivated meanwhile.
pub async fn again(app: &App, caller: &Caller) -> Result<Caller> {
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    match caller.proof {
        Proof::Session(hash) => {
            let session = tx
                .session(&hash, now)
                .await?
                .ok_or(Error::Unauthenticated)?;
            load(&mut tx, session.workspace_id, session.user_id, caller.proof).await
        }
        Proof::Token(hash) => Ok(by_token_hash(&mut tx, hash, now).await?.0),
        Proof::Operator => load(&mut tx, caller.workspace, caller.user, caller.proof).await,
    }
}

async fn by_token_hash(tx: &mut Tx, hash: [u8; 32], now: Instant) -> Result<(Caller, ApiToken)> {
    let found = tx
        .api_token(&hash, now)
        .await?
        .ok_or(Error::Unauthenticated)?;
    let mut caller = load(tx, found.workspace_id, found.user_id, Proof::Token(hash)).await?;
    caller.scopes = Some(serde_json::from_str(&found.scopes)?);
    Ok((caller, found))
}

async fn load(tx: &mut Tx, workspace: WorkspaceId, user: UserId, proof: Proof) -> Result<Caller> {
    let User {
        name,
        role,
        locale,
        archive_immediately,
        ..
    } = tx
        .user(workspace, user)
        .await?
        .filter(|user| user.active)
        .ok_or(Error::Unauthenticated)?;
    let home = tx
        .workspace(workspace)
        .await?
        .filter(|home| home.suspended_at.is_none())
        .ok_or(Error::Unauthenticated)?;
    Ok(Caller {
        workspace,
        user,
        name,
        role,
        teams: tx.teams_of(workspace, user).await?,
        locale: locale.unwrap_or(home.locale),
        archive_immediately,
        proof,
        scopes: None,
    })
}

async fn extend(app: &App, hash: &[u8], session: Session, now: Instant) -> Result<()> {
    let fresh = now + session_length(app);
    if fresh - session.expires_at < EXTEND_AFTER {
        return Ok(());
    }
    let mut tx = app.store.begin().await?;
    tx.extend_session(hash, fresh).await?;
    tx.commit().await
}

fn session_length(app: &App) -> i64 {
    i64::from(app.config.limits.session_days.get()) * DAY
}

/// The hash of a password that nobody has, so that an unknown e-mail costs as much as a known one.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| password::hash_password("nobody has this one", [0; 16]));

/// Compares off the async threads, few at a time: each comparison takes 19 MiB and tens of milliseconds.
async fn verify(app: &App, password: &str, hash: String) -> Result<bool> {
    let _turn = app.hashing_turn().await?;
    let password = password.to_owned();
    task::spawn_blocking(move || password::verify_password(&password, &hash))
        .await
        .map_err(Error::internal)
}

/// A new password's hash, made likewise.
pub async fn hash(app: &App, password: &str) -> Result<String> {
    let _turn = app.hashing_turn().await?;
    let password = password.to_owned();
    let salt = app.random.bytes();
    task::spawn_blocking(move || password::hash_password(&password, salt))
        .await
        .map_err(Error::internal)
}
