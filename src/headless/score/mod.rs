//! `score`: how probable given text is under the model.

mod document;
mod write;

use std::io::Write;

use crate::decode::scoring::{Totals, audit, best};
use crate::decode::{Chain, TokenId};
use crate::engine::{ScoreRequest, TokenScore, record, score as score_completions, score_text};
use crate::model::{LoadedModel, Progress as Read, PromptForm, SpecialTokens, Tokenizer};
use crate::session::trace::Prompt;

use self::document::{AuditRecord, Completion, ScoreDocument};
use self::write::write;
use super::progress::Progress;
use super::style::Style;
use super::{Format, HeadlessError, Interrupt};

/// What is scored.
#[derive(Clone, Debug)]
pub enum ScoreInput {
    /// Completions after a prompt.
    Completions {
        /// What stands before them.
        prompt: String,
        /// The completions, at least one.
        completions: Vec<String>,
        /// Audits the usual mistakes; the chain is what the mistake `filtered` filters with.
        audit: Option<Chain>,
    },
    /// A whole text.
    Text {
        /// The text.
        text: String,
        /// Tokens between the beginnings of two windows, where the text is longer than the context; half of it if not given.
        stride: Option<usize>,
    },
}

/// What to score, and how to write it.
pub struct ScoreJob<'a> {
    /// The text.
    pub input: &'a ScoreInput,
    /// Which special tokens are put before it.
    pub special: SpecialTokens,
    /// How what was typed becomes the text that the model reads.
    pub form: PromptForm,
    /// The form of the output.
    pub format: Format,
    /// Colours in text.
    pub style: Style,
    /// Breaks it off.
    pub interrupt: &'a Interrupt,
    /// Shows how far it is.
    pub progress: &'a Progress,
    /// Takes a line that the user should see, beside the output.
    pub warn: &'a dyn Fn(&str),
}

/// Scores and writes the result. The prompt is cut into tokens as in `run`, a completion by itself without special tokens.
///
/// # Errors
/// A text that can't be cut or doesn't fit the context, an empty completion, an interruption, or output that can't be written.
pub fn score(loaded: &mut LoadedModel, job: &ScoreJob<'_>, out: &mut dyn Write) -> Result<(), HeadlessError> {
    let info = loaded.model.info().clone();
    let (prompt, completions, audit) = match job.input {
        ScoreInput::Completions { prompt, completions, audit } => {
            after_prompt(loaded, job, prompt, completions, audit.as_ref())?
        }
        ScoreInput::Text { text, stride } => (None, vec![whole(loaded, job, text, *stride)?], None),
    };
    job.progress.clear();
    completions.iter().enumerate().for_each(|(index, completion)| warn_of_unknown(index, completion, job));
    let sums: Vec<f64> = completions.iter().map(|completion| completion.totals.sum_logprob).collect();
    let best = best(&sums).unwrap_or_default();
    let document =
        ScoreDocument { format: "logitscope.score", version: 1, model: &info, prompt, completions, best, audit };
    let mut written = Vec::new();
    write(&document, loaded.tokenizer.as_ref(), (job.format, job.style), &mut written)?;
    out.write_all(&written)?;
    Ok(out.flush()?)
}

type Scored = (Option<Prompt>, Vec<Completion>, Option<Vec<AuditRecord>>);

