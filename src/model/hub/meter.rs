//! How fast bytes come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The speed is that of so long a time.
const WINDOW: Duration = Duration::from_secs(5);
/// Before that it means nothing.
const LEAST: Duration = Duration::from_millis(500);

/// How fast bytes came lately.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// When so many bytes were there, oldest first.
    seen: VecDeque<(Instant, u64)>,
}

impl Meter {
    /// Notes that so many bytes are there now. Returns bytes a second, once that can be told.
    pub(super) fn note(&mut self, now: Instant, done: u64) -> Option<f64> {
        // Bytes that were there from an earlier time did not come now.
        if self.seen.back().is_some_and(|(_, before)| *before > done) {
            self.seen.clear();
        }
        if self.seen.back().is_none_or(|(last, _)| now.duration_since(*last) >= WINDOW / 50) {
            self.seen.push_back((now, done));
        }
        while self.seen.len() > 2 && now.duration_since(self.seen[0].0) > WINDOW {
            self.seen.pop_front();
        }
        let (first, bytes) = *self.seen.front()?;
        let took = now.duration_since(first);
        (took >= LEAST).then(|| (done - bytes) as f64 / took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let (start, mut meter) = (Instant::now(), Meter::default());
        let mut at = |milliseconds: u64, bytes| meter.note(start + Duration::from_millis(milliseconds), bytes);
        assert_eq!(at(0, 1000), None);
        assert_eq!(at(100, 2000), None);
        assert_eq!(at(1000, 3000), Some(2000.0));
        assert_eq!(at(10_000, 3000), Some(0.0));
        assert_eq!(at(12_000, 7000), Some(2000.0));
        assert_eq!(at(12_100, 0), None, "another file");
    }
}
