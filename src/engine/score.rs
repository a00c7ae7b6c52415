//! Scoring given text: one forward pass over it, in chunks, never one for each token.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::decode::scoring::{Evidence, TokenEvidence, TokenFigures, Window, windows};
use crate::decode::{Analysis, Chain, Context, Distribution, TokenId};
use crate::model::{CacheNode, LanguageModel, Positions, Progress, Run};

use super::EngineError;
use super::evaluator::{CHUNK, logprob};
use super::generate::{PromptRead, read_prompt};

type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Completions to score after one prompt.
#[derive(Clone, Copy, Debug)]
pub struct ScoreRequest<'a> {
    /// Token ids of the prompt, at least one.
    pub prompt: &'a [TokenId],
    /// Token ids of each completion, at least one each.
    pub completions: &'a [Vec<TokenId>],
    /// What the mistake `filtered` filters with; nothing gathers no evidence for the audit, which saves its time.
    pub audit: Option<&'a Chain>,
}

/// The scores of some completions.
pub struct Scores {
    /// The prompt as it was read, with the scores of its tokens.
    pub prompt: PromptRead,
    /// For each completion the figures of each token.
    pub completions: Vec<Vec<TokenFigures>>,
    /// For each completion what the audit needs, where it was asked for.
    pub evidence: Vec<Evidence>,
}

/// Scores completions: the prompt is read once, and all completions go on from it, several in one batch.
///
/// # Errors
/// An empty prompt or completion, one that does not fit the context, what the model refuses, or an interruption by `watch`.
pub fn score(
    model: &mut dyn LanguageModel,
    request: &ScoreRequest<'_>,
    watch: Watch<'_>,
) -> Result<Scores, EngineError> {
    check(request, model.info().context_length)?;
    let prompt = read_prompt(model, request.prompt, watch)?;
    let before = Arc::new(model.info().distribution(&prompt.logits)?);
    let start = |tokens: &Vec<TokenId>| Cursor::new(tokens.clone(), Arc::clone(&before));
    let mut cursors: Vec<Cursor> = request.completions.iter().map(start).collect();
    let ends = model.info().eos_token_ids.clone();
    let total = cursors.iter().map(|cursor| cursor.to_read(request, &ends)).sum();
    let mut done = 0;
    loop {
        let mut shifted = |progress: Progress| watch(Progress { done: done + progress.done, total });
        match read_some(model, request, (prompt.end, CHUNK), &mut cursors, &mut shifted)? {
            0 => break,
            read => done += read,
        }
    }
    let prompt_logprobs: Vec<f64> = prompt.scores.iter().flatten().map(|score| score.logprob).collect();
    for cursor in &mut cursors {
        cursor.finish(model, request, prompt.end, watch)?;
    }
    let evidence = cursors.iter().filter(|_| request.audit.is_some()).map(|cursor| cursor.evidence(&prompt_logprobs));
    let evidence = evidence.collect();
    Ok(Scores { completions: cursors.into_iter().map(|cursor| cursor.figures).collect(), evidence, prompt })
}

/// Refuses what can't be scored.
pub(super) fn check(request: &ScoreRequest<'_>, context: usize) -> Result<(), EngineError> {
    let prompt = request.prompt.len();
    for (index, tokens) in request.completions.iter().enumerate() {
        let (number, n) = (index + 1, tokens.len());
        if tokens.is_empty() {
            return Err(EngineError::Request(format!("completion {number} has no token: give it some text")));
        }
        if prompt < context && prompt + n > context {
            return Err(EngineError::Request(format!(
                "completion {number} has {n} tokens after a prompt of {prompt}: the model's context holds {context}"
            )));
        }
    }
    Ok(())
}

/// How far a completion is read.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    pub(super) tokens: Vec<TokenId>,
    /// The cache entries of the tokens read so far.
    pub(super) nodes: Vec<CacheNode>,
    /// What may come after them; none where that was forgotten.
    next: Option<Arc<Distribution>>,
    pub(super) figures: Vec<TokenFigures>,
    evidence: Vec<TokenEvidence>,
    /// log p of an end token after the last one.
    end: Option<f64>,
    stage: Stage,
}

