//! `logitscope lesson`: the list, a whole lesson as text, a file that is checked.

use std::fs;
use std::process::{Command, Output};

use logitscope::lesson::{BUILT_IN, Lesson};

fn lesson(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_logitscope")).arg("lesson").args(arguments).output().unwrap()
}

fn stdout(arguments: &[&str]) -> String {
    let output = lesson(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = lesson(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[test]
fn the_list_has_every_lesson() {
    let list = stdout(&[]);
    for (name, _) in BUILT_IN {
        let heading = Lesson::heading(name).unwrap();
        let line = list.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        assert!(line.ends_with(&heading.title), "{line}");
    }
}

#[test]
fn a_lesson_is_printed_with_its_answers() {
    let text = stdout(&["softmax", "--format", "text"]);
    for part in ["1 of 7", "7 of 7", "Answer 0.945 (within 0.05)", "Answer 2", "  mat     6.0  94.5% █", "Sources"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 90), "{text}");
    assert!(!text.contains('{') && !text.contains('\x1b'));
    for (name, _) in BUILT_IN {
        stdout(&[name, "--format", "text"]);
    }
}

#[test]
fn a_file_is_a_lesson_too_and_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    let path = file.to_str().unwrap();
    let good = "title = \"Mine\"\nsummary = \"s\"\n[[page]]\ntitle = \"p\"\ntext = \"{ln(1)}\"\n";
    fs::write(&file, good).unwrap();
    assert_eq!(stdout(&["check", path]), "Mine: good: 1 page, 0 questions\n");
    assert!(stdout(&[path, "--format", "text"]).contains("1 of 1 p"));
    fs::write(&file, good.replace("ln(1)", "sin(1)")).unwrap();
    assert!(refused(&["check", path]).contains("my.toml:5: no function `sin`"));
    assert!(refused(&[path, "--format", "text"]).contains("my.toml:5: "));
    assert!(refused(&["check", folder.path().join("none.toml").to_str().unwrap()]).contains("can't read"));
}

#[test]
fn bad_input_is_one_clear_line() {
    assert!(refused(&["sofmax"]).contains("no lesson is called `sofmax`: use one of softmax, temperature"));
    assert!(refused(&["sofmax", "--format", "text"]).contains("no lesson is called"));
    assert!(refused(&["softmax", "--format", "yaml"]).contains("yaml"));
    assert!(refused(&["--format", "text"]).contains("NAME"));
    assert!(refused(&["softmax"]).contains("needs a terminal"));
}
