//! Contrastive search from outside: its options, its document, its trace, its refusals.

use serde_json::Value;

use crate::cli::{PROMPT, json, refused, stdout};

fn run(options: &[&str], format: &str) -> String {
    stdout(&[&["run", PROMPT, "--max-new-tokens", "12", "--format", format], options].concat(), "")
}

fn document(options: &[&str]) -> Value {
    serde_json::from_str(&run(options, "json")).unwrap()
}

#[test]
fn the_options_are_those_of_transformers() {
    let settings = |options: &[&str]| {
        let settings = document(options)["settings"].clone();
        (settings["strategy"].clone(), settings["penalty_alpha"].clone(), settings["top_k"].clone())
    };
    let is = |options: &[&str], alpha: f64, k: usize| {
        assert_eq!(settings(options), ("contrastive".into(), alpha.into(), k.into()), "{options:?}");
    };
    is(&["--strategy", "contrastive"], 0.6, 4);
    is(&["--penalty-alpha", "0.3", "--top-k", "6"], 0.3, 6);
    is(&["--strategy", "contrastive", "--chain", "repetition_penalty=1.2,temperature=0.5,top_k=2"], 0.6, 2);
    let chain = document(&["--penalty-alpha", "1", "--top-k", "3", "--repetition-penalty", "1.2"]);
    assert_eq!(chain["settings"]["chain"], "repetition_penalty=1.2", "only what stands before temperature");
}

#[test]
fn without_a_penalty_it_is_greedy() {
    let greedy = document(&["--strategy", "greedy"]);
    for options in [["--penalty-alpha", "0", "--top-k", "5"], ["--penalty-alpha", "0.9", "--top-k", "1"]] {
        assert_eq!(document(&options)["sequences"], greedy["sequences"], "{options:?}");
    }
}

#[test]
fn the_trace_has_every_candidate() {
    let recorded = run(&["--penalty-alpha", "0.8", "--top-k", "5"], "jsonl");
    let records: Vec<Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<&Value> = records.iter().filter(|record| record["type"] == "step").collect();
    assert!(!steps.is_empty());
    for step in steps {
        let contrastive = &step["contrastive"];
        assert_eq!(contrastive["penalty_alpha"], 0.8);
        let candidates = contrastive["candidates"].as_array().unwrap();
        assert_eq!(candidates.len(), 5);
        let figure = |candidate: &Value, name: &str| candidate[name].as_f64().unwrap();
        for pair in candidates.windows(2) {
            assert!(figure(&pair[0], "prob") >= figure(&pair[1], "prob"));
        }
        for candidate in candidates {
            let expected = 0.2 * figure(candidate, "prob") - 0.8 * figure(candidate, "max_similarity");
            assert!((figure(candidate, "score") - expected).abs() < 1e-12);
            assert!(candidate["text"].is_string());
        }
        let best = candidates.iter().max_by(|a, b| figure(a, "score").total_cmp(&figure(b, "score"))).unwrap();
        assert_eq!(best["id"], step["chosen"]["id"]);
    }
}

#[test]
fn the_text_shows_the_penalty_and_who_was_passed_over() {
    // With the penalty alone, the most probable of ten is rarely the one that is least like the text.
    let text = run(&["--penalty-alpha", "1", "--top-k", "10"], "text");
    assert!(text.lines().next().unwrap().ends_with("contrastive · penalty_alpha=1,top_k=10"), "{text}");
    assert!(text.contains("penalty 0.") && text.contains(" · passes over "), "{text}");
}

#[test]
fn compare_takes_it() {
    let compared = json(&[
        "compare",
        PROMPT,
        "--strategy",
        "greedy",
        "--strategy",
        "contrastive:penalty_alpha=0.6,top_k=4",
        "--max-new-tokens",
        "12",
        "--format",
        "json",
    ]);
    assert_eq!(compared["runs"][1]["sequences"], document(&["--penalty-alpha", "0.6", "--top-k", "4"])["sequences"]);
}

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let refuse = |options: &[&str], says: &str| refused(&[&["run", PROMPT], options].concat(), "", says);
    refuse(&["--penalty-alpha", "1.5"], "penalty_alpha: `1.5` is out of range: it must be from 0 to 1");
    refuse(&["--penalty-alpha", "-0.1"], "penalty_alpha: `-0.1`");
    refuse(&["--penalty-alpha", "NaN"], "penalty_alpha: `NaN`");
    refuse(&["--penalty-alpha", "much"], "much");
    refuse(&["--penalty-alpha", "0.5", "--top-k", "0"], "top_k: `0` is out of range");
    refuse(&["--penalty-alpha", "0.5", "--top-k", "1000"], "1 to 256 candidates");
    refuse(&["--strategy", "greedy", "--penalty-alpha", "0.5"], "--penalty-alpha: greedy has none");
    refuse(&["--penalty-alpha", "0.5", "--num-beams", "3"], "--num-beams: contrastive has no beams");
    refuse(&["--penalty-alpha", "0.5", "--num-return-sequences", "2"], "contrastive finds one sequence, not 2");
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tables/nice-dog.toml");
    refused(&["run", "The", "--model", table, "--strategy", "contrastive"], "", "nice-dog.toml has none");
    refused(&["--strategy", "contrastive"], "", "use `logitscope run` for contrastive");
}