/// Whether all is known of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Reading,
    Finished,
}

impl Cursor {
    /// Nothing read; `next` is what may come first.
    pub(super) fn new(tokens: Vec<TokenId>, next: Arc<Distribution>) -> Self {
        Self {
            tokens,
            nodes: vec![],
            next: Some(next),
            figures: vec![],
            evidence: vec![],
            end: None,
            stage: Stage::Reading,
        }
    }

    /// What is known of another text that begins with what this one has read. The distribution after it is not kept: its last
    /// token is read again.
    pub(super) fn resumed(&self, tokens: Vec<TokenId>, first: Arc<Distribution>) -> Self {
        if self.is_all_of(&tokens) {
            return self.clone();
        }
        let shared = self.shared_with(&tokens);
        let read = shared.saturating_sub(1);
        Self {
            tokens,
            nodes: self.nodes[..read].to_vec(),
            next: (read == 0).then_some(first),
            figures: self.figures[..shared].to_vec(),
            evidence: self.evidence[..shared.min(self.evidence.len())].to_vec(),
            end: None,
            stage: Stage::Reading,
        }
    }

    fn is_all_of(&self, tokens: &[TokenId]) -> bool {
        self.stage == Stage::Finished && tokens == self.tokens
    }

    /// Tokens that need not be read for another text.
    pub(super) fn shared_with(&self, tokens: &[TokenId]) -> usize {
        if self.is_all_of(tokens) {
            return tokens.len();
        }
        tokens.iter().zip(&self.tokens).take_while(|(a, b)| a == b).count().min(self.nodes.len())
    }

    /// The figures of the token at `place`, where they are not known yet and the distribution before it is.
    fn look_up(
        &self,
        place: usize,
        model: &mut dyn LanguageModel,
        prompt_end: CacheNode,
        watch: Watch<'_>,
    ) -> Result<Option<TokenFigures>, EngineError> {
        let Some(next) = self.next.as_ref().filter(|_| place == self.figures.len()) else { return Ok(None) };
        let after = self.nodes.last().copied().unwrap_or(prompt_end);
        figures(model, self.tokens[place], (after, next), watch).map(Some)
    }

    /// Scores the token at `place`, where it was looked up; `after` is what the model says once it has read it.
    fn take(
        &mut self,
        place: usize,
        figures: Option<TokenFigures>,
        after: Option<Arc<Distribution>>,
        request: &ScoreRequest<'_>,
    ) -> Result<(), EngineError> {
        if let (Some(figures), Some(next)) = (figures, self.next.take()) {
            let token = self.tokens[place];
            if let Some(chain) = request.audit {
                let history = [request.prompt, &self.tokens[..place]].concat();
                let context = Context { history: &history, prompt_length: request.prompt.len(), ..Context::default() };
                let filtered = Analysis::new(Arc::clone(&next), chain, context)?.sampling_logprob(token);
                let late = after.as_ref().map(|after| after.logprob(token));
                self.evidence.push(TokenEvidence { figures, filtered, late });
            }
            self.figures.push(figures);
            self.next = Some(next);
        }
        self.next = after.or(self.next.take());
        Ok(())
    }

    /// Tokens that have to be read in all. What comes after the last one matters to the audit alone, and not after an end of
    /// text.
    pub(super) fn to_read(&self, request: &ScoreRequest<'_>, ends: &[TokenId]) -> usize {
        let goes_on = self.tokens.last().is_some_and(|last| !ends.contains(last));
        self.tokens.len() - usize::from(request.audit.is_none() || !goes_on)
    }

    /// Scores the last token where it was not read, and looks at what may end the text after it.
    pub(super) fn finish(
        &mut self,
        model: &mut dyn LanguageModel,
        request: &ScoreRequest<'_>,
        prompt_end: CacheNode,
        watch: Watch<'_>,
    ) -> Result<(), EngineError> {
        let (place, ends) = (self.figures.len(), model.info().eos_token_ids.clone());
        if place < self.tokens.len() {
            let figures = self.look_up(place, model, prompt_end, watch)?;
            self.take(place, figures, None, request)?;
        }
        let ended = self.tokens.last().is_some_and(|last| ends.contains(last));
        if let Some(next) = self.next.take().filter(|_| !ended) {
            self.end = ends.iter().map(|&id| next.logprob(id)).reduce(f64::max);
        }
        self.stage = Stage::Finished;
        Ok(())
    }

