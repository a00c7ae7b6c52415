//! A recorded beam search: what was written down, as the steps of a search.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::decode::beam::{
    BeamCandidate, BeamNode, BeamSettings, BeamStep, BeamStop, Ending, Selection, StoppingBound, Verdict,
};
use crate::decode::strategy::strategy;
use crate::engine::BeamsMade;
use crate::engine::record::stop_name;
use crate::session::trace::{self, Beam, Bound, Finish, Header, Status, Token};

/// A search as it was recorded.
#[derive(Clone, Debug)]
pub struct RecordedBeams {
    /// The name of the strategy.
    pub strategy: String,
    /// What it was searched with.
    pub settings: BeamSettings,
    /// The most tokens of a sequence.
    pub length: usize,
    /// Its steps. Their nodes are numbered anew, in the order of the candidates of all steps; greedy's path is not recorded.
    pub steps: Vec<Arc<BeamsMade>>,
}

/// Whether a trace has its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// It has.
    Whole,
    /// It breaks off.
    CutOff,
}

impl RecordedBeams {
    /// The search of a trace.
    ///
    /// # Errors
    /// Options that nothing can be searched with, or steps that don't continue each other: one line.
    pub(super) fn read(header: &Header, steps: &[trace::BeamStep], extent: Extent) -> Result<Self, String> {
        let settings = settings(&header.settings)?;
        let mut nodes = Nodes::default();
        let mut made = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            made.push(nodes.step(index, step).map_err(|wrong| format!("step {index} of the search: {wrong}"))?);
        }
        let stopped = (extent == Extent::Whole).then(|| why_over(&made)).flatten();
        let last = made.len().saturating_sub(1);
        let beams_made =
            |(index, step)| Arc::new(BeamsMade { step, greedy: None, stopped: stopped.filter(|_| index == last) });
        let steps: Vec<_> = made.into_iter().enumerate().map(beams_made).collect();
        let length = number(&header.settings, "max_new_tokens", steps.len())?;
        Ok(Self { strategy: text(&header.settings, "strategy").unwrap_or("beam").to_owned(), settings, length, steps })
    }
}

/// The tokens that a search names.
pub(super) fn tokens(steps: &[trace::BeamStep]) -> impl Iterator<Item = &Token> {
    steps.iter().flat_map(|step| step.beams.iter().chain(&step.pruned)).map(|beam| &beam.token)
}

/// The end tokens that a search met.
pub(super) fn ends(steps: &[trace::BeamStep]) -> impl Iterator<Item = &Token> {
    let all = steps.iter().flat_map(|step| step.beams.iter().chain(&step.pruned));
    all.filter(|beam| beam.finish_reason == Some(Finish::Eos)).map(|beam| &beam.token)
}

/// Why a search is over: as its last group says.
fn why_over(steps: &[BeamStep]) -> Option<BeamStop> {
    let bounds = || steps.iter().flat_map(|step| &step.bounds);
    let last_group = bounds().map(|bound| bound.group).max();
    let said = bounds().filter(|bound| Some(bound.group) == last_group).filter_map(|bound| bound.stop).next_back();
    said.or((!steps.is_empty()).then_some(BeamStop::Length))
}

/// The options of a search; what is missing is as usual.
fn settings(map: &Map<String, Value>) -> Result<BeamSettings, String> {
    let usual = BeamSettings::default();
    let beams = number(map, "num_beams", usual.beams)?;
    let seed = map.get("seed").and_then(Value::as_u64).unwrap_or(0);
    let kind = text(map, "strategy").and_then(strategy).and_then(crate::decode::strategy::StrategyRow::beams);
    let read = BeamSettings {
        beams,
        groups: number(map, "num_beam_groups", usual.groups)?,
        diversity_penalty: number(map, "diversity_penalty", usual.diversity_penalty)?,
        length_penalty: number(map, "length_penalty", usual.length_penalty)?,
        length_norm: word(map, "length_norm", usual.length_norm)?,
        early_stopping: word(map, "early_stopping", usual.early_stopping)?,
        selection: kind.map_or(Selection::Best, |kind| (kind.selection)(seed)),
        returned: beams,
    };
    read.check().map_err(|error| error.to_string())?;
    Ok(read)
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    map.get(name).and_then(Value::as_str)
}

