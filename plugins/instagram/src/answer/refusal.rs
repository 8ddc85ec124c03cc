//! The provider's error codes and what they mean for people: a code of ours, the remedy in plain words, and whether trying again helps.
//! Codes and subcodes are those of Meta's "Common Error Codes" and "Rate Limits".

use crate::lenient::Field;
use balcao_plugin::{Failure, json};

/// What a refusal means.
struct Meaning {
    code: &'static str,
    again: bool,
    /// In Portuguese, and in English.
    remedy: [&'static str; 2],
}

const fn meaning(code: &'static str, again: bool, remedy: [&'static str; 2]) -> Meaning {
    Meaning {
        code,
        again,
        remedy,
    }
}

const RATE: Meaning = meaning(
    "rate-limited",
    true,
    [
        "O Instagram pediu para esperar: o limite de chamadas foi atingido. A mensagem será enviada de novo sozinha.",
        "Instagram asks to wait: the limit of calls is reached. The message will be sent again by itself.",
    ],
);
const OUTAGE: Meaning = meaning(
    "unavailable",
    true,
    [
        "O Instagram está fora do ar ou ocupado. A mensagem será enviada de novo sozinha; o estado do serviço está em metastatus.com.",
        "Instagram is down or busy. The message will be sent again by itself; the state of the service is at metastatus.com.",
    ],
);
const WINDOW: Meaning = meaning(
    "window-closed",
    false,
    [
        "O prazo para responder terminou (24 horas, ou 7 dias com o recurso Human Agent). Espere que o cliente escreva de novo.",
        "The time for answers is over (24 hours, or 7 days with the Human Agent feature). Wait for the customer to write again.",
    ],
);
const TOKEN: Meaning = meaning(
    "unauthorized",
    false,
    [
        "O token de acesso venceu ou foi retirado. Gere outro na Meta e troque-o nas configurações do canal.",
        "The access token has expired or was withdrawn. Generate another one at Meta and replace it in the channel's settings.",
    ],
);
const PERMISSION: Meaning = meaning(
    "forbidden",
    false,
    [
        "Falta uma permissão ao aplicativo da Meta. Confira se ele foi aprovado para mensagens do Instagram e se a conta o autorizou.",
        "The Meta app lacks a permission. Check that it was approved for Instagram messages and that the account has authorised it.",
    ],
);
const ACCESS_OFF: Meaning = meaning(
    "forbidden",
    false,
    [
        "A conta não deixa aplicativos lerem mensagens. No Instagram, em Mensagens → Ferramentas conectadas, permita o acesso às mensagens.",
        "The account does not let apps read messages. In Instagram, under Messages → Connected tools, allow access to messages.",
    ],
);
const NOT_LINKED: Meaning = meaning(
    "forbidden",
    false,
    [
        "A Página e a conta do Instagram não estão ligadas, ou falta a autenticação de dois fatores. Ligue-as de novo na Meta.",
        "The Page and the Instagram account are not linked, or two-factor authentication is missing. Link them again at Meta.",
    ],
);
const GONE: Meaning = meaning(
    "recipient-unavailable",
    false,
    [
        "Esta pessoa não pode receber mensagens da conta: bloqueou-a, apagou a própria conta ou a conversa. Fale com ela por outro canal.",
        "This person cannot receive messages of the account: they blocked it, or deleted their account or the chat. Reach them another way.",
    ],
);
const RESTRICTED: Meaning = meaning(
    "restricted",
    false,
    [
        "A Meta restringiu o envio de mensagens desta conta. Veja o motivo em Suporte da conta, no aplicativo, e resolva-o lá.",
        "Meta has restricted this account from sending messages. See the reason under Account support in the app and resolve it there.",
    ],
);
const NOT_OWNER: Meaning = meaning(
    "not-in-control",
    false,
    [
        "Outro aplicativo da conta está atendendo esta conversa. Passe o controle para este aplicativo nas configurações de conversas da Meta.",
        "Another app of the account serves this conversation. Pass control to this app in Meta's conversation settings.",
    ],
);
const FILE: Meaning = meaning(
    "file-refused",
    false,
    [
        "O Instagram não conseguiu buscar o arquivo ou não aceita o formato ou o tamanho. Confira o endereço público do servidor e o arquivo.",
        "Instagram could not fetch the file, or takes neither its format nor its size. Check the server's public address and the file.",
    ],
);
const SEVERAL_IMAGES: Meaning = meaning(
    "unsupported",
    false,
    [
        "A conta ainda não pode enviar várias imagens de uma vez. Envie uma por mensagem.",
        "The account cannot send several images at once yet. Send one a message.",
    ],
);
const DELETED: Meaning = meaning(
    "rejected",
    false,
    ["A mensagem foi apagada.", "The message has been deleted."],
);
const PERHAPS: Meaning = meaning(
    "unexpected-answer",
    false,
    [
        "O Instagram respondeu com erro, mas a mensagem pode ter chegado. Confira no aplicativo antes de repetir.",
        "Instagram answered with an error, but the message may have arrived. Check in the app before repeating it.",
    ],
);
const REJECTED: Meaning = meaning(
    "rejected",
    false,
    [
        "O Instagram recusou a mensagem.",
        "Instagram refused the message.",
    ],
);

