//! What the provider answers: accepted, or a failure that says what to do and whether to try again. Plain data, no imports.

mod refusal;

use crate::lenient::Field;
use crate::settings::Login;
use balcao_plugin::connector::{Account, Sent};
use balcao_plugin::{Failure, json};
use serde_json::Value;

/// The provider's code for a token that ended or was withdrawn.
pub const TOKEN_REFUSED: &str = "unauthorized";

/// An answer that says yes.
#[derive(Debug, PartialEq)]
pub struct Answer(Value);

impl Answer {
    /// Reads an answer; header names in lower case.
    ///
    /// # Errors
    /// What the provider refuses, as documented in its list of error codes.
    pub fn read(status: u16, headers: &[(String, String)], body: &[u8]) -> Result<Self, Failure> {
        let body = serde_json::from_slice::<Value>(body);
        if !(200..300).contains(&status) {
            let body = body.unwrap_or_default();
            let error = Field::of(&body).get("error");
            return Err(refusal::failure(status, headers, error));
        }
        match body {
            Ok(body) => Ok(Self(body)),
            Err(_) => Err(unreadable(&format!("HTTP {status}, e o corpo não é JSON"))),
        }
    }

    pub fn body(&self) -> Field<'_> {
        Field::of(&self.0)
    }

    /// The id of a message that was accepted.
    ///
    /// # Errors
    /// A permanent failure where the answer names none.
    pub fn sent(&self) -> Result<Sent, Failure> {
        let id = self.body().get("message_id").given();
        Ok(Sent {
            external_ids: vec![
                id.ok_or_else(|| unreadable("a resposta não diz qual é a mensagem"))?,
            ],
            state: "sent".into(),
            extra: String::new(),
        })
    }

    /// The account that the token is of. `expected`: the one of the settings.
    ///
    /// # Errors
    /// A permanent failure, with what to do, where there is none or it is another.
    pub fn account(&self, login: Login, expected: Option<&str>) -> Result<Account, Failure> {
        let (account, id, page) = match login {
            Login::Instagram => (self.body(), "user_id", None),
            Login::Facebook => {
                let account = self.body().get("instagram_business_account");
                (account, "id", self.body().get("name").given())
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
}

/// The provider answered, but not as it documents: repeating would not make it better, and might double a message.
fn unreadable(what: &str) -> Failure {
    Failure::permanent(
        "unexpected-answer",
        format!(
            "Resposta inesperada do Instagram: {what}. A mensagem pode ter chegado; confira no aplicativo antes de repetir."
        ),
    )
}

#[cfg(test)]
mod tests;
