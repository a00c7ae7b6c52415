//! Models behind a server, from outside: recorded exchanges of three kinds of servers, and servers that misbehave. No address
//! but 127.0.0.1 is touched.

use std::net::TcpListener;
use std::ops::ControlFlow;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use logitscope::engine::{Command as Asking, Engine, Event};
use logitscope::model::{ModelError, ModelSource, OpenOptions, Positions, Run, SpecialTokens, open};
use logitscope::session::Session;
use serde_json::{Value, json};

use crate::scripted::{Reply, Scripted, replay};

/// After `a`: ` b` 1/2, ` c` 1/4, the end 1/8, and 1/8 for two others, ` zzz` with 1/16 among them. Three are listed.
const LLAMA_CPP: &str = include_str!("../fixtures/server/llama_cpp.json");

/// The same model.
const VLLM: &str = include_str!("../fixtures/server/vllm.json");

const COMPLETIONS: &str = include_str!("../fixtures/server/completions.json");

fn logitscope(arguments: &[&str], key: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logitscope"));
    command.env_remove("OPENAI_API_KEY").env_remove("LOGITSCOPE_API_KEY").args(arguments);
    if let Some(key) = key {
        command.env("LOGITSCOPE_API_KEY", key);
    }
    command.output().unwrap()
}

#[track_caller]
fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = logitscope(arguments, None);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One line on standard error that names the server, nothing on standard output, exit code 1.
#[track_caller]
fn refused(server: &Scripted, says: &str) -> String {
    refused_at(&server.address, None, says)
}

#[track_caller]
fn refused_at(address: &str, key: Option<&str>, says: &str) -> String {
    let output = logitscope(&["run", "a", "--max-new-tokens", "2", "--model", address], key);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    let root = address.split("/v1").next().unwrap();
    assert!(stderr.starts_with(&format!("logitscope: {root}: ")) && stderr.contains(says), "{stderr}");
    stderr
}

fn near(value: &Value, want: f64) -> bool {
    (value.as_f64().unwrap() - want).abs() < 1e-6
}

/// Both servers that speak token ids, each as a model of three listed tokens.
fn both() -> [(Scripted, String); 2] {
    [LLAMA_CPP, VLLM].map(|recorded| {
        let server = Scripted::new(replay(recorded));
        let model = format!("{}?top=3", server.address);
        (server, model)
    })
}

#[test]
fn a_trace_tells_what_the_server_gives_and_nothing_else() {
    for (server, model) in both() {
        let trace = lines(&["run", "a", "--model", &model, "--strategy", "greedy", "--format", "jsonl"]);
        let header = &trace[0];
        assert!(header["model"]["dtype"].is_null() && header["model"]["context_length"] == 16);
        assert_eq!(header["model"]["eos_token_ids"], json!([1]));
        assert_eq!(header["prompt"]["tokens"][1]["id"], 2);
        assert!(near(&header["prompt"]["tokens"][1]["logprob"], 0.5f64.ln()));
        let step = &trace[1];
        assert!(step["entropy"].is_null() && near(&step["rest_mass"], 0.125));
        let candidates = step["candidates"].as_array().unwrap();
        assert_eq!(candidates.iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4, 1]);
        assert!(candidates[0]["logit"].is_null() && near(&candidates[1]["prob"], 0.25));
        assert_eq!((&candidates[0]["text"], &candidates[0]["bytes"]), (&" b".into(), &json!([32, 98])));
        assert_eq!((&step["chosen"]["rank"], &step["chosen"]["text"]), (&1.into(), &" b".into()));
        let end = trace.last().unwrap();
        let sequence = &end["sequences"][0];
        assert_eq!((&sequence["text"], &sequence["finish_reason"]), (&" b c".into(), &"eos".into()));
        assert!(near(&sequence["sum_logprob"], 3.0 * 0.5f64.ln()));
        let info = &header["model"]["architecture"];
        assert_eq!(info == "llama.cpp server", server.asked().iter().any(|asked| asked.path == "/completion"));
    }
}

