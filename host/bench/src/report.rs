//! What the benchmarks print: one row per figure, as a table for people and as `report.json` for programs.

use std::path::Path;

use serde::Serialize;

/// The rows that a whole report has.
const REQUIRED: &[&str] = &[
    "call/empty",
    "call/empty-pagemap",
    "call/fresh",
    "call/fresh-whatsapp",
    "call/fresh-telegram",
    "call/fresh-instagram",
    "call/fresh-widget",
    "ingest/http",
    "ingest/drain",
    "ingest/plain-64",
    "ingest/plugin-tax",
    "ingest/mixed",
    "dispatch/sustained",
    "realtime/10k-memory",
    "realtime/10k-fanout",
    "apps/10k-workspaces-start",
    "apps/10k-workspaces-memory",
    "runaway/stop",
    "runaway/neighbour",
];
/// Those of other runtimes, whose programs are not built for every run.
const PEERS: &[&str] = &["call/peer-extism", "call/peer-node"];

/// One figure. `value` and `baseline` are in `unit`; `p50` and `p99` are in µs for calls and in ms for everything else.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub baseline: Option<f64>,
    /// `value` / `baseline`, both measured in this run, interleaved.
    pub ratio: Option<f64>,
    /// What was measured against what, and the figure that is aimed at.
    pub note: String,
}

impl Row {
    pub fn new(name: &str, value: f64, unit: &'static str, note: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value,
            unit,
            p50: None,
            p99: None,
            baseline: None,
            ratio: None,
            note: note.into(),
        }
    }

    /// Beside what it is judged by.
    #[must_use]
    pub fn against(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self.ratio = Some(self.value / baseline);
        self
    }

    #[must_use]
    pub fn spread(mut self, p50: f64, p99: f64) -> Self {
        (self.p50, self.p99) = (Some(p50), Some(p99));
        self
    }
}

/// The value below which `share` (0 to 1) of the sorted samples lie.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted[((last as f64) * share).round() as usize]
}

pub fn print(rows: &[Row]) {
    println!(
        "{:<28} {:>12} {:<10} {:>10} {:>10} {:>12} {:>7}  note",
        "name", "value", "unit", "p50", "p99", "baseline", "ratio"
    );
    for row in rows {
        println!(
            "{:<28} {:>12} {:<10} {:>10} {:>10} {:>12} {:>7}  {}",
            row.name,
            short(Some(row.value)),
            row.unit,
            short(row.p50),
            short(row.p99),
            short(row.baseline),
            short(row.ratio),
            row.note
        );
    }
}

pub fn write(rows: &[Row], file: &Path) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, serde_json::to_vec_pretty(rows)?)?;
    Ok(())
}

/// The wanted rows that the report should have and has not.
pub fn missing(rows: &[Row], with_peers: bool, wanted: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let peers = PEERS.iter().filter(|_| with_peers);
    REQUIRED
        .iter()
        .chain(peers)
        .copied()
        .filter(|name| wanted(name) && !rows.iter().any(|row| row.name == *name))
        .collect()
}

/// Three significant places are what such a figure is good for.
fn short(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(v) if v.abs() >= 100.0 => format!("{v:.0}"),
        Some(v) if v.abs() >= 10.0 => format!("{v:.1}"),
        Some(v) => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_promised_and_not_measured_is_named() {
        let all = || REQUIRED.iter().chain(PEERS);
        let mut rows: Vec<Row> = all().map(|name| Row::new(name, 1.0, "µs", "")).collect();
        assert_eq!(missing(&rows, true, |_| true), [""; 0]);
        rows.retain(|row| row.name != "call/fresh" && row.name != "call/peer-node");
        assert_eq!(
            missing(&rows, true, |_| true),
            ["call/fresh", "call/peer-node"]
        );
        assert_eq!(missing(&rows, false, |_| true), ["call/fresh"]);
        assert_eq!(
            missing(&rows, true, |name| name.starts_with("ingest")),
            [""; 0]
        );
    }

    #[test]
    fn percentiles_are_samples_of_the_list() {
        let sorted: Vec<f64> = (1..=101).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 0.5), 51.0);
        assert_eq!(percentile(&sorted, 0.99), 100.0);
        assert_eq!(percentile(&sorted[..1], 0.99), 1.0);
    }
}
