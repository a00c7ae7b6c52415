//! Text that wants to command the terminal, through every way that leads there: it is shown, and obeyed nowhere.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;

use crate::pty::Session;
use crate::scripted::{Reply, Scripted};

/// A window title, a bell, a colour, the same with the one character that begins it too, an override of the direction,
/// something invisible, and keys that overwrite.
const EVIL: &str = "\x1b]0;EVIL\x07\x1b[31mX\u{9b}32mY\u{202e}Z\u{200b}\x7f\r\x08!";

/// Whether a terminal might do something else with it than show it.
fn is_odd(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn harmless(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(odd) = text.chars().find(|c| is_odd(*c) && *c != '\n') {
        panic!("{what}: {odd:?} comes out in {text:?}");
    }
}

#[track_caller]
fn said(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_logitscope")).current_dir(folder).args(arguments).output().unwrap();
    let what = format!("{arguments:?}");
    harmless(&what, &output.stdout);
    harmless(&what, &output.stderr);
    output
}

#[track_caller]
fn shown(folder: &Path, arguments: &[&str]) {
    let output = said(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("EVIL"), "{arguments:?}");
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str]) {
    let output = said(folder, arguments);
    assert_ne!(output.status.code(), Some(0), "{arguments:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    // clap leaves out what a terminal would take for an order, and with it the word.
    let is_named = stderr.contains("EVIL") || stderr.contains("⟨U+202E⟩Z");
    assert!(is_named && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
}

/// A model whose file name and words are evil.
fn table(folder: &Path) -> String {
    let words = json!([EVIL, "B"]);
    let text = format!(
        "vocabulary = {}\nend = \"<end>\"\n[[row]]\ncontext = [\"<begin>\"]\nnext = {{ {word} = 0.5, B = 0.5 }}\n\
         [[row]]\ncontext = [{word}]\nnext = {{ {word} = 0.6, \"<end>\" = 0.4 }}\n\
         [[row]]\ncontext = [\"B\"]\nnext = {{ B = 1.0 }}\n",
        toml_text(&words.to_string()),
        word = toml_text(&json!(EVIL).to_string()),
    );
    let name = format!("{EVIL}.toml");
    fs::write(folder.join(&name), text).unwrap();
    name
}

/// A JSON text as TOML takes it, with all control characters escaped.
fn toml_text(json: &str) -> String {
    let escape = |c: char| if c.is_control() { format!("\\u{:04X}", c as u32) } else { c.to_string() };
    json.chars().map(escape).collect()
}

#[test]
fn texts_of_users_and_models_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path());
    for model in ["builtin", &table] {
        let run = ["run", EVIL, "--max-new-tokens", "2", "--model", model];
        shown(folder.path(), &run);
        shown(folder.path(), &[&run[..], &["--num-beams", "2"]].concat());
        shown(folder.path(), &[&run[..], &["--seed", "1", "--num-return-sequences", "3"]].concat());
        // In pieces, so that the word itself need not be there.
        said(folder.path(), &["tokens", EVIL, "--model", model]);
        shown(folder.path(), &["score", "--prompt", EVIL, "--completion", EVIL, "--completion", "B", "--model", model]);
        let compare = ["compare", EVIL, "--strategy", "greedy", "--strategy", "sample", "--max-new-tokens", "2"];
        shown(folder.path(), &[&compare[..], &["--model", model]].concat());
    }
    shown(folder.path(), &["model", "info", &table]);
    // A recording of all that.
    let run = ["run", EVIL, "--max-new-tokens", "2", "--model", &table, "--format", "jsonl"];
    for options in [&["--seed", "1"][..], &["--num-beams", "2"]] {
        let program = env!("CARGO_BIN_EXE_logitscope");
        let arguments = [&run[..], options].concat();
        let output = Command::new(program).current_dir(folder.path()).args(&arguments).output().unwrap();
        fs::write(folder.path().join("EVIL.jsonl"), output.stdout).unwrap();
        shown(folder.path(), &["replay", "EVIL.jsonl", "--format", "text"]);
    }
}

