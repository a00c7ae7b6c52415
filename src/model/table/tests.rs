//! The contract of [`LanguageModel`] for tables, the worked example, and every refusal.

use proptest::prelude::*;

use super::*;
use crate::decode::{Distribution, TokenId};
use crate::model::{SpecialTokens, unwatched};

const ABC: &str = include_str!("../../../examples/tables/abc.toml");

/// Contexts of several lengths, so that a wrong state shows.
const DEEP: &str = r#"
vocabulary = ["a", "b", "c"]
end = "."
context_length = 40
[[row]]
context = []
next = { a = 0.2, b = 0.3, c = 0.4, "." = 0.1 }
[[row]]
context = ["a", "b"]
next = { c = 0.7 }
[[row]]
context = ["b"]
logits = { a = 3, b = -1.5, "." = 2.25 }
[[row]]
context = ["c", "a", "b"]
next = { a = 0.5, "." = 0.5 }
[[row]]
context = ["<begin>", "c"]
next = { b = 1.0 }
"#;

fn table(text: &str) -> LoadedModel {
    parse("test.toml", text).unwrap()
}

fn refusal(text: &str) -> String {
    parse("test.toml", text).err().unwrap().to_string()
}

fn read(
    model: &mut dyn LanguageModel,
    after: Option<CacheNode>,
    tokens: &[TokenId],
) -> (Vec<CacheNode>, Vec<Vec<u32>>) {
    let output = model.forward(&[Run { after, tokens, logits: Positions::All }], &mut unwatched).unwrap().remove(0);
    (output.nodes, output.logits.iter().map(|logits| logits.iter().map(|z| z.to_bits()).collect()).collect())
}

fn logprob(loaded: &mut LoadedModel, text: &str) -> f64 {
    let ids = loaded.tokenizer.encode(text, SpecialTokens::Auto).unwrap();
    let run = Run { after: None, tokens: &ids[..ids.len() - 1], logits: Positions::All };
    let logits = loaded.model.forward(&[run], &mut unwatched).unwrap().remove(0).logits;
    let score = |(logits, &id): (&Arc<[f32]>, &TokenId)| Distribution::from_logits(logits).unwrap().logprob(id);
    logits.iter().zip(&ids[1..]).map(score).sum()
}

#[test]
fn more_numbers_than_memory_are_refused_before_it_is_taken() {
    use std::fmt::Write;
    let mut text = String::from("vocabulary = [");
    (0..10_000).for_each(|token| write!(text, "'{token}', ").unwrap());
    text.push_str("]\n");
    (0..7_000).for_each(|row| write!(text, "[[row]]\ncontext = ['{row}']\nnext = {{ '1' = 1.0 }}\n").unwrap());
    assert!(refusal(&text).contains("7000 rows of 10000 tokens are more than 67108864 numbers"));
}

#[test]
fn the_worked_example() {
    let mut abc = table(ABC);
    let third = |text: &str, loaded: &mut LoadedModel| (logprob(loaded, text) * 1e3).round() / 1e3;
    for (text, want) in
        [("A", -0.693), ("B", -1.204), ("A A", -1.204), ("A B", -2.303), ("B C", -2.120), ("B<end>", -2.408)]
    {
        assert_eq!(third(text, &mut abc), want, "{text}");
    }
    assert!((logprob(&mut abc, "A A") - (0.5f64 * 0.6).ln()).abs() < 1e-7, "as given, not normalized");
    assert_eq!(logprob(&mut abc, "C"), f64::NEG_INFINITY);
    let info = abc.model.info();
    assert_eq!((info.vocab_size, &info.eos_token_ids[..], &info.never_chosen[..]), (6, &[3][..], &[4, 5][..]));
    assert_eq!(abc.tokenizer.piece(5).text, "<unlisted>");
}

#[test]
fn missing_mass_is_the_unlisted_token_and_logits_are_taken_as_they_are() {
    let mut deep = table(DEEP);
    let ids = deep.tokenizer.encode("a b", SpecialTokens::Auto).unwrap();
    let run = Run { after: None, tokens: &ids, logits: Positions::Last };
    let logits = deep.model.forward(&[run], &mut unwatched).unwrap().remove(0).logits.remove(0);
    let after = Distribution::from_logits(&logits).unwrap();
    assert!((after.prob(2) - 0.7).abs() < 1e-7 && (after.prob(5) - 0.3).abs() < 1e-7);
    let ids = deep.tokenizer.encode("b", SpecialTokens::Auto).unwrap();
    let run = Run { after: None, tokens: &ids, logits: Positions::Last };
    let logits = deep.model.forward(&[run], &mut unwatched).unwrap().remove(0).logits.remove(0);
    assert_eq!(logits[..4], [3.0, -1.5, f32::NEG_INFINITY, 2.25]);
}

