//! Models of the hub, from a hub on this machine.

mod server;

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use server::{COMMIT, Fault, Server, WEIGHTS};
use tempfile::TempDir;

const REPO: &str = "owner/tiny";

/// One of the small models, as a model of the hub.
struct Model(TempDir);

impl Model {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        Self(folder)
    }

    fn serve(&self, fault: Fault) -> Server {
        Server::start(REPO, self.0.path(), fault)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }
}

/// A user with an empty cache.
struct User(TempDir);

impl User {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn repo(&self) -> PathBuf {
        self.0.path().join("hub/models--owner--tiny")
    }

    fn command(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logitscope"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HF_") || name.ends_with("_OFFLINE")) {
            command.env_remove(name);
        }
        command.env("HF_HOME", self.0.path()).env("HF_ENDPOINT", endpoint).env("NO_PROXY", "*").args(arguments);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, endpoint: &str, more: &[&str]) -> Output {
        let arguments = ["run", "ab", "--max-new-tokens", "3", "--format", "json", "--model", REPO];
        self.command(endpoint, &[&arguments, more].concat()).output().unwrap()
    }

    #[track_caller]
    fn document(&self, endpoint: &str, more: &[&str]) -> Value {
        let output = self.run(endpoint, more);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The last line of standard error; nothing on standard output.
    #[track_caller]
    fn refused(&self, endpoint: &str, more: &[&str], code: i32) -> String {
        let output = self.run(endpoint, more);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{stderr}");
        stderr.lines().last().unwrap().to_owned()
    }
}

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn a_model_is_downloaded_once_and_shared_with_other_programs() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    model.write("README.md", "not needed");
    let server = model.serve(Fault::None);
    let output = user.run(&server.endpoint, &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.lines().count() <= 4 && stderr.contains("kB of"), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["model"]["name"], REPO);
    assert!(server.seen().iter().all(|request| request.authorization.is_none() && !request.path.contains("README")));
    // The layout of huggingface_hub: a branch, a snapshot with relative links, blobs named by their etag.
    let repo = user.repo();
    assert_eq!(fs::read_to_string(repo.join("refs/main")).unwrap(), COMMIT);
    let snapshot = repo.join("snapshots").join(COMMIT);
    let link = fs::read_link(snapshot.join("config.json")).unwrap();
    assert!(link.starts_with("../../blobs"), "{}", link.display());
    assert_eq!(fs::read(snapshot.join(WEIGHTS)).unwrap(), fs::read(model.0.path().join(WEIGHTS)).unwrap());
    assert!(repo.join(".no_exist").join(COMMIT).join("tokenizer_config.json").exists());
    // From now on nobody is asked.
    let asked = server.seen().len();
    assert_eq!(user.document(&server.endpoint, &[])["sequences"], document["sequences"]);
    assert_eq!(server.seen().len(), asked);
    assert_eq!(user.document(NOWHERE, &["--offline"])["sequences"], document["sequences"]);
    let output = user.command(NOWHERE, &["tokens", "ab", "--model", REPO]).env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_model_in_several_files_and_a_hub_without_lists() {
    let (model, user) = (Model::of("llama-sharded"), User::new());
    let server = model.serve(Fault::None);
    user.document(&server.endpoint, &[]);
    user.document(NOWHERE, &["--offline"]);
    let (model, user) = (Model::of("llama-bf16"), User::new());
    user.document(&model.serve(Fault::NoLists).endpoint, &[]);
    user.document(NOWHERE, &["--offline"]);
}

#[test]
fn a_connection_that_breaks_off_is_gone_on_with() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let server = model.serve(Fault::CutOnce(50_000));
    user.document(&server.endpoint, &[]);
    assert_eq!(server.ranges(), [None, Some("bytes=50000-".into())]);
}

#[test]
fn what_has_come_stays_for_the_next_time() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let server = model.serve(Fault::CutAt(70_000));
    let error = user.refused(&server.endpoint, &[], 1);
    assert!(error.contains("model.safetensors broke off at 70.0 kB of 109.3 kB"), "{error}");
    assert!(error.contains("start again to go on"), "{error}");
    let server = model.serve(Fault::None);
    user.document(&server.endpoint, &[]);
    assert_eq!(server.ranges(), [Some("bytes=70000-".into())]);
    // A hub that can't go on in the middle is begun anew.
    let user = User::new();
    user.refused(&model.serve(Fault::CutAt(70_000)).endpoint, &[], 1);
    user.document(&model.serve(Fault::NoRanges).endpoint, &[]);
}

