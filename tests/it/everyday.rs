//! What is done everywhere: the copied command, the written trace, the kept session, without a terminal.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use logitscope::decode::Chain;
use logitscope::glyph::Charset;
use logitscope::model::{ModelSource, OpenOptions, PromptForm, SpecialTokens};
use logitscope::ui::Options;
use logitscope::ui::action::Keymap;
use logitscope::ui::app::Mouse;
use logitscope::ui::knobs::Mode;
use logitscope::ui::message::{Effect, Message};
use logitscope::ui::saved::Saved;
use logitscope::ui::scene::Scene;
use logitscope::ui::theme::Theme;
use serde_json::Value;

/// Whatever comes, there is a row for it.
const TABLE: &str = "
vocabulary = ['A', 'B', 'C']
end = '<end>'
[[row]]
context = []
next = { A = 0.4, B = 0.3, C = 0.2, '<end>' = 0.1 }
[[row]]
context = ['A']
next = { A = 0.2, B = 0.5, C = 0.2, '<end>' = 0.1 }
[[row]]
context = ['B']
next = { C = 0.4, '<end>' = 0.3, A = 0.2, B = 0.1 }
";

/// A file with the table, written once.
fn table() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let write = || {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("everyday-{}.toml", std::process::id()));
        std::fs::write(&file, TABLE).unwrap();
        file
    };
    FILE.get_or_init(write).clone()
}

pub(crate) fn options(prompt: &str, mode: Mode) -> Options {
    Options {
        source: ModelSource::Table(table()),
        open: OpenOptions::default(),
        prompt: Some(prompt.into()),
        chain: Some(Chain::parse("temperature=0.8,top_k=3,top_p=0.9").unwrap()),
        mode,
        special: SpecialTokens::Auto,
        form: PromptForm::Plain,
        opened: Vec::new(),
        seed: 3,
        theme: Theme::built_in("dark").unwrap(),
        colours: None,
        charset: Charset::Unicode,
        keymap: Keymap::default(),
        history: Vec::new(),
        saved: None,
        recording: None,
        lesson: None,
        mouse: Mouse::Terminal,
    }
}

fn scene(options: &Options, keys: &str) -> Scene {
    let mut scene = Scene::open(options, 100, 30).unwrap();
    scene.press(keys).unwrap();
    scene
}

/// What the program says to a command line for a shell, with these options behind it.
fn said(command: &str, more: &[&str]) -> String {
    let words = shlex::split(command).unwrap();
    assert_eq!(words[0], "logitscope");
    let mut program = Command::new(env!("CARGO_BIN_EXE_logitscope"));
    let output = program.args(&words[1..]).args(more).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn copied(scene: &mut Scene) -> String {
    scene.press("y Esc").unwrap();
    let copied = scene.outside().into_iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text),
        _ => None,
    });
    copied.unwrap()
}

fn trace(scene: &mut Scene) -> String {
    scene.press("w").unwrap();
    let saved = scene.outside().into_iter().find_map(|effect| match effect {
        Effect::Save { ending: "jsonl", content, .. } => String::from_utf8(content).ok(),
        _ => None,
    });
    saved.unwrap()
}

fn ids(tokens: &Value) -> Vec<u64> {
    tokens.as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap()).collect()
}

/// The records of a trace; seconds are another each time.
fn records(text: &str) -> Vec<Value> {
    let record = |line: &str| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if let Some(timing) = record.get_mut("timing") {
            for (name, value) in timing.as_object_mut().unwrap() {
                if !name.ends_with("_tokens") {
                    *value = Value::Null;
                }
            }
        }
        record
    };
    text.lines().map(record).collect()
}

