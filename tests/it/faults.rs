//! Faults of the machine around the program, each made for real: it says so in one line, loses nothing, and gives the terminal
//! back.
#![cfg(unix)]

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use serde_json::json;

use crate::pty::{PATIENCE, Session, signal};
use crate::scripted::{Asked, Reply, Scripted, replay};

const PROGRAM: &str = env!("CARGO_BIN_EXE_logitscope");
const LLAMA_CPP: &str = include_str!("../fixtures/server/llama_cpp.json");

/// The program where no file gets longer than 512 or 1024 bytes, whatever a shell counts in.
const LIMITED: &str = "ulimit -f 1; exec \"$0\" \"$@\"";

fn run(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("run").args(arguments).stdin(Stdio::null());
    command
}

/// The one line of a command that fails, with nothing on standard output.
#[track_caller]
fn refused(output: &Output, code: i32) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_is_said_and_the_old_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.jsonl");
    fs::write(&out, "old").unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", LIMITED, PROGRAM, "run", "The king", "--format", "jsonl", "--out"]).arg(&out);
    let said = refused(&limited.output().unwrap(), 1);
    assert!(said.contains("can't write") && said.contains("out.jsonl: "), "{said}");
    assert_eq!((fs::read_to_string(&out).unwrap(), names(folder.path())), ("old".into(), vec!["out.jsonl".into()]));
    if let Ok(full) = OpenOptions::new().write(true).open("/dev/full") {
        let said = refused(&run(&["a", "--out", "/dev/full"]).output().unwrap(), 1);
        assert!(said.contains("can't write /dev/full: No space left"), "{said}");
        let output = run(&["a"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let said = refused(&output, 1);
        assert!(said.contains("No space left"), "{said}");
    }
}

#[test]
fn a_full_disk_does_not_cost_the_kept_session_nor_the_terminal() {
    let home = tempfile::tempdir().unwrap();
    let kept = home.path().join("logitscope/session.json");
    let mut first = Session::open_in(home.path(), 100, 30, &["The king"]);
    first.until("the distribution", |screen| screen.contains("ready"));
    first.press(b" ");
    first.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    first.press(b"q");
    assert_eq!(first.exit_code(), 0);
    let before = fs::read(&kept).unwrap();
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", LIMITED, PROGRAM, "The queen"]);
    let mut session = Session::spawn(command, home.path(), 100, 30);
    session.until("the distribution", |screen| screen.contains("ready"));
    for step in 2..=7 {
        session.press(b" ");
        session.until("a step", |screen| screen.contains(&format!("Step {step}")) && screen.contains("ready"));
    }
    session.press(b"w");
    session.until("that it can't be saved", |screen| screen.contains("can't write logitscope-trace.jsonl"));
    session.press(b" ");
    session.until("another step", |screen| screen.contains("Step 8") && screen.contains("ready"));
    session.press(b"q");
    assert_eq!(session.exit_code(), 1);
    session.until_restored();
    session.until("why", |screen| screen.contains("the session is not kept"));
    assert_eq!((fs::read(&kept).unwrap(), names(home.path())), (before, vec!["logitscope".into()]));
    assert!(names(kept.parent().unwrap()).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn folders_that_can_not_be_written_are_said() {
    let home = tempfile::tempdir().unwrap();
    // Also for a user who may write everywhere: no folder at all.
    fs::write(home.path().join("file"), "").unwrap();
    let out = home.path().join("file/out");
    let said = refused(&run(&["a", "--out", out.to_str().unwrap()]).output().unwrap(), 2);
    assert!(said.contains("can't write") && said.contains("Not a directory"), "{said}");
    let mut command = CommandBuilder::new(PROGRAM);
    let folder = home.path().join("gone");
    fs::create_dir(&folder).unwrap();
    command.args(["The king"]);
    fs::write(folder.join("logitscope"), "in the way").unwrap();
    let mut session = Session::spawn(command, &folder, 100, 30);
    session.until("the distribution", |screen| screen.contains("ready"));
    fs::remove_dir_all(&folder).unwrap();
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    session.press(b"S");
    session.until("that it can't be saved", |screen| screen.contains("can't write logitscope.png"));
    session.press(b"i?\r");
    session.until("another prompt", |screen| screen.contains("Step 1") && screen.contains("ready"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("logitscope"), "in the way").unwrap();
    session.press(b"q");
    assert_eq!(session.exit_code(), 1);
    session.until_restored();
    session.until("why", |screen| screen.contains("the session is not kept"));
    // Where the mode of a folder counts.
    let mut session = Session::open_in(home.path(), 100, 30, &["The king"]);
    session.until("the distribution", |screen| screen.contains("ready"));
    let _writable = ReadOnly::new(home.path());
    if File::create(home.path().join("probe")).is_err() {
        session.press(b"S");
        session.until("that it can't be saved", |screen| screen.contains("can't write logitscope.png"));
    }
    session.press(b"q");
    session.exit_code();
    session.until_restored();
}

/// A folder that nobody writes, until this is dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn new(folder: &Path) -> Self {
        Self::set(folder, 0o555);
        Self(folder.into())
    }

    fn set(folder: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        Self::set(&self.0, 0o755);
    }
}

/// A copy of a small model.
fn model(folder: &Path) -> PathBuf {
    let copy = folder.join("model");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/llama-bf16")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    copy
}

fn shorten(model: &Path) {
    OpenOptions::new().write(true).open(model.join("model.safetensors")).unwrap().set_len(0).unwrap();
}

#[test]
fn a_model_file_that_becomes_shorter_ends_the_interface_in_order() {
    let home = tempfile::tempdir().unwrap();
    let model = model(home.path());
    let mut session = Session::open_in(home.path(), 200, 30, &["ab", "--model", "model"]);
    session.until("the distribution", |screen| screen.contains("ready"));
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    shorten(&model);
    session.press(b"  ");
    assert_eq!(session.exit_code(), 1);
    session.until_restored();
    session.until("which file", |screen| screen.contains("model.safetensors became shorter"));
    let kept = fs::read_to_string(home.path().join("logitscope/session.json")).unwrap();
    assert!(kept.contains("\"ab\""), "{kept}");
}

#[test]
fn a_model_file_that_becomes_shorter_ends_a_run_in_order() {
    let home = tempfile::tempdir().unwrap();
    let model = model(home.path());
    let run = ["run", "ab", "--model", "model", "--seed", "1", "--num-return-sequences", "100000", "--out", "out"];
    let mut session = Session::open_in(home.path(), 200, 30, &run);
    session.until("the run", |screen| screen.contains("generating: "));
    shorten(&model);
    assert_eq!(session.exit_code(), 1);
    session.until("which file", |screen| screen.contains("model.safetensors became shorter"));
    assert_eq!(names(home.path()), ["model"]);
}

#[test]
fn a_model_that_needs_more_memory_than_is_free_is_refused_before_it_is_read() {
    let home = tempfile::tempdir().unwrap();
    let model = model(home.path());
    let weights = model.join("model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&rest[..length]).unwrap();
    // One tensor more, of a terabyte, which the disk does not have either: a hole.
    let (begin, more) = ((rest.len() - length) as u64, 1_u64 << 40);
    header["model.extra.weight"] =
        json!({"dtype": "F32", "shape": [1 << 20, 1 << 18], "data_offsets": [begin, begin + more]});
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    let whole = [&(header.len() as u64).to_le_bytes()[..], &header, &rest[length..]].concat();
    fs::write(&weights, &whole).unwrap();
    if OpenOptions::new().write(true).open(&weights).unwrap().set_len(whole.len() as u64 + more).is_err() {
        return;
    }
    let said = refused(&run(&["ab", "--model", model.to_str().unwrap()]).output().unwrap(), 1);
    assert!(said.contains("needs 1.1 TB of memory for its weights, but ") && said.contains(" are free"), "{said}");
    let mut session = Session::open_in(home.path(), 200, 30, &["ab", "--model", "model"]);
    session.until("why not", |screen| screen.contains("needs 1.1 TB of memory"));
    session.press(b"q");
    session.exit_code();
    session.until_restored();
}

/// Sends a signal once `ready` says so, and gives the exit code.
fn interrupted(arguments: &[&str], name: &str, ready: impl Fn() -> bool) -> Option<i32> {
    let mut child = run(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < PATIENCE, "it does not come that far");
        sleep(Duration::from_millis(10));
    }
    let killed = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let sent = Instant::now();
    while sent.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("it does not end before it is killed: {:?}", child.wait());
}

#[test]
fn signals_end_a_run_that_waits_for_a_server() {
    let stalled = Scripted::new(|_| Reply::Stall);
    let recorded = replay(LLAMA_CPP);
    let later = Scripted::new(move |asked| if asked.path == "/completion" { Reply::Stall } else { recorded(asked) });
    for name in ["INT", "TERM", "HUP"] {
        let (before, asked) = (stalled.asked().len(), |server: &Scripted| server.asked().len());
        let code = interrupted(&["a", "--model", &stalled.address], name, || asked(&stalled) > before);
        assert_eq!(code, Some(130), "{name} while it is opened");
        let steps = |asked: &Asked| asked.path == "/completion";
        let count = || later.asked().iter().filter(|asked| steps(asked)).count();
        let before = count();
        let code = interrupted(&["a", "--model", &format!("{}?top=3", later.address)], name, || count() > before);
        assert_eq!(code, Some(130), "{name} while it generates");
    }
}

#[test]
fn signals_end_a_run_whose_model_is_made() {
    for name in ["INT", "TERM"] {
        // The handler is there before the model is begun with; a moment later it is being made.
        let started = Instant::now();
        let later = || started.elapsed() > Duration::from_millis(400);
        assert_eq!(interrupted(&["a", "--model", "shape:L", "--dtype", "q8_0"], name, later), Some(130), "{name}");
    }
}

#[test]
fn signals_while_a_model_is_opened_leave_the_terminal_as_it_was() {
    let stalled = Scripted::new(|_| Reply::Stall);
    for name in ["INT", "TERM", "HUP"] {
        for model in ["shape:L", &stalled.address] {
            let mut session = Session::open(80, 24, &["a", "--model", model]);
            session.until("the interface", |screen| screen.contains("opening"));
            signal(&session, name);
            assert_eq!(session.exit_code(), 130, "{name}, {model}");
            session.until_restored();
        }
    }
    let mut session = Session::open(80, 24, &["a", "--model", &stalled.address]);
    session.until("the interface", |screen| screen.contains("opening"));
    signal(&session, "TSTP");
    session.until_restored();
    let started = Instant::now();
    while !session.screen.lock().unwrap().screen().alternate_screen() {
        assert!(started.elapsed() < PATIENCE, "it doesn't come back");
        signal(&session, "CONT");
        sleep(Duration::from_millis(20));
    }
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    session.until_restored();
}

#[test]
fn servers_that_lie_or_dawdle_are_bounded() {
    let says = |path: &'static str, reply: fn() -> Reply, says: &str| {
        let recorded = replay(LLAMA_CPP);
        let server = Scripted::new(move |asked| if asked.path == path { reply() } else { recorded(asked) });
        let model = format!("{}?top=3&timeout=1", server.address);
        let said = refused(&run(&["a", "--model", &model]).output().unwrap(), 1);
        assert!(said.contains(says), "{path}: {said}");
    };
    let vocabulary = || {
        Reply::Text(
            "{\"data\": [{\"id\": \"m\", \"owned_by\": \"llamacpp\", \"meta\": {\"n_vocab\": 1000000000000000000}}]}",
        )
    };
    says("/v1/models", vocabulary, "n_vocab is 1000000000000000000; no vocabulary has more than 4194304 tokens");
    let no_list = || Reply::Text("{\"data\": 7}");
    says("/v1/models", no_list, "the answer of /v1/models can't be read");
    let deep = || Reply::Text(Box::leak("[".repeat(100_000).into_boxed_str()));
    says("/props", deep, "the answer of /props can't be read");
    says("/v1/models", || Reply::Slow, "did not answer in time");
    let far = || Reply::Text("{\"tokens\": [{\"id\": 4294967295, \"piece\": \"a\"}]}");
    says("/tokenize", far, "token 4294967295, which the model does not have");
    let beyond = || Reply::Text("{\"tokens\": [{\"id\": 18446744073709551615, \"piece\": \"a\"}]}");
    says("/tokenize", beyond, "the answer of /tokenize can't be read");
    for (number, why) in
        [("NaN", "can't be read"), ("1e999", "can't be read"), ("1e300", "which no log-probability is")]
    {
        let recorded = replay(LLAMA_CPP);
        let text: &'static str = Box::leak(
            format!(
                "{{\"completion_probabilities\": [{{\"id\": 2, \"logprob\": -1, \"top_logprobs\": [{{\"id\": 3, \"logprob\": {number}}}]}}]}}"
            )
            .into_boxed_str(),
        );
        let reply = move |asked: &Asked| if asked.path == "/completion" { Reply::Text(text) } else { recorded(asked) };
        let server = Scripted::new(reply);
        let said = refused(&run(&["a", "--model", &format!("{}?top=3", server.address)]).output().unwrap(), 1);
        assert!(said.contains(why), "{number}: {said}");
    }
}

#[test]
fn a_chain_that_leaves_no_token_does_not_lose_the_text_so_far() {
    let abc = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tables/abc.toml");
    let stuck = |more: &[&str]| {
        let arguments = [&["B", "--model", abc, "--min-new-tokens", "5"], more].concat();
        refused(&run(&arguments).output().unwrap(), 2)
    };
    for format in ["text", "json", "jsonl", "csv"] {
        let said = stuck(&["--format", format]);
        assert!(said.contains("leaves no token: relax it (the text so far: \"C\")"), "{said}");
    }
    let said = stuck(&["--num-beams", "2"]);
    assert!(said.contains("leaves no token: relax it (the text so far: \"C\")"), "{said}");
    // Where there is none yet, nothing is added.
    let said = refused(&run(&["C", "--model", abc, "--min-new-tokens", "5"]).output().unwrap(), 2);
    assert!(said.trim_end().ends_with("leaves no token: relax it"), "{said}");
}
