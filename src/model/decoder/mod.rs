//! The one local decoder: a decoder-only transformer described as data, run over a cache that is a tree.

mod batch;
mod cache;
mod forward;
mod load;
mod names;
mod rotary;
mod source;
mod spec;
mod tensor;

use std::ops::ControlFlow;

use self::batch::Batch;
use self::cache::Cache;
use self::forward::Scratch;
use self::load::{DecoderWeights, Form};
use super::kernels::Kernels;
use super::weights::Weights;
use super::{CacheNode, CacheUse, DtypeChoice, LanguageModel, ModelError, ModelInfo, Progress, Run, RunOutput};
use crate::decode::TokenId;

pub use names::{Storage, TensorNames};
pub use rotary::{Pairing, Rotary, RotaryScaling, Yarn};
pub use spec::{
    Activation, Attention, Block, DecoderSpec, Head, HeadNorm, HeadWeight, Layer, Mlp, MlpKind, Norm, NormKind,
    NormOver, Position, Qkv,
};
pub(super) use tensor::TensorDecoder;

/// A decoder with its weights, its cache and the buffers of its forward pass.
#[derive(Debug)]
pub struct Decoder {
    info: ModelInfo,
    spec: DecoderSpec,
    weights: DecoderWeights,
    cache: Cache,
    kernels: Kernels,
    batch: Batch,
    scratch: Scratch,
}

/// What a decoder can't read from its description and its weights.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The model, as the user named it.
    pub name: String,
    /// The architecture, for example `LlamaForCausalLM`.
    pub architecture: String,
    /// Ids that end a text.
    pub eos_token_ids: Vec<TokenId>,
}

impl Decoder {
    /// Takes the tensors that `spec` names out of `weights`.
    ///
    /// `threads` counts the calling thread; 0 means one for each core.
    ///
    /// # Errors
    /// A tensor is missing, or has another shape or type than the description says.
    pub fn load(
        spec: DecoderSpec,
        weights: &Weights,
        identity: Identity,
        dtype: DtypeChoice,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let weights = DecoderWeights::load(&spec, weights, dtype, Form::Packed)?;
        let info = weights.info(&spec, identity, "cpu".into());
        let cache = Cache::new(spec.layers.len(), spec.attention.kv_heads, spec.attention.head_dim);
        let scratch = Scratch::new(&spec);
        Ok(Self { info, spec, weights, cache, kernels: Kernels::new(threads), batch: Batch::default(), scratch })
    }

    /// The description that the decoder runs by.
    #[must_use]
    pub fn spec(&self) -> &DecoderSpec {
        &self.spec
    }
}

impl DecoderWeights {
    /// What a model that runs these on `device` says of itself.
    fn info(&self, spec: &DecoderSpec, identity: Identity, device: String) -> ModelInfo {
        ModelInfo {
            name: identity.name,
            architecture: identity.architecture,
            vocab_size: spec.vocab_size,
            context_length: spec.context_length,
            dtype: Some(self.dtype()),
            device,
            eos_token_ids: identity.eos_token_ids,
            never_chosen: Vec::new(),
            unlisted: None,
            parameters: self.parameters(),
            shape: Some(Box::new(spec.shape(self.bytes()))),
        }
    }
}

impl LanguageModel for Decoder {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn notes(&self) -> &[String] {
        &self.spec.notes
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        batch::check(runs, &self.cache, self.spec.vocab_size, self.spec.context_length)?;
        self.batch.plan(runs, &mut self.cache);
        let outputs = self.read_batch(runs.len(), watch);
        if outputs.is_err() {
            self.cache.release(self.batch.slots());
        }
        outputs
    }

    fn retain(&mut self, live: &[CacheNode]) {
        self.cache.retain(live);
    }

    fn cache_use(&self) -> CacheUse {
        self.cache.usage()
    }
}

#[cfg(test)]
mod tests;
