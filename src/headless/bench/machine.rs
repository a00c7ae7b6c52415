//! What the machine is, what its memory delivers, and what this program has taken of it.

use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use sysinfo::{CpuRefreshKind, RefreshKind, System};

use super::clock::{Clock, Figure};
use super::{Extent, HeadlessError};
use crate::model::kernels::{Isa, ThreadPool};
use crate::model::weights::{Arena, Placed};

/// Bytes that are read: more than the caches of most machines hold.
const BUFFER: usize = 512 << 20;
/// The same where little is to be measured.
const QUICK_BUFFER: usize = 16 << 20;
/// Bytes that a thread takes at a time.
const PIECE: usize = 1 << 20;

/// The machine.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) os: &'static str,
    pub(super) arch: &'static str,
    /// The instructions that the kernels use.
    pub(super) instructions: &'static str,
    /// All threads: what `--threads` asks for, or one for each core.
    pub(super) threads: usize,
}

impl Machine {
    pub(super) fn this(threads: usize) -> Self {
        let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
        let processor = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
        let instructions = Isa::best().name();
        Self { processor, os: std::env::consts::OS, arch: std::env::consts::ARCH, instructions, threads }
    }
}

/// What memory delivers to some threads.
#[derive(Debug, Serialize)]
pub(super) struct Bandwidth {
    pub(super) threads: usize,
    pub(super) bytes: usize,
    pub(super) bytes_per_second: Figure,
}

/// A large buffer that is read from one end to the other, in memory such as weights lie in.
pub(super) struct Reading {
    buffer: Option<Placed>,
}

impl Reading {
    /// The buffer, filled: pages that nobody has written to are all the same one.
    pub(super) fn new(extent: Extent) -> Self {
        let bytes = if extent == Extent::Full { BUFFER } else { QUICK_BUFFER };
        let fill = |bytes: &mut [u8]| {
            for (index, number) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                *number = index.to_le_bytes();
            }
        };
        Self { buffer: Arena::default().place(bytes, fill) }
    }

    /// Sums of the whole buffer, by the pool of threads that the kernels use.
    pub(super) fn measure(&self, threads: usize, clock: &Clock<'_>) -> Result<Bandwidth, HeadlessError> {
        let mut pool = ThreadPool::new(threads);
        let buffer = self.buffer.as_deref().unwrap_or_default();
        let pieces: Vec<&[u8]> = buffer.chunks(PIECE).collect();
        let seconds = clock.measure("bandwidth", &mut || {
            let total = AtomicU64::new(0);
            let start = Instant::now();
            pool.run(pieces.len(), buffer.len(), &|index| {
                total.fetch_add(sum(pieces[index]), Ordering::Relaxed);
            });
            black_box(total);
            Ok(start.elapsed())
        })?;
        Ok(Bandwidth { threads, bytes: buffer.len(), bytes_per_second: seconds.rate(buffer.len() as f64) })
    }
}

/// The sum of all numbers in a piece, read as four streams: one alone does not keep memory busy.
fn sum(piece: &[u8]) -> u64 {
    let (numbers, _) = piece.as_chunks::<8>();
    let quarter = numbers.len() / 4;
    let (front, back) = numbers.split_at(2 * quarter);
    let ((a, b), (c, d)) = (front.split_at(quarter), back.split_at(quarter));
    let streams = a.iter().zip(b).zip(c).zip(d);
    streams.fold(0, |sum: u64, (((a, b), c), d)| {
        let pairs = [
            u64::from_le_bytes(*a).wrapping_add(u64::from_le_bytes(*b)),
            u64::from_le_bytes(*c).wrapping_add(u64::from_le_bytes(*d)),
        ];
        sum.wrapping_add(pairs[0].wrapping_add(pairs[1]))
    })
}

/// The most bytes that this process has had in memory at once; none where the system does not say.
pub(super) fn peak_bytes() -> Option<u64> {
    high_water_mark(&fs::read_to_string("/proc/self/status").ok()?)
}

/// `VmHWM:     1234 kB`, the unit always 1024 bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        assert_eq!(high_water_mark("Name:\tx\nVmPeak:\t9 kB\nVmHWM:\t    1234 kB\n"), Some(1_263_616));
        assert_eq!(high_water_mark("Name:\tx\n"), None);
        assert_eq!(high_water_mark("VmHWM:\tmuch kB\n"), None);
    }
}
