//! What is told beside messages: edits, deletions, reactions, how the bot stands, what happens in a chat.

use super::*;

fn note(name: &str) -> (Option<String>, String, String) {
    match event(name) {
        Event::Note {
            thread, code, text, ..
        } => (thread, code, text),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn edits_have_keys_and_times_of_their_own() {
    let edit = |name: &str| match event(name) {
        Event::Edit {
            key,
            message,
            content,
            at,
        } => (key, message, content.text, at),
        other => panic!("{other:?}"),
    };
    let (key, message, text, at) = edit("edited_message");
    assert_eq!(
        (message.as_str(), text.as_str()),
        ("5001:11", "Bom dia! Vocês abrem amanhã?")
    );
    assert!(key.starts_with("e:5001:11:"), "{key}");
    assert_eq!(at / SECOND, AT / SECOND + 60);
    assert_eq!(edit("edited_business_message").1, "6001@bc_EXEMPLO:51");
    assert_eq!(edit("edited_channel_post").1, "-1003003003003:41");
}

#[test]
fn an_edit_keeps_where_its_message_came_from() {
    let body = value!({"update_id": 1, "edited_message": {
        "message_id": 1, "chat": {"id": 1, "type": "private"}, "date": 5, "edit_date": 9, "text": "a",
        "forward_origin": {"type": "hidden_user", "sender_user_name": "B"},
    }});
    match &read(body.to_string().as_bytes(), ALL, || NOW).events[..] {
        [Event::Edit { content, .. }] => assert_eq!(content.extra, r#"{"forwarded":true}"#),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_edits_within_a_second_are_in_the_order_of_their_updates() {
    let at = |update: i64| {
        let body = value!({"update_id": update, "edited_message": {
            "message_id": 1, "chat": {"id": 1, "type": "private"}, "date": 5, "edit_date": 9, "text": "a",
        }});
        match &read(body.to_string().as_bytes(), ALL, || NOW).events[..] {
            [Event::Edit { key, at, .. }] => (key.clone(), *at),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(at(7), ("e:1:1:7".into(), 9 * SECOND + 7));
    assert!(at(7).1 < at(8).1);
}

#[test]
fn deleted_messages_are_revoked_one_by_one() {
    let revoke = |number: i64| Event::Revoke {
        key: format!("d:6001@bc_EXEMPLO:{number}"),
        message: format!("6001@bc_EXEMPLO:{number}"),
        at: NOW,
    };
    assert_eq!(
        brought("deleted_business_messages").events,
        [revoke(51), revoke(52)]
    );
}

#[test]
fn a_reaction_is_about_its_message_and_an_empty_one_takes_it_back() {
    let reaction = |name: &str| match event(name) {
        Event::Reaction {
            message,
            sender,
            emoji,
            at,
            ..
        } => {
            assert_eq!(at / SECOND, AT / SECOND);
            (message, sender.external_id, emoji)
        }
        other => panic!("{other:?}"),
    };
    let is = |message: &str, sender: &str, emoji: &str| {
        (message.to_owned(), sender.to_owned(), emoji.to_owned())
    };
    assert_eq!(reaction("reaction"), is("5001:12", "5001", "👍"));
    assert_eq!(reaction("reaction_several"), is("5001:12", "5001", "❤✨⭐"));
    assert_eq!(reaction("reaction_taken_back"), is("5001:12", "5001", ""));
    assert_eq!(
        reaction("reaction_anonymous"),
        is("-1002002002002:12", "-1002002002002", "🔥")
    );
}

#[test]
fn a_group_that_moved_is_told_alike_by_both_of_its_chats() {
    let now = Person {
        external_id: "-1002002002002".into(),
        aliases: Vec::new(),
        name: "Obra".into(),
        avatar: String::new(),
        ..client()
    };
    let moved = Event::Identity {
        key: "i:-4001:-1002002002002".into(),
        old: "-4001".into(),
        now,
    };
    assert_eq!(event("migrate_to_chat_id"), moved);
    assert_eq!(event("migrate_from_chat_id"), moved);
}

#[test]
fn how_the_bot_stands_is_a_note() {
    for (name, thread, code, words) in [
        (
            "blocked",
            Some("5001"),
            "blocked",
            "O cliente bloqueou o bot: nada do que se enviar chega.",
        ),
        (
            "unblocked",
            Some("5001"),
            "unblocked",
            "O cliente desbloqueou o bot.",
        ),
        (
            "bot_added",
            Some("-4001"),
            "bot-added",
            "O bot está em Obra.",
        ),
        (
            "bot_removed",
            Some("-4001"),
            "bot-removed",
            "O bot não está mais em Obra.",
        ),
        (
            "bot_restricted",
            Some("-1002002002002"),
            "bot-added",
            "O bot está em Obra.",
        ),
        (
            "business_connected",
            None,
            "business-connected",
            "A conta comercial de Dona da Loja está ligada ao bot.",
        ),
        (
            "business_disconnected",
            None,
            "business-disconnected",
            "A conta comercial de Dona da Loja não está mais ligada ao bot.",
        ),
    ] {
        let expected = (thread.map(str::to_owned), code.to_owned(), words.to_owned());
        assert_eq!(note(name), expected, "{name}");
    }
    assert!(
        note("business_connected_mute")
            .2
            .contains("Telegram Business → Chatbots")
    );
}

#[test]
fn blocking_again_is_told_again() {
    let key = |name: &str| match event(name) {
        Event::Note { key, .. } => key,
        other => panic!("{other:?}"),
    };
    assert_ne!(key("blocked"), key("unblocked"));
    assert_eq!(key("blocked"), key("blocked"));
}

#[test]
fn service_messages_are_notes_named_after_their_field() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .collect();
    let services: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with("service_"))
        .collect();
    assert_eq!(services.len(), 51);
    for name in services {
        let (thread, code, text) = note(name);
        assert_eq!(code, name["service_".len()..].replace('_', "-"));
        assert!(
            thread.is_some() && text.ends_with(['.', '!'])
                || code == "gift"
                || text.contains("Consertos")
                || text.contains("Fora do tema"),
            "{name}: {text}"
        );
    }
    for (name, text) in [
        ("new_chat_members", "Entrou no grupo: Rui, Ana Souza."),
        ("left_chat_member", "Saiu do grupo: Rui."),
        (
            "message_auto_delete_timer_changed",
            "As mensagens agora se apagam depois de 86400 s.",
        ),
        ("successful_payment", "Pagamento recebido: BRL 129,50."),
        ("refunded_payment", "Pagamento devolvido: 50 estrelas."),
        ("users_shared", "O cliente indicou: Rui, Ana Souza."),
        ("proximity_alert_triggered", "Rui está a 50 m de Ana Souza."),
        ("checklist_tasks_done", "Na lista, 2 feitas e 1 desfeitas."),
        (
            "suggested_post_declined",
            "Uma publicação sugerida foi recusada. Fora do tema",
        ),
        ("community_chat_joined", "Entrou pela comunidade Bairro."),
    ] {
        assert_eq!(note(&format!("service_{name}")).2, text);
    }
}

#[test]
fn updates_that_are_not_used_are_ignored_with_their_name() {
    let unused = [
        "guest_message",
        "message_reaction_count",
        "inline_query",
        "chosen_inline_result",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "poll",
        "poll_answer",
        "chat_member",
        "chat_join_request",
        "chat_boost",
        "removed_chat_boost",
        "managed_bot",
        "subscription",
        "stopped_message_generation",
    ];
    for kind in unused {
        let why = format!("An update {kind:?}, which this channel does not use");
        let expected = Brought {
            remarks: vec![Remark::Ignored(why)],
            ..Brought::default()
        };
        assert_eq!(brought(&format!("unused_{kind}")), expected);
        assert!(!updates(ALL).contains(&kind));
    }
}
