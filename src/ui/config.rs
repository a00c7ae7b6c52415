//! The configuration file: the look, and keys in the place of the table's.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use toml::Spanned;

use super::action::{Action, Context, Entry, Key, Keymap, entries};
use super::theme::ColourDepth;
use super::views::VIEWS;
use crate::glyph::Charset;

/// What is wrong with a configuration, by file and line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct ConfigError {
    file: String,
    line: usize,
    reason: String,
}

/// What a configuration says; nothing where it is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// A theme by name, or a theme file.
    pub theme: Option<String>,
    /// How many colours; inside, none is what the terminal has.
    pub colours: Option<Option<ColourDepth>>,
    /// Which symbols may be drawn.
    pub charset: Option<Charset>,
    /// Whether the mouse is used.
    pub mouse: Option<bool>,
    /// The keys.
    pub keymap: Keymap,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    theme: Option<String>,
    colors: Option<Spanned<String>>,
    ascii: Option<bool>,
    mouse: Option<bool>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<Keys>>>,
}

/// One key, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Several(Vec<String>),
}

/// A configuration being read.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
    /// Where the keys of a row are given.
    lines: BTreeMap<(Context, Action), usize>,
}

impl Config {
    /// Reads a configuration; `file` is what errors call it.
    ///
    /// # Errors
    /// What is wrong, by line: no TOML, an unknown option, group, action or key, a key that means two things in one place.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let mut source = Source { file, text, lines: BTreeMap::new() };
        let read: File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.wrong(at, error.message().to_owned())
        })?;
        let colours = read.colors.map(|name| match (name.get_ref().as_str(), ColourDepth::parse(name.get_ref())) {
            ("auto", _) => Ok(None),
            (_, Some(depth)) => Ok(Some(depth)),
            (other, None) => {
                let reason = format!("colors = \"{other}\": it is not one of auto, true, 256, 16, none");
                Err(source.wrong(name.span().start, reason))
            }
        });
        let colours = colours.transpose()?;
        let keymap = source.keymap(&read.keys)?;
        let charset = read.ascii.map(|ascii| if ascii { Charset::Ascii } else { Charset::Unicode });
        Ok(Self { theme: read.theme, colours, charset, mouse: read.mouse, keymap })
    }

    /// The file that changes nothing, with a comment for everything that can be in it.
    #[must_use]
    pub fn usual() -> String {
        let mut text = "# The configuration of logitscope. What stands behind a # is the usual value.\n\n".to_owned();
        for (name, value, about) in LOOK {
            let _ = writeln!(text, "# {name} = {value}  # {about}");
        }
        text.push_str(
            "\n# A key is a character, or Ctrl-, Shift- and one; or Right, Enter, Space, PgUp, F1 and the like.\n",
        );
        text.push_str("# Several keys stand in brackets; [] takes the key away.\n");
        for &context in Context::ALL.iter().filter(|context| entries(**context).next().is_some()) {
            let _ = write!(text, "\n# {}\n[keys.{}]\n", context.title(), context.name());
            for entry in entries(context) {
                let keys: Vec<_> = entry.keys.iter().map(|key| quoted(&key.name(Charset::Ascii))).collect();
                let _ = writeln!(text, "# {} = [{}]  # {}", entry.name(), keys.join(", "), entry.help);
            }
        }
        text
    }
}

/// The options besides the keys: name, usual value as TOML writes it, what it is.
pub const LOOK: [(&str, &str, &str); 4] = [
    ("theme", "\"dark\"", "a theme by name, or a theme file"),
    ("colors", "\"auto\"", "auto, true, 256, 16 or none"),
    ("ascii", "false", "draw with ASCII characters only"),
    ("mouse", "false", "clicks and the wheel are for the program, not for the terminal"),
];

