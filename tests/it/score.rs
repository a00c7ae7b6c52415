//! `score`, table models and the exact search from outside. Nothing here depends on a model's weights.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn logitscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_logitscope")).args(arguments).output().unwrap()
}

fn table(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tables").join(name).display().to_string()
}

#[track_caller]
fn stdout(arguments: &[&str]) -> String {
    let output = logitscope(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&[arguments, &["--format", "json"]].concat())).unwrap()
}

/// One line on standard error, nothing on standard output, exit code 2.
#[track_caller]
fn refused(arguments: &[&str], says: &str) {
    let output = logitscope(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("logitscope: ") && stderr.contains(says), "{arguments:?}: {stderr}");
}

fn near(value: &Value, want: f64) -> bool {
    (value.as_f64().unwrap() - want).abs() < 1e-6
}

const CAT: [&str; 6] = ["--prompt", "The cat", "--completion", " sat down", "--completion", " is very happy"];

#[test]
fn completions_are_scored_after_their_prompt() {
    let model = table("logits.toml");
    let document = json(&[&["score", "--model", &model], &CAT[..]].concat());
    assert_eq!((&document["format"], &document["version"]), (&"logitscope.score".into(), &1.into()));
    assert_eq!(document["model"]["architecture"], "Table");
    let prompt = document["prompt"]["tokens"].as_array().unwrap();
    assert!(prompt.len() == 2 && prompt[0]["logprob"].is_null() && near(&prompt[1]["logprob"], 0.0));
    let (first, second) = (&document["completions"][0], &document["completions"][1]);
    let sigmoid = |x: f64| -(1.0 + (-x).exp()).ln();
    let (sat, down) = (sigmoid(1.0), 0.5f64.ln());
    assert_eq!(first["text"], " sat down");
    assert!(near(&first["tokens"][0]["logprob"], sat) && near(&first["tokens"][1]["logprob"], down));
    assert_eq!(first["tokens"][1]["rank"], 1);
    assert!(near(&first["tokens"][1]["entropy"], 2f64.ln()));
    assert!(near(&first["sum_logprob"], sat + down) && near(&first["mean_logprob"], 0.5 * (sat + down)));
    assert!(near(&first["perplexity"], (-0.5 * (sat + down)).exp()));
    assert!(near(&first["bits_per_byte"], -(sat + down) / 2f64.ln() / " sat down".len() as f64));
    assert!(near(&second["sum_logprob"], sigmoid(-1.0) + 2.0 * sigmoid(3.0)));
    assert_eq!(document["best"], 0);
    assert!(document.get("audit").is_none());
}

#[test]
fn the_audit_names_the_mistakes_that_would_choose_the_other() {
    let model = table("logits.toml");
    let document = json(&[&["score", "--model", &model, "--audit"], &CAT[..]].concat());
    assert_eq!(document["best"], 0);
    let audit = document["audit"].as_array().unwrap();
    let wrong: Vec<&str> =
        audit.iter().filter(|row| row["differs"] == true).map(|row| row["mistake"].as_str().unwrap()).collect();
    assert_eq!(wrong, ["logit_sum", "probability_sum", "mean", "drop_first", "add_end"]);
    for row in audit {
        let best = usize::from(wrong.contains(&row["mistake"].as_str().unwrap()));
        assert_eq!(row["best"], best, "{row}");
        assert_eq!(row["values"].as_array().unwrap().len(), 2);
    }
    assert_eq!(audit[0]["values"], serde_json::json!([4.0, 19.0]), "a logit sum and the true score disagree");
    let filtered = audit.iter().find(|row| row["mistake"] == "filtered").unwrap();
    assert!(filtered["chain"].as_str().unwrap().ends_with("top_p=0.9"));
    let greedy = json(&[&["score", "--model", &model, "--audit", "--top-k", "1"], &CAT[..]].concat());
    let values =
        &greedy["audit"].as_array().unwrap().iter().find(|row| row["mistake"] == "filtered").unwrap()["values"];
    assert!(values[1].is_null(), "what a filter removes is minus infinity: {values}");
}

