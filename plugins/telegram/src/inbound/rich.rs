//! A rich message as plain text with files: blocks become lines, and what stands within a line is joined. Knows how blocks and texts nest,
//! and little of what they are, so that a new one is read as well.

use super::content::{file, largest};
use super::words::lines;
use balcao_plugin::Attachment;
use balcao_plugin::lenient::Field;
use serde_json::Value as Json;

/// How deep blocks and texts may nest; what is deeper is left out.
const DEPTH: usize = 24;
/// Files of one message that the host takes.
const FILES: usize = 50;

/// The text and the files; none where there are no blocks.
pub(super) fn read(message: &Json) -> Option<(String, Vec<Attachment>)> {
    let mut files = Vec::new();
    let text = blocks(message.get("blocks")?.as_array()?, DEPTH, &mut files);
    Some((text, files)).filter(|(text, files)| !text.is_empty() || !files.is_empty())
}

fn blocks(list: &[Json], depth: usize, files: &mut Vec<Attachment>) -> String {
    if depth == 0 {
        return String::new();
    }
    let told: Vec<String> = list.iter().map(|it| block(it, depth - 1, files)).collect();
    lines(told)
}

fn block(block: &Json, depth: usize, files: &mut Vec<Attachment>) -> String {
    let part = |name: &str| {
        block
            .get(name)
            .map(|it| text(it, depth))
            .unwrap_or_default()
    };
    files.extend(media(block).filter(|_| files.len() < FILES));
    let mut told = vec![part("summary"), part("text"), part("expression")];
    if block["type"] == "divider" {
        told.push("———".into());
    }
    if let Some(place) = block.get("location") {
        told.push(format!("{}, {}", place["latitude"], place["longitude"]));
    }
    for item in list(block, "items") {
        let label = item["label"].as_str().unwrap_or("•");
        let checked = match (item["has_checkbox"] == true, item["is_checked"] == true) {
            (false, _) => "",
            (true, true) => "☑ ",
            (true, false) => "☐ ",
        };
        let inner = blocks(list(item, "blocks"), depth, files);
        told.push(format!("{label} {checked}{inner}"));
    }
    for row in list(block, "cells") {
        let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
        let cells: Vec<String> = cells.iter().map(|cell| text(cell, depth)).collect();
        told.push(cells.join(" | "));
    }
    told.push(blocks(list(block, "blocks"), depth, files));
    told.extend([part("caption"), part("credit")]);
    for button in list(block, "buttons") {
        told.push(format!("[{}]", text(button, depth)));
    }
    lines(told)
}

/// Text is a string, several texts, or a text with something about it.
fn text(it: &Json, depth: usize) -> String {
    if depth == 0 {
        return String::new();
    }
    match it {
        Json::String(said) => said.clone(),
        Json::Array(several) => several.iter().map(|it| text(it, depth - 1)).collect(),
        Json::Object(about) => ["text", "alternative_text", "expression"]
            .into_iter()
            .find_map(|name| about.get(name))
            .map(|inner| text(inner, depth - 1))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn list<'a>(of: &'a Json, name: &str) -> &'a [Json] {
    let list = of.get(name).and_then(Json::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// The file of a block that shows one.
fn media(block: &Json) -> Option<Attachment> {
    let kinds = [
        ("photo", "image/jpeg"),
        ("video", "video/mp4"),
        ("animation", "video/mp4"),
        ("audio", "audio/mpeg"),
        ("voice_note", "audio/ogg"),
        ("document", ""),
    ];
    let (name, mime) = kinds.into_iter().find(|(name, _)| block["type"] == *name)?;
    let it = Field::of(block.get(name)?);
    match name {
        "photo" => largest(it.list()),
        _ => file(it, mime),
    }
}
