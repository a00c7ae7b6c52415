//! Models that the decoder does not describe, run through candle-transformers, one token after the other.
//!
//! Their cache is a state that can be cloned: a recurrent state, or keys and values inside of the model. A node of the cache
//! tree keeps a clone of the state after its token as long as memory allows; where it was dropped, the tokens since
//! the nearest state that is left are read again. Tokens go through the model one by one, however they come, so that
//! a prompt read at once, token by token or beside other sequences gives the same bits.
//!
//! A family is one file here and one row of [`FAMILIES`].

mod mamba;
mod qwen3_moe;
mod tensors;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::device;
use super::tree::Tree;
use super::weights::Weights;
use super::{
    CacheNode, CacheUse, DtypeChoice, LanguageModel, ModelError, ModelInfo, Positions, Progress, Run, RunOutput,
    StoredType,
};
use crate::decode::TokenId;
use crate::model::decoder::Identity;
use crate::model::families::Config;

/// Bytes of states that are kept; the least lately used go first.
const STATE_BYTES: usize = 256 << 20;

/// What a family reads from a model's files.
pub(super) struct Files<'a> {
    /// `config.json`.
    pub(super) config: &'a Config,
    /// The tensors.
    pub(super) weights: &'a Weights,
    /// The type that they are kept in.
    pub(super) dtype: DtypeChoice,
    /// Where they run.
    pub(super) device: Device,
}

/// Builds a model.
type Load = fn(&Files<'_>, Identity) -> Result<Box<dyn LanguageModel>, ModelError>;

/// A kind of model that candle-transformers runs.
#[derive(Clone, Copy)]
pub(super) struct Family {
    /// `model_type` in `config.json`.
    pub(super) model_type: &'static str,
    /// What `architectures` says for it, unless the configuration says otherwise.
    pub(super) architecture: &'static str,
    /// Builds the model.
    pub(super) load: Load,
}

/// Every family that candle-transformers runs here.
pub(super) const FAMILIES: &[Family] = &[mamba::FAMILY, qwen3_moe::FAMILY];

/// The family that a configuration names, if it is one of these.
pub(super) fn family(config: &Config) -> Result<Option<&'static Family>, ModelError> {
    let model_type = config.text("model_type")?;
    Ok(FAMILIES.iter().find(|family| Some(family.model_type) == model_type.as_deref()))
}

/// A model that reads one token at a time.
pub(super) trait Stepper: Send {
    /// What it has to remember.
    type State: Clone + Send;

    /// The state before the first token.
    fn start(&self) -> candle_core::Result<Self::State>;

    /// Reads the token at `position`, counted from 0; returns the logits, `[vocab_size]` after flattening.
    fn step(&self, state: &mut Self::State, token: TokenId, position: usize) -> candle_core::Result<Tensor>;

    /// Bytes of a state after `length` tokens.
    fn state_bytes(&self, length: usize) -> usize;
}

/// Sizes of a stepped model.
pub(super) struct Sizes {
    pub(super) vocab_size: usize,
    pub(super) context_length: usize,
    pub(super) dtype: StoredType,
    pub(super) device: Device,
    pub(super) parameters: u64,
}

/// The state after a token, and when it was last of use.
struct Kept<S> {
    state: S,
    used: u64,
}

/// A stepper behind the trait of all models.
pub(super) struct Stepped<M: Stepper> {
    info: ModelInfo,
    model: M,
    tree: Tree<Option<Kept<M::State>>>,
    /// Counts uses of states.
    clock: u64,
    state_bytes: usize,
}

impl<M: Stepper> Stepped<M> {
    pub(super) fn new(model: M, sizes: &Sizes, identity: Identity) -> Self {
        let info = ModelInfo {
            name: identity.name,
            architecture: identity.architecture,
            vocab_size: sizes.vocab_size,
            context_length: sizes.context_length,
            dtype: Some(sizes.dtype),
            device: device::name(&sizes.device),
            eos_token_ids: identity.eos_token_ids,
            never_chosen: Vec::new(),
            unlisted: None,
            parameters: sizes.parameters,
            shape: None,
        };
        Self { info, model, tree: Tree::default(), clock: 0, state_bytes: STATE_BYTES }
    }

    fn failed(&self, error: &candle_core::Error) -> ModelError {
        ModelError::invalid(&*self.info.name, format!("the model can't be run: {}", device::first_line(error)))
    }

