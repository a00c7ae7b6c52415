//! Times, taken several times: the median says how long it takes, the spread how far to believe that.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Extent, HeadlessError, Interrupt, Progress, go_on};

/// What is over sooner is repeated until it has taken as long.
const LONG_ENOUGH: Duration = Duration::from_millis(20);

/// A quantity that was measured several times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Figure {
    /// The median of an even number is the mean of the two in the middle. At least one sample.
    pub(super) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        let n = samples.len();
        let median = f64::midpoint(samples[(n - 1) / 2], samples[n / 2]);
        Self { median, min: samples[0], max: samples[n - 1] }
    }

    /// So much in each of these times, in a second.
    pub(super) fn rate(self, amount: f64) -> Self {
        Self { median: amount / self.median, min: amount / self.max, max: amount / self.min }
    }

    /// A part of it.
    pub(super) fn over(self, parts: f64) -> Self {
        Self { median: self.median / parts, min: self.min / parts, max: self.max / parts }
    }
}

/// Repeats what is measured.
pub(super) struct Clock<'a> {
    pub(super) repetitions: usize,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a Progress,
}

/// Something that tells how long it took.
pub(super) type Work<'a> = dyn FnMut() -> Result<Duration, HeadlessError> + 'a;

impl Clock<'_> {
    /// Seconds that `work` says it took, after one time that does not count.
    ///
    /// # Errors
    /// What `work` gives, or an interruption.
    pub(super) fn measure(&self, what: &str, work: &mut Work<'_>) -> Result<Figure, HeadlessError> {
        self.in_turn(what, 1, &mut |_| work()).map(|figures| figures[0])
    }

    /// The same for several variants that take turns, so that what slows the machine for a while slows all of them.
    ///
    /// # Errors
    /// What `work` gives, or an interruption.
    pub(super) fn in_turn(
        &self,
        what: &str,
        variants: usize,
        work: &mut dyn FnMut(usize) -> Result<Duration, HeadlessError>,
    ) -> Result<Vec<Figure>, HeadlessError> {
        let mut samples = vec![Vec::with_capacity(self.repetitions); variants];
        for repetition in 0..=self.repetitions {
            for (variant, samples) in samples.iter_mut().enumerate() {
                go_on(self.interrupt)?;
                self.progress.say(&format!("{what}: {repetition} of {}", self.repetitions));
                // A clock that does not tick in between gives no rate.
                let seconds = work(variant)?.as_secs_f64().max(1e-9);
                if repetition > 0 {
                    samples.push(seconds);
                }
            }
        }
        Ok(samples.into_iter().map(Figure::of).collect())
    }

    /// The mean of `work` that is over soon, repeated for 20 ms; once where little is to be measured.
    ///
    /// # Errors
    /// What `work` gives.
    #[allow(clippy::unused_self)] // read beside `measure`
    pub(super) fn mean(&self, extent: Extent, work: &mut Work<'_>) -> Result<Duration, HeadlessError> {
        let least = if extent == Extent::Full { LONG_ENOUGH } else { Duration::ZERO };
        let (mut sum, mut times) = (work()?, 1);
        while sum < least {
            sum += work()?;
            times += 1;
        }
        Ok(sum / times)
    }
}

/// How long something takes that may fail; dropping what it gives is not counted.
///
/// # Errors
/// What `work` gives.
pub(super) fn timed<T, E: Into<HeadlessError>>(work: impl FnOnce() -> Result<T, E>) -> Result<Duration, HeadlessError> {
    let start = Instant::now();
    let result = std::hint::black_box(work().map_err(Into::into)?);
    let taken = start.elapsed();
    drop(result);
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let figure = Figure::of(vec![4.0, 1.0, 2.0]);
        assert_eq!(figure, Figure { median: 2.0, min: 1.0, max: 4.0 });
        assert_eq!(figure.rate(8.0), Figure { median: 4.0, min: 2.0, max: 8.0 });
        assert_eq!(figure.over(2.0), Figure { median: 1.0, min: 0.5, max: 2.0 });
        assert_eq!(Figure::of(vec![1.0, 2.0]).median, 1.5);
    }

    #[test]
    fn variants_take_turns_and_the_first_time_does_not_count() {
        let (interrupt, progress) = (Interrupt::default(), Progress::detect());
        let clock = Clock { repetitions: 3, interrupt: &interrupt, progress: &progress };
        let mut asked = Vec::new();
        let mut work = |variant| {
            asked.push(variant);
            Ok(Duration::from_secs(if asked.len() <= 2 { 100 } else { asked.len() as u64 }))
        };
        let figures = clock.in_turn("w", 2, &mut work).unwrap();
        assert_eq!(asked, [0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(figures[0], Figure { median: 5.0, min: 3.0, max: 7.0 });
        interrupt.set();
        assert!(clock.measure("w", &mut || Ok(Duration::ZERO)).is_err());
    }
}
