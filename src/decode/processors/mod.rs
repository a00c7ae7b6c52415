//! The processors, one file each, and the table that declares them.

mod dry;
mod dynamic_temperature;
mod epsilon_cutoff;
mod eta_cutoff;
mod frequency_penalty;
mod guidance_scale;
mod logit_bias;
mod min_p;
mod mirostat;
mod no_repeat_ngram_size;
mod presence_penalty;
mod regex;
mod repetition_penalty;
mod suppress_tokens;
mod temperature;
mod top_k;
mod top_n_sigma;
mod top_p;
mod typical_p;
mod xtc;

use std::collections::BTreeMap;

use super::{DecodeError, ProcessorRow, TokenId};

/// Every processor, in the order in which the options build a chain.
pub static PROCESSORS: &[ProcessorRow] = &[
    guidance_scale::ROW,
    regex::ROW,
    logit_bias::ROW,
    suppress_tokens::ROW,
    repetition_penalty::ROW,
    presence_penalty::ROW,
    frequency_penalty::ROW,
    no_repeat_ngram_size::ROW,
    dry::ROW,
    temperature::ROW,
    dynamic_temperature::ROW,
    top_n_sigma::ROW,
    top_k::ROW,
    top_p::ROW,
    min_p::ROW,
    typical_p::ROW,
    epsilon_cutoff::ROW,
    eta_cutoff::ROW,
    xtc::ROW,
    mirostat::ROW,
];

/// Finds a processor by its name.
///
/// # Errors
/// An unknown name; the message lists the known ones.
pub fn processor(name: &str) -> Result<&'static ProcessorRow, DecodeError> {
    PROCESSORS.iter().find(|row| row.name == name).ok_or_else(|| DecodeError::UnknownProcessor {
        name: name.into(),
        known: PROCESSORS.iter().map(|row| row.name).collect::<Vec<_>>().join(", "),
    })
}

/// How often each token occurs, by ascending id.
fn counts(ids: &[TokenId], vocab_size: usize) -> Result<BTreeMap<TokenId, usize>, DecodeError> {
    check_ids("history", ids, vocab_size)?;
    let mut counts = BTreeMap::new();
    for &id in ids {
        *counts.entry(id).or_default() += 1;
    }
    Ok(counts)
}

/// Refuses ids that have no logit.
fn check_ids(what: &'static str, ids: &[TokenId], vocab_size: usize) -> Result<(), DecodeError> {
    match ids.iter().find(|&&id| id as usize >= vocab_size) {
        Some(&id) => Err(DecodeError::BadToken { what, id, vocab_size }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
