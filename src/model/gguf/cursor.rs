//! Reading little-endian values one after the other, never past the end of the file.

/// A place in a file's bytes. Errors are reasons for a message that names the file.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Bytes before this place.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// The file has fewer.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], String> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| {
            let (at, size) = (self.at, self.bytes.len());
            format!("truncated or damaged: {length} bytes are wanted at byte {at} of {size}; download it again")
        })?;
        self.at += taken.len();
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    /// A text: its length in bytes, then UTF-8.
    pub(super) fn text(&mut self) -> Result<&'a str, String> {
        let at = self.at;
        let length = self.u64()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| format!("damaged: the text at byte {at} is not UTF-8"))
    }
}
