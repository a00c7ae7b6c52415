//! How a question gets to a server: HTTP, or whatever the caller has in its place.

use std::io::ErrorKind;
use std::time::Duration;

use super::address::ServerAddress;

/// Where a key may be, the first that is set counts.
pub(super) const KEYS: [&str; 2] = ["LOGITSCOPE_API_KEY", "OPENAI_API_KEY"];

/// The most bytes that an answer may have.
const LONGEST_ANSWER: u64 = 64 << 20;

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// A status of HTTP and the bytes that came with it.
pub type Answer = (u16, Vec<u8>);

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may have one later.
    Passing(String),
    /// It will have none.
    Final(String),
}

/// Carries questions to a server.
pub trait Transport: Send + Sync {
    /// Asks at a place, `http://localhost:8080/v1/models` for example: with `GET`, or with `POST` where there is a body, which is JSON.
    ///
    /// # Errors
    /// There is no answer.
    fn ask(&self, place: &str, body: Option<&[u8]>) -> Result<Answer, Failure>;

    /// Whether a key goes along.
    fn has_key(&self) -> bool {
        false
    }
}

/// HTTP.
pub(super) struct Http {
    agent: ureq::Agent,
    key: Option<String>,
}

impl Http {
    pub(super) fn new(address: &ServerAddress) -> Self {
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
        Self { agent: config.build().into(), key }
    }
}

impl Transport for Http {
    fn ask(&self, place: &str, body: Option<&[u8]>) -> Result<Answer, Failure> {
        let bearer = self.key.as_ref().map(|key| format!("Bearer {key}"));
        let Some(body) = body else {
            let request = self.agent.get(place);
            return read(match bearer {
                Some(bearer) => request.header("Authorization", bearer).call(),
                None => request.call(),
            });
        };
        let request = self.agent.post(place).content_type("application/json");
        read(match bearer {
            Some(bearer) => request.header("Authorization", bearer).send(body),
            None => request.send(body),
        })
    }

    fn has_key(&self) -> bool {
        self.key.is_some()
    }
}

/// Reads an answer; one that is endless is cut off.
fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, Failure> {
    let mut answer = answer.map_err(failure)?;
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
    Ok((answer.status().as_u16(), body.map_err(failure)?))
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