/// As TOML writes a text.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Source<'_> {
    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    fn wrong(&self, at: usize, reason: String) -> ConfigError {
        ConfigError { file: self.file.to_owned(), line: self.line(at), reason }
    }

    fn keymap(
        &mut self,
        groups: &BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<Keys>>>,
    ) -> Result<Keymap, ConfigError> {
        let mut keymap = Keymap::default();
        for (group, actions) in groups {
            let context = self.context(group)?;
            for (name, keys) in actions {
                let entry = self.entry(context, name)?;
                self.lines.insert((context, entry.action), self.line(name.span().start));
                keymap.set(entry, self.keys(entry, keys)?);
            }
        }
        let views = VIEWS.iter().flat_map(|row| row.contexts).map(|page| [*page, &[Context::Everywhere]].concat());
        let windows = Context::ALL.iter().filter(|context| context.is_window()).map(|context| vec![*context]);
        views.chain(windows).try_for_each(|place| self.check(&keymap, &place))?;
        Ok(keymap)
    }

    fn context(&self, group: &Spanned<String>) -> Result<Context, ConfigError> {
        let found = Context::ALL.iter().copied().find(|context| context.name() == *group.get_ref());
        found.ok_or_else(|| {
            let names: Vec<String> = Context::ALL.iter().map(|context| context.name()).collect();
            self.wrong(group.span().start, format!("no group `{}`: there are {}", group.get_ref(), names.join(", ")))
        })
    }

    fn entry(&self, context: Context, name: &Spanned<String>) -> Result<&'static Entry, ConfigError> {
        entries(context).find(|entry| entry.name() == *name.get_ref()).ok_or_else(|| {
            let names: Vec<String> = entries(context).map(Entry::name).collect();
            let reason =
                format!("no action `{}` in {}: there are {}", name.get_ref(), context.name(), names.join(", "));
            self.wrong(name.span().start, reason)
        })
    }

    fn keys(&self, entry: &Entry, keys: &Spanned<Keys>) -> Result<Vec<Key>, ConfigError> {
        let wrong = |reason: String| Err(self.wrong(keys.span().start, format!("{}: {reason}", entry.name())));
        let names = match keys.get_ref() {
            Keys::One(name) => std::slice::from_ref(name),
            Keys::Several(names) => names,
        };
        let mut found = Vec::new();
        for name in names {
            match Key::parse(name) {
                None => return wrong(format!("no key is called `{name}`: write Right, Ctrl-P, F1 or a character")),
                Some(key) if found.contains(&key) => return wrong(format!("the key `{name}` is given twice")),
                Some(key) if entry.context.has_a_line() && key.is_typed() => {
                    return wrong(format!("`{name}` is a character that is typed there: give a key like Ctrl-P"));
                }
                Some(key) => found.push(key),
            }
        }
        if found.is_empty() && (entry.action, entry.context) == (Action::Quit, Context::Everywhere) {
            return wrong("leaving needs a key".to_owned());
        }
        Ok(found)
    }

    /// Refuses a key that means two things where these groups count.
    fn check(&self, keymap: &Keymap, place: &[Context]) -> Result<(), ConfigError> {
        let mut seen: Vec<(Key, &Entry)> = Vec::new();
        for entry in place.iter().flat_map(|context| entries(*context)) {
            for &key in keymap.keys(entry) {
                let Some((_, first)) = seen.iter().find(|(other, _)| *other == key) else {
                    seen.push((key, entry));
                    continue;
                };
                let line = |entry: &Entry| self.lines.get(&(entry.context, entry.action)).copied();
                // The table itself is free of doubles: one of the two stands in the file.
                let (changed, other) = if line(entry) >= line(first) { (entry, *first) } else { (*first, entry) };
                let reason = format!(
                    "{}: the key `{}` means {}.{} already: give that another one",
                    changed.name(),
                    key.name(Charset::Ascii),
                    other.context.name(),
                    other.name()
                );
                return Err(ConfigError { file: self.file.to_owned(), line: line(changed).unwrap_or(1), reason });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::action::ACTIONS;

    fn wrong(text: &str) -> String {
        Config::parse("c.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn the_usual_file_says_what_holds_without_it() {
        assert_eq!(Config::parse("c.toml", &Config::usual()).unwrap(), Config::default());
        // With every comment taken off it spells all of that out.
        let spelt: Vec<_> = Config::usual()
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line).to_owned())
            .collect();
        let spelt = Config::parse("c.toml", &spelt.join("\n")).unwrap();
        assert_eq!((spelt.theme.as_deref(), spelt.colours, spelt.mouse), (Some("dark"), Some(None), Some(false)));
        for entry in ACTIONS {
            assert_eq!(spelt.keymap.keys(entry), entry.keys, "{}", entry.name());
        }
    }

    #[test]
    fn keys_are_changed_by_name() {
        let text = "ascii = true\nmouse = true\ncolors = '256'\n[keys]\nsession.step = 'n'\nsession.redraw = ['Ctrl-R', 'F5']\neverywhere.history = []\n";
        let config = Config::parse("c.toml", text).unwrap();
        assert_eq!((config.charset, config.mouse), (Some(Charset::Ascii), Some(true)));
        let key = |name: &str| Key::parse(name).unwrap();
        let place = [Context::Session, Context::Everywhere];
        assert_eq!(config.keymap.lookup(&place, key("n")), Some(Action::Step));
        assert_eq!(config.keymap.lookup(&place, key("Right")), None, "the old keys are gone");
        assert_eq!(config.keymap.lookup(&place, key("F5")), Some(Action::Redraw));
        assert_eq!(config.keymap.lookup(&place, key("Ctrl-R")), Some(Action::Redraw));
    }

    #[test]
    fn what_is_wrong_is_said_by_line() {
        assert!(wrong("\nthem = 'dark'").starts_with("c.toml:2: unknown field `them`"));
        assert!(wrong("theme = ").starts_with("c.toml:1: "));
        assert!(wrong("\ncolors = '7'").starts_with("c.toml:2: colors = \"7\""));
        assert!(wrong("[keys]\n\nsesion.step = 'n'").starts_with("c.toml:3: no group `sesion`: there are session, "));
        assert!(
            wrong("[keys.session]\nstop = 'n'").starts_with("c.toml:2: no action `stop` in session: there are step, ")
        );
        assert!(wrong("[keys.session]\nstep = 'Hyper-n'").starts_with("c.toml:2: step: no key is called `Hyper-n`"));
        assert!(wrong("[keys.session]\nstep = ['n', 'n']").contains("c.toml:2: step: the key `n` is given twice"));
        let taken = "c.toml:2: step: the key `g` means session.run already: give that another one";
        assert_eq!(wrong("[keys.session]\nstep = 'g'"), taken);
        assert!(wrong("[keys.everywhere]\nhelp = 'g'").contains("the key `g` means session.run already"));
        assert!(wrong("[keys.prompt]\naccept = 'a'").contains("is typed there"));
        assert!(wrong("[keys.everywhere]\nquit = []").contains("leaving needs a key"));
        // Another group of the same name may use it: the two are never there together.
        assert!(Config::parse("c.toml", "[keys.help]\nclose = 'g'").is_ok());
    }
}