    /// The state after a node; read again from the nearest one that is left.
    fn state(&mut self, node: Option<CacheNode>) -> Result<M::State, ModelError> {
        self.clock += 1;
        let mut missing = Vec::new();
        let mut found = None;
        for (at, node) in self.tree.upwards(node) {
            if node.data.is_some() {
                found = Some(at);
                break;
            }
            missing.push((node.token, node.length - 1));
        }
        let mut state = match found.and_then(|at| self.tree.get_mut(at)).and_then(|node| node.data.as_mut()) {
            Some(kept) => {
                kept.used = self.clock;
                kept.state.clone()
            }
            None => self.model.start().map_err(|error| self.failed(&error))?,
        };
        for (token, position) in missing.into_iter().rev() {
            self.model.step(&mut state, token, position).map_err(|error| self.failed(&error))?;
        }
        Ok(state)
    }

    /// Reads a run; its nodes are added to `added` as they come.
    fn read(
        &mut self,
        run: &Run<'_>,
        added: &mut Vec<CacheNode>,
        report: &mut dyn FnMut(usize) -> Result<(), ModelError>,
    ) -> Result<RunOutput, ModelError> {
        let before = self.tree.check(run, self.info.vocab_size, self.info.context_length)?;
        let mut state = self.state(run.after)?;
        let mut output = RunOutput { nodes: Vec::new(), logits: Vec::new(), hidden: Vec::new() };
        let mut after = run.after;
        for (index, &token) in run.tokens.iter().enumerate() {
            report(index)?;
            let logits = self.model.step(&mut state, token, before + index).map_err(|error| self.failed(&error))?;
            let is_last = index + 1 == run.tokens.len();
            if is_last || run.logits == Positions::All {
                output.logits.push(self.numbers(&logits)?);
            }
            let kept = is_last.then(|| Kept { state: state.clone(), used: self.clock });
            let node = self.tree.push(after, token, kept);
            added.push(node);
            output.nodes.push(node);
            after = Some(node);
        }
        Ok(output)
    }

    fn numbers(&self, logits: &Tensor) -> Result<Arc<[f32]>, ModelError> {
        let read = || logits.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
        let numbers = read().map_err(|error| self.failed(&error))?;
        let (found, vocab_size) = (numbers.len(), self.info.vocab_size);
        if found == vocab_size {
            return Ok(numbers.into());
        }
        let reason = format!("the model gives {found} logits, but its vocabulary has {vocab_size}");
        Err(ModelError::invalid(&*self.info.name, reason))
    }

    /// Bytes of all states that are kept.
    fn kept_bytes(&self) -> usize {
        let kept = self.tree.iter().filter(|(_, node)| node.data.is_some());
        kept.map(|(_, node)| self.model.state_bytes(node.length)).sum()
    }

    /// Drops states, the least lately used first, until they fit; those of this pass stay.
    fn drop_states(&mut self) {
        let mut bytes = self.kept_bytes();
        let mut old: Vec<(u64, CacheNode)> = self
            .tree
            .iter()
            .filter_map(|(at, node)| {
                let used = node.data.as_ref()?.used;
                (used < self.clock).then_some((used, at))
            })
            .collect();
        old.sort_unstable();
        for (_, at) in old {
            if bytes <= self.state_bytes {
                break;
            }
            let Some(node) = self.tree.get_mut(at) else { continue };
            node.data = None;
            bytes -= self.model.state_bytes(node.length);
        }
    }
}

impl<M: Stepper> LanguageModel for Stepped<M> {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        let total = runs.iter().map(|run| run.tokens.len()).sum();
        let (mut done, mut added) = (0, Vec::new());
        let mut outputs = Vec::with_capacity(runs.len());
        let mut report = |done| match watch(Progress { done, total }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        };
        for run in runs {
            match self.read(run, &mut added, &mut |read| report(done + read)) {
                Ok(output) => outputs.push(output),
                Err(error) => {
                    self.tree.release(&added);
                    return Err(error);
                }
            }
            done += run.tokens.len();
        }
        if let Err(error) = report(done) {
            self.tree.release(&added);
            return Err(error);
        }
        self.drop_states();
        Ok(outputs)
    }

    fn retain(&mut self, live: &[CacheNode]) {
        self.tree.retain(live);
    }

    fn cache_use(&self) -> CacheUse {
        CacheUse { tokens: self.tree.len(), bytes: self.kept_bytes() }
    }
}
