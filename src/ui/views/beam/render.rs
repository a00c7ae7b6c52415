//! The whole view: the tree, below it what the step decided, α, and the knobs.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::lists::{text, verdict};
use super::pen::{Pen, penalty, role, sign, signed, tail};
use super::picture::{Picture, Scene};
use super::search::Search;
use super::state::{Below, Optimum};
use super::tree::Tree;
use super::words::{bound_in_words, of_optimum};
use super::{State, Status};
use crate::decode::TokenId;
use crate::decode::beam::BeamSettings;
use crate::engine::Lane;
use crate::glyph::{self, Charset};
use crate::ui::action::{ACTIONS, Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::layout::{take_bottom, take_top};
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// The most tokens of the prompt that can show.
const MOST_OF_PROMPT: usize = 64;
/// From this width on both lists show side by side.
const BOTH: u16 = 110;

/// Where everything is.
struct Areas {
    heading: Rect,
    /// The tree with the line of its titles.
    tree: Rect,
    /// What there is to say of the selected candidate.
    note: Rect,
    /// What there is to say of the optimum.
    optimum: Rect,
    /// The lists with their heading.
    lists: Rect,
    slider: Rect,
    knobs: Rect,
}

impl Areas {
    /// `optimum` is the height of what there is to say of it: 0 or 1. The lists are as high as `beams` beams need.
    fn of(body: Rect, optimum: u16, beams: usize) -> Self {
        let mut rest = body;
        let heading = take_top(&mut rest, 1);
        let height = body.height;
        let gap = u16::from(height >= 28);
        let knobs = take_bottom(&mut rest, u16::from(height >= 9));
        let slider = take_bottom(&mut rest, if height >= 12 { 2 } else { 0 });
        take_bottom(&mut rest, gap);
        let needed = 2 + 2 * beams as u16;
        let lists = match height {
            ..14 => 0,
            14..28 => 1 + (height - 6) / 4,
            _ => 2 + height / 4,
        };
        let lists = take_bottom(&mut rest, lists.min(needed));
        take_bottom(&mut rest, gap);
        let optimum = take_bottom(&mut rest, optimum);
        let note = take_bottom(&mut rest, u16::from(height >= 10));
        Self { heading, tree: rest, note, optimum, lists, slider, knobs }
    }
}

fn areas(app: &App) -> Areas {
    areas_of(app, app.body())
}

fn areas_of(app: &App, body: Rect) -> Areas {
    Areas::of(body, u16::from(app.views.beam.optimum.is_some()), app.views.beam.knobs.beams)
}

/// The rows of the tree that show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The first one.
    pub first: usize,
    /// How many there is room for.
    pub rows: usize,
}

/// What the keys page through.
#[must_use]
pub fn page(app: &App) -> Page {
    let area = areas(app).tree;
    let first = with_tree(app, area, |tree| tree.first_row);
    Page { first: first.unwrap_or(0), rows: rows_of(area).max(1) }
}

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let state = &app.views.beam;
    let areas = areas_of(app, body);
    heading(app, areas.heading, buffer);
    knobs(app, areas.knobs, buffer);
    let drawn = with_tree(app, areas.tree, |tree| {
        if tree.step == 0 {
            beginning(app, tree, areas.tree, buffer);
            return;
        }
        tree.render(areas.tree, buffer);
        note(state, tree, areas.note, buffer);
        lists(state, tree, areas.lists, buffer);
        tree.slider(areas.slider, buffer);
    });
    if drawn.is_none() {
        let text = match app.model() {
            Model::Gone => "",
            Model::Opening => "The model is being opened.",
            Model::Open { .. } => "The first step is being searched.",
        };
        put(buffer, areas.tree.x + 1, areas.tree.y + 1, text, areas.tree.width.into(), app.look().style(Role::Muted));
    }
    if let Some(optimum) = state.optimum.as_ref().filter(|optimum| optimum.epoch == app.epoch()) {
        let (look, Rect { x, y, width, .. }) = (app.look(), areas.optimum);
        let room = usize::from(width.saturating_sub(4));
        put(buffer, x + 1, y, look.signs().optimum, room, look.style(Role::Optimum));
        put(buffer, x + 3, y, &of_optimum(app, optimum), room, look.style(Role::Strong));
    }
    None
}