#[cfg(unix)]
#[test]
fn control_c_breaks_a_download_off() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let server = model.serve(Fault::Slow);
    let mut child =
        user.command(&server.endpoint, &["run", "ab", "--model", REPO]).stderr(Stdio::null()).spawn().unwrap();
    while server.ranges().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let part = fs::read_dir(user.repo().join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let part: Vec<_> = part.filter(|path| path.extension().is_some_and(|ending| ending == "incomplete")).collect();
    assert!(part.len() == 1 && part[0].metadata().unwrap().len() > 0, "{part:?}");
}

#[cfg(unix)]
#[test]
fn a_download_that_is_killed_leaves_whole_files_and_is_gone_on_with() {
    use crate::kills::{kills, moment};
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let files = fs::read_dir(model.0.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let files: Vec<Vec<u8>> = files.collect();
    let server = model.serve(Fault::Slow);
    for _ in 0..kills() {
        let mut child =
            user.command(&server.endpoint, &["run", "ab", "--model", REPO]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment(400));
        child.kill().unwrap();
        child.wait().unwrap();
        let blobs = fs::read_dir(user.repo().join("blobs")).into_iter().flatten().map(|entry| entry.unwrap().path());
        for blob in blobs.filter(|path| path.extension().is_none_or(|ending| ending != "incomplete")) {
            assert!(files.contains(&fs::read(&blob).unwrap()), "{} is not whole", blob.display());
        }
    }
    // None of them may have lasted until the weights came: one that does.
    let mut child =
        user.command(&server.endpoint, &["run", "ab", "--model", REPO]).stderr(Stdio::null()).spawn().unwrap();
    let begun = |entry: io::Result<DirEntry>| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|ending| ending == "incomplete")
            && fs::metadata(path).is_ok_and(|part| part.len() > 0)
    };
    let has_begun = || fs::read_dir(user.repo().join("blobs")).into_iter().flatten().any(begun);
    while !has_begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let server = model.serve(Fault::None);
    user.document(&server.endpoint, &[]);
    assert!(server.ranges().iter().all(Option::is_some), "what has come is asked for again: {:?}", server.ranges());
    let weights = fs::read(user.repo().join("snapshots").join(COMMIT).join(WEIGHTS)).unwrap();
    assert!(files.contains(&weights));
}

#[test]
fn what_the_hub_refuses_is_said() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let refused = |fault: Fault, code: i32| user.refused(&model.serve(fault).endpoint, &[], code);
    let error = refused(Fault::Status(404, "RepoNotFound"), 2);
    assert!(error.contains("there is no model owner/tiny at revision main"), "{error}");
    let error = refused(Fault::Status(404, ""), 2);
    assert!(error.contains("there is no model owner/tiny at revision main"), "{error}");
    let error = refused(Fault::Status(401, "GatedRepo"), 1);
    assert!(
        error.contains("owner/tiny is gated: accept its licence on http://127.0.0.1") && error.contains("HF_TOKEN")
    );
    let error = refused(Fault::Status(403, ""), 1);
    assert!(error.contains("owner/tiny is gated") && error.contains("no token was sent"), "{error}");
    let error = refused(Fault::Status(401, ""), 1);
    assert!(error.contains("does not let us read owner/tiny (401; no token was sent)"), "{error}");
    let error = refused(Fault::Status(500, ""), 1);
    assert!(error.contains("answered 500: the fault is the hub's"), "{error}");
    user.document(&model.serve(Fault::BusyOnce).endpoint, &[]);
}

#[test]
fn a_token_goes_to_the_hub() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let server = model.serve(Fault::None);
    let arguments = ["tokens", "ab", "--model", REPO];
    let output = user.command(&server.endpoint, &arguments).env("HF_TOKEN", "hf_secret").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(server.seen().iter().all(|request| request.authorization.as_deref() == Some("Bearer hf_secret")));
}

#[test]
fn nobody_there_and_nothing_in_the_cache() {
    let user = User::new();
    let error = user.refused(NOWHERE, &[], 1);
    assert!(error.contains("can't reach http://127.0.0.1:1: "), "{error}");
    let error = user.refused(NOWHERE, &["--offline"], 1);
    assert!(error.contains("owner/tiny is not complete in the cache") && error.contains("model pull owner/tiny"));
}

