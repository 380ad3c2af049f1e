//! Timing.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// When to stop repeating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Until {
    /// After that many runs.
    Runs(usize),
    /// After that time, but at least one run.
    Time(Duration),
}

/// The times of runs, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Runs `work` again and again.
    pub fn of(until: Until, mut work: impl FnMut() -> Result<(), Failure>) -> Result<Self, Failure> {
        let begin = Instant::now();
        let mut times = Vec::new();
        let enough = |times: &[Duration]| match until {
            Until::Runs(runs) => times.len() >= runs.max(1),
            Until::Time(time) => !times.is_empty() && begin.elapsed() >= time,
        };
        while !enough(&times) {
            let start = Instant::now();
            work()?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(Self(times))
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The shortest.
    pub fn min(&self) -> Duration {
        self.0.first().copied().unwrap_or_default()
    }

    /// The one in the middle, or the mean of the two there.
    pub fn median(&self) -> Duration {
        let n = self.0.len();
        match n {
            0 => Duration::ZERO,
            _ => (self.0[(n - 1) / 2] + self.0[n / 2]) / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_minimum() {
        let ms = Duration::from_millis;
        assert_eq!(Times(vec![ms(1), ms(2), ms(9)]).median(), ms(2));
        assert_eq!(Times(vec![ms(1), ms(2), ms(4), ms(9)]).median(), ms(3));
        assert_eq!(Times(vec![ms(1), ms(2)]).min(), ms(1));
    }

    #[test]
    fn it_runs_as_often_as_asked() {
        let mut count = 0;
        let times = Times::of(Until::Runs(4), || {
            count += 1;
            Ok(())
        });
        assert_eq!((times.unwrap().count(), count), (4, 4));
        assert_eq!(Times::of(Until::Time(Duration::ZERO), || Ok(())).unwrap().count(), 1);
    }
}
