//! Times of single calls, collected in batches that alternate between what is compared: whatever else the machine does then falls on
//! all of them alike. Owns the arithmetic; never measures.

use std::time::Duration;

use crate::report::percentile;

/// The times of one contender, in µs.
#[derive(Default)]
pub struct Samples {
    batches: Vec<Vec<f64>>,
}

impl Samples {
    /// Takes in a batch that was measured in one go.
    pub fn add(&mut self, batch: impl IntoIterator<Item = Duration>) {
        let mut batch: Vec<f64> = batch.into_iter().map(micros).collect();
        batch.sort_by(f64::total_cmp);
        if !batch.is_empty() {
            self.batches.push(batch);
        }
    }

    /// The value below which `share` (0 to 1) of all times lie.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut all: Vec<f64> = self.batches.iter().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        percentile(&all, share)
    }

    pub fn median(&self) -> f64 {
        self.percentile(0.5)
    }

    /// The lowest median of a batch: what it costs while nobody disturbs.
    pub fn quietest(&self) -> f64 {
        self.batches
            .iter()
            .map(|batch| percentile(batch, 0.5))
            .fold(f64::INFINITY, f64::min)
    }
}

pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_all_batches_and_the_quietest_of_one() {
        let mut samples = Samples::default();
        samples.add([9, 7, 8].map(Duration::from_micros));
        samples.add([3, 1, 2].map(Duration::from_micros));
        samples.add([]);
        assert_eq!(samples.median(), 7.0);
        assert_eq!(samples.percentile(1.0), 9.0);
        assert_eq!(samples.quietest(), 2.0);
    }
}