#[test]
fn lengths_that_make_no_sense() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let refused = |length| user.refused(&model.serve(Fault::Length(length)).endpoint, &[], 1);
    let error = refused("many");
    assert!(error.contains("its size is \"many\", which is no number"), "{error}");
    let error = refused("18446744073709551615");
    assert!(error.contains("free, but 18446.7 PB are needed"), "{error}");
    let error = refused("1000");
    assert!(error.contains("model.safetensors should have 1000 bytes, but "), "{error}");
    user.document(&model.serve(Fault::None).endpoint, &[]);
}

#[test]
fn models_that_can_not_be_opened_say_what_they_hold() {
    let user = User::new();
    let folder = Model(tempfile::tempdir().unwrap());
    folder.write("tiny.Q8_0.gguf", "");
    folder.write("tiny.Q4_K.gguf", "");
    let error = user.refused(&folder.serve(Fault::None).endpoint, &[], 2);
    assert!(
        error.contains("owner/tiny holds GGUF files: name one of them, as in --model owner/tiny/tiny.Q"),
        "{error}"
    );
    folder.write("pytorch_model.bin", "");
    fs::remove_file(folder.0.path().join("tiny.Q8_0.gguf")).unwrap();
    fs::remove_file(folder.0.path().join("tiny.Q4_K.gguf")).unwrap();
    let error = user.refused(&folder.serve(Fault::None).endpoint, &[], 2);
    assert!(error.contains("PyTorch's format only"), "{error}");
}

/// The output of a command that succeeds.
#[track_caller]
fn told(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn models_are_pulled_listed_and_described() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let server = model.serve(Fault::None);
    let list = |user: &User| told(user.command(NOWHERE, &["model", "list"]));
    assert!(list(&user).starts_with("no model in "));
    let pulled = told(user.command(&server.endpoint, &["model", "pull", REPO]));
    assert!(pulled.starts_with("owner/tiny: ") && pulled.contains(COMMIT), "{pulled}");
    // Asked again, it looks whether there is something newer, and gets nothing twice.
    told(user.command(&server.endpoint, &["model", "pull", REPO]));
    assert_eq!(server.ranges().len(), 1);
    let line = list(&user).lines().nth(1).unwrap().to_owned();
    assert!(line.starts_with("owner/tiny  main ") && line.contains("LlamaForCausalLM"), "{line}");
    let document: Value =
        serde_json::from_str(&told(user.command(NOWHERE, &["model", "list", "--format", "json"]))).unwrap();
    let listed = &document["models"][0];
    assert_eq!((&document["format"], &listed["name"]), (&"logitscope.models".into(), &REPO.into()));
    assert_eq!((&listed["commit"], &listed["complete"]), (&COMMIT.into(), &true.into()));
    assert!(listed["bytes"].as_u64().unwrap() > 100_000 && listed["last_used"].as_str().unwrap().ends_with('Z'));
    let info = told(user.command(NOWHERE, &["model", "info", REPO, "--format", "json"]));
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!((&info["model"]["name"], &info["model"]["dtype"]), (&REPO.into(), &"bf16".into()));
    let config: Value = serde_json::from_slice(&fs::read(model.0.path().join("config.json")).unwrap()).unwrap();
    assert_eq!(info["layers"], config["num_hidden_layers"]);
    let (heads, size) = (config["num_key_value_heads"].as_u64().unwrap(), config["head_dim"].as_u64().unwrap());
    let cache = 2 * config["num_hidden_layers"].as_u64().unwrap() * heads * size * 4 * 1000;
    assert_eq!(info["memory"]["cache_per_1000_tokens"].as_u64(), Some(cache));
    assert!(told(user.command(NOWHERE, &["model", "info", REPO])).contains("for every 1000 tokens"));
}

#[test]
fn a_part_of_a_model_is_completed() {
    let (model, user) = (Model::of("llama-bf16"), User::new());
    let server = model.serve(Fault::None);
    user.document(&server.endpoint, &[]);
    // As another program leaves it that has no use for the tokenizer, and asks for nothing else.
    let snapshot = user.repo().join("snapshots").join(COMMIT);
    fs::remove_file(snapshot.join("tokenizer.json")).unwrap();
    fs::remove_dir_all(user.repo().join(".no_exist")).unwrap();
    let error = user.refused(NOWHERE, &["--offline"], 1);
    assert!(error.contains("is not complete in the cache"), "{error}");
    user.document(&server.endpoint, &[]);
    assert_eq!(server.ranges().len(), 1, "its bytes were there");
    user.document(NOWHERE, &["--offline"]);
}
