//! From the provider's list to the content that is sent.

use super::*;

fn answer() -> Json {
    json!({ "data": [
        { "name": "pedido_pronto", "language": "pt_BR", "status": "APPROVED", "category": "UTILITY", "components": [
            { "type": "HEADER", "format": "IMAGE", "example": { "header_handle": ["https://example.com/a"] } },
            { "type": "BODY", "text": "Olá, {{1}}! O pedido {{2}} está pronto, {{1}}." },
            { "type": "FOOTER", "text": "Oficina" },
            { "type": "BUTTONS", "buttons": [
                { "type": "QUICK_REPLY", "text": "Vou buscar" },
                { "type": "URL", "text": "Acompanhar", "url": "https://example.com/p/{{1}}" },
            ] },
        ] },
        { "name": "aviso", "language": "pt_BR", "status": "APPROVED", "category": "UTILITY", "components": [{ "type": "BODY", "text": "Abrimos hoje." }] },
        { "name": "nomeado", "language": "en", "status": "APPROVED", "parameter_format": "NAMED", "components": [
            { "type": "HEADER", "format": "TEXT", "text": "For {{who}}" }, { "type": "BODY", "text": "Hello {{who}}" },
        ] },
        { "name": "cupom", "language": "pt_BR", "status": "APPROVED", "components": [
            { "type": "BODY", "text": "Um presente" }, { "type": "BUTTONS", "buttons": [{ "type": "COPY_CODE", "text": "Copiar" }] },
        ] },
        { "name": "recusado", "language": "pt_BR", "status": "REJECTED", "components": [{ "type": "BODY", "text": "a" }] },
        { "name": "carrossel", "language": "pt_BR", "status": "APPROVED", "category": "MARKETING", "components": [
            { "type": "BODY", "text": "Para {{1}}:" },
            { "type": "CAROUSEL", "cards": [card("Pão a {{1}}"), card("Bolo a {{1}}")] },
        ] },
        { "name": "lugar", "language": "pt_BR", "status": "APPROVED", "components": [{ "type": "HEADER", "format": "LOCATION" }, { "type": "BODY", "text": "Venha" }] },
        { "name": "cadastro", "language": "pt_BR", "status": "APPROVED", "components": [
            { "type": "BODY", "text": "Preencha" },
            { "type": "BUTTONS", "buttons": [{ "type": "FLOW", "text": "Abrir", "flow_id": "1", "flow_action": "NAVIGATE", "navigate_screen": "A" }] },
        ] },
        { "name": "catalogo", "language": "pt_BR", "status": "APPROVED", "components": [
            { "type": "BODY", "text": "Veja" }, { "type": "BUTTONS", "buttons": [{ "type": "CATALOG", "text": "Ver" }] },
        ] },
        { "name": "codigo", "language": "pt_BR", "status": "APPROVED", "components": [
            { "type": "BODY", "text": "{{1}}" }, { "type": "BUTTONS", "buttons": [{ "type": "OTP", "otp_type": "COPY_CODE", "text": "Copiar" }] },
        ] },
        { "name": "oferta", "language": "pt_BR", "status": "APPROVED", "components": [
            { "type": "BODY", "text": "Só hoje" }, { "type": "LIMITED_TIME_OFFER", "limited_time_offer": { "text": "Acaba" } },
        ] },
        { "name": "produto", "language": "pt_BR", "status": "APPROVED", "components": [{ "type": "HEADER", "format": "PRODUCT" }, { "type": "BODY", "text": "a" }] },
        7,
    ] })
}

fn card(text: &str) -> Json {
    json!({ "components": [
        { "type": "HEADER", "format": "IMAGE", "example": { "header_handle": ["https://example.com/a"] } },
        { "type": "BODY", "text": text },
        { "type": "BUTTONS", "buttons": [
            { "type": "QUICK_REPLY", "text": "Quero" },
            { "type": "URL", "text": "Ver", "url": "https://example.com/p/{{1}}" },
        ] },
    ] })
}

/// The components that are sent for these values.
fn sent(values: Json) -> Json {
    match after(values) {
        Next::Send(content) => json::parse::<Json>(&content.extra).unwrap()["components"].clone(),
        other => panic!("{other:?}"),
    }
}

fn templates() -> Listed {
    listed(Field::of(&answer()))
}

fn after(values: Json) -> Next {
    next(&templates(), Field::of(&values), false)
}

