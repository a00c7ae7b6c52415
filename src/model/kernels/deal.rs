//! Pieces of a job, dealt out to threads.
//!
//! Each thread has a part of them, pieces that follow each other, and counts for itself what was taken of it: where nobody is late, no
//! thread waits for a number that another one holds in its cache.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Cache lines of its own, for what one thread writes while others look at its neighbours; processors fetch them in pairs.
#[repr(align(128))]
#[derive(Default)]
pub(super) struct Line<T>(pub(super) T);

/// A job's number and a number of its pieces. In one word, so that no thread sees the one without the other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Job {
    /// From 1 on. It never comes around: a thread that the system forgot for hours must not take its job for a later one.
    pub(super) number: u64,
    /// All of them where a job is announced; in a part, those that were taken.
    pub(super) pieces: usize,
}

impl Job {
    const BITS: u32 = 24;
    /// The most pieces.
    pub(super) const MOST: usize = (1 << Self::BITS) - 1;

    pub(super) fn of(word: u64) -> Self {
        Self { number: word >> Self::BITS, pieces: word as usize & Self::MOST }
    }

    pub(super) fn word(self) -> u64 {
        self.number << Self::BITS | self.pieces as u64
    }
}

/// Whose pieces a thread takes.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Own,
    Any,
}

/// What was taken, for each thread.
pub(super) struct Deal(Vec<Line<AtomicU64>>);

impl Deal {
    pub(super) fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Line::default()).collect())
    }

    pub(super) fn threads(&self) -> usize {
        self.0.len()
    }

    /// A piece for a thread: of its own part, or of the parts after it, too. None of a job that is over.
    pub(super) fn take(&self, job: Job, thread: usize, part: Part) -> Option<usize> {
        let parts = match part {
            Part::Own => 1,
            Part::Any => self.threads(),
        };
        (0..parts).find_map(|after| self.take_from(job, (thread + after) % self.threads()))
    }

    /// The next piece of a part.
    fn take_from(&self, job: Job, part: usize) -> Option<usize> {
        let start = |part: usize| job.pieces * part / self.threads();
        let length = start(part + 1) - start(part);
        let taken = &self.0[part].0;
        let mut word = taken.load(SeqCst);
        loop {
            let now = Job::of(word);
            // What an earlier job left here counts for nothing. After a later one this thread is late: its own job is done.
            let count = if now.number < job.number { 0 } else { now.pieces };
            if now.number > job.number || count >= length {
                return None;
            }
            match taken.compare_exchange_weak(word, Job { pieces: count + 1, ..job }.word(), SeqCst, SeqCst) {
                Ok(_) => return Some(start(part) + count),
                Err(other) => word = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(deal: &Deal, job: Job, thread: usize, part: Part) -> Vec<usize> {
        std::iter::from_fn(|| deal.take(job, thread, part)).collect()
    }

    #[test]
    fn a_thread_takes_its_own_part_and_then_what_others_have_left() {
        let deal = Deal::new(3);
        let job = Job { number: 1, pieces: 7 };
        assert_eq!(rest(&deal, job, 1, Part::Own), [2, 3]);
        assert_eq!(deal.take(job, 2, Part::Own), Some(4));
        assert_eq!(rest(&deal, job, 1, Part::Any), [5, 6, 0, 1]);
        assert!(rest(&deal, job, 0, Part::Any).is_empty());
    }

    #[test]
    fn a_thread_that_comes_late_gets_no_piece_of_a_job_that_is_over() {
        let deal = Deal::new(2);
        let (first, second) = (Job { number: 1, pieces: 4 }, Job { number: 2, pieces: 3 });
        assert_eq!(rest(&deal, first, 0, Part::Any), [0, 1, 2, 3]);
        assert_eq!(deal.take(second, 0, Part::Own), Some(0));
        assert!(rest(&deal, first, 1, Part::Any).is_empty());
        assert_eq!(rest(&deal, second, 1, Part::Any), [1, 2]);
        assert!(rest(&deal, first, 0, Part::Any).is_empty());
    }
}
