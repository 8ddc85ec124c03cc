//! Contact cards. The provider takes one at a time, with one phone of its own and the rest in a vCard.

use super::{Call, missing};
use balcao_plugin::Failure;
use serde_json::{Map, Value as Json};

/// Bytes of a vCard that the provider takes.
const VCARD: usize = 2048;

pub(super) fn contact(extra: &Map<String, Json>) -> Result<Call, Failure> {
    let contacts = extra.get("contacts").and_then(Json::as_array);
    let contact = match contacts.map(Vec::as_slice) {
        Some([contact]) => contact,
        Some([_, _, ..]) => {
            return Err(Failure::invalid(
                "O Telegram envia um contato por mensagem.",
            ));
        }
        _ => return Err(missing("contacts", "contacts")),
    };
    let name = contact["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| missing("contacts", "name"))?;
    let (phones, emails) = (texts(contact, "phones"), texts(contact, "emails"));
    let Some(phone) = phones.first() else {
        return Err(Failure::invalid(
            "O Telegram só envia contatos com telefone.",
        ));
    };
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    let mut fields = Map::new();
    fields.insert("phone_number".into(), (*phone).into());
    fields.insert("first_name".into(), first.into());
    if !last.is_empty() {
        fields.insert("last_name".into(), last.into());
    }
    let vcard = vcard(name, &phones, &emails);
    if phones.len() + emails.len() > 1 && vcard.len() <= VCARD {
        fields.insert("vcard".into(), vcard.into());
    }
    Ok(Call::new("sendContact", fields))
}

fn texts<'a>(contact: &'a Json, name: &str) -> Vec<&'a str> {
    let list = contact[name].as_array().map(Vec::as_slice);
    let texts = list.unwrap_or_default().iter().filter_map(Json::as_str);
    texts.filter(|text| !text.is_empty()).collect()
}

/// RFC 6350's version before: what the provider's apps read.
fn vcard(name: &str, phones: &[&str], emails: &[&str]) -> String {
    let plain = |text: &str| {
        let text = text.replace(['\r', '\n'], " ");
        text.replace('\\', "\\\\")
            .replace(',', "\\,")
            .replace(';', "\\;")
    };
    let mut lines = vec![
        "BEGIN:VCARD".to_owned(),
        "VERSION:3.0".to_owned(),
        format!("FN:{}", plain(name)),
        format!("N:;{};;;", plain(name)),
    ];
    lines.extend(phones.iter().map(|phone| format!("TEL:{}", plain(phone))));
    lines.extend(emails.iter().map(|email| format!("EMAIL:{}", plain(email))));
    lines.push("END:VCARD".into());
    lines.join("\r\n")
}
