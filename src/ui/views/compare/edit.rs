//! The whole chain of the selected column as text.

use super::refresh;
use crate::decode::Chain;
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::overlays::Line;

/// Opens the line in which it is typed.
pub fn open(app: &mut App) -> Vec<Effect> {
    let state = &app.views.compare;
    let Some(column) = state.columns().get(state.selected()) else { return Vec::new() };
    let title = format!("Chain of column {}: {}", state.selected() + 1, column.asked.strategy.name);
    let hint = "as in --chain: temperature=0.8,top_k=40,top_p=0.9";
    let check = |text: &str| Chain::parse(text).map(drop).map_err(|error| error.to_string());
    app.open(Line::new(title, (column.asked.chain.to_string(), hint), check, |app, text| {
        let chain = Chain::parse(text).map_err(|error| error.to_string())?;
        app.views.compare.set_chain(chain)?;
        Ok(refresh(app))
    }))
}
