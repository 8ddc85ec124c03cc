//! The details of a permission in words for people, in their language. What is compared at an upgrade is [`super::Permission::detail`], not this.

use serde_json::Value;

use super::Permission;
use crate::{
    manifest::{Collection, LocalizedText, Secret, Subscription},
    package::Package,
};

/// Event kind, Portuguese, English. A kind that is not here is named as it is.
const HAPPENS: [(&str, &str, &str); 21] = [
    (
        "conversation.queued",
        "Uma conversa entra na fila",
        "A conversation is queued",
    ),
    (
        "conversation.offered",
        "Uma conversa é oferecida a alguém",
        "A conversation is offered to somebody",
    ),
    (
        "conversation.started",
        "Um atendimento começa",
        "A conversation is started",
    ),
    (
        "conversation.released",
        "Uma conversa é liberada para a equipe",
        "A conversation is released to the team",
    ),
    (
        "conversation.transferred",
        "Um atendimento é transferido",
        "A conversation is transferred",
    ),
    (
        "conversation.concluded",
        "Um atendimento é concluído",
        "A conversation is concluded",
    ),
    (
        "conversation.reopened",
        "Um atendimento é reaberto",
        "A conversation is reopened",
    ),
    (
        "message.received",
        "Uma mensagem chega",
        "A message comes in",
    ),
    (
        "message.sent",
        "Uma mensagem é enviada",
        "A message is sent",
    ),
    (
        "message.failed",
        "Uma mensagem não pôde ser enviada",
        "A message could not be sent",
    ),
    (
        "contact.created",
        "Um contato novo aparece",
        "A new contact appears",
    ),
    (
        "contact.erased",
        "Um contato é apagado com tudo o que se sabe dele",
        "A contact is erased with all that is known of them",
    ),
    (
        "contact.merged",
        "Dois contatos são unidos",
        "Two contacts are merged",
    ),
    (
        "plugin.failing",
        "Um app para de funcionar",
        "An app stops working",
    ),
    (
        "plugin.recovered",
        "Um app volta a funcionar",
        "An app works again",
    ),
    ("team.changed", "Uma equipe muda", "A team changes"),
    (
        "team.hours-changed",
        "O horário de uma equipe muda",
        "A team's hours change",
    ),
    (
        "channel.hours-changed",
        "O horário de um canal muda",
        "A channel's hours change",
    ),
    (
        "member.availability-changed",
        "Alguém fica disponível ou indisponível",
        "Somebody becomes available or unavailable",
    ),
    (
        "plugin.enabled",
        "O próprio app é habilitado",
        "The app itself is enabled",
    ),
    (
        "plugin.settings-changed",
        "A configuração do próprio app muda",
        "The app's own settings change",
    ),
];

/// Says each detail of `permission`, which is one of the package's.
pub fn details(package: &Package, permission: &Permission, locale: &str) -> Vec<String> {
    let manifest = package.manifest();
    match permission.code {
        "secrets" => {
            let schema = package.settings_schema();
            let say = |secret| secret_in_words(secret, schema, locale);
            manifest.secrets.iter().map(say).collect()
        }
        "collections" => {
            let say = |it: &Collection| match it.title.get(locale) {
                "" => it.name.clone(),
                title => title.to_owned(),
            };
            manifest.collections.iter().map(say).collect()
        }
        "events" => {
            let say = |it: &Subscription| event_in_words(it, locale);
            manifest.subscriptions.iter().map(say).collect()
        }
        _ => permission.detail.clone(),
    }
}

fn say<'a>(pt: &'a str, en: &'a str, locale: &str) -> &'a str {
    if LocalizedText::reads_portuguese(locale) {
        pt
    } else {
        en
    }
}

/// `Token de acesso: enviado só para graph.example`
fn secret_in_words(secret: &Secret, schema: Option<&Value>, locale: &str) -> String {
    let property = schema.and_then(|it| it.get("properties")?.get(&secret.name));
    let title = property.and_then(|it| titled(it, locale));
    let title = title.unwrap_or(&secret.name);
    let mut hosts: Vec<String> = secret
        .placements
        .iter()
        .map(|it| it.host.to_string())
        .collect();
    hosts.dedup();
    if hosts.is_empty() {
        let never = say("nunca sai do servidor", "never leaves the server", locale);
        return format!("{title}: {never}");
    }
    let only = say("enviado só para", "sent only to", locale);
    let and = say(" e ", " and ", locale);
    format!("{title}: {only} {}", hosts.join(and))
}

/// The property's title; schemas are written in Portuguese, with `x-en` beside.
fn titled<'a>(property: &'a Value, locale: &str) -> Option<&'a str> {
    let own = property.get("title");
    let english = property.get("x-en").and_then(|it| it.get("title"));
    let (first, second) = if LocalizedText::reads_portuguese(locale) {
        (own, english)
    } else {
        (english, own)
    };
    first.or(second)?.as_str()
}

fn event_in_words(subscription: &Subscription, locale: &str) -> String {
    let known = HAPPENS.iter().find(|(kind, ..)| *kind == subscription.kind);
    let what = known.map_or(subscription.kind.as_str(), |(_, pt, en)| {
        say(pt, en, locale)
    });
    if !subscription.hold {
        return what.to_owned();
    }
    let held = say(
        "e espera o app por até 2 s",
        "and waits for the app, 2 s at most",
        locale,
    );
    format!("{what}, {held}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::rules::EVENT_KINDS;

    #[test]
    fn every_kind_of_event_has_words() {
        assert_eq!(HAPPENS.map(|(kind, ..)| kind), EVENT_KINDS);
    }
}
