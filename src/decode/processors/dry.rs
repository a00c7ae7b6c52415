//! `dry`: makes tokens less likely that would go on with a run of tokens that the text already holds, the more the longer the run.

use super::check_ids;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::processor::{Field, Parameter};
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow, TokenId};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "dry",
    summary: "against repeated runs: MULTIPLIER:BASE:ALLOWED_LENGTH",
    kind: Kind::Penalty,
    parameter: Parameter::Fields(FIELDS, |fields| {
        Arc::new(Dry { multiplier: fields[0], base: fields[1], allowed_length: fields[2] })
    }),
    neutral: Some(0.0),
    usual: 0.8,
    grid: &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0],
    measure: "none",
    source: "p-e-w 2024, text-generation-webui pull request 5677; llama.cpp llama_sampler_dry, with its usual sequence breakers",
};

const FIELDS: &[Field] = &[
    Field { name: "multiplier", low: 0.0, high: 100.0, usual: 0.8 },
    Field { name: "base", low: 1.0, high: 10.0, usual: 1.75 },
    Field { name: "allowed length", low: 0.0, high: 1000.0, usual: 2.0 },
];

#[derive(Debug)]
struct Dry {
    multiplier: f64,
    base: f64,
    allowed_length: f64,
}

impl LogitsProcessor for Dry {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        let history = context.history;
        if self.multiplier == 0.0 || history.is_empty() {
            return Ok(None);
        }
        check_ids("history", history, candidates.vocab_size())?;
        for (id, length) in continued_runs(context) {
            if length as f64 >= self.allowed_length {
                let penalty = self.multiplier * self.base.powf(length as f64 - self.allowed_length);
                // A run of hundreds of tokens overflows: forbidding would not be a penalty, so it stays a large number.
                candidates.set_score(id, candidates.score(id) - penalty.min(1e30));
            }
        }
        Ok(None)
    }
}

/// A run does not reach over a token that holds one of these.
const BREAKERS: [u8; 4] = *b"\n:\"*";

/// For each token that has followed an earlier copy of the end of the text, the length of the longest such copy.
fn continued_runs(context: Context<'_>) -> BTreeMap<TokenId, usize> {
    let breaks = |id: TokenId| {
        let bytes = context.bytes.map(|bytes| bytes.token_bytes(id)).unwrap_or_default();
        bytes.iter().any(|byte| BREAKERS.contains(byte))
    };
    let history = context.history;
    let begin = history.iter().rposition(|&id| breaks(id)).map_or(0, |breaker| breaker + 1);
    let end = &history[begin..];
    let mut longest = BTreeMap::new();
    for next in 1..history.len() {
        let pairs = history[..next].iter().rev().zip(end.iter().rev());
        let length = pairs.take_while(|(earlier, last)| earlier == last && !breaks(**earlier)).count();
        let known: &mut usize = longest.entry(history[next]).or_default();
        *known = length.max(*known);
    }
    longest
}
