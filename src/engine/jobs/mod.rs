//! Longer work of the interface, done in small turns on the model's thread, so that a step of the user never waits for it.
//!
//! A job goes on where the one before it on its [`Lane`] is dropped. All lanes take turns; commands come before any of them.

mod beams;
mod checkup;
mod compare;
mod cost;
mod curves;
mod difference;
mod draws;
mod optimum;
mod score;
mod search;
mod trace;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::decode::diff::ChainDiff;
use crate::decode::{Tally, Tempered};
use crate::model::{CacheNode, LanguageModel, Progress, Tokenizer};
use crate::session::trace::Step;

use super::evaluator::Evaluator;
use super::{Check, EngineError};
use crate::session::NodeId;

pub use beams::{BeamsAsked, BeamsJob, BeamsMade, GreedyToken};
pub use checkup::CheckupJob;
pub use compare::{ColumnAsked, ColumnEnd, ColumnMade, CompareAsked, CompareJob, Compared, ComparedToken, TopToken};
pub use cost::CostJob;
pub use curves::CurvesJob;
pub use difference::DifferenceJob;
pub use draws::DrawsJob;
pub use optimum::{OptimumAsked, OptimumFound, OptimumJob, Proof};
pub use score::{ScoreAsked, ScoreJob, Scored, ScoredCompletion};
pub use search::{Found, SearchJob};
pub use trace::{Decided, TraceJob};

/// What a job is for: a newer one on the same lane takes the place of the older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Completions that are scored.
    Score,
    /// The path as a trace.
    Trace,
    /// The tree of beams.
    Beams,
    /// The most probable sequence of all.
    Optimum,
    /// Strategies side by side.
    Compare,
    /// The distribution at many temperatures.
    Curves,
    /// Tokens that are looked for.
    Search,
    /// What another chain does otherwise.
    Difference,
    /// Many draws from one distribution.
    Draws,
    /// Steps without the cache.
    Cost,
    /// What the model promises.
    Checkup,
}

/// What a job has to tell.
pub enum News {
    /// Completions are being read.
    Scoring {
        /// Tokens read so far, of the prompt and of all completions.
        done: usize,
        /// All of them.
        total: usize,
    },
    /// Completions were scored.
    Scored(Arc<Scored>),
    /// A step of the path, as a trace has it.
    Told(Box<Step>),
    /// Beam search made a step.
    Beams(Arc<BeamsMade>),
    /// The search for the most probable sequence went on.
    Optimum(Arc<OptimumFound>),
    /// Strategies made a step, all together.
    Compared(Arc<Compared>),
    /// The distribution after a node at some temperatures.
    Curves {
        /// The node.
        node: NodeId,
        /// One for each temperature.
        points: Vec<Tempered>,
    },
    /// Tokens were found.
    Found(Arc<Found>),
    /// Two chains were compared.
    Difference(Arc<ChainDiff>),
    /// Tokens were drawn.
    Tallied(Arc<Tally>),
    /// A step is computed without the cache.
    Recomputed {
        /// The last token of its context.
        node: NodeId,
        /// Tokens of it read so far.
        read: usize,
        /// Time that the model took for them.
        took: Duration,
    },
    /// So many of the model's promises have been tried.
    Checking(usize),
    /// All of them have.
    Checked(Vec<Check>),
}

/// Work that is done turn by turn.
pub trait Job: Send {
    /// Does the next piece: a forward pass or two, not more. `None` says that all is done.
    ///
    /// # Errors
    /// What the model or the mathematics refuse; [`EngineError::Interrupted`] where `watch` broke. The job is over then.
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError>;

    /// The cache entries that further turns need; all others of this job may be forgotten.
    fn live(&self) -> Vec<CacheNode> {
        Vec::new()
    }
}

/// What a job works with.
pub struct Ground<'a> {
    /// The model, and what it has read of the session.
    pub evaluator: &'a mut Evaluator,
    /// Its tokenizer.
    pub tokenizer: &'a Arc<dyn Tokenizer>,
    /// Breaks when the job is out of date.
    pub watch: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl Ground<'_> {
    /// The model itself. What it reads here is forgotten when the job is over.
    pub fn model(&mut self) -> &mut dyn LanguageModel {
        self.evaluator.model_mut()
    }
}

/// The jobs that are under way, each with the number that the interface knows it by.
#[derive(Default)]
pub(super) struct Jobs {
    lanes: BTreeMap<Lane, (u64, Box<dyn Job>)>,
    last: Option<Lane>,
}

/// How a turn ended.
pub(super) struct Turn {
    pub(super) lane: Lane,
    pub(super) serial: u64,
    /// `None` where the job is over.
    pub(super) result: Result<Option<News>, EngineError>,
}

impl Jobs {
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Puts a job on its lane, or clears the lane.
    pub(super) fn put(&mut self, lane: Lane, serial: u64, job: Option<Box<dyn Job>>) {
        match job {
            Some(job) => drop(self.lanes.insert(lane, (serial, job))),
            None => drop(self.lanes.remove(&lane)),
        }
    }

    pub(super) fn clear(&mut self) {
        self.lanes.clear();
    }

    /// The cache entries that any job still needs.
    pub(super) fn live(&self) -> Vec<CacheNode> {
        self.lanes.values().flat_map(|(_, job)| job.live()).collect()
    }

    /// Gives the next lane its turn.
    pub(super) fn turn(&mut self, ground: &mut Ground<'_>) -> Option<Turn> {
        let after = |last: Lane| self.lanes.keys().find(|lane| **lane > last).copied();
        let lane = self.last.and_then(after).or_else(|| self.lanes.keys().next().copied())?;
        self.last = Some(lane);
        let (serial, job) = self.lanes.get_mut(&lane)?;
        let (serial, result) = (*serial, job.turn(ground));
        if !matches!(result, Ok(Some(_))) {
            self.lanes.remove(&lane);
        }
        Some(Turn { lane, serial, result })
    }
}