#[test]
fn filters_work_on_the_list_and_say_when_they_would_go_beyond() {
    for (_server, model) in both() {
        let step = |options: &[&str]| {
            let run = ["run", "a", "--model", &model, "--max-new-tokens", "1", "--seed", "1", "--format", "jsonl"];
            lines(&[&run, options].concat()).swap_remove(1)
        };
        let nucleus = step(&["--top-p", "0.6"]);
        let stage = &nucleus["stages"][0];
        assert_eq!((&stage["kept"], stage.get("reaches_rest")), (&2.into(), None));
        assert!(near(&stage["removed_mass"], 0.25));
        assert!(near(&nucleus["candidates"][0]["sampling_prob"], 2.0 / 3.0));
        for options in [["--top-p", "0.9"], ["--top-k", "4"]] {
            assert_eq!(step(&options)["stages"][0]["reaches_rest"], true, "{options:?}");
        }
        assert!(step(&["--top-k", "3"])["stages"][0].get("reaches_rest").is_none());
    }
}

#[test]
fn beams_go_on_from_what_came() {
    for (_server, model) in both() {
        let search = ["run", "a", "--model", &model, "--num-beams", "2", "--max-new-tokens", "2", "--format", "json"];
        let document = lines(&search).swap_remove(0);
        let best = &document["sequences"][0];
        // " b c" has 1/2 · 1/2, " c</s>" 1/4 · 3/4.
        assert_eq!(best["text"], " b c");
        assert!(near(&best["sum_logprob"], 0.25f64.ln()) && near(&best["score"], 0.25f64.ln() / 2.0));
    }
}

#[test]
fn a_token_outside_of_the_list_is_asked_for() {
    for (_server, model) in both() {
        let score = ["score", "--model", &model, "--prompt", "a", "--completion", " zzz", "--format", "json"];
        let document = lines(&score).swap_remove(0);
        let token = &document["completions"][0]["tokens"][0];
        assert!(near(&token["logprob"], 0.0625f64.ln()), "{token}");
        assert!(token["rank"].is_null() && token["entropy"].is_null() && token["logit"].is_null());
        assert!(near(&document["completions"][0]["sum_logprob"], 0.0625f64.ln()));
    }
}

#[test]
fn a_whole_text_is_scored_at_once_where_the_server_can() {
    for ((server, model), questions) in both().into_iter().zip([("/completion", 3), ("/v1/completions", 1)]) {
        let text = ["score", "--model", &model, "--text", "a zzz", "--format", "json"];
        let document = lines(&text).swap_remove(0);
        let tokens = document["completions"][0]["tokens"].as_array().unwrap();
        assert!(near(&tokens[1]["logprob"], 0.5f64.ln()) && near(&tokens[2]["logprob"], 0.0625f64.ln()));
        let (path, most) = questions;
        let asked = server.asked().iter().filter(|asked| asked.path == path).count();
        assert!(asked <= most + 1, "{asked} questions");
    }
}

#[test]
fn what_a_list_can_not_tell_is_refused_in_one_line() {
    let (_server, model) = both().into_iter().next().unwrap();
    let output = logitscope(&["run", "a", "--model", &model, "--strategy", "exact", "--max-new-tokens", "2"], None);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{stderr}");
    assert!(stderr.contains("this model lists only its most probable ones"), "{stderr}");
}

