//! Work on helper threads that the caller may leave at any moment.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::client::{Abandoned, LOOK};
use crate::model::ModelError;

/// What a helper thread does.
pub(super) type Errand<T> = Box<dyn FnOnce(&Abandoned) -> Result<T, ModelError> + Send>;

/// The errands that nobody has begun, each with its place.
type Waiting<T> = Arc<Mutex<VecDeque<(usize, Errand<T>)>>>;

/// Does all errands, at most `at_once` side by side, and gives the results in the order of the errands. `look` is called all the
/// while; when it breaks, what is under way is left alone and its result is forgotten.
///
/// # Errors
/// The first error of an errand, [`ModelError::Cancelled`], or the system gives no thread.
pub(super) fn run<T: Send + 'static>(
    errands: Vec<Errand<T>>,
    at_once: usize,
    look: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Vec<T>, ModelError> {
    let (count, abandoned) = (errands.len(), Abandoned::default());
    let waiting: Waiting<T> = Arc::new(Mutex::new(errands.into_iter().enumerate().collect()));
    let (sender, results) = channel();
    for _ in 0..at_once.clamp(1, count.max(1)) {
        let (waiting, sender, abandoned) = (Arc::clone(&waiting), sender.clone(), abandoned.clone());
        let next = move || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = move || {
            while let Some((place, errand)) = next() {
                if sender.send((place, errand(&abandoned))).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name("server".into()).spawn(work);
        thread.map_err(|error| ModelError::Request(format!("the system gives no thread: {error}")))?;
    }
    drop(sender);
    let leave = |error: ModelError| {
        abandoned.set();
        waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
        error
    };
    let mut done: Vec<Option<T>> = (0..count).map(|_| None).collect();
    while done.iter().any(Option::is_none) {
        if look().is_break() {
            return Err(leave(ModelError::Cancelled));
        }
        match results.recv_timeout(LOOK) {
            Ok((place, Ok(result))) => done[place] = Some(result),
            Ok((_, Err(error))) => return Err(leave(error)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(ModelError::Request("a helper thread ended early".into()));
            }
        }
    }
    Ok(done.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(result: impl FnOnce() -> Result<u32, ModelError> + Send + 'static) -> Errand<u32> {
        Box::new(move |_| result())
    }

    #[test]
    fn results_come_in_order_and_the_first_error_ends_it() {
        let go_on = &mut || ControlFlow::Continue(());
        let numbers = run((0..9).map(|i| errand(move || Ok(i))).collect(), 3, go_on).unwrap();
        assert_eq!(numbers, (0..9).collect::<Vec<_>>());
        assert!(run(Vec::<Errand<u32>>::new(), 4, go_on).unwrap().is_empty());
        let bad = vec![errand(|| Ok(1)), errand(|| Err(ModelError::Request("no".into())))];
        assert_eq!(run(bad, 1, go_on).unwrap_err().to_string(), "no");
        let panics = vec![errand(|| panic!("on purpose"))];
        assert!(run(panics, 1, go_on).unwrap_err().to_string().contains("ended early"));
    }

    #[test]
    fn an_errand_that_never_ends_is_left() {
        let (_held, gate) = channel::<()>();
        let stuck = errand(move || {
            gate.recv().ok();
            Ok(0)
        });
        let mut looks = 0;
        let result = run(vec![stuck], 1, &mut || {
            looks += 1;
            if looks == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(result, Err(ModelError::Cancelled)));
    }
}
