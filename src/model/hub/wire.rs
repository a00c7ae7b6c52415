//! Requests to the hub. Each runs on a thread of its own, so that whoever waits for it can give up at any moment.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::http::header::{AUTHORIZATION, LOCATION, RANGE};
use ureq::http::{HeaderMap, Method, Request, Response, Uri};
use ureq::{Agent, Body};

use super::HubError;
use super::place::HubPlace;
use crate::model::ModelError;

/// How long nothing may come before the connection counts as dead.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(20);
/// How often the caller is asked whether to go on.
const PULSE: Duration = Duration::from_millis(50);
/// Bytes that are handed over at once, and how many such pieces may wait.
const PIECE: usize = 1 << 18;
const WAITING: usize = 8;
/// More redirects than that go in a circle.
const MOST_REDIRECTS: usize = 8;
/// A time-out or a fault of the hub's is met with so many more requests, after these pauses.
pub(super) const PAUSES: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(750), Duration::from_secs(2)];

/// Says whether to go on.
pub(super) type GoOn<'a> = dyn FnMut() -> ControlFlow<()> + 'a;

/// The hub, reached.
#[derive(Debug)]
pub(super) struct Wire<'a> {
    place: &'a HubPlace,
    agent: Agent,
}

/// An answer whose body is still to come.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Those of all answers on the way; of the same name, the first.
    headers: HeaderMap,
    pieces: Receiver<Result<Piece, String>>,
}

enum Piece {
    Head(u16, Box<HeaderMap>),
    Bytes(Vec<u8>),
}

/// Why there is no answer.
enum Failure {
    /// Worth another try.
    Passing(HubError),
    /// Not worth one.
    Lasting(ModelError),
}

impl<'a> Wire<'a> {
    pub(super) fn new(place: &'a HubPlace) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECTING))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .user_agent(concat!("logitscope/", env!("CARGO_PKG_VERSION")));
        Self { place, agent: config.build().into() }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.place.endpoint
    }

    /// Sends a request until it is answered; `from` is the first byte that is wanted.
    ///
    /// # Errors
    /// Nobody answers, the hub has a fault of its own, or the caller gives up.
    pub(super) fn ask(
        &self,
        method: &Method,
        path: &str,
        from: Option<u64>,
        go_on: &mut GoOn<'_>,
    ) -> Result<Answer, ModelError> {
        let mut pauses = PAUSES.iter();
        loop {
            match (self.once(method, path, from, go_on), pauses.next()) {
                (Ok(answer), _) => return Ok(answer),
                (Err(Failure::Passing(_)), Some(pause)) => wait(*pause, go_on)?,
                (Err(Failure::Passing(error)), None) => return Err(error.into()),
                (Err(Failure::Lasting(error)), _) => return Err(error),
            }
        }
    }

    fn once(&self, method: &Method, path: &str, from: Option<u64>, go_on: &mut GoOn<'_>) -> Result<Answer, Failure> {
        let url = format!("{}{path}", self.place.endpoint);
        let unreached = |reason: String| HubError::Network { endpoint: self.place.endpoint.clone(), reason };
        let (sender, pieces) = sync_channel(WAITING);
        let journey = Journey {
            agent: self.agent.clone(),
            method: method.clone(),
            start: url.clone(),
            token: self.place.token.clone(),
            from,
        };
        let work = move || journey.go(&sender);
        let spawned = thread::Builder::new().name("hub".into()).spawn(work);
        spawned.map_err(|error| Failure::Lasting(unreached(error.to_string()).into()))?;
        match next(&pieces, go_on).map_err(Failure::Lasting)? {
            Some(Ok(Piece::Head(status @ 500..=599, _))) => Err(Failure::Passing(HubError::Status { url, status })),
            Some(Ok(Piece::Head(status, headers))) => Ok(Answer { status, headers: *headers, pieces }),
            Some(Err(reason)) if reason.contains("timeout") => Err(Failure::Passing(unreached(reason))),
            Some(Err(reason)) => Err(Failure::Lasting(unreached(reason).into())),
            Some(Ok(Piece::Bytes(_))) | None => {
                Err(Failure::Lasting(HubError::Answer { url, reason: "no answer came".into() }.into()))
            }
        }
    }
}

impl Answer {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The next bytes; `None` at the end, the system's words where the connection breaks off.
    ///
    /// # Errors
    /// The caller gives up.
    pub(super) fn next(&self, go_on: &mut GoOn<'_>) -> Result<Option<Result<Vec<u8>, String>>, ModelError> {
        Ok(next(&self.pieces, go_on)?.map(|piece| match piece {
            Ok(Piece::Bytes(bytes)) => Ok(bytes),
            Ok(Piece::Head(..)) => Ok(Vec::new()),
            Err(reason) => Err(reason),
        }))
    }

