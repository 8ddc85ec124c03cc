//! Kinds of message for which the host has no kind of its own, told in words: nothing that can be read is lost to the agent.

use super::people::{listed, named};
use crate::payload::Object;

/// Lines of one text, without the empty ones.
pub(super) fn lines(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

pub(super) fn dice(dice: &Object) -> Option<String> {
    Some(format!(
        "{} {}",
        dice.given("emoji")?,
        dice.number("value")?
    ))
}

pub(super) fn story(story: &Object) -> Option<String> {
    let by = story.object("chat").map(|chat| chat_name(&chat));
    Some(match by.filter(|by| !by.is_empty()) {
        Some(by) => format!("Story de {by}."),
        None => "Story.".into(),
    })
}

pub(super) fn checklist(list: &Object) -> Option<String> {
    let tasks = list.list("tasks").into_iter().map(|task| {
        let done = task.number("completion_date").unwrap_or(0) > 0;
        format!("{} {}", if done { "☑" } else { "☐" }, task.text("text"))
    });
    let title = format!("Lista: {}", list.given("title")?);
    Some(lines([title].into_iter().chain(tasks)))
}

pub(super) fn game(game: &Object) -> Option<String> {
    let title = format!("Jogo: {}", game.given("title")?);
    Some(lines([title, game.text("description")]))
}

pub(super) fn poll(poll: &Object) -> Option<String> {
    let options = poll.list("options");
    let options = options.iter().map(|option| {
        let votes = option.number("voter_count").unwrap_or(0);
        match votes {
            0 => format!("• {}", option.text("text")),
            votes => format!("• {} ({votes})", option.text("text")),
        }
    });
    let question = format!("Enquete: {}", poll.given("question")?);
    Some(lines(
        [question, poll.text("description")]
            .into_iter()
            .chain(options),
    ))
}

pub(super) fn invoice(invoice: &Object) -> Option<String> {
    let title = format!("Cobrança: {}", invoice.given("title")?);
    Some(lines([title, invoice.text("description"), money(invoice)]))
}

/// The amount, which the provider gives in the smallest unit of its currency.
pub(super) fn money(of: &Object) -> String {
    let (currency, amount) = (of.text("currency"), of.number("total_amount").unwrap_or(0));
    match currency.as_str() {
        "XTR" => format!("{amount} estrelas"),
        "CLP" | "ISK" | "JPY" | "KRW" | "PYG" | "UGX" | "VND" => format!("{currency} {amount}"),
        _ => format!("{currency} {},{:02}", amount / 100, (amount % 100).abs()),
    }
}

pub(super) fn giveaway(giveaway: &Object) -> Option<String> {
    let count = giveaway.number("winner_count")?;
    let title = format!("Sorteio para {count} pessoas.");
    Some(lines([title, giveaway.text("prize_description")]))
}

pub(super) fn winners(giveaway: &Object) -> Option<String> {
    let winners = listed(&giveaway.list("winners"));
    let title = format!(
        "Sorteio encerrado: {} pessoas.",
        giveaway.number("winner_count")?
    );
    Some(lines([title, winners, giveaway.text("prize_description")]))
}

/// Encrypted for the bot's own key, which this channel does not have.
pub(super) fn passport(_data: &Object) -> Option<String> {
    Some("Documentos do Telegram Passport, que este canal não abre.".into())
}

pub(super) fn gift(info: &Object) -> String {
    let stars = info
        .object("gift")
        .and_then(|gift| gift.number("star_count"));
    let title = format!("Um presente de {} estrelas.", stars.unwrap_or(0));
    lines([title, info.text("text")])
}

/// A chat's title, or the name of the other side.
pub(super) fn chat_name(chat: &Object) -> String {
    chat.given("title").unwrap_or_else(|| named(chat))
}
