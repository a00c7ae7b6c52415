//! The interface: keys, views, themes, lessons.

use logitscope::glyph::Charset;
use logitscope::lesson::{self, Lesson};
use logitscope::ui::action::{Context, Entry, Key, Keymap, entries};
use logitscope::ui::theme::{self, Role};
use logitscope::ui::views::VIEWS;

use super::{code, codes, table};

const KEYS: &str = "# Keys

The keys that nobody has changed. In the interface `?` lists those that count at the moment, and `:` finds every action by a few letters of what it
does. The [configuration](screen.md#configuration) gives an action other keys by the name of its group and its own.

";

/// `keys.md`.
pub(super) fn keys() -> String {
    let groups = Context::ALL.iter().filter(|context| entries(**context).next().is_some());
    let groups: Vec<String> = groups.map(|context| group(*context)).collect();
    KEYS.to_owned() + &groups.join("\n")
}

fn group(context: Context) -> String {
    let has = |pages: &[&[Context]]| pages.iter().any(|page| page.contains(&context));
    let views: Vec<&str> = VIEWS.iter().filter(|row| has(row.contexts)).map(|row| row.name).collect();
    let place = match (&views[..], context) {
        (_, Context::Everywhere) => ", in every view".into(),
        ([], _) => String::new(),
        (views, _) => format!(", in {}", codes(views.iter().copied())),
    };
    let (title, name) = (context.title(), code(&context.name()));
    format!("## {title}\n\nGroup {name}{place}.\n\n{}", table(&["key", "does", "action"], entries(context).map(key)))
}

fn key(entry: &'static Entry) -> Vec<String> {
    let name = |key: &Key| key.name(Charset::Unicode);
    let names: Vec<String> = Keymap::default().keys(entry).iter().map(name).collect();
    let keys = if names.is_empty() { "under `:`".into() } else { codes(names.iter().map(String::as_str)) };
    vec![keys, entry.help.into(), code(&entry.name())]
}

const CONFIGURATION: &str = "
## Configuration

`~/.config/logitscope/config.toml`, or `--config FILE`. `logitscope config` prints the file with every option and every action, all of them behind a
`#`. An option on the command line counts before the file.

";

/// `screen.md`.
pub(super) fn page() -> String {
    let mut text =
        "# The screen\n\n## Views\n\n`--view NAME` of `screenshot`; in the interface a digit.\n\n".to_owned();
    text += &table(
        &["key", "name", "shows"],
        VIEWS.iter().map(|row| {
            vec![code(&row.view.key(&Keymap::default(), Charset::Unicode)), code(row.name), row.summary.into()]
        }),
    );
    text += "\n## Themes\n\n`--theme NAME`, or a [file of your own](../themes.md).\n\n";
    text += &table(
        &["name", "is for"],
        theme::BUILT_IN.iter().map(|(name, file)| vec![code(name), theme::summary(file).into()]),
    );
    text += "\n### Roles\n\nWhat a theme gives a style. [Themes](../themes.md) has their least contrasts and their grounds.\n\n";
    text += &table(&["role", "is"], Role::ALL.iter().map(|role| vec![code(role.key()), role.meaning().into()]));
    text += "\n## Lessons\n\n`logitscope lesson NAME`, or `7` in the interface.\n\n";
    text += &table(
        &["name", "title", "teaches"],
        lesson::BUILT_IN.iter().map(|(name, file)| {
            let lesson = Lesson::parse(name, file).unwrap();
            vec![code(name), lesson.title, lesson.summary]
        }),
    );
    text += CONFIGURATION;
    text += &table(
        &["option", "usually", "is"],
        logitscope::ui::config::LOOK.map(|(name, value, about)| vec![code(name), code(value), about.into()]),
    );
    text
}
