//! A few persistent threads for work that takes microseconds.
//!
//! A decode step of a small model holds dozens of products of 10 to 100 µs each. A task pool that puts its threads to sleep in
//! between loses more than it gains; these spin for a moment first, and [fetch](super::ahead) what comes next. Each thread has a part of the pieces,
//! one after the other, and takes those of others when it is done with its own: one that the system keeps from running delays nobody until it
//! has taken a piece. If it loses its processor then, the caller sleeps until that piece is done, and the [pace](super::pace) finds out
//! whether threads help at all.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Instant;

use super::ahead::{Ahead, Reader};
use super::deal::{Deal, Job, Line, Part};
use super::pace::{Pace, Way};

/// No machine gains from more.
const MOST_THREADS: usize = 256;
/// Turns of an idle thread before it sleeps: some 50 µs.
const IDLE_TURNS: usize = 2_000;
/// Turns of a thread that is done with its part before it looks at those of others, who have to fetch them back then: some 0.2 µs.
const OWN_TURNS: usize = 16;
/// Turns of waiting for another thread's last piece before sleeping: longer than any piece of a decode step takes.
const BUSY_TURNS: usize = 8_000;

/// The work, as the threads see it: called once for each piece.
type Work<'a> = dyn Fn(usize) + Sync + 'a;

/// Threads that share one piece of work at a time.
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    pace: Pace,
    /// The jobs so far.
    jobs: u64,
    /// What the calling thread fetches while it waits.
    reader: Reader,
}

struct Shared {
    post: Line<Post>,
    /// The pieces; the calling thread is the first.
    deal: Deal,
    /// Pieces of all jobs that the workers finished.
    done: Line<AtomicUsize>,
    /// What is read next.
    ahead: Line<Ahead>,
    /// The caller, while it sleeps until the workers are done.
    waiting: Mutex<Option<Thread>>,
    is_waiting: AtomicBool,
    /// Whether the caller slept.
    stalled: AtomicBool,
    sleeping: Vec<AtomicBool>,
    panicked: AtomicBool,
    stop: AtomicBool,
}

/// Where a job is announced.
struct Post {
    /// A [`Job`].
    announced: AtomicU64,
    /// Written by the caller while no job has pieces that are neither taken nor done; read by who took a piece.
    work: UnsafeCell<Option<*const Work<'static>>>,
}

// SAFETY: the pointer in `work` is to a `Sync` closure; it is written only when no thread can read it, see `Post::work`.
unsafe impl Sync for Post {}
// SAFETY: as above.
unsafe impl Send for Post {}

impl ThreadPool {
    /// A pool of `threads`, the calling one included; 0 means one for each core. At most 256, and fewer where the system refuses.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores } else { threads }.min(MOST_THREADS);
        let shared = Arc::new(Shared {
            post: Line(Post { announced: AtomicU64::new(0), work: UnsafeCell::new(None) }),
            deal: Deal::new(threads),
            done: Line::default(),
            ahead: Line::default(),
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
        Self { shared, workers, pace: Pace::default(), jobs: 0, reader: Reader::default() }
    }

    /// The number of threads, the calling one included.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Says which bytes the next jobs will read, in the order of their pieces: threads that wait fetch the beginnings of their parts.
    pub(super) fn expect<'a>(&self, bytes: impl Iterator<Item = &'a [u8]>) {
        if !self.workers.is_empty() {
            self.shared.ahead.0.set(bytes);
        }
    }

    /// Calls `work` once for each of `0..pieces`, on all threads, and returns when all are done. Each thread has pieces that follow
    /// each other, and more only once others are behind.
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
            Way::Together if pieces <= Job::MOST => self.share(pieces, work),
            _ => (0..pieces).for_each(work),
        }
        if let Some(start) = start {
            self.pace.done(steps, start, Instant::now());
        }
    }

    fn share(&mut self, pieces: usize, work: &Work<'_>) {
        // SAFETY: only the lifetime changes; `Open` is dropped before `work` is, and waits for all who took a piece.
        let work: &Work<'static> = unsafe { std::mem::transmute::<&Work<'_>, &Work<'static>>(work) };
        let mut open = Open::new(self, pieces, work);
        while let Some(piece) = open.take(Part::Own) {
            work(piece);
        }
        while !open.is_done_within(OWN_TURNS)
            && let Some(piece) = open.take(Part::Any)
        {
            work(piece);
        }
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

/// A job that workers may join; dropping it waits for them.
struct Open<'a> {
    pool: &'a mut ThreadPool,
    job: Job,
    /// Pieces that the calling thread took.
    own: usize,
    /// [`Shared::done`] before it.
    done: usize,
}

