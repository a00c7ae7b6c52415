//! A file that is there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Collects output in a file beside the one that is asked for and puts it in its place at the end: whatever happens before,
/// the old file stays as it was. What is not a plain file, such as a pipe, is written to directly.
#[derive(Debug)]
pub struct OutputFile {
    file: File,
    /// The file beside, and where it belongs; nothing once it is there.
    pending: Option<(PathBuf, PathBuf)>,
}

impl OutputFile {
    /// Opens the file beside.
    ///
    /// # Errors
    /// A folder that does not exist or can't be written, a path that is a folder, or a file that is read-only.
    pub fn create(path: &Path) -> io::Result<Self> {
        let Ok(old) = fs::metadata(path) else {
            return Self::beside(path.to_path_buf());
        };
        if old.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        if !old.is_file() {
            return Ok(Self { file: OpenOptions::new().write(true).open(path)?, pending: None });
        }
        if old.permissions().readonly() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
        }
        // A link stays a link: what it leads to is replaced.
        let output = Self::beside(fs::canonicalize(path)?)?;
        output.file.set_permissions(old.permissions())?;
        Ok(output)
    }

    fn beside(path: PathBuf) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", std::process::id()));
        let beside = path.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        Ok(Self { file, pending: Some((beside, path)) })
    }

    /// Puts the file in its place, once all of it has reached the disk.
    ///
    /// # Errors
    /// A disk that is full, or a folder that can't be written any more; the old file is still there then.
    pub fn commit(mut self) -> io::Result<()> {
        let Some((beside, path)) = &self.pending else { return self.file.flush() };
        self.file.sync_all()?;
        fs::rename(beside, path)?;
        // The new name reaches the disk with its folder, where the system has such a thing; the file is whole either way.
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        self.pending = None;
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.pending {
            let _ = fs::remove_file(beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "old").unwrap();
        let mut output = OutputFile::create(&path).unwrap();
        output.write_all(b"ne").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        drop(output);
        assert_eq!((names(folder.path()), fs::read_to_string(&path).unwrap()), (vec!["a.json".into()], "old".into()));
        let mut output = OutputFile::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert_eq!((names(folder.path()), fs::read_to_string(&path).unwrap()), (vec!["a.json".into()], "new".into()));
    }

    #[test]
    fn what_can_not_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(OutputFile::create(folder.path()).is_err());
        assert!(OutputFile::create(&folder.path().join("no/such")).is_err());
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert!(OutputFile::create(&path).is_err());
        assert_eq!(names(folder.path()), ["a"]);
    }
}
