//! Themes and pictures on the command line.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ratatui::buffer::Buffer;

use logitscope::export::{Frame, Picture, animation};

fn logitscope(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_logitscope")).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn all_themes_are_listed_with_what_they_are_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = logitscope(folder.path(), &["theme", "list"]);
    let listed = text(&output.stdout);
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("themes")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let line = listed.lines().find(|line| line.split_whitespace().next() == Some(name));
        assert!(line.is_some_and(|line| line.len() > 25), "{name}");
        let output = logitscope(folder.path(), &["theme", "check", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
    }
}

#[test]
fn a_theme_that_is_hard_to_read_is_refused_with_file_key_and_figures() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pale.toml"), "inherits = \"light\"\n[styles]\nfuture = { fg = \"#999999\" }\n")
        .unwrap();
    let output = logitscope(folder.path(), &["theme", "check", "pale.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    let errors = text(&output.stderr);
    // #999999 has a luminance of 0.3185, the light ground #fbfaf6 one of 0.9553.
    assert!(errors.starts_with("logitscope: pale.toml: future: contrast 2.72, must be at least 4.5\n"), "{errors}");
    assert!(errors.lines().count() == 2 && errors.contains("1 of its contrasts too low"), "{errors}");
    let output = logitscope(folder.path(), &["theme", "check", "none.toml"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
}

#[test]
fn the_ending_decides_the_form_of_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tables/abc.toml");
    let scene = ["screenshot", "--model", table.to_str().unwrap(), "--size", "40x12", "A", "--keys", "Right", "--out"];
    let draw = |more: &[&str]| logitscope(folder.path(), &[&scene, more].concat());
    assert_eq!(draw(&["a.png"]).status.code(), Some(0));
    assert_eq!(draw(&["b.png"]).status.code(), Some(0));
    let [a, b] = ["a.png", "b.png"].map(|name| fs::read(folder.path().join(name)).unwrap());
    assert!(a.starts_with(b"\x89PNG\r\n") && a == b);
    assert_eq!(draw(&["a.svg", "--animate=0.5"]).status.code(), Some(0));
    let played = fs::read_to_string(folder.path().join("a.svg")).unwrap();
    // Half a second, and three times that for the last frame.
    assert!(played.contains("animation:2s step-end infinite") && played.matches("class=\"f\"").count() == 2);
    for (arguments, says) in [
        (&["a.png", "--animate"][..], "--animate makes an SVG"),
        (&["a.gif"][..], "a.gif does not end in .svg, .png or .txt"),
        (&["a.svg", "--animate=0"][..], "not a number of seconds from 0.1 to 60"),
    ] {
        let output = draw(arguments);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
    }
}

#[test]
fn an_animation_is_well_formed() {
    let frame = |line: &str| Frame {
        picture: Picture { buffer: Buffer::with_lines([line, "<&\">"]), foreground: [255; 3], background: [0; 3] },
        seconds: 0.5,
    };
    let document = animation(&[frame("a <b> & c"), frame("'d' ─█⠋ \u{4e16}")], "a < b & \"c\"");
    let tree = roxmltree::Document::parse(&document).unwrap();
    let ids: Vec<_> = tree.descendants().filter_map(|node| node.attribute("id")).collect();
    for node in tree.descendants().filter(|node| node.has_tag_name("use")) {
        let target = node.attribute("href").unwrap().strip_prefix('#').unwrap();
        assert_eq!(ids.iter().filter(|id| **id == target).count(), 1, "{target}");
    }
    assert!(tree.descendants().any(|node| node.text() == Some("<&\">")));
}
