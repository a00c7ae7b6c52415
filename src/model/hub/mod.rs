//! Models from the Hugging Face hub, through the cache that all its programs share.
//!
//! The hub is asked only for what the cache does not have. The crate `hf-hub` is not used: its downloads can't be broken off,
//! it takes a whole file for the rest of one, knows neither `HF_HUB_CACHE` nor `HF_HUB_OFFLINE`, and its errors don't tell a
//! missing model from a locked one.

mod cache;
mod download;
mod error;
mod list;
mod meter;
mod name;
mod place;
mod wire;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use ureq::http::Method;

use self::cache::{Known, RepoCache};
use self::download::{Files, Remote, encode, full};
use self::meter::Meter;
use self::name::is_path;
use self::wire::Wire;
use super::ModelError;
use super::Opening;
use super::weights::{INDEX, SINGLE, shard_names};

pub use error::HubError;
pub use list::{CachedModel, bytes_in, list};
pub use name::HubName;
pub use place::{HubPlace, Network};

/// Files that a model can't be opened without.
const REQUIRED: [&str; 2] = ["config.json", "tokenizer.json"];
/// Files that say more, where there are any.
const OPTIONAL: [&str; 4] =
    ["generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];
/// A list of files, or an index of tensors, that is longer is none.
const LONGEST_LIST: usize = 64 << 20;

/// Hears what is going on, and says whether to go on.
pub(super) type Watch<'a> = dyn FnMut(Opening) -> ControlFlow<()> + 'a;

/// Files on their way.
#[derive(Clone, Debug, PartialEq)]
pub struct Download {
    /// The file that is coming.
    pub file: String,
    /// Bytes of all files that are there.
    pub done: u64,
    /// Bytes of all files.
    pub total: u64,
    /// How fast they came lately; `None` at the beginning.
    pub bytes_per_second: Option<f64>,
}

impl Download {
    /// Seconds until the rest is there, at this speed.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let speed = self.bytes_per_second.filter(|speed| *speed > 0.0)?;
        Some(self.total.saturating_sub(self.done) as f64 / speed)
    }
}

/// The answer of `/api/models/…/revision/…`, as far as it matters here.
#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// What the cache has of a model, if that is enough to open it.
#[must_use]
pub fn cached(name: &HubName, place: &HubPlace) -> Option<PathBuf> {
    let cache = RepoCache::new(&place.cache, &name.repo);
    let commit = cache.commit(name)?;
    // Where nobody has asked yet for a file that some models have, it may be there.
    let settled = |file: &&str| cache.known(&commit, file) != Known::Nothing;
    let asked = name.file.is_some() || place.network == Network::Forbidden || OPTIONAL.iter().all(settled);
    (asked && cached_in(&place.cache, name, &commit)).then(|| result(&cache, name, &commit))
}

/// Whether a commit of the cache has all that opening it needs.
fn cached_in(cache: &Path, name: &HubName, commit: &str) -> bool {
    let cache = RepoCache::new(cache, &name.repo);
    let here = |file: &str| cache.known(commit, file) == Known::Here;
    match &name.file {
        Some(file) => here(file),
        None => REQUIRED.iter().all(|file| here(file)) && has_weights(&cache.snapshot(commit)),
    }
}

/// The model's folder, or its one file.
fn result(cache: &RepoCache, name: &HubName, commit: &str) -> PathBuf {
    let snapshot = cache.snapshot(commit);
    name.file.as_ref().map_or(snapshot.clone(), |file| snapshot.join(file))
}

/// Whether a folder has `model.safetensors`, or the index and all that it names.
fn has_weights(folder: &Path) -> bool {
    let sharded = || {
        let names = shard_names(&folder.join(INDEX)).ok()?;
        Some(names.iter().all(|name| folder.join(name).exists()))
    };
    folder.join(SINGLE).exists() || sharded().unwrap_or(false)
}

/// The model's folder, or its one file: from the cache where that has all of it, else from the hub.
///
/// # Errors
/// See [`HubError`]; or `watch` broke off. What has come stays for the next time.
pub fn open(name: &HubName, place: &HubPlace, watch: &mut Watch<'_>) -> Result<PathBuf, ModelError> {
    match cached(name, place) {
        Some(path) => Ok(path),
        None => pull(name, place, watch),
    }
}

