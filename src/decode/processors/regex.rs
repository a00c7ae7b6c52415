//! `regex`: removes every token after which the output can no longer become a text that the pattern matches.

use std::error::Error;
use std::sync::Arc;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow, TokenId};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "regex",
    summary: "makes the whole output match a pattern; in a chain, write a comma as %2C",
    kind: Kind::Penalty,
    parameter: Parameter::Text(|pattern| Ok(Arc::new(Regex::new(pattern)?))),
    neutral: None,
    usual: 0.0,
    grid: &[],
    measure: "none",
    source: "Willard and Louf 2023, arXiv:2307.09702: a token is allowed if the automaton can still accept after its bytes",
};

/// The most that an automaton may take, in bytes: enough for thousands of states, and built within a blink.
const SIZE_LIMIT: usize = 8 << 20;

/// An automaton over bytes, and the states from which it can still accept.
struct Regex {
    pattern: String,
    automaton: dense::DFA<Vec<u32>>,
    start: StateID,
    /// Ascending.
    live: Vec<StateID>,
}

impl std::fmt::Debug for Regex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Regex").field(&self.pattern).finish()
    }
}

impl Regex {
    /// Builds the automaton; what is wrong with the pattern otherwise.
    fn new(pattern: &str) -> Result<Self, String> {
        let config = dense::Config::new()
            // All matches, not the preferred one: `a|ab` must go on after `a`.
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(SIZE_LIMIT))
            .determinize_size_limit(Some(SIZE_LIMIT));
        let limited = thompson::Config::new().nfa_size_limit(Some(SIZE_LIMIT));
        let built = dense::Builder::new().configure(config).thompson(limited).build(pattern);
        let automaton = built.map_err(|error| wrong(&error))?;
        let start = automaton
            .start_state(&start::Config::new().anchored(Anchored::Yes))
            .map_err(|error| format!("not a pattern that can be followed: {error}"))?;
        let live = live_states(&automaton, start);
        if live.is_empty() {
            return Err("a pattern that no text matches".into());
        }
        Ok(Self { pattern: pattern.into(), automaton, start, live })
    }

    /// The state after some bytes.
    fn after(&self, state: StateID, bytes: &[u8]) -> StateID {
        bytes.iter().fold(state, |state, &byte| self.automaton.next_state(state, byte))
    }

    fn is_live(&self, state: StateID) -> bool {
        self.live.binary_search(&state).is_ok()
    }

    fn accepts(&self, state: StateID) -> bool {
        accepts(&self.automaton, state)
    }

    fn bad(&self, wrong: &str) -> DecodeError {
        DecodeError::BadValue { name: ROW.name.into(), value: self.pattern.clone(), wrong: wrong.into() }
    }
}

/// Whether the text may end here.
fn accepts(automaton: &dense::DFA<Vec<u32>>, state: StateID) -> bool {
    automaton.is_match_state(automaton.next_eoi_state(state))
}

/// The states that can be reached from the first and lead to one where the text may end. That a state is not the dead one is
/// not enough: of `a(b$)c`, `ab` has a state, and no way on.
fn live_states(automaton: &dense::DFA<Vec<u32>>, start: StateID) -> Vec<StateID> {
    let mut reached = vec![start];
    let mut known = std::collections::HashSet::from([start]);
    // Edges backwards: (to, from).
    let mut edges: Vec<(StateID, StateID)> = Vec::new();
    let mut next = 0;
    while let Some(&from) = reached.get(next) {
        next += 1;
        let mut last = None;
        for byte in 0..=u8::MAX {
            let to = automaton.next_state(from, byte);
            // Bytes of one class follow each other mostly.
            if last == Some(to) || automaton.is_dead_state(to) || automaton.is_quit_state(to) {
                continue;
            }
            last = Some(to);
            edges.push((to, from));
            if known.insert(to) {
                reached.push(to);
            }
        }
    }
    edges.sort_unstable();
    let mut open: Vec<StateID> = reached.into_iter().filter(|&state| accepts(automaton, state)).collect();
    let mut live: std::collections::HashSet<StateID> = open.iter().copied().collect();
    while let Some(to) = open.pop() {
        let begin = edges.partition_point(|(other, _)| *other < to);
        for &(_, from) in edges[begin..].iter().take_while(|(other, _)| *other == to) {
            if live.insert(from) {
                open.push(from);
            }
        }
    }
    let mut live: Vec<StateID> = live.into_iter().collect();
    live.sort_unstable();
    live
}