#[test]
fn what_is_approved_and_can_be_filled_is_offered_by_name() {
    let form = choice(&templates(), false);
    let offered: Vec<&str> = form["schema"]["properties"]["template"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["const"].as_str().unwrap())
        .collect();
    assert_eq!(
        offered,
        [
            "aviso|pt_BR",
            "cadastro|pt_BR",
            "carrossel|pt_BR",
            "cupom|pt_BR",
            "lugar|pt_BR",
            "nomeado|en",
            "pedido_pronto|pt_BR"
        ]
    );
    assert_eq!(
        form["schema"]["description"],
        "Não aparecem aqui, porque este canal não preenche uma parte deles: catalogo (pt_BR): BUTTON CATALOG; \
         codigo (pt_BR): BUTTON OTP; oferta (pt_BR): LIMITED_TIME_OFFER; produto (pt_BR): HEADER PRODUCT."
    );
}

#[test]
fn where_all_are_offered_nothing_is_said_of_others() {
    let answer = json!({ "data": [{ "name": "a", "language": "en", "components": [{ "type": "BODY", "text": "a" }] }] });
    let form = choice(&listed(Field::of(&answer)), true);
    assert_eq!(form["schema"].get("description"), None);
}

#[test]
fn a_place_is_asked_for_and_given_in_degrees() {
    let Next::Form(text, form) = after(json!({ "template": "lugar|pt_BR" })) else {
        panic!("a form");
    };
    let fields = json!(["l_name", "l_address", "l_latitude", "l_longitude"]);
    assert_eq!(
        (text.as_str(), &form["schema"]["required"]),
        ("Venha", &fields)
    );
    let mut values = json!({
        "template": "lugar|pt_BR", "step": "filled", "l_name": "Loja", "l_address": "Sé, São Paulo", "l_latitude": "-23,5505", "l_longitude": "-46.6333",
    });
    let Next::Form(text, _) = after(values.clone()) else {
        panic!("a preview");
    };
    assert_eq!(
        text,
        "Confira antes de enviar:\n\nLoja, Sé, São Paulo\n\nVenha"
    );
    values["step"] = "send".into();
    let expected = json!([{ "type": "header", "parameters": [{ "type": "location", "location": {
        "latitude": "-23.5505", "longitude": "-46.6333", "name": "Loja", "address": "Sé, São Paulo",
    } }] }]);
    assert_eq!(sent(values), expected);
}

