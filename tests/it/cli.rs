//! The program from outside: exit code, standard output and standard error together.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub fn logitscope(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logitscope"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments may be gone before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub fn stdout(arguments: &[&str], input: &str) -> String {
    let output = logitscope(arguments, input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(arguments, "")).unwrap()
}

/// One line on standard error, nothing on standard output, exit code 1 or 2.
#[track_caller]
pub fn refused(arguments: &[&str], input: &str, says: &str) {
    let output = logitscope(arguments, input);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {:?} {stderr}", output.status);
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("logitscope: ") && stderr.contains(says), "{arguments:?}: {stderr}");
}

pub const PROMPT: &str = "Once upon a time";

#[test]
fn run_gives_the_document_of_the_contract() {
    let document = json(&["run", PROMPT, "--strategy", "greedy", "--max-new-tokens", "12", "--format", "json"]);
    assert_eq!(document["format"], "logitscope.run");
    assert_eq!(document["version"], 1);
    assert_eq!(document["model"]["name"], "builtin");
    let prompt = document["prompt"]["tokens"].as_array().unwrap();
    assert!(prompt[0]["logprob"].is_null() && prompt[1]["logprob"].is_f64());
    let sequence = &document["sequences"][0];
    let tokens = sequence["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 12);
    assert_eq!(sequence["length"], 12);
    assert_eq!(sequence["finish_reason"], "length");
    let sum: f64 = tokens.iter().map(|token| token["logprob"].as_f64().unwrap()).sum();
    assert!((sum - sequence["sum_logprob"].as_f64().unwrap()).abs() < 1e-9);
    assert_eq!(sequence["score"], sequence["sum_logprob"]);
    let bytes: Vec<u8> =
        tokens.iter().flat_map(|t| t["bytes"].as_array().unwrap()).map(|b| b.as_u64().unwrap() as u8).collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), sequence["text"].as_str().unwrap());
    assert_eq!(document["timing"]["new_tokens"], 12);
}

#[test]
fn the_same_seed_gives_the_same_bits_with_any_number_of_threads() {
    let sample = |threads: &str| {
        let mut document = json(&[
            "run",
            PROMPT,
            "--temperature",
            "0.9",
            "--top-p",
            "0.95",
            "--seed",
            "7",
            "--max-new-tokens",
            "24",
            "--format",
            "json",
            "--threads",
            threads,
        ]);
        document.as_object_mut().unwrap().remove("timing");
        document.to_string()
    };
    let one = sample("1");
    assert_eq!(one, sample("1"));
    assert_eq!(one, sample("2"));
    assert_eq!(one, sample("5"));
}

#[test]
fn strategies_follow_from_the_options() {
    let strategy = |options: &[&str]| {
        let arguments = [&["run", PROMPT, "--max-new-tokens", "1", "--format", "json"], options].concat();
        let settings = json(&arguments)["settings"].clone();
        (settings["strategy"].as_str().unwrap().to_string(), settings["chain"].as_str().unwrap().to_string())
    };
    let is = |options: &[&str], name: &str, chain: &str| assert_eq!(strategy(options), (name.into(), chain.into()));
    is(&[], "greedy", "");
    is(&["--seed", "1"], "sample", "");
    is(&["--repetition-penalty", "1.2"], "greedy", "repetition_penalty=1.2");
    is(&["--top-p", "0.9", "--temperature", "0.7"], "sample", "temperature=0.7,top_p=0.9");
    is(&["--chain", "top_p=0.9,temperature=0.7"], "sample", "top_p=0.9,temperature=0.7");
    is(&["--preset", "llama.cpp", "--temperature", "0.7", "--top-k", "5"], "sample", "top_k=5,temperature=0.7");
    is(&["--temperature", "0", "--presence-penalty", "-0.5"], "greedy", "presence_penalty=-0.5");
    is(&["--strategy", "greedy", "--top-k", "3", "--repetition-penalty", "1.1"], "greedy", "repetition_penalty=1.1");
}