    /// What the audit needs; the tokens of the prompt have these log p.
    pub(super) fn evidence(&self, prompt: &[f64]) -> Evidence {
        Evidence { tokens: self.evidence.clone(), prompt: prompt.to_vec(), end: self.end }
    }
}

/// The figures of a token after a node, whose distribution is given.
fn figures(
    model: &mut dyn LanguageModel,
    token: TokenId,
    (after, distribution): (CacheNode, &Distribution),
    watch: Watch<'_>,
) -> Result<TokenFigures, EngineError> {
    let logprob = logprob(model, token, (after, distribution), watch)?;
    let listed = TokenFigures::of(token, distribution);
    let at_most = if logprob > f64::NEG_INFINITY { logprob } else { listed.at_most };
    Ok(TokenFigures { logprob, at_most, ..listed })
}

/// Reads on in all completions, as many tokens at once as fit a chunk. Returns how many were read: 0 when all are.
pub(super) fn read_some(
    model: &mut dyn LanguageModel,
    request: &ScoreRequest<'_>,
    (prompt_end, chunk): (CacheNode, usize),
    cursors: &mut [Cursor],
    watch: Watch<'_>,
) -> Result<usize, EngineError> {
    let ends = model.info().eos_token_ids.clone();
    let (mut room, mut chosen, mut runs) = (chunk, Vec::new(), Vec::new());
    for (index, cursor) in cursors.iter().enumerate() {
        let (begin, end) = (cursor.nodes.len(), cursor.to_read(request, &ends));
        let take = end.saturating_sub(begin).min(room);
        if take > 0 {
            let after = cursor.nodes.last().copied().unwrap_or(prompt_end);
            runs.push(Run { after: Some(after), tokens: &cursor.tokens[begin..begin + take], logits: Positions::All });
            chosen.push(index);
            room -= take;
        }
    }
    if runs.is_empty() {
        return Ok(0);
    }
    let outputs = model.forward(&runs, watch).map_err(EngineError::from_model)?;
    for (index, output) in chosen.into_iter().zip(outputs) {
        let cursor = &mut cursors[index];
        for (node, logits) in output.nodes.into_iter().zip(&output.logits) {
            let place = cursor.nodes.len();
            let figures = cursor.look_up(place, model, prompt_end, watch)?;
            let after = Arc::new(model.info().distribution(logits)?);
            cursor.take(place, figures, Some(after), request)?;
            cursor.nodes.push(node);
        }
    }
    Ok(chunk - room)
}

/// Scores a whole text. One longer than the context is read in windows that begin `stride` tokens apart (half the context if
/// nothing is said); each scores only what is new to it. The cache is emptied between windows.
///
/// The first token has no score, nor has the first of each window where the stride is the whole context.
///
/// # Errors
/// A text of fewer than two tokens, a stride that is not between 1 and the context, what the model refuses, or an interruption
/// by `watch`.
pub fn score_text(
    model: &mut dyn LanguageModel,
    tokens: &[TokenId],
    stride: Option<usize>,
    watch: Watch<'_>,
) -> Result<Vec<Option<TokenFigures>>, EngineError> {
    let context = model.info().context_length;
    if tokens.len() < 2 {
        let n = tokens.len();
        return Err(EngineError::Request(format!(
            "a text of {n} token{} has nothing to score: the first token has nothing before it",
            if n == 1 { "" } else { "s" }
        )));
    }
    if let Some(stride) = stride.filter(|stride| !(1..=context).contains(stride)) {
        return Err(EngineError::Request(format!("--stride: {stride} is not between 1 and the context of {context}")));
    }
    let windows: Vec<Window> = windows(tokens.len(), context, stride.unwrap_or(context / 2)).collect();
    let total = windows.iter().map(|window| window.read.len()).sum();
    let mut figures = vec![None; tokens.len()];
    let mut done = 0;
    for (index, window) in windows.iter().enumerate() {
        let mut shifted = |progress: Progress| watch(Progress { done: done + progress.done, total });
        if index > 0 {
            model.retain(&[]);
        }
        read_window(model, tokens, window, &mut figures, &mut shifted)?;
        done += window.read.len();
    }
    Ok(figures)
}

