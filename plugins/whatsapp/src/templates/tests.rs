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
        { "name": "carrossel", "language": "pt_BR", "status": "APPROVED", "components": [{ "type": "BODY", "text": "a" }, { "type": "CAROUSEL", "cards": [] }] },
        { "name": "lugar", "language": "pt_BR", "status": "APPROVED", "components": [{ "type": "HEADER", "format": "LOCATION" }, { "type": "BODY", "text": "a" }] },
        7,
    ] })
}

fn templates() -> Vec<Template> {
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
            "cupom|pt_BR",
            "nomeado|en",
            "pedido_pronto|pt_BR"
        ]
    );
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
    let sent = |values: Json| match after(values) {
        Next::Send(content) => json::parse::<Json>(&content.extra).unwrap()["components"].clone(),
        other => panic!("{other:?}"),
    };
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
}