#[test]
fn every_card_of_a_carousel_is_filled() {
    let Next::Form(text, form) = after(json!({ "template": "carrossel|pt_BR" })) else {
        panic!("a form");
    };
    assert_eq!(
        text,
        "Para {{1}}:\n\n1. Pão a {{1}}\n[Quero] [Ver]\n\n2. Bolo a {{1}}\n[Quero] [Ver]"
    );
    let fields = json!([
        "b_1", "c1_m", "c1_b_1", "c1_u_1", "c2_m", "c2_b_1", "c2_u_1"
    ]);
    assert_eq!(form["schema"]["required"], fields);
    assert_eq!(
        form["schema"]["properties"]["c2_m"]["title"],
        "Cartão 2: Endereço da imagem (https)"
    );
    let values = json!({
        "template": "carrossel|pt_BR", "step": "send", "b_1": "Ana",
        "c1_m": "https://example.com/pao.jpg", "c1_b_1": "R$ 5", "c1_u_1": "pao",
        "c2_m": "https://example.com/bolo.jpg", "c2_b_1": "R$ 30", "c2_u_1": "bolo",
    });
    let card = |index: usize, name: &str, price: &str| {
        let image = json!({ "type": "image", "image": { "link": format!("https://example.com/{name}.jpg") } });
        json!({ "card_index": index, "components": [
            { "type": "header", "parameters": [image] },
            { "type": "body", "parameters": [{ "type": "text", "text": price }] },
            { "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{ "type": "payload", "payload": "Quero" }] },
            { "type": "button", "sub_type": "url", "index": "1", "parameters": [{ "type": "text", "text": name }] },
        ] })
    };
    let expected = json!([
        { "type": "body", "parameters": [{ "type": "text", "text": "Ana" }] },
        { "type": "carousel", "cards": [card(0, "pao", "R$ 5"), card(1, "bolo", "R$ 30")] },
    ]);
    assert_eq!(sent(values), expected);
}

#[test]
fn a_form_is_sent_with_its_button() {
    let values = json!({ "template": "cadastro|pt_BR", "step": "send" });
    let expected = json!([{
        "type": "button", "sub_type": "flow", "index": "0", "parameters": [{ "type": "action", "action": { "flow_token": "unused" } }],
    }]);
    assert_eq!(sent(values), expected);
}

#[test]
fn what_cannot_be_filled_is_refused_with_the_part_that_is_why() {
    let values = json!({ "template": "oferta|pt_BR" });
    let why = "Este canal não preenche uma parte deste modelo (LIMITED_TIME_OFFER); escolha outro.";
    let expected = Next::Errors(vec![("template".into(), why.into())]);
    assert_eq!(after(values), expected);
}

#[test]
fn a_template_is_filled_previewed_and_sent() {
    let Next::Form(text, form) = after(json!({ "template": "pedido_pronto|pt_BR" })) else {
        panic!("a form");
    };
    assert!(text.contains("Olá, {{1}}!"), "{text}");
    assert_eq!(
        form["schema"]["required"],
        json!(["m", "b_1", "b_2", "u_1"])
    );
    assert_eq!(form["ui"]["step"]["ui:widget"], "hidden");
    let mut values = form["values"].clone();
    for (field, value) in [
        ("m", "https://example.com/foto.jpg"),
        ("b_1", "Ana"),
        ("b_2", "17"),
        ("u_1", "17"),
    ] {
        values[field] = value.into();
    }
    let filled = "Olá, Ana! O pedido 17 está pronto, Ana.\n\nOficina\n\n[Vou buscar] [Acompanhar]";
    let Next::Form(text, form) = after(values) else {
        panic!("a preview");
    };
    assert_eq!(text, format!("Confira antes de enviar:\n\n{filled}"));
    assert_eq!(form["schema"]["required"], json!([]));
    let Next::Send(content) = after(form["values"].clone()) else {
        panic!("a content");
    };
    assert_eq!(
        (content.kind.as_str(), content.text.as_str()),
        ("template", filled)
    );
    let extra: Json = json::parse(&content.extra).unwrap();
    let expected = json!({
        "name": "pedido_pronto", "language": "pt_BR", "category": "UTILITY",
        "components": [
            { "type": "header", "parameters": [{ "type": "image", "image": { "link": "https://example.com/foto.jpg" } }] },
            { "type": "body", "parameters": [{ "type": "text", "text": "Ana" }, { "type": "text", "text": "17" }] },
            { "type": "button", "sub_type": "url", "index": "1", "parameters": [{ "type": "text", "text": "17" }] },
        ],
    });
    assert_eq!(extra, expected);
}

#[test]
fn one_without_values_is_previewed_before_it_is_sent() {
    let Next::Form(text, form) = after(json!({ "template": "aviso|pt_BR" })) else {
        panic!("a preview");
    };
    assert_eq!(text, "Confira antes de enviar:\n\nAbrimos hoje.");
    let Next::Send(content) = after(form["values"].clone()) else {
        panic!("a content");
    };
    assert_eq!(content.text, "Abrimos hoje.");
}

#[test]
fn named_values_and_codes_are_given_as_the_provider_takes_them() {
    let named = json!({ "template": "nomeado|en", "h_who": "you", "b_who": "Ana", "step": "send" });
    let expected = json!([
        { "type": "header", "parameters": [{ "type": "text", "text": "you", "parameter_name": "who" }] },
        { "type": "body", "parameters": [{ "type": "text", "text": "Ana", "parameter_name": "who" }] },
    ]);
    assert_eq!(sent(named), expected);
    let code = json!({ "template": "cupom|pt_BR", "u_0": "VOLTE10", "step": "send" });
    let expected = json!([
        { "type": "button", "sub_type": "copy_code", "index": "0", "parameters": [{ "type": "coupon_code", "coupon_code": "VOLTE10" }] },
    ]);
    assert_eq!(sent(code), expected);
}

#[test]
fn what_is_missing_or_would_be_refused_is_told_by_its_field() {
    let wrong = |values: Json| match after(values) {
        Next::Errors(fields) => fields
            .into_iter()
            .map(|(field, _)| field)
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(json!({ "template": "recusado|pt_BR" })), ["template"]);
    let values = json!({ "template": "pedido_pronto|pt_BR", "step": "filled", "m": "http://a", "b_1": "a\nb", "b_2": "x" });
    assert_eq!(wrong(values), ["m", "b_1", "u_1"]);
    let values = json!({
        "template": "lugar|pt_BR", "step": "filled", "l_name": "Loja", "l_address": "Sé", "l_latitude": "90.5", "l_longitude": "oeste",
    });
    assert_eq!(wrong(values), ["l_latitude", "l_longitude"]);
}