#[test]
fn the_copied_command_gives_the_same_tokens_and_the_written_trace_is_its_trace() {
    for mode in [Mode::Sampling, Mode::Greedy] {
        // Past the end token too, if one comes.
        let mut scene = scene(&options("A B", mode), "Space Space Space Space Space");
        let session = scene.app().session().unwrap();
        let tokens: Vec<u64> = session.tokens().into_iter().map(u64::from).collect();
        assert_eq!(session.step_number(), 5);
        let prompt = session.prompt_length();
        let command = copied(&mut scene);
        assert_eq!(scene.app().headless().missing, [""; 0]);
        let document: Value = serde_json::from_str(&said(&command, &["--format", "json"])).unwrap();
        assert_eq!(ids(&document["prompt"]["tokens"]), tokens[..prompt]);
        assert_eq!(ids(&document["sequences"][0]["tokens"]), tokens[prompt..]);
        let (ours, theirs) = (records(&trace(&mut scene)), records(&said(&command, &["--format", "jsonl"])));
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs).skip(1) {
            let (mut ours, mut theirs) = (ours.clone(), theirs.clone());
            // A command that goes past an end knows none.
            if command.contains("--ignore-eos") {
                for record in [&mut ours, &mut theirs] {
                    record["sequences"] = Value::Null;
                }
            }
            assert_eq!(ours, theirs);
        }
        let names = |record: &Value| record["settings"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours[0]), names(&theirs[0]));
        assert_eq!(ours[0]["prompt"], theirs[0]["prompt"]);
        assert_eq!(ours[0]["model"], theirs[0]["model"]);
    }
}

#[test]
fn forced_and_redrawn_tokens_are_in_the_trace_and_told_beside_the_command() {
    let mut scene = scene(&options("A", Mode::Sampling), "Down Down Enter r Space Space");
    let missing = scene.app().headless().missing.join("; ");
    assert!(missing.contains("drawn again") || missing.contains("forced"), "{missing}");
    let records = records(&trace(&mut scene));
    assert_eq!(records.len(), 2 + scene.app().step_number());
    let file = logitscope::session::trace::read(trace(&mut scene).as_bytes()).unwrap();
    assert_eq!((file.traces.len(), file.warnings.len()), (1, 0));
    scene.press("Left Left Left w").unwrap();
    assert!(scene.outside().iter().all(|effect| !matches!(effect, Effect::Save { .. })), "nothing is decided there");
}

#[test]
fn a_kept_session_is_gone_on_with() {
    let mut first =
        scene(&options("A B", Mode::Sampling), "Space Space r Space Left Left Down Enter x T s c Down Enter");
    let saved = first.app().saved().unwrap();
    let again = Saved::parse(&saved.text()).unwrap();
    assert_eq!(again, saved);
    let mut second = scene(&Options { saved: Some(Box::new(again)), ..options("something else", Mode::Sampling) }, "");
    assert_eq!(second.app().saved().unwrap(), saved);
    assert_eq!(second.app().headless(), first.app().headless());
    // Whatever comes next is the same in both.
    for keys in ["", "Left", "Shift-Right", "s Space", "r Space Left Left"] {
        first.press(keys).unwrap();
        second.press(keys).unwrap();
        let rows = |scene: &Scene| logitscope::export::text(&scene.buffer());
        assert_eq!(rows(&first), rows(&second), "after {keys:?}");
    }
}

#[test]
fn a_kept_session_is_taken_up_in_a_running_interface_or_refused_in_one_line() {
    let kept = scene(&options("A B", Mode::Sampling), "Space Space").app().saved().unwrap();
    let mut running = scene(&options("C", Mode::Sampling), "Space");
    running.handle(Message::Kept(Ok(Box::new(kept.clone()))));
    running.settle().unwrap();
    assert_eq!((running.app().prompt(), running.app().step_number()), ("A B", 2));
    let mut broken = kept.clone();
    broken.tree.cursor = 99;
    running.handle(Message::Kept(Ok(Box::new(broken))));
    running.settle().unwrap();
    assert_eq!((running.app().prompt(), running.app().step_number()), ("A B", 0), "the prompt begins anew");
    running.handle(Message::Kept(Ok(Box::new(Saved { model: "elsewhere".into(), ..kept }))));
    assert!(format!("{:?}", running.app().notice()).contains("elsewhere"));
    running.handle(Message::Kept(Err("no session".into())));
    assert!(format!("{:?}", running.app().notice()).contains("no session"));
}

#[test]
fn an_untouched_interface_keeps_nothing() {
    assert_eq!(scene(&options("A", Mode::Sampling), "t T Down").app().saved(), None);
}