/// The rows of the tree, without its titles.
fn rows_of(area: Rect) -> usize {
    usize::from(area.height).saturating_sub(1)
}

/// Lays the tree out in an area, and does something with it; nothing where no search of this prompt has begun.
fn with_tree<T>(app: &App, area: Rect, mut draw: impl FnMut(&Tree<'_>) -> T) -> Option<T> {
    let state = &app.views.beam;
    let (search, session) = (state.search()?, app.session()?);
    let Model::Open { tokenizer, .. } = app.model() else { return None };
    if state.asked.as_ref().is_none_or(|asked| asked.epoch != app.epoch()) {
        return None;
    }
    let step = state.step();
    let settings = state.knobs.settings(app.seed());
    let ranked = search.ranked(step, &settings);
    let path = session.path_to(session.prompt_end());
    let from = path.len().saturating_sub(MOST_OF_PROMPT);
    let all: Vec<TokenId> = path[from..].iter().map(|&node| session.token(node)).collect();
    // A token that only begins the text says nothing where there is more.
    let begins = all.iter().take_while(|&&token| tokenizer.piece(token).special).count();
    let prompt = if begins < all.len() { &all[begins..] } else { &all[..] };
    let optimum = state.optimum.as_ref().map_or(&[][..], Optimum::tokens);
    let best = ranked.first().map(|ranked| ranked.node);
    let rows = rows_of(area);
    let pen = Pen { look: app.look(), tokenizer: tokenizer.as_ref() };
    let picture_since = |since| Picture::of(&Scene { search, step, folded: &state.folded, optimum, best, rows, since });
    let mut picture = picture_since(0);
    let mut columns = pen.columns(&picture, step, prompt, area);
    if picture.has_pruned_before(columns.first) {
        // What was pruned before the first column has no place.
        picture = picture_since(columns.first);
        columns = pen.columns(&picture, step, prompt, area);
    }
    let selected = state.candidate().and_then(|candidate| picture.item_of(search, candidate.node));
    let row = selected.map_or(0, |item| picture.items[item].row);
    let follow = (row + 1).saturating_sub(rows);
    let first_row = state.scroll.unwrap_or(follow).min(picture.rows.saturating_sub(rows));
    let (look, tokenizer, ranked) = (pen.look, pen.tokenizer, &ranked[..]);
    Some(draw(&Tree { look, tokenizer, search, step, picture, columns, prompt, ranked, settings, selected, first_row }))
}

/// Which step it is, after which prompt; at the right what the signs mean.
fn heading(app: &App, area: Rect, buffer: &mut Buffer) {
    let (look, state) = (app.look(), &app.views.beam);
    let made = state.search().map_or(0, Search::made);
    let over = state.search().is_some_and(|search| search.stopped().is_some());
    let of = if over || app.recording().is_some() { made } else { state.knobs.length };
    let title = format!("Beams: step {} of {of}", state.step());
    let mut x = paint::heading(buffer, area, &title, look);
    let signs = look.signs();
    let [running, finished, pruned] = signs.beams;
    let legend: [(String, Role); 5] = [
        (format!("{running} running"), Role::BeamRunning),
        (format!("{finished} finished"), Role::BeamFinished),
        (format!("{pruned} pruned"), Role::BeamPruned),
        (format!("{} greedy", signs.greedy), Role::OverlayPath),
        (format!("{} optimum", signs.optimum), Role::Optimum),
    ];
    let cells: usize = legend.iter().map(|(text, _)| glyph::cells(text) + 1).sum();
    let mut end = area.right().saturating_sub(1);
    if usize::from(area.right().saturating_sub(x)) > cells + 2 {
        end = put_right(buffer, end, area.y, " ", look.style(Role::Base));
        for (text, role) in legend.iter().rev() {
            end = put_right(buffer, end, area.y, text, look.style(*role));
            end = put_right(buffer, end, area.y, " ", look.style(Role::Base));
        }
    }
    let room = |x: u16| usize::from(end.saturating_sub(x + 1));
    let busy = busy(app);
    if !busy.is_empty() {
        let glyphs = glyph::plain(&busy, look.charset);
        put_glyphs(buffer, x, area.y, &glyphs, room(x), look, look.style(Role::Running));
    } else if room(x) >= 16 {
        x = put(buffer, x, area.y, "after ", 6, look.style(Role::Muted));
        let prompt = glyph::plain(app.prompt().trim_end(), look.charset);
        x = put_glyphs(buffer, x, area.y, &prompt, room(x), look, look.style(Role::Base));
        put(buffer, x, area.y, " ", 1, look.style(Role::Base));
    }
}

/// What goes on behind the picture; empty where nothing does.
fn busy(app: &App) -> String {
    let (signs, state) = (app.look().signs(), &app.views.beam);
    let spinner = signs.spinner[app.ticks() % signs.spinner.len()];
    match state.search() {
        Some(search) if state.is_replaced() && app.is_under_way(Lane::Beams) => {
            let BeamSettings { beams, length_penalty, .. } = *search.settings();
            format!("{spinner} searching anew (this tree: B {beams}, alpha {length_penalty:.1}) ")
        }
        search if app.is_under_way(Lane::Beams) => format!("{spinner} {} steps made ", search.map_or(0, Search::made)),
        _ => String::new(),
    }
}

/// Before the first step: the prompt, and what to press.
fn beginning(app: &App, tree: &Tree<'_>, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let room = usize::from(area.width.saturating_sub(4));
    let glyphs = text(tree.tokenizer, tree.prompt, look.charset);
    let shown = tail(&glyphs, room.saturating_sub(6));
    let y = area.y + 1;
    let mut x = area.x + 1;
    if shown.len() < glyphs.len() {
        x = put(buffer, x, y, look.signs().ellipsis, 1, look.style(Role::Muted));
    }
    x = put_glyphs(buffer, x, y, shown, room, look, look.style(Role::Strong));
    let line = look.signs().branches.on[0];
    put(buffer, x + 1, y, &format!("{line}{line}{line}{}", look.signs().ellipsis), 4, look.style(Role::Muted));
    let beams = tree.settings.beams;
    let lines = [
        format!("Step on ({}): every beam is continued by every token,", key(Action::Step, look.charset)),
        format!("the best {} continuations are looked at, and the best {beams} run on.", 2 * beams),
    ];
    for (line, y) in lines.iter().zip(area.y + 3..area.bottom()) {
        put(buffer, area.x + 1, y, line, room, look.style(Role::Muted));
    }
}

/// What there is to say of the selected candidate.
fn note(state: &State, tree: &Tree<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(one) = state.candidate() else { return };
    let (look, y) = (tree.look, area.y);
    let status = tree.search.node(one.node).map_or(Status::Passed, |node| tree.search.status(node, tree.step));
    let right = area.right().saturating_sub(1);
    let room = |x: u16| usize::from(right.saturating_sub(x));
    let role = role(status);
    let mut x = put(buffer, area.x + 1, y, look.signs().selected, room(area.x + 1), look.style(Role::Key));
    x = put(buffer, x + 1, y, sign(status, look), room(x + 1), look.style(role));
    let glyphs = token_glyphs(tree.tokenizer, one.token, look.charset);
    x = put_glyphs(buffer, x, y, &glyphs, room(x).min(20), look, look.style(role));
    let score = tree.search.score(one.node, &tree.settings);
    let figures = format!(
        "  log p {}  sum {}  score {}  ",
        signed(one.logprob, 3, look),
        signed(one.sum, 3, look),
        signed(score, 4, look)
    );
    x = put(buffer, x, y, &figures, room(x), look.style(Role::Base));
    if tree.search.settings().groups > 1 {
        x = put(buffer, x, y, &format!("group {}  ", one.group + 1), room(x), look.style(Role::Tag));
    }
    put(buffer, x, y, verdict(one.verdict), room(x), look.style(role));
}

fn lists(state: &State, tree: &Tree<'_>, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let group = state.candidate().map_or(0, |candidate| candidate.group);
    let bound = tree.search.bound((tree.step, group), &tree.settings, state.knobs.length);
    let bound = bound.map(|bound| bound_in_words(&bound, tree.look)).unwrap_or_default();
    let whole = area.width >= BOTH;
    let left = if whole { Rect { width: area.width * 9 / 20, ..area } } else { area };
    let right = if whole { Rect { x: left.right() + 2, width: area.width - left.width - 2, ..area } } else { area };
    if whole || state.below == Below::Hypotheses {
        let x = paint::heading(buffer, paint::row(left, 0), "Hypotheses", tree.look);
        let forms: Vec<&str> = bound.iter().map(Cow::as_ref).collect();
        paint::note(buffer, paint::row(left, 0), x, &forms, tree.look);
        let titles = u16::from(left.height >= 8);
        if titles > 0 {
            tree.hypotheses_titles(paint::row(left, 1), buffer);
        }
        tree.hypotheses(below(left, 1 + titles), buffer);
    }
    if whole || state.below == Below::Ledger {
        let looked_at = tree.search.step(tree.step).map_or(0, |step| step.candidates.len());
        let title = format!("Ledger of step {}", tree.step);
        let x = paint::heading(buffer, paint::row(right, 0), &title, tree.look);
        let note = format!("{looked_at} continuations looked at");
        paint::note(buffer, paint::row(right, 0), x, &[&note], tree.look);
        let titles = u16::from(right.height >= 8);
        if titles > 0 {
            tree.ledger_titles(paint::row(right, 1), buffer);
        }
        tree.ledger(below(right, 1 + titles), state.selected(), buffer);
    }
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// The key of an action of this view.
fn key(action: Action, charset: Charset) -> String {
    let entry = ACTIONS.iter().find(|entry| entry.context == Context::Beam && entry.action == action);
    entry.and_then(|entry| entry.keys.first()).map(|key| key.name(charset)).unwrap_or_default()
}

/// The knobs with their keys.
fn knobs(app: &App, area: Rect, buffer: &mut Buffer) {
    let (look, knobs) = (app.look(), &app.views.beam.knobs);
    let pair = |down, up| format!("{}/{}", key(down, look.charset), key(up, look.charset));
    let ascii = look.charset == Charset::Ascii;
    let (alpha, lambda) = if ascii { ("alpha", "lambda") } else { ("α", "λ") };
    let strategy = knobs.kind().map_or("beam", |(row, _)| row.name);
    let mut all = vec![
        (pair(Action::FewerBeams, Action::MoreBeams), "B", knobs.beams.to_string()),
        (pair(Action::LowerAlpha, Action::HigherAlpha), alpha, penalty(knobs.alpha, look)),
        (key(Action::LengthNorm, look.charset), "norm", knobs.norm.to_string()),
        (key(Action::BeamKind, look.charset), "", strategy.to_owned()),
        (key(Action::EarlyStopping, look.charset), "early", knobs.early.to_string()),
        (pair(Action::Shorter, Action::Longer), "tokens", knobs.length.to_string()),
    ];
    if let Some((groups, diversity)) = knobs.groups() {
        // What the strategy is about comes right after it.
        let groups = (pair(Action::FewerGroups, Action::MoreGroups), "groups", groups.to_string());
        let diversity = (pair(Action::LowerDiversity, Action::HigherDiversity), lambda, penalty(diversity, look));
        all.splice(4..4, [groups, diversity]);
    }
    let cells =
        |(key, label, value): &(String, &str, String)| glyph::cells(key) + glyph::cells(label) + value.len() + 4;
    if all.iter().map(cells).sum::<usize>() > usize::from(area.width) {
        // A name that speaks for itself needs no label.
        all.iter_mut().filter(|(_, label, _)| ["norm", "early"].contains(label)).for_each(|knob| knob.1 = "");
    }
    let mut x = area.x + 1;
    for (key, label, value) in all {
        let cells = glyph::cells(&key) + glyph::cells(label) + value.len() + 2;
        let room = usize::from(area.right().saturating_sub(x));
        if cells > room {
            break;
        }
        x = put(buffer, x, area.y, &key, room, look.style(Role::Key)) + 1;
        if !label.is_empty() {
            x = put(buffer, x, area.y, label, room, look.style(Role::Muted)) + 1;
        }
        x = put(buffer, x, area.y, &value, room, look.style(Role::Strong)) + 2;
    }
}