fn after_prompt(
    loaded: &mut LoadedModel,
    job: &ScoreJob<'_>,
    prompt: &str,
    texts: &[String],
    chain: Option<&Chain>,
) -> Result<Scored, HeadlessError> {
    let tokenizer = loaded.tokenizer.as_ref();
    let typed = job.form.typed(prompt);
    let (prompt, special) = job.form.apply(prompt, job.special, tokenizer)?;
    let prompt_ids = tokenizer.encode(&prompt, special)?;
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        ids.push(tokenizer.encode(text, SpecialTokens::Never)?);
    }
    let chain = chain.cloned().map(|chain| chain.forbidding(&loaded.model.info().never_chosen)).transpose()?;
    let request = ScoreRequest { prompt: &prompt_ids, completions: &ids, audit: chain.as_ref() };
    let mut watch = |read: Read| {
        job.progress.show("scoring", read.done, read.total);
        job.interrupt.check()
    };
    let scores = score_completions(loaded.model.as_mut(), &request, &mut watch)?;
    let mut completions = Vec::with_capacity(texts.len());
    for (index, (text, (ids, figures))) in texts.iter().zip(ids.iter().zip(scores.completions)).enumerate() {
        let cut = cut_together(tokenizer, special, (&prompt, &prompt_ids), (text, ids));
        if let Some(together) = &cut {
            (job.warn)(&boundary_warning(tokenizer, index, prompt_ids.len(), together));
        }
        let figures: Vec<_> = figures.into_iter().map(Some).collect();
        completions.push(Completion::new(text, ids, &figures, (loaded.model.info(), tokenizer)).cut_together(cut));
    }
    let sums: Vec<f64> = completions.iter().map(|completion| completion.totals.sum_logprob).collect();
    let audit = chain.map(|chain| AuditRecord::all(&audit(&scores.evidence), best(&sums), &chain));
    let prompt_scores: Vec<Option<TokenScore>> = scores.prompt.scores;
    let prompt = Prompt { chat: typed, ..record::prompt(&prompt, &prompt_ids, &prompt_scores, tokenizer) };
    Ok((Some(prompt), completions, audit))
}

/// The tokens of prompt and completion cut as one text, where they are others than those that are scored.
fn cut_together(
    tokenizer: &dyn Tokenizer,
    special: SpecialTokens,
    (prompt, prompt_ids): (&str, &[TokenId]),
    (text, ids): (&str, &[TokenId]),
) -> Option<Vec<TokenId>> {
    let together = tokenizer.encode(&format!("{prompt}{text}"), special).ok()?;
    (together != [prompt_ids, ids].concat()).then_some(together)
}

/// Says of the first token that the server doesn't list what is known of it.
fn warn_of_unknown(index: usize, completion: &Completion, job: &ScoreJob<'_>) {
    let figures = |token: &document::Token| token.figures.filter(|figures| !figures.is_known());
    let mut unknown = completion.tokens.iter().filter_map(|token| Some((token, figures(token)?)));
    if let Some((token, figures)) = unknown.next() {
        let more = match unknown.count() {
            0 => String::new(),
            n => format!(", nor are {n} more"),
        };
        (job.warn)(&format!(
            "completion {}: token {:?} is none of those that the server lists{more}: log p is at most {:.3}, and the sum is \
             not known",
            index + 1,
            token.cut.text,
            figures.at_most
        ));
    }
}

fn boundary_warning(tokenizer: &dyn Tokenizer, index: usize, prompt: usize, together: &[TokenId]) -> String {
    let from = prompt.saturating_sub(1).min(together.len());
    let texts: Vec<&str> = together[from..].iter().take(4).map(|&id| tokenizer.piece(id).text.as_str()).collect();
    format!(
        "completion {}: cut together with the prompt it gives other tokens (…{texts:?}…), which the model may find more \
         natural; a space belongs to the beginning of a completion, not to the end of a prompt",
        index + 1
    )
}

fn whole(
    loaded: &mut LoadedModel,
    job: &ScoreJob<'_>,
    text: &str,
    stride: Option<usize>,
) -> Result<Completion, HeadlessError> {
    let ids = loaded.tokenizer.encode(text, job.special)?;
    let mut watch = |read: Read| {
        job.progress.show("scoring", read.done, read.total);
        job.interrupt.check()
    };
    let figures = score_text(loaded.model.as_mut(), &ids, stride, &mut watch)?;
    Ok(Completion::new(text, &ids, &figures, (loaded.model.info(), loaded.tokenizer.as_ref())))
}

/// The totals of what has a log-probability; bytes are those of the same tokens.
fn totals(ids: &[TokenId], logprobs: impl Iterator<Item = Option<f64>>, tokenizer: &dyn Tokenizer) -> Totals {
    let scored =
        ids.iter().zip(logprobs).filter_map(|(&id, logprob)| Some((logprob?, tokenizer.piece(id).bytes.len())));
    Totals::of(scored)
}
