//! Memory for the matrices of a model, on large pages where the system has them.
//!
//! A step reads every weight once. With pages of 4 KB each page is looked up anew, and nothing can be fetched ahead across their ends
//! cheaply; on pages of 2 MB the same kernels read a tenth to a half faster.

use std::cell::RefCell;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use memmap2::MmapMut;

/// Address space that is taken at once; memory is only taken where something is placed.
const REGION: usize = 64 << 20;
/// What is placed begins at a cache line.
const ALIGNMENT: usize = 64;
/// A model of 28 MB gains a third; smaller ones were not measured.
const SMALLEST: u64 = 16 << 20;

/// Where matrices are placed one after the other while a model is loaded. What was placed can be read once this is dropped.
#[derive(Debug, Default)]
pub struct Arena {
    region: RefCell<Option<Region>>,
}

/// A stretch of memory that is being filled.
#[derive(Debug)]
struct Region {
    map: MmapMut,
    used: usize,
    filled: Arc<OnceLock<MmapMut>>,
}

/// Bytes in an arena.
#[derive(Clone, Debug)]
pub struct Placed {
    region: Arc<OnceLock<MmapMut>>,
    range: Range<usize>,
}

impl Arena {
    /// Room for `length` bytes, which `fill` writes; none where the system has no memory.
    pub fn place(&self, length: usize, fill: impl FnOnce(&mut [u8])) -> Option<Placed> {
        let mut current = self.region.borrow_mut();
        if current.as_ref().is_none_or(|region| region.map.len() - region.used < length) {
            if let Some(full) = current.take() {
                full.close();
            }
            *current = Some(Region::new(length)?);
        }
        let region = current.as_mut()?;
        let range = region.used..region.used + length;
        fill(&mut region.map[range.clone()]);
        region.used = range.end.next_multiple_of(ALIGNMENT).min(region.map.len());
        Some(Placed { region: Arc::clone(&region.filled), range })
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(region) = self.region.take() {
            region.close();
        }
    }
}

impl Region {
    fn new(length: usize) -> Option<Self> {
        let map = MmapMut::map_anon(length.max(REGION)).ok()?;
        #[cfg(target_os = "linux")]
        // A refusal costs speed and nothing else.
        let _ = map.advise(memmap2::Advice::HugePage);
        Some(Self { map, used: 0, filled: Arc::default() })
    }

    /// From here on it is only read.
    fn close(self) {
        // It is closed once.
        let _ = self.filled.set(self.map);
    }
}

impl Deref for Placed {
    type Target = [u8];

    /// The bytes; none while the arena is still filled.
    fn deref(&self) -> &[u8] {
        self.region.get().map_or(&[], |map| &map[self.range.clone()])
    }
}

/// Whether matrices of so many bytes are worth a copy out of their file: the system has large pages, and half of the free memory is enough.
pub fn pays(bytes: u64, available: impl Fn() -> Option<u64>) -> bool {
    bytes >= SMALLEST && has_large_pages() && available().is_some_and(|available| bytes <= available / 2)
}

/// Whether the system gives large pages to those who ask.
#[cfg(target_os = "linux")]
fn has_large_pages() -> bool {
    std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .is_ok_and(|modes| modes.contains("[madvise]") || modes.contains("[always]"))
}

#[cfg(not(target_os = "linux"))]
fn has_large_pages() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_placed_is_read_once_the_arena_is_closed() {
        let arena = Arena::default();
        let place = |length: usize, byte: u8| arena.place(length, |bytes| bytes.fill(byte)).unwrap();
        let placed = [(5, 1), (0, 2), (100, 3), (REGION + 1, 4), (64, 5)]
            .map(|(length, byte)| (place(length, byte), length, byte));
        assert!(placed[4].0.is_empty(), "not yet");
        drop(arena);
        for (bytes, length, byte) in placed {
            assert_eq!(bytes.len(), length);
            assert!(bytes.iter().all(|is| *is == byte));
            assert!(bytes.is_empty() || bytes.as_ptr().addr().is_multiple_of(ALIGNMENT));
        }
    }

    #[test]
    fn small_models_and_those_that_hardly_fit_stay_where_they_are() {
        assert!(!pays(1 << 20, || Some(1 << 40)));
        assert!(!pays(1 << 30, || Some(1 << 30)));
        assert!(!pays(1 << 30, || None));
        assert_eq!(pays(1 << 30, || Some(1 << 34)), has_large_pages());
    }
}
