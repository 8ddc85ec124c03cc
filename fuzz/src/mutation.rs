//! How inputs are changed: by libFuzzer in their bytes, or in what they mean, where they are JSON. Bytes alone seldom give what is read at all.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Value, json};

/// Bytes of the longest text that is put in: more than the host takes.
const LONG: usize = 70_000;
/// How often a value is repeated at most.
const AGAIN: usize = 80;

/// As libFuzzer's custom mutator.
pub fn mutated(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed));
    if dice.below(2) == 0
        && let Some(changed) = changed(&data[..size], &mut dice)
        && changed.len() <= max_size
    {
        data[..changed.len()].copy_from_slice(&changed);
        return changed.len();
    }
    fuzzer_mutate(data, size, max_size)
}

/// The JSON with another value at some place; what stands before it (a byte that says what it is) stays. None where it is no JSON.
fn changed(input: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let begin = input.iter().position(|byte| b"{[".contains(byte))?;
    let mut value: Value = serde_json::from_slice(&input[begin..]).ok()?;
    let another = at(&mut value, dice).clone();
    let place = at(&mut value, dice);
    change(place, another, dice);
    Some([&input[..begin], value.to_string().as_bytes()].concat())
}

/// A value somewhere in it: the deeper, the rarer, but each is found.
fn at<'a>(value: &'a mut Value, dice: &mut Dice) -> &'a mut Value {
    let count = match &*value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if count == 0 || dice.below(6) == 0 {
        return value;
    }
    let chosen = dice.below(count);
    match value {
        Value::Array(items) => at(&mut items[chosen], dice),
        Value::Object(fields) => match fields.values_mut().nth(chosen) {
            Some(field) => at(field, dice),
            None => unreachable!("it was counted"),
        },
        _ => unreachable!("it has parts"),
    }
}

fn change(place: &mut Value, another: Value, dice: &mut Dice) {
    match (dice.below(4), &mut *place) {
        (0, Value::Array(items)) if !items.is_empty() => {
            let again = items[dice.below(items.len())].clone();
            items.extend(vec![again; 1 + dice.below(AGAIN)]);
        }
        (1, Value::Object(fields)) if !fields.is_empty() => {
            let chosen = fields.keys().nth(dice.below(fields.len())).cloned();
            let gone = chosen.and_then(|chosen| fields.remove(&chosen));
            if let Some(gone) = gone.filter(|_| dice.below(2) == 0) {
                fields.insert(name(dice), gone);
            }
        }
        (2, _) => *place = another,
        _ => *place = odd(dice),
    }
}

/// What is seldom expected.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(i64::MIN),
        4 => json!(u64::MAX),
        5 => json!(1e300),
        6 => json!(0.5),
        7 => json!(""),
        8 => json!("\0"),
        9 => json!("é".repeat(LONG / 2)),
        10 => json!("\u{202e}👩‍👩‍👧‍👦\u{0301}".repeat(20)),
        11 => json!([]),
        12 => json!({}),
        _ => (0..60).fold(Value::Null, |inner, _| json!([inner])),
    }
}

fn name(dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => String::new(),
        1 => "x".repeat(LONG),
        _ => "unheard_of".to_owned(),
    }
}

/// Numbers that come again with the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    /// Below `n`, which is not 0.
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % n as u64) as usize
    }
}
