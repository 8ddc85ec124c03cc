//! One line per stage and the totals at the end. Owns the wording and the counting; never runs anything.

use std::time::Duration;

/// How a stage that did not fail ended.
pub enum Outcome {
    /// It ran and everything held; the note is shown beside it.
    Passed(Option<String>),
    /// Something it needs cannot be had here. Counts as a failure under CI.
    NotRun(String),
}

/// What happened to one stage.
pub enum Verdict {
    Passed,
    NotRun,
    Failed,
}

/// All stages so far.
#[derive(Default)]
pub struct Report {
    rows: Vec<(&'static str, Verdict)>,
}

impl Report {
    /// Keeps the result and returns the line to print.
    pub fn add(
        &mut self,
        stage: &'static str,
        verdict: Verdict,
        took: Duration,
        note: Option<&str>,
    ) -> String {
        let word = match verdict {
            Verdict::Passed => "passed",
            Verdict::NotRun => "not run",
            Verdict::Failed => "FAILED",
        };
        let mut line = format!("{stage:<16} {word:<8} {:>7.1} s", took.as_secs_f64());
        if let Some(note) = note {
            line.push_str("  ");
            line.push_str(note);
        }
        self.rows.push((stage, verdict));
        line
    }

    /// True when nothing failed and, with `strict`, nothing was left out.
    pub fn good(&self, strict: bool) -> bool {
        let failed = self.named(|verdict| matches!(verdict, Verdict::Failed));
        let missing = self.named(|verdict| matches!(verdict, Verdict::NotRun));
        !self.rows.is_empty() && failed.is_empty() && (missing.is_empty() || !strict)
    }

    /// What failed and what did not run by name, then the count; with `strict` what did not run counts as failed.
    pub fn summary(&self, strict: bool) -> String {
        let mut failed = self.named(|verdict| matches!(verdict, Verdict::Failed));
        let passed = self.named(|verdict| matches!(verdict, Verdict::Passed));
        let missing = self.named(|verdict| matches!(verdict, Verdict::NotRun));
        let mut text = String::new();
        if !missing.is_empty() {
            text.push_str(&format!("not run: {}\n", missing.join(", ")));
        }
        if strict {
            failed.extend(missing);
        }
        if !failed.is_empty() {
            text.push_str(&format!("failed: {}\n", failed.join(", ")));
        }
        text.push_str(&format!("{} passed, {} failed", passed.len(), failed.len()));
        text
    }

    fn named(&self, wanted: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
        self.rows
            .iter()
            .filter(|(_, verdict)| wanted(verdict))
            .map(|(stage, _)| *stage)
            .collect()
    }
}

/// Adds up the `test result:` lines of cargo's test runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TestCounts {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
}

impl TestCounts {
    /// Takes one line of output; true if it was a summary line.
    pub fn take(&mut self, line: &str) -> bool {
        let Some(summary) = line.trim_start().strip_prefix("test result: ") else {
            return false;
        };
        for part in summary.split([';', '.']) {
            let mut words = part.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
                continue;
            };
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.ignored += number,
                _ => (),
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: [(&'static str, Verdict); 3]) -> Report {
        let mut report = Report::default();
        for (stage, verdict) in verdicts {
            report.add(stage, verdict, Duration::from_millis(1500), None);
        }
        report
    }

    #[test]
    fn a_line_names_stage_result_time_and_note() {
        let line = Report::default().add(
            "postgres",
            Verdict::NotRun,
            Duration::from_millis(1500),
            Some("not installed"),
        );
        assert_eq!(line, "postgres         not run      1.5 s  not installed");
    }

    #[test]
    fn a_failed_stage_is_named_and_fails_the_whole() {
        let report = report([
            ("fmt", Verdict::Passed),
            ("clippy", Verdict::Failed),
            ("deny", Verdict::Passed),
        ]);
        assert!(!report.good(false));
        assert_eq!(report.summary(false), "failed: clippy\n2 passed, 1 failed");
    }

    #[test]
    fn what_did_not_run_fails_only_where_that_is_asked_for() {
        let report = report([
            ("fmt", Verdict::Passed),
            ("browser", Verdict::NotRun),
            ("deny", Verdict::Passed),
        ]);
        assert!(report.good(false));
        assert!(!report.good(true));
        assert_eq!(
            report.summary(false),
            "not run: browser\n2 passed, 0 failed"
        );
        assert_eq!(
            report.summary(true),
            "not run: browser\nfailed: browser\n2 passed, 1 failed"
        );
    }

    #[test]
    fn no_stage_at_all_is_not_good() {
        assert!(!Report::default().good(false));
    }

    #[test]
    fn the_summary_lines_of_cargo_test_add_up() {
        let mut counts = TestCounts::default();
        assert!(counts.take("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.02s"));
        assert!(counts.take("test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.50s"));
        assert!(!counts.take("test report::tests::it_works ... ok"));
        assert_eq!(
            counts,
            TestCounts {
                passed: 13,
                failed: 2,
                ignored: 1
            }
        );
    }
}
