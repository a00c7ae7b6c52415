//! A few persistent threads for work that takes microseconds.
//!
//! A decode step of a small model holds dozens of products of 10 to 100 µs each. A task pool that puts its threads to sleep in
//! between loses more than it gains; these spin for a moment first. Work is dealt out in pieces on demand, so a thread that the
//! system keeps from running delays nobody until it has taken one. If it loses its processor then, the caller sleeps until that piece is done, and
//! the [pace](super::pace) finds out whether threads help at all.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Instant;

use super::pace::{Pace, Way};

/// No machine gains from more.
const MOST_THREADS: usize = 256;
/// Turns of an idle thread before it sleeps: some 50 µs.
const IDLE_TURNS: usize = 2_000;
/// Turns of waiting for another thread's last piece before sleeping: longer than any piece of a decode step takes.
const BUSY_TURNS: usize = 8_000;

/// The work, as the threads see it: called once for each piece.
type Work<'a> = dyn Fn(usize) + Sync + 'a;

/// Threads that share one piece of work at a time.
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    pace: Pace,
}

struct Shared {
    /// Odd while a job is open; every opening and closing adds one.
    epoch: AtomicUsize,
    /// Workers that may be looking at `job`.
    active: AtomicUsize,
    /// The next piece that nobody has.
    next: AtomicUsize,
    /// Written by the caller only while no job is open and `active` is zero.
    job: UnsafeCell<Option<Job>>,
    /// The caller, while it sleeps until `active` is zero.
    waiting: Mutex<Option<Thread>>,
    is_waiting: AtomicBool,
    /// Whether the caller slept.
    stalled: AtomicBool,
    sleeping: Vec<AtomicBool>,
    panicked: AtomicBool,
    stop: AtomicBool,
}

#[derive(Clone, Copy)]
struct Job {
    work: *const Work<'static>,
    pieces: usize,
}

// SAFETY: `job` is written only when no worker can read it, see `Shared::job` and `ThreadPool::run`.
unsafe impl Sync for Shared {}
// SAFETY: the pointer in `job` is to a `Sync` closure.
unsafe impl Send for Shared {}

impl ThreadPool {
    /// A pool of `threads`, the calling one included; 0 means one for each core. At most 256, and fewer where the system refuses.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores } else { threads }.min(MOST_THREADS);
        let shared = Arc::new(Shared {
            epoch: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            waiting: Mutex::new(None),
            is_waiting: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            sleeping: (1..threads).map(|_| AtomicBool::new(false)).collect(),
            panicked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let spawn = |index: usize| {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("model-{}", index + 1)).spawn(move || shared.serve(index))
        };
        let workers = (0..threads - 1).map_while(|index| spawn(index).ok()).collect();
        Self { shared, workers, pace: Pace::default() }
    }

    /// The number of threads, the calling one included.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` once for each of `0..pieces`, on all threads, and returns when all are done.
    ///
    /// `steps` says how much work it is, in any unit: with it the pool finds out whether threads help.
    ///
    /// # Panics
    /// If `work` does.
    pub fn run(&mut self, pieces: usize, steps: usize, work: &Work<'_>) {
        if self.workers.is_empty() || pieces < 2 {
            (0..pieces).for_each(work);
            return;
        }
        let start = self.pace.is_measuring().then(Instant::now);
        match self.pace.way() {
            Way::Alone => (0..pieces).for_each(work),
            Way::Together => self.share(pieces, work),
        }
        if let Some(start) = start {
            self.pace.done(steps, start, Instant::now());
        }
    }

    fn share(&mut self, pieces: usize, work: &Work<'_>) {
        // SAFETY: only the lifetime changes; `Open` is dropped before `work` is, and waits for all who look at it.
        let work: &Work<'static> = unsafe { std::mem::transmute::<&Work<'_>, &Work<'static>>(work) };
        let open = Open::new(self, Job { work, pieces });
        self.shared.take_pieces(work, pieces);
        drop(open);
        if self.shared.stalled.swap(false, SeqCst) {
            self.pace.stall(Instant::now());
        }
        assert!(!self.shared.panicked.swap(false, SeqCst), "a kernel thread panicked");
    }

    /// Calls `work(i, chunk)` for every chunk of `unit` elements of `out`; on all threads if `steps`, the multiply-and-add
    /// steps of the whole, make it pay.
    pub(super) fn split<T: Send>(
        &mut self,
        out: &mut [T],
        unit: usize,
        steps: usize,
        work: &(dyn Fn(usize, &mut [T]) + Sync),
    ) {
        let units = out.len().checked_div(unit).unwrap_or(0);
        if self.workers.is_empty() || !pays(steps) {
            out.chunks_exact_mut(unit.max(1)).enumerate().for_each(|(index, chunk)| work(index, chunk));
            return;
        }
        let start = Start(out.as_mut_ptr());
        self.run(units, steps, &|index| {
            // SAFETY: chunk `index` lies within `out`, and each index is called once.
            let chunk = unsafe { std::slice::from_raw_parts_mut(start.get().add(index * unit), unit) };
            work(index, chunk);
        });
    }
}

/// Whether so many multiply-and-add steps are worth waking other threads for: about 3 µs of work are.
pub(super) fn pays(steps: usize) -> bool {
    steps >= 48 * 1024
}

/// The beginning of a slice that is dealt out in chunks.
pub(super) struct Start<T>(pub(super) *mut T);

