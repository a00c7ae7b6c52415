//! `bench --format json`.

use serde::Serialize;

use super::chain::ChainTimes;
use super::clock::Figure;
use super::machine::{Bandwidth, Machine};
use crate::model::ModelInfo;

/// All that was measured; what was not asked for is left out. Times are in seconds.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    format: &'static str,
    version: u32,
    pub(super) program: &'static str,
    pub(super) machine: Machine,
    pub(super) model: ModelInfo,
    pub(super) settings: Settings,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<Memory>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) bandwidth: Vec<Bandwidth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<Figure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) prefill: Vec<Prefill>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) decode: Vec<Decode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generate: Option<Decode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) beam: Vec<Width>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logits: Option<Logits>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) chain: Vec<ChainTimes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_frame: Option<Figure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) frame: Vec<Frames>,
}

/// How it was measured.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    pub(super) repetitions: usize,
    pub(super) quick: bool,
    pub(super) parts: Vec<&'static str>,
}

/// The resident memory after a prompt was read and continued.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    /// The most that the process has had at once; null where the system does not say.
    pub(super) peak_bytes: Option<u64>,
    /// Null for what has no weights here.
    pub(super) weight_bytes: Option<u64>,
    pub(super) cache_bytes: u64,
    pub(super) cache_tokens: usize,
    /// The peak over weights and cache.
    pub(super) ratio: Option<f64>,
}

/// Reading a prompt at once.
#[derive(Debug, Serialize)]
pub(super) struct Prefill {
    pub(super) tokens: usize,
    pub(super) threads: usize,
    pub(super) seconds: Figure,
    pub(super) tokens_per_second: Figure,
}

/// Token by token.
#[derive(Debug, Serialize)]
pub(super) struct Decode {
    pub(super) prompt_tokens: usize,
    pub(super) new_tokens: usize,
    pub(super) threads: usize,
    pub(super) seconds: Figure,
    pub(super) tokens_per_second: Figure,
    /// Bytes of weights that one token takes; null where nothing is known of them.
    pub(super) weight_bytes_per_token: Option<f64>,
    /// What memory delivers over these bytes: no more tokens in a second can be had. Null where either was not measured.
    pub(super) most_tokens_per_second: Option<f64>,
    /// The median as a part of that.
    pub(super) share_of_limit: Option<f64>,
}

/// Steps of a beam search.
#[derive(Debug, Serialize)]
pub(super) struct Width {
    pub(super) beams: usize,
    pub(super) steps: usize,
    pub(super) step_seconds: Figure,
    pub(super) beam_seconds: Figure,
}

/// Going back to a step.
#[derive(Debug, Serialize)]
pub(super) struct Logits {
    pub(super) tokens: usize,
    /// Its logits are kept.
    pub(super) kept_seconds: Figure,
    /// The model reads its text again.
    pub(super) rerun_seconds: Figure,
}

/// Drawing.
#[derive(Debug, Serialize)]
pub(super) struct Frames {
    pub(super) columns: u16,
    pub(super) rows: u16,
    pub(super) seconds: Figure,
}

impl Document {
    pub(super) fn new(model: ModelInfo, machine: Machine, settings: Settings) -> Self {
        Self {
            format: "logitscope.bench",
            version: 1,
            program: env!("CARGO_PKG_VERSION"),
            machine,
            model,
            settings,
            memory: None,
            bandwidth: Vec::new(),
            open: None,
            prefill: Vec::new(),
            decode: Vec::new(),
            generate: None,
            beam: Vec::new(),
            logits: None,
            chain: Vec::new(),
            first_frame: None,
            frame: Vec::new(),
        }
    }

    /// Puts the rows in order, and sets decoding beside what memory delivers.
    pub(super) fn finish(&mut self) {
        self.bandwidth.sort_by_key(|row| row.threads);
        self.decode.sort_by_key(|row| row.threads);
        for decode in self.decode.iter_mut().chain(&mut self.generate) {
            let delivered = self.bandwidth.iter().find(|row| row.threads == decode.threads);
            if let (Some(bandwidth), Some(bytes)) = (delivered, decode.weight_bytes_per_token) {
                let most = bandwidth.bytes_per_second.median / bytes;
                decode.most_tokens_per_second = Some(most);
                decode.share_of_limit = Some(decode.tokens_per_second.median / most);
            }
        }
    }
}