    /// The whole body, which is small: more than `most` bytes of it are not read.
    ///
    /// # Errors
    /// The caller gives up.
    pub(super) fn body(&self, most: usize, go_on: &mut GoOn<'_>) -> Result<Result<Vec<u8>, String>, ModelError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next(go_on)? {
            match piece {
                Ok(bytes) if whole.len() + bytes.len() <= most => whole.extend(bytes),
                Ok(_) => return Ok(Err(format!("the answer is longer than {most} bytes"))),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        Ok(Ok(whole))
    }
}

/// Waits for a time, unless the caller gives up.
pub(super) fn wait(time: Duration, go_on: &mut GoOn<'_>) -> Result<(), ModelError> {
    let (_silent, inbox) = sync_channel::<()>(0);
    let mut left = time;
    while !left.is_zero() {
        let pulse = left.min(PULSE);
        // Nobody sends: this only sleeps.
        let _ = inbox.recv_timeout(pulse);
        left -= pulse;
        check(go_on)?;
    }
    Ok(())
}

/// Whether to go on.
pub(super) fn check(go_on: &mut GoOn<'_>) -> Result<(), ModelError> {
    if go_on().is_break() { Err(ModelError::Cancelled) } else { Ok(()) }
}

/// What comes next, with a look at the caller in between.
fn next<T>(inbox: &Receiver<T>, go_on: &mut GoOn<'_>) -> Result<Option<T>, ModelError> {
    loop {
        check(go_on)?;
        match inbox.recv_timeout(PULSE) {
            Ok(piece) => return Ok(Some(piece)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// A request with all its redirects.
struct Journey {
    agent: Agent,
    method: Method,
    start: String,
    token: Option<String>,
    from: Option<u64>,
}

impl Journey {
    /// Tells what came; ends early when nobody listens any more.
    fn go(self, listener: &SyncSender<Result<Piece, String>>) {
        let (headers, response) = match self.arrive() {
            Ok(arrived) => arrived,
            Err(reason) => {
                let _ = listener.send(Err(reason));
                return;
            }
        };
        let status = response.status().as_u16();
        if listener.send(Ok(Piece::Head(status, Box::new(headers)))).is_err() || self.method == Method::HEAD {
            return;
        }
        let mut reader = response.into_body().into_reader();
        loop {
            let mut bytes = vec![0; PIECE];
            let piece = match reader.read(&mut bytes) {
                Ok(0) => return,
                Ok(length) => {
                    bytes.truncate(length);
                    Ok(Piece::Bytes(bytes))
                }
                Err(error) => Err(error.to_string()),
            };
            let last = piece.is_err();
            if listener.send(piece).is_err() || last {
                return;
            }
        }
    }

    /// Follows redirects. What tells of a file stands in the hub's own answer, so a HEAD request goes on only where it is sent
    /// to the same host (as `_request_wrapper` of `huggingface_hub` does); the token never leaves that host.
    fn arrive(&self) -> Result<(HeaderMap, Response<Body>), String> {
        let mut uri: Uri = self.start.parse().map_err(|error| format!("{}: {error}", self.start))?;
        let (home, mut headers) = (uri.authority().cloned(), HeaderMap::new());
        for _ in 0..MOST_REDIRECTS {
            let mut request = Request::builder().method(self.method.clone()).uri(uri.clone());
            if let Some(token) = self.token.as_ref().filter(|_| uri.authority() == home.as_ref()) {
                request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            }
            if let Some(from) = self.from {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let request = request.body(()).map_err(|error| error.to_string())?;
            let response = self.agent.run(request).map_err(|error| error.to_string())?;
            let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok()).map(str::to_owned);
            let onward = place.filter(|_| response.status().is_redirection()).map(|place| onward(&uri, &place));
            for (name, value) in response.headers() {
                // What is on its way says itself how long it is.
                let own = ["content-length", "content-range"].contains(&name.as_str());
                if own && onward.is_none() || !headers.contains_key(name) && !own {
                    headers.insert(name.clone(), value.clone());
                }
            }
            match onward.transpose()? {
                Some(next) if self.method != Method::HEAD || next.authority() == home.as_ref() => uri = next,
                _ => return Ok((headers, response)),
            }
        }
        Err(format!("{}: more than {MOST_REDIRECTS} redirects", self.start))
    }
}

/// Where a redirect leads; it may leave out the host.
fn onward(from: &Uri, place: &str) -> Result<Uri, String> {
    let bad = || format!("it redirects to {place:?}");
    let uri: Uri = place.parse().map_err(|_| bad())?;
    if uri.authority().is_some() {
        return Ok(uri);
    }
    let mut parts = from.clone().into_parts();
    parts.path_and_query = uri.into_parts().path_and_query;
    Uri::from_parts(parts).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_may_leave_out_the_host() {
        let from: Uri = "http://127.0.0.1:80/a/b?c".parse().unwrap();
        assert_eq!(onward(&from, "/x/y?z=1").unwrap().to_string(), "http://127.0.0.1:80/x/y?z=1");
        assert_eq!(onward(&from, "https://cdn.example/x").unwrap().to_string(), "https://cdn.example/x");
        assert!(onward(&from, "no where").is_err());
    }
}
