//! How the bot stands: blocked or unblocked by somebody, in or out of a group, connected to a business account or not.

use super::{Reader, people, words};
use crate::address::is_id;
use balcao_plugin::Instant;
use balcao_plugin::connector::Event;
use balcao_plugin::lenient::Field;

impl<N: Fn() -> Instant> Reader<N> {
    pub(super) fn member(&mut self, changed: Field) {
        let chat = changed.get("chat").object();
        let Some((id, chat)) = chat.and_then(|chat| Some((chat.get("id").number()?, chat))) else {
            return self.odd("A membership without a chat");
        };
        let Some(member) = changed.get("new_chat_member").object() else {
            return self.odd("A membership that does not say what it is now");
        };
        let status = member.get("status").text();
        let inside = match status.as_str() {
            "creator" | "administrator" | "member" => true,
            // Somebody who may not write may still be there.
            "restricted" => member.get("is_member").flag(),
            "left" | "kicked" => false,
            _ => return self.odd("A membership of an unknown kind"),
        };
        let name = words::chat_name(chat);
        let (code, text) = match (chat.get("type").text().as_str(), inside) {
            ("private", true) => ("unblocked", "O cliente desbloqueou o bot.".to_owned()),
            ("private", false) => (
                "blocked",
                "O cliente bloqueou o bot: nada do que se enviar chega.".to_owned(),
            ),
            (_, true) => ("bot-added", format!("O bot está em {name}.")),
            (_, false) => ("bot-removed", format!("O bot não está mais em {name}.")),
        };
        self.push(Event::Note {
            key: format!("n:{id}:u{}", self.update),
            thread: Some(id.to_string()),
            code: code.into(),
            text,
            extra: String::new(),
        });
    }

    /// About the account, not about one conversation.
    pub(super) fn connection(&mut self, connection: Field) {
        let id = connection.get("id").text();
        if !is_id(&id) {
            return self.odd("A business connection without an id");
        }
        let owner = connection.get("user").object();
        let owner = owner.map(|user| people::named(user)).unwrap_or_default();
        let rights = connection.get("rights").object();
        let can_reply = match &rights {
            Some(rights) => rights.get("can_reply").flag(),
            None => connection.get("can_reply").flag(),
        };
        let (code, text) = match (connection.get("is_enabled").flag(), can_reply) {
            (true, true) => (
                "business-connected",
                format!("A conta comercial de {owner} está ligada ao bot."),
            ),
            (true, false) => (
                "business-connected",
                format!(
                    "A conta comercial de {owner} está ligada ao bot, mas não permite que ele responda: ligue a permissão em Telegram Business → Chatbots."
                ),
            ),
            (false, _) => (
                "business-disconnected",
                format!("A conta comercial de {owner} não está mais ligada ao bot."),
            ),
        };
        self.push(Event::Note {
            key: format!("n:@{id}:u{}", self.update),
            thread: None,
            code: code.into(),
            text,
            extra: String::new(),
        });
    }
}
