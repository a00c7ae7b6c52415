//! Beam search from outside: which options mean it, its document, its trace, its refusals.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cli::{PROMPT, json, refused, stdout};

#[test]
fn options_choose_the_kind_of_search() {
    let strategy = |options: &[&str]| {
        let arguments = [&["run", PROMPT, "--max-new-tokens", "2", "--format", "json"], options].concat();
        let settings = json(&arguments)["settings"].clone();
        (settings["strategy"].as_str().unwrap().to_string(), settings["chain"].as_str().unwrap().to_string())
    };
    let is = |options: &[&str], name: &str, chain: &str| assert_eq!(strategy(options), (name.into(), chain.into()));
    is(&["--num-beams", "3"], "beam", "");
    is(&["--num-beams", "3", "--repetition-penalty", "1.2"], "beam", "repetition_penalty=1.2");
    is(&["--num-beams", "3", "--seed", "1"], "beam-sample", "");
    is(&["--num-beams", "3", "--top-k", "9", "--temperature", "0.7"], "beam-sample", "temperature=0.7,top_k=9");
    is(&["--num-beams", "3", "--temperature", "0"], "beam", "");
    is(&["--strategy", "beam", "--temperature", "0.7"], "beam", "");
    is(&["--num-beams", "4", "--num-beam-groups", "2"], "diverse-beam", "");
    is(&["--strategy", "diverse-beam", "--diversity-penalty", "1"], "diverse-beam", "");
}

#[test]
fn the_document_has_the_options_and_the_scores() {
    let document = json(&[
        "run",
        PROMPT,
        "--num-beams",
        "5",
        "--length-penalty",
        "-0.5",
        "--early-stopping",
        "never",
        "--num-return-sequences",
        "3",
        "--max-new-tokens",
        "7",
        "--repetition-penalty",
        "1.1",
        "--format",
        "json",
    ]);
    let settings = &document["settings"];
    assert_eq!((&settings["num_beams"], &settings["length_penalty"]), (&Value::from(5), &Value::from(-0.5)));
    assert_eq!((&settings["early_stopping"], &settings["length_norm"]), (&"never".into(), &"transformers".into()));
    let sequences = document["sequences"].as_array().unwrap();
    assert_eq!(sequences.len(), 3);
    let sum = |sequence: &Value, what: &str| -> f64 {
        sequence["tokens"].as_array().unwrap().iter().map(|token| token[what].as_f64().unwrap()).sum()
    };
    for sequence in sequences {
        let length = sequence["length"].as_f64().unwrap();
        let score = sum(sequence, "sampling_logprob") / length.powf(-0.5);
        assert!((score - sequence["score"].as_f64().unwrap()).abs() < 1e-9);
        assert!((sum(sequence, "logprob") - sequence["sum_logprob"].as_f64().unwrap()).abs() < 1e-9);
    }
    let scores: Vec<f64> = sequences.iter().map(|sequence| sequence["score"].as_f64().unwrap()).collect();
    assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
}

/// With the full stop as an end, sequences of different lengths compete.
#[test]
fn the_trace_is_a_tree_that_leads_to_the_sequences() {
    let stop = json(&["tokens", ".", "--bos", "never", "--format", "json"])["tokens"][0]["id"].to_string();
    let options =
        ["--num-beams", "4", "--eos-token-id", &stop, "--num-return-sequences", "4", "--max-new-tokens", "16"];
    let trace = stdout(&[&["run", PROMPT, "--format", "jsonl"], &options[..]].concat(), "");
    let records: Vec<Value> = trace.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut known, mut ends) = (BTreeMap::new(), Vec::new());
    let steps = records.iter().filter(|record| record["type"] == "beam_step");
    for (step, record) in steps.enumerate() {
        assert_eq!(record["step"], step);
        for (field, status) in [("beams", None), ("pruned", Some("pruned"))] {
            for beam in record[field].as_array().unwrap() {
                let parent = beam["parent"].as_u64().map(|parent| {
                    let (born, status, sum): &(usize, String, f64) = &known[&parent];
                    assert!(*born + 1 == step && status == "running");
                    *sum
                });
                assert_eq!(parent.is_none(), step == 0);
                let sum = beam["sum_logprob"].as_f64().unwrap();
                assert!((parent.unwrap_or(0.0) + beam["logprob"].as_f64().unwrap() - sum).abs() < 1e-9);
                assert!((beam["score"].as_f64().unwrap() - sum / (step as f64 + 1.0)).abs() < 1e-9);
                assert_eq!(beam["length"], step + 1);
                assert_eq!(beam["reason"].is_string(), field == "pruned");
                let own = beam["status"].as_str().unwrap().to_string();
                assert!(status.is_none_or(|status| status == own));
                if own == "finished" {
                    ends.push(beam["score"].as_f64().unwrap());
                }
                let node = beam["node"].as_u64().unwrap();
                assert!(known.insert(node, (step, own, sum)).is_none(), "node {node} twice");
            }
        }
    }
    let last = records.last().unwrap();
    let sequences = last["sequences"].as_array().unwrap();
    assert!(sequences.iter().any(|sequence| sequence["finish_reason"] == "eos"));
    for sequence in sequences {
        assert!(ends.contains(&sequence["score"].as_f64().unwrap()));
    }
}

