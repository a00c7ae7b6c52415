//! The mathematics of decoding: logits in, a decision and its full explanation out.
//!
//! Everything here is a pure function of its arguments: no files, no clock, no threads, no hidden random state.
//!
//! ```
//! use std::sync::Arc;
//! use logitscope::decode::{Analysis, Chain, Context, Distribution};
//!
//! let model = Arc::new(Distribution::from_logits(&[3.0, 1.0, 0.5, 0.2])?);
//! let chain = Chain::parse("temperature=0.5,top_p=0.9")?;
//! let analysis = Analysis::new(model, &chain, Context::default())?;
//! assert_eq!(analysis.kept(), [0]);
//! assert_eq!(analysis.stages()[1].removed, 3);
//! # Ok::<(), logitscope::decode::DecodeError>(())
//! ```

mod analysis;
pub mod beam;
mod candidates;
mod chain;
pub mod consensus;
pub mod contrastive;
pub mod cost;
pub mod diff;
mod distribution;
mod error;
pub mod exact;
mod logits;
pub mod loss;
mod nucleus;
mod passes;
mod processor;
pub mod processors;
mod recorded;
mod sampler;
mod scan;
pub mod scoring;
pub mod speculative;
pub mod strategy;
mod tally;
mod temperature;

pub use analysis::{Analysis, Margin, Removal, StageTrace};
pub use candidates::Candidates;
pub use chain::{Chain, PRESETS, Preset, Stage};
pub use distribution::{Distribution, by_score};
pub use error::DecodeError;
pub use logits::{Logit, Logits};
pub use processor::{Context, Direction, Field, Kind, LogitsProcessor, Parameter, ProcessorRow, TokenBytes, Value};
pub use processors::{PROCESSORS, processor};
pub use recorded::RecordedToken;
pub use sampler::{Draw, chance, drafting, uniform, verifying};
pub use tally::Tally;
pub use temperature::{Tempered, logarithmic};

/// The number of a token in a vocabulary.
pub type TokenId = u32;