/// The same, but asks the hub whether there is something newer.
///
/// # Errors
/// As for [`open`].
pub fn pull(name: &HubName, place: &HubPlace, watch: &mut Watch<'_>) -> Result<PathBuf, ModelError> {
    if place.network == Network::Forbidden {
        let (name, folder) = (name.to_string(), place.cache.clone());
        return Err(HubError::Offline { name, folder }.into());
    }
    let wire = Wire::new(place);
    let cache = RepoCache::new(&place.cache, &name.repo);
    let files = Files { name, wire: &wire, cache: &cache, token: place.token_in_words() };
    let mut pulling = Pulling { files, place, watch, commit: None };
    if (pulling.watch)(Opening::Asking).is_break() {
        return Err(ModelError::Cancelled);
    }
    let listed = pulling.listing()?;
    match &name.file {
        Some(file) => pulling.one(file, listed.as_deref())?,
        None => pulling.all(listed.as_deref())?,
    }
    let Some(commit) = pulling.commit.take() else {
        return Err(unusable(name, "has no files".into()));
    };
    cache.note_commit(name, &commit)?;
    Ok(result(&cache, name, &commit))
}

fn unusable(name: &HubName, reason: String) -> ModelError {
    HubError::Unusable { repo: name.repo.clone(), reason }.into()
}

/// A model on its way.
struct Pulling<'a, 'w> {
    files: Files<'a>,
    place: &'a HubPlace,
    watch: &'a mut Watch<'w>,
    /// The commit of the files so far: all have to be of one.
    commit: Option<String>,
}

impl Pulling<'_, '_> {
    /// The files of the model; `None` where the hub has no lists, as simple mirrors don't.
    fn listing(&mut self) -> Result<Option<Vec<String>>, ModelError> {
        let name = self.files.name;
        let path = format!("/api/models/{}/revision/{}", name.repo, encode(&name.revision));
        let watch = &mut *self.watch;
        let go_on = &mut || watch(Opening::Asking);
        let answer = self.files.wire.ask(&Method::GET, &path, None, go_on)?;
        match answer.status {
            200 => {}
            404 if answer.header("x-error-code").is_none() => return Ok(None),
            _ => return Err(self.files.refused(&path, &answer)),
        }
        let wrong = |reason: String| HubError::Answer { url: format!("{}{path}", self.files.wire.endpoint()), reason };
        let body = answer.body(LONGEST_LIST, go_on)?.map_err(wrong)?;
        let listing: Listing =
            serde_json::from_slice(&body).map_err(|error| wrong(format!("the list of files is no list: {error}")))?;
        let names = listing.siblings.into_iter().map(|sibling| sibling.rfilename);
        Ok(Some(names.filter(|name| is_path(name)).collect()))
    }

    /// One file.
    fn one(&mut self, file: &str, listed: Option<&[String]>) -> Result<(), ModelError> {
        let name = self.files.name;
        if let Some(remote) = self.look(file)? {
            return self.get(&[remote]);
        }
        let files = ggufs(listed.unwrap_or_default());
        let (repo, revision, file) = (name.repo.clone(), name.revision.clone(), file.to_owned());
        Err(HubError::NoFile { repo, revision, file, files }.into())
    }

    /// All files that a model is opened from: the small ones first, since an index says which the others are.
    fn all(&mut self, listed: Option<&[String]>) -> Result<(), ModelError> {
        let name = self.files.name;
        if let Some(listed) = listed {
            self.check(listed)?;
        }
        let has = |file: &str| listed.is_none_or(|listed| listed.iter().any(|name| name == file));
        let mut absent = Vec::new();
        let mut stage = Vec::new();
        for file in REQUIRED.iter().chain(&OPTIONAL) {
            match if has(file) { self.look(file)? } else { None } {
                Some(remote) => stage.push(remote),
                None if OPTIONAL.contains(file) => absent.push(*file),
                None if listed.is_none() && stage.is_empty() => {
                    let (repo, revision) = (name.repo.clone(), name.revision.clone());
                    return Err(HubError::NotFound { repo, revision, endpoint: self.place.endpoint.clone() }.into());
                }
                None => return Err(unusable(name, format!("has no {file}"))),
            }
        }
        let single = if has(SINGLE) { self.look(SINGLE)? } else { None };
        let index = if single.is_none() && has(INDEX) { self.look(INDEX)? } else { None };
        if single.is_none() && index.is_none() {
            return Err(unusable(name, format!("has neither {SINGLE} nor {INDEX}")));
        }
        stage.extend(single);
        let index = index.inspect(|remote| stage.push(remote.clone()));
        self.get(&stage)?;
        if let Some(index) = index {
            let path = self.files.cache.snapshot(&index.commit).join(INDEX);
            let mut shards = Vec::new();
            for shard in shard_names(&path)? {
                let missing = || unusable(name, format!("has no {shard}, which {INDEX} names"));
                shards.push(self.look(&shard)?.ok_or_else(missing)?);
            }
            self.get(&shards)?;
        }
        for file in absent {
            self.files.cache.note_absent(self.commit.as_deref().unwrap_or_default(), file)?;
        }
        Ok(())
    }

