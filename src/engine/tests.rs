//! The engine on a model that needs no weights: a cache tree that counts what it reads.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::decode::strategy::strategy;
use crate::decode::{Chain, TokenId, uniform};
use crate::model::{
    CacheNode, CacheUse, LanguageModel, LoadedModel, ModelError, ModelInfo, Positions, Progress, Run, RunOutput,
    SpecialTokens, StoredType, TokenPiece, Tokenizer, unwatched,
};
use crate::session::{Chosen, How, NodeId, Session};

mod beams;
mod checkup;
mod compare;
mod contrastive;
mod guidance;
mod speculative;

const VOCAB: usize = 6;
const CONTEXT: usize = 12;

/// Logits depend on the whole path, so that a wrong parent shows.
struct Counting {
    info: ModelInfo,
    parents: Vec<(Option<u32>, TokenId)>,
    read: Arc<Mutex<usize>>,
}

impl Counting {
    fn new() -> (Self, Arc<Mutex<usize>>) {
        let info = ModelInfo {
            name: "counting".into(),
            architecture: "Counting".into(),
            vocab_size: VOCAB,
            context_length: CONTEXT,
            dtype: Some(StoredType::F32),
            device: "cpu".into(),
            eos_token_ids: vec![5],
            never_chosen: Vec::new(),
            unlisted: None,
            parameters: 0,
            shape: None,
        };
        let read = Arc::new(Mutex::new(0));
        (Self { info, parents: Vec::new(), read: Arc::clone(&read) }, read)
    }

    fn logits(&self, node: u32) -> Arc<[f32]> {
        let (mut hash, mut at) = (17u64, Some(node));
        while let Some(node) = at {
            let (parent, token) = self.parents[node as usize];
            hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(u64::from(token) + 1);
            at = parent;
        }
        (0..VOCAB as u64).map(|id| ((hash.rotate_left(id as u32 * 9) % 1000) as f32) / 250.0).collect()
    }
}

impl LanguageModel for Counting {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        let mut outputs = Vec::new();
        for run in runs {
            if watch(Progress { done: 0, total: run.tokens.len() }).is_break() {
                return Err(ModelError::Cancelled);
            }
            let mut output = RunOutput { nodes: Vec::new(), logits: Vec::new(), hidden: Vec::new() };
            let mut parent = run.after.map(|node| node.0);
            for &token in run.tokens {
                assert!((token as usize) < VOCAB, "a token that panics the worker");
                *self.read.lock().unwrap() += 1;
                let node = self.parents.len() as u32;
                self.parents.push((parent, token));
                parent = Some(node);
                output.nodes.push(CacheNode(node));
                output.logits.push(self.logits(node));
            }
            if run.logits == Positions::Last {
                output.logits = output.logits.split_off(output.logits.len() - 1);
            }
            outputs.push(output);
        }
        Ok(outputs)
    }

    fn retain(&mut self, _: &[CacheNode]) {}

    fn cache_use(&self) -> CacheUse {
        CacheUse::default()
    }
}

/// Digits are tokens 0 to 4, `$` is the end.
struct Digits(Vec<TokenPiece>);

impl Digits {
    fn new() -> Self {
        let piece = |id: TokenId| {
            let special = id == 5;
            let text = if special { "$".to_string() } else { id.to_string() };
            let bytes = if special { Vec::new() } else { text.clone().into_bytes() };
            TokenPiece { id, piece: text.clone(), text, bytes, special }
        };
        Self((0..VOCAB as TokenId).map(piece).collect())
    }
}

impl Tokenizer for Digits {
    fn encode(&self, text: &str, _: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        Ok(text.chars().filter_map(|c| c.to_digit(10)).collect())
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        &self.0[id as usize]
    }

    fn vocab_size(&self) -> usize {
        VOCAB
    }
}

/// What differs from one test to the next.
#[derive(Default)]
struct Plan<'a> {
    min_new_tokens: usize,
    eos_token_ids: &'a [TokenId],
    stop: &'a [String],
    sequence: u64,
}

/// Generates from `prompt` and gives the sequence with the draws of its steps.
fn run<'a>(
    prompt: &'a [TokenId],
    name: &str,
    chain: &str,
    change: impl FnOnce(&mut Plan<'a>),
) -> (Generated, Vec<Option<f64>>) {
    let (mut model, _) = Counting::new();
    let strategy = strategy(name).unwrap().single(11).unwrap();
    let chain = Chain::parse(chain).unwrap();
    let read = read_prompt(&mut model, prompt, &mut unwatched).unwrap();
    let mut plan = Plan::default();
    change(&mut plan);
    let request = Request {
        prompt,
        strategy: strategy.as_ref(),
        chain: &chain,
        max_new_tokens: 6,
        min_new_tokens: plan.min_new_tokens,
        eos_token_ids: plan.eos_token_ids,
        stop: plan.stop,
        sequence: plan.sequence,
        negative: None,
    };
    let mut draws = Vec::new();
    let generated = generate(&mut model, &Digits::new(), &read, &request, &mut |step| {
        assert_eq!(step.context_length, prompt.len() + step.step);
        draws.push(step.choice.draw.map(|draw| draw.u));
        ControlFlow::Continue(())
    });
    (generated.unwrap(), draws)
}

