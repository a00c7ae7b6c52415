//! `dynamic_temperature`: a temperature between two bounds that grows with the entropy of the distribution.

use super::temperature::Temperature;
use std::sync::Arc;

use crate::decode::processor::{Field, Parameter};
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "dynamic_temperature",
    summary: "temperature growing with H: LOW:HIGH:EXPONENT",
    kind: Kind::Warper,
    parameter: Parameter::Fields(FIELDS, |fields| {
        Arc::new(DynamicTemperature { low: fields[0], high: fields[1], exponent: fields[2] })
    }),
    neutral: None,
    usual: 0.5,
    grid: &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    measure: "none",
    source: "kalomaze 2023; llama.cpp llama_sampler_temp_ext: T = low + (high − low) · (H / log n)^exponent",
};

const FIELDS: &[Field] = &[
    Field { name: "low", low: 0.0, high: 100.0, usual: 0.5 },
    Field { name: "high", low: 0.0, high: 100.0, usual: 1.5 },
    Field { name: "exponent", low: 0.0, high: 10.0, usual: 1.0 },
];

#[derive(Debug)]
struct DynamicTemperature {
    low: f64,
    high: f64,
    exponent: f64,
}

impl LogitsProcessor for DynamicTemperature {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        let count = candidates.alive_scores().filter(|z| z.is_finite()).count();
        if count < 2 {
            return Ok(None);
        }
        let entropy = candidates.normalizer().entropy();
        let share = (entropy / (count as f64).ln()).clamp(0.0, 1.0);
        let temperature = self.low + (self.high - self.low) * share.powf(self.exponent);
        Temperature { temperature }.apply(candidates, context)
    }
}
