//! Texts longer than the context: a window that slides over them.

use std::ops::Range;

/// One reading of a part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The tokens that are read.
    pub read: Range<usize>,
    /// Those of them that are scored here: the ones that no window before has scored and that something stands before.
    pub scored: Range<usize>,
}

/// The windows over a text of `length` tokens: each begins `stride` tokens after the one before it, is `context` long, and scores
/// only what is new, so that every token is scored once, after at least `context − stride` others (as far as there are any).
///
/// As in "Perplexity of fixed-length models" in the documentation of transformers. A text that fits the context is one window,
/// whatever the stride. With a stride of the whole context the first token of each window has nothing before it and is not
/// scored, as there. A stride of 0 or beyond the context counts as 1 and the context.
pub fn windows(length: usize, context: usize, stride: usize) -> impl Iterator<Item = Window> {
    let context = context.max(1);
    let stride = stride.clamp(1, context);
    let more = length.saturating_sub(context).div_ceil(stride);
    (0..=more).map(move |index| {
        let begin = index * stride;
        let end = (begin + context).min(length);
        let done = if index == 0 { 0 } else { begin - stride + context };
        Window { read: begin..end, scored: done.max(begin + 1).min(end)..end }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The loop of transformers' documentation, in its words.
    fn reference(seq_len: usize, max_length: usize, stride: usize) -> Vec<Window> {
        let (mut windows, mut prev_end_loc, mut begin_loc) = (Vec::new(), 0, 0);
        while begin_loc < seq_len {
            let end_loc = (begin_loc + max_length).min(seq_len);
            let trg_len = end_loc - prev_end_loc;
            windows.push(Window { read: begin_loc..end_loc, scored: (end_loc - trg_len).max(begin_loc + 1)..end_loc });
            prev_end_loc = end_loc;
            if end_loc == seq_len {
                break;
            }
            begin_loc += stride;
        }
        windows
    }

    #[test]
    fn by_hand() {
        let cut: Vec<(Range<usize>, Range<usize>)> = windows(10, 4, 3).map(|w| (w.read, w.scored)).collect();
        assert_eq!(cut, [(0..4, 1..4), (3..7, 4..7), (6..10, 7..10)]);
        assert_eq!(windows(4, 4, 1).count(), 1);
        assert_eq!(windows(0, 4, 2).map(|w| w.scored.len()).sum::<usize>(), 0);
    }

    proptest! {
        #[test]
        fn as_the_reference(length in 1..200usize, context in 1..40usize, stride in 1..40usize) {
            let stride = stride.min(context);
            let ours: Vec<Window> = windows(length, context, stride).collect();
            prop_assert_eq!(&ours, &reference(length, context, stride));
            if stride < context {
                let scored: Vec<usize> = ours.into_iter().flat_map(|w| w.scored).collect();
                prop_assert_eq!(scored, (1..length).collect::<Vec<_>>());
            }
        }
    }
}
