//! What is said to people beside the forms, in both languages of the interface. The other modules name a text; `lib` alone picks by locale.

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    pub pt: &'static str,
    pub en: &'static str,
}

impl Text {
    const fn new(pt: &'static str, en: &'static str) -> Self {
        Self { pt, en }
    }

    /// In the language of a locale: Portuguese in `pt…`, English in any other.
    pub fn said_in(self, locale: &str) -> &'static str {
        if locale.starts_with("pt") {
            self.pt
        } else {
            self.en
        }
    }
}

// The categories (B1).
pub const ACHIEVED: Text = Text::new("Objetivo Atingido", "Goal achieved");
pub const LOST: Text = Text::new("Objetivo Perdido", "Goal lost");
pub const QUESTIONS: Text = Text::new("Dúvidas", "Questions");
pub const OTHER: Text = Text::new("Outros", "Other");

// The buttons of forms that have one or another.
pub const CONCLUDE: Text = Text::new("Classificar e concluir", "Classify and conclude");
pub const RECLASSIFY: Text = Text::new("Salvar classificação", "Save classification");
pub const ADD_REASON: Text = Text::new("Cadastrar motivo", "Add reason");
pub const SAVE_REASON: Text = Text::new("Salvar motivo", "Save reason");

// What was done.
pub const CONCLUDED: Text = Text::new(
    "Atendimento classificado e concluído.",
    "Conversation classified and concluded.",
);
pub const RECLASSIFIED: Text = Text::new("Classificação alterada.", "Classification changed.");
pub const REASON_SAVED: Text = Text::new("Motivo salvo.", "Reason saved.");
pub const REASON_REMOVED: Text = Text::new("Motivo removido.", "Reason removed.");

// What is wrong with a field.
pub const NO_REASON: Text = Text::new("Escolha um motivo.", "Choose a reason.");
pub const REASON_GONE: Text = Text::new(
    "Esse motivo não existe mais; escolha outro.",
    "That reason is no longer there; choose another.",
);
pub const NO_VALUE: Text = Text::new("Informe o valor.", "Enter the value.");
pub const VALUE_RANGE: Text = Text::new(
    "O valor vai de R$ 0,00 a R$ 999.999.999,99.",
    "The value goes from R$ 0.00 to R$ 999,999,999.99.",
);
pub const VALUE_PLACES: Text = Text::new(
    "O valor tem no máximo duas casas decimais.",
    "The value has at most two decimal places.",
);
pub const NO_DESCRIPTION: Text = Text::new("Informe a descrição.", "Enter the description.");
pub const LONG_DESCRIPTION: Text = Text::new(
    "A descrição pode ter até 80 caracteres.",
    "The description may have up to 80 characters.",
);
pub const LINES_IN_DESCRIPTION: Text = Text::new(
    "A descrição tem só uma linha de texto.",
    "The description is one line of text.",
);
pub const NO_CATEGORY: Text = Text::new(
    "Escolha uma das quatro categorias.",
    "Choose one of the four categories.",
);
pub const REASON_TWICE: Text = Text::new(
    "Já existe esse motivo nessa categoria.",
    "That category has this reason already.",
);
pub const MANY_REASONS: Text = Text::new(
    "Já há 200 motivos; remova algum antes.",
    "There are 200 reasons already; remove one first.",
);

// Why nothing can be done.
pub const NONE_TO_CHOOSE: Text = Text::new(
    "Ainda não há motivos de classificação; peça a um administrador que os cadastre.",
    "There are no reasons yet; ask an administrator to add some.",
);
pub const ADMINS_ONLY: Text = Text::new(
    "Só administradores alteram os motivos de classificação.",
    "Only administrators change the reasons.",
);
pub const NOT_A_CONVERSATION: Text = Text::new(
    "Esta ação é sobre um atendimento.",
    "This action is about a conversation.",
);
pub const NOT_CONCLUDED: Text = Text::new(
    "O atendimento não está concluído.",
    "The conversation is not concluded.",
);
pub const NOT_YOURS: Text = Text::new(
    "Só quem concluiu o atendimento pode editar a classificação.",
    "Only whoever concluded the conversation may edit its classification.",
);
pub const NOT_ALLOWED: Text = Text::new(
    "Você não pode concluir nem alterar este atendimento.",
    "You may neither conclude nor change this conversation.",
);
pub const CHANGED_MEANWHILE: Text = Text::new(
    "O atendimento mudou enquanto isso; atualize e tente de novo.",
    "The conversation has changed meanwhile; reload it and try again.",
);
pub const UNREADABLE_VALUES: Text = Text::new("Valores inválidos", "Invalid values");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::{MAX_DESCRIPTION, MAX_REASONS};

    #[test]
    fn portuguese_is_spoken_in_portuguese_locales_and_english_in_all_others() {
        let said = |locale| NO_REASON.said_in(locale);
        assert_eq!(["pt", "pt-BR", "pt-PT"].map(said), [NO_REASON.pt; 3]);
        assert_eq!(["en", "en-GB", "es", ""].map(said), [NO_REASON.en; 4]);
    }

    #[test]
    fn limits_are_said_as_they_are() {
        for (text, limit) in [
            (LONG_DESCRIPTION, MAX_DESCRIPTION),
            (MANY_REASONS, MAX_REASONS),
        ] {
            let limit = format!(" {limit} ");
            assert!(text.pt.contains(&limit) && text.en.contains(&limit));
        }
    }
}
