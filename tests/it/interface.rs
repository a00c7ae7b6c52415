//! The program in a terminal: it opens, draws, steps, and leaves everything as it was.

use std::io::{Read, Write};
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
}

impl Session {
    fn open(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_logitscope"));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        let screen = Arc::new(Mutex::new(parser));
        let (theirs, mut reader) = (Arc::clone(&screen), pair.master.try_clone_reader().unwrap());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                theirs.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { child, keyboard: pair.master.take_writer().unwrap(), master: pair.master, screen }
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
