//! Asking a server, with patience: what may be asked again, and what every answer has to keep to.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::StatusCode;

use super::address::ServerAddress;
use super::protocol::Refusal;
use crate::model::ModelError;

/// Where a key may be, the first that is set counts.
const KEYS: [&str; 2] = ["LOGITSCOPE_API_KEY", "OPENAI_API_KEY"];

/// The most bytes that an answer may have.
const LONGEST_ANSWER: u64 = 64 << 20;

/// Waits before a question is asked again.
const WAITS: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// How often somebody who waits looks whether it is still wanted.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// Set once nobody waits for the answer any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits, but not longer than anybody wants it.
    fn sleep(&self, wait: Duration) -> Result<(), ModelError> {
        let mut slept = Duration::ZERO;
        while slept < wait {
            if self.is_set() {
                return Err(ModelError::Cancelled);
            }
            thread::sleep(LOOK);
            slept += LOOK;
        }
        Ok(())
    }
}

/// A server that can be asked.
pub(super) struct Client {
    agent: ureq::Agent,
    address: ServerAddress,
    key: Option<String>,
}

/// Why a question has no answer.
enum Failure {
    /// It may have one later.
    Passing(String),
    Final(String),
}

/// A status and the bytes that came with it.
type Answer = (StatusCode, Vec<u8>);

impl Client {
    pub(super) fn new(address: ServerAddress) -> Self {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECTING.min(address.timeout)))
            .timeout_recv_body(Some(address.timeout))
            .timeout_recv_response(Some(address.timeout))
            .timeout_send_body(Some(address.timeout))
            .user_agent(concat!("logitscope/", env!("CARGO_PKG_VERSION")));
        if address.is_local() {
            config = config.proxy(None);
        }
        let key = KEYS.iter().find_map(|name| std::env::var(name).ok()).filter(|key| !key.is_empty());
        Self { agent: config.build().into(), address, key }
    }

    pub(super) fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// An error of the server, which names it.
    pub(super) fn error(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Server { address: self.address.root().into(), reason: reason.into() }
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, abandoned: &Abandoned) -> Result<T, ModelError> {
        self.patiently(path, abandoned, || {
            let mut request = self.agent.get(self.address.place(path));
            if let Some(key) = &self.key {
                request = request.header("Authorization", format!("Bearer {key}"));
            }
            read(request.call())
        })
    }

    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
        abandoned: &Abandoned,
    ) -> Result<T, ModelError> {
        let body = serde_json::to_vec(question).map_err(|error| self.error(error.to_string()))?;
        self.patiently(path, abandoned, || {
            let mut request = self.agent.post(self.address.place(path)).content_type("application/json");
            if let Some(key) = &self.key {
                request = request.header("Authorization", format!("Bearer {key}"));
            }
            read(request.send(&body[..]))
        })
    }

    /// Asks until there is an answer, or none can be hoped for.
    fn patiently<T: DeserializeOwned>(
        &self,
        path: &str,
        abandoned: &Abandoned,
        ask: impl Fn() -> Result<Answer, Failure>,
    ) -> Result<T, ModelError> {
        let mut waits = WAITS.iter();
        loop {
            if abandoned.is_set() {
                return Err(ModelError::Cancelled);
            }
            match ask().and_then(|answer| self.judge(path, answer)) {
                Ok(found) => return Ok(found),
                Err(Failure::Final(reason)) => return Err(self.error(reason)),
                Err(Failure::Passing(reason)) => match waits.next() {
                    Some(wait) => abandoned.sleep(*wait)?,
                    None => return Err(self.error(format!("{reason}, {} times", WAITS.len() + 1))),
                },
            }
        }
    }

    fn judge<T: DeserializeOwned>(&self, path: &str, (status, body): Answer) -> Result<T, Failure> {
        let said = serde_json::from_slice::<Refusal>(&body).ok().and_then(Refusal::message);
        let said = said.map(|said| format!(": {}", excerpt(&said))).unwrap_or_default();
        let status = status.as_u16();
        Err(match status {
            200..=299 => return parse(path, &body),
            401 | 403 if self.key.is_some() => {
                Failure::Final(format!("does not accept the key of {}{said}", KEYS.join(" or ")))
            }
            401 | 403 => Failure::Final(format!("wants a key: set {}{said}", KEYS[0])),
            404 => Failure::Final(format!(
                "there is no {path}{said}: --model takes http://HOST:PORT/v1 of llama.cpp's server, vLLM, or another one \
                 that completes text"
            )),
            500..=599 => Failure::Passing(format!("{path} failed with status {status}{said}")),
            _ => Failure::Final(format!("{path} answered with status {status}{said}")),
        })
    }
}

fn parse<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let begin = excerpt(&String::from_utf8_lossy(body));
        Failure::Final(format!("the answer of {path} can't be read ({error}); it begins with {begin:?}"))
    })
}

/// Reads an answer; one that is endless is cut off.
fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, Failure> {
    let mut answer = answer.map_err(failure)?;
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
    Ok((answer.status(), body.map_err(failure)?))
}

fn failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Timeout(_) => Failure::Passing("did not answer in time".into()),
        ureq::Error::BodyExceedsLimit(most) => Failure::Final(format!("the answer is longer than {most} bytes")),
        ureq::Error::HostNotFound => Failure::Final("there is no such host".into()),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Failure::Final("nothing listens there: start the server, or correct the address".into())
        }
        ureq::Error::Io(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            Failure::Passing("did not answer in time".into())
        }
        error => Failure::Final(format!("the connection broke off ({error}): is the server still running?")),
    }
}

/// The beginning of a text, for a message.
fn excerpt(text: &str) -> String {
    const MOST: usize = 160;
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    if line.chars().count() <= MOST { line } else { line.chars().take(MOST).chain(['…']).collect() }
}