/// What is wrong with a pattern, in one line: the innermost cause, of which the last line says what and the others where.
fn wrong(error: &dense::BuildError) -> String {
    let mut cause: &dyn Error = error;
    let mut too_large = error.is_size_limit_exceeded();
    while let Some(inner) = cause.source() {
        cause = inner;
        too_large |= inner.downcast_ref::<thompson::BuildError>().is_some_and(|error| error.size_limit().is_some());
    }
    if too_large {
        return "too large a pattern: use smaller counts, or ASCII classes such as [a-z] and (?-u:\\w)".into();
    }
    let text = cause.to_string();
    if text.contains("Unicode word boundaries") {
        return "about boundaries of Unicode words, which bytes alone don't show: write (?-u:\\b)".into();
    }
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    format!("not a pattern: {}", line.trim_start_matches("error: "))
}

impl LogitsProcessor for Regex {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        let bytes = context.bytes.ok_or_else(|| self.bad("about text, and what the tokens say is not known here"))?;
        let output = context.output();
        let state = output.iter().fold(self.start, |state, &id| self.after(state, bytes.token_bytes(id)));
        let ends = self.accepts(state);
        let leads_on = |id: TokenId| {
            let spoken = bytes.token_bytes(id);
            // A token that says nothing would go on for ever.
            !spoken.is_empty() && self.is_live(self.after(state, spoken))
        };
        let allowed = |id: TokenId| if context.end_ids.contains(&id) { ends } else { leads_on(id) };
        let forbidden: Vec<TokenId> = candidates.alive().filter(|&id| !allowed(id)).collect();
        if forbidden.len() == candidates.count() && output.is_empty() {
            return Err(self.bad("a pattern that no token of the vocabulary can begin"));
        }
        candidates.remove(&forbidden);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use crate::decode::{Analysis, Chain, Context, DecodeError, Distribution, Stage, TokenBytes, TokenId, processor};

    /// The last is the end.
    const TOKENS: [&[u8]; 9] = [b"a", b"b", b"ab", b"ba", b"1", b"12", b",", b"\xc3", b""];
    const END: TokenId = 8;

    #[derive(Debug)]
    struct Tokens;

    impl TokenBytes for Tokens {
        fn token_bytes(&self, id: TokenId) -> &[u8] {
            TOKENS.get(id as usize).copied().unwrap_or_default()
        }
    }

    fn chain(pattern: &str) -> Chain {
        let row = processor("regex").unwrap();
        let mut chain = Chain::default();
        chain.push(Stage::new(row, row.parse(pattern).unwrap()).unwrap()).unwrap();
        chain
    }

    fn allowed(chain: &Chain, output: &[TokenId]) -> Result<Vec<TokenId>, DecodeError> {
        let model = Arc::new(Distribution::from_logits(&[0.0f64; 9]).unwrap());
        let context = Context { history: output, bytes: Some(&Tokens), end_ids: &[END], ..Context::default() };
        Ok(Analysis::new(model, chain, context)?.kept().to_vec())
    }

    #[test]
    fn only_what_can_still_match_is_left() {
        let pattern = chain("a(b|1)*,?");
        assert_eq!(allowed(&pattern, &[]).unwrap(), [0, 2]);
        assert_eq!(allowed(&pattern, &[2]).unwrap(), [1, 4, 6, END]);
        assert_eq!(allowed(&pattern, &[2, 6]).unwrap(), [END], "nothing but the end is possible");
        assert_eq!(allowed(&chain("12ab"), &[4]).unwrap_err().to_string(), "regex=12ab leaves no token: relax it");
    }