#[test]
fn the_trace_records_every_step() {
    let trace = stdout(
        &["run", PROMPT, "--top-k", "5", "--seed", "2", "--max-new-tokens", "3", "--format", "jsonl", "--top", "7"],
        "",
    );
    let records: Vec<Value> = trace.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = records.iter().map(|record| record["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["header", "step", "step", "step", "end"]);
    assert_eq!(records[0]["format"], "logitscope.trace");
    for (step, record) in records[1..4].iter().enumerate() {
        assert_eq!(record["step"], step);
        let candidates = record["candidates"].as_array().unwrap();
        assert_eq!(candidates.len(), 7);
        assert!(candidates[..5].iter().all(|one| one["removed_by"].is_null()));
        assert!(candidates[5..].iter().all(|one| one["removed_by"] == "top_k" && one["sampling_prob"] == 0.0));
        assert_eq!(record["stages"][0]["stage"], "top_k=5");
        assert_eq!(record["stages"][0]["kept"], 5);
        let mass: f64 = candidates[..5].iter().map(|one| one["prob"].as_f64().unwrap()).sum();
        assert!((mass + record["stages"][0]["removed_mass"].as_f64().unwrap() - 1.0).abs() < 1e-9);
        assert!((0.0..1.0).contains(&record["draw"].as_f64().unwrap()));
    }
    assert_eq!(records[4]["sequences"][0]["length"], 3);
}

#[test]
fn samples_come_best_first() {
    let arguments =
        ["run", PROMPT, "--seed", "3", "--num-return-sequences", "4", "--max-new-tokens", "5", "--format", "json"];
    let document = json(&arguments);
    let sums: Vec<f64> =
        document["sequences"].as_array().unwrap().iter().map(|s| s["sum_logprob"].as_f64().unwrap()).collect();
    assert_eq!(sums.len(), 4);
    assert!(sums.windows(2).all(|pair| pair[0] >= pair[1]));
}

#[test]
fn csv_and_text_have_a_row_for_each_token() {
    let csv = stdout(&["run", PROMPT, "--max-new-tokens", "3", "--format", "csv"], "");
    assert_eq!(csv.lines().count(), 4);
    assert!(csv.starts_with("prompt,sequence,step,id,text,logprob,"));
    let text = stdout(&["run", PROMPT, "--max-new-tokens", "3", "--top-k", "2"], "");
    assert!(text.contains("3 tokens · Σ log p") && text.contains("top_k=2 −"), "{text}");
    assert!(!text.contains('\x1b'), "no colour into a pipe");
}

#[test]
fn prompts_come_from_standard_input_and_files() {
    let dash = stdout(&["run", "-", "--max-new-tokens", "1", "--format", "json"], "Once upon a time\n");
    let document: Value = serde_json::from_str(&dash).unwrap();
    assert_eq!(document["prompt"]["text"], PROMPT);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prompts.jsonl");
    std::fs::write(&file, "{\"prompt\": \"One\"}\n\n{\"prompt\": \"Two\"}\n").unwrap();
    let file = file.to_str().unwrap();
    let lines = stdout(&["run", "--prompts", file, "--max-new-tokens", "1", "--format", "json"], "");
    let texts: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((texts.len(), texts[1]["prompt"]["text"].as_str()), (2, Some("Two")));
    std::fs::write(file, "{\"prompt\": \"One\"}\n{\"promt\": 1}\n").unwrap();
    refused(&["run", "--prompts", file], "", "line 2");
}

#[test]
fn ends_can_be_named_or_ignored() {
    let first =
        json(&["run", PROMPT, "--max-new-tokens", "1", "--format", "json"])["sequences"][0]["tokens"][0]["id"].clone();
    let arguments = ["run", PROMPT, "--eos-token-id", &first.to_string(), "--format", "json"];
    let document = json(&arguments);
    assert_eq!(document["sequences"][0]["finish_reason"], "eos");
    assert_eq!(document["sequences"][0]["text"], "");
    let long = json(&["run", PROMPT, "--ignore-eos", "--seed", "1", "--max-new-tokens", "400", "--format", "json"]);
    assert_eq!(long["sequences"][0]["length"], 400);
    refused(&["run", PROMPT, "--eos-token-id", "99999"], "", "outside of the vocabulary");
}

#[test]
fn logits_answers_line_by_line() {
    let input = "{\"logits\":[3.0,1.0,0.5,0.2],\"chain\":\"temperature=0.5\"}\n{\"logits\":[10000,0,null]}\n";
    let answers: Vec<Value> =
        stdout(&["logits"], input).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!((answers[0]["probs"][0].as_f64().unwrap() - 0.972).abs() < 5e-4);
    assert_eq!(answers[1]["probs"], serde_json::json!([1.0, 0.0, 0.0]));
    let mixed = logitscope(&["logits"], "{\"logits\":[]}\n{\"logits\":[1]}\n");
    assert_eq!(mixed.status.code(), Some(2));
    assert_eq!(String::from_utf8(mixed.stdout).unwrap().lines().count(), 2);
    let table = stdout(&["logits", "3.0", "1.0", "-0.5", "--temperature", "0.5"], "");
    assert!(table.contains("temperature=0.5"), "{table}");
}

#[test]
fn two_chains_are_compared_on_the_same_logits() {
    let input = "{\"logits\":[1,0],\"chain\":\"top_k=1\",\"versus\":\"suppress_tokens=0\"}\n";
    let answer: Value = serde_json::from_str(&stdout(&["logits"], input)).unwrap();
    let diff = serde_json::json!({
        "changed": [{"id": 0, "before": null, "after": "suppress_tokens"}, {"id": 1, "before": "top_k", "after": null}],
        "total_variation": 1.0,
        "probs": [0.0, 1.0],
    });
    assert_eq!(answer["diff"], diff);
    let arguments = ["logits", "1", "0", "--top-k", "1", "--versus", "suppress_tokens=0"];
    assert_eq!(json(&[&arguments[..], &["--format", "json"]].concat())["diff"], diff);
    let table = stdout(&arguments, "");
    assert!(table.contains("versus p") && table.contains("kept → suppress_tokens"), "{table}");
    assert!(table.contains("total variation 1.0000"), "{table}");
    refused(&["logits", "1", "0", "--versus", "top_q=1"], "", "--versus: no processor is called");
    refused(&["logits", "1", "0", "--versus", "suppress_tokens=0,1"], "", "--versus: ");
}

#[test]
fn tokens_shows_the_cut() {
    let document = json(&["tokens", "Hi\n", "--bos", "never", "--format", "json"]);
    let bytes: Vec<u64> = document["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|token| token["bytes"].as_array().unwrap())
        .map(|byte| byte.as_u64().unwrap())
        .collect();
    assert_eq!(bytes, [72, 105, 10]);
    assert!(stdout(&["tokens", "a\tb"], "").contains('⇥'));
}

#[test]
fn bad_input_is_one_clear_line() {
    refused(&["run"], "", "<PROMPT>");
    refused(&["run", "x", "--temprature", "1"], "", "'--temperature'");
    refused(&["run", "x", "--top-p", "1.5"], "", "at most 1");
    refused(&["run", "x", "--temperature", "-1"], "", "at least 0");
    refused(&["run", "x", "--temperature", "nan"], "", "finite");
    refused(&["run", "x", "--top-k", "2.5"], "", "whole number");
    refused(&["run", "x", "--max-new-tokens", "0"], "", "at least 1");
    refused(&["run", "x", "--max-new-tokens", "-4"], "", "whole number");
    refused(&["run", "x", "--min-new-tokens", "99"], "", "more than the 64");
    refused(&["run", "x", "--seed", "-1"], "", "whole number");
    refused(&["run", "x", "--strategy", "magic"], "", "greedy, sample");
    refused(&["run", "x", "--chain", "top_q=1"], "", "no processor is called");
    refused(&["run", "x", "--chain", "top_k=1", "--top-p", "0.5"], "", "beside --chain");
    refused(&["run", "x", "--preset", "ollama"], "", "no preset");
    refused(&["run", "x", "--preset", "vllm", "--typical-p", "0.5"], "", "has no typical_p");
    refused(&["run", "x", "--suppress-tokens", "9999999"], "", "outside of the vocabulary");
    refused(&["run", "x", "--logit-bias", "1:2"], "", "ID=VALUE");
    refused(&["run", "x", "--stop", ""], "", "--stop");
    refused(&["run", "x", "--num-return-sequences", "3"], "", "--strategy sample");
    refused(&["run", "x", "--format", "yaml"], "", "yaml");
    refused(&["run", "x", "--model", "no/such/folder"], "", "no/such/folder");
    refused(&["run", "x", "--device", "cuda"], "", "cuda");
    refused(&["run", "x", "--dtype", "q9"], "", "q9");
    refused(&["run", "--prompts", "no-such-file.jsonl"], "", "no-such-file.jsonl");
    refused(&["run", &"word ".repeat(700)], "", "context of 512");
    refused(&["run", "", "--bos", "never"], "", "no token");
    refused(&["logits"], "", "no logits");
    refused(&["logits", "1", "x"], "", "'x'");
    refused(&["logits", "1", "2", "--top-p", "2"], "", "at most 1");
    refused(&["logits", "1", "NaN"], "", "token 1 is NaN");
    refused(&["tokens"], "", "<TEXT>");
    refused(&["frobnicate", "now"], "", "now");
}

/// A reader that has had enough is no error: `logitscope run … | head -1`.
#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logitscope"))
        .args(["run", PROMPT, "--format", "jsonl", "--max-new-tokens", "200", "--ignore-eos"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
}

#[test]
fn a_pattern_is_followed_by_every_strategy() {
    let pattern = " [0-9]{2,3}, (yes|no)!";
    for options in [&[][..], &["--seed", "4"], &["--num-beams", "3"], &["--num-beams", "3", "--seed", "2"]] {
        let arguments = [&["run", "The answer is", "--regex", pattern, "--format", "json"], options].concat();
        let document = json(&arguments);
        let text = document["sequences"][0]["text"].as_str().unwrap();
        let (number, word) = text.trim_start().split_once(", ").unwrap();
        assert!(text.starts_with(' ') && (2..=3).contains(&number.len()) && number.parse::<u32>().is_ok(), "{text}");
        assert!(["yes!", "no!"].contains(&word), "{text}");
        assert_eq!(document["sequences"][0]["finish_reason"], "eos", "{options:?}");
        assert_eq!(document["settings"]["regex"], pattern);
    }
    let chain = "regex= [0-9]{2}%2C [a-z]+,top_k=9";
    let trace = stdout(&["run", PROMPT, "--chain", chain, "--max-new-tokens", "2", "--format", "jsonl"], "");
    let step: Value = serde_json::from_str(trace.lines().nth(1).unwrap()).unwrap();
    assert_eq!(step["stages"][0]["stage"], "regex= [0-9]{2}%2C [a-z]+");
    assert!(step["stages"][0]["removed"].as_u64().unwrap() > 1000);
    assert!(step["candidates"].as_array().unwrap().iter().any(|one| one["removed_by"] == "regex"));
}

#[test]
fn patterns_that_can_not_be_followed_are_refused() {
    refused(&["run", PROMPT, "--regex", "a(b"], "", "regex: `a(b` is not a pattern: unclosed group");
    refused(&["run", PROMPT, "--regex", r"(\w{300}){300}"], "", "too large a pattern");
    refused(&["run", PROMPT, "--regex", "a", "--ignore-eos"], "", "give --eos-token-id");
    refused(&["run", PROMPT, "--regex", "a", "--strategy", "exact"], "", "leave it out");
    refused(&["logits", "1", "2", "--regex", "a"], "", "what the tokens say is not known here");
    refused(&["run", PROMPT, "--chain", "top_k=2", "--regex", "a"], "", "put it into the chain");
}
