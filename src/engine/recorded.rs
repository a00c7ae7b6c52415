//! A recorded trace in the place of a model: it answers what was written down, and changes nothing.

mod beams;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::decode::{Analysis, Chain, Draw, RecordedToken, StageTrace, TokenId, processor};
use crate::model::{ModelError, ModelInfo, SpecialTokens, StoredType, TokenPiece, Tokenizer};
use crate::session::NodeId;
use crate::session::trace::{Finish, Header, Prompt, Step, Token, Trace};

use super::evaluator::TokenScore;
use super::worker::{Command, Event};

pub use beams::{Extent, RecordedBeams};

/// More tokens than any vocabulary has: a trace that names such an id was tampered with.
const MOST_TOKENS: usize = 1 << 22;

/// The first text of a trace, step by step, or its beam search.
pub struct Recording {
    prompt: Prompt,
    steps: Vec<Step>,
    beams: Option<RecordedBeams>,
    extent: Extent,
    texts: u64,
    info: ModelInfo,
    settings: Map<String, Value>,
    tokenizer: Arc<Recorded>,
}

/// The tokens that a trace names.
struct Recorded {
    pieces: HashMap<TokenId, TokenPiece>,
    other: TokenPiece,
    prompt: Vec<TokenId>,
    vocab_size: usize,
}

impl Tokenizer for Recorded {
    /// The prompt that was recorded, whatever the text.
    fn encode(&self, _: &str, _: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        Ok(self.prompt.clone())
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        self.pieces.get(&id).unwrap_or(&self.other)
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }
}

impl Recorded {
    /// These tokens, in a vocabulary that has room for them.
    fn new<'a>(header: &Header, tokens: impl Iterator<Item = &'a Token>) -> Result<Self, String> {
        let pieces: HashMap<TokenId, TokenPiece> = tokens.map(|token| (token.id, piece(token))).collect();
        let highest = pieces.keys().copied().max().unwrap_or(0) as usize;
        let named = header.model.get("vocab_size").and_then(Value::as_u64).unwrap_or(0) as usize;
        if highest >= MOST_TOKENS || named > MOST_TOKENS {
            let most = highest.max(named);
            return Err(format!("it names {most} tokens; no vocabulary has more than {MOST_TOKENS}"));
        }
        Ok(Self {
            pieces,
            other: piece(&Token { id: 0, text: "?".into(), bytes: Vec::new() }),
            prompt: header.prompt.tokens.iter().map(|token| token.token.id).collect(),
            vocab_size: named.max(highest + 1),
        })
    }
}

impl Recording {
    /// The first text of a trace, or its beam search.
    ///
    /// # Errors
    /// A trace without prompt or steps, a search that doesn't hold together, or token ids that no vocabulary has: one line.
    pub fn new(trace: Trace) -> Result<Self, String> {
        let Trace { header, steps, beam_steps, end } = trace;
        let texts = 1 + steps.iter().map(|step| step.sequence).max().unwrap_or(0);
        let steps: Vec<Step> = steps.into_iter().filter(|step| step.sequence == 0).collect();
        if steps.is_empty() && beam_steps.is_empty() || header.prompt.tokens.is_empty() {
            return Err("there is no step in it to look at".into());
        }
        let extent = if end.is_some() { Extent::Whole } else { Extent::CutOff };
        let beams = (!beam_steps.is_empty()).then(|| RecordedBeams::read(&header, &beam_steps, extent)).transpose()?;
        let listed = steps.iter().flat_map(|step| {
            std::iter::once(&step.chosen.token).chain(step.candidates.iter().map(|candidate| &candidate.token))
        });
        let prompt = header.prompt.tokens.iter().map(|token| &token.token);
        let all = prompt.chain(listed).chain(beams::tokens(&beam_steps));
        let tokenizer = Recorded::new(&header, all)?;
        let ended = end.as_ref().and_then(|end| end.sequences.first()).and_then(|first| first.finish_reason);
        let last = steps.last().filter(|_| ended == Some(Finish::Eos)).map(|step| &step.chosen.token);
        let ends = last.into_iter().chain(beams::ends(&beam_steps)).map(|token| token.id);
        let info = info(&header.model, tokenizer.vocab_size, ends);
        Ok(Self {
            prompt: header.prompt,
            steps,
            beams,
            extent,
            texts,
            info,
            settings: header.settings,
            tokenizer: Arc::new(tokenizer),
        })
    }

