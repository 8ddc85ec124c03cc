//! What the provider answers: yes, or a refusal in words that say what can be done about it. Plain data, no imports.

use crate::address::{Thread, is_id};
use balcao_plugin::connector::{Account, Sent};
use balcao_plugin::{Failure, json};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// Pixels from which a person's picture is large enough to be shown.
const SHOWN: u64 = 192;

/// What an answer that says yes holds.
#[derive(Debug, PartialEq)]
pub struct Answer(Json);

/// An answer that says no.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub failure: Failure,
    /// The number that the chat has now, where the provider refuses because it has another.
    pub moved_to: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    ok: bool,
    result: Json,
    description: String,
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<u32>,
    migrate_to_chat_id: Option<i64>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            moved_to: None,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.failure
    }
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// What the provider refuses.
    pub fn read(status: u16, body: &[u8]) -> Result<Self, Refusal> {
        let said = serde_json::from_slice::<Envelope>(body);
        match said {
            Ok(said) if said.ok && (200..300).contains(&status) => Ok(Self(said.result)),
            Ok(said) => Err(Refusal {
                failure: failure(status, &said),
                moved_to: said.parameters.migrate_to_chat_id,
            }),
            Err(_) if (200..300).contains(&status) => Err(unreadable("não é JSON").into()),
            Err(_) => Err(failure(status, &Envelope::default()).into()),
        }
    }

    /// The messages that were made in a thread: one, or those of an album.
    ///
    /// # Errors
    /// A permanent failure where the answer names none.
    pub fn sent(&self, thread: &Thread) -> Result<Sent, Failure> {
        let messages = match &self.0 {
            Json::Array(messages) => messages.as_slice(),
            message => std::slice::from_ref(message),
        };
        let numbers: Option<Vec<i64>> = messages
            .iter()
            .map(|message| message["message_id"].as_i64())
            .collect();
        let numbers = numbers.filter(|numbers| !numbers.is_empty());
        let numbers = numbers.ok_or_else(|| unreadable("não diz qual mensagem foi enviada"))?;
        // 0: accepted, and numbered when the provider really sends it.
        let numbered = numbers.iter().filter(|number| **number != 0);
        Ok(Sent {
            external_ids: numbered
                .map(|number| thread.message(*number).to_string())
                .collect(),
            state: "sent".into(),
            extra: String::new(),
        })
    }

    /// The bot as an account, with what matters of its settings at the provider.
    ///
    /// # Errors
    /// A permanent failure where the answer is about no bot.
    pub fn account(&self) -> Result<Account, Failure> {
        let id = self.0["id"].as_i64().filter(|_| self.0["is_bot"] == true);
        let id = id.ok_or_else(|| unreadable("não descreve um bot"))?;
        let username = self.0["username"].as_str().unwrap_or_default();
        let name = match self.0["first_name"].as_str().unwrap_or_default() {
            "" => format!("@{username}"),
            name => format!("{name} (@{username})"),
        };
        let mut extra = Map::new();
        for field in [
            "username",
            "can_read_all_group_messages",
            "can_connect_to_business",
        ] {
            if let Some(value) = self.0.get(field) {
                extra.insert(field.into(), value.clone());
            }
        }
        Ok(Account {
            external_id: id.to_string(),
            name,
            extra: json::text(&extra),
        })
    }

    /// Whether the bot is shown every message of a group, or only those to it.
    pub fn reads_groups(&self) -> bool {
        self.0["can_read_all_group_messages"] == true
    }

    /// The file of a person's picture that is large enough to be shown.
    ///
    /// # Errors
    /// A permanent failure where the person shows none.
    pub fn picture(&self) -> Result<String, Failure> {
        let sizes = self.0["photos"][0].as_array();
        let sizes = sizes.map(Vec::as_slice).unwrap_or_default();
        let wide = |size: &&Json| size["width"].as_u64().is_some_and(|it| it >= SHOWN);
        let size = sizes.iter().find(wide).or(sizes.last());
        let file = size.and_then(|size| size["file_id"].as_str());
        let none = || Failure::permanent("gone", "A pessoa não mostra foto no Telegram.");
        file_id(file.ok_or_else(none)?).map(str::to_owned)
    }

    /// The path of a file on the provider's server.
    ///
    /// # Errors
    /// A permanent failure where the answer has none, or one that leads elsewhere.
    pub fn file_path(&self) -> Result<&str, Failure> {
        let path = self.0["file_path"].as_str().unwrap_or_default();
        let is_name = |name: &str| {
            let plain = name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
            plain && !name.is_empty() && !name.starts_with('.')
        };
        match path.split('/').all(is_name) {
            true => Ok(path),
            false => Err(unreadable("não diz onde está o arquivo")),
        }
    }
}

