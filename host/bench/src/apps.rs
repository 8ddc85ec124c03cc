//! Many workspaces with many apps: how long the server takes to be ready, and what it holds in memory then.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use balcao::app::App;
use balcao::config::Config;
use balcao::id::{UserId, WorkspaceId};
use balcao::store::enabled_plugins::EnabledPlugin;
use balcao::store::workspaces::Workspace;
use balcao::user::{Role, User};
use balcao_runtime::package::{self, Package};

use crate::Options;
use crate::load;
use crate::report::Row;
use crate::server::{Place, Server};

const WORKSPACES: usize = 10_000;
const APPS: usize = 10;
const STARTS: usize = 3;
/// Workspaces written in one transaction.
const AT_ONCE: usize = 500;

/// `apps/10k-workspaces-start` and `apps/10k-workspaces-memory`.
pub fn workspaces(options: &Options) -> Result<Vec<Row>> {
    let (count, starts) = match options.quick {
        true => (50, 1),
        false => (WORKSPACES, STARTS),
    };
    let folder = tempfile::Builder::new().prefix("balcao-bench-").tempdir()?;
    let place = Place {
        data: folder.path().join("data"),
        plugins: folder.path().join("plugins"),
        database: None,
    };
    let packages = repackage(&options.fixtures.join("empty.wasm"), &place.plugins)?;
    load::block_on(seed(&place, &packages, count))?;
    // The first start compiles the apps; that happens once per version of an app, not at every start.
    Server::start(&options.server, &place)?.kill()?;
    let (mut took, mut rss) = (Vec::new(), Vec::new());
    for _ in 0..starts {
        let server = Server::start(&options.server, &place)?;
        took.push(server.ready.as_secs_f64() * 1e3);
        rss.push(server.rss()? as f64 / 1e6);
        server.kill()?;
    }
    took.sort_unstable_by(f64::total_cmp);
    rss.sort_unstable_by(f64::total_cmp);
    let what = format!("{count} workspaces with {APPS} enabled apps each");
    Ok(vec![
        Row::new(
            "apps/10k-workspaces-start",
            took[took.len() / 2],
            "ms",
            format!("{what}: from starting the server to its first answer; aim: ≤ 2000"),
        ),
        Row::new(
            "apps/10k-workspaces-memory",
            rss[rss.len() / 2],
            "MB",
            format!("{what}: RSS of the server then; aim: ≤ 300"),
        ),
    ])
}

/// One fixture as as many apps as are needed: the component with another id in its manifest.
fn repackage(fixture: &Path, folder: &Path) -> Result<Vec<Package>> {
    let bytes = fs::read(fixture).with_context(|| fixture.display().to_string())?;
    let component = bare(&bytes)?;
    fs::create_dir_all(folder)?;
    (0..APPS)
        .map(|n| {
            let manifest = format!(
                "id = \"bench-{n}\"\nversion = \"0.1.0\"\npublisher = \"Balcão\"\ncategories = [\"test\"]\n[name]\npt-BR = \"App {n}\"\n\
                 [description]\npt-BR = \"Para medir.\"\n[[webhook.verify]]\nmethods = [\"GET\", \"POST\"]\nkind = \"none\"\n"
            );
            let bytes = package::append(component, &manifest, []);
            fs::write(folder.join(format!("bench-{n}.wasm")), &bytes)?;
            Ok(Package::read(bytes.into())?)
        })
        .collect()
}

/// A package's component without the sections that make it one: they are its last.
fn bare(package: &[u8]) -> Result<&[u8]> {
    const HEADER: usize = 8;
    const CUSTOM: u8 = 0;
    let mut at = HEADER;
    while at < package.len() {
        let (size, data) = leb(package, at + 1)?;
        if package[at] == CUSTOM {
            let (length, name) = leb(package, data)?;
            if package[name..]
                .get(..length)
                .is_some_and(|name| name.starts_with(b"balcao:"))
            {
                return Ok(&package[..at]);
            }
        }
        at = data + size;
    }
    Ok(package)
}

/// An unsigned LEB128 number and where it ends.
fn leb(bytes: &[u8], mut at: usize) -> Result<(usize, usize)> {
    let mut value = 0;
    for shift in (0..32).step_by(7) {
        let byte = *bytes.get(at).context("the component breaks off")?;
        at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((value, at));
        }
    }
    anyhow::bail!("the component is damaged")
}

/// Writes the workspaces as the server would, through its own store.
async fn seed(place: &Place, packages: &[Package], count: usize) -> Result<()> {
    let config = Config {
        data_dir: place.data.clone(),
        plugins_dir: place.data.join("none"),
        ..Config::default()
    };
    let app = App::open(config).await?;
    for first in (0..count).step_by(AT_ONCE) {
        let mut tx = app.store.begin().await?;
        for n in first..count.min(first + AT_ONCE) {
            let id: WorkspaceId = app.ids.mint();
            tx.insert_workspace(&workspace(id, n, app.clock.now()))
                .await?;
            app.vault.make_key(&mut tx, id).await?;
            tx.insert_user(&admin(id, app.ids.mint(), n, app.clock.now()), None)
                .await?;
            for package in packages {
                tx.put_enabled_plugin(&enabled(id, package, app.clock.now()))
                    .await?;
            }
        }
        tx.commit().await?;
    }
    let there = app
        .store
        .read()
        .await?
        .plugins_enabled_everywhere()
        .await?
        .len();
    app.close().await;
    ensure!(there == count * packages.len(), "{there} apps are enabled");
    Ok(())
}

fn workspace(id: WorkspaceId, n: usize, now: i64) -> Workspace {
    Workspace {
        id,
        name: format!("Loja {n}"),
        locale: "pt-BR".into(),
        time_zone: "America/Sao_Paulo".into(),
        created_at: now,
        suspended_at: None,
    }
}

fn admin(workspace_id: WorkspaceId, id: UserId, n: usize, now: i64) -> User {
    User {
        workspace_id,
        id,
        email: format!("admin@loja{n}.localhost"),
        name: "Administração".into(),
        role: Role::Admin,
        available: true,
        active: true,
        archive_immediately: false,
        locale: None,
        created_at: now,
    }
}

fn enabled(workspace_id: WorkspaceId, package: &Package, now: i64) -> EnabledPlugin {
    EnabledPlugin {
        workspace_id,
        plugin_id: package.manifest().id.clone(),
        digest: package.digest().to_string(),
        version: package.manifest().version.to_string(),
        enabled: true,
        settings: "{}".into(),
        granted: "[]".into(),
        revision: 1,
        breaker: None,
        enabled_at: now,
    }
}
