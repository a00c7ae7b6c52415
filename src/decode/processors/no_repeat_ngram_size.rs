//! `no_repeat_ngram_size`: removes every token that would complete a run of N tokens that the text already holds.

use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow, TokenId};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "no_repeat_ngram_size",
    summary: "forbids runs of N tokens to come twice; 0 is off",
    kind: Kind::Penalty,
    parameter: Parameter::Count(|n| Arc::new(NoRepeatNgram { n })),
    neutral: Some(0.0),
    usual: 3.0,
    grid: &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    measure: "none",
    source: "Paulus, Xiong and Socher 2017, arXiv:1705.04304; transformers NoRepeatNGramLogitsProcessor: prompt and output",
};

#[derive(Debug)]
struct NoRepeatNgram {
    n: usize,
}

impl LogitsProcessor for NoRepeatNgram {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        let history = context.history;
        if self.n == 0 || history.len() < self.n {
            return Ok(None);
        }
        let begun = &history[history.len() + 1 - self.n..];
        let completes = |run: &[TokenId]| run.starts_with(begun).then(|| run[self.n - 1]);
        let banned: Vec<TokenId> = history.windows(self.n).filter_map(completes).collect();
        candidates.remove(&banned);
        Ok(None)
    }
}
