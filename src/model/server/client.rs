//! Asking a server, with patience: what may be asked again, and what every answer has to keep to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::address::ServerAddress;
use super::protocol::Refusal;
use super::transport::{Answer, Failure, KEYS, Transport};
use crate::model::ModelError;

/// Waits before a question is asked again.
const WAITS: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];

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
    transport: Box<dyn Transport>,
    address: ServerAddress,
}

impl Client {
    pub(super) fn new(address: ServerAddress, transport: Box<dyn Transport>) -> Self {
        Self { transport, address }
    }

    pub(super) fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// An error of the server, which names it.
    pub(super) fn error(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Server { address: self.address.root().into(), reason: reason.into() }
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, abandoned: &Abandoned) -> Result<T, ModelError> {
        self.patiently(path, abandoned, None)
    }

    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
        abandoned: &Abandoned,
    ) -> Result<T, ModelError> {
        let body = serde_json::to_vec(question).map_err(|error| self.error(error.to_string()))?;
        self.patiently(path, abandoned, Some(&body))
    }

    /// Asks until there is an answer, or none can be hoped for.
    fn patiently<T: DeserializeOwned>(
        &self,
        path: &str,
        abandoned: &Abandoned,
        body: Option<&[u8]>,
    ) -> Result<T, ModelError> {
        let mut waits = WAITS.iter();
        loop {
            if abandoned.is_set() {
                return Err(ModelError::Cancelled);
            }
            let answer = self.transport.ask(&self.address.place(path), body);
            match answer.and_then(|answer| self.judge(path, answer)) {
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
        Err(match status {
            200..=299 => return parse(path, &body),
            401 | 403 if self.transport.has_key() => {
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

/// The beginning of a text, for a message.
fn excerpt(text: &str) -> String {
    const MOST: usize = 160;
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    if line.chars().count() <= MOST { line } else { line.chars().take(MOST).chain(['…']).collect() }
}