fn ids(generated: &Generated) -> Vec<TokenId> {
    generated.tokens.iter().map(|token| token.id).collect()
}

#[test]
fn sums_and_lengths() {
    let (greedy, draws) = run(&[1, 2], "greedy", "", |_| {});
    assert_eq!(greedy.tokens.len(), 6);
    assert_eq!(greedy.finish_reason, FinishReason::Length);
    assert!(draws.iter().all(Option::is_none));
    assert!(greedy.tokens.iter().all(|token| token.rank == 1 && token.logprob == token.sampling_logprob));
    assert_eq!(greedy.sum_logprob, greedy.tokens.iter().map(|token| token.logprob).sum::<f64>());
}

#[test]
fn the_context_bounds_the_output() {
    let prompt = [1; CONTEXT - 2];
    let (generated, _) = run(&prompt, "greedy", "", |_| {});
    assert_eq!((generated.tokens.len(), generated.finish_reason), (2, FinishReason::Length));
    let (mut model, _) = Counting::new();
    let error = read_prompt(&mut model, &[1; CONTEXT], &mut unwatched).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the prompt has 12 tokens and leaves no room in the model's context of 12: shorten it"
    );
    assert!(read_prompt(&mut model, &[], &mut unwatched).is_err());
}

#[test]
fn a_seed_gives_the_same_text_and_the_chain_its_own_logprob() {
    let (first, draws) = run(&[3], "sample", "temperature=0.7,top_k=3", |_| {});
    let (second, _) = run(&[3], "sample", "temperature=0.7,top_k=3", |_| {});
    assert_eq!(first, second);
    assert_eq!(draws, (0..6).map(|step| Some(uniform(11, 0, step))).collect::<Vec<_>>());
    assert!(first.tokens.iter().any(|token| token.logprob != token.sampling_logprob));
    let (other, _) = run(&[3], "sample", "temperature=0.7,top_k=3", |request| request.sequence = 1);
    assert_ne!(ids(&first), ids(&other), "another sample has draws of its own");
}

#[test]
fn an_end_token_ends_and_a_minimum_holds_it_back() {
    let bias = "logit_bias=5=20";
    let (ended, _) = run(&[1], "greedy", bias, |request| request.eos_token_ids = &[5]);
    assert_eq!((ids(&ended), ended.finish_reason), (vec![5], FinishReason::Eos));
    assert_eq!(ended.text, "", "an end token is no text");
    let (held, _) = run(&[1], "greedy", bias, |request| {
        request.eos_token_ids = &[5];
        request.min_new_tokens = 3;
    });
    assert_eq!((held.tokens.len(), held.tokens[3].id), (4, 5));
    let (named, _) = run(&[1], "greedy", "logit_bias=2=20", |request| request.eos_token_ids = &[4, 2]);
    assert_eq!((ids(&named), named.text.as_str()), (vec![2], ""), "any token can be an end");
}

#[test]
fn a_stop_string_ends_and_is_no_text() {
    let stops = ["33".to_string()];
    let (stopped, _) = run(&[1], "greedy", "logit_bias=3=20", |request| request.stop = &stops);
    assert_eq!((ids(&stopped), stopped.text.as_str(), stopped.finish_reason), (vec![3, 3], "", FinishReason::Stop));
}

fn path(session: &Session) -> Vec<(NodeId, TokenId)> {
    session.path().into_iter().map(|node| (node, session.token(node))).collect()
}

#[test]
fn the_evaluator_reads_nothing_twice() {
    let (model, read) = Counting::new();
    let mut evaluator = Evaluator::new(Box::new(model));
    let forced = Chosen { how: How::Forced, logprob: 0.0, sampling_logprob: 0.0, rank: 1 };
    let mut session = Session::new(&[1, 2, 3]).unwrap();
    let first = evaluator.evaluate(&path(&session), &mut unwatched).unwrap();
    assert_eq!((*read.lock().unwrap(), first.scores.len()), (3, 2), "the first token of all has no score");
    session.step(4, forced);
    let second = evaluator.evaluate(&path(&session), &mut unwatched).unwrap();
    assert_eq!((*read.lock().unwrap(), second.scores.len()), (4, 1));
    session.back();
    let again = evaluator.evaluate(&path(&session), &mut unwatched).unwrap();
    assert_eq!(*read.lock().unwrap(), 4, "stepping back reads nothing");
    assert_eq!(again.logits, first.logits);
    session.step(0, forced);
    let branch = evaluator.evaluate(&path(&session), &mut unwatched).unwrap();
    assert_eq!(*read.lock().unwrap(), 5, "a branch reads its own token only");
    let (mut fresh, _) = Counting::new();
    let all = fresh.forward(&[Run { after: None, tokens: &[1, 2, 3, 0], logits: Positions::Last }], &mut unwatched);
    assert_eq!(branch.logits, all.unwrap()[0].logits[0]);
}

