//! The program in a terminal: it opens, draws, steps, and leaves everything as it was.

use std::fs;
use std::time::{Duration, Instant};

use logitscope::ui::host::{Host, Kept, Picture};
use portable_pty::{CommandBuilder, PtySize};

use crate::pty::{PATIENCE, Session, signal};

/// What tells a view from all others once its work is done: the key, and texts that stand on the screen then.
const VIEWS: [(&[u8], &[&str]); 7] = [
    (b"2", &["Probability", "choices"]),
    (b"3", &["Beams: step 1", "Hypotheses", "runs on"]),
    (b"4", &["Compare", "greedy", "perplexity"]),
    (b"5", &["Which one does the model prefer?", "most probable"]),
    (b"6", &["Operations", "saved"]),
    (b"7", &["From logits to probabilities"]),
    (b"1", &["Step 2: next token", "Draw"]),
];

#[test]
fn every_view_works_at_every_usual_size_and_stands_any_other() {
    for (columns, rows) in [(80, 24), (120, 36), (200, 60)] {
        let mut session = Session::open(columns, rows, &["1 \u{1b}[31m 👩‍🚀 e\u{301} 世界"]);
        session.until("the first distribution", |screen| screen.contains("Step 1") && screen.contains("ready"));
        session.press(b" ");
        session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
        for (key, texts) in VIEWS {
            session.press(key);
            session
                .until(texts[0], |screen| texts.iter().all(|text| screen.contains(text)) && screen.contains("ready"));
            for (other_columns, other_rows) in [(1, 1), (0, 0), (41, 13), (columns, rows)] {
                let size = PtySize { rows: other_rows, cols: other_columns, pixel_width: 0, pixel_height: 0 };
                session.master.resize(size).unwrap();
                std::thread::sleep(Duration::from_millis(30));
            }
            session.until(texts[0], |screen| texts.iter().all(|text| screen.contains(text)));
        }
        session.press(b"q");
        assert_eq!(session.exit_code(), 0);
        assert!(!session.contents().contains("panicked"));
    }
}

#[test]
fn it_opens_draws_bars_steps_and_leaves_the_terminal_as_it_was() {
    let mut session = Session::open(80, 24, &[]);
    let first = session.until("the first distribution", |screen| screen.contains("ready") && screen.contains('█'));
    assert!(first.contains("Step 1") && session.screen.lock().unwrap().screen().alternate_screen());
    session.press(b" ");
    let second = session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    assert_ne!(first, second);
    session.press(b"\x1b[D");
    session.until("a step back", |screen| screen.contains("Step 1"));
    session.press(b"?");
    session.until("help", |screen| screen.contains("Keys"));
    session.press(b"\r");
    session.until("no help", |screen| !screen.contains("Keys"));
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    session.until_restored();
}

#[test]
fn resizing_never_ends_it() {
    let mut session = Session::open(80, 24, &["The king"]);
    session.until("the distribution", |screen| screen.contains("ready"));
    for (cols, rows) in [(1, 1), (39, 11), (200, 60), (40, 12), (80, 24)] {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        session.screen.lock().unwrap().screen_mut().set_size(rows.try_into().unwrap(), cols.try_into().unwrap());
        session.master.resize(size).unwrap();
        std::thread::sleep(Duration::from_millis(60));
    }
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Step 2"));
    session.press(b"\x03");
    assert_eq!(session.exit_code(), 0);
}

#[cfg(unix)]
#[test]
fn a_polite_kill_restores_the_terminal() {
    let mut session = Session::open(80, 24, &[]);
    session.until("the distribution", |screen| screen.contains("ready"));
    let pid = session.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_ne!(session.exit_code(), 0);
    session.until_restored();
}

#[cfg(unix)]
#[test]
fn whatever_ends_it_the_session_is_kept_and_gone_on_with() {
    for end in ["q", "TERM", "HUP"] {
        let home = tempfile::tempdir().unwrap();
        let mut session = Session::open_in(home.path(), 100, 30, &["The king"]);
        session.until("the distribution", |screen| screen.contains("ready"));
        session.press(b"  ");
        session.until("two steps", |screen| screen.contains("Step 3") && screen.contains("ready"));
        match end {
            "q" => session.press(b"q"),
            signal_name => signal(&session, signal_name),
        }
        session.exit_code();
        let kept = fs::read_to_string(home.path().join("logitscope/session.json")).unwrap();
        assert!(kept.contains("The king"), "{end}: {kept}");
        let mut again = Session::open_in(home.path(), 100, 30, &["--continue"]);
        again.until("the kept session", |screen| screen.contains("Step 3") && screen.contains("ready"));
        again.press(b"q");
        assert_eq!(again.exit_code(), 0, "{end}");
    }
}

