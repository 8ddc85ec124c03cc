//! What the provider tells about a chat in the form of a message: lines of the timeline, and a group that moved.

use super::message::Scene;
use super::people::{self, listed, named};
use super::words::{gift, lines, money};
use balcao_plugin::connector::{Event, Person};
use balcao_plugin::lenient::{Field, cut};

/// Bytes of a line.
const LINE: usize = 4096;

/// The line of a message that has the kind's field.
type Tell = fn(Field) -> String;

/// What each service message says, by its field. Those of an empty object or `true` only have to be there.
pub(super) const KINDS: [(&str, Tell); 58] = [
    ("new_chat_members", |it| {
        format!(
            "Entrou no grupo: {}.",
            listed(it.get("new_chat_members").list())
        )
    }),
    ("left_chat_member", |it| {
        format!("Saiu do grupo: {}.", who(it, "left_chat_member"))
    }),
    ("chat_owner_left", |_| "O dono do grupo saiu.".into()),
    ("chat_owner_changed", |it| {
        format!(
            "O grupo tem outro dono: {}.",
            within(it, "chat_owner_changed", |it| who(it, "new_owner"))
        )
    }),
    ("new_chat_title", |it| {
        format!(
            "O grupo agora se chama {}.",
            it.get("new_chat_title").text()
        )
    }),
    ("new_chat_photo", |_| "A foto do grupo mudou.".into()),
    ("delete_chat_photo", |_| {
        "A foto do grupo foi apagada.".into()
    }),
    ("group_chat_created", |_| "O grupo foi criado.".into()),
    ("supergroup_chat_created", |_| {
        "O supergrupo foi criado.".into()
    }),
    ("channel_chat_created", |_| {
        "O canal do Telegram foi criado.".into()
    }),
    ("message_auto_delete_timer_changed", timer),
    ("pinned_message", |_| "Uma mensagem foi fixada.".into()),
    ("successful_payment", |it| {
        format!(
            "Pagamento recebido: {}.",
            within(it, "successful_payment", money)
        )
    }),
    ("refunded_payment", |it| {
        format!(
            "Pagamento devolvido: {}.",
            within(it, "refunded_payment", money)
        )
    }),
    ("users_shared", |it| {
        let users = it.get("users_shared").get("users");
        format!("O cliente indicou: {}.", listed(users.list()))
    }),
    ("chat_shared", |it| {
        let shared = within(it, "chat_shared", |it| {
            let number = it.get("chat_id").number().unwrap_or(0);
            it.get("title")
                .given()
                .unwrap_or_else(|| number.to_string())
        });
        format!("O cliente indicou o grupo ou canal {shared}.")
    }),
    ("gift", |it| within(it, "gift", gift)),
    ("unique_gift", |_| "Um presente colecionável.".into()),
    ("gift_upgrade_sent", |_| {
        "A melhoria de um presente foi paga.".into()
    }),
    ("connected_website", |it| {
        format!(
            "O cliente entrou com o Telegram em {}.",
            it.get("connected_website").text()
        )
    }),
    ("write_access_allowed", |_| {
        "O cliente permitiu que o bot lhe escreva.".into()
    }),
    ("proximity_alert_triggered", proximity),
    ("boost_added", |_| "O grupo recebeu um impulso.".into()),
    ("chat_background_set", |_| {
        "O fundo da conversa mudou.".into()
    }),
    ("checklist_tasks_done", checked),
    ("checklist_tasks_added", added),
    ("direct_message_price_changed", |_| {
        "O preço das mensagens diretas do canal mudou.".into()
    }),
    ("forum_topic_created", |it| {
        format!(
            "Tópico criado: {}.",
            within(it, "forum_topic_created", |it| it.get("name").text())
        )
    }),
    ("forum_topic_edited", |it| {
        let name = within(it, "forum_topic_edited", |it| it.get("name").text());
        lines([String::from("O tópico mudou."), name]).replace('\n', " ")
    }),
    ("forum_topic_closed", |_| "O tópico foi fechado.".into()),
    ("forum_topic_reopened", |_| "O tópico foi reaberto.".into()),
    ("general_forum_topic_hidden", |_| {
        "O tópico geral foi escondido.".into()
    }),
    ("general_forum_topic_unhidden", |_| {
        "O tópico geral voltou a aparecer.".into()
    }),
    ("giveaway_created", |_| "Um sorteio foi criado.".into()),
    ("giveaway_completed", |_| "Um sorteio terminou.".into()),
    ("managed_bot_created", |_| {
        "O cliente criou um bot administrado por este.".into()
    }),
    ("paid_message_price_changed", |_| {
        "O preço das mensagens do grupo mudou.".into()
    }),
    ("poll_option_added", |it| {
        option(it, "poll_option_added", "ganhou")
    }),
    ("poll_option_deleted", |it| {
        option(it, "poll_option_deleted", "perdeu")
    }),
    ("suggested_post_approved", |_| {
        "Uma publicação sugerida foi aprovada.".into()
    }),
    ("suggested_post_approval_failed", |_| {
        "Uma publicação sugerida não pôde ser aprovada: falta saldo.".into()
    }),
    ("suggested_post_declined", |it| {
        let why = within(it, "suggested_post_declined", |it| it.get("comment").text());
        lines([String::from("Uma publicação sugerida foi recusada."), why]).replace('\n', " ")
    }),
    ("suggested_post_paid", |_| {
        "Uma publicação sugerida foi paga.".into()
    }),
    ("suggested_post_refunded", |_| {
        "O pagamento de uma publicação sugerida foi devolvido.".into()
    }),
    ("video_chat_scheduled", |_| {
        "Uma chamada de vídeo foi marcada.".into()
    }),
    ("video_chat_started", |_| {
        "Uma chamada de vídeo começou.".into()
    }),
    ("video_chat_ended", |it| {
        let seconds = it
            .get("video_chat_ended")
            .object()
            .and_then(|it| it.get("duration").number());
        format!(
            "Uma chamada de vídeo terminou ({} s).",
            seconds.unwrap_or(0)
        )
    }),
    ("video_chat_participants_invited", |it| {
        let invited = it.get("video_chat_participants_invited");
        format!(
            "Convidados à chamada de vídeo: {}.",
            listed(invited.get("users").list())
        )
    }),
    ("community_chat_added", |it| {
        format!(
            "O grupo entrou na comunidade {}.",
            community(it, "community_chat_added")
        )
    }),
    ("community_chat_removed", |_| {
        "O grupo saiu da comunidade.".into()
    }),
    ("community_chat_joined", |it| {
        format!(
            "Entrou pela comunidade {}.",
            community(it, "community_chat_joined")
        )
    }),
    // Older versions of the provider's documents.
    ("user_shared", |_| "O cliente indicou alguém.".into()),
    ("voice_chat_scheduled", |_| {
        "Uma chamada foi marcada.".into()
    }),
    ("voice_chat_started", |_| "Uma chamada começou.".into()),
    ("voice_chat_ended", |_| "Uma chamada terminou.".into()),
    ("voice_chat_participants_invited", |_| {
        "Convidados à chamada.".into()
    }),
    ("new_chat_member", |it| {
        format!("Entrou no grupo: {}.", who(it, "new_chat_member"))
    }),
    ("new_chat_participant", |it| {
        format!("Entrou no grupo: {}.", who(it, "new_chat_participant"))
    }),
];

