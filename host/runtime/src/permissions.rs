//! What a package asks for and what it contributes, in plain words (DESIGN §1.2): read from the component's imports and exports, and from
//! the manifest what only that can say. Owns the words of consent. Never decides whether something is granted.

mod words;

use serde::Serialize;

use crate::{
    imports,
    manifest::LocalizedText,
    package::{Interface, Package},
};

pub use words::details;

/// One thing that an admin is asked to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// Stable: `http`, `secrets`, `routing`…, and `events` for what is subscribed to.
    pub code: &'static str,
    /// The imports that ask for it, with versions: what is granted with it.
    pub interfaces: Vec<String>,
    pub title: LocalizedText,
    /// What exactly: hosts, secrets with the places where each may go, event kinds.
    pub detail: Vec<String>,
}

/// Something that a package adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contribution {
    /// Stable: `channel`, `actions`…
    pub code: &'static str,
    pub interface: String,
    pub title: LocalizedText,
    /// Event kinds, or ids and slots from the manifest.
    pub detail: Vec<String>,
}

/// Everything that a component imports, sorted by what it means for the admin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Permissions {
    pub asked: Vec<Permission>,
    /// Interfaces that language runtimes bring along: linked, and given nothing.
    pub runtime: Vec<String>,
    /// What this host does not offer, so that the package cannot be loaded.
    pub unknown: Vec<String>,
}

/// Import, code, Portuguese, English. The order is the one shown.
const ASKED: [(&str, &str, &str, &str); 19] = [
    (
        "balcao:desk/conversations",
        "conversations",
        "Ver conversas, sem o texto das mensagens",
        "See conversations, without the text of messages",
    ),
    (
        "balcao:desk/messages",
        "messages",
        "Ler as mensagens",
        "Read messages",
    ),
    (
        "balcao:desk/messages-send",
        "messages-send",
        "Escrever a contatos, e notas aos atendentes",
        "Write to contacts, and notes to agents",
    ),
    (
        "balcao:desk/contacts",
        "contacts",
        "Ver contatos",
        "See contacts",
    ),
    (
        "balcao:desk/contacts-write",
        "contacts-write",
        "Alterar contatos",
        "Change contacts",
    ),
    (
        "balcao:desk/routing",
        "routing",
        "Decidir quem atende uma conversa",
        "Decide who serves a conversation",
    ),
    (
        "balcao:desk/conclusion",
        "conclusion",
        "Concluir e reabrir conversas",
        "Conclude and reopen conversations",
    ),
    (
        "balcao:desk/labels",
        "labels",
        "Etiquetar conversas e mensagens",
        "Label conversations and messages",
    ),
    (
        "balcao:desk/teams",
        "teams",
        "Ver equipes, seus membros e horários",
        "See teams, their members and hours",
    ),
    (
        "balcao:desk/media",
        "media",
        "Ler arquivos do espaço e enviá-los",
        "Read files of the workspace and send them on",
    ),
    (
        "balcao:connector/inbox",
        "inbox",
        "Receber mensagens dos seus próprios canais",
        "Receive messages for its own channels",
    ),
    (
        "balcao:connector/visitors",
        "visitors",
        "Mostrar novidades ao vivo a visitantes dos seus próprios canais",
        "Show things live to visitors of its own channels",
    ),
    (
        "balcao:platform/http",
        "http",
        "Comunicar-se com servidores na internet",
        "Speak to servers on the Internet",
    ),
    (
        "wasi:http/outgoing-handler",
        "http",
        "Comunicar-se com servidores na internet",
        "Speak to servers on the Internet",
    ),
    (
        "wasi:http/types",
        "http",
        "Comunicar-se com servidores na internet",
        "Speak to servers on the Internet",
    ),
    (
        "balcao:platform/secrets",
        "secrets",
        "Usar segredos que ele nunca pode ler",
        "Use secrets that it can never read",
    ),
    (
        "balcao:platform/storage",
        "storage",
        "Guardar dados próprios neste espaço",
        "Keep data of its own in this workspace",
    ),
    (
        "balcao:platform/collections",
        "collections",
        "Manter registros próprios neste espaço",
        "Keep records of its own in this workspace",
    ),
    (
        "balcao:platform/timers",
        "timers",
        "Agir mais tarde por conta própria",
        "Act later by itself",
    ),
];