/// A file's id, as the connector gave it to the host.
///
/// # Errors
/// A permanent failure where it is none.
pub fn file_id(reference: &str) -> Result<&str, Failure> {
    match is_id(reference) {
        true => Ok(reference),
        false => Err(Failure::invalid(
            "Não é a identificação de um arquivo do Telegram.",
        )),
    }
}

/// The provider answered, but not as it documents: repeating would not make it better, and might double a message.
fn unreadable(what: &str) -> Failure {
    Failure::permanent(
        "unexpected-answer",
        format!("Resposta inesperada do Telegram: {what}."),
    )
}

/// The code of a refusal that means: nothing is left to do.
pub const SO_ALREADY: &str = "so-already";

/// Refusals that are known by the provider's words: a part of them, our code, and what can be done.
const KNOWN: [(&str, &str, &str); 27] = [
    (
        "message is not modified",
        SO_ALREADY,
        "A mensagem já diz isto.",
    ),
    (
        "message to delete not found",
        SO_ALREADY,
        "A mensagem já foi apagada.",
    ),
    (
        "message to edit not found",
        "gone",
        "A mensagem foi apagada no Telegram e não pode mais ser editada.",
    ),
    (
        "message can't be edited",
        "unsupported",
        "O Telegram não deixa mais editar esta mensagem.",
    ),
    (
        "message can't be deleted",
        "unsupported",
        "O Telegram não deixa mais apagar esta mensagem: ele só deixa até 48 horas depois do envio.",
    ),
    (
        "bot was blocked by the user",
        "blocked",
        "O cliente bloqueou o bot. Só ele pode desbloqueá-lo; procure-o por outro canal.",
    ),
    (
        "user is deactivated",
        "gone",
        "A conta do cliente no Telegram não existe mais. Procure-o por outro canal.",
    ),
    (
        "bot can't initiate conversation",
        "not-started",
        "O cliente ainda não abriu a conversa com o bot. Ele precisa escrever primeiro.",
    ),
    (
        "bots can't send messages to bots",
        "rejected",
        "O Telegram não deixa um bot escrever a outro.",
    ),
    (
        "bot was kicked",
        "removed",
        "O bot foi retirado do grupo ou canal. Peça a um administrador de lá que o traga de volta.",
    ),
    (
        "bot is not a member",
        "removed",
        "O bot não está no grupo ou canal. Peça a um administrador de lá que o traga de volta.",
    ),
    ("chat was deleted", "gone", "O grupo foi apagado."),
    (
        "upgraded to a supergroup",
        "moved",
        "O grupo virou supergrupo e tem outro número. Responda na conversa nova, que começa com a próxima mensagem de lá.",
    ),
    (
        "chat not found",
        "gone",
        "O Telegram não conhece mais esta conversa. O cliente precisa escrever ao bot outra vez.",
    ),
    (
        "BUSINESS_PEER_USAGE_MISSING",
        "window-closed",
        "Pela conta comercial só se responde até 24 horas depois da última mensagem do cliente. Espere que ele escreva.",
    ),
    (
        "BUSINESS_PEER_INVALID",
        "forbidden",
        "A conta comercial não deixa o bot responder a este cliente. Revise os chats permitidos em Telegram Business → Chatbots.",
    ),
    (
        "BUSINESS_CONNECTION",
        "forbidden",
        "A conta comercial não está mais ligada ao bot. Ligue-a de novo em Telegram Business → Chatbots.",
    ),
    (
        "business connection not found",
        "forbidden",
        "A conta comercial não está mais ligada ao bot. Ligue-a de novo em Telegram Business → Chatbots.",
    ),
    (
        "TOPIC_CLOSED",
        "forbidden",
        "O tópico está fechado. Reabra-o no grupo ou responda em outro.",
    ),
    ("TOPIC_DELETED", "gone", "O tópico foi apagado."),
    ("message thread not found", "gone", "O tópico foi apagado."),
    (
        "VOICE_MESSAGES_FORBIDDEN",
        "unsupported",
        "O cliente não aceita mensagens de voz. Envie o áudio como arquivo.",
    ),
    (
        "REACTION_INVALID",
        "unsupported",
        "O Telegram não aceita esta reação nesta conversa.",
    ),
    (
        "file is too big",
        "too-large",
        "O arquivo passa de 20 MB, e o Telegram não entrega arquivos maiores a bots. Peça ao cliente que o envie por outro meio.",
    ),
    (
        "failed to get HTTP URL content",
        "invalid",
        "O Telegram não conseguiu buscar o arquivo. O endereço público do servidor precisa ser alcançável pela internet, por https.",
    ),
    (
        "wrong type of the web page content",
        "invalid",
        "O Telegram não aceita este tipo de arquivo por link.",
    ),
    (
        "bad webhook",
        "invalid",
        "O Telegram não aceita o endereço do webhook. O endereço público do servidor precisa ser https e alcançável pela internet, na porta 443, 80, 88 ou 8443.",
    ),
];