#[test]
fn names_and_values_that_are_wrong_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&'static str]| [&["run", "a"][..], more].concat();
    refused(folder.path(), &["run", "a", "--model", &format!("./{EVIL}.gguf")]);
    refused(folder.path(), &["run", "a", "--model", &format!("shape:{EVIL}")]);
    refused(folder.path(), &["run", "--prompts", EVIL]);
    refused(folder.path(), &run(&["--temperature", EVIL]));
    refused(folder.path(), &run(&["--chain", EVIL]));
    refused(folder.path(), &run(&["--strategy", EVIL]));
    refused(folder.path(), &["run", "a", "--out", &format!("no/{EVIL}")]);
    refused(folder.path(), &["replay", EVIL, "--format", "text"]);
    refused(folder.path(), &["lesson", EVIL]);
    refused(folder.path(), &["theme", "check", EVIL]);
    refused(folder.path(), &["--config", EVIL]);
    refused(folder.path(), &["screenshot", "--theme", EVIL]);
    refused(folder.path(), &["model", "info", &format!("./{EVIL}")]);
    refused(folder.path(), &["logits", "1", "2", "--chain", EVIL]);
    // What stands in files.
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let word = toml_text(&json!(EVIL).to_string());
    write("theme.toml", &format!("{word} = 1\n"));
    said(folder.path(), &["theme", "check", "theme.toml"]);
    write("table.toml", &format!("vocabulary = [{word}, {word}]\nend = \"x\"\n"));
    said(folder.path(), &["run", "a", "--model", "table.toml"]);
    write("trace.jsonl", &json!({"type": "header", "format": EVIL, "version": 1}).to_string());
    said(folder.path(), &["replay", "trace.jsonl", "--format", "text"]);
    write("prompts.jsonl", &format!("{}\n", json!({EVIL: 1})));
    said(folder.path(), &["run", "--prompts", "prompts.jsonl"]);
    fs::create_dir(folder.path().join("model")).unwrap();
    write("model/config.json", &json!({"model_type": EVIL, "architectures": [EVIL]}).to_string());
    write("model/tokenizer.json", &json!({"version": EVIL, "model": {"type": EVIL}}).to_string());
    said(folder.path(), &["run", "a", "--model", "model"]);
    write("model.gguf", &format!("GGUF{EVIL}"));
    said(folder.path(), &["run", "a", "--model", "model.gguf"]);
}

#[test]
fn what_a_server_says_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let refused_by = |script: fn() -> Reply| {
        let server = Scripted::new(move |_| script());
        refused(folder.path(), &["run", "a", "--model", &server.address]);
        server
    };
    refused_by(|| Reply::Status(400, EVIL));
    refused_by(|| Reply::Text(EVIL));
    let named = Scripted::new(|asked| {
        if asked.path == "/v1/models" {
            return Reply::Json(json!({"data": [{"id": EVIL}]}));
        }
        let top = json!([{EVIL: -0.1}]);
        Reply::Json(json!({"choices": [{"text": "b", "logprobs": {"tokens": [EVIL], "top_logprobs": top}}]}))
    });
    shown(folder.path(), &["run", "a", "--model", &named.address, "--max-new-tokens", "2"]);
    refused(folder.path(), &["run", "a", "--model", &format!("{}?model=other", named.address)]);
}

#[test]
fn the_interface_shows_and_copies_it_as_it_is_safe() {
    let home = tempfile::tempdir().unwrap();
    let table = table(home.path());
    let mut session = Session::open_in(home.path(), 120, 36, &[EVIL, "--model", &table]);
    session.until("the distribution", |screen| screen.contains("ready") && screen.contains("EVIL"));
    session.press(b"  ");
    for view in *b"2345671" {
        session.press(&[view]);
        session.until("the view", |screen| screen.contains("ready"));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    for key in [&b"?"[..], b"b", b"/EVIL", b"\x0f", b"i"] {
        session.press(key);
        std::thread::sleep(std::time::Duration::from_millis(100));
        session.press(b"\x1b");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    session.press(b"\x0f\x15");
    session.press(format!("\x1b[200~{}\x1b[201~\r", EVIL.replace('\x1b', "")).as_bytes());
    session.until("why not", |screen| screen.contains("is not here"));
    session.press(b"\x1b");
    session.until("no window", |screen| !screen.contains("Another model"));
    session.press(b"y");
    session.until("the command", |screen| screen.contains("logitscope run"));
    session.press(b"\x1b");
    session.until("no window", |screen| !screen.contains("logitscope run"));
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    let output = session.output.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&output);
    for bad in ["\x1b]0", "\x1b]2", "\x07", "\u{9b}", "\u{202e}", "\u{200b}", "\x7f", "\x08", "\x1b[31mX"] {
        assert!(!text.contains(bad), "{bad:?} comes out");
    }
    let copied = text.split("\x1b]52;c;").nth(1).unwrap().split('\x1b').next().unwrap();
    let command = String::from_utf8(BASE64_STANDARD.decode(copied).unwrap()).unwrap();
    harmless("the clipboard", command.as_bytes());
    // A shell reads what was meant.
    let echo = Command::new("bash").args(["-c", &command.replacen("logitscope run", "printf %s", 1)]).output().unwrap();
    assert!(String::from_utf8_lossy(&echo.stdout).starts_with(EVIL), "{command}");
}
