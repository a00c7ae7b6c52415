//! Runs the chain beside the model, so that a turned knob shows at once. Only the newest request counts.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::decode::{Analysis, Chain, Context, DecodeError, Distribution, TokenId};
use crate::session::NodeId;

use super::worker::{Event, guarded};

/// One distribution and the chain to run over it.
pub(super) struct Question {
    pub(super) epoch: u64,
    pub(super) node: NodeId,
    pub(super) logits: Arc<[f32]>,
    pub(super) chain: Chain,
    pub(super) history: Vec<TokenId>,
    pub(super) prompt_length: usize,
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
            let model = Arc::new(Distribution::from_logits(&question.logits)?);
            // The list on the screen scrolls through all of it: sorted here, not in the interface.
            let _ = model.ranked();
            *last = Some((Arc::clone(&question.logits), Arc::clone(&model)));
            model
        }
    };
    let context = Context { history: &question.history, prompt_length: question.prompt_length, ..Context::default() };
    Analysis::new(model, &question.chain, context)
}
