//! Random actions in a terminal: no panic, no stuck terminal, and memory that does not grow. `LOGITSCOPE_SOAK` is how many, 300
//! where it is not set; `LOGITSCOPE_SEED` which.
#![cfg(unix)]

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use logitscope::ui::action::{ACTIONS, Action};
use portable_pty::PtySize;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::pty::{PATIENCE, Session, signal};

const SIZE: (u16, u16) = (120, 36);

/// Texts that people paste, and some that nobody should.
const TEXTS: &[&str] = &[
    "Once upon a time",
    "世界 👩\u{200d}🚀 e\u{301}",
    "\u{202e}back to front",
    "a\tb\nc\r\nd",
    "\u{9b}31m\u{7f}\u{200b}",
    "0.7",
    "-1",
    "#431",
    "E4 B8",
    "999999999999999999999",
    "",
    "shape:S",
    "/no/such/model",
];

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Xorshift (Marsaglia), seeded.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

/// What a terminal sends for a key.
fn bytes(event: KeyEvent) -> Vec<u8> {
    let shifted = event.modifiers.contains(KeyModifiers::SHIFT);
    let arrow = |letter: char| if shifted { format!("\x1b[1;2{letter}") } else { format!("\x1b[{letter}") };
    match event.code {
        KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::CONTROL) => vec![c as u8 & 0x1F],
        KeyCode::Char(c) => c.to_string().into_bytes(),
        KeyCode::Enter => b"\r".to_vec(),
        KeyCode::Esc => b"\x1b".to_vec(),
        KeyCode::Tab if shifted => b"\x1b[Z".to_vec(),
        KeyCode::Tab => b"\t".to_vec(),
        KeyCode::Backspace => b"\x7f".to_vec(),
        KeyCode::Delete => b"\x1b[3~".to_vec(),
        KeyCode::PageUp => b"\x1b[5~".to_vec(),
        KeyCode::PageDown => b"\x1b[6~".to_vec(),
        KeyCode::Up => arrow('A').into_bytes(),
        KeyCode::Down => arrow('B').into_bytes(),
        KeyCode::Right => arrow('C').into_bytes(),
        KeyCode::Left => arrow('D').into_bytes(),
        KeyCode::Home => arrow('H').into_bytes(),
        KeyCode::End => arrow('F').into_bytes(),
        KeyCode::F(number @ 1..=4) => vec![0x1B, b'O', b'O' + number],
        code => panic!("what does a terminal send for {code:?}?"),
    }
}

/// The keys of every action, but those that leave anywhere.
fn keys() -> Vec<Vec<u8>> {
    let all = |leaving: bool| {
        let entries =
            ACTIONS.iter().filter(move |entry| matches!(entry.action, Action::Quit | Action::Suspend) == leaving);
        entries.flat_map(|entry| entry.keys).map(|key| bytes(key.event()))
    };
    let leave: Vec<Vec<u8>> = all(true).collect();
    all(false).filter(|key| !leave.contains(key)).collect()
}

fn resize(session: &Session, (cols, rows): (u16, u16)) {
    session.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
}

fn act(session: &mut Session, random: &mut Random, keys: &[Vec<u8>]) {
    match random.below(100) {
        0..80 => session.press(&keys[random.below(keys.len())]),
        80..88 => session.press(format!("\x1b[200~{}\x1b[201~", TEXTS[random.below(TEXTS.len())]).as_bytes()),
        88..93 => {
            // No q, which leaves.
            let letter = b"abcdefghijklmnop rstuvwxyz0123456789.,=-"[random.below(40)];
            session.press(&[letter]);
        }
        93..97 => resize(session, (random.below(200) as u16, random.below(60) as u16)),
        97..99 => {
            let (column, row) = (1 + random.below(120), 1 + random.below(36));
            session.press(format!("\x1b[<{};{column};{row}M", [0, 64, 65][random.below(3)]).as_bytes());
        }
        _ => {
            signal(session, "TSTP");
            sleep(Duration::from_millis(20));
            signal(session, "CONT");
        }
    }
}

/// Bytes of memory that the program has; 0 where the system does not say.
fn resident(session: &Session) -> u64 {
    let pid = session.child.process_id().unwrap();
    let pages = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    pages.split(' ').nth(1).map_or(0, |pages| pages.parse::<u64>().unwrap() * 4096)
}

/// Leaves every window, whatever is open, and lets what is under way come to its end.
fn settle(session: &mut Session) {
    resize(session, SIZE);
    let started = std::time::Instant::now();
    loop {
        signal(session, "CONT");
        session.press(b"\x1b");
        sleep(Duration::from_millis(100));
        session.press(b"1");
        sleep(Duration::from_millis(200));
        let screen = session.contents();
        if screen.contains("ready") {
            return;
        }
        assert!(session.child.try_wait().unwrap().is_none(), "it has ended:\n{screen}");
        assert!(started.elapsed() < PATIENCE, "it does not settle:\n{screen}");
    }
}

#[test]
fn random_actions_do_no_harm() {
    let (count, seed) = (number("LOGITSCOPE_SOAK", 300), number("LOGITSCOPE_SEED", 1));
    let (keys, mut random) = (keys(), Random(seed * 2 + 1));
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::open_in(home.path(), SIZE.0, SIZE.1, &["The king", "--mouse"]);
    session.until("the distribution", |screen| screen.contains("ready"));
    // What is kept once, such as the screen's buffers and a model's cache, is not there at the very beginning.
    let marks = [count / 10, count / 2, count - 1];
    let mut memory = Vec::new();
    for action in 0..count {
        act(&mut session, &mut random, &keys);
        sleep(Duration::from_millis(5));
        if let Some(code) = session.child.try_wait().unwrap() {
            panic!("action {action} of seed {seed} ended it with {code:?}:\n{}", session.contents());
        }
        if marks.contains(&action) {
            settle(&mut session);
            memory.push(resident(&session));
        }
    }
    println!("{count} actions, seed {seed}: {memory:?} bytes resident after a tenth, a half, and all of them");
    session.press(b"q");
    assert_eq!(session.exit_code(), 0);
    session.until_restored();
    assert!(!String::from_utf8_lossy(&session.output.lock().unwrap()).contains("panicked"));
    let [first, _, last] = memory[..] else { panic!("{memory:?}") };
    // Ten thousand actions took 31 MB.
    assert!(last < first + (96 << 20), "{memory:?}");
}
