//! The provider's error codes and what they mean for people: a code of ours, the remedy in plain words, and whether trying again helps.
//! Codes and subcodes are those of Meta's "Common Error Codes" and "Rate Limits".

use balcao_plugin::connector::meta::{Meaning, Refusal};

const WINDOW: Meaning = Meaning::lasting(
    "window-closed",
    [
        "O prazo para responder terminou (24 horas, ou 7 dias com o recurso Human Agent). Espere que o cliente escreva de novo.",
        "The time for answers is over (24 hours, or 7 days with the Human Agent feature). Wait for the customer to write again.",
    ],
);
const ACCESS_OFF: Meaning = Meaning::lasting(
    "forbidden",
    [
        "A conta não deixa aplicativos lerem mensagens. No Instagram, em Mensagens → Ferramentas conectadas, permita o acesso às mensagens.",
        "The account does not let apps read messages. In Instagram, under Messages → Connected tools, allow access to messages.",
    ],
);
const NOT_LINKED: Meaning = Meaning::lasting(
    "forbidden",
    [
        "A Página e a conta do Instagram não estão ligadas, ou falta a autenticação de dois fatores. Ligue-as de novo na Meta.",
        "The Page and the Instagram account are not linked, or two-factor authentication is missing. Link them again at Meta.",
    ],
);
const GONE: Meaning = Meaning::lasting(
    "recipient-unavailable",
    [
        "Esta pessoa não pode receber mensagens da conta: bloqueou-a, apagou a própria conta ou a conversa. Fale com ela por outro canal.",
        "This person cannot receive messages of the account: they blocked it, or deleted their account or the chat. Reach them another way.",
    ],
);
const RESTRICTED: Meaning = Meaning::lasting(
    "restricted",
    [
        "A Meta restringiu o envio de mensagens desta conta. Veja o motivo em Suporte da conta, no aplicativo, e resolva-o lá.",
        "Meta has restricted this account from sending messages. See the reason under Account support in the app and resolve it there.",
    ],
);
const NOT_OWNER: Meaning = Meaning::lasting(
    "not-in-control",
    [
        "Outro aplicativo da conta está atendendo esta conversa. Passe o controle para este aplicativo nas configurações de conversas da Meta.",
        "Another app of the account serves this conversation. Pass control to this app in Meta's conversation settings.",
    ],
);
const FILE: Meaning = Meaning::lasting(
    "file-refused",
    [
        "O Instagram não conseguiu buscar o arquivo ou não aceita o formato ou o tamanho. Confira o endereço público do servidor e o arquivo.",
        "Instagram could not fetch the file, or takes neither its format nor its size. Check the server's public address and the file.",
    ],
);
const SEVERAL_IMAGES: Meaning = Meaning::lasting(
    "unsupported",
    [
        "A conta ainda não pode enviar várias imagens de uma vez. Envie uma por mensagem.",
        "The account cannot send several images at once yet. Send one a message.",
    ],
);
const DELETED: Meaning = Meaning::lasting(
    "rejected",
    ["A mensagem foi apagada.", "The message has been deleted."],
);
const PERHAPS: Meaning = Meaning::lasting(
    "unexpected-answer",
    [
        "O Instagram respondeu com erro, mas a mensagem pode ter chegado. Confira no aplicativo antes de repetir.",
        "Instagram answered with an error, but the message may have arrived. Check in the app before repeating it.",
    ],
);

/// What a refusal means here; none: what it means on all of the provider's platforms.
pub(super) fn meant(refusal: &Refusal) -> Option<Meaning> {
    Some(match (refusal.code, refusal.subcode) {
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
        _ => return None,
    })
}
