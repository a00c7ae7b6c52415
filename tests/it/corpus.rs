//! Every input that fuzzing has kept, findings among them, once more: none may cause a panic. `fuzz/README.md` says how they were found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/targets/mod.rs"]
pub mod targets;

use targets::TARGETS;

/// The largest input that is kept, in bytes.
const LARGEST: u64 = 8 << 10;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs of a target, in order.
fn inputs(target: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder().join("corpus").join(target)).unwrap_or_else(|error| panic!("{target}: {error}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_was_found_stays_mended() {
    for (name, _) in TARGETS {
        for path in inputs(name) {
            let data = fs::read(&path).unwrap();
            let outcome = std::panic::catch_unwind(|| targets::run(name, &data));
            assert!(outcome.is_ok(), "{} panics", path.display());
        }
    }
}

#[test]
fn targets_programs_and_corpora_are_the_same() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let programs: BTreeSet<&str> =
        manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    let names: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(programs, names);
    let corpora: BTreeSet<String> = fs::read_dir(folder().join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(corpora, names.iter().map(ToString::to_string).collect());
    for name in names {
        let files = inputs(name);
        assert!(files.len() >= 2, "{name} has too few inputs");
        for path in files {
            let size = path.metadata().unwrap().len();
            assert!(size <= LARGEST, "{} has {size} bytes: cut it down with `cargo fuzz tmin`", path.display());
        }
    }
}
