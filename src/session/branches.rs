//! The tree of a session as rows: one for each run of tokens without a fork.

use super::{NodeId, Session};

/// A run of tokens without a fork.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Its tokens, at least one. The first branch begins with the last token of the prompt.
    pub nodes: Vec<NodeId>,
    /// For each fork on the way to it, the nearest last: whether another branch of that fork comes after.
    pub forks: Vec<bool>,
    /// log p of the output from its first token to the end of this branch, under the model alone, in nats.
    pub logprob: f64,
    /// Tokens of the output up to its end.
    pub length: usize,
}

/// All branches, each before those that grow from it, older ones first.
#[must_use]
pub fn branches(session: &Session) -> Vec<Branch> {
    let mut rows = Vec::new();
    let mut ahead = vec![(session.prompt_end(), Vec::new(), 0.0, 0)];
    while let Some((first, forks, mut logprob, mut length)) = ahead.pop() {
        let mut nodes = vec![first];
        loop {
            let node = *nodes.last().unwrap_or(&first);
            if let Some(chosen) = session.chosen(node) {
                logprob += chosen.logprob;
                length += 1;
            }
            match session.children(node) {
                [only] => nodes.push(*only),
                children => {
                    for (place, child) in children.iter().enumerate().rev() {
                        let mut forks: Vec<bool> = forks.clone();
                        forks.push(place + 1 < children.len());
                        ahead.push((*child, forks, logprob, length));
                    }
                    break;
                }
            }
        }
        rows.push(Branch { nodes, forks, logprob, length });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Chosen, How};

    fn chosen(logprob: f64) -> Chosen {
        Chosen { how: How::Forced, logprob, sampling_logprob: logprob, rank: 1 }
    }

    #[test]
    fn forks_are_where_rows_begin() {
        let mut session = Session::new(&[5, 6]).unwrap();
        let end = session.cursor();
        let a = session.step(1, chosen(-1.0));
        let b = session.step(2, chosen(-2.0));
        session.back();
        let c = session.step(3, chosen(-4.0));
        let d = session.step(4, chosen(-8.0));
        session.back();
        let e = session.step(5, chosen(-16.0));
        let rows = branches(&session);
        let nodes: Vec<&[NodeId]> = rows.iter().map(|row| row.nodes.as_slice()).collect();
        assert_eq!(nodes, [&[end, a][..], &[b], &[c], &[d], &[e]]);
        let forks: Vec<&[bool]> = rows.iter().map(|row| row.forks.as_slice()).collect();
        assert_eq!(forks, [&[][..], &[true], &[false], &[false, true], &[false, false]]);
        assert_eq!(rows.iter().map(|row| row.logprob).collect::<Vec<_>>(), [-1.0, -3.0, -5.0, -13.0, -21.0]);
        assert_eq!(rows.iter().map(|row| row.length).collect::<Vec<_>>(), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn a_session_without_output_is_its_prompt() {
        let session = Session::new(&[5, 6]).unwrap();
        let rows = branches(&session);
        assert_eq!((rows.len(), rows[0].nodes.as_slice(), rows[0].logprob), (1, &[session.cursor()][..], 0.0));
    }

    #[test]
    fn a_long_text_is_one_row() {
        let mut session = Session::new(&[0]).unwrap();
        for _ in 0..50_000 {
            session.step(1, chosen(-0.5));
        }
        let rows = branches(&session);
        assert_eq!((rows.len(), rows[0].length, rows[0].logprob), (1, 50_000, -25_000.0));
    }
}
