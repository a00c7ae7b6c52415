//! Several screens as one SVG that plays in a browser, and on a page that shows it as a picture.
//!
//! Rows that several frames have in common are written once. Style sheets do the timing; who asks for less motion, and who
//! has no animations, sees the first frame.

use std::collections::BTreeMap;
use std::fmt::Write;

use ratatui::layout::Rect;

use super::picture::Picture;
use super::svg::{drawing, number, opening};

/// A screen and how long it is seen.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The screen.
    pub picture: Picture,
    /// Seconds, above 0.
    pub seconds: f64,
}

/// The frames as an SVG document that plays them over and over; the title is for those who can't see it.
#[must_use]
pub fn animation(frames: &[Frame], title: &str) -> String {
    let area =
        frames.iter().fold(Rect::ZERO, |area, frame| area.union(Rect { x: 0, y: 0, ..frame.picture.buffer.area }));
    let drawings: Vec<Vec<String>> = frames.iter().map(|frame| drawing(&frame.picture)).collect();
    let shared = shared(&drawings);
    let mut out = opening(area, title, &style(frames));
    out.push_str("<defs>\n");
    for (part, id) in &shared {
        let _ = writeln!(out, "<g id=\"r{id}\">\n{part}</g>");
    }
    out.push_str("</defs>\n");
    for (index, drawing) in drawings.iter().enumerate() {
        let _ = writeln!(out, "<g class=\"f\" style=\"animation-name:k{index}\">");
        for part in drawing {
            match shared.get(part.as_str()) {
                Some(id) => {
                    let _ = writeln!(out, "<use href=\"#r{id}\"/>");
                }
                None => out.push_str(part),
            }
        }
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// What more than one frame has, each with a number.
fn shared(drawings: &[Vec<String>]) -> BTreeMap<&str, usize> {
    let mut frames: BTreeMap<&str, usize> = BTreeMap::new();
    for part in drawings.iter().flatten() {
        *frames.entry(part).or_default() += 1;
    }
    let several = frames.into_iter().filter(|(part, count)| *count > 1 && !part.is_empty());
    several.enumerate().map(|(id, (part, _))| (part, id)).collect()
}

/// When each frame is seen, as shares of the whole.
fn style(frames: &[Frame]) -> String {
    let total: f64 = frames.iter().map(|frame| frame.seconds).sum();
    let mut style = format!(
        ".f{{visibility:hidden;animation:{}s step-end infinite}}.f:first-of-type{{visibility:visible}}",
        number(total)
    );
    let mut start = 0.0;
    for (index, frame) in frames.iter().enumerate() {
        let end = start + frame.seconds;
        let percent = |seconds: f64| number(100.0 * seconds / total);
        let before = if index > 0 { "0%{visibility:hidden}" } else { "" };
        // The last frame stays to the end: nothing may follow it at 100 %.
        let last = index + 1 == frames.len();
        let after = if last {
            "to{visibility:visible}".to_owned()
        } else {
            format!("{}%,to{{visibility:hidden}}", percent(end))
        };
        let _ = write!(style, "@keyframes k{index}{{{before}{}%{{visibility:visible}}{after}}}", percent(start));
        start = end;
    }
    style + "@media (prefers-reduced-motion:reduce){.f{animation:none}}"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::svg;
    use ratatui::buffer::Buffer;
    use ratatui::style::Style;

    fn frame(lines: [&str; 2], seconds: f64) -> Frame {
        let buffer = Buffer::with_lines(lines);
        Frame { picture: Picture { buffer, foreground: [255; 3], background: [0; 3] }, seconds }
    }

    fn frames() -> Vec<Frame> {
        let mut frames =
            vec![frame(["<one>", "same"], 1.0), frame(["two &", "same"], 0.5), frame(["<one>", "same"], 2.5)];
        frames[1].picture.buffer.set_style(Rect::new(0, 0, 3, 1), Style::new().red().bold().underlined());
        frames
    }

    /// The inside of each frame, with what is shared put back in its place.
    fn expanded(document: &str) -> Vec<String> {
        let (definitions, rest) = document.split_once("<defs>\n").unwrap().1.split_once("</defs>\n").unwrap();
        let parts: Vec<(&str, &str)> = definitions
            .split("<g id=\"")
            .skip(1)
            .map(|part| {
                let (id, part) = part.split_once("\">\n").unwrap();
                (id, part.strip_suffix("</g>\n").unwrap())
            })
            .collect();
        let frames = rest.split("</g>\n").filter_map(|frame| frame.split_once("\">\n"));
        let expand = |line: &str| match line.strip_prefix("<use href=\"#").and_then(|rest| rest.strip_suffix("\"/>\n"))
        {
            Some(id) => parts.iter().find(|(known, _)| *known == id).unwrap().1.to_owned(),
            None => line.to_owned(),
        };
        frames.map(|(_, inside)| inside.split_inclusive('\n').map(expand).collect()).collect()
    }

    #[test]
    fn frames_are_the_single_pictures() {
        let frames = frames();
        let document = animation(&frames, "steps");
        let inside = expanded(&document);
        assert_eq!(inside.len(), frames.len());
        for (frame, inside) in frames.iter().zip(inside) {
            let single = svg(&frame.picture, "steps");
            assert!(single.ends_with(&format!("</style>\n{inside}</svg>\n")), "{single}\n{inside}");
        }
    }

    #[test]
    fn what_frames_share_is_written_once() {
        let document = animation(&frames(), "steps");
        assert_eq!(document.matches(">same<").count(), 1);
        assert_eq!(document.matches("&lt;one&gt;").count(), 1);
        assert_eq!(document, animation(&frames(), "steps"));
    }

    #[test]
    fn each_frame_is_seen_for_its_time() {
        let style = style(&frames());
        assert!(style.starts_with(".f{visibility:hidden;animation:4s step-end infinite}"), "{style}");
        assert!(style.contains("@keyframes k0{0%{visibility:visible}25%,to{visibility:hidden}}"), "{style}");
        assert!(
            style.contains("@keyframes k1{0%{visibility:hidden}25%{visibility:visible}37.5%,to{visibility:hidden}}"),
            "{style}"
        );
        assert!(
            style.contains("@keyframes k2{0%{visibility:hidden}37.5%{visibility:visible}to{visibility:visible}}"),
            "{style}"
        );
    }
}
