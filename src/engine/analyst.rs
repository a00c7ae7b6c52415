//! Runs the chain beside the model, so that a turned knob shows at once. Only the newest request counts.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::decode::{Analysis, Chain, Context, DecodeError, Distribution, TokenBytes, TokenId};
use crate::model::Tokenizer;
use crate::session::NodeId;

use super::text::Pieces;
use super::worker::{Event, guarded};

/// One distribution, the chain to run over it, and all that the chain may look at.
pub struct Question {
    /// Passed back with the answer.
    pub epoch: u64,
    /// Passed back with the answer.
    pub node: NodeId,
    /// Shape: `[vocab_size]`.
    pub logits: Arc<[f32]>,
    /// As of the model's information.
    pub unlisted: Option<TokenId>,
    /// The chain.
    pub chain: Chain,
    /// Token ids of prompt and output.
    pub history: Vec<TokenId>,
    /// How many of them are the prompt.
    pub prompt_length: usize,
    /// What each token of the output was chosen with, as in [`Context`].
    pub sampling_logprobs: Vec<f64>,
    /// The random number for processors that act by chance.
    pub chance: f64,
    /// What the tokens say, for processors that look at text.
    pub tokenizer: Option<Arc<dyn Tokenizer>>,
    /// Ids that end the text.
    pub end_ids: Vec<TokenId>,
}

impl Question {
    /// Answers it: `model` is the distribution of its logits.
    ///
    /// # Errors
    /// A chain that leaves no token, or that names one outside of the vocabulary.
    pub fn answer(&self, model: Arc<Distribution>) -> Result<Analysis, DecodeError> {
        let pieces = self.tokenizer.as_deref().map(Pieces);
        let context = Context {
            history: &self.history,
            prompt_length: self.prompt_length,
            sampling_logprobs: &self.sampling_logprobs,
            chance: self.chance,
            bytes: pieces.as_ref().map(|pieces| pieces as &dyn TokenBytes),
            end_ids: &self.end_ids,
            negative: None,
        };
        Analysis::new(model, &self.chain, context)
    }
}

enum Slot {
    Empty,
    Newest(Box<Question>),
    Closed,
}

/// A thread with a slot for one question.
pub(super) struct Analyst {
    slot: Arc<(Mutex<Slot>, Condvar)>,
}

impl Analyst {
    pub(super) fn start(emit: Arc<dyn Fn(Event) + Send + Sync>) -> std::io::Result<Self> {
        let slot = Arc::new((Mutex::new(Slot::Empty), Condvar::new()));
        let theirs = Arc::clone(&slot);
        let work = move || guarded(&emit, || answer_all(&theirs, &*emit));
        thread::Builder::new().name("analyst".into()).spawn(work)?;
        Ok(Self { slot })
    }

    /// Puts a question in the place of any that still waits.
    pub(super) fn ask(&self, question: Question) {
        self.put(Slot::Newest(Box::new(question)));
    }

    fn put(&self, content: Slot) {
        let (slot, changed) = &*self.slot;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = content;
        changed.notify_one();
    }
}

impl Drop for Analyst {
    fn drop(&mut self) {
        self.put(Slot::Closed);
    }
}

fn answer_all((slot, changed): &(Mutex<Slot>, Condvar), emit: &dyn Fn(Event)) {
    let mut last: Option<(Arc<[f32]>, Arc<Distribution>)> = None;
    loop {
        let mut content = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let question = loop {
            match std::mem::replace(&mut *content, Slot::Empty) {
                Slot::Empty => content = changed.wait(content).unwrap_or_else(PoisonError::into_inner),
                Slot::Newest(question) => break question,
                Slot::Closed => return,
            }
        };
        drop(content);
        let (epoch, node) = (question.epoch, question.node);
        emit(match answer(&question, &mut last) {
            Ok(analysis) => Event::Analysed { epoch, node, analysis: Arc::new(analysis) },
            Err(error) => Event::AnalysisFailed { epoch, node, message: error.to_string() },
        });
    }
}

fn answer(question: &Question, last: &mut Option<(Arc<[f32]>, Arc<Distribution>)>) -> Result<Analysis, DecodeError> {
    let model = match last {
        Some((logits, model)) if Arc::ptr_eq(logits, &question.logits) => Arc::clone(model),
        _ => {
            let model = Arc::new(Distribution::shared(&question.logits)?.with_rest(question.unlisted));
            // The list on the screen scrolls through all of it: sorted here, not in the interface.
            let _ = model.ranked();
            *last = Some((Arc::clone(&question.logits), Arc::clone(&model)));
            model
        }
    };
    let analysis = question.answer(model)?;
    let _ = analysis.kept();
    Ok(analysis)
}
