//! Killed in the middle of saving: whatever was there is there, or the new one is; whole, either way. `LOGITSCOPE_KILLS` is how
//! often, 20 where it is not set.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use logitscope::file::{self, Readers};
use logitscope::session::trace;
use logitscope::ui::saved::{self, Saved};

use crate::pty::Session;

pub fn kills() -> u64 {
    std::env::var("LOGITSCOPE_KILLS").map_or(20, |kills| kills.parse().unwrap())
}

/// A moment within so many milliseconds; other ones each time.
pub fn moment(most: u64) -> Duration {
    let nanoseconds = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    Duration::from_micros(u64::from(nanoseconds) / 7 % (most * 1000))
}

/// SIGKILL.
fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The files of a folder, without those that never got their names.
fn whole(folder: &Path) -> Vec<std::path::PathBuf> {
    let hidden = |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with(".logitscope-");
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file() && !hidden(path)).collect()
}

const LENGTH: usize = 300_000;

#[test]
#[ignore = "the next test runs it and kills it"]
fn saves_without_end() {
    let path = std::env::var_os("LOGITSCOPE_SAVED").unwrap();
    for letter in (b'a'..=b'z').cycle() {
        file::replace(Path::new(&path), &vec![letter; LENGTH], Readers::Owner).unwrap();
    }
}

#[test]
fn a_saver_that_is_killed_leaves_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..kills() {
        let mut saver = Command::new(std::env::current_exe().unwrap())
            .args(["kills::saves_without_end", "--exact", "--ignored"])
            .env("LOGITSCOPE_SAVED", &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !path.exists() {
            sleep(Duration::from_millis(1));
        }
        sleep(moment(60));
        kill(&mut saver);
        let content = fs::read(&path).unwrap();
        assert!(content.len() == LENGTH && content.iter().all(|byte| *byte == content[0]), "{}", content.len());
        seen.insert(content[0]);
    }
    assert!(seen.len() > 1, "it was killed before it saved anything else");
}

#[test]
fn a_run_that_is_killed_leaves_the_old_output_or_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    fs::write(&path, "old\n").unwrap();
    for _ in 0..kills() {
        let mut run = Command::new(env!("CARGO_BIN_EXE_logitscope"))
            .args(["run", "The king", "--format", "jsonl", "--max-new-tokens", "8", "--out"])
            .arg(&path)
            .spawn()
            .unwrap();
        sleep(moment(250));
        kill(&mut run);
        let content = fs::read(&path).unwrap();
        if content != b"old\n" {
            let found = trace::read(&content).unwrap();
            assert!(found.warnings.is_empty() && found.traces[0].steps.len() == 8);
            fs::write(&path, "old\n").unwrap();
        }
    }
}

/// Everything that the interface writes: session, prompts, models, traces and pictures.
#[track_caller]
fn check(home: &Path) {
    for path in whole(&home.join("logitscope")).into_iter().chain(whole(home)) {
        let content = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = || String::from_utf8(content.clone()).unwrap();
        match (name, path.extension().and_then(|ending| ending.to_str())) {
            ("session.json", _) => drop(Saved::parse(&text()).unwrap()),
            ("prompts.json", _) => drop(saved::prompts(&text()).unwrap()),
            ("models.json", _) => drop(saved::models(&text()).unwrap()),
            (_, Some("jsonl")) => {
                let found = trace::read(&content).unwrap();
                assert!(found.warnings.is_empty(), "{name}");
            }
            (_, Some("png")) => {
                let mut reader = png::Decoder::new(std::io::Cursor::new(&content)).read_info().unwrap();
                let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
                reader.next_frame(&mut pixels).unwrap();
                reader.finish().unwrap();
            }
            _ => panic!("{name}: what is this?"),
        }
    }
}

#[test]
fn an_interface_that_is_killed_leaves_whole_files() {
    let home = tempfile::tempdir().unwrap();
    for kill in 0..kills() {
        let mut session = Session::open_in(home.path(), 80, 24, &[&format!("The king {kill}")]);
        session.until("the distribution", |screen| screen.contains("ready"));
        // A prompt for the history.
        session.press(b"i!\r");
        session.until("the prompt", |screen| screen.contains(&format!("{kill}!")) && screen.contains("ready"));
        session.press(b" ");
        session.until("a step", |screen| screen.contains("Step 2") && screen.contains("ready"));
        // Traces and pictures; or the session, by leaving and by stopping.
        let (keys, most) = [(&b"q"[..], 40), (b"wSw", 300), (b"\x1a", 40), (b"wwww", 100)][kill as usize % 4];
        session.press(keys);
        sleep(moment(most));
        session.child.kill().unwrap();
        session.child.wait().unwrap();
        check(home.path());
    }
    let kept = whole(&home.path().join("logitscope"));
    assert!(kept.iter().any(|path| path.ends_with("session.json")), "{kept:?}");
}