    /// Says what a model is made of that can't be opened.
    fn check(&self, listed: &[String]) -> Result<(), ModelError> {
        let name = self.files.name;
        let has = |file: &str| listed.iter().any(|name| name == file);
        if has(SINGLE) || has(INDEX) {
            return match REQUIRED.iter().find(|file| !has(file)) {
                Some(file) => Err(unusable(name, format!("has no {file}: choose a model that has one"))),
                None => Ok(()),
            };
        }
        let ggufs = ggufs(listed);
        if let Some(first) = ggufs.first() {
            let reason = format!(
                "holds GGUF files: name one of them, as in --model {}/{first}; there are {}",
                name.repo,
                ggufs.join(", ")
            );
            return Err(unusable(name, reason));
        }
        let other = |ending: &str| listed.iter().any(|name| name.ends_with(ending));
        let reason = if other(".bin") || other(".pt") || other(".pth") {
            format!("has weights in PyTorch's format only, which can run code: choose a model with {SINGLE}")
        } else {
            format!("is no model for text: it has neither {SINGLE} nor {INDEX}, nor a .gguf file")
        };
        Err(unusable(name, reason))
    }

    /// What the hub says of a file.
    fn look(&mut self, file: &str) -> Result<Option<Remote>, ModelError> {
        let watch = &mut *self.watch;
        let Some(remote) = self.files.look(file, &mut || watch(Opening::Asking))? else { return Ok(None) };
        match &self.commit {
            Some(commit) if *commit != remote.commit => {
                Err(HubError::Changed { repo: self.files.name.repo.clone() }.into())
            }
            _ => {
                self.commit = Some(remote.commit.clone());
                Ok(Some(remote))
            }
        }
    }

    /// Gets files, once there is room for all that is still to come of them.
    fn get(&mut self, remotes: &[Remote]) -> Result<(), ModelError> {
        let cache = self.files.cache;
        let there = |remote: &Remote| {
            let length = |path: PathBuf| path.metadata().map_or(0, |data| data.len().min(remote.size));
            if cache.blob(&remote.etag).exists() { remote.size } else { length(cache.incomplete(&remote.etag)) }
        };
        // What the hub says may be any number.
        let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0_u64, u64::saturating_add);
        let total = sum(&mut remotes.iter().map(|remote| remote.size));
        let needed = total.saturating_sub(sum(&mut remotes.iter().map(there)));
        room_for(&self.place.cache, needed)?;
        let (mut before, mut meter) = (0, Meter::default());
        for remote in remotes {
            let watch = &mut *self.watch;
            self.files.get(remote, &mut |done| {
                let done = done.saturating_add(before);
                let bytes_per_second = meter.note(Instant::now(), done);
                watch(Opening::Downloading(Download { file: remote.file.clone(), done, total, bytes_per_second }))
            })?;
            before = remote.size.saturating_add(before);
        }
        Ok(())
    }
}

/// # Errors
/// The disk of the cache has less free than that.
fn room_for(cache: &Path, needed: u64) -> Result<(), ModelError> {
    let folder = cache.ancestors().find(|folder| folder.exists()).unwrap_or(cache);
    match fs4::available_space(folder) {
        Ok(free) if free < needed => Err(full(&cache.join("models"), needed, free)),
        // Where the system does not say, the disk itself will.
        _ => Ok(()),
    }
}

fn ggufs(listed: &[String]) -> Vec<String> {
    listed.iter().filter(|name| name.to_ascii_lowercase().ends_with(".gguf")).cloned().collect()
}
