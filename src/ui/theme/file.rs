//! Reading a theme: its parents, its palette, its styles, and what is wrong with it, by file, line, key and value.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::{BUILT_IN, Role, Theme, colour};

/// Why a theme could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// Not a built-in theme and not a file.
    #[error("no theme \"{0}\": use one of {names}, or a path that ends in .toml", names = names())]
    Unknown(String),
    /// The file could not be read.
    #[error("can't read theme {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is wrong.
    #[error("{file}:{line}: {reason}")]
    Invalid {
        /// The file, or `theme NAME` for a built-in one.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with key and value.
        reason: String,
    },
}

fn names() -> String {
    BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// A theme file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    inherits: Option<Spanned<String>>,
    #[serde(default)]
    palette: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    styles: BTreeMap<Spanned<String>, Spanned<StyleSpec>>,
}

/// A style as a theme writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StyleSpec {
    fg: Option<Spanned<String>>,
    bg: Option<Spanned<String>>,
    #[serde(default)]
    modifiers: Vec<Spanned<String>>,
}

const MODIFIERS: [(&str, Modifier); 6] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
    ("crossed-out", Modifier::CROSSED_OUT),
];

/// How a file is read: files are no matter of the interface.
type Read<'a> = dyn Fn(&Path) -> io::Result<String> + 'a;

/// Whether a theme is named by its file.
pub(super) fn is_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// A longer line of parents can only be a circle over links.
const GENERATIONS: usize = 32;

/// A path without detours over `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// One file of the line of inheritance.
struct Source {
    /// What tells it from every other: its name or its path.
    id: String,
    label: String,
    folder: PathBuf,
    text: String,
}

impl Source {
    fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Some(Self {
            id: (*name).to_owned(),
            label: format!("theme {name}"),
            folder: PathBuf::new(),
            text: (*text).to_owned(),
        })
    }

    fn read(path: &Path, read: &Read<'_>) -> Result<Self, ThemeError> {
        let text = read(path).map_err(|source| ThemeError::Read { path: path.to_owned(), source })?;
        let id = plain(path).display().to_string();
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self { id, label: path.display().to_string(), folder, text })
    }

    fn parse(&self) -> Result<ThemeFile, ThemeError> {
        toml::from_str(&self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.invalid(at, error.message().to_owned())
        })
    }

    fn invalid(&self, at: usize, reason: String) -> ThemeError {
        let line = 1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        ThemeError::Invalid { file: self.label.clone(), line, reason }
    }

    fn parent(&self, name: &Spanned<String>, read: &Read<'_>) -> Result<Self, ThemeError> {
        let wanted = name.get_ref();
        if let Some(parent) = Self::built_in(wanted) {
            return Ok(parent);
        }
        if is_file(wanted) {
            return Self::read(&self.folder.join(wanted), read);
        }
        Err(self
            .invalid(name.span().start, format!("inherits = \"{wanted}\": {}", ThemeError::Unknown(wanted.clone()))))
    }
}

/// A theme of the program, by name.
pub(super) fn built_in(name: &str) -> Result<Theme, ThemeError> {
    let source = Source::built_in(name).ok_or_else(|| ThemeError::Unknown(name.to_owned()))?;
    resolve(source, name.to_owned(), &|_| Err(io::ErrorKind::NotFound.into()))
}

/// The theme in a file.
pub(super) fn load(path: &Path, read: &Read<'_>) -> Result<Theme, ThemeError> {
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    resolve(Source::read(path, read)?, name, read)
}

fn resolve(source: Source, name: String, read: &Read<'_>) -> Result<Theme, ThemeError> {
    let line = ancestry(source, read)?;
    // The youngest palette wins everywhere: changing one colour of a parent recolours every style that uses it.
    let mut palette = BTreeMap::new();
    for (source, file) in &line {
        for (key, value) in &file.palette {
            let parsed = colour::parse(value.get_ref()).ok_or_else(|| wrong_colour(source, key.get_ref(), value))?;
            palette.insert(key.get_ref().clone(), parsed);
        }
    }
    let mut styles = vec![Style::new(); Role::ALL.len()];
    for (source, file) in &line {
        for (key, spec) in &file.styles {
            let role = Role::ALL.iter().find(|role| role.key() == key.get_ref()).ok_or_else(|| {
                source
                    .invalid(key.span().start, format!("unknown style \"{}\"{}", key.get_ref(), nearest(key.get_ref())))
            })?;
            styles[*role as usize] = style(source, role.key(), spec.get_ref(), &palette)?;
        }
    }
    let base = Style::new().fg(Color::Reset).bg(Color::Reset).patch(styles[Role::Base as usize]);
    Ok(Theme::new(name, styles.into_iter().map(|style| base.patch(style)).collect()))
}

/// The file and its parents, eldest first.
fn ancestry(source: Source, read: &Read<'_>) -> Result<Vec<(Source, ThemeFile)>, ThemeError> {
    let mut line = Vec::new();
    let mut next = Some(source);
    while let Some(source) = next.take() {
        let file = source.parse()?;
        if let Some(name) = &file.inherits {
            let parent = source.parent(name, read)?;
            let endless = line.len() > GENERATIONS;
            if endless || parent.id == source.id || line.iter().any(|(seen, _): &(Source, _)| seen.id == parent.id) {
                let reason = format!("inherits = \"{}\": themes inherit from each other in a circle", name.get_ref());
                return Err(source.invalid(name.span().start, reason));
            }
            next = Some(parent);
        }
        line.push((source, file));
    }
    line.reverse();
    Ok(line)
}

