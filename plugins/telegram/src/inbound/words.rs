//! Kinds of message for which the host has no kind of its own, told in words: nothing that can be read is lost to the agent.

use super::people::{listed, named};
use balcao_plugin::lenient::Field;

/// Lines of one text, without the empty ones.
pub(super) fn lines(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

pub(super) fn dice(dice: Field) -> Option<String> {
    Some(format!(
        "{} {}",
        dice.get("emoji").given()?,
        dice.get("value").number()?
    ))
}

pub(super) fn story(story: Field) -> Option<String> {
    let by = story.get("chat").object().map(|chat| chat_name(chat));
    Some(match by.filter(|by| !by.is_empty()) {
        Some(by) => format!("Story de {by}."),
        None => "Story.".into(),
    })
}

pub(super) fn checklist(list: Field) -> Option<String> {
    let tasks = list.get("tasks").list().map(|task| {
        let done = task.get("completion_date").number().unwrap_or(0) > 0;
        format!(
            "{} {}",
            if done { "☑" } else { "☐" },
            task.get("text").text()
        )
    });
    let title = format!("Lista: {}", list.get("title").given()?);
    Some(lines([title].into_iter().chain(tasks)))
}

pub(super) fn game(game: Field) -> Option<String> {
    let title = format!("Jogo: {}", game.get("title").given()?);
    Some(lines([title, game.get("description").text()]))
}

pub(super) fn poll(poll: Field) -> Option<String> {
    let options = poll.get("options").list();
    let options = options.map(|option| {
        let votes = option.get("voter_count").number().unwrap_or(0);
        match votes {
            0 => format!("• {}", option.get("text").text()),
            votes => format!("• {} ({votes})", option.get("text").text()),
        }
    });
    let question = format!("Enquete: {}", poll.get("question").given()?);
    Some(lines(
        [question, poll.get("description").text()]
            .into_iter()
            .chain(options),
    ))
}

pub(super) fn invoice(invoice: Field) -> Option<String> {
    let title = format!("Cobrança: {}", invoice.get("title").given()?);
    Some(lines([
        title,
        invoice.get("description").text(),
        money(invoice),
    ]))
}

/// The amount, which the provider gives in the smallest unit of its currency.
pub(super) fn money(of: Field) -> String {
    let (currency, amount) = (
        of.get("currency").text(),
        of.get("total_amount").number().unwrap_or(0),
    );
    match currency.as_str() {
        "XTR" => format!("{amount} estrelas"),
        "CLP" | "ISK" | "JPY" | "KRW" | "PYG" | "UGX" | "VND" => format!("{currency} {amount}"),
        _ => format!("{currency} {},{:02}", amount / 100, (amount % 100).abs()),
    }
}

pub(super) fn giveaway(giveaway: Field) -> Option<String> {
    let title = format!("Sorteio para {}.", people(giveaway)?);
    Some(lines([title, giveaway.get("prize_description").text()]))
}

pub(super) fn winners(giveaway: Field) -> Option<String> {
    let winners = listed(giveaway.get("winners").list());
    let title = format!("Sorteio encerrado: {}.", people(giveaway)?);
    Some(lines([
        title,
        winners,
        giveaway.get("prize_description").text(),
    ]))
}

fn people(giveaway: Field) -> Option<String> {
    Some(match giveaway.get("winner_count").number()? {
        1 => "1 pessoa".to_owned(),
        count => format!("{count} pessoas"),
    })
}

/// Encrypted for the bot's own key, which this channel does not have.
pub(super) fn passport(_data: Field) -> Option<String> {
    Some("Documentos do Telegram Passport, que este canal não abre.".into())
}

pub(super) fn gift(info: Field) -> String {
    let stars = info
        .get("gift")
        .object()
        .and_then(|gift| gift.get("star_count").number());
    let title = format!("Um presente de {} estrelas.", stars.unwrap_or(0));
    lines([title, info.get("text").text()])
}

/// A chat's title, or the name of the other side.
pub(super) fn chat_name(chat: Field) -> String {
    chat.get("title").given().unwrap_or_else(|| named(chat))
}