// SAFETY: who deals it out gives every chunk to one thread.
unsafe impl<T: Send> Sync for Start<T> {}

impl<T> Start<T> {
    pub(super) fn get(&self) -> *mut T {
        self.0
    }
}

/// A job that workers may join; dropping it closes it and waits for those who did.
struct Open<'a>(&'a Shared);

impl<'a> Open<'a> {
    fn new(pool: &'a ThreadPool, job: Job) -> Self {
        let shared = &*pool.shared;
        // SAFETY: the last job was closed and nobody was active then; who comes later looks at the epoch first.
        unsafe { *shared.job.get() = Some(job) };
        shared.next.store(0, SeqCst);
        shared.epoch.fetch_add(1, SeqCst);
        for (sleeping, worker) in shared.sleeping.iter().zip(&pool.workers) {
            if sleeping.load(SeqCst) {
                worker.thread().unpark();
            }
        }
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // A worker counts itself before it looks whether a job is open, and we close before we count: whoever saw the job open
        // is waited for.
        self.0.epoch.fetch_add(1, SeqCst);
        for _ in 0..BUSY_TURNS {
            if self.0.active.load(SeqCst) == 0 {
                return;
            }
            std::hint::spin_loop();
        }
        self.0.sleep_until_done();
    }
}

impl Shared {
    /// The life of a worker.
    fn serve(&self, index: usize) {
        let mut seen = 0;
        while self.wait_for_job(index, seen) {
            self.active.fetch_add(1, SeqCst);
            seen = self.epoch.load(SeqCst);
            if seen % 2 == 1 {
                // SAFETY: a job is open, and stays so until `active` is zero again.
                if let Some(Job { work, pieces }) = unsafe { *self.job.get() } {
                    // SAFETY: as above; the caller keeps the closure alive while the job is open.
                    let work = unsafe { &*work };
                    if catch_unwind(AssertUnwindSafe(|| self.take_pieces(work, pieces))).is_err() {
                        self.panicked.store(true, SeqCst);
                    }
                }
            }
            self.finish();
        }
    }

    /// A worker is done with a job.
    fn finish(&self) {
        let was_last = self.active.fetch_sub(1, SeqCst) == 1;
        if was_last && self.is_waiting.load(SeqCst) {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(caller) = &*waiting {
                caller.unpark();
            }
        }
    }

    /// The processor went to another program with a piece undone. A caller that spun on would use up its own share of the
    /// processors waiting; one that sleeps gets it back afterwards.
    #[cold]
    fn sleep_until_done(&self) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        self.is_waiting.store(true, SeqCst);
        self.stalled.store(true, SeqCst);
        while self.active.load(SeqCst) != 0 {
            thread::park();
        }
        self.is_waiting.store(false, SeqCst);
    }

    fn take_pieces(&self, work: &Work<'_>, pieces: usize) {
        loop {
            let piece = self.next.fetch_add(1, SeqCst);
            if piece >= pieces {
                return;
            }
            work(piece);
        }
    }

    /// Waits for a job after `seen`; false when the pool ends.
    fn wait_for_job(&self, index: usize, seen: usize) -> bool {
        let is_new = || {
            let epoch = self.epoch.load(SeqCst);
            epoch % 2 == 1 && epoch != seen
        };
        let mut turns = 0;
        while !is_new() {
            if self.stop.load(SeqCst) {
                return false;
            }
            turns += 1;
            if turns < IDLE_TURNS {
                std::hint::spin_loop();
                continue;
            }
            self.sleeping[index].store(true, SeqCst);
            if !is_new() && !self.stop.load(SeqCst) {
                thread::park();
            }
            self.sleeping[index].store(false, SeqCst);
            turns = 0;
        }
        true
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches its panics: nothing to report.
            let _ = worker.join();
        }
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once() {
        for threads in [1, 2, 5] {
            let mut pool = ThreadPool::new(threads);
            for pieces in [0, 1, 2, 7, 1000] {
                for _ in 0..20 {
                    let counts: Vec<AtomicUsize> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
                    pool.run(pieces, 1, &|piece| {
                        counts[piece].fetch_add(1, SeqCst);
                    });
                    assert!(counts.iter().all(|count| count.load(SeqCst) == 1));
                }
            }
        }
    }

    #[test]
    fn absurd_numbers_of_threads_are_cut() {
        assert!(ThreadPool::new(usize::MAX).threads() <= MOST_THREADS);
        assert!(ThreadPool::new(0).threads() >= 1);
    }

    #[test]
    fn threads_that_slept_wake_up() {
        let mut pool = ThreadPool::new(2);
        for _ in 0..5 {
            thread::sleep(std::time::Duration::from_millis(2));
            let mut out = vec![0.0; 64];
            pool.split(&mut out, 4, usize::MAX, &|index, chunk| chunk.fill(index as f32));
            assert!(out.iter().enumerate().all(|(i, value)| *value == (i / 4) as f32));
        }
    }

    #[test]
    fn a_panic_in_the_work_reaches_the_caller_and_the_pool_goes_on() {
        let mut pool = ThreadPool::new(2);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            pool.run(8, 1, &|piece| assert!(piece != 3, "piece three"));
        }));
        assert!(failed.is_err());
        let sum = AtomicUsize::new(0);
        pool.run(8, 1, &|piece| {
            sum.fetch_add(piece, SeqCst);
        });
        assert_eq!(sum.load(SeqCst), 28);
    }
}
