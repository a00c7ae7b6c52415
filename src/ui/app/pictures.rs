//! The screen as it is seen: styled pictures, and the bytes that a terminal gets.

use std::fmt::Write;

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::tests::{rows, scene_of, setup};
use crate::glyph::Charset;
use crate::ui::app::Setup;
use crate::ui::knobs::Knobs;
use crate::ui::scene::Scene;
use crate::ui::theme::ColourDepth;

/// The rows, below them a letter for the style of each cell, and what the letters mean.
pub(crate) fn styled(buffer: &Buffer) -> String {
    let mut styles: Vec<Style> = Vec::new();
    let mut letters = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        for x in buffer.area.left()..buffer.area.right() {
            let style = buffer[(x, y)].style();
            let known = styles.iter().position(|other| *other == style);
            let index = known.unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            letters.push(char::from_u32(if index < 26 { 'a' as u32 } else { 'A' as u32 - 26 } + index as u32).unwrap());
        }
        letters.push('\n');
    }
    let mut out = format!("{}\n{letters}\n", rows(buffer).join("\n") + "\n");
    for (index, style) in styles.iter().enumerate() {
        let letter = char::from_u32(if index < 26 { 'a' as u32 } else { 'A' as u32 - 26 } + index as u32).unwrap();
        let (fg, bg) = (style.fg.unwrap_or(Color::Reset), style.bg.unwrap_or(Color::Reset));
        writeln!(out, "{letter} {fg} on {bg} {:?}", style.add_modifier).unwrap();
    }
    out
}

fn picture(theme: &str, depth: ColourDepth, size: (u16, u16), keys: &str) -> String {
    let mut scene = scene_of(setup(theme, depth), size.0, size.1, 60);
    scene.press(keys).unwrap();
    styled(&scene.buffer())
}

#[test]
fn the_screen_looks_as_it_should() {
    insta::assert_snapshot!("dark_80x24", picture("dark", ColourDepth::True, (80, 24), ""));
    insta::assert_snapshot!(
        "dark_120x36_stepped",
        picture("dark", ColourDepth::True, (120, 36), "Right Right Left Down Down")
    );
    insta::assert_snapshot!("light_200x60", picture("light", ColourDepth::True, (200, 60), "Right Right End"));
    insta::assert_snapshot!("dark_16_colours_80x24", picture("dark", ColourDepth::Ansi16, (80, 24), "Right"));
    insta::assert_snapshot!("no_colours_80x24", picture("dark", ColourDepth::None, (80, 24), "Right s"));
    insta::assert_snapshot!("smallest_40x12", picture("dark", ColourDepth::True, (40, 12), "Right"));
    insta::assert_snapshot!("too_small_39x11", picture("dark", ColourDepth::True, (39, 11), ""));
}

#[test]
fn windows_look_as_they_should() {
    insta::assert_snapshot!("help", picture("dark", ColourDepth::True, (80, 24), "?"));
    insta::assert_snapshot!("prompt", picture("dark", ColourDepth::True, (80, 24), "i Space 4"));
}

#[test]
fn every_processor_with_a_knob_can_be_picked() {
    let mut scene = scene_of(setup("light", ColourDepth::Indexed256), 80, 40, 60);
    for (place, row) in Knobs::addable().enumerate() {
        scene.press("a").unwrap();
        assert!(rows(&scene.buffer()).iter().any(|line| line.contains(row.name)), "{}", row.name);
        scene.press(&"Down ".repeat(place)).unwrap();
        scene.press("Enter").unwrap();
        let knobs = scene.app().knobs();
        assert_eq!(knobs.list()[knobs.selected()].stage.row().name, row.name);
        scene.press("Delete").unwrap();
    }
}

/// What a terminal shows after the bytes of a frame.
fn through_a_terminal(scene: &Scene) -> vt100::Parser {
    let buffer = scene.buffer();
    let mut bytes = Vec::new();
    let options = TerminalOptions { viewport: Viewport::Fixed(buffer.area) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut bytes), options).unwrap();
    terminal.draw(|frame| frame.buffer_mut().merge(&buffer)).unwrap();
    drop(terminal);
    let (rows, columns) = (buffer.area.height.try_into().unwrap(), buffer.area.width.try_into().unwrap());
    let mut parser = vt100::Parser::new(rows, columns, 0);
    parser.process(&bytes);
    parser
}

#[test]
fn a_terminal_shows_every_cell_where_it_was_drawn() {
    let prompt: Vec<String> = (0..20).map(|id| id.to_string()).collect();
    for charset in [Charset::Unicode, Charset::Ascii] {
        let setup = Setup { prompt: prompt.join(" "), charset, ..setup("dark", ColourDepth::True) };
        let mut scene = scene_of(setup, 100, 30, 20);
        for keys in ["", "Right", "End", "i"] {
            scene.press(keys).unwrap();
            let terminal = through_a_terminal(&scene);
            let shown: Vec<_> = terminal.screen().rows(0, 100).map(|row| row.trim_end().to_owned()).collect();
            assert_eq!(shown, rows(&scene.buffer()), "after {keys:?}");
        }
    }
}

#[test]
fn reverse_video_marks_the_selection_where_there_are_no_colours() {
    let scene = scene_of(setup("dark", ColourDepth::None), 80, 24, 60);
    let terminal = through_a_terminal(&scene);
    let row = (0..24).find(|row| terminal.screen().cell(*row, 0).is_some_and(|cell| cell.contents() == "▸")).unwrap();
    assert!(terminal.screen().cell(row, 8).is_some_and(vt100::Cell::inverse));
    let buffer = scene.buffer();
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(buffer.content().iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
}
