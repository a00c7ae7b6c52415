//! Whether threads help while other programs want the processors.
//!
//! Where each thread has a processor, all of them together are fastest. Beside a busy compiler a thread may lose its processor in the
//! middle of a piece, and all wait for it: a small model is then faster on one thread, while a large one, which waits for memory, is not.
//! So it is measured, but only once a thread was waited for.

use std::time::{Duration, Instant};

/// How long a way of working is measured: several tokens of a small model, one of a large one.
const WINDOW: Duration = Duration::from_millis(40);
/// How many windows the faster way is kept before both are measured again.
const KEPT_WINDOWS: u32 = 10;

/// A way of working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// On all threads.
    Together,
    /// On the calling thread.
    Alone,
}

/// Chooses between the ways.
#[derive(Debug, Default)]
pub struct Pace {
    trial: Option<Trial>,
}

/// Both ways are measured in turn, then the faster one is kept for a while.
#[derive(Debug)]
struct Trial {
    way: Way,
    /// The end of this window, or of the time that a way is kept.
    until: Instant,
    /// Whether a thread was waited for in this window.
    stalled: bool,
    steps: f64,
    busy: Duration,
    /// Steps a second together; none while that is measured.
    together: Option<f64>,
    keeps: bool,
}

impl Trial {
    fn new(way: Way, now: Instant, together: Option<f64>) -> Self {
        Self { way, until: now + WINDOW, stalled: false, steps: 0.0, busy: Duration::ZERO, together, keeps: false }
    }
}

impl Pace {
    /// How to do the next job.
    pub fn way(&self) -> Way {
        self.trial.as_ref().map_or(Way::Together, |trial| trial.way)
    }

    /// Whether jobs are to be timed.
    pub fn is_measuring(&self) -> bool {
        self.trial.is_some()
    }

    /// A thread was waited for.
    pub fn stall(&mut self, now: Instant) {
        self.trial.get_or_insert_with(|| Trial::new(Way::Together, now, None)).stalled = true;
    }

    /// A job of so many steps took from `start` to `now`.
    pub fn done(&mut self, steps: usize, start: Instant, now: Instant) {
        let Some(trial) = &mut self.trial else { return };
        trial.steps += steps as f64;
        trial.busy += now - start;
        if now < trial.until {
            return;
        }
        let rate = trial.steps / trial.busy.as_secs_f64();
        self.trial = match (trial.keeps, trial.together) {
            (true, _) => Some(Trial::new(Way::Together, now, None)),
            // Nobody was waited for: the other programs are gone.
            (false, None) if !trial.stalled => None,
            (false, None) => Some(Trial::new(Way::Alone, now, Some(rate))),
            (false, Some(together)) => {
                let way = if rate > together { Way::Alone } else { Way::Together };
                Some(Trial { until: now + KEPT_WINDOWS * WINDOW, keeps: true, ..Trial::new(way, now, None) })
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs of a millisecond, with so many steps together and alone, until `end` milliseconds; the time spent alone.
    fn alone(pace: &mut Pace, start: Instant, millis: std::ops::Range<u64>, steps: [usize; 2], stalls: u64) -> u64 {
        let mut alone = 0;
        for at in millis {
            let now = start + Duration::from_millis(at);
            let way = pace.way();
            alone += u64::from(way == Way::Alone);
            if way == Way::Together && stalls > 0 && at % stalls == 0 {
                pace.stall(now);
            }
            if pace.is_measuring() {
                let steps = steps[usize::from(way == Way::Alone)];
                pace.done(steps, now, now + Duration::from_millis(1));
            }
        }
        alone
    }

    #[test]
    fn the_faster_way_is_kept_while_threads_are_waited_for() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(alone(&mut pace, start, 0..1000, [9, 1], 0), 0, "nobody was waited for");
        assert!(!pace.is_measuring());
        let mut pace = Pace::default();
        assert!(alone(&mut pace, start, 0..4800, [5, 9], 7) > 4000, "alone is faster");
        assert!(alone(&mut pace, start, 4800..9600, [9, 5], 7) < 1000, "together is faster again");
        assert!(alone(&mut pace, start, 9600..9700, [9, 5], 0) < 50);
        alone(&mut pace, start, 9700..11000, [9, 5], 0);
        assert!(!pace.is_measuring(), "the other programs are gone");
    }
}
