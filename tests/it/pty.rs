//! The program in a terminal of its own.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longer than anything here takes, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The program, with a keyboard and a screen that can be read.
pub struct Session {
    pub child: Box<dyn Child + Send + Sync>,
    pub keyboard: Box<dyn Write + Send>,
    pub master: Box<dyn MasterPty + Send>,
    pub screen: Arc<Mutex<vt100::Parser>>,
    /// Everything that was written to the terminal.
    pub output: Arc<Mutex<Vec<u8>>>,
}

impl Session {
    /// With nobody's configuration and state.
    pub fn open(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::open_in(home.path(), columns, rows, arguments)
    }

    /// With this folder for configuration, state and files.
    pub fn open_in(home: &Path, columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_logitscope"));
        command.args(arguments);
        Self::spawn(command, home, columns, rows)
    }

    pub fn spawn(mut command: CommandBuilder, home: &Path, columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
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

    pub fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    pub fn until_restored(&self) {
        let started = Instant::now();
        while !self.is_restored() {
            assert!(started.elapsed() < PATIENCE, "the terminal is not restored");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the screen to be as it should.
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
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

    pub fn press(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).unwrap();
        self.keyboard.flush().unwrap();
    }

    pub fn exit_code(&mut self) -> u32 {
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
    pub fn is_restored(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        !parser.screen().alternate_screen() && !parser.screen().hide_cursor() && !parser.screen().bracketed_paste()
    }
}

#[cfg(unix)]
pub fn signal(session: &Session, name: &str) {
    let pid = session.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
}
