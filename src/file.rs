//! Files that are there whole or not at all: the old one stays until the new one is complete, whatever happens in between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile};

/// How the names of files begin that are not complete yet.
const PREFIX: &str = ".logitscope-";

/// Files that are not complete yet.
static PENDING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Who may read a new file. One that takes the place of an old file has the old one's readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever the user's mask lets.
    Others,
    /// Only the user.
    Owner,
}

/// Collects output in a file beside the one that is asked for and puts it in its place at the end. What is not a plain file, such
/// as a pipe, is written to directly.
#[derive(Debug)]
pub struct WholeFile(Output);

#[derive(Debug)]
enum Output {
    Direct(File),
    Beside { file: NamedTempFile, path: PathBuf, _pending: Pending },
}

impl WholeFile {
    /// Opens the file beside.
    ///
    /// # Errors
    /// A folder that does not exist or can't be written, a path that is a folder, or a file that is read-only.
    pub fn create(path: &Path, readers: Readers) -> io::Result<Self> {
        let Ok(old) = fs::metadata(path) else {
            return Self::beside(path.to_path_buf(), readers);
        };
        if old.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        if !old.is_file() {
            return Ok(Self(Output::Direct(OpenOptions::new().write(true).open(path)?)));
        }
        if old.permissions().readonly() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
        }
        // A link stays a link: what it leads to is replaced.
        let output = Self::beside(fs::canonicalize(path)?, readers)?;
        if let Output::Beside { file, .. } = &output.0 {
            file.as_file().set_permissions(old.permissions())?;
        }
        Ok(output)
    }

    fn beside(path: PathBuf, readers: Readers) -> io::Result<Self> {
        if path.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
        }
        let mut builder = Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        if readers == Readers::Others {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder_of(&path)).map_err(|error| plain(&error))?;
        let pending = Pending::new(file.path());
        Ok(Self(Output::Beside { file, path, _pending: pending }))
    }

    /// Puts the file in its place, once all of it has reached the disk.
    ///
    /// # Errors
    /// A disk that is full, or a folder that can't be written any more; the old file is still there then.
    pub fn commit(self) -> io::Result<()> {
        self.place(|file, path| file.persist(path).map(|_| ()).map_err(|error| error.error))
    }

    /// The same where there is no file yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where there is one meanwhile, and as for [`Self::commit`].
    pub fn commit_new(self) -> io::Result<()> {
        self.place(|file, path| file.persist_noclobber(path).map(|_| ()).map_err(|error| error.error))
    }

    fn place(self, put: impl FnOnce(NamedTempFile, &Path) -> io::Result<()>) -> io::Result<()> {
        match self.0 {
            Output::Direct(mut file) => file.flush(),
            Output::Beside { file, path, _pending: pending } => {
                file.as_file().sync_all()?;
                put(file, &path)?;
                drop(pending);
                // The new name reaches the disk with its folder, where the system has such a thing; the file is whole either way.
                let _ = File::open(folder_of(&path)).and_then(|folder| folder.sync_all());
                Ok(())
            }
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Output::Direct(file) => file.write(bytes),
            Output::Beside { file, .. } => file.as_file_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Output::Direct(file) => file.flush(),
            Output::Beside { file, .. } => file.as_file_mut().flush(),
        }
    }
}

/// Puts these bytes in the place of a file.
///
/// # Errors
/// As for [`WholeFile::create`] and [`WholeFile::commit`].
pub fn replace(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let mut file = WholeFile::create(path, readers)?;
    file.write_all(content)?;
    file.commit()
}

/// Puts something that is no plain file, such as a link, in the place of what has this name. `make` is given the name beside.
///
/// # Errors
/// Those of `make`, or a folder that can't be written.
pub fn put(path: &Path, make: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let made = Builder::new().prefix(PREFIX).make_in(folder_of(path), make)?;
    made.persist(path).map_err(|error| error.error)
}

/// Takes away every file that is not complete: for a program that ends in the middle.
pub fn abandon() {
    for path in pending().drain(..) {
        // One that is gone, or complete by now, is what is wanted.
        let _ = fs::remove_file(path);
    }
}

/// A file that is not complete, until this is dropped.
#[derive(Debug)]
struct Pending(PathBuf);

impl Pending {
    fn new(path: &Path) -> Self {
        pending().push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        pending().retain(|path| *path != self.0);
    }
}

fn pending() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The system's error without the name of the file beside, which nobody has asked for. tempfile writes that behind it.
fn plain(error: &io::Error) -> io::Error {
    let said = error.to_string();
    let (cause, _) = said.split_once(" at path ").unwrap_or((&said, ""));
    io::Error::new(error.kind(), cause)
}

/// What lies in a folder, in order.
#[cfg(test)]
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "old").unwrap();
        let mut output = WholeFile::create(&path, Readers::Others).unwrap();
        output.write_all(b"ne").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        drop(output);
        assert_eq!((names(folder.path()), fs::read_to_string(&path).unwrap()), (vec!["a.json".into()], "old".into()));
        let mut output = WholeFile::create(&path, Readers::Others).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert_eq!((names(folder.path()), fs::read_to_string(&path).unwrap()), (vec!["a.json".into()], "new".into()));
        let late = WholeFile::create(&folder.path().join("b"), Readers::Others).unwrap();
        fs::write(folder.path().join("b"), "mine").unwrap();
        assert_eq!(late.commit_new().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names(folder.path()), ["a.json", "b"]);
    }

    #[test]
    fn what_can_not_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| WholeFile::create(path, Readers::Others).unwrap_err().to_string();
        refused(folder.path());
        let error = refused(&folder.path().join("no/such"));
        assert!(!error.contains(PREFIX), "{error}");
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        refused(&path);
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_reads_what_is_private_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        replace(&file, b"1", Readers::Owner).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        put(&link, |name| symlink("file", name)).unwrap();
        replace(&link, b"2", Readers::Others).unwrap();
        assert_eq!((fs::read(&file).unwrap(), fs::read_link(&link).unwrap()), (b"2".to_vec(), "file".into()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["file", "link"]);
    }
}