#[test]
fn text_and_csv_show_the_hypotheses() {
    let options = ["--num-beams", "3", "--num-return-sequences", "2", "--max-new-tokens", "4"];
    let csv = stdout(&[&["run", PROMPT, "--format", "csv"], &options[..]].concat(), "");
    assert_eq!(csv.lines().count(), 1 + 2 * 4);
    assert!(csv.lines().next().unwrap().ends_with("sampling_entropy,score"));
    let text = stdout(&[&["run", PROMPT], &options[..]].concat(), "");
    assert!(text.contains("3 beams · length penalty 1 (transformers) · early stopping false"), "{text}");
    assert!(text.contains("finished by length") && text.contains("over: the last step"), "{text}");
    assert!(!text.contains('\x1b'), "no colour into a pipe");
}

#[test]
fn norms_and_threads() {
    let run = |options: &[&str]| {
        let base = ["run", PROMPT, "--num-beams", "4", "--ignore-eos", "--max-new-tokens", "12", "--format", "json"];
        json(&[&base[..], options].concat())
    };
    let score = |norm: &str| run(&["--length-norm", norm])["sequences"][0]["score"].as_f64().unwrap();
    let document = run(&[]);
    let sum = document["sequences"][0]["sum_logprob"].as_f64().unwrap();
    let prompt = document["timing"]["prompt_tokens"].as_f64().unwrap();
    assert!((score("transformers") - sum / 12.0).abs() < 1e-9);
    assert!((score("gnmt") - sum / (17.0 / 6.0)).abs() < 1e-9);
    assert!((score("vllm") - sum / (prompt + 12.0)).abs() < 1e-9);
    assert!((score("none") - sum).abs() < 1e-9);
    assert_eq!(run(&["--threads", "1"])["sequences"], document["sequences"]);
    assert_eq!(run(&["--threads", "3"])["sequences"], document["sequences"]);
}

#[test]
fn bad_beams_are_one_clear_line() {
    refused(&["run", "x", "--num-beams", "0"], "", "num_beams: `0`");
    refused(&["run", "x", "--num-beams", "-2"], "", "whole number");
    refused(&["run", "x", "--num-beams", "9999"], "", "from 1 to 256");
    refused(&["run", "x", "--num-beams", "4", "--num-return-sequences", "5"], "", "num_return_sequences: `5`");
    refused(&["run", "x", "--num-beams", "4", "--length-penalty", "6"], "", "from -2 to 5");
    refused(&["run", "x", "--num-beams", "4", "--length-penalty", "nan"], "", "from -2 to 5");
    refused(&["run", "x", "--num-beams", "4", "--length-penalty", "long"], "", "long");
    refused(&["run", "x", "--num-beams", "4", "--length-norm", "google"], "", "not one of transformers");
    refused(&["run", "x", "--num-beams", "4", "--early-stopping", "maybe"], "", "not one of true");
    refused(&["run", "x", "--strategy", "greedy", "--num-beams", "4"], "", "--num-beams: greedy has no beams");
    refused(&["run", "x", "--length-penalty", "0.5"], "", "--strategy beam");
    refused(&["run", "x", "--strategy", "beam", "--num-beam-groups", "2"], "", "diverse-beam");
    refused(&["run", "x", "--num-beams", "4", "--num-beam-groups", "3"], "", "must divide");
    refused(&["run", "x", "--strategy", "diverse-beam", "--diversity-penalty", "-1"], "", "at least 0");
    refused(&["run", "x", "--num-beam-groups", "2", "--top-k", "3"], "", "does not sample");
    refused(&["run", "x", "--num-beams", "2", "--max-new-tokens", "0"], "", "at least 1");
    refused(&["run", "x", "--num-beams", "2", "--suppress-tokens", "9999999"], "", "outside of the vocabulary");
}
