//! What the provider tells about the business's account, its numbers and its templates: the channel's health with what can be done, a line
//! of the log for what concerns the admin, or why it is left out.

use super::{problem_text, short};
use crate::answer::WHATSAPP;
use balcao_plugin::connector::meta::Refusal;
use balcao_plugin::connector::{Brought, Event};
use balcao_plugin::lenient::Field;

/// Fields that carry nothing for a service desk, and why.
pub(super) const LEFT_OUT: [(&str, &str); 22] = [
    (
        "account_settings_update",
        "settings of the number are kept at Meta",
    ),
    ("automatic_events", "events detected for advertisements"),
    (
        "business_capability_update",
        "limits are the provider's, which refuses by them",
    ),
    (
        "business_status_update",
        "the state of the portfolio is shown at Meta",
    ),
    (
        "business_username_updates",
        "the business's user name is kept at Meta",
    ),
    ("consumer_profile", "names come with messages"),
    ("flows", "the state of forms is shown at Meta"),
    ("group_lifecycle_update", "groups are not served"),
    ("group_participants_update", "groups are not served"),
    ("group_settings_update", "groups are not served"),
    ("group_status_update", "groups are not served"),
    (
        "history",
        "only what is new is served, not what the phone's app had before",
    ),
    (
        "marketing_messages_link_clicks",
        "clicks are counted at Meta",
    ),
    (
        "message_template_components_update",
        "templates are asked for when they are used",
    ),
    (
        "messaging_handovers",
        "who answers is set at Meta; what is said comes by `standby`",
    ),
    ("partner_solutions", "for solution partners"),
    ("payment_configuration_update", "payments are not served"),
    (
        "phone_number_name_update",
        "the name is asked for by the connection test",
    ),
    ("security", "two-step verification is kept at Meta"),
    ("smb_app_state_sync", "the phone's contacts are not copied"),
    (
        "template_correct_category_detection",
        "categories are shown at Meta",
    ),
    ("tracking_events", "events counted for advertisements"),
];

pub(super) fn read(field: &str, value: Field, entry: Field, brought: &mut Brought) {
    let told = match field {
        "account_update" => account(value),
        "account_review_update" => review(value),
        "account_alerts" => alert(value),
        "phone_number_quality_update" => quality(value),
        "message_template_status_update"
        | "message_template_quality_update"
        | "template_category_update" => return template(field, value, entry, brought),
        _ => {
            let known = LEFT_OUT.iter().find(|(name, _)| *name == field);
            return brought.ignored(match known {
                Some((name, why)) => format!("A change of the field {name:?} is left out: {why}"),
                None => format!(
                    "A change of the field {:?}, which this channel does not use",
                    short(field)
                ),
            });
        }
    };
    match told {
        Some((state, message)) => brought.push(Event::Health { state, message }),
        None => brought.ignored(format!(
            "A change of the field {field:?} ({}) that asks for nothing",
            short(&value.get("event").text())
        )),
    }
}

