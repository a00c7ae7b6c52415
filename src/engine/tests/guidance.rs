//! Guidance: the sequence is read after both prompts, in the same passes.

use super::speculative::Bent;
use super::*;

/// Tokens and passes of a guided greedy run after the prompt `[1, 2]`.
fn guided(negative: &[TokenId], chain: &str, tokens: usize) -> (Generated, usize) {
    let mut model = Bent::new(0.0, CONTEXT);
    let after = read_prompt(&mut model, negative, &mut unwatched).unwrap();
    let read = read_prompt(&mut model, &[1, 2], &mut unwatched).unwrap();
    let before = model.passes;
    let greedy = strategy("greedy").unwrap().single(0).unwrap();
    let request = Request {
        prompt: &[1, 2],
        strategy: greedy.as_ref(),
        chain: &Chain::parse(chain).unwrap(),
        max_new_tokens: tokens,
        min_new_tokens: 0,
        eos_token_ids: &[],
        stop: &[],
        sequence: 0,
        negative: Some(&after),
    };
    let generated = generate(&mut model, &Digits::new(), &read, &request, &mut |_| ControlFlow::Continue(())).unwrap();
    (generated, model.passes - before)
}

#[test]
fn both_are_read_in_one_pass() {
    let (plain, _) = run(&[3, 4, 0], "greedy", "", |_| {});
    let (generated, passes) = guided(&[3, 4, 0], "guidance_scale=0", 6);
    assert_eq!(passes, 5, "the last token is not read");
    assert_eq!(ids(&generated), ids(&plain), "a scale of 0 is the negative prompt's own text");
    let (own, _) = run(&[1, 2], "greedy", "", |_| {});
    assert_eq!(ids(&guided(&[3, 4, 0], "guidance_scale=1", 6).0), ids(&own));
}

#[test]
fn the_longer_prompt_bounds_the_output() {
    let (generated, _) = guided(&[3; CONTEXT - 3], "guidance_scale=2", 9);
    assert_eq!((generated.tokens.len(), generated.finish_reason), (3, FinishReason::Length));
}
