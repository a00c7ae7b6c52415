//! The cache that all Hugging Face programs share: `blobs` hold the bytes, `snapshots` link to them by file name, `refs` say
//! which commit a branch is at, `.no_exist` which files a commit does not have (`huggingface_hub.file_download`).

use std::fs;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::HubError;
use super::name::{HubName, is_commit, is_path};
use crate::file::{self, Readers};
use crate::model::ModelError;

/// A model's folder in the cache.
#[derive(Clone, Debug)]
pub(super) struct RepoCache {
    cache: Cache,
    repo: String,
    folder: PathBuf,
    locks: PathBuf,
}

/// What the cache knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is here.
    Here,
    /// The model does not have it.
    Absent,
    /// Nobody has asked.
    Nothing,
}

impl RepoCache {
    pub(super) fn new(cache: &Path, repo: &str) -> Self {
        let name = Repo::model(repo.to_owned()).folder_name();
        Self {
            locks: cache.join(".locks").join(&name),
            folder: cache.join(name),
            cache: Cache::new(cache.to_owned()),
            repo: repo.to_owned(),
        }
    }

    /// The model at a revision, as hf-hub lays it out.
    fn at(&self, revision: &str) -> CacheRepo {
        self.cache.repo(Repo::with_revision(self.repo.clone(), RepoType::Model, revision.to_owned()))
    }

    /// The commit that a revision is at, as far as the cache knows.
    pub(super) fn commit(&self, name: &HubName) -> Option<String> {
        if name.is_commit() {
            return Some(name.revision.clone());
        }
        let text = fs::read_to_string(self.folder.join("refs").join(&name.revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_path(commit) && !commit.contains('/'))
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.at(commit).pointer_path(commit)
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The part of a blob that is there so far.
    pub(super) fn incomplete(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// What keeps two programs from writing the same blob.
    pub(super) fn lock(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.lock"))
    }

    pub(super) fn known(&self, commit: &str, file: &str) -> Known {
        if self.snapshot(commit).join(file).exists() {
            Known::Here
        } else if self.folder.join(".no_exist").join(commit).join(file).exists() {
            Known::Absent
        } else {
            Known::Nothing
        }
    }

    /// Notes that a commit does not have a file.
    pub(super) fn note_absent(&self, commit: &str, file: &str) -> Result<(), ModelError> {
        let path = self.folder.join(".no_exist").join(commit).join(file);
        make_folder_of(&path)?;
        fs::write(&path, []).map_err(|source| disk(&path, source))
    }

    /// Notes which commit a revision is at.
    pub(super) fn note_commit(&self, name: &HubName, commit: &str) -> Result<(), ModelError> {
        if is_commit(&name.revision) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(&name.revision);
        make_folder_of(&path)?;
        file::replace(&path, commit.as_bytes(), Readers::Others).map_err(|source| disk(&path, source))
    }

    /// Gives a blob its name in a snapshot: a relative link, or a copy where there are no links.
    pub(super) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<(), ModelError> {
        let path = self.snapshot(commit).join(file);
        make_folder_of(&path)?;
        let up = "../".repeat(file.split('/').count() + 1);
        let target = format!("{up}blobs/{etag}");
        let copied = |to: &Path| fs::copy(self.blob(etag), to).map(|_| ());
        file::put(&path, |name| symlink(Path::new(&target), name).or_else(|_| copied(name)))
            .map_err(|source| disk(&path, source))
    }
}

#[cfg(unix)]
fn symlink(to: &Path, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

#[cfg(windows)]
fn symlink(to: &Path, path: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(to, path)
}

pub(super) fn make_folder_of(path: &Path) -> Result<(), ModelError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|source| disk(folder, source))
}

pub(super) fn disk(path: &Path, source: std::io::Error) -> ModelError {
    HubError::Disk { path: path.to_owned(), source }.into()
}