/// A state of health, and why, with the remedy.
type Health = (&'static str, String);

fn account(value: Field) -> Option<Health> {
    let text = |name: &str, part: &str| value.get(name).get(part).text();
    Some(match value.get("event").text().as_str() {
        "ACCOUNT_VIOLATION" => (
            "degraded",
            format!(
                "A Meta apontou uma violação de política ({}). Veja o que fazer em Gerenciador do WhatsApp → Qualidade da conta.",
                text("violation_info", "violation_type")
            ),
        ),
        "ACCOUNT_RESTRICTION" => (
            "degraded",
            "A Meta restringiu a conta: parte das mensagens não sai. Veja o motivo e peça revisão em Gerenciador do WhatsApp → Qualidade da conta.".into(),
        ),
        "DISABLED_UPDATE" => match text("ban_info", "waba_ban_state").as_str() {
            "REINSTATE" => ("connected", String::new()),
            "SCHEDULE_FOR_DISABLE" => (
                "degraded",
                "A Meta vai desativar a conta. Peça revisão em Gerenciador do WhatsApp → Qualidade da conta.".into(),
            ),
            _ => (
                "disconnected",
                "A Meta desativou a conta. Peça revisão em Gerenciador do WhatsApp → Qualidade da conta.".into(),
            ),
        },
        "ACCOUNT_DELETED" => (
            "disconnected",
            "A conta do WhatsApp Business foi apagada. Conecte outra nas configurações do canal.".into(),
        ),
        "PARTNER_REMOVED" | "PARTNER_APP_UNINSTALLED" | "ACCOUNT_OFFBOARDED" => (
            "disconnected",
            "O aplicativo perdeu o acesso à conta do WhatsApp Business. Autorize-o de novo na Meta e teste a conexão.".into(),
        ),
        "PARTNER_ADDED" | "PARTNER_APP_INSTALLED" | "ACCOUNT_RECONNECTED" => {
            ("connected", String::new())
        }
        _ => return None,
    })
}

fn review(value: Field) -> Option<Health> {
    match value.get("decision").text().as_str() {
        "REJECTED" => Some((
            "degraded",
            "A Meta não aprovou a conta. Veja o motivo e peça revisão em Gerenciador do WhatsApp."
                .into(),
        )),
        "APPROVED" => Some(("connected", String::new())),
        _ => None,
    }
}

fn alert(value: Field) -> Option<Health> {
    let alert = match value.get("alert_info").object() {
        Some(alert) => alert,
        None => value,
    };
    let severe = ["CRITICAL", "WARNING"].contains(&alert.get("alert_severity").text().as_str());
    severe.then(|| {
        (
            "degraded",
            format!(
                "Alerta da Meta sobre a conta ({}): {}. Veja em Gerenciador do WhatsApp.",
                alert.get("alert_type").text(),
                alert.get("alert_description").text().trim_end_matches('.')
            ),
        )
    })
}

fn quality(value: Field) -> Option<Health> {
    match value.get("event").text().as_str() {
        "FLAGGED" => Some((
            "degraded",
            format!(
                "A qualidade do número {} caiu e o limite de mensagens pode baixar. Envie menos mensagens que o cliente não pediu.",
                value.get("display_phone_number").text()
            ),
        )),
        "UNFLAGGED" => Some(("connected", String::new())),
        _ => None,
    }
}

/// What became of a template: for whoever keeps them, in the channel's log.
fn template(field: &str, value: Field, entry: Field, brought: &mut Brought) {
    let Some(name) = value.get("message_template_name").given() else {
        return brought.odd(format!(
            "A change of the field {field:?} that names no template"
        ));
    };
    let name = format!("{name} ({})", value.get("message_template_language").text());
    let (what, text) = match field {
        "message_template_status_update" => {
            let event = value.get("event").text();
            let text = match event.as_str() {
                "APPROVED" | "REINSTATED" => format!("O modelo {name} foi aprovado."),
                "REJECTED" => format!(
                    "A Meta recusou o modelo {name}: {}. Corrija-o no Gerenciador do WhatsApp.",
                    value
                        .get("rejection_info")
                        .get("reason")
                        .given()
                        .unwrap_or_else(|| value.get("reason").text())
                        .trim_end_matches('.')
                ),
                "PAUSED" => format!("A Meta pausou o modelo {name} pela qualidade."),
                "DISABLED" => format!("A Meta desativou o modelo {name}."),
                _ => format!("O modelo {name} agora está em {event}."),
            };
            (event, text)
        }
        "message_template_quality_update" => {
            let score = value.get("new_quality_score").text();
            let words = match score.as_str() {
                "GREEN" => "alta",
                "YELLOW" => "média",
                "RED" => "baixa",
                _ => score.as_str(),
            };
            let text = format!("A qualidade do modelo {name} agora é {words}.");
            (score, text)
        }
        _ => {
            let category = value.get("new_category").text();
            let text =
                format!("A categoria do modelo {name} agora é {category}, o que muda o preço.");
            (category, text)
        }
    };
    let (id, when) = (
        value.get("message_template_id").text(),
        entry.get("time").text(),
    );
    brought.push(Event::Note {
        key: format!("n:template:{id}:{what}:{when}"),
        thread: None,
        code: "template".into(),
        text,
        extra: String::new(),
    });
}

/// Why a message was not delivered, with what can be done where that is known.
pub(super) fn reason(problem: Field) -> String {
    let refusal = refusal(problem);
    match crate::answer::meant(&refusal) {
        Some(_) => format!(
            "{} [{}]",
            WHATSAPP.remedy(&refusal)[0],
            problem_text(problem)
        ),
        None => problem_text(problem),
    }
}

/// The health of the channel, where a problem is of the whole account and not of one message.
pub(super) fn broken(problem: Field) -> Option<Health> {
    let refusal = refusal(problem);
    let lasting = crate::answer::meant(&refusal).is_some_and(|it| it.code == "account");
    lasting.then(|| ("degraded", reason(problem)))
}

fn refusal(problem: Field) -> Refusal {
    Refusal {
        code: problem.get("code").text().parse().unwrap_or(0),
        ..Refusal::default()
    }
}
