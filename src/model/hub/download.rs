//! One file from the hub into the cache: gone on with where it broke off, whole or not there.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use ureq::http::Method;

use super::cache::{RepoCache, disk, make_folder_of};
use super::wire::{Answer, GoOn, PAUSES, Wire, check, wait};
use super::{HubError, HubName};
use crate::model::ModelError;

/// What the hub says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    /// Its name in the model.
    pub(super) file: String,
    /// The commit that it belongs to.
    pub(super) commit: String,
    /// The name of its bytes.
    pub(super) etag: String,
    /// How many there are.
    pub(super) size: u64,
}

/// What is needed to get files of a model.
pub(super) struct Files<'a> {
    pub(super) name: &'a HubName,
    pub(super) wire: &'a Wire<'a>,
    pub(super) cache: &'a RepoCache,
    /// Whether a token was sent, in words.
    pub(super) token: &'static str,
}

/// Hears how many bytes of a file are there, and says whether to go on.
type Count<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// How a request for bytes ended.
enum End {
    /// All are there.
    Whole,
    /// The connection broke off, in the system's words.
    Broken(String),
}

impl Files<'_> {
    /// Asks for a file's commit, name of bytes and size; `None` where the model does not have it.
    ///
    /// # Errors
    /// No answer, or one that makes no sense.
    pub(super) fn look(&self, file: &str, go_on: &mut GoOn<'_>) -> Result<Option<Remote>, ModelError> {
        let path = self.path(file);
        let answer = self.wire.ask(&Method::HEAD, &path, None, go_on)?;
        let redirected = (300..400).contains(&answer.status);
        match answer.status {
            404 if is_entry_missing(&answer) => return Ok(None),
            200..=299 => {}
            _ if redirected => {}
            _ => return Err(self.refused(&path, &answer)),
        }
        let wrong = |reason: String| HubError::Answer { url: format!("{}{path}", self.wire.endpoint()), reason };
        let first = |names: [&str; 2]| names.iter().find_map(|name| answer.header(name)).map(str::to_owned);
        let etag = first(["x-linked-etag", "etag"]).ok_or_else(|| wrong("the answer has no etag".into()))?;
        let etag = etag.trim_start_matches("W/").trim_matches('"').to_owned();
        let commit = answer.header("x-repo-commit").ok_or_else(|| wrong("the answer has no x-repo-commit".into()))?;
        let size = first(["x-linked-size", if redirected { "x-linked-size" } else { "content-length" }]);
        let size = size.ok_or_else(|| wrong("the answer has no size".into()))?;
        let bytes = size.trim().parse().map_err(|_| wrong(format!("its size is {size:?}, which is no number")))?;
        if [&etag, commit].iter().any(|part| !is_plain(part)) {
            return Err(wrong(format!("etag {etag:?} or commit {commit:?} is no name")).into());
        }
        Ok(Some(Remote { file: file.to_owned(), commit: commit.to_owned(), etag, size: bytes }))
    }

    fn path(&self, file: &str) -> String {
        let encoded: Vec<String> = file.split('/').map(encode).collect();
        format!("/{}/resolve/{}/{}", self.name.repo, encode(&self.name.revision), encoded.join("/"))
    }

    /// What an answer means that is no file.
    pub(super) fn refused(&self, path: &str, answer: &Answer) -> ModelError {
        let (repo, endpoint, token) = (self.name.repo.clone(), self.wire.endpoint().to_owned(), self.token);
        let code = answer.header("x-error-code");
        let error = match (answer.status, code) {
            (_, Some("GatedRepo")) | (403, _) => HubError::Gated { repo, endpoint, token },
            (404, _) | (_, Some("RepoNotFound" | "RevisionNotFound")) => {
                HubError::NotFound { repo, revision: self.name.revision.clone(), endpoint }
            }
            (status @ 401, _) => HubError::Refused { repo, endpoint, status, token },
            (status, _) => {
                let reason = format!("the answer is {status}");
                HubError::Answer { url: format!("{endpoint}{path}"), reason }
            }
        };
        error.into()
    }

    /// Gets the bytes of a file. `watch` hears how many are there.
    ///
    /// # Errors
    /// The hub, the way to it, the disk, or the caller gives up; what has come stays for the next time.
    pub(super) fn get(&self, remote: &Remote, watch: &mut Count<'_>) -> Result<(), ModelError> {
        let blob = self.cache.blob(&remote.etag);
        make_folder_of(&blob)?;
        let _lock = self.locked(remote, &mut || watch(0))?;
        // Somebody else may have got it meanwhile.
        if !blob.exists() {
            let part = self.cache.incomplete(&remote.etag);
            self.whole(remote, &part, watch)?;
            std::fs::rename(&part, &blob).map_err(|source| disk(&blob, source))?;
        }
        self.cache.link(&remote.commit, &remote.file, &remote.etag)
    }

    /// Takes the lock that other programs respect too; it is given back when the file is dropped.
    fn locked(&self, remote: &Remote, go_on: &mut GoOn<'_>) -> Result<File, ModelError> {
        let path = self.cache.lock(&remote.etag);
        make_folder_of(&path)?;
        let file = File::create(&path).map_err(|source| disk(&path, source))?;
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => wait(Duration::from_millis(100), go_on)?,
                // A disk without locks: two programs at once are then the user's affair.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(file),
            }
        }
    }

    /// Asks for the rest until all of it is there. A connection that breaks off is made anew, as long as each brings something.
    fn whole(&self, remote: &Remote, part: &Path, watch: &mut Count<'_>) -> Result<(), ModelError> {
        let open = OpenOptions::new().append(true).create(true).open(part);
        let mut out = open.map_err(|source| disk(part, source))?;
        let mut done = out.metadata().map_err(|source| disk(part, source))?.len();
        let mut pauses = PAUSES.iter();
        if done > remote.size {
            begin_anew(&mut out, part, &mut done)?;
        }
        while done < remote.size {
            let before = done;
            match self.rest(remote, (&mut out, part), &mut done, watch)? {
                End::Whole => break,
                End::Broken(reason) => {
                    if done > before {
                        pauses = PAUSES.iter();
                    }
                    let Some(pause) = pauses.next() else {
                        let (file, total) = (remote.file.clone(), remote.size);
                        return Err(HubError::BrokenOff { file, done, total, reason }.into());
                    };
                    wait(*pause, &mut || watch(done))?;
                }
            }
        }
        out.sync_all().map_err(|source| disk(part, source))
    }

    /// One request for all bytes from `done` on.
    fn rest(
        &self,
        remote: &Remote,
        (out, part): (&mut File, &Path),
        done: &mut u64,
        watch: &mut Count<'_>,
    ) -> Result<End, ModelError> {
        let path = self.path(&remote.file);
        let start = *done;
        let answer = self.wire.ask(&Method::GET, &path, (start > 0).then_some(start), &mut || watch(start))?;
        match answer.status {
            206 if starts_at(&answer, start) => {}
            // The whole file, whatever was asked for.
            200 if start == 0 => {}
            200 => begin_anew(out, part, done)?,
            206 | 416 => {
                begin_anew(out, part, done)?;
                return Ok(End::Broken(format!("the hub does not go on at byte {start}")));
            }
            404 if is_entry_missing(&answer) => {
                return Err(HubError::Changed { repo: self.name.repo.clone() }.into());
            }
            _ => return Err(self.refused(&path, &answer)),
        }
        loop {
            let bytes = match answer.next(&mut || watch(*done))? {
                Some(Ok(bytes)) => bytes,
                Some(Err(reason)) => return Ok(End::Broken(reason)),
                None if *done < remote.size => return Ok(End::Broken("the connection was closed".into())),
                None => return Ok(End::Whole),
            };
            *done += bytes.len() as u64;
            if *done > remote.size {
                let found = *done;
                begin_anew(out, part, done)?;
                return Err(HubError::Size { file: remote.file.clone(), expected: remote.size, found }.into());
            }
            out.write_all(&bytes).map_err(|source| match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    let needed = remote.size.saturating_sub(start);
                    full(part, needed, fs4::available_space(part).unwrap_or(0))
                }
                _ => disk(part, source),
            })?;
            check(&mut || watch(*done))?;
        }
    }
}

/// Whether a 404 is about the file and not about the model.
fn is_entry_missing(answer: &Answer) -> bool {
    !matches!(answer.header("x-error-code"), Some("RepoNotFound" | "RevisionNotFound"))
}

/// Throws away what is there.
fn begin_anew(out: &mut File, part: &Path, done: &mut u64) -> Result<(), ModelError> {
    *done = 0;
    out.set_len(0).map_err(|source| disk(part, source))
}

/// There is no room for so many bytes.
pub(super) fn full(path: &Path, needed: u64, free: u64) -> ModelError {
    let folder = path.parent().unwrap_or(path).to_owned();
    HubError::DiskFull { folder, free, needed }.into()
}

/// Whether a part begins where it was asked for: `bytes 500-999/1000`.
fn starts_at(answer: &Answer, start: u64) -> bool {
    let range = answer.header("content-range").and_then(|range| range.strip_prefix("bytes "));
    range.and_then(|range| range.split('-').next()?.trim().parse().ok()) == Some(start)
}

/// Letters, digits and marks that make no path.
fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=200).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('.')
}

/// A part of a path as a URL writes it (RFC 3986, section 2).
pub(super) fn encode(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