/// Reads a window. Logits are computed only where a scored token is looked up; the last token needs not be read.
fn read_window(
    model: &mut dyn LanguageModel,
    tokens: &[TokenId],
    window: &Window,
    figures: &mut [Option<TokenFigures>],
    watch: Watch<'_>,
) -> Result<(), EngineError> {
    let (mut at, end) = (window.read.start, window.read.end - 1);
    let first = window.scored.start - 1;
    let mut after = None;
    while at < end {
        let (wanted, limit) = if at < first { (Positions::Last, first) } else { (Positions::All, end) };
        let chunk = at..limit.min(at + CHUNK);
        let begin = at - window.read.start;
        let mut shifted =
            |progress: Progress| watch(Progress { done: begin + progress.done, total: window.read.len() });
        let run = Run { after, tokens: &tokens[chunk.clone()], logits: wanted };
        let mut outputs = model.forward(&[run], &mut shifted).map_err(EngineError::from_model)?;
        let output = outputs.pop().ok_or_else(|| EngineError::Request("the model gave no output".into()))?;
        if wanted == Positions::All {
            for (next, (&node, logits)) in (chunk.start + 1..).zip(output.nodes.iter().zip(&output.logits)) {
                let distribution = model.info().distribution(logits)?;
                figures[next] = Some(self::figures(model, tokens[next], (node, &distribution), watch)?);
            }
        }
        after = output.nodes.last().copied();
        at = chunk.end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CacheUse, ModelError, ModelInfo, RunOutput, table, unwatched};

    /// A table that counts what is asked of it.
    struct Counted {
        inner: Box<dyn LanguageModel>,
        passes: usize,
        tokens: usize,
    }

    impl LanguageModel for Counted {
        fn info(&self) -> &ModelInfo {
            self.inner.info()
        }

        fn forward(&mut self, runs: &[Run<'_>], watch: Watch<'_>) -> Result<Vec<RunOutput>, ModelError> {
            self.passes += 1;
            self.tokens += runs.iter().map(|run| run.tokens.len()).sum::<usize>();
            self.inner.forward(runs, watch)
        }

        fn retain(&mut self, live: &[CacheNode]) {
            self.inner.retain(live);
        }

        fn cache_use(&self) -> CacheUse {
            self.inner.cache_use()
        }
    }

    /// The next token is mostly the one after the last: a wrong position shows.
    fn model(context: usize) -> Counted {
        let text = format!(
            "vocabulary = ['a', 'b', 'c']\nend = '.'\ncontext_length = {context}\n\
             [[row]]\ncontext = []\nnext = {{ a = 0.1, b = 0.6, c = 0.05, '.' = 0.2 }}\n\
             [[row]]\ncontext = ['b']\nnext = {{ a = 0.1, b = 0.05, c = 0.7, '.' = 0.1 }}\n\
             [[row]]\ncontext = ['c']\nnext = {{ a = 0.8, b = 0.04, c = 0.06, '.' = 0.1 }}\n"
        );
        Counted { inner: table::parse("test", &text).unwrap().model, passes: 0, tokens: 0 }
    }

    fn cyclic(length: usize) -> Vec<TokenId> {
        (0..length).map(|i| (i * i % 5 % 3) as TokenId).collect()
    }

    /// Token by token, from nothing.
    fn one_by_one(before: &[TokenId], tokens: &[TokenId]) -> Vec<f64> {
        let mut model = model(4096).inner;
        let mut text = before.to_vec();
        let mut logprobs = Vec::new();
        for &token in tokens {
            let run = Run { after: None, tokens: &text, logits: Positions::Last };
            let logits = model.forward(&[run], &mut unwatched).unwrap().remove(0).logits.remove(0);
            logprobs.push(Distribution::from_logits(&logits).unwrap().logprob(token));
            text.push(token);
        }
        logprobs
    }

    #[test]
    fn completions_share_a_prompt_that_is_read_once_in_few_passes() {
        let (prompt, completions) = (cyclic(40), [cyclic(50), cyclic(7), vec![2], cyclic(3)]);
        let mut model = model(4096);
        let request = ScoreRequest { prompt: &prompt, completions: &completions, audit: None };
        let scores = score(&mut model, &request, &mut unwatched).unwrap();
        for (figures, tokens) in scores.completions.iter().zip(&completions) {
            let ours: Vec<f64> = figures.iter().map(|token| token.logprob).collect();
            assert_eq!(ours, one_by_one(&prompt, tokens));
        }
        assert_eq!(model.tokens, 40 + 49 + 6 + 2, "the last token of a completion needs not be read");
        assert_eq!(model.passes, 4, "two chunks each for the prompt and for all completions together");
    }

    #[test]
    fn evidence_is_about_the_right_positions() {
        let completions = [vec![1, 2], vec![1, 3]];
        let chain = Chain::parse("top_k=1").unwrap();
        let request = ScoreRequest { prompt: &[0, 0], completions: &completions, audit: Some(&chain) };
        let Scores { evidence, completions: plain, .. } = score(&mut model(64), &request, &mut unwatched).unwrap();
        let close = |a: f64, p: f64| assert!((a - p.ln()).abs() < 1e-6, "{a} is not log {p}");
        close(evidence[0].sum(), 0.6 * 0.7);
        close(evidence[0].tokens[0].late.unwrap(), 0.05);
        close(evidence[0].tokens[1].late.unwrap(), 0.06);
        close(evidence[0].end.unwrap(), 0.1);
        close(evidence[0].prompt[0], 0.1);
        assert_eq!(evidence[0].tokens[1].filtered, 0.0);
        assert_eq!(evidence[1].tokens[1].filtered, f64::NEG_INFINITY);
        assert_eq!((evidence[1].end, evidence[1].tokens[1].late), (None, None), "it has ended");
        for (evidence, figures) in evidence.iter().zip(plain) {
            assert!(evidence.tokens.iter().map(|token| token.figures).eq(figures));
        }
    }

    #[test]
    fn windows_score_every_token_once() {
        let text = cyclic(200);
        let whole: Vec<Option<f64>> =
            std::iter::once(None).chain(one_by_one(&text[..1], &text[1..]).into_iter().map(Some)).collect();
        for (context, stride) in [(4096, None), (48, None), (48, Some(1)), (48, Some(47)), (2, Some(1)), (200, Some(5))]
        {
            let mut model = model(context);
            let figures = score_text(&mut model, &text, stride, &mut unwatched).unwrap();
            let ours: Vec<Option<f64>> = figures.iter().map(|token| token.map(|token| token.logprob)).collect();
            assert_eq!(ours, whole, "context {context}, stride {stride:?}");
        }
    }

    #[test]
    fn interruptions_and_misfits_end_it() {
        let stop = &mut |_| ControlFlow::Break(());
        assert!(matches!(score_text(&mut model(64), &cyclic(9), None, stop), Err(EngineError::Interrupted)));
        let refused = |prompt: &[TokenId], completions: &[Vec<TokenId>]| {
            let request = ScoreRequest { prompt, completions, audit: None };
            score(&mut model(8), &request, &mut unwatched).err().unwrap().to_string()
        };
        assert!(refused(&[], &[vec![1]]).contains("no token"));
        assert!(refused(&[0], &[vec![1], vec![]]).contains("completion 2 has no token"));
        assert!(refused(&[0; 5], &[vec![1; 4]]).contains("context holds 8"));
        assert!(refused(&[0; 9], &[vec![1]]).contains("leaves no room"));
        assert!(score_text(&mut model(8), &[1], None, &mut unwatched).is_err());
        assert!(score_text(&mut model(8), &[1, 2], Some(0), &mut unwatched).is_err());
    }
}
