//! Speculative decoding from outside: the text is the target's own, and every proposal is on record.

use std::fs;

use serde_json::Value;

use crate::cli::{PROMPT, json, refused, stdout};

const DRAFTED: &[&str] =
    &["--strategy", "speculative", "--draft-model", "builtin", "--max-new-tokens", "12", "--ignore-eos"];

fn run(options: &[&str], more: &[&str]) -> Value {
    json(&[&["run", PROMPT, "--format", "json"], options, more].concat())
}

/// The golden Llamas with random weights that share a vocabulary of 320 tokens, by a target and its draft.
fn llamas() -> Vec<[String; 2]> {
    let path = |name: &str| format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    [["llama-gqa", "llama-biases"], ["llama-several-ends", "llama-tied-llama3"], ["llama-linear", "llama-linear"]]
        .map(|pair| pair.map(path))
        .into()
}

#[test]
fn greedy_is_greedy_with_any_draft() {
    let greedy = ["--strategy", "greedy", "--max-new-tokens", "12", "--ignore-eos"];
    let (drafted, alone) = (run(DRAFTED, &[]), run(&greedy, &[]));
    assert_eq!(drafted["sequences"], alone["sequences"]);
    let told = &drafted["speculative"];
    assert_eq!((told["accepted"].as_u64(), told["acceptance_rate"].as_f64()), (told["drafted"].as_u64(), Some(1.0)));
    // Five accepted and one more; then six.
    assert_eq!((told["rounds"].as_u64(), told["tokens_per_target_pass"].as_f64()), (Some(2), Some(6.0)));
    for [target, draft] in llamas() {
        let run = |options: &[&str]| run(&["--model", &target, "--max-new-tokens", "24"], options);
        let drafted = run(&["--strategy", "speculative", "--draft-model", &draft, "--num-assistant-tokens", "3"]);
        assert_eq!(drafted["sequences"], run(&["--strategy", "greedy"])["sequences"], "{target} with {draft}");
    }
}

#[test]
fn the_trace_holds_every_proposal() {
    for [target, draft] in llamas() {
        let sampling = ["--top-k", "200", "--seed", "3", "--num-return-sequences", "2", "--ignore-eos"];
        let options = ["run", PROMPT, "--model", &target, "--strategy", "speculative", "--draft-model", &draft];
        let trace = stdout(&[&options[..], &sampling, &["--max-new-tokens", "10", "--format", "jsonl"]].concat(), "");
        let records: Vec<Value> = trace.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let settings = &records[0]["settings"];
        assert_eq!((settings["num_assistant_tokens"].as_u64(), &settings["do_sample"]), (Some(5), &true.into()));
        assert!(draft.ends_with(settings["draft_model"].as_str().unwrap()));
        let steps: Vec<&Value> = records.iter().filter(|record| record["type"] == "step").collect();
        assert_eq!(steps.len(), 20);
        for step in steps {
            let told = &step["speculative"];
            let number = |name: &str| told[name].as_f64().unwrap();
            match told["verdict"].as_str().unwrap() {
                "bonus" => assert!(told["drafted"].is_null() && step["draw"].is_f64()),
                verdict => {
                    let (p, q) = (number("target_prob"), number("draft_prob"));
                    assert!((number("acceptance") - (p / q).min(1.0)).abs() < 1e-12);
                    let accepted = number("u") < number("acceptance");
                    assert_eq!(verdict, if accepted { "accepted" } else { "rejected" });
                    assert_eq!(told["drafted"]["id"] == step["chosen"]["id"], accepted);
                    assert_eq!(step["draw"].is_null(), accepted);
                }
            }
        }
        let end = &records[records.len() - 1]["speculative"];
        assert!(end["rounds"].as_u64().unwrap() >= 4 && end["accepted"].as_u64() <= end["drafted"].as_u64());
    }
}

#[test]
fn people_see_what_was_proposed() {
    let text = |options: &[&str]| stdout(&[&["run", PROMPT], DRAFTED, options].concat(), "");
    let greedy = text(&[]);
    assert!(greedy.contains("removed · draft") && greedy.contains("✓ accepted at 100 %") && greedy.contains("+ bonus"));
    assert!(greedy.contains("10 of 10 drafted tokens accepted (100 %) · 2 passes of the target, 6.00 tokens each"));
    let [target, draft] = &llamas()[0];
    let rejected = ["--model", target, "--draft-model", draft, "--strategy", "speculative", "--max-new-tokens", "9"];
    assert!(stdout(&[&["run", PROMPT], &rejected[..]].concat(), "").contains("✗ "));
}

#[test]
fn what_can_not_be_drafted_says_so() {
    let speculative = |more: &[&'static str]| [&["run", PROMPT, "--strategy", "speculative"], more].concat();
    refused(&speculative(&[]), "", "there is no model that drafts: give --draft-model");
    refused(&["run", PROMPT, "--draft-model", "builtin"], "", "--draft-model: greedy has no draft");
    refused(&["run", PROMPT, "--num-assistant-tokens", "2", "--seed", "1"], "", "sample has no draft");
    let builtin = |more: &[&'static str]| speculative(&[&["--draft-model", "builtin"], more].concat());
    refused(&builtin(&["--num-assistant-tokens", "0"]), "", "0 drafts nothing");
    refused(&builtin(&["--num-return-sequences", "2"]), "", "speculative finds one sequence, not 2, unless it samples");
    refused(&builtin(&["--guidance-scale", "2"]), "", "speculative reads no negative prompt");
    refused(&builtin(&["--num-beams", "2"]), "", "speculative has no beams");
    let compared = ["compare", PROMPT, "--strategy", "greedy", "--strategy", "speculative:draft_model=builtin"];
    refused(&compared, "", "which compare has not: use run");
    refused(&["screenshot", "--strategy", "speculative"], "", "use `logitscope run` for speculative");
}

#[test]
fn a_draft_of_another_vocabulary_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str, words: &str| {
        let path = folder.path().join(name);
        fs::write(
            &path,
            format!("vocabulary = [{words}]\nend = '$'\n[[row]]\ncontext = []\nnext = {{ a = 0.5, b = 0.5 }}\n"),
        )
        .unwrap();
        path.display().to_string()
    };
    let (model, same) = (table("model.toml", "'a', 'b'"), table("same.toml", "'a', 'b'"));
    let (more, other) = (table("more.toml", "'a', 'b', 'c'"), table("other.toml", "'b', 'a'"));
    let options = |draft: &str| {
        ["run", "a", "--model", &model, "--strategy", "speculative", "--draft-model", draft, "--max-new-tokens", "5"]
            .map(String::from)
    };
    let refuse = |draft: &str, says: &str| refused(&options(draft).each_ref().map(String::as_str), "", says);
    refuse(&more, "--draft-model: its vocabulary has 6 tokens, the model's 5");
    refuse(&other, "--draft-model: token 0 is \"b\" there and \"a\" in the model");
    stdout(&options(&same).each_ref().map(String::as_str), "");
}
