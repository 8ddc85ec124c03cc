//! The templates of the demo's business account, in the shape of the provider's list ("Message templates").

use serde_json::{Value, json};

/// The business account that they are of.
pub const BUSINESS: &str = "100000000000009";

/// Those that are approved, and one that is not.
pub fn listed() -> Value {
    let template = |name: &str, status: &str, category: &str, components: Value| {
        json!({
            "id": format!("7000000000{}", name.len()), "name": name, "language": "pt_BR", "status": status, "category": category,
            "parameter_format": "POSITIONAL", "components": components,
        })
    };
    json!({ "data": [
        template("pedido_pronto", "APPROVED", "UTILITY", json!([
            { "type": "BODY", "text": "Olá, {{1}}! O pedido {{2}} está pronto para retirada." },
            { "type": "FOOTER", "text": "Loja Demonstração" },
            { "type": "BUTTONS", "buttons": [{ "type": "QUICK_REPLY", "text": "Vou buscar" }, { "type": "QUICK_REPLY", "text": "Quero entrega" }] },
        ])),
        template("retomar_conversa", "APPROVED", "UTILITY", json!([
            { "type": "BODY", "text": "Olá! Temos novidades sobre o seu atendimento. Podemos continuar por aqui?" },
        ])),
        template("oferta_da_semana", "APPROVED", "MARKETING", json!([
            { "type": "HEADER", "format": "IMAGE", "example": { "header_handle": ["https://files.example/oferta.jpg"] } },
            { "type": "BODY", "text": "{{1}}, a oferta desta semana é {{2}}." },
        ])),
        template("aviso_antigo", "REJECTED", "UTILITY", json!([{ "type": "BODY", "text": "Aviso." }])),
    ], "paging": { "cursors": { "before": "MAZDZD", "after": "MjQZD" } } })
}