    #[test]
    fn shorter_alternatives_do_not_hide_longer_ones() {
        assert_eq!(allowed(&chain("a|ab"), &[0]).unwrap(), [1, END]);
        assert_eq!(allowed(&chain("a??b??"), &[]).unwrap(), [0, 1, 2, END]);
    }

    #[test]
    fn states_without_a_way_on_are_dead_ends() {
        assert_eq!(allowed(&chain("a(b$1|1)"), &[]).unwrap(), [0]);
        assert_eq!(allowed(&chain("a(b$1|1)"), &[0]).unwrap(), [4]);
    }

    #[test]
    fn characters_may_be_cut_between_tokens() {
        assert_eq!(allowed(&chain("é|b"), &[]).unwrap(), [1, 7]);
        assert!(allowed(&chain("é|b"), &[7]).is_err(), "the vocabulary lacks the second half");
    }

    #[test]
    fn what_can_not_work_says_why() {
        let row = processor("regex").unwrap();
        let message = |pattern: &str| row.parse(pattern).unwrap_err().to_string();
        assert_eq!(message("a(b"), "regex: `a(b` is not a pattern: unclosed group");
        assert!(message(r"(\w{200}){200}").contains("too large a pattern"));
        assert!(message(r"\bé").contains("boundaries of Unicode words"), "{}", message(r"\bé"));
        assert!(message("[^\\x00-\\x{10FFFF}]").contains("a pattern that no text matches"));
        let error = allowed(&chain("z+"), &[]).unwrap_err().to_string();
        assert_eq!(error, "regex: `z+` is a pattern that no token of the vocabulary can begin");
        let model = Arc::new(Distribution::from_logits(&[0.0f64]).unwrap());
        let error = Analysis::new(model, &chain("a"), Context::default()).unwrap_err().to_string();
        assert!(error.contains("what the tokens say is not known here"), "{error}");
    }

    #[test]
    fn a_chain_carries_any_pattern() {
        for pattern in ["a,b", "100%,", " a{1,3}\tb ", "%2C", "temperature=2,top_k=1", "ü"] {
            let text = format!("{},top_k=3", chain(pattern));
            let read = Chain::parse(&text).unwrap();
            assert_eq!(read.stages()[0], chain(pattern).stages()[0], "{text}");
            assert_eq!((read.stages().len(), read.to_string()), (2, text));
        }
        assert_eq!(Chain::parse("regex=[0-9]{1,3},top_k=2").unwrap().stages()[0], chain("[0-9]{1,3}").stages()[0]);
    }

    proptest! {
        /// Against the definition: a token is allowed if some continuation of at most 3 more bytes matches.
        #[test]
        fn agrees_with_trying_out(output in proptest::collection::vec(0..7u32, 0..3), which in 0..4usize) {
            let pattern = ["(ab|1)*2?", "[ab]{2}|12,?", "(a|b)*1", "a?b?1?"][which];
            let whole = regex_automata::meta::Regex::new(&format!("^(?:{pattern})$")).unwrap();
            let letters = b"ab12,";
            let mut tails: Vec<Vec<u8>> = vec![vec![]];
            for length in 0..3 {
                let longer: Vec<Vec<u8>> = tails.iter().filter(|tail| tail.len() == length)
                    .flat_map(|tail| letters.iter().map(|&c| [&tail[..], &[c]].concat())).collect();
                tails.extend(longer);
            }
            let text: Vec<u8> = output.iter().flat_map(|&id| TOKENS[id as usize].to_vec()).collect();
            let possible = |text: &[u8]| tails.iter().any(|tail| whole.is_match([text, tail].concat().as_slice()));
            prop_assume!(possible(&text));
            let want: Vec<TokenId> = (0..=END).filter(|&id| match id {
                END => whole.is_match(text.as_slice()),
                id => possible(&[&text[..], TOKENS[id as usize]].concat()),
            }).collect();
            prop_assert_eq!(allowed(&chain(pattern), &output).unwrap_or_default(), want);
        }
    }
}
