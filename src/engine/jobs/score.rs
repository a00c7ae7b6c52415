//! Scoring completions for the interface.

use std::sync::Arc;

use crate::decode::scoring::{Evidence, TokenFigures, Totals, Verdict, audit, best};
use crate::decode::{Chain, TokenId};
use crate::engine::generate::check_prompt;
use crate::engine::score::{Cursor, check, read_some};
use crate::engine::texts::{ReadPrompt, ReadTexts};
use crate::engine::{EngineError, ScoreRequest, TokenScore};
use crate::model::{PromptForm, SpecialTokens, Tokenizer};
use crate::session::NodeId;

use super::{Ground, Job, News};

/// Tokens read in a turn: each is analysed for the audit too.
const TURN: usize = 8;

/// What is to be scored.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreAsked {
    /// What stands before the completions.
    pub prompt: String,
    /// The completions, each with at least one token.
    pub completions: Vec<String>,
    /// Whether a begin-of-text token is put before the prompt.
    pub special: SpecialTokens,
    /// How what was typed becomes the text that the model reads.
    pub form: PromptForm,
    /// What the mistake `filtered` of the audit filters with.
    pub filter: Chain,
}

/// A completion with its figures.
#[derive(Clone, Debug)]
pub struct ScoredCompletion {
    /// Its tokens.
    pub tokens: Vec<TokenId>,
    /// The figures of each.
    pub figures: Vec<TokenFigures>,
    /// What they come to.
    pub totals: Totals,
    /// The tokens of prompt and completion as one text, where they are others than those that are scored.
    pub cut_together: Option<Vec<TokenId>>,
}

/// Completions of one prompt, scored.
#[derive(Clone, Debug)]
pub struct Scored {
    /// What was asked for.
    pub asked: ScoreAsked,
    /// The tokens of the prompt.
    pub prompt: Vec<TokenId>,
    /// Their scores; the first has none.
    pub prompt_scores: Vec<Option<TokenScore>>,
    /// The completions, in the order given.
    pub completions: Vec<ScoredCompletion>,
    /// The index of the completion with the highest Σ log p.
    pub best: usize,
    /// What the audit of usual mistakes needs of each.
    pub evidence: Vec<Evidence>,
    /// What each of the usual mistakes would have given.
    pub verdicts: Vec<Verdict>,
}

/// Scores completions after a prompt, some tokens a turn. What is read stays with the evaluator, so that the next job reads
/// only what has changed.
pub struct ScoreJob {
    asked: ScoreAsked,
    /// From the root of the session's tree to the end of its prompt: what it has read of the same prompt costs nothing.
    session: Vec<(NodeId, TokenId)>,
    stage: Stage,
}

enum Stage {
    Begins,
    Reads(Box<Reading>),
    Over,
}

/// What is read so far.
struct Reading {
    /// The prompt as the model reads it, and what is put before it.
    read: String,
    special: SpecialTokens,
    texts: ReadTexts,
    completions: Vec<Vec<TokenId>>,
    /// Texts of before, whose beginnings may be the same.
    before: Vec<Cursor>,
}

impl ScoreJob {
    /// Nothing scored yet.
    #[must_use]
    pub fn new(asked: ScoreAsked, session: Vec<(NodeId, TokenId)>) -> Self {
        Self { asked, session, stage: Stage::Begins }
    }

    fn begin(&self, ground: &mut Ground<'_>) -> Result<Reading, EngineError> {
        let asked = &self.asked;
        let (read, special) = asked.form.apply(&asked.prompt, asked.special, ground.tokenizer.as_ref())?;
        let prompt = ground.tokenizer.encode(&read, special)?;
        let cut = |text: &String| ground.tokenizer.encode(text, SpecialTokens::Never);
        let completions = asked.completions.iter().map(cut).collect::<Result<Vec<_>, _>>()?;
        let info = ground.evaluator.model().info();
        let filter = asked.filter.clone().forbidding(&info.never_chosen)?;
        let context = info.context_length;
        check_prompt(&prompt, context)?;
        check(&ScoreRequest { prompt: &prompt, completions: &completions, audit: Some(&filter) }, context)?;
        let old = ground.evaluator.texts.take();
        let texts =
            ReadTexts { prompt: ReadPrompt::new(prompt, old.as_ref().map(|old| &old.prompt)), filter, texts: vec![] };
        let same = old.filter(|old| old.prompt.tokens == texts.prompt.tokens && old.filter == texts.filter);
        Ok(Reading { read, special, texts, completions, before: same.map(|old| old.texts).unwrap_or_default() })
    }
}

