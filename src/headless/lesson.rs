//! Lessons as text: the list, and a whole one with its answers.

use std::io::Write;

use crate::glyph::{self, visible};
use crate::lesson::{Answer, BUILT_IN, Block, Cell, Column, Lesson, Mark, Page, Picture};

use super::HeadlessError;
use super::style::Style;

/// Columns of the text.
const WIDTH: usize = 80;
/// Columns of the longest bar, and of the shortest.
const BAR: usize = 20;
const SHORTEST_BAR: usize = 4;

/// The lessons of the program: name, title and summary.
///
/// # Errors
/// Writing.
pub fn lessons(style: Style, out: &mut dyn Write) -> Result<(), HeadlessError> {
    let names = BUILT_IN.iter().map(|(name, _)| glyph::cells(name)).max().unwrap_or_default();
    for (name, _) in BUILT_IN {
        let heading = Lesson::heading(name).map_err(|error| HeadlessError::Input(error.to_string()))?;
        writeln!(out, "{}  {}", style.accent(&format!("{name:names$}")), style.bold(&heading.title))?;
        for line in glyph::wrap(&heading.summary, WIDTH - names - 2) {
            writeln!(out, "{:names$}  {}", "", style.dim(&line))?;
        }
    }
    Ok(())
}

/// A whole lesson with its answers.
///
/// # Errors
/// Writing.
pub fn lesson(lesson: &Lesson, style: Style, out: &mut dyn Write) -> Result<(), HeadlessError> {
    writeln!(out, "{}", style.bold(&visible(&lesson.title)))?;
    for line in glyph::wrap(&visible(&lesson.summary), WIDTH) {
        writeln!(out, "{}", style.dim(&line))?;
    }
    for (index, page) in lesson.pages.iter().enumerate() {
        let place = format!("{} of {}", index + 1, lesson.pages.len());
        writeln!(out, "\n{} {}\n", style.accent(&place), style.bold(&visible(&page.title)))?;
        write_page(page, style, out)?;
    }
    if !lesson.sources.is_empty() {
        writeln!(out, "\n{}", style.dim("Sources"))?;
        for source in &lesson.sources {
            write_block(&Block::Item(source.clone()), out)?;
        }
    }
    Ok(())
}

fn write_page(page: &Page, style: Style, out: &mut dyn Write) -> Result<(), HeadlessError> {
    write_blocks(&page.text, out)?;
    write_pictures(&page.pictures, style, out)?;
    let Some(question) = &page.question else { return Ok(()) };
    writeln!(out, "\n{}", style.accent("Question"))?;
    write_blocks(&question.ask, out)?;
    match &question.answer {
        Answer::Choice { choices, right } => {
            for (index, choice) in choices.iter().enumerate() {
                for (line, text) in glyph::wrap(&visible(choice), WIDTH - 5).iter().enumerate() {
                    let number = if line == 0 { format!("{}.", index + 1) } else { String::new() };
                    writeln!(out, "  {number:<3}{text}")?;
                }
            }
            writeln!(out, "{} {}", style.accent("Answer"), right + 1)?;
        }
        Answer::Number { shown, within, .. } => {
            let near = if *within > 0.0 { format!(" (within {within})") } else { String::new() };
            writeln!(out, "{} {shown}{near}", style.accent("Answer"))?;
        }
    }
    write_blocks(&question.because, out)?;
    write_pictures(&question.pictures, style, out)
}

fn write_blocks(blocks: &[Block], out: &mut dyn Write) -> Result<(), HeadlessError> {
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 && block.stands_apart_from(&blocks[index - 1]) {
            writeln!(out)?;
        }
        write_block(block, out)?;
    }
    Ok(())
}

fn write_block(block: &Block, out: &mut dyn Write) -> Result<(), HeadlessError> {
    let text = visible(block.text());
    let (first, other, width) = match block {
        Block::Paragraph(_) => ("", "", WIDTH),
        Block::Item(_) => ("* ", "  ", WIDTH - 2),
        Block::Formula(_) => return Ok(writeln!(out, "    {text}")?),
    };
    for (index, line) in glyph::wrap(&text, width).iter().enumerate() {
        writeln!(out, "{}{line}", if index == 0 { first } else { other })?;
    }
    Ok(())
}

fn write_pictures(pictures: &[Picture], style: Style, out: &mut dyn Write) -> Result<(), HeadlessError> {
    for picture in pictures {
        writeln!(out, "\n  {}", style.dim(&visible(&picture.caption)))?;
        for line in picture_lines(picture, style) {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

fn picture_lines(picture: &Picture, style: Style) -> Vec<String> {
    let widths: Vec<usize> = picture.widths();
    let bars = picture.columns.iter().filter(|column| matches!(column, Column::Bar(..))).count().max(1);
    let text: usize = widths.iter().map(|width| width + 2).sum();
    // A title stands over number and bar together.
    let title = |(column, width): (&Column, &usize)| match column {
        Column::Bar(title, _) => glyph::cells(title).saturating_sub(width + 1),
        Column::Text(_) | Column::Number(_) => 0,
    };
    let least = picture.columns.iter().zip(&widths).map(title).fold(SHORTEST_BAR, usize::max);
    let bar = (WIDTH.saturating_sub(text + 2) / bars).saturating_sub(1).clamp(least, BAR.max(least));
    let pad = |text: &str, width: usize, column: &Column| {
        let (text, space) = (visible(text), " ".repeat(width.saturating_sub(glyph::cells(text))));
        if matches!(column, Column::Text(_)) { format!("{text}{space}") } else { format!("{space}{text}") }
    };
    let left = Column::Text(String::new());
    let mut title = String::from("  ");
    for (column, width) in picture.columns.iter().zip(&widths) {
        let over_bar = matches!(column, Column::Bar(..));
        let (width, align) = if over_bar { (width + bar + 1, &left) } else { (*width, column) };
        title.push_str(&pad(column.title(), width, align));
        title.push_str("  ");
    }
    let mut lines = vec![style.dim(title.trim_end())];
    for row in &picture.rows {
        let mut line = String::from(if row.mark == Mark::Chosen { "> " } else { "  " });
        for ((column, cell), width) in picture.columns.iter().zip(&row.cells).zip(&widths) {
            let long = matches!((column, cell), (Column::Bar(..), Cell::Text(_)));
            // A word in the place of a bar has the bar's room too.
            line.push_str(&if long {
                pad(cell.text(), width + bar + 1, &left)
            } else {
                pad(cell.text(), *width, column)
            });
            if let Cell::Bar(_, share) = cell {
                let full = (share.clamp(0.0, 1.0) * bar as f64).round() as usize;
                line.extend([" ", &"█".repeat(full), &" ".repeat(bar - full)]);
            }
            line.push_str("  ");
        }
        let line = line.trim_end();
        lines.push(if row.mark == Mark::Out { style.dim(line) } else { line.to_owned() });
    }
    lines
}
