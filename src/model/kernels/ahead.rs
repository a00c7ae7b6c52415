//! Weights on their way before they are multiplied.
//!
//! A processor takes a bounded number of cache lines from memory at once, so a moment with fewer on their way is lost. Kernels fetch
//! what follows what they multiply, into the second nearest cache, and from there, shortly before, into the nearest. A decode step
//! has many moments without a product: norms, rotations, short attention on one thread, and the differences between threads at the end
//! of each product. Threads that wait then fetch what is read next.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of a cache line.
pub(super) const LINE: usize = 64;
/// Bytes that kernels fetch ahead into the second nearest cache.
pub(super) const FAR: usize = 4096;
/// Bytes that kernels fetch ahead into the nearest cache.
pub(super) const NEAR: usize = 512;
/// Bytes that a waiting thread fetches at most: a fraction of the second nearest cache.
const MOST: usize = 128 << 10;
/// Bytes between two looks for work.
const STEP: usize = 512;
/// Matrices of a product.
const STRETCHES: usize = 3;

/// The nearest cache, as x86 counts them.
const NEAREST: i32 = 3;
/// The one behind it.
const SECOND: i32 = 2;

/// Asks for the cache line at an address, whatever lies there, to be in the second nearest cache soon.
#[inline(always)]
pub(super) fn fetch(address: *const u8) {
    ask::<SECOND>(address);
}

/// The same for the nearest cache.
#[inline(always)]
pub(super) fn fetch_near(address: *const u8) {
    ask::<NEAREST>(address);
}

/// Other processors fetch by themselves: stable Rust has no function for it there.
#[inline(always)]
fn ask<const CACHE: i32>(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<CACHE>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// The bytes that are read next. Threads may see the old and the new mixed: what they fetch changes nothing.
#[derive(Default)]
pub(super) struct Ahead {
    number: AtomicUsize,
    /// Address and length.
    stretches: [[AtomicUsize; 2]; STRETCHES],
}

/// How far a thread has come.
#[derive(Default)]
pub(super) struct Reader {
    number: usize,
    address: usize,
    left: usize,
}

impl Ahead {
    /// Replaces them.
    pub(super) fn set<'a>(&self, bytes: impl Iterator<Item = &'a [u8]>) {
        let mut bytes = bytes.map(|bytes| [bytes.as_ptr().addr(), bytes.len()]);
        for stretch in &self.stretches {
            let numbers = bytes.next().unwrap_or_default();
            for (to, number) in stretch.iter().zip(numbers) {
                to.store(number, Relaxed);
            }
        }
        self.number.fetch_add(1, Relaxed);
    }

    /// Where the part of a thread begins, and the bytes from there on in one stretch.
    fn part(&self, thread: usize, threads: usize) -> (usize, usize) {
        let stretches = self.stretches.each_ref().map(|stretch| stretch.each_ref().map(|number| number.load(Relaxed)));
        let total: usize = stretches.iter().map(|[_, length]| length).sum();
        let mut start = total / threads * thread;
        for [address, length] in stretches {
            if start < length {
                return (address.wrapping_add(start), length - start);
            }
            start -= length;
        }
        (0, 0)
    }
}

impl Reader {
    /// Fetches some lines of what this thread will read; false once that is enough.
    pub(super) fn read(&mut self, ahead: &Ahead, thread: usize, threads: usize) -> bool {
        let number = ahead.number.load(Relaxed);
        if number != self.number {
            let (address, length) = ahead.part(thread, threads);
            *self = Self { number, address, left: length.min(MOST) };
        }
        if self.left == 0 {
            return false;
        }
        for line in (0..STEP).step_by(LINE) {
            fetch(std::ptr::without_provenance(self.address.wrapping_add(line)));
        }
        self.address = self.address.wrapping_add(STEP);
        self.left = self.left.saturating_sub(STEP);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_reads_its_part_of_what_comes_next() {
        let bytes = vec![0; 4 * MOST];
        let (long, short) = (&bytes[..3 * MOST], &bytes[3 * MOST..]);
        let ahead = Ahead::default();
        let mut reader = Reader::default();
        assert!(!reader.read(&ahead, 0, 2), "nothing is known");
        ahead.set([short, long].into_iter());
        let place = |thread, threads| ahead.part(thread, threads);
        assert_eq!(place(0, 2), (short.as_ptr().addr(), MOST));
        assert_eq!(place(1, 2), (long.as_ptr().addr() + MOST, 2 * MOST));
        assert_eq!(place(3, 4), (long.as_ptr().addr() + 2 * MOST, MOST));
        let steps = (0..1000).take_while(|_| reader.read(&ahead, 1, 2)).count();
        assert_eq!(steps, MOST / STEP, "no more than the cache has room for");
        ahead.set([&short[..3 * STEP]].into_iter());
        assert_eq!((0..1000).take_while(|_| reader.read(&ahead, 0, 1)).count(), 3);
        ahead.set([].into_iter());
        assert!(!reader.read(&ahead, 1, 2));
    }
}