/// Export, code, Portuguese, English.
const CONTRIBUTED: [(&str, &str, &str, &str); 10] = [
    (
        "balcao:connector/channel",
        "channel",
        "Um canal",
        "A channel",
    ),
    (
        "balcao:connector/channel-media",
        "channel-media",
        "Anexos do canal",
        "Attachments of the channel",
    ),
    (
        "balcao:connector/channel-signals",
        "channel-signals",
        "Sinais do canal (digitando, lido, reações)",
        "Signals of the channel (typing, read, reactions)",
    ),
    (
        "balcao:connector/channel-edits",
        "channel-edits",
        "Mudanças em mensagens enviadas (editar, apagar)",
        "Changes of messages that were sent (edit, delete)",
    ),
    (
        "balcao:app/events",
        "events",
        "Reações ao que acontece",
        "Reactions to what happens",
    ),
    (
        "balcao:app/timer-events",
        "timer-events",
        "Ações próprias em horários marcados",
        "Actions of its own at set times",
    ),
    (
        "balcao:app/actions",
        "actions",
        "Botões e formulários",
        "Buttons and forms",
    ),
    (
        "balcao:app/views",
        "views",
        "Telas e painéis",
        "Screens and panels",
    ),
    ("balcao:app/reports", "reports", "Relatórios", "Reports"),
    (
        "balcao:app/lifecycle",
        "lifecycle",
        "Preparação ao habilitar e desabilitar",
        "Preparation when enabled and disabled",
    ),
];

/// Packages of WASI that language runtimes import, at the version that is linked.
const RUNTIME: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

impl Permissions {
    /// What this package asks for, each with the details that its manifest adds.
    pub fn of(package: &Package) -> Self {
        let mut permissions = Self::default();
        for import in package.imports() {
            if is_runtime(import) {
                permissions.runtime.push(import.name.clone());
            } else if !import.is_instance || imports::known(&import.name).is_none() {
                permissions.unknown.push(import.name.clone());
            }
        }
        for (interface, code, pt, en) in ASKED {
            let Some(import) = package
                .imports()
                .iter()
                .find(|i| i.is_instance && i.unversioned() == interface)
            else {
                continue;
            };
            match permissions.asked.iter_mut().find(|p| p.code == code) {
                Some(permission) => permission.interfaces.push(import.name.clone()),
                None => permissions.asked.push(Permission {
                    code,
                    interfaces: vec![import.name.clone()],
                    title: LocalizedText::pair(pt, en),
                    detail: detail(package, code),
                }),
            }
        }
        permissions.asked.extend(events(package));
        permissions
    }

    /// The permissions only.
    pub fn asked(package: &Package) -> Vec<Permission> {
        Self::of(package).asked
    }
}

