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

/// Damage of the kind that a fuzzer begins with: pieces that are cut out, doubled, exchanged with another input's, or overwritten.
struct Damage(u64);

/// What numbers and marks are overwritten with.
const PIECES: [&[u8]; 16] = [
    b"0",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"NaN",
    b"null",
    b"\"",
    b"[[[[",
    b"}",
    b"\n",
    b"\xff\xfe",
    b"\0",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    "\u{301}".as_bytes(),
    "\u{202e}世".as_bytes(),
    b"2147483648",
];

impl Damage {
    /// xorshift64 (Marsaglia 2003).
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = [1, 4, 16, length][self.below(4)];
        start..(start + self.below(most + 1)).min(length)
    }

    fn apply(&mut self, data: &[u8], other: &[u8]) -> Vec<u8> {
        let mut data = data.to_vec();
        for _ in 0..=self.below(4) {
            let place = self.range(data.len());
            match self.below(5) {
                0 => drop(data.drain(place)),
                1 => {
                    let piece = data[place.clone()].to_vec();
                    data.splice(place.end..place.end, piece);
                }
                2 => {
                    let piece = other[self.range(other.len())].to_vec();
                    data.splice(place, piece);
                }
                3 => drop(data.splice(place, PIECES[self.below(PIECES.len())].iter().copied())),
                _ => place.for_each(|at| data[at] = self.below(256) as u8),
            }
        }
        data.truncate(LARGEST as usize);
        data
    }
}

/// A few for every input; `LOGITSCOPE_DAMAGE=1000` tries so many, `LOGITSCOPE_TARGET=gguf` those of one target alone.
#[test]
fn damage_causes_no_panic() {
    let variable = |name| std::env::var(name).ok();
    let times: u64 = variable("LOGITSCOPE_DAMAGE").map_or(2, |times| times.parse().unwrap());
    let only = variable("LOGITSCOPE_TARGET");
    let mut found = Vec::new();
    for (name, _) in TARGETS.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
        let all: Vec<Vec<u8>> = inputs(name).iter().map(|path| fs::read(path).unwrap()).collect();
        for (index, data) in all.iter().enumerate() {
            for time in 0..times {
                let mut damage = Damage(1 + time + 1000 * index as u64);
                let other = damage.below(all.len());
                let data = damage.apply(data, &all[other]);
                if std::panic::catch_unwind(|| targets::run(name, &data)).is_err() {
                    let path = std::env::temp_dir().join(format!("logitscope-{name}-{index}-{time}"));
                    fs::write(&path, &data).unwrap();
                    found.push(path);
                }
            }
        }
    }
    assert!(found.is_empty(), "keep these as fuzz/corpus/TARGET/finding-WHAT: {found:?}");
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
