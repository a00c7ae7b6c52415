//! A model that keeps its promises, and models that break one each.

use super::*;
use crate::model::Reference;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// A logit that is no number, as a damaged weight makes it.
    Weight,
    /// A logit that is off where something was read before.
    Cache,
    /// The texts of a batch get each other's logits.
    Batch,
    /// After it was told to forget, the model remembers something else.
    Forgetting,
}

struct Faulty {
    inner: Counting,
    fault: Fault,
    forgot: bool,
}

impl LanguageModel for Faulty {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        let mut outputs = self.inner.forward(runs, watch)?;
        let from_cache = runs.iter().any(|run| run.after.is_some());
        let change = match self.fault {
            Fault::Weight => Some(f32::NAN),
            Fault::Cache if from_cache => Some(0.01),
            Fault::Forgetting if from_cache && self.forgot => Some(0.01),
            _ => None,
        };
        for logits in outputs.iter_mut().flat_map(|output| &mut output.logits) {
            let mut changed = logits.to_vec();
            changed[1] += change.unwrap_or(0.0);
            *logits = changed.into();
        }
        if self.fault == Fault::Batch && outputs.len() > 1 {
            outputs.rotate_left(1);
        }
        Ok(outputs)
    }

    fn retain(&mut self, live: &[CacheNode]) {
        self.inner.retain(live);
        self.forgot = true;
    }

    fn cache_use(&self) -> CacheUse {
        self.inner.cache_use()
    }
}

fn checks(fault: Fault, reference: Option<Reference>) -> Vec<Check> {
    let mut model = Faulty { inner: Counting::new().0, fault, forgot: false };
    let info = model.info().clone();
    Checkup::new(&info, &Digits::new(), (reference, Cache::Own)).run(&mut model, &mut unwatched).unwrap()
}

fn broken(checks: &[Check]) -> Vec<&str> {
    checks.iter().filter(|check| !check.holds()).map(|check| check.name).collect()
}

#[test]
fn every_fault_is_seen_and_named() {
    for (fault, expected) in [
        (Fault::None, &[][..]),
        (Fault::Weight, &["probabilities", "steps", "cache", "batch"]),
        (Fault::Cache, &["steps", "cache"]),
        (Fault::Batch, &["batch"]),
        (Fault::Forgetting, &["cache"]),
    ] {
        let checks = checks(fault, None);
        assert_eq!(broken(&checks), expected, "{fault:?}");
        assert_eq!(checks.len(), 4, "no reference is asked for where there is none");
    }
    let worst = checks(Fault::Cache, None).iter().map(|check| check.worst).fold(0.0, f64::max);
    assert!((0.001..0.02).contains(&worst), "{worst}");
}

#[test]
fn a_reference_is_held_to_its_tolerance() {
    let (mut model, _) = Counting::new();
    let run = Run { after: None, tokens: &[1, 2, 3], logits: Positions::All };
    let logits = model.forward(&[run], &mut unwatched).unwrap().remove(0).logits;
    let logprob = |at: usize, id| model.info().distribution(&logits[at]).unwrap().logprob(id);
    let mut reference = Reference { ids: vec![1, 2, 3], logprobs: vec![logprob(0, 2), logprob(1, 3)], tolerance: 1e-9 };
    assert!(broken(&checks(Fault::None, Some(reference.clone()))).is_empty());
    reference.logprobs[1] -= 0.5;
    let checks = checks(Fault::None, Some(reference));
    assert_eq!(broken(&checks), ["reference"]);
    assert!((checks[4].worst - 0.5).abs() < 1e-9);
}

#[test]
fn a_checkup_can_be_broken_off() {
    let (mut model, _) = Counting::new();
    let info = model.info().clone();
    let broken =
        Checkup::new(&info, &Digits::new(), (None, Cache::Own)).run(&mut model, &mut |_| ControlFlow::Break(()));
    assert!(matches!(broken, Err(EngineError::Interrupted)));
}
