//! What is in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::cached_in;
use super::name::HubName;
use super::place::HubPlace;

/// A model of the cache: one commit of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedModel {
    /// `owner/name`.
    pub repo: String,
    /// The branches and tags that are at this commit, ascending.
    pub revisions: Vec<String>,
    /// The commit.
    pub commit: String,
    /// As `config.json` has it, where it is there.
    pub architecture: Option<String>,
    /// Bytes of its files on this disk.
    pub bytes: u64,
    /// When a file of it was read last.
    pub used: Option<SystemTime>,
    /// Whether all is there that opening it needs.
    pub is_complete: bool,
}

impl CachedModel {
    /// The name that `--model` finds it by.
    #[must_use]
    pub fn name(&self) -> HubName {
        let revision = if self.revisions.iter().any(|one| one == "main") {
            "main"
        } else {
            self.revisions.first().unwrap_or(&self.commit)
        };
        HubName { repo: self.repo.clone(), revision: revision.to_owned(), file: None }
    }
}

/// The models of the cache, by name. What can't be read is left out.
#[must_use]
pub fn list(place: &HubPlace) -> Vec<CachedModel> {
    let mut found = Vec::new();
    for folder in entries(&place.cache) {
        let Some(repo) = folder.file_name().and_then(|name| repo_of(name.to_str()?)) else { continue };
        let refs = refs(&folder.join("refs"), "");
        for snapshot in entries(&folder.join("snapshots")) {
            let Some(commit) = snapshot.file_name().and_then(|name| name.to_str()) else { continue };
            let mut revisions: Vec<String> =
                refs.iter().filter(|(_, at)| at == commit).map(|(name, _)| name.clone()).collect();
            revisions.sort();
            let (bytes, used) = files(&snapshot);
            let repo = repo.clone();
            let name = HubName { repo: repo.clone(), revision: commit.to_owned(), file: None };
            let is_complete = cached_in(&place.cache, &name, commit) || has_gguf(&snapshot);
            let architecture = architecture(&snapshot);
            found.push(CachedModel {
                repo,
                revisions,
                commit: commit.to_owned(),
                architecture,
                bytes,
                used,
                is_complete,
            });
        }
    }
    found.sort_by(|a, b| (&a.repo, &a.commit).cmp(&(&b.repo, &b.commit)));
    found
}

/// `owner/name` of `models--owner--name`.
fn repo_of(folder: &str) -> Option<String> {
    let (owner, name) = folder.strip_prefix("models--")?.split_once("--")?;
    HubName::parse(&format!("{owner}/{name}")).map(|name| name.repo)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// Branches and tags, whose names may have slashes, with their commits.
fn refs(folder: &Path, prefix: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in entries(folder) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            found.extend(refs(&path, &format!("{name}/")));
        } else if let Ok(commit) = fs::read_to_string(&path) {
            found.push((name, commit.trim().to_owned()));
        }
    }
    found
}

/// Bytes of all files below a folder, and when one was read last.
fn files(folder: &Path) -> (u64, Option<SystemTime>) {
    let (mut bytes, mut used) = (0, None);
    for path in entries(folder) {
        let Ok(data) = path.metadata() else { continue };
        let (more, later) = if data.is_dir() { files(&path) } else { (data.len(), data.accessed().ok()) };
        bytes += more;
        used = used.max(later);
    }
    (bytes, used)
}

fn has_gguf(folder: &Path) -> bool {
    entries(folder).iter().any(|path| path.extension().is_some_and(|ending| ending == "gguf") && path.exists())
}

fn architecture(snapshot: &Path) -> Option<String> {
    let config: Value = serde_json::from_slice(&fs::read(snapshot.join("config.json")).ok()?).ok()?;
    let name = config["architectures"][0].as_str().or(config["model_type"].as_str())?;
    Some(name.to_owned())
}

/// Bytes of a file, or of all below a folder.
#[must_use]
pub fn bytes_in(path: &Path) -> u64 {
    if path.is_dir() { files(path).0 } else { path.metadata().map_or(0, |data| data.len()) }
}
