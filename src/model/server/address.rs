//! Where a server is, and how it is asked.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ureq::http::Uri;

use crate::model::ModelError;

/// How long a server may be silent, where nothing is said.
const PATIENCE: Duration = Duration::from_mins(2);

/// The longest list that a server may be asked for.
const LONGEST_LIST: usize = 1 << 18;

/// `http(s)://host:port/v1?model=NAME&top=N&timeout=SECONDS`; the question is optional, and so is the path.
///
/// A key never stands in it: it comes from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// As the user wrote it.
    text: String,
    /// Up to the host and its port, and the path without the `/v1` at its end.
    root: String,
    is_local: bool,
    /// The model that is asked for; the server's first one if it is not said.
    pub model: Option<String>,
    /// How many tokens a list is to have; what the dialect asks for if it is not said.
    pub top: Option<usize>,
    /// How long the server may be silent.
    pub timeout: Duration,
}

impl ServerAddress {
    /// Whether a text is meant as the address of a server.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("http://") || text.starts_with("https://")
    }

    /// A place of the server, `/v1/models` for example.
    #[must_use]
    pub fn place(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// The server without any path: what a message names.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Whether the server runs on this machine: no proxy is between.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.is_local
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ServerAddress {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let wrong = |reason: &str| {
            let what =
                "a server is http://HOST:PORT/v1, and after it ?model=NAME&top=N&timeout=SECONDS where that is needed";
            ModelError::Request(format!("--model {:?}: {reason}: {what}", without_passwords(text)))
        };
        let uri: Uri = text.parse().map_err(|error| wrong(&format!("{error}")))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("there is no host"));
        };
        if authority.as_str().contains('@') {
            return Err(wrong("a key or password does not belong into an address; set LOGITSCOPE_API_KEY"));
        }
        let host = authority.host();
        let port = &authority.as_str()[host.len()..];
        if host.is_empty() || !(port.is_empty() || authority.port_u16().is_some()) {
            return Err(wrong(&format!("{:?} is no host and port", authority.as_str())));
        }
        if text.contains('#') {
            return Err(wrong("nothing may follow a #"));
        }
        let path = uri.path().trim_end_matches('/');
        let mut address = Self {
            text: text.into(),
            root: format!("{scheme}://{authority}{}", path.strip_suffix("/v1").unwrap_or(path)),
            is_local: matches!(host, "localhost" | "[::1]") || host.starts_with("127."),
            model: None,
            top: None,
            timeout: PATIENCE,
        };
        for option in uri.query().unwrap_or_default().split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            address.set(name, value).map_err(|reason| wrong(&reason))?;
        }
        Ok(address)
    }
}

impl ServerAddress {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "model" if !value.is_empty() => self.model = Some(value.into()),
            "top" => {
                let top = value.parse().ok().filter(|top| (1..=LONGEST_LIST).contains(top));
                self.top = Some(top.ok_or_else(|| format!("top={value} is not a number from 1 to {LONGEST_LIST}"))?);
            }
            "timeout" => {
                let seconds = value.parse().ok().filter(|seconds: &f64| *seconds > 0.0 && *seconds <= 86_400.0);
                let seconds = seconds.ok_or_else(|| format!("timeout={value} is not a number of seconds above 0"))?;
                self.timeout = Duration::from_secs_f64(seconds);
            }
            _ => return Err(format!("{name}={value} is no option")),
        }
        Ok(())
    }
}

/// A text in whose addresses nothing stands before an `@`: it may be a password.
#[must_use]
pub fn without_passwords(text: &str) -> String {
    let word = |word: &str| match word.split_once("://").map(|(scheme, rest)| (scheme, rest.rsplit_once('@'))) {
        Some((scheme, Some((_, host)))) => format!("{scheme}://…@{host}"),
        _ => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ServerAddress {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_read() {
        for text in
            ["http://localhost:8080/v1", "http://localhost:8080/v1/", "http://localhost:8080", "http://localhost:8080/"]
        {
            let address = read(text);
            assert_eq!(address.place("/v1/models"), "http://localhost:8080/v1/models");
            assert_eq!((address.to_string().as_str(), address.is_local()), (text, true));
        }
        let far = read("https://example.org/inference/v1?model=meta/llama-3&top=5&timeout=0.5");
        assert_eq!(far.place("/tokenize"), "https://example.org/inference/tokenize");
        assert_eq!((far.model.as_deref(), far.top, far.is_local()), (Some("meta/llama-3"), Some(5), false));
        assert_eq!(far.timeout, Duration::from_millis(500));
        assert!(read("http://[::1]:80/v1").is_local());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = [
            ("http://", "http://"),
            ("http://:80/v1", "no host and port"),
            ("http://host:99999/v1", "no host and port"),
            ("http://host:port/v1", "no host and port"),
            ("http://host:80/v1?colour=red", "colour=red is no option"),
            ("http://host:80/v1?top=0", "top=0 is not a number from 1"),
            ("http://host:80/v1?timeout=-1", "timeout=-1 is not"),
            ("http://host:80/v1#name", "#"),
        ];
        for (text, reason) in wrong {
            let error = text.parse::<ServerAddress>().unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("a server is http://HOST:PORT/v1"), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_is_never_repeated() {
        let error = "http://me:secret@host:80/v1".parse::<ServerAddress>().unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("LOGITSCOPE_API_KEY"), "{error}");
        let line = without_passwords("no: 'http://me:a@b@host/v1' and me@home");
        assert_eq!(line, "no: 'http://…@host/v1' and me@home");
    }
}
