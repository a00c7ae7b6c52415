//! The files of the interface: what it saves, and what is kept between two runs.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use etcetera::app_strategy::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use ratatui::buffer::Buffer;

use crate::export;
use crate::file::{self, Readers, WholeFile};
use crate::ui::host::{Host, Kept, Picture};

/// The user's directories of this program; `None` where there is no home.
fn directories() -> Option<impl AppStrategy> {
    let arguments =
        AppStrategyArgs { top_level_domain: String::new(), author: String::new(), app_name: "logitscope".into() };
    choose_app_strategy(arguments).ok()
}

/// Where the configuration is, if anywhere.
pub(super) fn config_file() -> Option<PathBuf> {
    directories().map(|directories| directories.config_dir().join("config.toml"))
}

/// Files in a folder for what is saved, and one for what is kept.
pub(super) struct Files {
    /// Where files are saved.
    pub(super) folder: PathBuf,
    /// Where state is kept; `None` where the user has no such place.
    pub(super) state: Option<PathBuf>,
}

impl Files {
    /// The current directory, and the user's directory for state: `XDG_STATE_HOME` where that is set.
    pub(super) fn usual() -> Self {
        let state = directories().map(|found| found.state_dir().unwrap_or_else(|| found.data_dir()));
        Self { folder: PathBuf::new(), state }
    }

    fn path(&self, what: Kept) -> Result<PathBuf, String> {
        let name = match what {
            Kept::Session => "session.json",
            Kept::Prompts => "prompts.json",
            Kept::Models => "models.json",
        };
        let state = self.state.as_ref().ok_or("there is no home directory to keep it in")?;
        Ok(state.join(name))
    }
}

impl Host for Files {
    fn save(&self, stem: &str, ending: &str, content: &[u8]) -> Result<String, String> {
        let failed = |name: &str, error: std::io::Error| format!("can't write {name}: {error}");
        for number in 1.. {
            let name = if number == 1 { format!("{stem}.{ending}") } else { format!("{stem}-{number}.{ending}") };
            let path = self.folder.join(&name);
            if path.symlink_metadata().is_ok() {
                continue;
            }
            let mut file = WholeFile::create(&path, Readers::Others).map_err(|error| failed(&name, error))?;
            match file.write_all(content).and_then(|()| file.commit_new()) {
                Ok(()) => return Ok(name),
                // Somebody else took the name meanwhile.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&name, error)),
            }
        }
        Err(format!("can't write {stem}.{ending}: no name is left"))
    }

    /// PNG, which every program shows.
    fn picture(&self, buffer: &Buffer, (foreground, background): ([u8; 3], [u8; 3])) -> Picture {
        let picture = export::Picture { buffer: buffer.clone(), foreground, background };
        let svg = || Picture { ending: "svg", content: export::svg(&picture, "logitscope").into_bytes() };
        export::png(&picture).map_or_else(|_| svg(), |content| Picture { ending: "png", content })
    }

    fn keep(&self, what: Kept, text: &str) -> Result<(), String> {
        let path = self.path(what)?;
        let failed = |error: std::io::Error| format!("can't write {}: {error}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        file::replace(&path, text.as_bytes(), Readers::Owner).map_err(failed)
    }

    fn kept(&self, what: Kept) -> Result<Option<String>, String> {
        let path = self.path(what)?;
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("can't read {}: {error}", path.display())),
        }
    }

    fn place(&self, what: Kept) -> String {
        self.path(what).map_or_else(|_| "nowhere".into(), |path| path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::names;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { folder: folder.path().to_owned(), state: None };
        assert_eq!(files.save("a", "txt", b"1").unwrap(), "a.txt");
        assert_eq!(files.save("a", "txt", b"2").unwrap(), "a-2.txt");
        assert_eq!(files.save("a", "txt", b"3").unwrap(), "a-3.txt");
        assert_eq!(names(folder.path()), ["a-2.txt", "a-3.txt", "a.txt"]);
        assert_eq!(fs::read(folder.path().join("a.txt")).unwrap(), b"1");
        let nowhere = Files { folder: folder.path().join("no/such"), state: None };
        let error = nowhere.save("a", "txt", b"1").unwrap_err();
        assert!(error.starts_with("can't write a.txt: ") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn what_is_kept_replaces_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { folder: PathBuf::new(), state: Some(folder.path().join("deep/state")) };
        assert_eq!(files.kept(Kept::Session).unwrap(), None);
        files.keep(Kept::Session, "one").unwrap();
        files.keep(Kept::Session, "two").unwrap();
        assert_eq!(files.kept(Kept::Session).unwrap().as_deref(), Some("two"));
        assert_eq!(names(&folder.path().join("deep/state")), ["session.json"]);
        let homeless = Files { folder: PathBuf::new(), state: None };
        assert!(homeless.keep(Kept::Session, "").is_err());
    }
}