impl Reading {
    /// Reads on; none when all is read.
    fn advance(&mut self, session: &[(NodeId, TokenId)], ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let Self { texts, completions, before, .. } = self;
        if !texts.prompt.is_read() {
            texts.prompt.advance(ground.evaluator, session, TURN, ground.watch)?;
        } else if texts.texts.is_empty() {
            let info = ground.evaluator.model().info();
            let begun = completions.iter().map(|tokens| texts.text(tokens, before, info));
            texts.texts = begun.collect::<Result<_, _>>()?;
        } else {
            let request = ScoreRequest { prompt: &texts.prompt.tokens, completions, audit: Some(&texts.filter) };
            let Some((end, _)) = texts.prompt.end() else { return Ok(None) };
            if read_some(ground.evaluator.model_mut(), &request, (end, TURN), &mut texts.texts, ground.watch)? == 0 {
                return Ok(None);
            }
        }
        let done = texts.prompt.read() + texts.texts.iter().map(|text| text.nodes.len()).sum::<usize>();
        let total = texts.prompt.tokens.len() + completions.iter().map(Vec::len).sum::<usize>();
        Ok(Some(News::Scoring { done, total }))
    }

    /// All that is read, of this job or of those before.
    fn so_far(&self) -> ReadTexts {
        let texts = if self.texts.texts.is_empty() { &self.before } else { &self.texts.texts };
        ReadTexts { prompt: self.texts.prompt.clone(), filter: self.texts.filter.clone(), texts: texts.clone() }
    }

    /// What has come of it; the texts stay with the evaluator.
    fn finish(self, asked: &ScoreAsked, ground: &mut Ground<'_>) -> Result<Scored, EngineError> {
        let Self { read, special, mut texts, completions, .. } = self;
        let prompt = texts.prompt.tokens.clone();
        let unread = || EngineError::Request("the prompt was not read".into());
        let (end, _) = texts.prompt.end().ok_or_else(unread)?;
        let request = ScoreRequest { prompt: &prompt, completions: &completions, audit: Some(&texts.filter) };
        for text in &mut texts.texts {
            text.finish(ground.evaluator.model_mut(), &request, end, ground.watch)?;
        }
        let tokenizer = ground.tokenizer.as_ref();
        let scored = |(text, cursor): (&String, &Cursor)| ScoredCompletion {
            totals: totals(&cursor.tokens, &cursor.figures, tokenizer),
            cut_together: cut_together(tokenizer, (&read, special), (text, &prompt, &cursor.tokens)),
            tokens: cursor.tokens.clone(),
            figures: cursor.figures.clone(),
        };
        let all: Vec<ScoredCompletion> = asked.completions.iter().zip(&texts.texts).map(scored).collect();
        let sums: Vec<f64> = all.iter().map(|completion| completion.totals.sum_logprob).collect();
        let prompt_scores = texts.prompt.scores.clone();
        let logprobs: Vec<f64> = prompt_scores.iter().flatten().map(|score| score.logprob).collect();
        let evidence: Vec<Evidence> = texts.texts.iter().map(|text| text.evidence(&logprobs)).collect();
        ground.evaluator.texts = Some(texts);
        Ok(Scored {
            best: best(&sums).unwrap_or_default(),
            verdicts: audit(&evidence),
            evidence,
            prompt_scores,
            completions: all,
            prompt,
            asked: asked.clone(),
        })
    }
}

