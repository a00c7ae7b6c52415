//! The line in which a number is typed.

use crate::lesson::parse_answer;
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::overlays::Line;

/// What can be typed.
const HINT: &str = "a number, such as 0.5, -1.2 or 50%; Esc to think again";

/// The line for the open question.
pub(super) fn line() -> Line {
    Line::new("Your answer".into(), (String::new(), HINT), |_| Ok(()), take)
}

fn take(app: &mut App, text: &str) -> Result<Vec<Effect>, String> {
    let number = parse_answer(text).ok_or_else(|| format!("\"{text}\" is no number: write 0.5, -1.2 or 50%"))?;
    let (body, charset) = (app.body(), app.look().charset);
    if let Some(reading) = &mut app.views.lessons.reading {
        reading.on(body, charset).type_number(number);
    }
    Ok(Vec::new())
}
