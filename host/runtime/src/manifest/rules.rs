//! The rules of a manifest that has the right shape: names, references between its sections, texts. Never reads assets.

use std::collections::HashSet;

use super::{LocalizedText, MAIN_LOCALE, Manifest, Place, Problem, VerifyRule};

/// Event kinds of `balcao:app/events` 0.1; others are only warned about, since later hosts may have more.
pub const EVENT_KINDS: [&str; 21] = [
    "conversation.queued",
    "conversation.offered",
    "conversation.started",
    "conversation.released",
    "conversation.transferred",
    "conversation.concluded",
    "conversation.reopened",
    "message.received",
    "message.sent",
    "message.failed",
    "contact.created",
    "contact.erased",
    "contact.merged",
    "plugin.failing",
    "plugin.recovered",
    "team.changed",
    "team.hours-changed",
    "channel.hours-changed",
    "member.availability-changed",
    "plugin.enabled",
    "plugin.settings-changed",
];

const ACTION_SLOTS: [&str; 7] = [
    "conversation.conclude",
    "conversation.menu",
    "conversation.footer",
    "composer",
    "contact.menu",
    "team.menu",
    "settings",
];

const VIEW_SLOTS: [&str; 4] = ["team.settings", "conversation.panel", "settings", "home"];

const WEBHOOK_METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Longest text of a name, title or description in one language, in characters.
const MAX_TEXT: usize = 4000;

pub(super) fn problems(manifest: &Manifest) -> Vec<Problem> {
    let mut found = Vec::new();
    identity(manifest, &mut found);
    secrets(manifest, &mut found);
    hosts(manifest, &mut found);
    webhook(manifest, &mut found);
    subscriptions(manifest, &mut found);
    slots(manifest, &mut found);
    collections(manifest, &mut found);
    limits(manifest, &mut found);
    found
}

fn identity(manifest: &Manifest, found: &mut Vec<Problem>) {
    if !is_id(&manifest.id) {
        found.push(Problem::error(
            "id",
            "id",
            format!("`{}` is not a valid id", manifest.id),
            "use 2 to 40 of a-z, 0-9 and -, beginning with a letter",
        ));
    }
    if let Err(error) = semver::Version::parse(&manifest.version) {
        found.push(Problem::error(
            "version",
            "version",
            format!("`{}` is not a semantic version: {error}", manifest.version),
            "write it as MAJOR.MINOR.PATCH, for example \"0.1.0\"",
        ));
    }
    if manifest.publisher.trim().is_empty() {
        found.push(Problem::error(
            "publisher",
            "publisher",
            "the publisher is empty",
            "name the person or company that publishes it",
        ));
    }
    if manifest.icon.is_none() {
        found.push(Problem::warning(
            "icon",
            "icon",
            "there is no icon",
            "add assets/icon.svg and `icon = \"icon.svg\"`",
        ));
    }
    text(&manifest.name, "name", found);
    if manifest.description.0.is_empty() {
        found.push(Problem::warning(
            "description",
            "description",
            "there is no description",
            format!("add [description] with a text for {MAIN_LOCALE}"),
        ));
    } else {
        text(&manifest.description, "description", found);
    }
}

