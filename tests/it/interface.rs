//! The program in a terminal: it opens, draws, steps, and leaves everything as it was.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longer than anything here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with a keyboard and a screen that can be read.
struct Session {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Everything that was written to the terminal.
    output: Arc<Mutex<Vec<u8>>>,
}

impl Session {
    /// With nobody's configuration and state.
    fn open(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::open_in(home.path(), columns, rows, arguments)
    }

    /// With this folder for configuration, state and files.
    fn open_in(home: &Path, columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_logitscope"));
        command.args(arguments);
        command.cwd(home);
        for name in ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            command.env(name, home);
        }
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        let screen = Arc::new(Mutex::new(parser));
        let output = Arc::new(Mutex::new(Vec::new()));
        let (theirs, mut reader) = (Arc::clone(&screen), pair.master.try_clone_reader().unwrap());
        let all = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                all.lock().unwrap().extend_from_slice(&bytes[..count]);
                theirs.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { child, keyboard: pair.master.take_writer().unwrap(), master: pair.master, screen, output }
    }

    fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits for the screen to be as it should.
    fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let contents = self.contents();
            if is_so(&contents) {
                return contents;
            }
            assert!(started.elapsed() < PATIENCE, "{what} never came:\n{contents}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn press(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).unwrap();
        self.keyboard.flush().unwrap();
    }

    fn exit_code(&mut self) -> u32 {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it doesn't end:\n{}", self.contents());
    }

    /// Whether the terminal is as it was: the first screen, a cursor.
    fn is_restored(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        !parser.screen().alternate_screen() && !parser.screen().hide_cursor() && !parser.screen().bracketed_paste()
    }
}

#[test]
fn it_opens_draws_bars_steps_and_leaves_the_terminal_as_it_was() {
    let mut session = Session::open(80, 24, &[]);
    let first = session.until("the first distribution", |screen| screen.contains("ready") && screen.contains('█'));
    assert!(first.contains("step 1") && session.screen.lock().unwrap().screen().alternate_screen());
    session.press(b" ");
    let second = session.until("a step", |screen| screen.contains("step 2") && screen.contains("ready"));
    assert_ne!(first, second);
    session.press(b"\x1b[D");
    session.until("a step back", |screen| screen.contains("step 1"));
    session.press(b"?");
    session.until("help", |screen| screen.contains("Keys"));
    session.press(b"\r");
    session.until("no help", |screen| !screen.contains("Keys"));
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    let started = Instant::now();
    while !session.is_restored() {
        assert!(started.elapsed() < PATIENCE, "the terminal is not restored");
        std::thread::sleep(Duration::from_millis(10));
    }
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
    session.until("a step", |screen| screen.contains("step 2"));
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
    let started = Instant::now();
    while !session.is_restored() {
        assert!(started.elapsed() < PATIENCE, "the terminal is not restored");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(unix)]
fn signal(session: &Session, name: &str) {
    let pid = session.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn whatever_ends_it_the_session_is_kept_and_gone_on_with() {
    for end in ["q", "TERM", "HUP"] {
        let home = tempfile::tempdir().unwrap();
        let mut session = Session::open_in(home.path(), 100, 30, &["The king"]);
        session.until("the distribution", |screen| screen.contains("ready"));
        session.press(b"  ");
        session.until("two steps", |screen| screen.contains("step 3") && screen.contains("ready"));
        match end {
            "q" => session.press(b"q"),
            signal_name => signal(&session, signal_name),
        }
        session.exit_code();
        let kept = fs::read_to_string(home.path().join("logitscope/session.json")).unwrap();
        assert!(kept.contains("The king"), "{end}: {kept}");
        let mut again = Session::open_in(home.path(), 100, 30, &["--continue"]);
        again.until("the kept session", |screen| screen.contains("step 3") && screen.contains("ready"));
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
        session.until("a step", |screen| screen.contains("step 2") && screen.contains("ready"));
        session.press(b"q");
        assert_eq!(session.exit_code(), 1);
        session.until("why", |screen| screen.contains("not kept"));
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn files_and_the_clipboard_are_written() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("logitscope.svg"), "mine").unwrap();
    let mut session = Session::open_in(home.path(), 100, 30, &["The king"]);
    session.until("the distribution", |screen| screen.contains("ready"));
    session.press(b" ");
    session.until("a step", |screen| screen.contains("step 2") && screen.contains("ready"));
    session.press(b"w");
    session.until("a trace", |screen| screen.contains("saved as logitscope-trace.jsonl"));
    session.press(b"S");
    session.until("a picture", |screen| screen.contains("saved as logitscope-2.svg"));
    session.press(b"y");
    session.until("the command", |screen| screen.contains("logitscope run"));
    assert!(String::from_utf8_lossy(&session.output.lock().unwrap()).contains("\u{1b}]52;c;"));
    session.press(b"\x1b");
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    let trace = fs::read(home.path().join("logitscope-trace.jsonl")).unwrap();
    assert_eq!(logitscope::session::trace::read(&trace).unwrap().traces[0].steps.len(), 1);
    assert!(fs::read_to_string(home.path().join("logitscope-2.svg")).unwrap().starts_with("<svg"));
    assert_eq!(fs::read_to_string(home.path().join("logitscope.svg")).unwrap(), "mine");
}