/// Refusals for want of a right, in any of the provider's words.
const RIGHTS: [&str; 4] = [
    "not enough rights",
    "have no rights",
    "CHAT_WRITE_FORBIDDEN",
    "need administrator rights",
];

fn failure(status: u16, said: &Envelope) -> Failure {
    let words = said.description.as_str();
    let has = |part: &str| words.to_lowercase().contains(&part.to_lowercase());
    let failure = match status {
        429 => {
            let wait = said.parameters.retry_after.unwrap_or(0);
            let wait_text = match wait {
                0 => "um pouco".to_owned(),
                wait => format!("{wait} s"),
            };
            Failure::rate_limited(
                format!(
                    "O Telegram pediu para esperar {wait_text}: pedidos demais em pouco tempo. O que falta enviar vai sozinho depois."
                ),
                wait,
            )
        }
        500.. => Failure::unavailable(
            "O Telegram está fora do ar. O que falta enviar vai sozinho depois.",
        ),
        // An address with a token of another form is not found.
        401 | 404 => Failure::unauthorized(
            "O Telegram não aceita mais o token do bot. Peça outro ao @BotFather (/token), grave-o nas configurações do canal e teste a conexão.",
        ),
        413 => Failure::permanent("too-large", "O arquivo é grande demais para o Telegram."),
        _ => match KNOWN.iter().find(|(part, _, _)| has(part)) {
            Some((_, code, text)) => Failure::permanent(code, *text),
            None if RIGHTS.into_iter().any(has) => Failure::permanent(
                "forbidden",
                "O bot não tem permissão para isto no grupo ou canal. Peça-a a um administrador de lá.",
            ),
            None if status == 403 => Failure::permanent(
                "forbidden",
                format!(
                    "O Telegram não deixa o bot escrever aqui: {}.",
                    shown(status, words)
                ),
            ),
            None => Failure::permanent(
                "rejected",
                format!("O Telegram recusou: {}.", shown(status, words)),
            ),
        },
    };
    Failure {
        extra: json::text(&json::json!({ "status": status, "description": words })),
        ..failure
    }
}

/// The provider's own words, without what it puts before them.
fn shown(status: u16, words: &str) -> String {
    let short = words.split_once(": ").map_or(words, |(_, rest)| rest);
    match short.trim_end_matches('.') {
        "" => format!("HTTP {status}"),
        short => short.to_owned(),
    }
}

#[cfg(test)]
mod tests;
