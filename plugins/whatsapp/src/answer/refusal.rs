//! The provider's error codes and what they mean for people: a code of ours, the remedy in plain words, and whether trying again helps.
//! Codes are those of the page "WhatsApp error codes" (updated 2026-06-18); what is the same on all of Meta's platforms is the SDK's.

use balcao_plugin::connector::meta::{Meaning, OUTAGE, PERMISSION, RATE, Refusal};

const WINDOW: Meaning = Meaning::lasting(
    "window-closed",
    [
        "Passaram 24 horas desde a última mensagem do cliente. Envie um modelo de mensagem ou espere que ele escreva.",
        "24 hours have passed since the customer's last message. Send a message template, or wait for them to write.",
    ],
);
const SPAM: Meaning = Meaning::passing(
    "rate-limited",
    [
        "A Meta limitou o número porque muitos clientes bloquearam ou denunciaram mensagens. A mensagem será enviada de novo sozinha; veja a qualidade no Gerenciador do WhatsApp.",
        "Meta limits the number because many customers blocked or reported messages. The message will be sent again by itself; see the quality in WhatsApp Manager.",
    ],
);
const GONE: Meaning = Meaning::lasting(
    "recipient-unavailable",
    [
        "O WhatsApp não consegue entregar a este número: ele não tem WhatsApp, não aceitou os termos novos ou usa uma versão antiga. Confira o número ou fale com a pessoa por outro canal.",
        "WhatsApp cannot deliver to this number: it has no WhatsApp, has not accepted the new terms, or uses an old version. Check the number, or reach the person another way.",
    ],
);
const NOT_NOW: Meaning = Meaning::lasting(
    "recipient-limited",
    [
        "A Meta decidiu não entregar esta mensagem de marketing a este cliente agora. Espere alguns dias antes de tentar de novo.",
        "Meta chose not to deliver this marketing message to this customer now. Wait some days before trying again.",
    ],
);
const STOPPED: Meaning = Meaning::lasting(
    "opted-out",
    [
        "O cliente pediu para não receber mensagens de marketing. Não envie mais modelos desta categoria a ele.",
        "The customer asked not to receive marketing messages. Send them no more templates of that category.",
    ],
);
const SELF: Meaning = Meaning::lasting(
    "invalid",
    [
        "O destinatário é o próprio número do canal.",
        "The recipient is the channel's own number.",
    ],
);
const TEST_NUMBER: Meaning = Meaning::lasting(
    "recipient-unavailable",
    [
        "O número de teste da Meta só envia a quem está na lista de destinatários permitidos. Inclua-o em Configuração da API ou use um número próprio.",
        "Meta's test number only sends to allowed recipients. Add this one in the API setup, or use a number of your own.",
    ],
);
const ACCOUNT: Meaning = Meaning::lasting(
    "account",
    [
        "A Meta bloqueou ou restringiu a conta, e nada sai. Veja o motivo e peça revisão em Gerenciador do WhatsApp → Qualidade da conta.",
        "Meta has locked or restricted the account, and nothing goes out. See the reason and ask for a review in WhatsApp Manager → Account quality.",
    ],
);
const PAYMENT: Meaning = Meaning::lasting(
    "account",
    [
        "Há um problema com o pagamento da conta na Meta. Confira a forma de pagamento no Gerenciador do WhatsApp.",
        "There is a problem with the account's payment at Meta. Check the payment method in WhatsApp Manager.",
    ],
);
const UNREGISTERED: Meaning = Meaning::lasting(
    "account",
    [
        "O número não está registrado na Cloud API. Registre-o no Gerenciador do WhatsApp e teste a conexão do canal.",
        "The number is not registered with the Cloud API. Register it in WhatsApp Manager and test the channel's connection.",
    ],
);
const FILE: Meaning = Meaning::lasting(
    "file-refused",
    [
        "O WhatsApp não conseguiu buscar o arquivo, ou não aceita o formato ou o tamanho. Confira o endereço público do servidor e o arquivo.",
        "WhatsApp could not fetch the file, or takes neither its format nor its size. Check the server's public address and the file.",
    ],
);
const KIND: Meaning = Meaning::lasting(
    "unsupported",
    [
        "O WhatsApp não envia este tipo de mensagem a este cliente.",
        "WhatsApp does not send this kind of message to this customer.",
    ],
);
const TEMPLATE: Meaning = Meaning::lasting(
    "template-refused",
    [
        "O WhatsApp não aceitou o modelo: ele não existe neste idioma, está pausado ou desativado, ou os campos não são os dele. Confira-o no Gerenciador do WhatsApp.",
        "WhatsApp did not take the template: it does not exist in this language, is paused or disabled, or its fields are others. Check it in WhatsApp Manager.",
    ],
);

/// What a refusal means here; none: what it means on all of the provider's platforms.
pub fn meant(refusal: &Refusal) -> Option<Meaning> {
    Some(match refusal.code {
        // Of the number, and of one contact.
        130_429 | 131_056 | 133_016 => RATE,
        131_048 => SPAM,
        131_047 => WINDOW,
        131_026 => GONE,
        130_472 | 131_049 => NOT_NOW,
        131_050 => STOPPED,
        131_021 => SELF,
        131_030 => TEST_NUMBER,
        368 | 130_497 | 131_031 => ACCOUNT,
        131_042 => PAYMENT,
        131_045 | 133_010 => UNREGISTERED,
        131_005 => PERMISSION,
        131_051 | 131_060 => KIND,
        131_052 | 131_053 => FILE,
        132_000..=132_999 => TEMPLATE,
        // "Try again": the service, its parts, maintenance, or the number being moved.
        131_016 | 131_057 | 133_004 => OUTAGE,
        _ => return None,
    })
}