fn meant(status: u16, code: i64, subcode: i64, transient: bool) -> Meaning {
    match (code, subcode) {
        (_, 2_534_022 | 2_018_278 | 2_018_065) => WINDOW,
        (_, 2_534_077 | 2_534_013) => NOT_LINKED,
        (_, 2_534_041) => ACCESS_OFF,
        (551, _) | (_, 1_545_041 | 2_018_108 | 2_018_001 | 2_534_014 | 2_534_001) => GONE,
        (2022, _) | (_, 1_893_063 | 2_534_029) => RESTRICTED,
        (2_018_300 | 2_018_321, _) | (_, 2_534_037 | 2_018_300) => NOT_OWNER,
        (_, 2_018_008 | 2_018_047 | 2_018_074 | 2_018_109 | 2_018_294) => FILE,
        (2_534_068, _) | (_, 2_534_068) => SEVERAL_IMAGES,
        (9_000_001, _) => DELETED,
        (1, 1_357_046) => PERHAPS,
        // Of the app, of a user, of a Page, of a call, of a business (Instagram, Messenger and others).
        (4 | 17 | 32 | 613 | 80_000..=80_014, _) => RATE,
        (102 | 190, _) | (0, _) if code != 0 || status == 401 => TOKEN,
        (3 | 10 | 200..=299, _) => PERMISSION,
        _ if status == 429 => RATE,
        (1 | 2, _) => OUTAGE,
        _ if status >= 500 || transient => OUTAGE,
        _ => REJECTED,
    }
}

/// The failure that a refusal is. `error`: the object of that name in its body.
pub(super) fn failure(status: u16, headers: &[(String, String)], error: Field) -> Failure {
    let number = |name: &str| error.get(name).text().parse().unwrap_or(0);
    let (code, subcode): (i64, i64) = (number("code"), number("error_subcode"));
    let meaning = meant(status, code, subcode, error.get("is_transient").flag());
    let mut words = format!("{} [HTTP {status}", meaning.remedy[0]);
    if code != 0 {
        words.push_str(&format!(", {code}/{subcode}"));
    }
    if let Some(message) = error.get("message").given() {
        words.push_str(": ");
        words.push_str(&message);
    }
    words.push(']');
    Failure {
        retry: meaning.again.then(|| wait(headers)),
        code: meaning.code.into(),
        message: words,
        extra: json::text(&json::json!({
            "status": status, "code": code, "subcode": subcode, "remedy": { "pt-BR": meaning.remedy[0], "en": meaning.remedy[1] },
        })),
    }
}

/// Seconds that the provider asks to wait: its `Retry-After`, or the longest time that it estimates for a business; 0 where it does not say.
fn wait(headers: &[(String, String)]) -> u32 {
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.trim())
    };
    if let Some(seconds) = header("retry-after").and_then(|value| value.parse().ok()) {
        return seconds;
    }
    let usage = header("x-business-use-case-usage").and_then(|value| json::parse(value).ok());
    let usage: json::Value = usage.unwrap_or_default();
    let businesses = usage.as_object().into_iter().flat_map(|it| it.values());
    let minutes = businesses
        .flat_map(|calls| Field::of(calls).list())
        .filter_map(|calls| {
            calls
                .get("estimated_time_to_regain_access")
                .text()
                .parse()
                .ok()
        });
    minutes
        .max()
        .map_or(0, |minutes: u32| minutes.saturating_mul(60))
}
