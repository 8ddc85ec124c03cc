//! What messages say, kind by kind.

use super::*;

#[test]
fn media_come_by_reference_with_caption_name_size_and_kind() {
    let none = || Json::Null;
    let big = file("FOTO_grande", "image/jpeg", "", 98_000);
    let bold = value!({"entities": [{"offset": 2, "length": 8, "type": "bold"}]});
    let mp4 = "video/mp4";
    let cases = [
        (
            "photo",
            with(
                std::slice::from_ref(&big),
                content("image", "A etiqueta", bold),
            ),
        ),
        (
            "live_photo",
            with(
                &[big.clone(), file("VIVA", mp4, "", 400_000)],
                content("image", "", none()),
            ),
        ),
        (
            "video",
            with(
                &[file("VIDEO", mp4, "obra.mp4", 700_000)],
                content("video", "", none()),
            ),
        ),
        (
            "video_note",
            with(
                &[file("REDONDO", mp4, "", 300_000)],
                content("video", "", none()),
            ),
        ),
        (
            "animation",
            with(
                &[file("GIF", mp4, "oi.mp4", 60_000)],
                content("video", "", none()),
            ),
        ),
        (
            "audio",
            with(
                &[file("MUSICA", "audio/mpeg", "Banda – Canção", 3_000_000)],
                content("audio", "", value!({"voice": false})),
            ),
        ),
        (
            "voice",
            with(
                &[file("VOZ", "audio/ogg", "", 9_000)],
                content("audio", "", value!({"voice": true})),
            ),
        ),
        (
            "document",
            with(
                &[file("PDF", "application/pdf", "nota.pdf", 52_000)],
                content("document", "A nota", none()),
            ),
        ),
        (
            "sticker",
            with(
                &[file("FIGURINHA", "image/webp", "", 20_000)],
                content("sticker", "👍", none()),
            ),
        ),
        (
            "sticker_animated",
            with(
                &[file("ANIMADA", "application/x-tgsticker", "", 20_000)],
                content("sticker", "🎉", none()),
            ),
        ),
        (
            "paid_media",
            with(
                &[big],
                content(
                    "unsupported",
                    "Mídia paga (5 estrelas).\nBastidores",
                    value!({"type": "paid_media"}),
                ),
            ),
        ),
    ];
    for (name, expected) in cases {
        assert_eq!(inbound(name).content, expected, "{name}");
    }
}

#[test]
fn an_albums_pictures_are_messages_of_one_group() {
    let of = |name: &str| {
        let message = inbound(name);
        (
            message.external_id,
            message.content.text,
            message.content.extra,
        )
    };
    let group = r#"{"group":"13400000000000001"}"#;
    assert_eq!(
        of("album_first"),
        ("5001:21".into(), "As duas fotos".into(), group.into())
    );
    assert_eq!(
        of("album_second"),
        ("5001:22".into(), String::new(), group.into())
    );
    let Event::Edit {
        message, content, ..
    } = event("edited_caption")
    else {
        panic!("an edit");
    };
    assert_eq!(
        (message.as_str(), content.extra.as_str()),
        ("5001:21", group)
    );
    assert_eq!(content.attachments.len(), 1);
}

#[test]
fn places_and_cards_keep_what_they_say() {
    let place = value!({"latitude": -23.5505, "longitude": -46.6333});
    assert_eq!(inbound("location").content, content("location", "", place));
    let venue = value!({
        "latitude": -23.5505, "longitude": -46.6333, "name": "Praça da Sé", "address": "Sé, São Paulo",
    });
    assert_eq!(inbound("venue").content, content("location", "", venue));
    let card = value!({"contacts": [
        {"name": "Oficina Central", "phones": ["+551130000000"], "emails": ["oficina@example.com"]},
    ]});
    let other = inbound("contact");
    assert_eq!(other.content, content("contacts", "", card));
    assert_eq!(other.sender, client());
}

#[test]
fn ones_own_phone_is_an_address_of_oneself() {
    let own = inbound("own_phone");
    let phone = ("phone".to_owned(), "+5511900000001".to_owned());
    assert_eq!(own.sender.aliases, [client().aliases[0].clone(), phone]);
}

#[test]
fn kinds_that_the_host_has_none_for_are_told_in_words() {
    let cases = [
        ("dice", "text", "🎲 4"),
        ("story", "unsupported", "Story de Outro."),
        (
            "poll",
            "unsupported",
            "Enquete: Qual dia?\n• Sábado (2)\n• Domingo",
        ),
        (
            "checklist",
            "unsupported",
            "Lista: Compras\n☑ Cimento\n☐ Areia",
        ),
        ("game", "unsupported", "Jogo: Corrida\nChegue primeiro"),
        (
            "invoice",
            "unsupported",
            "Cobrança: Conserto\nMão de obra\nBRL 129,50",
        ),
        (
            "giveaway",
            "unsupported",
            "Sorteio para 3 pessoas.\nUma caneca",
        ),
        (
            "giveaway_winners",
            "unsupported",
            "Sorteio encerrado: 1 pessoa.\nCliente\nUma caneca",
        ),
        (
            "passport_data",
            "unsupported",
            "Documentos do Telegram Passport, que este canal não abre.",
        ),
    ];
    for (name, kind, text) in cases {
        let extra = match kind {
            "unsupported" => value!({ "type": name }),
            _ => Json::Null,
        };
        assert_eq!(inbound(name).content, content(kind, text, extra), "{name}");
    }
    let data = content(
        "choice",
        r#"{"tamanho":"M"}"#,
        value!({"id": "Escolher tamanho", "title": "Escolher tamanho"}),
    );
    assert_eq!(inbound("web_app_data").content, data);
}

#[test]
fn a_rich_message_is_read_as_lines_with_its_files() {
    let text = "Orçamento\nSegue o resumo pedido 👇\n1. Visita\n2. ☑ Medição\nItem | R$\nTinta | 90\n———\nPrazo\nDez dias\nA parede";
    let picture = file("FOTO_grande", "image/jpeg", "", 98_000);
    assert_eq!(
        inbound("rich_message").content,
        with(&[picture], content("text", text, Json::Null))
    );
}

#[test]
fn an_unknown_kind_and_an_odd_shape_are_kept_and_named() {
    for (name, kind) in [("unknown_kind", "hologram"), ("odd_shape", "text")] {
        let brought = brought(name);
        let remark = format!("A message of kind {kind:?} was kept as unsupported");
        assert_eq!(brought.remarks, [Remark::Odd(remark)]);
        let [Event::Message { message, .. }] = &brought.events[..] else {
            panic!("one message");
        };
        let words = format!("Mensagem de um tipo que este canal não recebe ({kind}).");
        assert_eq!(
            message.content,
            content("unsupported", &words, value!({ "type": kind }))
        );
    }
}
