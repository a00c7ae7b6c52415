//! Traces from outside: what `run` records, `replay` gives back; files are there whole or not at all.

use std::fs;
use std::path::Path;

use serde_json::Value;

use logitscope::session::trace::{self, Record};

use crate::cli::{PROMPT, logitscope, refused, stdout};

/// A sample with filters, two samples, a beam search, diverse beams, a contrastive and an exact search, drafts that are sampled and
/// that are not, and guidance.
const RUNS: &[&[&str]] = &[
    &["--top-k", "5", "--temperature", "0.8", "--seed", "2", "--suppress-tokens", "3", "--max-new-tokens", "5"],
    &["--seed", "4", "--num-return-sequences", "2", "--max-new-tokens", "4"],
    &["--num-beams", "3", "--length-penalty", "0.6", "--num-return-sequences", "2", "--max-new-tokens", "4"],
    &["--num-beams", "4", "--num-beam-groups", "2", "--early-stopping", "true", "--max-new-tokens", "3"],
    &["--penalty-alpha", "0.7", "--top-k", "6", "--repetition-penalty", "1.1", "--max-new-tokens", "6"],
    &["--strategy", "exact", "--max-new-tokens", "2", "--budget", "50"],
    &[
        "--strategy",
        "speculative",
        "--draft-model",
        "builtin",
        "--top-p",
        "0.9",
        "--seed",
        "1",
        "--max-new-tokens",
        "9",
    ],
    &["--strategy", "speculative", "--draft-model", "builtin", "--num-assistant-tokens", "2", "--max-new-tokens", "6"],
    &["--guidance-scale", "1.5", "--negative-prompt", "A sad story", "--max-new-tokens", "4"],
];

fn run(options: &[&str], format: &str) -> String {
    stdout(&[&["run", PROMPT, "--format", format], options].concat(), "")
}

fn replayed(trace: &str, format: &str) -> String {
    stdout(&["replay", "-", "--format", format], trace)
}

#[test]
fn what_is_recorded_is_read_to_the_last_digit() {
    for options in RUNS {
        let recorded = run(options, "jsonl");
        let file = trace::read(recorded.as_bytes()).unwrap();
        assert_eq!((file.traces.len(), file.warnings.len()), (1, 0), "{options:?}");
        for line in recorded.lines() {
            let record: Record = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&record).unwrap(), line, "{options:?}");
        }
    }
}

#[test]
fn a_replay_is_what_the_run_was() {
    for options in RUNS {
        let recorded = run(options, "jsonl");
        assert_eq!(replayed(&recorded, "csv"), run(options, "csv"), "{options:?}");
        let document = |text: &str| {
            let mut document: Value = serde_json::from_str(text).unwrap();
            assert!(document["timing"]["new_tokens"].is_u64());
            document.as_object_mut().unwrap().remove("timing");
            document.to_string()
        };
        assert_eq!(document(&replayed(&recorded, "json")), document(&run(options, "json")), "{options:?}");
        let exact = options.contains(&"exact");
        let table = |text: &str| {
            let lines = text.lines().filter(|line| !line.contains("tokens/s"));
            lines.take_while(|line| !(exact && line.contains("proven"))).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(table(&replayed(&recorded, "text")), table(&run(options, "text")), "{options:?}");
    }
}

#[test]
fn a_trace_that_is_cut_off_is_read_up_to_the_cut() {
    let recorded = run(RUNS[0], "jsonl");
    let third = recorded.match_indices('\n').nth(2).unwrap().0;
    let output = logitscope(&["replay", "-", "--format", "json"], &recorded[..third + 40]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("warning: standard input: line 4 is cut off"), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sequence = &document["sequences"][0];
    assert_eq!((&sequence["length"], &sequence["finish_reason"]), (&2.into(), &Value::Null));
    assert_eq!((&document["cut"], &document["timing"]), (&true.into(), &Value::Null));
    assert_eq!(replayed(&recorded[..third + 40], "csv").lines().count(), 3);
}

#[test]
fn what_is_no_trace_is_one_clear_line() {
    refused(&["replay", "-", "--format", "csv"], "", "no trace");
    refused(&["replay", "-", "--format", "csv"], "hello\n", "standard input: line 1");
    refused(
        &["replay", "-", "--format", "json"],
        "{\"type\":\"header\",\"format\":\"logitscope.trace\",\"version\":2}",
        "version 2",
    );
    refused(&["replay", "no-such-trace.jsonl", "--format", "text"], "", "no-such-trace.jsonl");
    refused(&["replay", "-", "--format", "jsonl"], "", "jsonl");
    refused(&["replay", "-"], "", "--format text, json or csv");
    refused(&["replay"], "", "<FILE>");
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_file_takes_the_output_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let name = path.to_str().unwrap();
    fs::write(&path, "old").unwrap();
    // Token 9999999 is refused only once the model is there and the file is open.
    refused(&["run", PROMPT, "--suppress-tokens", "9999999", "--out", name], "", "outside of the vocabulary");
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), files(folder.path())), ("old", 1));
    let options = ["run", PROMPT, "--max-new-tokens", "2", "--format", "csv"];
    assert_eq!(stdout(&[&options[..], &["--out", name]].concat(), ""), "");
    assert_eq!((fs::read_to_string(&path).unwrap(), files(folder.path())), (stdout(&options, ""), 1));
    refused(&[&options[..], &["--out", "no/such/folder/file"]].concat(), "", "can't write no/such/folder/file");
    refused(&[&options[..], &["--out", folder.path().to_str().unwrap()]].concat(), "", "it is a folder");
}