#[test]
fn a_server_without_ids_is_asked_with_texts() {
    let server = Scripted::new(replay(COMPLETIONS));
    let model = format!("{}?model=second&top=3", server.address);
    let run = ["run", "a b", "--model", &model, "--strategy", "greedy", "--format", "json"];
    let document = lines(&run).swap_remove(0);
    assert_eq!(document["model"]["architecture"], "completions server");
    let texts: Vec<&str> =
        document["prompt"]["tokens"].as_array().unwrap().iter().map(|token| token["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["a", " b"]);
    let sequence = &document["sequences"][0];
    assert_eq!((&sequence["text"], &sequence["finish_reason"]), (&" c".into(), &"eos".into()));
    assert!(near(&sequence["sum_logprob"], (0.5 * 0.75f64).ln()));
    // It can't be asked for a token that it does not list: nothing is made up.
    let score = ["score", "--model", &model, "--prompt", "a b", "--completion", " zzz", "--format", "json"];
    let output = logitscope(&score, None);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("log p is at most -2.079") && stderr.lines().count() == 1, "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["completions"][0]["tokens"][0]["logprob"].is_null());
    assert!(document["completions"][0]["sum_logprob"].is_null());
}

#[test]
fn addresses_and_models_that_are_wrong() {
    for address in ["http://", "http://host:port/v1", "http://me:key@host:80/v1", "https://host/v1?colour=red"] {
        let output = logitscope(&["run", "a", "--model", address], None);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("http://HOST:PORT/v1") && !stderr.contains("me:key"), "{stderr}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", nobody.local_addr().unwrap());
    drop(nobody);
    refused_at(&address, None, "nothing listens there");
    let server = Scripted::new(replay(COMPLETIONS));
    refused_at(&format!("{}?model=third", server.address), None, "it has no model \"third\"; it has first, second");
    refused(&Scripted::new(|_| Reply::Json(json!({"data": []}))), "it has no model loaded");
    refused(&Scripted::new(|_| Reply::Status(404, "File Not Found")), "there is no /v1/models: File Not Found");
}

#[test]
fn a_key_is_sent_and_never_shown() {
    let server = || Scripted::new(|_| Reply::Status(401, "Invalid API Key"));
    refused(&server(), "wants a key: set LOGITSCOPE_API_KEY: Invalid API Key");
    let server = server();
    let stderr = refused_at(&server.address, Some("sesame"), "does not accept the key of LOGITSCOPE_API_KEY");
    assert!(!stderr.contains("sesame"));
    assert!(server.asked()[0].headers.contains("authorization: bearer sesame"));
    assert_eq!(server.asked().len(), 1, "a refusal is not asked again");
}

#[test]
fn what_may_pass_is_asked_again_three_times() {
    let recorded = replay(LLAMA_CPP);
    let failed = AtomicUsize::new(0);
    let server = Scripted::new(move |asked| {
        let first = asked.path == "/props" && failed.fetch_add(1, Ordering::Relaxed) == 0;
        if first { Reply::Status(503, "Loading model") } else { recorded(asked) }
    });
    let model = format!("{}?top=3", server.address);
    lines(&["run", "a", "--model", &model, "--strategy", "greedy", "--format", "json"]);
    assert_eq!(server.asked().iter().filter(|asked| asked.path == "/props").count(), 2);

    let server = Scripted::new(|_| Reply::Status(500, "out of memory"));
    refused(&server, "/v1/models failed with status 500: out of memory, 4 times");
    assert_eq!(server.asked().len(), 4);

    let server = Scripted::new(|_| Reply::Stall);
    refused_at(&format!("{}?timeout=0.1", server.address), None, "did not answer in time, 4 times");
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn answers_that_can_not_be_right() {
    refused(&Scripted::new(|_| Reply::Text("<html>hello</html>")), "it begins with \"<html>hello</html>\"");
    refused(&Scripted::new(|_| Reply::Half), "the connection broke off");
    refused(&Scripted::new(|_| Reply::Close), "the connection broke off");
    refused(&Scripted::new(|_| Reply::Endless), "the answer is longer than");
    let lies = [
        (json!([{"id": 3, "logprob": 0.5}]), "log p of token 3 is 0.5"),
        (json!([{"id": 3, "logprob": -0.1}, {"id": 4, "logprob": -0.1}]), "sum to 1.8097, above 1"),
        (json!([{"id": 700, "logprob": -0.1}]), "token 700, which is outside of the vocabulary of 7"),
        (json!([{"id": 3, "logprob": null}]), "the answer of /completion can't be read"),
        (json!([]), "it gives no log-probabilities"),
    ];
    for (top, says) in lies {
        let recorded = replay(LLAMA_CPP);
        let server = Scripted::new(move |asked| match asked.path.as_str() {
            "/completion" => {
                Reply::Json(json!({"completion_probabilities": [{"id": 2, "logprob": -1.0, "top_logprobs": top}]}))
            }
            _ => recorded(asked),
        });
        refused_at(&format!("{}?top=3", server.address), None, says);
    }
    let silent = Scripted::new(|asked| match asked.path.as_str() {
        "/v1/models" => Reply::Json(json!({"data": [{"id": "m"}]})),
        _ => Reply::Json(json!({"choices": [{"text": "b", "logprobs": null}]})),
    });
    refused(&silent, "it gives no log-probabilities");
}

/// A model whose server answers everything but steps, until it is told otherwise.
fn opened(script: impl Fn() -> Reply + Send + Sync + 'static) -> (Scripted, ModelSource) {
    let recorded = replay(LLAMA_CPP);
    let server = Scripted::new(move |asked| if asked.path == "/completion" { script() } else { recorded(asked) });
    let source = format!("{}?top=3", server.address).parse().unwrap();
    (server, source)
}

#[test]
fn a_question_that_hangs_is_left_when_nobody_waits_any_more() {
    let (_server, source) = opened(|| Reply::Stall);
    let mut model = open(&source, &OpenOptions::default()).unwrap().model;
    let mut looks = 0;
    let run = Run { after: None, tokens: &[0, 2], logits: Positions::Last };
    let result = model.forward(&[run], &mut |_| {
        looks += 1;
        if looks == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(result, Err(ModelError::Cancelled)));
    assert_eq!(model.cache_use().tokens, 0);
}

#[test]
fn a_server_that_goes_away_and_comes_back_does_not_cost_the_session() {
    let recorded = replay(LLAMA_CPP);
    let steps = AtomicUsize::new(0);
    let server = Scripted::new(move |asked| {
        let lost = asked.path == "/completion" && steps.fetch_add(1, Ordering::Relaxed) == 2;
        if lost { Reply::Close } else { recorded(asked) }
    });
    let source: ModelSource = format!("{}?top=3", server.address).parse().unwrap();
    let (sender, events) = channel();
    let engine =
        Engine::start(source, OpenOptions::default(), move |event| sender.send(event).unwrap_or_default()).unwrap();
    let next = || {
        loop {
            match events.recv_timeout(Duration::from_mins(1)).unwrap() {
                Event::Progress { .. } => {}
                event => return event,
            }
        }
    };
    assert!(matches!(next(), Event::Opened { .. }));
    engine.send(Asking::Prompt { epoch: 1, text: "a".into(), special: SpecialTokens::Auto });
    let Event::Prompted { tokens, .. } = next() else { panic!("no prompt") };
    let mut session = Session::new(&tokens).unwrap();
    let path =
        |session: &Session| -> Vec<_> { session.path().into_iter().map(|node| (node, session.token(node))).collect() };
    let evaluate = |session: &Session| engine.send(Asking::Evaluate { epoch: 1, path: path(session) });
    evaluate(&session);
    assert!(matches!(next(), Event::Evaluated { .. }));
    session.step(
        3,
        logitscope::session::Chosen {
            how: logitscope::session::How::Greedy,
            logprob: 0.5f64.ln(),
            sampling_logprob: 0.0,
            rank: 1,
        },
    );
    evaluate(&session);
    let Event::Failed { message, .. } = next() else { panic!("the server was gone") };
    assert!(message.contains("is the server still running?"), "{message}");
    evaluate(&session);
    let Event::Evaluated { logits, .. } = next() else { panic!("the server is back") };
    assert!((f64::from(logits[4]) - 0.5f64.ln()).abs() < 1e-6);
}

/// What a real llama.cpp server answered for the model in `tests/golden/llama-gqa` (`tests/fixtures/server/record.py`).
const LLAMA_CPP_REAL: &str = include_str!("../fixtures/server/llama_cpp_real.json");

#[test]
fn a_real_server_says_what_the_model_says_here() {
    let server = Scripted::new(replay(LLAMA_CPP_REAL));
    let there = format!("{}?top=8", server.address);
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/llama-gqa");
    let of = |model: &str, options: &str| {
        let options = options.split_whitespace().chain(["--format", "json", "--model", model]);
        lines(&options.collect::<Vec<_>>()).remove(0)
    };
    let close = |a: &Value, b: &Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-5;
    for options in [
        "run On --strategy greedy --max-new-tokens 6",
        "run On --top-k 5 --seed 3 --max-new-tokens 6",
        "run On --num-beams 3 --max-new-tokens 4 --num-return-sequences 3",
    ] {
        let (there, here) = (of(&there, options), of(here, options));
        let pairs = there["sequences"].as_array().unwrap().iter().zip(here["sequences"].as_array().unwrap());
        for (there, here) in pairs {
            let ids = |sequence: &Value| -> Vec<u64> {
                sequence["tokens"].as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap()).collect()
            };
            assert_eq!(ids(there), ids(here), "{options}");
            assert!(close(&there["score"], &here["score"]), "{options}: {} and {}", there["score"], here["score"]);
        }
        assert_eq!(there["sequences"].as_array().unwrap().len(), here["sequences"].as_array().unwrap().len());
    }
    let score = |model: &str| {
        let texts = ["score", "--prompt", "On", "--completion", "ce", "--completion", " there"];
        let options = texts.into_iter().chain(["--format", "json", "--model", model]);
        lines(&options.collect::<Vec<_>>()).remove(0)
    };
    let (there, here) = (score(&there), score(here));
    for completion in 0..2 {
        assert!(close(
            &there["completions"][completion]["sum_logprob"],
            &here["completions"][completion]["sum_logprob"]
        ));
    }
    assert_eq!((&there["best"], &here["best"]), (&1.into(), &1.into()));
}