#[test]
fn a_kept_session_that_can_not_be_read_is_one_line_and_stays_as_it_is() {
    for text in ["{\"format\": \"logitscope.session\", \"version\": 2}", "nonsense", ""] {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("logitscope/session.json");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        let mut refused = Session::open_in(home.path(), 200, 30, &["--continue"]);
        assert_eq!(refused.exit_code(), 2);
        let said = refused.until("why", |screen| screen.contains("session.json"));
        assert_eq!(said.trim().lines().count(), 1, "{said}");
        let mut session = Session::open_in(home.path(), 200, 30, &["The king"]);
        session.until("the distribution", |screen| screen.contains("ready"));
        session.press(b" ");
        session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
        session.press(b"q");
        assert_eq!(session.exit_code(), 1);
        session.until("why", |screen| screen.contains("not kept"));
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn files_and_the_clipboard_are_written() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("logitscope.png"), "mine").unwrap();
    let mut session = Session::open_in(home.path(), 100, 30, &["The king"]);
    session.until("the distribution", |screen| screen.contains("ready"));
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    session.press(b"w");
    session.until("a trace", |screen| screen.contains("saved as logitscope-trace.jsonl"));
    session.press(b"S");
    session.until("a picture", |screen| screen.contains("saved as logitscope-2.png"));
    session.press(b"y");
    session.until("the command", |screen| screen.contains("logitscope run"));
    assert!(String::from_utf8_lossy(&session.output.lock().unwrap()).contains("\u{1b}]52;c;"));
    // An escape right before another key would be Alt.
    session.press(b"\x1b");
    session.until("no window", |screen| !screen.contains("logitscope run"));
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    let trace = fs::read(home.path().join("logitscope-trace.jsonl")).unwrap();
    assert_eq!(logitscope::session::trace::read(&trace).unwrap().traces[0].steps.len(), 1);
    assert!(fs::read(home.path().join("logitscope-2.png")).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(fs::read_to_string(home.path().join("logitscope.png")).unwrap(), "mine");
}

#[cfg(unix)]
#[test]
fn it_stops_for_the_shell_with_the_session_kept_and_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::open_in(home.path(), 100, 30, &["The king", "--mouse"]);
    session.until("the distribution", |screen| screen.contains("ready"));
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    session.press(b"\x1a");
    session.until_restored();
    assert!(fs::read_to_string(home.path().join("logitscope/session.json")).unwrap().contains("The king"));
    // The signal is not lost on a program that is about to stop: it is sent until it is heard.
    let started = Instant::now();
    while !session.screen.lock().unwrap().screen().alternate_screen() {
        assert!(started.elapsed() < PATIENCE, "it doesn't come back");
        signal(&session, "CONT");
        std::thread::sleep(Duration::from_millis(20));
    }
    session.press(b" ");
    session.until("another step", |screen| screen.contains("Step 3") && screen.contains("ready"));
    let mode = |session: &Session| session.screen.lock().unwrap().screen().mouse_protocol_mode();
    assert_ne!(mode(&session), vt100::MouseProtocolMode::None, "the mouse is taken again");
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    session.until_restored();
    assert_eq!(mode(&session), vt100::MouseProtocolMode::None);
}

/// A program around the interface that panics when a picture is asked for.
struct Clumsy(std::path::PathBuf);

impl Host for Clumsy {
    fn save(&self, _: &str, _: &str, _: &[u8]) -> Result<String, String> {
        Err("nothing is saved here".into())
    }

    fn picture(&self, _: &ratatui::buffer::Buffer, _: ([u8; 3], [u8; 3])) -> Picture {
        panic!("no picture today")
    }

    fn keep(&self, what: Kept, text: &str) -> Result<(), String> {
        fs::write(self.0.join(format!("{what:?}.json")), text).map_err(|error| error.to_string())
    }

    fn kept(&self, _: Kept) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn place(&self, what: Kept) -> String {
        format!("{what:?}")
    }
}

#[test]
#[ignore = "the next test runs it in a terminal of its own"]
fn the_interface_of_a_clumsy_program() {
    let home = std::env::var_os("HOME").unwrap();
    let options = crate::everyday::options("A B", logitscope::ui::knobs::Mode::Sampling);
    let _ = logitscope::ui::run(&options, Box::new(Clumsy(home.into())));
}

