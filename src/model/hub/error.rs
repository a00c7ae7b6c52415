//! What can go wrong between a model's name and its files on this disk.

use std::path::PathBuf;

use crate::model::size::human;

/// Why a model could not be had from the hub. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// There is no such model, or no such revision of it.
    #[error(
        "there is no model {repo} at revision {revision} on {endpoint}: check the name (owner/name[@revision]); where it is private, set HF_TOKEN"
    )]
    NotFound {
        /// `owner/name`.
        repo: String,
        /// A branch, a tag or a commit.
        revision: String,
        /// The hub that was asked.
        endpoint: String,
    },
    /// The model is there, the file is not.
    #[error("{repo} at revision {revision} has no file {file}{}", listed(files))]
    NoFile {
        /// `owner/name`.
        repo: String,
        /// A branch, a tag or a commit.
        revision: String,
        /// The file that was asked for.
        file: String,
        /// Files of the kind that are there.
        files: Vec<String>,
    },
    /// The model has none of the files that a model is read from.
    #[error("{repo} {reason}")]
    Unusable {
        /// `owner/name`.
        repo: String,
        /// What it has instead, and what to do.
        reason: String,
    },
    /// Its licence has to be accepted first.
    #[error(
        "{repo} is gated: accept its licence on {endpoint}/{repo} and set HF_TOKEN to a token of that account ({token})"
    )]
    Gated {
        /// `owner/name`.
        repo: String,
        /// The hub that was asked.
        endpoint: String,
        /// Whether a token was sent, in words.
        token: &'static str,
    },
    /// The hub does not say whether the model exists.
    #[error(
        "{endpoint} does not let us read {repo} ({status}; {token}): check the name; where the model is private or gated, \
         accept its licence on {endpoint}/{repo} and set HF_TOKEN"
    )]
    Refused {
        /// `owner/name`.
        repo: String,
        /// The hub that was asked.
        endpoint: String,
        /// The status of its answer.
        status: u16,
        /// Whether a token was sent, in words.
        token: &'static str,
    },
    /// It would have to be asked for, and that is forbidden.
    #[error(
        "{name} is not complete in the cache ({}), and --offline or HF_HUB_OFFLINE forbids to ask for it: \
         run `logitscope model pull {name}` once with a network", folder.display()
    )]
    Offline {
        /// As it was asked for.
        name: String,
        /// The cache.
        folder: PathBuf,
    },
    /// Nobody answers.
    #[error(
        "can't reach {endpoint}: {reason}: check the network, HF_ENDPOINT and proxies, or use --offline with a model of the cache"
    )]
    Network {
        /// The hub that was asked.
        endpoint: String,
        /// What the system says.
        reason: String,
    },
    /// The hub has a fault of its own.
    #[error("{url} answered {status}: the fault is the hub's; try again later")]
    Status {
        /// What was asked for.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// The hub's answer makes no sense.
    #[error("{url}: {reason}; is HF_ENDPOINT a Hugging Face hub?")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The connection broke off more than once.
    #[error("{file} broke off at {} of {} ({reason}): what is there is kept; start again to go on from there", human(*done), human(*total))]
    BrokenOff {
        /// The file.
        file: String,
        /// Bytes that are there.
        done: u64,
        /// Bytes that it should have.
        total: u64,
        /// What the system says.
        reason: String,
    },
    /// More came than was announced.
    #[error("{file} should have {expected} bytes, but {found} came: it was thrown away; try again")]
    Size {
        /// The file.
        file: String,
        /// Bytes that were announced.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// The files are of two commits.
    #[error("{repo} changed while it was being downloaded: start again")]
    Changed {
        /// `owner/name`.
        repo: String,
    },
    /// There is no room for it.
    #[error(
        "{} has {} free, but {} are needed: make room there, or set HF_HUB_CACHE to a folder on a larger disk",
        folder.display(), human(*free), human(*needed)
    )]
    DiskFull {
        /// The cache.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are still to come.
        needed: u64,
    },
    /// The cache can't be read or written.
    #[error("can't write {}: {source}: check the folder, or set HF_HUB_CACHE to another", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl HubError {
    /// Whether what was asked for is wrong, and not the way to it.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NoFile { .. } | Self::Unusable { .. })
    }
}

/// The files that there are, as the end of a message.
fn listed(files: &[String]) -> String {
    const MOST: usize = 12;
    let named = files.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match files.len() {
        0 => String::new(),
        n if n > MOST => format!("; there are {named} and {} more", n - MOST),
        _ => format!("; there are {named}"),
    }
}