fn engine() -> (Engine, Receiver<Event>) {
    let (sender, events) = channel();
    let sender = Mutex::new(sender);
    let open = || Ok(LoadedModel { model: Box::new(Counting::new().0), tokenizer: Arc::new(Digits::new()) });
    let emit = move |event| {
        let _ = sender.lock().unwrap().send(event);
    };
    (Engine::start_with(open, emit).unwrap(), events)
}

/// The next event that `pick` takes.
fn wait<T>(events: &Receiver<Event>, pick: impl Fn(Event) -> Option<T>) -> T {
    loop {
        if let Some(found) = pick(events.recv_timeout(Duration::from_secs(30)).unwrap()) {
            return found;
        }
    }
}

#[test]
fn the_engine_prompts_evaluates_and_analyses() {
    let (engine, events) = engine();
    engine.send(Command::Prompt { epoch: 1, text: "123".into(), special: SpecialTokens::Auto });
    let tokens = wait(&events, |event| match event {
        Event::Prompted { epoch: 1, tokens } => Some(tokens),
        _ => None,
    });
    let session = Session::new(&tokens).unwrap();
    engine.send(Command::Evaluate { epoch: 1, path: path(&session) });
    let (node, logits) = wait(&events, |event| match event {
        Event::Evaluated { node, logits, scores, .. } => {
            assert_eq!(scores.len(), 2);
            Some((node, logits))
        }
        _ => None,
    });
    assert_eq!(node, session.cursor());
    let chain = Chain::parse("top_k=2").unwrap();
    let history = session.tokens();
    engine.send(Command::Analyse(Question {
        epoch: 1,
        node,
        logits,
        unlisted: None,
        chain,
        history,
        prompt_length: 3,
        sampling_logprobs: Vec::new(),
        chance: 0.0,
        tokenizer: None,
        end_ids: Vec::new(),
    }));
    let analysis = wait(&events, |event| match event {
        Event::Analysed { epoch: 1, analysis, .. } => Some(analysis),
        _ => None,
    });
    assert_eq!(analysis.kept().len(), 2);
}

#[test]
fn what_is_out_of_date_is_never_answered() {
    let (engine, events) = engine();
    engine.send(Command::Prompt { epoch: 1, text: "12".into(), special: SpecialTokens::Auto });
    let tokens = wait(&events, |event| match event {
        Event::Prompted { tokens, .. } => Some(tokens),
        _ => None,
    });
    let session = Session::new(&tokens).unwrap();
    engine.send(Command::Prompt { epoch: 2, text: "3".into(), special: SpecialTokens::Auto });
    engine.send(Command::Evaluate { epoch: 1, path: path(&session) });
    engine.send(Command::Prompt { epoch: 3, text: String::new(), special: SpecialTokens::Auto });
    let message = wait(&events, |event| match event {
        Event::Evaluated { .. } => panic!("an answer to an old epoch"),
        Event::Failed { epoch: 3, message } => Some(message),
        _ => None,
    });
    assert_eq!(message, "the prompt has no token: type some text");
}

#[test]
fn a_panic_of_the_worker_is_an_event() {
    let (engine, events) = engine();
    engine.send(Command::Prompt { epoch: 1, text: "9".into(), special: SpecialTokens::Auto });
    let tokens = wait(&events, |event| match event {
        Event::Prompted { tokens, .. } => Some(tokens),
        _ => None,
    });
    let session = Session::new(&tokens).unwrap();
    engine.send(Command::Evaluate { epoch: 1, path: path(&session) });
    let message = wait(&events, |event| match event {
        Event::Died { message } => Some(message),
        _ => None,
    });
    assert_eq!(message, "a token that panics the worker");
}

#[test]
fn a_model_that_does_not_open_says_why() {
    let (sender, events) = channel();
    let sender = Mutex::new(sender);
    let open = || Err(EngineError::Request("no such thing".into()));
    let engine = Engine::start_with(open, move |event| drop(sender.lock().unwrap().send(event))).unwrap();
    let message = wait(&events, |event| match event {
        Event::OpenFailed { message } => Some(message),
        _ => None,
    });
    assert_eq!(message, "no such thing");
    drop(engine);
}
