//! Where the hub and its cache are, from the environment variables that all Hugging Face programs read.

use std::path::PathBuf;

use etcetera::home_dir;

/// The hub of everybody.
const USUAL_ENDPOINT: &str = "https://huggingface.co";

/// Whether the network may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Where it is needed.
    #[default]
    Allowed,
    /// Never: `--offline`.
    Forbidden,
}

/// Where the hub and its cache are.
#[derive(Clone, Debug)]
pub struct HubPlace {
    /// The hub, without a slash at the end.
    pub endpoint: String,
    /// The folder that holds `models--owner--name`.
    pub cache: PathBuf,
    /// What proves to the hub who asks.
    pub token: Option<String>,
    /// Whether the hub may be asked.
    pub network: Network,
}

impl HubPlace {
    /// Reads `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN` (or the file of the login, `HF_TOKEN_PATH`) and
    /// `HF_HUB_OFFLINE`, as `huggingface_hub.constants` does.
    #[must_use]
    pub fn from_env(network: Network) -> Self {
        Self::read(&|name| std::env::var(name).ok(), network)
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>, network: Network) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let folder = |name: &str| set(name).map(|text| at_home(&text));
        let home = folder("HF_HOME").unwrap_or_else(|| {
            let cache = folder("XDG_CACHE_HOME").unwrap_or_else(|| at_home("~/.cache"));
            cache.join("huggingface")
        });
        let cache = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
        let login = || {
            let file = folder("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
            std::fs::read_to_string(file).ok()
        };
        let token = set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN")).or_else(login);
        let token = token.map(|token| token.trim().to_owned());
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| USUAL_ENDPOINT.into());
        let offline = |name: &str| set(name).is_some_and(|value| is_true(&value));
        let forbidden = offline("HF_HUB_OFFLINE") || offline("TRANSFORMERS_OFFLINE");
        Self {
            endpoint: endpoint.trim().trim_end_matches('/').to_owned(),
            cache: cache.unwrap_or_else(|| home.join("hub")),
            // What is no header can't be a token.
            token: token.filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())),
            network: if forbidden { Network::Forbidden } else { network },
        }
    }

    /// Whether a token is sent, in words.
    pub(super) fn token_in_words(&self) -> &'static str {
        if self.token.is_some() { "a token was sent" } else { "no token was sent" }
    }
}

/// `~` is the user's directory.
fn at_home(text: &str) -> PathBuf {
    match (text.strip_prefix('~'), home_dir()) {
        (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with(['/', '\\']) => {
            home.join(rest.trim_start_matches(['/', '\\']))
        }
        _ => PathBuf::from(text),
    }
}

/// As `huggingface_hub` reads a switch.
fn is_true(text: &str) -> bool {
    ["1", "on", "yes", "true"].iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> HubPlace {
        let get =
            |name: &str| variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned());
        HubPlace::read(&get, Network::Allowed)
    }

    #[test]
    fn the_cache_is_where_other_programs_have_it() {
        let home = home_dir().unwrap();
        assert_eq!(read(&[]).cache, home.join(".cache/huggingface/hub"));
        assert_eq!(read(&[("XDG_CACHE_HOME", "/c")]).cache, PathBuf::from("/c/huggingface/hub"));
        assert_eq!(read(&[("HF_HOME", "~/hf")]).cache, home.join("hf/hub"));
        assert_eq!(read(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/hub")]).cache, PathBuf::from("/hub"));
    }

    #[test]
    fn the_endpoint_the_token_and_the_switch() {
        let place = read(&[("HF_ENDPOINT", "http://127.0.0.1:1/"), ("HF_TOKEN", " hf_x\n"), ("HF_HUB_OFFLINE", "0")]);
        assert_eq!((place.endpoint.as_str(), place.token.as_deref()), ("http://127.0.0.1:1", Some("hf_x")));
        assert_eq!(place.network, Network::Allowed);
        assert_eq!(read(&[("HF_HUB_OFFLINE", "True")]).network, Network::Forbidden);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hf_file\n").unwrap();
        let home = folder.path().display().to_string();
        assert_eq!(read(&[("HF_HOME", &home)]).token.as_deref(), Some("hf_file"));
        assert_eq!(read(&[("HF_HOME", &home), ("HF_TOKEN", "two\nlines")]).token, None);
    }
}
