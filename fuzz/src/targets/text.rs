//! Texts that people write: chains, logits, lessons, traces.

use logitscope::decode::{Analysis, Chain, Context, Distribution, TokenBytes, TokenId};
use logitscope::headless::style::Style;
use logitscope::headless::{LogitsDefaults, ReplayFormat, logits_lines, replay};
use logitscope::lesson::Lesson;
use std::sync::Arc;

/// Tokens that patterns may be about.
const PIECES: [&str; 8] = ["a", "b", " ", "ab", "1", "é", "\n", ""];

#[derive(Debug)]
struct Pieces;

impl TokenBytes for Pieces {
    fn token_bytes(&self, id: TokenId) -> &[u8] {
        PIECES.get(id as usize).map_or(&[], |piece| piece.as_bytes())
    }
}

/// A chain, as in `--chain`, which is then run.
pub fn chain(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(chain) = Chain::parse(text) else { return };
    let written = chain.to_string();
    assert_eq!(
        Chain::parse(&written).as_ref().map(ToString::to_string),
        Ok(written.clone()),
        "what is written is read"
    );
    let logits = [1.0, 0.5, 0.5, f64::NEG_INFINITY, -3.0, 2.0, 0.0, 0.25];
    let Ok(model) = Distribution::from_logits(&logits) else { return };
    let negative = Distribution::from_logits(&[0.0; 8]).ok();
    let context = Context {
        history: &[0, 1, 0, 1, 5, 0, 1],
        prompt_length: 2,
        sampling_logprobs: &[-0.5, -1.0, -2.0, -0.1, -3.0],
        chance: 0.3,
        bytes: Some(&Pieces),
        end_ids: &[7],
        negative: negative.as_ref(),
    };
    if let Ok(analysis) = Analysis::new(Arc::new(model), &chain, context) {
        let mass: f64 = (0..8).map(|id| analysis.sampling_prob(id)).sum();
        assert!((mass - 1.0).abs() < 1e-6, "{written}: probabilities sum to {mass}");
        let _ = analysis.draw(0.999);
    }
}

/// Lines as `logitscope logits` reads them.
pub fn logits(data: &[u8]) {
    let defaults = LogitsDefaults { chain: Chain::default(), versus: None };
    let _ = logits_lines(data, &defaults, &mut Vec::new());
}

/// A lesson, computed.
pub fn lesson(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Lesson::parse("lesson.toml", text);
    }
}

/// What stands in the braces of a lesson, and a condition: two lines.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (hole, condition) = text.split_once('\n').unwrap_or((text, "1 < 2"));
    let quoted = |text: &str| text.replace(['\\', '\''], "");
    let lesson = format!(
        "title = 't'\nsummary = 's'\n[figures.d]\ncompute = 'distribution'\nlogits = {{ a = 1.0, b = 0.0 }}\n[[page]]\ntitle = 'p'\n\
         text = '''{{{}}}'''\n[page.question]\nask = '?'\nbecause = '.'\nchoices = [{{ text = 'x', when = '''{}''' }}, \
         {{ text = 'y', when = '1 > 2' }}]\n",
        quoted(hole),
        quoted(condition)
    );
    let _ = Lesson::parse("lesson.toml", &lesson);
}

/// A trace, in every form that it can be turned into.
pub fn trace(data: &[u8]) {
    for format in [ReplayFormat::Text, ReplayFormat::Json, ReplayFormat::Csv] {
        let mut out = Vec::new();
        if replay(data, (format, Style::Plain), &mut out).is_ok() {
            let text = String::from_utf8(out).expect("output is text");
            let harmless = |c: char| c == '\n' || format != ReplayFormat::Text || !c.is_control();
            assert!(text.chars().all(harmless), "nothing of a trace reaches the terminal as it is");
        }
    }
}
