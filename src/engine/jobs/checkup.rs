//! The model's promises, tried one a turn, for the interface.

use crate::engine::{Cache, Check, Checkup, EngineError};
use crate::model::Reference;

use super::{Ground, Job, News};

/// Tries what the model promises beside the session that it is in.
pub struct CheckupJob {
    reference: Option<Reference>,
    checkup: Option<Checkup>,
    checks: Vec<Check>,
    told: bool,
}

impl CheckupJob {
    /// `reference` is the model's own, where it has one.
    #[must_use]
    pub fn new(reference: Option<Reference>) -> Self {
        Self { reference, checkup: None, checks: Vec::new(), told: false }
    }
}

impl Job for CheckupJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        if self.told {
            return Ok(None);
        }
        let tokenizer = ground.tokenizer.as_ref();
        let model = ground.evaluator.model_mut();
        let reference = self.reference.take();
        let begun = || Checkup::new(model.info(), tokenizer, (reference, Cache::Shared));
        let checkup = self.checkup.get_or_insert_with(begun);
        if let Some(check) = checkup.next(model, ground.watch)? {
            self.checks.push(check);
            return Ok(Some(News::Checking(self.checks.len())));
        }
        self.told = true;
        Ok(Some(News::Checked(std::mem::take(&mut self.checks))))
    }
}