fn number<T: serde::de::DeserializeOwned>(map: &Map<String, Value>, name: &str, usual: T) -> Result<T, String> {
    let Some(value) = map.get(name) else { return Ok(usual) };
    serde_json::from_value(value.clone()).map_err(|_| format!("{name}: `{value}` is no number that it can be"))
}

/// A word, or a truth value that stands for one.
fn word<T: FromStr<Err: Display>>(map: &Map<String, Value>, name: &str, usual: T) -> Result<T, String> {
    match map.get(name) {
        None => Ok(usual),
        Some(Value::String(text)) => text.parse().map_err(|error: T::Err| error.to_string()),
        Some(value) => value.to_string().parse().map_err(|error: T::Err| error.to_string()),
    }
}

/// The nodes of a trace by their numbers there.
#[derive(Default)]
struct Nodes {
    /// The number here, and the step that made it.
    known: HashMap<usize, (BeamNode, usize)>,
}

impl Nodes {
    fn step(&mut self, index: usize, step: &trace::BeamStep) -> Result<BeamStep, String> {
        let mut beams: Vec<&Beam> = step.beams.iter().chain(&step.pruned).collect();
        beams.sort_by_key(|beam| beam.node);
        let mut candidates = Vec::with_capacity(beams.len());
        for beam in beams {
            let parent = match beam.parent {
                None if index == 0 => None,
                None => return Err(format!("node {} continues nothing", beam.node)),
                Some(number) => Some(self.of_step(number, index.wrapping_sub(1)).ok_or_else(|| {
                    format!("node {} continues node {number}, which is not of the step before", beam.node)
                })?),
            };
            let node = BeamNode::new(self.known.len() as u32);
            if self.known.insert(beam.node, (node, index)).is_some() {
                return Err(format!("node {} is there twice", beam.node));
            }
            candidates.push(candidate(beam, node, parent));
        }
        let known = |number: &usize| {
            let found = self.known.get(number).map(|(node, _)| *node);
            found.ok_or_else(|| format!("it names node {number}, which is not there"))
        };
        Ok(BeamStep {
            step: index,
            candidates,
            evicted: step.evicted.iter().map(known).collect::<Result<_, _>>()?,
            abandoned: step.abandoned.iter().map(known).collect::<Result<_, _>>()?,
            bounds: step.stopping.iter().map(bound).collect(),
        })
    }

    fn of_step(&self, number: usize, step: usize) -> Option<BeamNode> {
        self.known.get(&number).filter(|(_, made)| *made == step).map(|(node, _)| *node)
    }
}

fn candidate(beam: &Beam, node: BeamNode, parent: Option<BeamNode>) -> BeamCandidate {
    let infinite = |x: Option<f64>| x.unwrap_or(f64::NEG_INFINITY);
    BeamCandidate {
        node,
        parent,
        group: beam.group,
        token: beam.token.id,
        logprob: infinite(beam.logprob),
        sampling_logprob: infinite(beam.sampling_logprob.or(beam.logprob)),
        sum_logprob: infinite(beam.sum_logprob),
        sum: infinite(beam.sum_sampling_logprob.or(beam.sum_logprob)),
        length: beam.length,
        score: infinite(beam.score),
        verdict: verdict(beam),
        draw: beam.draw,
    }
}

fn verdict(beam: &Beam) -> Verdict {
    let ending = beam.finish_reason.map(|finish| match finish {
        Finish::Eos => Ending::End,
        Finish::Stop => Ending::Stop,
        Finish::Length => Ending::Length,
    });
    match (beam.status, ending) {
        (Status::Running, _) => Verdict::Kept,
        (Status::Finished, ending) => Verdict::Finished(ending.unwrap_or(Ending::Length)),
        (Status::Pruned, None) => Verdict::BelowCut,
        (Status::Pruned, Some(ending)) => {
            let all = [Verdict::EndedOutside(ending), Verdict::Outscored(ending)];
            let said = all.into_iter().find(|verdict| verdict.reason() == beam.reason.as_deref());
            said.unwrap_or(Verdict::EndedOutside(ending))
        }
    }
}

fn bound(bound: &Bound) -> StoppingBound {
    let named = |name: &str| BeamStop::ALL.into_iter().find(|stop| stop_name(*stop) == name);
    StoppingBound {
        group: bound.group,
        finished: bound.finished,
        needed: bound.needed,
        attainable: bound.attainable,
        worst_finished: bound.worst_finished,
        stop: bound.stop.as_deref().and_then(named),
    }
}