/// What of `asked` goes beyond `granted`: permissions that were not granted, and of the others only the details that are new. Empty: an
/// upgrade needs no new consent.
pub fn asks_for_more(granted: &[Permission], asked: &[Permission]) -> Vec<Permission> {
    asked
        .iter()
        .filter_map(|permission| {
            let Some(before) = granted.iter().find(|p| p.code == permission.code) else {
                return Some(permission.clone());
            };
            let more = |new: &[String], old: &[String]| {
                new.iter()
                    .filter(|item| !old.contains(item))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            let detail = more(&permission.detail, &before.detail);
            let interfaces = more(&permission.interfaces, &before.interfaces);
            let differs = !(detail.is_empty() && interfaces.is_empty());
            differs.then(|| Permission {
                detail,
                interfaces,
                ..permission.clone()
            })
        })
        .collect()
}

/// What this package adds, in a fixed order.
pub fn contributions(package: &Package) -> Vec<Contribution> {
    CONTRIBUTED
        .into_iter()
        .filter_map(|(interface, code, pt, en)| {
            let export = package
                .exports()
                .iter()
                .find(|e| e.unversioned() == interface && is_contribution(e))?;
            let title = LocalizedText::pair(pt, en);
            Some(Contribution {
                code,
                interface: export.name.clone(),
                title,
                detail: contributed(package, code),
            })
        })
        .collect()
}

/// Whether this host looks for that export.
pub(crate) fn is_contribution(export: &Interface) -> bool {
    export.is_instance
        && CONTRIBUTED
            .iter()
            .any(|(name, ..)| *name == export.unversioned())
        && export.version() == Some("0.1.0")
}

fn is_runtime(import: &Interface) -> bool {
    import.is_instance
        && RUNTIME
            .iter()
            .any(|package| import.name.starts_with(package))
        && import
            .version()
            .is_some_and(|version| version.starts_with("0.2."))
}

fn detail(package: &Package, code: &str) -> Vec<String> {
    let manifest = package.manifest();
    match code {
        "http" => manifest
            .http
            .hosts
            .iter()
            .map(ToString::to_string)
            .collect(),
        "secrets" => {
            let places = manifest
                .secrets
                .iter()
                .map(|secret| match secret.placements.as_slice() {
                    [] => vec![format!("{} → never sent", secret.name)],
                    placements => placements
                        .iter()
                        .map(|placement| format!("{} → {placement}", secret.name))
                        .collect(),
                });
            places.flatten().collect()
        }
        "collections" => manifest
            .collections
            .iter()
            .map(|c| c.name.clone())
            .collect(),
        _ => Vec::new(),
    }
}

/// Subscriptions are asked for too: they say when the plugin acts by itself. They let it read nothing.
fn events(package: &Package) -> Option<Permission> {
    let kinds = subscriptions(package);
    (!kinds.is_empty()).then(|| Permission {
        code: "events",
        interfaces: Vec::new(),
        title: LocalizedText::pair("Ser avisado do que acontece", "Be told what happens"),
        detail: kinds,
    })
}

fn subscriptions(package: &Package) -> Vec<String> {
    let held = |hold: bool| {
        if hold {
            " (held until handled, 2 s at most)"
        } else {
            ""
        }
    };
    package
        .manifest()
        .subscriptions
        .iter()
        .map(|s| format!("{}{}", s.kind, held(s.hold)))
        .collect()
}

fn contributed(package: &Package, code: &str) -> Vec<String> {
    let manifest = package.manifest();
    match code {
        "events" => subscriptions(package),
        "actions" => manifest
            .actions
            .iter()
            .map(|a| format!("{} → {}", a.id, a.slot))
            .collect(),
        "views" => manifest
            .views
            .iter()
            .map(|v| format!("{} → {}", v.id, v.slot))
            .collect(),
        "reports" => manifest.reports.iter().map(|r| r.id.clone()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody needs to be asked: they tell nothing and change nothing.
    const FREE: [&str; 5] = [
        "balcao:types/types",
        "balcao:platform/log",
        "balcao:platform/clock",
        "balcao:platform/random",
        "balcao:platform/settings",
    ];

    #[test]
    fn every_import_that_the_host_offers_is_free_or_has_words_for_consent() {
        for (known, _) in imports::KNOWN {
            let name = known.split_once('@').map(|(name, _)| name).unwrap();
            let asked = ASKED.iter().any(|(interface, ..)| *interface == name);
            assert!(asked != FREE.contains(&name), "{known} is neither or both");
        }
    }

    fn permission(code: &'static str, detail: &[&str]) -> Permission {
        Permission {
            code,
            interfaces: vec![format!("balcao:platform/{code}@0.1.0")],
            title: LocalizedText::default(),
            detail: detail.iter().map(|d| (*d).to_owned()).collect(),
        }
    }

    #[test]
    fn an_upgrade_asks_for_more_only_where_it_adds_something() {
        let granted = [
            permission("http", &["a.example", "b.example"]),
            permission("storage", &[]),
        ];
        assert_eq!(asks_for_more(&granted, &granted), []);
        assert_eq!(asks_for_more(&granted, &granted[..1]), []);
        let asked = [
            permission("http", &["b.example", "c.example"]),
            permission("storage", &[]),
            permission("timers", &[]),
        ];
        let http = Permission {
            interfaces: vec![],
            ..permission("http", &["c.example"])
        };
        assert_eq!(
            asks_for_more(&granted, &asked),
            [http, permission("timers", &[])]
        );
    }
}
