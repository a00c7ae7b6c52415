//! Values that are typed, read as the command line reads them.

use super::App;
use crate::decode::{Stage, Value};
use crate::ui::message::Effect;
use crate::ui::overlays::Line;

impl App {
    /// Opens the line in which the value of the selected stage is typed.
    pub(super) fn type_value(&mut self) -> Vec<Effect> {
        let Some(knob) = self.knobs.list().get(self.knobs.selected()) else {
            return self.inform("the chain has no stage: add one (a)");
        };
        let row = knob.stage.row();
        let text = match knob.stage.value() {
            Value::Text(text) => text.clone(),
            value => value.to_string(),
        };
        let read = move |text: &str| {
            let stage = row.parse(text).and_then(|value| Stage::new(row, value));
            stage.map_err(|error| error.to_string())
        };
        let check = move |text: &str| read(text).map(drop);
        self.open(Line::new(row.name.to_owned(), (text, row.summary), check, move |app, text| {
            app.knobs.set(read(text)?);
            Ok(app.chain_changed())
        }))
    }

    /// The same for the first stage of a processor, which is selected.
    pub(in crate::ui) fn type_value_of(&mut self, name: &str) -> Vec<Effect> {
        if self.knobs.select_named(name) {
            return self.type_value();
        }
        self.inform(&format!("the chain has no {name}: add it (a)"))
    }
}
