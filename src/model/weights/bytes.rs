//! The bytes of a weight file: mapped into memory, embedded in the program, or made by it.
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use memmap2::{Mmap, MmapOptions};

use crate::model::ModelError;
use crate::model::size::human;

/// A multiple of every page size.
#[cfg(target_os = "linux")]
const PAGE: usize = 64 * 1024;

/// A file's bytes and its name; clones share them.
#[derive(Clone, Debug)]
pub struct FileBytes {
    name: Arc<str>,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Embedded(&'static [u8]),
    Mapped(Arc<MappedFile>),
    /// Not of a file: pages that are given back are lost.
    Made(Arc<Mmap>),
}

/// A map, and the file that it is of.
#[derive(Debug)]
struct MappedFile {
    map: Mmap,
    file: File,
    name: Arc<str>,
}

/// The maps of files that are in use, and some that were.
static MAPPED: Mutex<Vec<Weak<MappedFile>>> = Mutex::new(Vec::new());

/// The mapped files that are shorter than they were, by name.
#[cfg(unix)]
pub(super) fn shortened() -> Vec<String> {
    let mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_shorter = |file: &MappedFile| file.file.metadata().is_ok_and(|now| now.len() < file.map.len() as u64);
    mapped.iter().filter_map(Weak::upgrade).filter(|file| is_shorter(file)).map(|file| file.name.to_string()).collect()
}

impl FileBytes {
    /// Maps a file into memory. See [the module](super) for what happens when it changes meanwhile.
    ///
    /// # Errors
    /// It can't be opened or mapped.
    pub fn map(path: &Path) -> Result<Self, ModelError> {
        let read = |source| ModelError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        // SAFETY: the map is only read, and as plain numbers, for which every bit pattern is valid. That nobody changes the file
        // meanwhile can't be enforced here; the module documents it as the user's part.
        let map = unsafe { Mmap::map(&file) }.map_err(read)?;
        let name: Arc<str> = path.display().to_string().into();
        let mapped = Arc::new(MappedFile { map, file, name: Arc::clone(&name) });
        let mut all = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|file| file.strong_count() > 0);
        all.push(Arc::downgrade(&mapped));
        Ok(Self { name, data: Data::Mapped(mapped) })
    }

    /// Bytes that are part of the program.
    #[must_use]
    pub fn embedded(name: &str, bytes: &'static [u8]) -> Self {
        Self { name: name.into(), data: Data::Embedded(bytes) }
    }

    /// Says that these bytes are not read again soon: the memory of a map's pages goes back to the system, which reads them anew
    /// if they are needed after all.
    pub fn release(&self, range: Range<usize>) {
        #[cfg(target_os = "linux")]
        if let Data::Mapped(mapped) = &self.data {
            let map = &mapped.map;
            // Whole pages only: others of the file share the first and the last one.
            let start = range.start.next_multiple_of(PAGE);
            let end = range.end.min(map.len()) / PAGE * PAGE;
            if start < end {
                // SAFETY: the map is of a file and read-only, so that dropped pages come back with the same bytes.
                // A refusal costs memory and nothing else.
                let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, end - start) };
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = range;
    }

    /// Bytes that `fill` makes, at least one, in pages of their own, as those of a file are.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn made(name: &str, length: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, ModelError> {
        let no_room =
            |error| ModelError::Unsupported(format!("{name}: no memory for {}: {error}", human(length as u64)));
        // All pages at once: one by one they take longer than what is written to them.
        let mut map = MmapOptions::new().len(length).populate().map_anon().map_err(no_room)?;
        fill(&mut map);
        let map = map.make_read_only().map_err(no_room)?;
        Ok(Self { name: name.into(), data: Data::Made(Arc::new(map)) })
    }

    /// A copy of bytes that are at hand.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn copied(name: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.is_empty() {
            return Ok(Self::embedded(name, &[]));
        }
        Self::made(name, bytes.len(), |copy| copy.copy_from_slice(bytes))
    }

    /// The file, as messages name it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.data {
            Data::Embedded(bytes) => bytes,
            Data::Mapped(mapped) => &mapped.map,
            Data::Made(map) => map,
        }
    }
}