/// The event of a service message; none where it is a message.
pub(super) fn read(message: Field, scene: &Scene) -> Option<Event> {
    if let Some(moved) = moved(message, scene) {
        return Some(moved);
    }
    let (code, tell) = KINDS
        .iter()
        .find(|(kind, _)| message.get(kind).is_there())?;
    Some(Event::Note {
        key: format!("n:{}", scene.external_id),
        thread: Some(scene.thread.to_string()),
        code: code.replace('_', "-"),
        text: cut(tell(message), LINE),
        extra: String::new(),
    })
}

/// A group that became a supergroup has another number from then on. Both chats tell of it, and either is enough.
fn moved(message: Field, scene: &Scene) -> Option<Event> {
    let here = scene.thread.chat;
    let (old, new) = match (
        message.get("migrate_to_chat_id").number(),
        message.get("migrate_from_chat_id").number(),
    ) {
        (Some(new), _) => (here, new),
        (None, Some(old)) => (old, here),
        (None, None) => return None,
    };
    let chat = message
        .get("chat")
        .object()
        .and_then(|chat| people::chat(chat));
    let now = Person {
        external_id: new.to_string(),
        ..chat?
    };
    Some(Event::Identity {
        key: format!("i:{old}:{new}"),
        old: old.to_string(),
        now,
    })
}

fn within(message: Field, name: &str, tell: impl Fn(Field) -> String) -> String {
    message.get(name).object().map(tell).unwrap_or_default()
}

fn who(of: Field, name: &str) -> String {
    within(of, name, named)
}

fn timer(message: Field) -> String {
    let changed = message.get("message_auto_delete_timer_changed").object();
    match changed.and_then(|it| it.get("message_auto_delete_time").number()) {
        Some(seconds) if seconds > 0 => {
            format!("As mensagens agora se apagam depois de {seconds} s.")
        }
        _ => "As mensagens não se apagam mais sozinhas.".into(),
    }
}

fn proximity(message: Field) -> String {
    within(message, "proximity_alert_triggered", |alert| {
        let metres = alert.get("distance").number().unwrap_or(0);
        let (near, of) = (who(alert, "traveler"), who(alert, "watcher"));
        format!("{near} está a {metres} m de {of}.")
    })
}

fn checked(message: Field) -> String {
    let done = message.get("checklist_tasks_done");
    let count = |name| done.get(name).list().count();
    let (done, undone) = (
        count("marked_as_done_task_ids"),
        count("marked_as_not_done_task_ids"),
    );
    format!("Na lista, {done} feitas e {undone} desfeitas.")
}

fn added(message: Field) -> String {
    let tasks = message.get("checklist_tasks_added").get("tasks").list();
    let texts: Vec<String> = tasks.take(30).map(|task| task.get("text").text()).collect();
    format!("A lista ganhou: {}.", texts.join(", "))
}

fn option(message: Field, name: &str, what: &str) -> String {
    let option = within(message, name, |it| it.get("option_text").text());
    format!("A enquete {what} a opção {option}.")
}

fn community(message: Field, name: &str) -> String {
    within(message, name, |it| {
        within(it, "community", |it| it.get("name").text())
    })
}