#[test]
fn rounding_is_no_missing_mass() {
    let tenths = "vocabulary = ['a', 'b', 'c']\n[[row]]\ncontext = []\nnext = { a = 0.7, b = 0.2, c = 0.1 }";
    let mut loaded = table(tenths);
    let run = Run { after: None, tokens: &[0], logits: Positions::Last };
    let logits = loaded.model.forward(&[run], &mut unwatched).unwrap().remove(0).logits.remove(0);
    assert_eq!(logits[4], f32::NEG_INFINITY);
}

proptest! {
    #[test]
    fn any_walk_in_the_tree_gives_what_reading_from_scratch_gives(
        steps in prop::collection::vec((any::<usize>(), any::<usize>(), prop::collection::vec(0..4u32, 1..5), 0..4), 1..20),
    ) {
        let mut walker = table(DEEP).model;
        let mut sequences: Vec<(Vec<CacheNode>, Vec<TokenId>)> = vec![(vec![], vec![])];
        for (sequence, cut, tokens, kind) in steps {
            let (mut nodes, mut text) = sequences[sequence % sequences.len()].clone();
            nodes.truncate(cut % (nodes.len() + 1));
            text.truncate(nodes.len());
            let before = walker.cache_use();
            let run = Run { after: nodes.last().copied(), tokens: &tokens, logits: Positions::All };
            if kind == 0 {
                prop_assert!(walker.forward(&[run], &mut |_| ControlFlow::Break(())).is_err());
                prop_assert_eq!(walker.cache_use(), before);
            } else if text.len() + tokens.len() > 40 {
                prop_assert!(walker.forward(&[run], &mut unwatched).is_err());
            } else {
                let (new, logits) = read(walker.as_mut(), nodes.last().copied(), &tokens);
                let kept = text.len();
                nodes.extend(new);
                text.extend(tokens);
                prop_assert_eq!(&logits[..], &read(table(DEEP).model.as_mut(), None, &text).1[kept..]);
                sequences.push((nodes, text));
            }
            if kind == 3 {
                sequences.truncate(sequences.len().div_ceil(2));
                let live: Vec<CacheNode> = sequences.iter().filter_map(|(nodes, _)| nodes.last().copied()).collect();
                walker.retain(&live);
            }
        }
        walker.retain(&[]);
        prop_assert_eq!(walker.cache_use(), CacheUse::default());
    }
}

#[test]
fn a_batch_gives_what_each_run_gives_alone() {
    let mut together = table(DEEP).model;
    let (trunk, _) = read(together.as_mut(), None, &[4, 2, 0]);
    let runs = [
        Run { after: Some(trunk[2]), tokens: &[1, 0], logits: Positions::All },
        Run { after: Some(trunk[0]), tokens: &[2], logits: Positions::Last },
    ];
    let outputs = together.forward(&runs, &mut unwatched).unwrap();
    for (run, output) in runs.iter().zip(outputs) {
        let (_, alone) = read(together.as_mut(), run.after, run.tokens);
        let bits: Vec<Vec<u32>> = output.logits.iter().map(|z| z.iter().map(|z| z.to_bits()).collect()).collect();
        assert_eq!(bits, alone[alone.len() - bits.len()..]);
    }
}

#[test]
fn requests_that_do_not_fit_are_refused() {
    let mut loaded = table(
        "vocabulary = ['a', 'b']\ncontext_length = 3\n[[row]]\ncontext = ['<begin>']\nnext = { a = 1 }\n[[row]]\ncontext = ['a']\nnext = { a = 1 }",
    );
    let mut refused = |after, tokens: &[TokenId]| {
        let run = Run { after, tokens, logits: Positions::Last };
        loaded.model.forward(&[run], &mut unwatched).unwrap_err().to_string()
    };
    assert!(refused(None, &[]).contains("without tokens"));
    assert!(refused(None, &[9]).contains("token id 9"));
    assert!(refused(None, &[0; 4]).contains("context holds 3"));
    assert!(refused(Some(CacheNode(7)), &[0]).contains("cache node 7"));
    let message =
        "test.toml: no row for what comes after `a` `b`: add one, or a row with context = [] for everything else";
    assert_eq!(refused(None, &[0, 1]), message);
}