fn style(source: &Source, key: &str, spec: &StyleSpec, palette: &BTreeMap<String, Color>) -> Result<Style, ThemeError> {
    let colour = |field: &str, value: &Option<Spanned<String>>| match value {
        None => Ok(None),
        Some(value) => match palette.get(value.get_ref()).copied().or_else(|| colour::parse(value.get_ref())) {
            Some(colour) => Ok(Some(colour)),
            None => Err(wrong_colour(source, &format!("{key}.{field}"), value)),
        },
    };
    let mut style = Style { fg: colour("fg", &spec.fg)?, bg: colour("bg", &spec.bg)?, ..Style::new() };
    for name in &spec.modifiers {
        let known = MODIFIERS.iter().find(|(known, _)| known == name.get_ref());
        let (_, modifier) = known.ok_or_else(|| {
            let all = MODIFIERS.map(|(known, _)| known).join(", ");
            source.invalid(name.span().start, format!("{key}.modifiers: \"{}\" is none of {all}", name.get_ref()))
        })?;
        style = style.add_modifier(*modifier);
    }
    Ok(style)
}

fn wrong_colour(source: &Source, key: &str, value: &Spanned<String>) -> ThemeError {
    let reason = format!(
        "{key} = \"{}\" is no colour: write #rrggbb, #rgb, 0 to 255, default, a name such as bright-blue, or a key of [palette]",
        value.get_ref()
    );
    source.invalid(value.span().start, reason)
}

/// The role that was probably meant: one that begins with the same letters.
fn nearest(key: &str) -> String {
    let shared = |role: &Role| role.key().bytes().zip(key.bytes()).take_while(|(a, b)| a == b).count();
    match Role::ALL.iter().max_by_key(|role| shared(role)) {
        Some(role) if shared(role) >= 3 => format!("; did you mean \"{}\"?", role.key()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Theme, ThemeError> {
        load(Path::new("mine.toml"), &|_| Ok(text.to_owned()))
    }

    fn message(text: &str) -> String {
        let error = load_text(text).unwrap_err().to_string();
        error[error.find("mine.toml").unwrap()..].to_owned()
    }

    #[test]
    fn a_child_recolours_its_parent() {
        let theme = load_text("inherits = \"dark\"\n[palette]\nground = \"#000\"\n").unwrap();
        assert_eq!(theme.name(), "mine");
        assert_eq!(theme.style(Role::Base).bg, Some(Color::Rgb(0, 0, 0)));
        assert_eq!(theme.style(Role::Title).fg, Theme::built_in("dark").unwrap().style(Role::Title).fg);
    }

    #[test]
    fn built_in_themes_style_every_role() {
        for (name, text) in BUILT_IN {
            let file: ThemeFile = toml::from_str(text).unwrap();
            if file.inherits.is_none() {
                let written: Vec<_> = file.styles.keys().map(|key| key.get_ref().as_str()).collect();
                let missing: Vec<_> = Role::ALL.iter().filter(|role| !written.contains(&role.key())).collect();
                assert!(missing.is_empty(), "{name}: {missing:?}");
            }
        }
    }

    #[test]
    fn mistakes_are_named_by_file_line_key_and_value() {
        let wrong = message("inherits = \"dark\"\n[styles]\nbase = { fg = \"blurple\" }\n");
        assert!(wrong.starts_with("mine.toml:3: base.fg = \"blurple\" is no colour"), "{wrong}");
        let wrong = message("[palette]\nsky = \"#12\"\n");
        assert!(wrong.starts_with("mine.toml:2: sky = \"#12\" is no colour"), "{wrong}");
        let wrong = message("[styles]\nselect = { fg = \"red\" }\n");
        assert_eq!(wrong, "mine.toml:2: unknown style \"select\"; did you mean \"selected\"?");
        let wrong = message("\n\n[styles]\nbase = { fg = \"red\", underlined = true }\n");
        assert!(wrong.starts_with("mine.toml:4: unknown field `underlined`"), "{wrong}");
        let wrong = message("[styles]\nbase = { modifiers = [\"blod\"] }\n");
        assert!(wrong.starts_with("mine.toml:2: base.modifiers: \"blod\" is none of bold"), "{wrong}");
        let wrong = message("inherits = \"drak\"\n");
        assert!(wrong.starts_with("mine.toml:1: inherits = \"drak\": no theme \"drak\""), "{wrong}");
    }

    #[test]
    fn circles_are_refused() {
        let files = |path: &Path| match plain(path).to_str().unwrap() {
            "themes/a.toml" => Ok("inherits = \"b.toml\"\n".to_owned()),
            "themes/b.toml" => Ok("inherits = \"../themes/./a.toml\"\n".to_owned()),
            "c.toml" => Ok("inherits = \"c.toml\"\n".to_owned()),
            "link/l.toml" => Ok("inherits = \"link/l.toml\"\n".to_owned()),
            path if path.starts_with("link/") => Ok("inherits = \"link/l.toml\"\n".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        let error = load(Path::new("themes/a.toml"), &files).unwrap_err().to_string();
        assert!(
            error.contains("b.toml:1: inherits = \"../themes/./a.toml\": themes inherit from each other in a circle"),
            "{error}"
        );
        assert!(load(Path::new("c.toml"), &files).unwrap_err().to_string().contains("circle"));
        assert!(load(Path::new("link/l.toml"), &files).unwrap_err().to_string().contains("circle"));
        assert!(
            load(Path::new("none.toml"), &files).unwrap_err().to_string().starts_with("can't read theme none.toml")
        );
    }
}
