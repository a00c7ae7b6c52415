//! The bytes of a weight file: mapped into memory, embedded in the program, or made by it.
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use memmap2::{Mmap, MmapOptions};

use crate::model::ModelError;
use crate::model::size::human;

/// A file's bytes and its name; clones share them.
#[derive(Clone, Debug)]
pub struct FileBytes {
    name: Arc<str>,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Embedded(&'static [u8]),
    Mapped(Arc<Mmap>),
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
        Ok(Self { name: path.display().to_string().into(), data: Data::Mapped(Arc::new(map)) })
    }

    /// Bytes that are part of the program.
    #[must_use]
    pub fn embedded(name: &str, bytes: &'static [u8]) -> Self {
        Self { name: name.into(), data: Data::Embedded(bytes) }
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
        Ok(Self { name: name.into(), data: Data::Mapped(Arc::new(map)) })
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
            Data::Mapped(map) => map,
        }
    }
}