    /// The prompt, as it was given.
    #[must_use]
    pub fn prompt(&self) -> &str {
        &self.prompt.text
    }

    /// How many steps there are.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The beam search, where it is one.
    #[must_use]
    pub fn beams(&self) -> Option<&RecordedBeams> {
        self.beams.as_ref()
    }

    /// Whether it has its end.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// How many texts were drawn from the prompt.
    #[must_use]
    pub fn texts(&self) -> u64 {
        self.texts
    }

    /// Whether anything was drawn.
    #[must_use]
    pub fn was_drawn(&self) -> bool {
        self.steps.iter().any(|step| step.draw.is_some())
    }

    /// The chain that it was recorded with, as far as this program knows it.
    #[must_use]
    pub fn chain(&self) -> Chain {
        let text = self.settings.get("chain").and_then(Value::as_str).unwrap_or_default();
        Chain::parse(text).unwrap_or_default()
    }

    /// The token of a step, and the draw that chose it, where there was one.
    #[must_use]
    pub fn chosen(&self, step: usize, analysis: &Analysis) -> Option<(TokenId, Option<Draw>)> {
        let step = self.steps.get(step)?;
        let id = step.chosen.token.id;
        let draw = step.draw.map(|u| analysis.draw(u)).filter(|draw| draw.token == id);
        Some((id, draw))
    }

    /// Answers in the place of an engine.
    #[must_use]
    pub fn answer(&self, command: Command) -> Option<Event> {
        Some(match command {
            Command::Prompt { epoch, .. } => Event::Prompted { epoch, tokens: self.tokenizer.prompt.clone() },
            Command::Evaluate { epoch, path } => {
                let &(node, _) = path.last()?;
                let took = std::time::Duration::ZERO;
                Event::Evaluated { epoch, node, logits: Arc::new([]), scores: self.scores(&path), took }
            }
            Command::Analyse(question) => {
                let step = question.history.len().checked_sub(question.prompt_length)?;
                let (epoch, node) = (question.epoch, question.node);
                Event::Analysed { epoch, node, analysis: Arc::new(self.analysis(step)?) }
            }
            Command::Job { job: None, .. } | Command::Cancel => return None,
            Command::Job { epoch, lane, serial, .. } => {
                let message = "a recording has no model to ask: open one to see this".into();
                Event::JobFailed { epoch, lane, serial, message }
            }
        })
    }

    /// What an engine tells first.
    #[must_use]
    pub fn opened(&self) -> Event {
        let tokenizer = Arc::clone(&self.tokenizer) as Arc<dyn Tokenizer>;
        Event::Opened { info: self.info.clone(), tokenizer, notes: Vec::new() }
    }

    fn scores(&self, path: &[(NodeId, TokenId)]) -> Vec<(NodeId, TokenScore)> {
        let tokens = path.iter().zip(&self.prompt.tokens);
        let score = |((node, _), token): (&(NodeId, TokenId), &crate::session::trace::PromptToken)| {
            let logprob = token.logprob.unwrap_or(f64::NEG_INFINITY);
            Some((*node, TokenScore { logprob, rank: Some(token.rank?) }))
        };
        tokens.filter_map(score).collect()
    }

    fn analysis(&self, step: usize) -> Option<Analysis> {
        let step = self.steps.get(step)?;
        let stages = stages(step);
        let infinite = |x: Option<f64>| x.unwrap_or(f64::NEG_INFINITY);
        let token = |candidate: &crate::session::trace::Candidate| RecordedToken {
            id: candidate.token.id,
            logit: candidate.logit,
            logprob: infinite(candidate.logprob),
            sampling_logprob: candidate.sampling_prob.ln(),
            removed_by: candidate
                .removed_by
                .as_ref()
                .and_then(|name| stages.iter().position(|stage| stage.name == name.as_str())),
        };
        let tokens: Vec<_> = step.candidates.iter().map(token).collect();
        let entropies = (step.entropy.unwrap_or(0.0), step.sampling_entropy.unwrap_or(0.0));
        Some(Analysis::recorded(self.tokenizer.vocab_size, &tokens, entropies, stages))
    }
}

fn piece(token: &Token) -> TokenPiece {
    let (text, piece, bytes) = (token.text.clone(), token.text.clone(), token.bytes.clone());
    TokenPiece { id: token.id, text, piece, special: bytes.is_empty(), bytes }
}

