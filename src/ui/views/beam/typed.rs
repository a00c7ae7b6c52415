//! The options of the search as one line of text, by the names and rules of the command line.

use super::knobs::{Knobs, LENGTHS, MOST_BEAMS};
use super::refresh;
use crate::decode::DecodeError;
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::overlays::Line;

/// An option that can be typed.
struct OptionRow {
    /// As on the command line, with underscores.
    name: &'static str,
    show: fn(&Knobs) -> String,
    set: fn(&mut Knobs, &str) -> Result<(), DecodeError>,
}

/// All of them, the numbers first.
const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "num_beams",
        show: |knobs| knobs.beams.to_string(),
        set: |knobs, text| whole("num_beams", text, MOST_BEAMS).map(|beams| knobs.beams = beams),
    },
    OptionRow { name: "length_penalty", show: |knobs| knobs.alpha.to_string(), set: penalty },
    OptionRow {
        name: "max_new_tokens",
        show: |knobs| knobs.length.to_string(),
        set: |knobs, text| {
            whole("max_new_tokens", text, LENGTHS[LENGTHS.len() - 1]).map(|length| knobs.length = length)
        },
    },
    OptionRow {
        name: "length_norm",
        show: |knobs| knobs.norm.to_string(),
        set: |knobs, text| text.parse().map(|norm| knobs.norm = norm),
    },
    OptionRow {
        name: "early_stopping",
        show: |knobs| knobs.early.to_string(),
        set: |knobs, text| text.parse().map(|early| knobs.early = early),
    },
];

fn bad(name: &str, value: &str, wrong: &str) -> DecodeError {
    DecodeError::BadValue { name: name.into(), value: value.into(), wrong: wrong.into() }
}

/// A whole number from 1 to `most`.
fn whole(name: &str, text: &str, most: usize) -> Result<usize, DecodeError> {
    let wrong = format!("out of range: here it must be from 1 to {most}");
    let number = text.parse().map_err(|_| bad(name, text, "not a whole number from 1"))?;
    if (1..=most).contains(&number) { Ok(number) } else { Err(bad(name, text, &wrong)) }
}

fn penalty(knobs: &mut Knobs, text: &str) -> Result<(), DecodeError> {
    let alpha = text.parse().map_err(|_| bad("length_penalty", text, "not a number"))?;
    let mut asked = knobs.clone();
    asked.alpha = alpha;
    asked.settings(0).check()?;
    *knobs = asked;
    Ok(())
}

/// The options as they are: `num_beams=4,length_penalty=1,…`.
fn written(knobs: &Knobs) -> String {
    OPTIONS.iter().map(|row| format!("{}={}", row.name, (row.show)(knobs))).collect::<Vec<_>>().join(",")
}

/// The options with those that are written changed.
fn read(knobs: &Knobs, text: &str) -> Result<Knobs, String> {
    let mut knobs = knobs.clone();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (name, value) = item.split_once('=').ok_or_else(|| format!("`{item}` is no NAME=VALUE"))?;
        let row = OPTIONS.iter().find(|row| row.name == name.trim()).ok_or_else(|| {
            let names: Vec<&str> = OPTIONS.iter().map(|row| row.name).collect();
            format!("`{}` is no option here: there are {}", name.trim(), names.join(", "))
        })?;
        (row.set)(&mut knobs, value.trim()).map_err(|error| error.to_string())?;
    }
    Ok(knobs)
}

/// Opens the line in which they are typed.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    let knobs = app.views.beam.knobs.clone();
    let hint = "names as on the command line; what is left out stays as it is";
    let check = {
        let knobs = knobs.clone();
        move |text: &str| read(&knobs, text).map(drop)
    };
    app.open(Line::new("Options of the beam search".to_owned(), (written(&knobs), hint), check, |app, text| {
        app.views.beam.knobs = read(&app.views.beam.knobs, text)?;
        Ok(refresh(app))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_it_was() {
        let mut knobs = Knobs::default();
        (knobs.beams, knobs.alpha, knobs.length) = (7, -1.25, 33);
        assert_eq!(read(&Knobs::default(), &written(&knobs)), Ok(knobs.clone()));
        let other = read(&knobs, "length_penalty = 0.6, length_norm=gnmt").unwrap();
        assert_eq!((other.alpha, other.beams, other.norm.to_string().as_str()), (0.6, 7, "gnmt"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_value() {
        let wrong = |text: &str| read(&Knobs::default(), text).unwrap_err();
        for (text, said) in [
            ("num_beams=0", "num_beams: `0`"),
            ("num_beams=99", "from 1 to 16"),
            ("length_penalty=9", "length_penalty: `9`"),
            ("length_penalty=NaN", "length_penalty: `NaN`"),
            ("max_new_tokens=x", "max_new_tokens: `x`"),
            ("beams=3", "there are num_beams"),
            ("num_beams", "no NAME=VALUE"),
            ("early_stopping=perhaps", "perhaps"),
        ] {
            assert!(wrong(text).contains(said), "{}", wrong(text));
        }
    }
}
