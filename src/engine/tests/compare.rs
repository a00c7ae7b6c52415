//! Columns in lockstep give what each strategy gives by itself, and read no context twice.

use std::sync::{Arc, Mutex};

use super::*;
use crate::decode::beam::BeamSettings;

fn asked(name: &str, chain: &str, seed: u64) -> ColumnAsked {
    ColumnAsked { strategy: strategy(name).unwrap(), chain: Chain::parse(chain).unwrap(), seed, beams: 3 }
}

/// Runs a comparison to its end. Returns its last news, the tokens that the model has read, and the number of its turns.
fn compared(columns: Vec<ColumnAsked>, max_new_tokens: usize) -> (Compared, usize, usize) {
    let (model, read) = Counting::new();
    let mut evaluator = Evaluator::new(Box::new(model));
    let tokenizer: Arc<dyn Tokenizer> = Arc::new(Digits::new());
    let session = Session::new(&[1, 2]).unwrap();
    let prompt: Vec<(NodeId, TokenId)> = session.path().into_iter().zip([1, 2]).collect();
    let mut job = CompareJob::new(CompareAsked { prompt, columns, max_new_tokens });
    let (mut last, mut turns) = (None, 0);
    loop {
        let watch = &mut |_| ControlFlow::Continue(());
        let mut ground = Ground { evaluator: &mut evaluator, tokenizer: &tokenizer, watch };
        match job.turn(&mut ground).unwrap() {
            Some(News::Compared(compared)) => last = Some(compared),
            Some(_) => panic!("news of another job"),
            None => break,
        }
        turns += 1;
        evaluator.sweep(&job.live());
    }
    let read = *Mutex::lock(&read).unwrap();
    (Arc::unwrap_or_clone(last.unwrap()), read, turns)
}

fn tokens(column: &ColumnMade) -> Vec<GeneratedToken> {
    column.tokens.iter().map(|token| token.token).collect()
}

/// The same by [`generate`] and [`generate_beams`].
fn alone(asked: &ColumnAsked, max_new_tokens: usize) -> (Vec<GeneratedToken>, FinishReason) {
    let (mut model, _) = Counting::new();
    let prompt = [1, 2];
    let read = read_prompt(&mut model, &prompt, &mut unwatched).unwrap();
    let generated = if let Some(strategy) = asked.strategy.single(asked.seed) {
        let request = Request {
            prompt: &prompt,
            strategy: strategy.as_ref(),
            chain: &asked.chain,
            negative: None,
            max_new_tokens,
            min_new_tokens: 0,
            eos_token_ids: &[5],
            stop: &[],
            sequence: 0,
        };
        generate(&mut model, &Digits::new(), &read, &request, &mut |_| ControlFlow::Continue(())).unwrap()
    } else {
        let chain = asked.strategy.effective_chain(&asked.chain);
        let request = BeamRequest {
            prompt: &prompt,
            settings: asked.beam_settings().unwrap(),
            chain: &chain,
            max_new_tokens,
            min_new_tokens: 0,
            eos_token_ids: &[5],
            stop: &[],
            dropped: DroppedBeams::Kept,
        };
        let go_on = &mut |_: &ObservedBeams<'_>| ControlFlow::Continue(());
        generate_beams(&mut model, &Digits::new(), &read, &request, go_on).unwrap().remove(0)
    };
    (generated.tokens, generated.finish_reason)
}

#[test]
fn every_column_gives_what_its_strategy_gives_by_itself() {
    let columns = vec![
        asked("greedy", "", 0),
        asked("sample", "temperature=0.8,top_p=0.9", 7),
        asked("beam", "repetition_penalty=1.2", 0),
        asked("diverse-beam", "", 0),
    ];
    let (compared, _, turns) = compared(columns.clone(), 8);
    assert!(turns <= 8);
    for (asked, column) in columns.iter().zip(&compared.columns) {
        let (want, reason) = alone(asked, 8);
        assert_eq!(tokens(column), want, "{}", asked.strategy.name);
        assert_eq!(column.end, Some(ColumnEnd::Finished(reason)));
        for token in &column.tokens {
            assert_eq!(token.top.len(), VOCAB, "the candidates of every step are there");
            let here = token.top.iter().find(|top| top.id == token.token.id).unwrap();
            assert!((here.prob.ln() - token.token.logprob).abs() < 1e-9, "and they are those of its step");
        }
    }
}

#[test]
fn columns_that_agree_read_every_context_once() {
    let greedy = || asked("greedy", "", 0);
    let (_, one, _) = compared(vec![greedy()], 6);
    let (both, two, _) = compared(vec![greedy(), greedy()], 6);
    assert_eq!(one, two);
    assert_eq!(tokens(&both.columns[0]), tokens(&both.columns[1]));
    let (_, beams, _) = compared(vec![asked("beam", "", 0)], 6);
    let (_, beams_and_greedy, _) = compared(vec![asked("beam", "", 0), greedy()], 6);
    assert!(beams_and_greedy < beams + one - 2, "greedy's first tokens are those of a beam");
}

#[test]
fn a_column_that_can_not_go_on_fails_alone() {
    let columns = vec![asked("sample", "suppress_tokens=0,1,2,3,4,5", 0), asked("greedy", "", 0)];
    let (compared, ..) = compared(columns, 4);
    assert!(matches!(&compared.columns[0].end, Some(ColumnEnd::Failed(why)) if why.contains("suppress_tokens")));
    assert!(matches!(compared.columns[1].end, Some(ColumnEnd::Finished(_))));
    let exact = ColumnAsked { strategy: strategy("exact").unwrap(), ..asked("greedy", "", 0) };
    assert_eq!(exact.beam_settings(), None);
    let none = ColumnAsked { beams: 0, ..asked("beam", "", 0) };
    assert_eq!(none.beam_settings().map(|settings: BeamSettings| settings.check().is_err()), Some(true));
    let (compared, ..) = self::compared(vec![exact, none], 4);
    assert!(compared.columns.iter().all(|column| matches!(column.end, Some(ColumnEnd::Failed(_)))));
}