fn text(text: &LocalizedText, place: &str, found: &mut Vec<Problem>) {
    if text.0.get(MAIN_LOCALE).is_none_or(|t| t.trim().is_empty()) {
        found.push(Problem::error(
            "text-language",
            place,
            format!("the text in {MAIN_LOCALE} is missing"),
            format!("add `{MAIN_LOCALE} = \"…\"` under [{place}]; other languages fall back to it"),
        ));
    }
    for (locale, text) in &text.0 {
        let tag = locale.len() <= 35
            && locale.split('-').enumerate().all(|(i, part)| {
                let fits = if i == 0 {
                    (2..=3).contains(&part.len())
                } else {
                    (2..=8).contains(&part.len())
                };
                fits && part.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        if !tag {
            found.push(Problem::error(
                "text-language",
                format!("{place}.{locale}"),
                format!("`{locale}` is not a language tag"),
                "use tags such as pt-BR, en or es",
            ));
        }
        if text.chars().count() > MAX_TEXT {
            found.push(Problem::error(
                "text-length",
                format!("{place}.{locale}"),
                format!("the text is longer than {MAX_TEXT} characters"),
                "shorten it",
            ));
        }
    }
}

fn secrets(manifest: &Manifest, found: &mut Vec<Problem>) {
    unique(
        manifest.secrets.iter().map(|s| s.name.as_str()),
        "secrets",
        "secret",
        found,
    );
    if !manifest.secrets.is_empty() && manifest.settings.is_none() {
        found.push(Problem::error(
            "secret-schema",
            "secrets",
            "secrets are declared, but there is no form to give them in",
            "add [settings] with a schema that has a `writeOnly` property for each secret",
        ));
    }
    for (i, secret) in manifest.secrets.iter().enumerate() {
        if !is_name(&secret.name) {
            found.push(bad_name(format!("secrets[{i}].name"), &secret.name));
        }
        for (j, placement) in secret.placements.iter().enumerate() {
            let place = format!("secrets[{i}].placements[{j}]");
            if !manifest
                .http
                .hosts
                .iter()
                .any(|host| host.covers(&placement.host))
            {
                found.push(Problem::error(
                    "placement-host",
                    format!("{place}.host"),
                    format!(
                        "the secret may go to `{}`, but the plugin may not speak to it",
                        placement.host
                    ),
                    format!("add \"{}\" to `hosts` under [http]", placement.host),
                ));
            }
            if let Some(problem) = placement_value(&placement.place, &place) {
                found.push(problem);
            }
        }
    }
}

fn placement_value(value: &Place, place: &str) -> Option<Problem> {
    match value {
        Place::Header(name)
            if !crate::http::is_header_name(name) || crate::http::is_host_header(name) =>
        {
            Some(Problem::error(
                "placement-header",
                format!("{place}.header"),
                format!("`{name}` is not a header that a plugin may send"),
                "name a header such as \"authorization\"",
            ))
        }
        Place::JsonPointer(pointer) if !pointer.starts_with('/') => Some(Problem::error(
            "placement-pointer",
            format!("{place}.json-pointer"),
            format!("`{pointer}` is not a JSON pointer to a member"),
            "begin it with /, for example \"/auth/token\"",
        )),
        Place::FormField(name) if name.is_empty() => Some(Problem::error(
            "placement-field",
            format!("{place}.form-field"),
            "the field has no name",
            "name the form's field",
        )),
        _ => None,
    }
}

fn hosts(manifest: &Manifest, found: &mut Vec<Problem>) {
    for (i, host) in manifest.http.hosts.iter().enumerate() {
        if host.is_address() {
            found.push(Problem::warning(
                "host-address",
                format!("http.hosts[{i}]"),
                format!("`{host}` is an address; it is refused unless the operator allows private addresses for development"),
                "name the host instead",
            ));
        }
    }
}

fn webhook(manifest: &Manifest, found: &mut Vec<Problem>) {
    let mut decided: HashSet<&str> = HashSet::new();
    for (i, rule) in manifest.webhook.verify.iter().enumerate() {
        let place = format!("webhook.verify[{i}]");
        if rule.methods().is_empty() {
            found.push(Problem::error(
                "verify-methods",
                format!("{place}.methods"),
                "the rule is for no method",
                "add `methods = [\"POST\"]`",
            ));
        }
        for method in rule.methods() {
            if !WEBHOOK_METHODS.contains(&method.as_str()) {
                found.push(Problem::error(
                    "verify-methods",
                    format!("{place}.methods"),
                    format!("`{method}` is not a method that a webhook can have"),
                    format!("use one of {}, in upper case", WEBHOOK_METHODS.join(", ")),
                ));
            } else if !decided.insert(method) {
                found.push(Problem::error(
                    "verify-methods",
                    format!("{place}.methods"),
                    format!("an earlier rule already decides for {method}"),
                    "leave one rule per method",
                ));
            }
        }
        if let Some(secret) = rule.secret().filter(|name| manifest.secret(name).is_none()) {
            found.push(Problem::error(
                "verify-secret",
                format!("{place}.secret"),
                format!("`{secret}` is not a declared secret"),
                format!("add [[secrets]] with `name = \"{secret}\"`, and its `writeOnly` property to the settings schema"),
            ));
        }
        match rule {
            VerifyRule::Hmac { header, .. } | VerifyRule::Header { header, .. }
                if !crate::http::is_header_name(header) =>
            {
                found.push(Problem::error(
                    "verify-header",
                    format!("{place}.header"),
                    format!("`{header}` is not a header's name"),
                    "name the header that carries the proof",
                ));
            }
            VerifyRule::Query { parameter, .. } if parameter.is_empty() => {
                found.push(Problem::error(
                    "verify-parameter",
                    format!("{place}.parameter"),
                    "the parameter has no name",
                    "name the query parameter",
                ));
            }
            _ => {}
        }
    }
}

fn subscriptions(manifest: &Manifest, found: &mut Vec<Problem>) {
    unique(
        manifest.subscriptions.iter().map(|s| s.kind.as_str()),
        "subscriptions",
        "subscription to",
        found,
    );
    for (i, subscription) in manifest.subscriptions.iter().enumerate() {
        let kind = subscription.kind.as_str();
        if !EVENT_KINDS.contains(&kind) {
            found.push(Problem::warning(
                "event-kind",
                format!("subscriptions[{i}].kind"),
                format!("this host knows no event `{kind}`; it will never come"),
                format!("use one of: {}", EVENT_KINDS.join(", ")),
            ));
        }
        if subscription.hold && kind != "conversation.queued" {
            found.push(Problem::error(
                "hold",
                format!("subscriptions[{i}].hold"),
                format!("`{kind}` cannot be held; only a new conversation can"),
                "remove `hold`, or put it on `conversation.queued`",
            ));
        }
    }
}

fn slots(manifest: &Manifest, found: &mut Vec<Problem>) {
    unique(
        manifest.actions.iter().map(|a| a.id.as_str()),
        "actions",
        "action",
        found,
    );
    unique(
        manifest.views.iter().map(|v| v.id.as_str()),
        "views",
        "view",
        found,
    );
    unique(
        manifest.reports.iter().map(|r| r.id.as_str()),
        "reports",
        "report",
        found,
    );
    for (i, action) in manifest.actions.iter().enumerate() {
        let place = format!("actions[{i}]");
        entry(&place, &action.id, &action.title, found);
        slot(
            &place,
            &action.slot,
            &ACTION_SLOTS,
            action.roles.is_empty(),
            found,
        );
        let beside_a_conversation =
            action.slot.starts_with("conversation.") || action.slot == "composer";
        if action.only.is_some() && !beside_a_conversation {
            found.push(Problem::error(
                "only",
                format!("{place}.only"),
                format!("what stands in `{}` is nobody's own", action.slot),
                "remove `only`, or use a slot of a conversation",
            ));
        }
    }
    for (i, view) in manifest.views.iter().enumerate() {
        let place = format!("views[{i}]");
        entry(&place, &view.id, &view.title, found);
        slot(
            &place,
            &view.slot,
            &VIEW_SLOTS,
            view.roles.is_empty(),
            found,
        );
    }
    for (i, report) in manifest.reports.iter().enumerate() {
        entry(&format!("reports[{i}]"), &report.id, &report.title, found);
    }
}

fn entry(place: &str, id: &str, title: &LocalizedText, found: &mut Vec<Problem>) {
    if !is_name(id) {
        found.push(bad_name(format!("{place}.id"), id));
    }
    text(title, &format!("{place}.title"), found);
}

fn slot(place: &str, slot: &str, known: &[&str], nobody: bool, found: &mut Vec<Problem>) {
    if !known.contains(&slot) {
        found.push(Problem::warning(
            "slot",
            format!("{place}.slot"),
            format!("this host has no slot `{slot}`; it will not be shown"),
            format!("use one of: {}", known.join(", ")),
        ));
    }
    if nobody {
        found.push(Problem::error(
            "roles",
            format!("{place}.roles"),
            "nobody may use it",
            "add `roles = [\"agent\", \"supervisor\", \"admin\"]` or fewer of them",
        ));
    }
}

fn collections(manifest: &Manifest, found: &mut Vec<Problem>) {
    unique(
        manifest.collections.iter().map(|c| c.name.as_str()),
        "collections",
        "collection",
        found,
    );
    for (i, collection) in manifest.collections.iter().enumerate() {
        if !is_name(&collection.name) {
            found.push(bad_name(format!("collections[{i}].name"), &collection.name));
        }
        unique(
            collection.indexes.iter().map(String::as_str),
            &format!("collections[{i}].indexes"),
            "index",
            found,
        );
        for (j, index) in collection
            .indexes
            .iter()
            .enumerate()
            .filter(|(_, index)| !is_name(index))
        {
            found.push(bad_name(format!("collections[{i}].indexes[{j}]"), index));
        }
    }
}

fn limits(manifest: &Manifest, found: &mut Vec<Problem>) {
    let wishes = [
        ("cpu-ms", manifest.limits.cpu_ms),
        ("memory-mib", manifest.limits.memory_mib),
        ("deadline-ms", manifest.limits.deadline_ms),
    ];
    for (name, _) in wishes.iter().filter(|(_, wish)| *wish == Some(0)) {
        found.push(Problem::error(
            "limit",
            format!("limits.{name}"),
            "nothing can run with 0",
            "remove it, or ask for more than 0",
        ));
    }
}

fn unique<'a>(
    names: impl Iterator<Item = &'a str>,
    place: &str,
    what: &str,
    found: &mut Vec<Problem>,
) {
    let mut seen = HashSet::new();
    for (i, name) in names.enumerate() {
        if !seen.insert(name) {
            found.push(Problem::error(
                "duplicate",
                format!("{place}[{i}]"),
                format!("the {what} `{name}` is declared twice"),
                "remove one of them",
            ));
        }
    }
}

fn bad_name(place: String, name: &str) -> Problem {
    Problem::error(
        "name",
        place,
        format!("`{name}` is not a valid name"),
        "use 1 to 64 of a-z, A-Z, 0-9, - and _, beginning with a letter",
    )
}

fn is_id(id: &str) -> bool {
    (2..=40).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