fn info(model: &Map<String, Value>, vocab_size: usize, met: impl Iterator<Item = TokenId>) -> ModelInfo {
    let text = |name: &str| model.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    let number = |name: &str| model.get(name).and_then(Value::as_u64);
    let ends = model.get("eos_token_ids").and_then(Value::as_array).into_iter().flatten();
    let mut ends: Vec<TokenId> = ends.filter_map(|id| Some(id.as_u64()? as TokenId)).chain(met).collect();
    ends.sort_unstable();
    ends.dedup();
    ModelInfo {
        name: format!("recording of {}", text("name")),
        architecture: text("architecture"),
        vocab_size,
        context_length: number("context_length").map_or(usize::MAX, |length| length as usize),
        dtype: StoredType::from_name(&text("dtype")),
        device: text("device"),
        eos_token_ids: ends,
        never_chosen: Vec::new(),
        unlisted: None,
        parameters: number("parameters").unwrap_or(0),
        shape: None,
    }
}

fn stages(step: &Step) -> Vec<StageTrace> {
    let mut entropy_before = step.entropy.unwrap_or(0.0);
    let mut stages = Vec::with_capacity(step.stages.len());
    for stage in &step.stages {
        let name = stage.stage.split('=').next().unwrap_or_default();
        let entropy = stage.entropy.unwrap_or(0.0);
        stages.push(StageTrace {
            name: processor(name).map_or("unknown", |row| row.name),
            label: stage.stage.clone(),
            kept: stage.kept,
            removed: stage.removed,
            removed_mass: stage.removed_mass.unwrap_or(0.0),
            entropy_before,
            entropy,
            limit: None,
            reaches_rest: stage.reaches_rest,
            counts_rest: false,
        });
        entropy_before = entropy;
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Question;
    use crate::session::{Session, trace};

    const TRACE: &str = r#"{"type":"header","format":"logitscope.trace","version":1,"model":{"name":"m","vocab_size":9},"settings":{"chain":"top_k=2"},"prompt":{"text":"a","tokens":[{"id":1,"text":"a","bytes":[97],"logprob":null,"rank":null}]}}
{"type":"step","step":0,"context_length":1,"chosen":{"id":3,"text":"c","bytes":[99],"logprob":-1.6094379124341003,"sampling_logprob":-1.3862943611198906,"rank":2},"draw":0.9,"entropy":1.2,"sampling_entropy":0.5,"stages":[{"stage":"top_k=2","kept":2,"removed":7,"removed_mass":0.2,"entropy":0.5}],"candidates":[{"id":2,"text":"b","bytes":[98],"logit":3.0,"logprob":-0.5108256237659907,"prob":0.6,"sampling_prob":0.75,"removed_by":null},{"id":3,"text":"c","bytes":[99],"logit":1.9013877113318902,"logprob":-1.6094379124341003,"prob":0.2,"sampling_prob":0.25,"removed_by":null},{"id":1,"text":"a","bytes":[97],"logit":null,"logprob":-2.3,"prob":0.1,"sampling_prob":0.0,"removed_by":"top_k"}]}
"#;

    fn recording(text: &str) -> Result<Recording, String> {
        Recording::new(trace::read(text.as_bytes()).unwrap().traces.remove(0))
    }

    #[test]
    fn it_answers_what_was_written_down() {
        let recording = recording(TRACE).unwrap();
        assert_eq!((recording.steps(), recording.texts(), recording.chain().to_string()), (1, 1, "top_k=2".into()));
        let Some(Event::Prompted { tokens, .. }) =
            recording.answer(Command::Prompt { epoch: 1, text: "x".into(), special: SpecialTokens::Auto })
        else {
            panic!("no prompt")
        };
        assert_eq!(tokens, [1]);
        let question = |history: Vec<TokenId>| Question {
            epoch: 1,
            node: Session::new(&[1]).unwrap().cursor(),
            logits: Arc::new([]),
            unlisted: None,
            chain: Chain::default(),
            history,
            prompt_length: 1,
            sampling_logprobs: Vec::new(),
            chance: 0.0,
            tokenizer: None,
            end_ids: Vec::new(),
        };
        let Some(Event::Analysed { analysis, .. }) = recording.answer(Command::Analyse(question(vec![1]))) else {
            panic!("no analysis")
        };
        assert_eq!((analysis.model().ranked(), analysis.kept()), (&[2, 3, 1][..], &[2, 3][..]));
        assert!((analysis.model().prob(2) - 0.6).abs() < 1e-12 && (analysis.sampling_prob(3) - 0.25).abs() < 1e-12);
        assert_eq!(analysis.removal(1).map(|removal| removal.stage), Some(0));
        let (token, draw) = recording.chosen(0, &analysis).unwrap();
        assert_eq!((token, draw.map(|draw| draw.token)), (3, Some(3)));
        assert!(recording.answer(Command::Analyse(question(vec![1, 3]))).is_none(), "that is its end");
    }

    #[test]
    fn what_can_not_be_looked_at_is_refused() {
        let says = |text: &str| recording(text).err().unwrap();
        let header = TRACE.lines().next().unwrap();
        assert_eq!(says(header), "there is no step in it to look at");
        assert!(
            says(&TRACE.replace("\"vocab_size\":9", "\"vocab_size\":99999999999")).contains("no vocabulary has more")
        );
        assert!(says(&TRACE.replace("\"id\":3", "\"id\":4000000000")).contains("no vocabulary has more"));
    }

    const BEAMS: &str = r#"{"type":"header","format":"logitscope.trace","version":1,"model":{"name":"m","vocab_size":9},"settings":{"strategy":"beam","num_beams":2,"length_penalty":0.75,"early_stopping":"never"},"prompt":{"text":"a","tokens":[{"id":1,"text":"a","bytes":[97],"logprob":null,"rank":null}]}}
{"type":"beam_step","step":0,"beams":[{"node":7,"parent":null,"id":3,"text":"c","bytes":[99],"logprob":-1.0,"sum_logprob":-1.0,"length":1,"score":-1.0,"status":"running"}],"pruned":[{"node":5,"parent":null,"id":2,"text":"b","bytes":[98],"logprob":-2.0,"sum_logprob":-2.0,"length":1,"score":-2.0,"status":"pruned","reason":"below the cut"}]}
{"type":"beam_step","step":1,"beams":[{"node":9,"parent":7,"id":4,"text":"","bytes":[],"logprob":-1.0,"sum_logprob":-2.0,"length":2,"score":-1.5,"status":"finished","finish_reason":"eos"}],"pruned":[]}
"#;

    /// A trace of another program: no more than is promised, numbers of its own.
    #[test]
    fn a_search_is_read_with_what_every_trace_has() {
        let recording = recording(BEAMS).unwrap();
        let beams = recording.beams().unwrap();
        assert_eq!((recording.steps(), beams.steps.len(), beams.length, recording.extent()), (0, 2, 2, Extent::CutOff));
        assert_eq!((beams.settings.beams, beams.settings.length_penalty), (2, 0.75));
        assert_eq!(beams.settings.early_stopping.name(), "never");
        let first = &beams.steps[0].step.candidates;
        assert_eq!((first[0].token, first[1].token, first[1].sum), (2, 3, -1.0), "in the order of the nodes");
        assert_eq!(beams.steps[1].step.candidates[0].parent, Some(first[1].node));
        assert!(beams.steps.iter().all(|made| made.stopped.is_none()));
        let Event::Opened { info, .. } = recording.opened() else { panic!("nothing opened") };
        assert_eq!(info.eos_token_ids, [4]);
    }

    #[test]
    fn a_search_that_does_not_hold_together_is_refused() {
        let says = |from: &str, to: &str| recording(&BEAMS.replacen(from, to, 1)).err().unwrap();
        assert_eq!(
            says("\"parent\":7", "\"parent\":8"),
            "step 1 of the search: node 9 continues node 8, which is not of the step before"
        );
        assert_eq!(says("\"parent\":7", "\"parent\":9"), says("\"parent\":7", "\"parent\":9"));
        assert!(says("\"parent\":7", "\"parent\":null").contains("node 9 continues nothing"));
        assert!(says("\"node\":9", "\"node\":5").contains("node 5 is there twice"));
        assert!(says("\"num_beams\":2", "\"num_beams\":40000").contains("40000"));
        assert!(says("\"num_beams\":2", "\"num_beams\":-1").contains("num_beams: `-1`"));
        assert!(says("\"early_stopping\":\"never\"", "\"early_stopping\":3").contains("early_stopping"));
        assert!(says("\"length_penalty\":0.75", "\"length_penalty\":99").contains("length_penalty"));
    }
}