impl Job for ScoreJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let mut reading = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Begins => Box::new(self.begin(ground)?),
            Stage::Reads(reading) => reading,
            Stage::Over => return Ok(None),
        };
        if let Some(news) = reading.advance(&self.session, ground)? {
            // Also what a newer job interrupts was not read in vain.
            ground.evaluator.texts = Some(reading.so_far());
            self.stage = Stage::Reads(reading);
            return Ok(Some(news));
        }
        Ok(Some(News::Scored(Arc::new(reading.finish(&self.asked, ground)?))))
    }
}

/// What the tokens come to, bits over their bytes.
fn totals(tokens: &[TokenId], figures: &[TokenFigures], tokenizer: &dyn Tokenizer) -> Totals {
    let bytes = |id: &TokenId| tokenizer.piece(*id).bytes.len();
    Totals::of(tokens.iter().zip(figures).map(|(id, figures)| (figures.logprob, bytes(id))))
}

/// The tokens of prompt and completion cut as one text, where they are others.
fn cut_together(
    tokenizer: &dyn Tokenizer,
    (read, special): (&str, SpecialTokens),
    (text, prompt, tokens): (&str, &[TokenId], &[TokenId]),
) -> Option<Vec<TokenId>> {
    let together = tokenizer.encode(&format!("{read}{text}"), special).ok()?;
    (together != [prompt, tokens].concat()).then_some(together)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::engine::Evaluator;
    use crate::model::{
        CacheNode, CacheUse, LanguageModel, LoadedModel, ModelError, ModelInfo, Progress, Run, RunOutput, table,
        unwatched,
    };
    use crate::session::Session;

    const TABLE: &str = "
vocabulary = ['a', 'b', 'c']
end = '.'
[[row]]
context = []
next = { a = 0.1, b = 0.6, c = 0.05, '.' = 0.2 }
[[row]]
context = ['b']
next = { a = 0.1, b = 0.05, c = 0.7, '.' = 0.1 }
";

    /// A table that counts the tokens that it reads, and the most in one pass.
    struct Counted {
        inner: Box<dyn LanguageModel>,
        tokens: Arc<[AtomicUsize; 2]>,
    }

    impl LanguageModel for Counted {
        fn info(&self) -> &ModelInfo {
            self.inner.info()
        }

        fn forward(
            &mut self,
            runs: &[Run<'_>],
            watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        ) -> Result<Vec<RunOutput>, ModelError> {
            let read = runs.iter().map(|run| run.tokens.len()).sum::<usize>();
            self.tokens[0].fetch_add(read, Ordering::Relaxed);
            self.tokens[1].fetch_max(read, Ordering::Relaxed);
            self.inner.forward(runs, watch)
        }

        fn retain(&mut self, live: &[CacheNode]) {
            self.inner.retain(live);
        }

        fn cache_use(&self) -> CacheUse {
            self.inner.cache_use()
        }
    }

    struct Bench {
        evaluator: Evaluator,
        tokenizer: Arc<dyn Tokenizer>,
        tokens: Arc<[AtomicUsize; 2]>,
        session: Vec<(NodeId, TokenId)>,
    }

    impl Bench {
        fn new() -> Self {
            let LoadedModel { model, tokenizer } = table::parse("table", TABLE).unwrap();
            let tokens = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
            let counted = Counted { inner: model, tokens: Arc::clone(&tokens) };
            Self { evaluator: Evaluator::new(Box::new(counted)), tokenizer, tokens, session: Vec::new() }
        }

        fn job(&self, prompt: &str, completions: &[&str]) -> ScoreJob {
            let asked = ScoreAsked {
                prompt: prompt.into(),
                completions: completions.iter().map(|&text| text.into()).collect(),
                special: SpecialTokens::Never,
                form: PromptForm::Plain,
                filter: Chain::parse("top_k=2").unwrap(),
            };
            ScoreJob::new(asked, self.session.clone())
        }

        /// Scores, and returns how many tokens were read for it. What nothing needs is forgotten after every turn.
        fn score(&mut self, prompt: &str, completions: &[&str]) -> (usize, Arc<Scored>) {
            let before = self.tokens[0].load(Ordering::Relaxed);
            let mut job = self.job(prompt, completions);
            let mut last = 0;
            loop {
                let mut watch = unwatched;
                let mut ground =
                    Ground { evaluator: &mut self.evaluator, tokenizer: &self.tokenizer, watch: &mut watch };
                let news = job.turn(&mut ground).unwrap();
                self.evaluator.sweep(&job.live());
                match news {
                    Some(News::Scoring { done, total }) => {
                        assert!(last <= done && done <= total);
                        last = done;
                    }
                    Some(News::Scored(scored)) => {
                        let read = self.tokens[0].load(Ordering::Relaxed) - before;
                        return (read, scored);
                    }
                    _ => panic!("the job ends without a score"),
                }
            }
        }
    }

    /// The same figures as those that are read at once.
    fn check_against_whole(scored: &Scored) {
        let mut model = table::parse("table", TABLE).unwrap().model;
        let completions: Vec<Vec<TokenId>> = scored.completions.iter().map(|one| one.tokens.clone()).collect();
        let request =
            ScoreRequest { prompt: &scored.prompt, completions: &completions, audit: Some(&scored.asked.filter) };
        let whole = crate::engine::score(model.as_mut(), &request, &mut unwatched).unwrap();
        let figures: Vec<_> = scored.completions.iter().map(|one| one.figures.clone()).collect();
        assert_eq!((figures, &scored.evidence), (whole.completions, &whole.evidence));
        assert_eq!(scored.prompt_scores, whole.prompt.scores);
    }

    #[test]
    fn it_reads_in_short_turns_and_only_what_is_new() {
        let mut bench = Bench::new();
        let prompt = "abc".repeat(7);
        for (completions, read) in [
            (&["bca", "cab"][..], 21 + 3 + 3),
            (&["bca", "cab"], 0),
            // A text that is new reads itself; an appended letter itself and the one before; a cut one its last letter.
            (&["bca", "aaaa"], 4),
            (&["bcab", "aaaa"], 2),
            (&["bcab", "aa"], 1),
            (&["bcab"], 0),
            (&["bcbb"], 3),
        ] {
            let (tokens, scored) = bench.score(&prompt, completions);
            assert_eq!(tokens, read, "for {completions:?}");
            check_against_whole(&scored);
        }
        assert_eq!(bench.tokens[1].load(Ordering::Relaxed), TURN);
        // Of a longer prompt, what was read of the shorter one counts: its last letter and the new one are read.
        let (tokens, scored) = bench.score(&format!("{prompt}a"), &["b"]);
        assert_eq!(tokens, 2 + 1);
        check_against_whole(&scored);
    }

    #[test]
    fn what_an_interrupted_job_has_read_counts() {
        let whole = Bench::new().score(&"abc".repeat(9), &["bcabca"]).0;
        for turns in 1..10 {
            let mut bench = Bench::new();
            let mut job = bench.job(&"abc".repeat(9), &["bcabca"]);
            for _ in 0..turns {
                let mut watch = unwatched;
                let mut ground =
                    Ground { evaluator: &mut bench.evaluator, tokenizer: &bench.tokenizer, watch: &mut watch };
                job.turn(&mut ground).unwrap();
                bench.evaluator.sweep(&job.live());
            }
            let before = bench.tokens[0].load(Ordering::Relaxed);
            let (tokens, scored) = bench.score(&"abc".repeat(9), &["bcabca"]);
            assert!(tokens + before <= whole + 1, "after {turns} turns: {before} and {tokens}");
            check_against_whole(&scored);
        }
    }

    #[test]
    fn what_the_session_has_read_is_not_read_again() {
        let mut bench = Bench::new();
        let ids = bench.tokenizer.encode("abcab", SpecialTokens::Never).unwrap();
        let session = Session::new(&ids).unwrap();
        let path = session.path().into_iter().map(|node| (node, session.token(node))).collect();
        bench.session = path;
        bench.evaluator.evaluate(&bench.session.clone(), &mut unwatched).unwrap();
        let (tokens, scored) = bench.score("abcab", &["c"]);
        assert_eq!(tokens, 1);
        check_against_whole(&scored);
    }
}
