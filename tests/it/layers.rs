//! Holds the architecture: what each layer may import, read from the `use` lines and paths of its files.

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer of `src/`, with the layers of this crate that it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("decode", &[]),
    ("glyph", &[]),
    ("file", &[]),
    ("session", &["decode"]),
    ("model", &["decode", "file"]),
    ("engine", &["decode", "session", "model"]),
    ("lesson", &["decode", "model", "engine"]),
    ("export", &[]),
    ("headless", &["decode", "session", "model", "engine", "lesson", "glyph"]),
    ("ui", &["decode", "session", "model", "engine", "lesson", "glyph"]),
    ("cli", &["decode", "session", "model", "engine", "lesson", "glyph", "file", "headless", "ui", "export"]),
];

/// Crates that a layer must not name.
const FORBIDDEN_CRATES: &[(&str, &[&str])] = &[
    ("decode", &["candle_core", "ratatui", "tokenizers", "std::fs", "std::time", "std::thread"]),
    ("session", &["candle_core", "ratatui", "tokenizers", "std::fs", "std::time", "std::thread"]),
    ("model", &["ratatui", "clap"]),
    ("engine", &["ratatui", "clap", "candle_core"]),
    ("lesson", &["ratatui", "clap", "candle_core", "std::fs", "std::time", "std::thread"]),
    ("headless", &["ratatui", "clap", "candle_core"]),
    ("ui", &["clap", "candle_core", "std::fs"]),
    ("export", &["clap", "candle_core"]),
];

fn rust_files(at: &Path, found: &mut Vec<PathBuf>) {
    if at.is_dir() {
        for entry in fs::read_dir(at).unwrap() {
            rust_files(&entry.unwrap().path(), found);
        }
    } else if at.extension().is_some_and(|extension| extension == "rs") {
        found.push(at.to_path_buf());
    }
}

fn files_of(layer: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for place in [src.join(layer), src.join(format!("{layer}.rs"))] {
        if place.exists() {
            rust_files(&place, &mut files);
        }
    }
    assert!(!files.is_empty(), "no layer {layer}");
    files
}

/// Lines of code with their numbers: no comments, no documentation.
fn code(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines.map(|(number, line)| (number + 1, line.to_string())).collect()
}

#[test]
fn nothing_imports_upward_or_sideways() {
    let mut wrong = Vec::new();
    for (layer, may) in LAYERS {
        for file in files_of(layer) {
            for (number, line) in code(&file) {
                for (other, _) in LAYERS.iter().filter(|(other, _)| other != layer && !may.contains(other)) {
                    if [format!("crate::{other}::"), format!("crate::{other};"), format!("logitscope::{other}")]
                        .iter()
                        .any(|path| line.contains(path.as_str()))
                    {
                        wrong.push(format!("{}:{number}: {layer} names {other}", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_layers_name_no_terminal_file_clock_or_thread() {
    let mut wrong = Vec::new();
    for (layer, crates) in FORBIDDEN_CRATES {
        for file in files_of(layer).iter().filter(|file| !file.ends_with("tests.rs")) {
            for (number, line) in code(file) {
                for name in crates.iter().filter(|name| line.contains(**name)) {
                    wrong.push(format!("{}:{number}: {layer} names {name}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_the_source_is_a_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs").to_string();
        let known = LAYERS.iter().any(|(layer, _)| *layer == name) || name == "lib" || name == "main";
        assert!(known, "{name} has no place in the table of layers");
    }
}