#[test]
fn a_whole_text_lists_the_special_tokens() {
    let model = table("abc.toml");
    let document = json(&["score", "--model", &model, "--text", "A B<end>"]);
    let tokens = document["completions"][0]["tokens"].as_array().unwrap();
    let texts: Vec<&str> = tokens.iter().map(|token| token["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["<begin>", "A", "B", "<end>"]);
    assert!(tokens[0]["logprob"].is_null() && tokens[0]["rank"].is_null());
    let completion = &document["completions"][0];
    assert!(near(&completion["sum_logprob"], (0.5f64 * 0.2 * 0.3).ln()));
    assert!(near(&completion["mean_logprob"], (0.5f64 * 0.2 * 0.3).ln() / 3.0));
    assert!(document["prompt"].is_null());
    let impossible = json(&["score", "--model", &model, "--text", "C"]);
    assert!(impossible["completions"][0]["sum_logprob"].is_null(), "minus infinity is null");
}

#[test]
fn files_and_strides() {
    let folder = tempfile::tempdir().unwrap();
    let (model, text) = (folder.path().join("loop.toml"), folder.path().join("text.txt"));
    let (model, text) = (model.to_str().unwrap(), text.to_str().unwrap());
    std::fs::write(
        model,
        "vocabulary = ['a', 'b']\ncontext_length = 8\n[[row]]\ncontext = []\nnext = { a = 0.5, b = 0.25 }",
    )
    .unwrap();
    std::fs::write(text, "a b a a b a b b a a a b\n").unwrap();
    for stride in [&[][..], &["--stride", "1"], &["--stride", "7"]] {
        let document = json(&[&["score", "--model", model, "--file", text], stride].concat());
        let completion = &document["completions"][0];
        assert_eq!(completion["scored_tokens"], 12);
        assert!(near(&completion["sum_logprob"], 7.0 * 0.5f64.ln() + 5.0 * 0.25f64.ln()));
    }
    let document = json(&["score", "--model", model, "--file", text, "--stride", "8"]);
    assert_eq!(document["completions"][0]["scored_tokens"], 11, "nothing stands before a window's first token");
    refused(&["score", "--model", model, "--file", text, "--stride", "0"], "not between 1 and the context of 8");
    refused(&["score", "--model", model, "--file", text, "--stride", "9"], "not between 1 and the context of 8");
}

#[test]
fn the_other_forms_say_the_same() {
    let model = table("logits.toml");
    let arguments = [&["score", "--model", &model, "--audit"], &CAT[..]].concat();
    let lines = stdout(&[&arguments[..], &["--format", "jsonl"]].concat());
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = records.iter().map(|record| record["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["header", "completion", "completion", "end"]);
    assert_eq!((&records[2]["index"], &records[3]["best"]), (&1.into(), &0.into()));
    assert_eq!(records[3]["audit"][0]["mistake"], "logit_sum");
    let csv = stdout(&[&arguments[..], &["--format", "csv"]].concat());
    assert_eq!(csv.lines().next().unwrap(), "completion,index,id,text,logprob,rank,entropy");
    assert_eq!(csv.lines().count(), 6);
    let text = stdout(&arguments);
    assert!(text.contains("completion 1 is the most probable, by 0.404 nats") && !text.contains('\x1b'), "{text}");
    assert!(text.contains("5 mistakes (✗) would prefer another completion"), "{text}");
}

#[test]
fn a_cut_across_the_boundary_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("ab.toml");
    std::fs::write(
        &model,
        "vocabulary = ['a', 'b', 'ab']\n[[row]]\ncontext = []\nnext = { a = 0.5, b = 0.25, ab = 0.1 }",
    )
    .unwrap();
    let arguments =
        ["score", "--model", model.to_str().unwrap(), "--prompt", "a", "--completion", "a", "--completion", "b"];
    let output = logitscope(&arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && stderr.starts_with("logitscope: warning: completion 2: cut together"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1);
    let document = json(&arguments);
    assert!(document["completions"][0].get("cut_together").is_none());
    assert_eq!(document["completions"][1]["cut_together"], serde_json::json!([3, 2]));
}

#[test]
fn bad_scores_are_one_clear_line() {
    let abc = table("abc.toml");
    let score = |arguments: &[&str], says: &str| refused(&[&["score", "--model", &abc], arguments].concat(), says);
    score(&[], "nothing to score");
    score(&["--prompt", "A"], "at least one --completion");
    score(&["--completion", "A"], "nothing to score");
    score(&["--prompt", "A", "--completion", ""], "completion 1 is empty");
    score(&["--prompt", "A", "--completion", " "], "completion 1 has no token");
    score(&["--prompt", "A", "--completion", "X"], "\"X\": no entry of the table's vocabulary");
    score(&["--prompt", "A", "--completion", "A", "--stride", "3"], "--stride is for a whole text");
    score(&["--prompt", "A", "--completion", "A", "--top-p", "0.9"], "--audit alone");
    score(&["--text", "A", "--audit"], "--audit compares completions");
    score(&["--text", "A", "--prompt", "A"], "cannot be used with");
    score(&["--text", "A", "--bos", "never"], "a text of 1 token has nothing to score");
    score(&["--prompt", "", "--completion", "A", "--bos", "never"], "the prompt has no token");
    score(&["--file", "no-such-file.txt"], "no-such-file.txt");
    score(&["--prompt", &"A".repeat(1100), "--completion", "A"], "leaves no room");
    score(
        &["--prompt", &"A".repeat(1000), "--completion", &"A".repeat(100)],
        "completion 1 has 100 tokens after a prompt of 1001",
    );
    refused(&["score", "--model", "no-such.toml", "--text", "A"], "no-such.toml");
}

#[test]
fn tables_generate_and_never_choose_what_is_not_listed() {
    let abc = table("abc.toml");
    let run = |more: &[&str]| json(&[&["run", "", "--model", &abc], more].concat());
    let greedy = run(&["--max-new-tokens", "3"]);
    assert_eq!(greedy["sequences"][0]["text"], "AAA");
    assert!(near(&greedy["sequences"][0]["tokens"][0]["logprob"], 0.5f64.ln()), "as given");
    assert!(near(&greedy["sequences"][0]["tokens"][0]["sampling_logprob"], (0.5f64 / 0.8).ln()), "over what is left");
    let samples = run(&["--seed", "1", "--num-return-sequences", "200", "--max-new-tokens", "4"]);
    for sequence in samples["sequences"].as_array().unwrap() {
        assert!(sequence["sum_logprob"].is_f64());
        for token in sequence["tokens"].as_array().unwrap() {
            assert!(["A", "B", "C", "<end>"].contains(&token["text"].as_str().unwrap()), "{token}");
        }
    }
    let beams = run(&["--num-beams", "2", "--length-penalty", "0", "--max-new-tokens", "2"]);
    assert_eq!(beams["sequences"][0]["text"], "AA");
}

#[test]
fn the_exact_search_proves_what_greedy_misses() {
    let model = table("nice-dog.toml");
    let arguments = ["run", "The", "--model", &model, "--strategy", "exact", "--max-new-tokens", "2"];
    let document = json(&arguments);
    assert_eq!(document["sequences"][0]["text"], " dog has");
    assert!(near(&document["sequences"][0]["sum_logprob"], (0.4f64 * 0.9).ln()));
    assert_eq!((&document["proven"], &document["upper_bound"]), (&true.into(), &Value::Null));
    assert_eq!(document["gaps"][0]["strategy"], "greedy");
    assert!(near(&document["gaps"][0]["gap"], (0.36f64 / 0.2).ln()));
    assert!(document["gaps"].as_array().unwrap()[1..].iter().all(|gap| near(&gap["gap"], 0.0)), "beams find it");
    assert!(stdout(&arguments).contains("proven: no sequence is more probable"));
    let short = json(&[
        "run",
        "",
        "--model",
        &table("abc.toml"),
        "--strategy",
        "exact",
        "--budget",
        "1",
        "--max-new-tokens",
        "9",
    ]);
    assert_eq!((&short["proven"], &short["expanded"]), (&false.into(), &1.into()));
    assert!(short["upper_bound"].as_f64().unwrap() > short["sequences"][0]["sum_logprob"].as_f64().unwrap());
}

#[test]
fn exact_search_refuses_what_it_can_not_do() {
    let model = table("nice-dog.toml");
    let exact = |more: &[&str], says: &str| {
        refused(&[&["run", "The", "--model", &model, "--strategy", "exact"], more].concat(), says);
    };
    exact(&["--budget", "0"], "at least 1");
    exact(&["--repetition-penalty", "1.2"], "repetition_penalty=1.2: exact search");
    exact(&["--num-return-sequences", "2"], "finds one sequence");
    exact(&["--stop", "x"], "--stop");
    refused(&["run", "The", "--model", &model, "--budget", "5"], "--budget: greedy has none");
    let suppressed = json(&[
        "run",
        "The",
        "--model",
        &model,
        "--strategy",
        "exact",
        "--max-new-tokens",
        "2",
        "--suppress-tokens",
        "9",
    ]);
    assert_eq!(suppressed["sequences"][0]["text"], " nice woman");
}