impl<'a> Open<'a> {
    fn new(pool: &'a mut ThreadPool, pieces: usize, work: &'a Work<'static>) -> Self {
        pool.jobs += 1;
        let shared = &*pool.shared;
        let job = Job { number: pool.jobs, pieces };
        let done = shared.done.0.load(SeqCst);
        // SAFETY: every piece of the last job is done, so nobody reads the work before taking a piece of this one.
        unsafe { *shared.post.0.work.get() = Some(std::ptr::from_ref(work)) };
        shared.post.0.announced.store(job.word(), SeqCst);
        for (sleeping, worker) in shared.sleeping.iter().zip(&pool.workers) {
            if sleeping.load(SeqCst) {
                worker.thread().unpark();
            }
        }
        Self { pool, job, own: 0, done }
    }

    fn take(&mut self, part: Part) -> Option<usize> {
        let piece = self.pool.shared.deal.take(self.job, 0, part)?;
        self.own += 1;
        Some(piece)
    }

    /// Waits for the workers, and fetches what comes next meanwhile.
    fn is_done_within(&mut self, turns: usize) -> bool {
        for _ in 0..turns {
            if self.is_done() {
                return true;
            }
            let shared = &*self.pool.shared;
            if !self.pool.reader.read(&shared.ahead.0, 0, shared.deal.threads()) {
                std::hint::spin_loop();
            }
        }
        false
    }

    fn is_done(&self) -> bool {
        let done = self.pool.shared.done.0.load(SeqCst).wrapping_sub(self.done);
        done + self.own == self.job.pieces
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // After a panic here, what nobody took stays undone.
        while thread::panicking() && self.take(Part::Any).is_some() {}
        if !self.is_done_within(BUSY_TURNS) {
            self.sleep_until_done();
        }
    }
}

impl Open<'_> {
    /// The processor went to another program with a piece undone. A caller that spun on would use up its own share of the
    /// processors waiting; one that sleeps gets it back afterwards.
    #[cold]
    fn sleep_until_done(&self) {
        let shared = &*self.pool.shared;
        *shared.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        shared.is_waiting.store(true, SeqCst);
        shared.stalled.store(true, SeqCst);
        while !self.is_done() {
            thread::park();
        }
        shared.is_waiting.store(false, SeqCst);
    }
}

impl Shared {
    /// The life of a worker.
    fn serve(&self, index: usize) {
        let mut seen = Job::of(0);
        let mut reader = Reader::default();
        while let Some(job) = self.wait_for_job(index, seen, &mut reader) {
            seen = job;
            self.work(job, index + 1, Part::Own);
            let is_over = || Job::of(self.post.0.announced.load(SeqCst)) != job;
            let mut turns = 0;
            while turns < OWN_TURNS && !is_over() {
                turns += 1;
                std::hint::spin_loop();
            }
            if turns == OWN_TURNS {
                self.work(job, index + 1, Part::Any);
            }
        }
    }

    /// A worker's share of a job.
    fn work(&self, job: Job, thread: usize, part: Part) {
        let mut pieces = 0;
        let work = || {
            while let Some(piece) = self.deal.take(job, thread, part) {
                pieces += 1;
                // SAFETY: a piece of this job was taken and is not done, so the caller keeps the work where it is.
                if let Some(work) = unsafe { *self.post.0.work.get() } {
                    // SAFETY: as above.
                    unsafe { (*work)(piece) };
                }
            }
        };
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            self.panicked.store(true, SeqCst);
        }
        self.finish(pieces);
    }

    /// A worker has done some pieces.
    fn finish(&self, pieces: usize) {
        if pieces == 0 {
            return;
        }
        self.done.0.fetch_add(pieces, SeqCst);
        if self.is_waiting.load(SeqCst) {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(caller) = &*waiting {
                caller.unpark();
            }
        }
    }

    /// Waits for a job other than `seen`; none when the pool ends.
    fn wait_for_job(&self, index: usize, seen: Job, reader: &mut Reader) -> Option<Job> {
        let new = || Some(Job::of(self.post.0.announced.load(SeqCst))).filter(|job| *job != seen);
        let mut turns = 0;
        loop {
            if let Some(job) = new() {
                return Some(job);
            }
            if self.stop.load(SeqCst) {
                return None;
            }
            turns += 1;
            if reader.read(&self.ahead.0, index + 1, self.deal.threads()) {
                continue;
            }
            if turns < IDLE_TURNS {
                std::hint::spin_loop();
                continue;
            }
            self.sleeping[index].store(true, SeqCst);
            if new().is_none() && !self.stop.load(SeqCst) {
                thread::park();
            }
            self.sleeping[index].store(false, SeqCst);
            turns = 0;
        }
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