#[test]
fn a_panic_in_the_interface_restores_the_terminal_keeps_the_session_and_is_told() {
    let home = tempfile::tempdir().unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["interface::the_interface_of_a_clumsy_program", "--exact", "--ignored", "--nocapture"]);
    let mut session = Session::spawn(command, home.path(), 100, 30);
    session.until("the distribution", |screen| screen.contains("ready"));
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    session.press(b"S");
    assert_ne!(session.exit_code(), 0);
    session.until("what happened", |screen| screen.contains("no picture today"));
    assert!(session.is_restored());
    assert!(fs::read_to_string(home.path().join("Session.json")).unwrap().contains("\"A B\""));
}

#[test]
fn keys_are_those_of_the_configuration() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("logitscope/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "ascii = true\n[keys]\nsession.step = 'n'\n").unwrap();
    let mut session = Session::open_in(home.path(), 100, 30, &["The king"]);
    let first = session.until("the distribution", |screen| screen.contains("ready"));
    assert!(first.contains("n/Left step") && !first.contains('─'), "{first}");
    session.press(b" n");
    session.until("one step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    fs::write(&file, "\n[keys]\nsession.stop = 'n'\n").unwrap();
    let mut refused = Session::open_in(home.path(), 200, 30, &["The king"]);
    assert_eq!(refused.exit_code(), 2);
    refused.until("why", |screen| screen.contains("config.toml:3: no action `stop` in session"));
}

#[test]
fn a_trace_is_looked_at_without_its_model() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("t.jsonl");
    let program = env!("CARGO_BIN_EXE_logitscope");
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success());
        fs::write(&file, output.stdout).unwrap();
    };
    run(&["run", "The king", "--seed", "5", "--top-k", "9", "--max-new-tokens", "2", "--format", "jsonl"]);
    let mut session = Session::open_in(home.path(), 100, 30, &["replay", "t.jsonl"]);
    session.until("the recording", |screen| screen.contains("a recording of 2 steps") && screen.contains("Step 1"));
    session.press(b"t");
    session.until("that it can't change", |screen| screen.contains("a recording can't change"));
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Step 2") && screen.contains('█'));
    session.press(b"  ");
    session.until("its end", |screen| screen.contains("the recording ends here, after 2 tokens"));
    session.press(b"\x1b[D");
    session.until("a step back", |screen| screen.contains("Step 2") && screen.contains('█'));
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    run(&["run", "The king", "--num-beams", "2", "--max-new-tokens", "2", "--format", "jsonl"]);
    let mut session = Session::open_in(home.path(), 120, 30, &["replay", "t.jsonl"]);
    session.until("the search", |screen| screen.contains("2 steps of beam") && screen.contains("Beams: step 0 of 2"));
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Beams: step 1 of 2") && screen.contains("Hypotheses"));
    session.press(b"a");
    session.until("another ranking", |screen| screen.contains("α 0.9"));
    session.press(b"b");
    session.until("that it can't change", |screen| screen.contains("a recording can't search anew"));
    session.press(b"\x1b[D");
    session.until("a step back", |screen| screen.contains("Beams: step 0 of 2"));
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    // It breaks off in the middle of its second step.
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&file, format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..40])).unwrap();
    let mut session = Session::open_in(home.path(), 120, 30, &["replay", "t.jsonl"]);
    session.until("what is there", |screen| screen.contains("1 step of beam") && screen.contains("cut off"));
    session.press(b" ");
    session.until("its step", |screen| screen.contains("Beams: step 1 of 1"));
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
}

#[test]
fn another_model_takes_the_same_prompt_and_a_wrong_one_leaves_the_old() {
    let home = tempfile::tempdir().unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tables/abc.toml"), home.path().join("abc.toml")).unwrap();
    fs::write(home.path().join("bad.toml"), "nonsense").unwrap();
    let mut session = Session::open_in(home.path(), 160, 30, &["A", "--model", "abc.toml"]);
    session.until("the table", |screen| screen.contains("abc") && screen.contains("ready"));
    session.press(b" ");
    session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
    // Ctrl-O, and Ctrl-U for an empty line.
    session.press(b"\x0f\x15bad.toml\r");
    session.until("why not", |screen| screen.contains("the old model stays") && screen.contains("Step 2"));
    session.press(b"\x0f\x15builtin\r");
    session.until("the other model", |screen| {
        screen.contains("builtin") && screen.contains("Step 1") && screen.contains("ready")
    });
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
}
