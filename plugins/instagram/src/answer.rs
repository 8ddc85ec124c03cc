//! What the provider answers: accepted, or whose the token is. Plain data, no imports.

mod refusal;

use crate::settings::Login;
use balcao_plugin::connector::meta::{Answer, Platform};
use balcao_plugin::connector::{Account, Sent};
use balcao_plugin::{Failure, json};

/// How the provider's answers are read.
pub const INSTAGRAM: Platform = Platform {
    name: "Instagram",
    meant: refusal::meant,
};

/// The id of a message that was accepted.
///
/// # Errors
/// A permanent failure where the answer names none.
pub fn sent(answer: &Answer) -> Result<Sent, Failure> {
    let id = answer.body().get("message_id").given();
    Ok(Sent {
        external_ids: vec![
            id.ok_or_else(|| INSTAGRAM.unreadable("a resposta não diz qual é a mensagem"))?,
        ],
        state: "sent".into(),
        extra: String::new(),
    })
}

/// The account that the token is of. `expected`: the one of the settings.
///
/// # Errors
/// A permanent failure, with what to do, where there is none or it is another.
pub fn account(answer: &Answer, login: Login, expected: Option<&str>) -> Result<Account, Failure> {
    let (account, id, page) = match login {
        Login::Instagram => (answer.body(), "user_id", None),
        Login::Facebook => {
            let account = answer.body().get("instagram_business_account");
            (account, "id", answer.body().get("name").given())
        }
    };
    let Some(id) = account.get(id).given() else {
        return Err(Failure::invalid(match login {
            Login::Instagram => {
                "O token não é de uma conta profissional do Instagram; gere-o em Instagram → Configuração da API com login do Instagram."
            }
            Login::Facebook => {
                "O token não é de uma Página ligada a uma conta profissional do Instagram; ligue a conta à Página e gere o token da Página."
            }
        }));
    };
    if expected.is_some_and(|expected| expected != id) {
        return Err(Failure::invalid(format!(
            "O token é da conta {id}, e a identificação da conta nas configurações é outra; corrija uma das duas."
        )));
    }
    let username = account
        .get("username")
        .given()
        .map(|name| format!("@{name}"));
    let name = account.get("name").given().or(page);
    let name = match (name, username) {
        (Some(name), Some(username)) => format!("{name} ({username})"),
        (name, username) => name.or(username).unwrap_or_else(|| id.clone()),
    };
    Ok(Account {
        external_id: id,
        name,
        extra: json::text(&json::json!({ "username": account.get("username").text() })),
    })
}

#[cfg(test)]
mod tests;