#[test]
fn every_mistake_is_named_with_its_line_and_row() {
    let row = |row: &str| refusal(&format!("vocabulary = ['a', 'b']\nend = '.'\n[[row]]\n{row}\n"));
    let says = |row_text: &str, message: &str| assert_eq!(row(row_text), format!("test.toml: {message}"));
    says(
        "context = []\nnext = { a = 0.6, b = 0.5 }",
        "line 4: row 1 (any context): the probabilities sum to 1.1, which is more than 1",
    );
    says("context = ['a']\nnext = { x = 0.6 }", "line 5: row 1 (after `a`): `x` is not in the vocabulary");
    says("context = ['x']\nnext = { a = 0.6 }", "line 4: row 1 (after `x`): `x` is not in the vocabulary");
    says("context = []\nnext = { a = -0.1 }", "line 5: row 1 (any context): `a` = -0.1 is not a probability");
    says("context = []\nnext = { a = nan }", "line 5: row 1 (any context): `a` = NaN is not a probability");
    says("context = []\nlogits = { a = inf }", "line 5: row 1 (any context): `a` = inf is not a logit");
    says(
        "context = []\nnext = { a = 0 }",
        "line 4: row 1 (any context): no token has a probability above 0: nothing could follow",
    );
    says(
        "context = []\nnext = { '<unlisted>' = 0.5 }",
        "line 5: row 1 (any context): `<unlisted>` is not in the vocabulary",
    );
    says(
        "context = []\nnext = { '<begin>' = 0.5 }",
        "line 5: row 1 (any context): `<begin>` begins a text and never follows",
    );
    says("context = []", "line 4: row 1 (any context): give next = {…} or logits = {…}");
    says("context = []\nnext = {}\nlogits = {}", "line 4: row 1 (any context): next and logits: give one of them");
    says(
        "context = ['a', '<begin>']\nnext = { a = 1 }",
        "line 4: row 1 (after `a` `<begin>`): the begin token is always the first, so nothing fits",
    );
    says(
        "context = ['a']\nnext = { a = 1 }\n[[row]]\ncontext = ['a']\nnext = { b = 1 }",
        "line 7: row 2 (after `a`): row 1 has the same context",
    );
    says(
        "context = ['<begin>']\nnext = { a = 0.5, b = 0.5 }\n[[row]]\ncontext = ['a']\nnext = { a = 1 }",
        "no row for what comes after `<begin>` `b`: add one, or a row with context = [] for everything else",
    );
    assert!(row("context = []\nlogits = { a = 1e39 }").contains("is not a logit"));
    assert!(row("context = []\nnext = { a = 0.1, a = 0.2 }").contains("line 5"));
    assert!(row("contxt = []").contains("line 4: unknown field `contxt`"), "{}", row("contxt = []"));
    assert!(row("next = { a = 1 }").contains("missing field `context`"));
    assert!(row("context = []\nnext = { a = 'x' }").contains("line 5"));
    let whole = |text: &str, message: &str| assert_eq!(refusal(text), format!("test.toml: {message}"));
    whole("vocabulary = []", "the vocabulary is empty: give at least one token");
    whole("vocabulary = ['a', '']", "line 1: an empty token: give it a text");
    whole("vocabulary = ['a',\n'a']", "line 2: `a` is there twice: every token needs a name of its own");
    whole("vocabulary = ['a']\nend = 'a'", "line 2: `a` is there twice: every token needs a name of its own");
    whole("vocabulary = ['<begin>']", "`<begin>` is a token of its own: set begin = …");
    whole(
        "vocabulary = ['a']\nend = '<unlisted>'",
        "line 2: `<unlisted>` is what rows leave to 1: choose another name",
    );
    whole("vocabulary = ['a']\ncontext_length = 1", "line 2: context_length: 1 is not between 2 and 16777216");
    whole(
        "vocabulary = ['a']",
        "no row for what comes after `<begin>`: add one, or a row with context = [] for everything else",
    );
    assert!(refusal("vocabulary = [").starts_with("test.toml: line 1: "));
    assert!(refusal("").contains("missing field `vocabulary`"));
}

#[test]
fn other_names_for_begin_and_no_end() {
    let loaded = table("vocabulary = ['<begin>', 'a']\nbegin = '^'\n[[row]]\ncontext = []\nnext = { a = 1 }");
    assert_eq!(loaded.tokenizer.encode("a<begin>", SpecialTokens::Auto).unwrap(), [2, 1, 0]);
    assert!(loaded.model.info().eos_token_ids.is_empty());
}

proptest! {
    #[test]
    fn no_text_is_a_panic(
        text in "[abc\\[\\]=\"' \n.{},0-9-]{0,80}",
        row in prop::collection::vec(prop_oneof!["[a-d]{0,2}", Just("<begin>".to_string()), Just(".".to_string())], 0..4),
        p in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -1.0..2.0f64],
        prompt in "\\PC{0,20}",
    ) {
        let _ = parse("test.toml", &text);
        let text = format!("vocabulary = ['a', 'b']\nend = '.'\n[[row]]\ncontext = {row:?}\nlogits = {{ a = {p:?}, b = 1 }}\n[[row]]\ncontext = []\nnext = {{ a = 1 }}");
        if let Ok(loaded) = parse("test.toml", &text.replace("NaN", "nan")) {
            let _ = loaded.tokenizer.encode(&prompt, SpecialTokens::Auto);
        }
    }
}
