//! What the provider answers: accepted, or which account or file it is. Plain data, no imports.

mod refusal;

use balcao_plugin::connector::meta::{Answer, Platform};
use balcao_plugin::connector::{Account, Sent};
use balcao_plugin::lenient::Field;
use balcao_plugin::{Failure, json};

pub use refusal::meant;

/// How the provider's answers are read.
pub const WHATSAPP: Platform = Platform {
    name: "WhatsApp",
    meant,
};

/// The ids of a message that was accepted.
///
/// # Errors
/// A permanent failure where the answer names none.
pub fn sent(answer: &Answer) -> Result<Sent, Failure> {
    let message = answer.body().get("messages").list().next();
    let message = message.unwrap_or_default();
    let id = message.get("id").given();
    let id = id.ok_or_else(|| WHATSAPP.unreadable("a resposta não diz qual é a mensagem"))?;
    let status = message.get("message_status").given();
    let extra = match status.filter(|status| status != "accepted") {
        Some(status) => json::text(&json::json!({ "message_status": status })),
        None => String::new(),
    };
    Ok(Sent {
        external_ids: vec![id],
        state: "sent".into(),
        extra,
    })
}

/// That a change of state was taken.
///
/// # Errors
/// A permanent failure where the answer does not say so.
pub fn done(answer: &Answer) -> Result<(), Failure> {
    match answer.body().get("success").flag() {
        true => Ok(()),
        false => Err(WHATSAPP.unreadable("a resposta não confirma")),
    }
}

/// The connected account, asked for by its id.
///
/// # Errors
/// A permanent failure where the answer is about another.
pub fn account(answer: &Answer, id: &str) -> Result<Account, Failure> {
    let text = |name: &str| answer.body().get(name).text();
    if !["", id].contains(&text("id").as_str()) {
        return Err(WHATSAPP.unreadable("a resposta é sobre outra conta"));
    }
    let phone = text("display_phone_number");
    let name = match (text("verified_name").as_str(), phone.as_str()) {
        ("", phone) => phone.to_owned(),
        (name, "") => name.to_owned(),
        (name, phone) => format!("{name} ({phone})"),
    };
    Ok(Account {
        external_id: id.to_owned(),
        name,
        extra: json::text(&json::json!({ "phone": phone })),
    })
}

/// Where the bytes of a medium are.
///
/// # Errors
/// A permanent failure where the answer has no https address.
pub fn media_url(answer: &Answer) -> Result<String, Failure> {
    let url = Field::given(answer.body().get("url"));
    url.filter(|url| url.starts_with("https://"))
        .ok_or_else(|| WHATSAPP.unreadable("a resposta não tem o endereço do arquivo"))
}

#[cfg(test)]
mod tests;
