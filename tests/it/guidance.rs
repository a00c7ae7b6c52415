//! Classifier-free guidance from outside: what is equal to something else, whatever the model says.

use serde_json::Value;

use crate::cli::{PROMPT, json, refused};

const NEGATIVE: &str = "The cat sat on the";

fn ids(run: &Value) -> Vec<u64> {
    run["sequences"][0]["tokens"].as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap()).collect()
}

fn run(prompt: &str, options: &[&str]) -> Value {
    json(&[&["run", prompt, "--max-new-tokens", "8", "--ignore-eos", "--format", "json"], options].concat())
}

#[test]
fn a_scale_of_one_is_the_prompt_and_of_nothing_the_negative_prompt() {
    let guided = |scale: &str| run(PROMPT, &["--guidance-scale", scale, "--negative-prompt", NEGATIVE]);
    assert_eq!(ids(&guided("1")), ids(&run(PROMPT, &[])));
    assert_eq!(ids(&guided("0")), ids(&run(NEGATIVE, &[])));
    let sampled = ["--temperature", "0.9", "--seed", "5"];
    let chain = ["--chain", "guidance_scale=0,temperature=0.9", "--seed", "5", "--negative-prompt", NEGATIVE];
    assert_eq!(ids(&run(PROMPT, &chain)), ids(&run(NEGATIVE, &sampled)));
}

#[test]
fn the_settings_name_what_is_steered_by() {
    let document = run(PROMPT, &["--guidance-scale", "2.5", "--negative-prompt", NEGATIVE, "--top-k", "9"]);
    let settings = &document["settings"];
    assert_eq!(settings["chain"], "guidance_scale=2.5,top_k=9");
    assert_eq!((settings["guidance_scale"].as_f64(), &settings["negative_prompt"]), (Some(2.5), &NEGATIVE.into()));
    let default = run(PROMPT, &["--guidance-scale", "2.5"]);
    assert!(default["settings"]["negative_prompt"].is_null());
    assert!(default["settings"].as_object().unwrap().contains_key("negative_prompt"));
    assert!(!run(PROMPT, &[])["settings"].as_object().unwrap().contains_key("negative_prompt"));
}

#[test]
fn compare_guides_as_run_does() {
    let guided = format!("greedy:guidance_scale=2,negative_prompt={NEGATIVE}");
    let document = json(&[
        "compare",
        PROMPT,
        "--strategy",
        "greedy",
        "--strategy",
        &guided,
        "--strategy",
        "greedy:guidance_scale=1",
        "--max-new-tokens",
        "6",
        "--format",
        "json",
    ]);
    let alone = json(&[
        "run",
        PROMPT,
        "--guidance-scale",
        "2",
        "--negative-prompt",
        NEGATIVE,
        "--max-new-tokens",
        "6",
        "--format",
        "json",
    ]);
    assert_eq!(document["runs"][1]["sequences"], alone["sequences"]);
    assert_eq!(document["runs"][1]["settings"], alone["settings"]);
    assert_eq!(ids(&document["runs"][0]), ids(&document["runs"][2]));
}

#[test]
fn what_can_not_be_guided_says_so() {
    refused(&["run", PROMPT, "--negative-prompt", "x"], "", "nothing steers away from it: give --guidance-scale");
    refused(&["run", PROMPT, "--guidance-scale", "2", "--num-beams", "2"], "", "beam reads no negative prompt");
    let exact = ["run", PROMPT, "--guidance-scale", "2", "--strategy", "exact", "--max-new-tokens", "2"];
    refused(&exact, "", "guidance_scale=2: exact search is about the model's own probabilities");
    refused(&["run", PROMPT, "--guidance-scale", "-1"], "", "guidance_scale: `-1` is out of range");
    let empty = ["run", PROMPT, "--guidance-scale", "2", "--negative-prompt", "", "--bos", "never"];
    refused(&empty, "", "--negative-prompt: the prompt has no token");
    refused(&["screenshot", "--guidance-scale", "2"], "", "the interface has no negative prompt");
    refused(&["logits", "1", "2", "--guidance-scale", "2"], "", "there is none: give `negative` logits");
    let audit = ["score", "--prompt", "a", "--completion", "b", "--audit", "--guidance-scale", "2"];
    refused(&audit, "", "there is none");
}
