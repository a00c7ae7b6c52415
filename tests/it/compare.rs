//! `compare` from outside: each run is what `run` gives, and where they part is told.

use serde_json::Value;

use crate::cli::{json, refused, stdout};

const PROMPT: &str = "Once upon a time";

fn ids(sequence: &Value) -> Vec<u64> {
    sequence["tokens"].as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap()).collect()
}

#[test]
fn each_run_is_what_run_gives() {
    let document = json(&[
        "compare",
        PROMPT,
        "--strategy",
        "greedy",
        "--strategy",
        "sample:temperature=0.9,top_p=0.95,seed=4",
        "--strategy",
        "beam:num_beams=3,length_penalty=-1",
        "--strategy",
        "greedy:suppress_tokens=5,6,7,max_new_tokens=3",
        "--max-new-tokens",
        "10",
        "--format",
        "json",
    ]);
    assert_eq!(document["format"], "logitscope.compare");
    let alone: [&[&str]; 4] = [
        &["--max-new-tokens", "10"],
        &["--max-new-tokens", "10", "--temperature", "0.9", "--top-p", "0.95", "--seed", "4"],
        &["--max-new-tokens", "10", "--num-beams", "3", "--length-penalty", "-1"],
        &["--max-new-tokens", "3", "--suppress-tokens", "5,6,7"],
    ];
    for (index, options) in alone.into_iter().enumerate() {
        let run = json(&[&["run", PROMPT, "--format", "json"], options].concat());
        assert_eq!(document["runs"][index]["sequences"], run["sequences"], "run {index}");
        assert_eq!(document["runs"][index]["settings"], run["settings"], "run {index}");
    }
    let first = ids(&document["runs"][0]["sequences"][0]);
    assert!(document["parts"][0].is_null());
    for index in 1..4 {
        let other = ids(&document["runs"][index]["sequences"][0]);
        let agreed = first.iter().zip(&other).take_while(|(a, b)| a == b).count();
        let part = (agreed < first.len().max(other.len())).then_some(agreed as u64);
        assert_eq!(document["parts"][index].as_u64(), part);
    }
}

#[test]
fn common_random_numbers_are_one_seed_for_all() {
    let seeds = |more: &[&str]| {
        let base = ["compare", PROMPT, "--strategy", "sample:seed=3", "--strategy", "sample:seed=4,top_k=5"];
        let document = json(&[&base[..], &["--max-new-tokens", "2", "--format", "json"], more].concat());
        [0, 1].map(|run| document["runs"][run]["settings"]["seed"].as_u64().unwrap())
    };
    assert_eq!(seeds(&[]), [3, 4]);
    assert_eq!(seeds(&["--common-random-numbers", "--seed", "9"]), [9, 9]);
}

#[test]
fn models_are_compared_too() {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tables/nice-dog.toml");
    let arguments = ["compare", "", "--model", model, "--model", model, "--max-new-tokens", "3", "--format", "json"];
    let document = json(&arguments);
    assert_eq!(document["runs"].as_array().unwrap().len(), 2);
    assert!(document["parts"][1].is_null(), "the same model says the same");
}

#[test]
fn text_lines_and_csv() {
    let base = ["compare", PROMPT, "--strategy", "greedy", "--strategy", "sample:seed=1,temperature=1.5"];
    let with = |format: &str| stdout(&[&base[..], &["--max-new-tokens", "6", "--format", format]].concat(), "");
    let text = with("text");
    assert!(text.contains("sample:seed=1") && text.contains("6 tokens · Σ log p"), "{text}");
    let lines: Vec<Value> = with("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["type"], &lines[13]["type"]), (14, &"header".into(), &"end".into()));
    assert_eq!(with("csv").lines().count(), 13);
}

#[test]
fn wrong_comparisons_are_refused() {
    refused(&["compare", PROMPT], "", "2 to 8");
    refused(&["compare", PROMPT, "--strategy", "greedy"], "", "2 to 8");
    refused(&["compare", PROMPT, "--strategy", "greedy", "--strategy", "magic"], "", "`magic`");
    refused(&["compare", PROMPT, "--strategy", "greedy", "--strategy", "sample:top_q=1"], "", "--top-q");
    refused(&["compare", PROMPT, "--strategy", "greedy", "--strategy", "sample:top_p=7"], "", "at most 1");
    let nine = ["--strategy", "greedy"].repeat(9);
    refused(&[&["compare", PROMPT], &nine[..]].concat(), "", "2 to 8");
}
