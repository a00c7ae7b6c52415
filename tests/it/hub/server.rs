//! A hub on this machine: the paths and headers of the real one, and the faults that it may have.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const WEIGHTS: &str = "model.safetensors";

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fault {
    #[default]
    None,
    /// The first request for the weights ends after so many bytes.
    CutOnce(usize),
    /// No request for the weights gets beyond so many bytes.
    CutAt(usize),
    /// Everything is answered with this status, and this code.
    Status(u16, &'static str),
    /// The first request is answered with 503.
    BusyOnce,
    /// The weights say that they are so long.
    Length(&'static str),
    /// A request for a part of the weights is answered with all of them.
    NoRanges,
    /// The weights come slowly.
    Slow,
    /// There are no lists of files.
    NoLists,
}

pub struct Server {
    pub endpoint: String,
    state: Arc<State>,
}

struct State {
    repo: String,
    folder: PathBuf,
    fault: Fault,
    seen: Mutex<Vec<Request>>,
}

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub range: Option<String>,
    pub authorization: Option<String>,
}

impl Server {
    /// Serves a folder as a model. It is gone with the test.
    pub fn start(repo: &str, folder: &Path, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = State { repo: repo.into(), folder: folder.into(), fault, seen: Mutex::default() };
        let state = Arc::new(state);
        let theirs = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&theirs);
                thread::spawn(move || while state.answer(&stream).is_some() {});
            }
        });
        Self { endpoint, state }
    }

    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The ranges that the weights were asked for in.
    pub fn ranges(&self) -> Vec<Option<String>> {
        let weights = |request: &Request| request.method == "GET" && request.path.starts_with("/cdn/");
        self.seen().into_iter().filter(weights).map(|request| request.range).collect()
    }
}

impl State {
    /// Answers one request; `None` ends the connection.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let request = read(stream)?;
        let before = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let mut out = Out { stream, method: request.method.clone() };
        match self.fault {
            Fault::Status(status, code) => return out.status(status, &[("x-error-code", code)]),
            Fault::BusyOnce if before == 0 => return out.status(503, &[]),
            _ => {}
        }
        let file =
            |prefix: String| request.path.strip_prefix(&prefix).map(|name| (name, fs::read(self.folder.join(name))));
        if request.path.starts_with("/api/") {
            if request.path != format!("/api/models/{}/revision/main", self.repo) || self.fault == Fault::NoLists {
                return out
                    .status(404, if self.fault == Fault::NoLists { &[] } else { &[("x-error-code", "RepoNotFound")] });
            }
            let names =
                fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let siblings: Vec<_> = names.map(|name| json!({"rfilename": name})).collect();
            return out.whole(&json!({"sha": COMMIT, "siblings": siblings}).to_string().into_bytes(), &[]);
        }
        let commit = ("x-repo-commit", COMMIT);
        if let Some((name, Ok(bytes))) = file(format!("/{}/resolve/main/", self.repo)) {
            let etag = format!("\"{}-{}\"", name.replace('.', "-"), bytes.len());
            if name != WEIGHTS {
                return out.whole(&bytes, &[("etag", &etag), commit]);
            }
            let length = match self.fault {
                Fault::Length(text) => text.to_owned(),
                _ => bytes.len().to_string(),
            };
            let place = ("location", "/cdn/model.safetensors");
            return out.status(302, &[("x-linked-etag", &etag), ("x-linked-size", &length), commit, place]);
        }
        if let Some((_, Ok(bytes))) = file("/cdn/".into()) {
            return self.weights(&mut out, &request, &bytes);
        }
        out.status(404, &[("x-error-code", "EntryNotFound")])
    }

    /// The weights, as the place behind the redirect gives them.
    fn weights(&self, out: &mut Out<'_>, request: &Request, bytes: &[u8]) -> Option<()> {
        let range = request.range.as_deref().filter(|_| self.fault != Fault::NoRanges);
        let start = range.map_or(0, |range| range["bytes=".len()..].trim_end_matches('-').parse().unwrap());
        let rest = &bytes[start..];
        let length = ("content-length", rest.len().to_string());
        let part = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
        let (status, part) = if start > 0 { (206, Some(("content-range", part))) } else { (200, None) };
        let headers: Vec<_> = [Some(length), part].into_iter().flatten().collect();
        out.head(status, &headers.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())?;
        let first =
            self.seen.lock().unwrap().iter().filter(|seen| seen.path == request.path && seen.method == "GET").count()
                == 1;
        let end = match self.fault {
            Fault::CutOnce(end) if first => end,
            Fault::CutAt(end) => end.saturating_sub(start),
            _ => rest.len(),
        };
        if request.method == "HEAD" {
            return Some(());
        }
        for piece in rest[..end].chunks(4096) {
            out.write(piece)?;
            if self.fault == Fault::Slow {
                thread::sleep(Duration::from_millis(200));
            }
        }
        (end == rest.len()).then_some(())
    }
}

struct Out<'a> {
    stream: &'a TcpStream,
    method: String,
}

impl Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).ok()
    }

    fn head(&mut self, status: u16, headers: &[(&str, &str)]) -> Option<()> {
        self.write(format!("HTTP/1.1 {status} X\r\naccept-ranges: bytes\r\n").as_bytes())?;
        for (name, value) in headers {
            self.write(format!("{name}: {value}\r\n").as_bytes())?;
        }
        self.write(b"\r\n")
    }

    fn status(&mut self, status: u16, headers: &[(&str, &str)]) -> Option<()> {
        let headers: Vec<_> =
            headers.iter().copied().filter(|(_, value)| !value.is_empty()).chain([("content-length", "0")]).collect();
        self.head(status, &headers)
    }

    fn whole(&mut self, bytes: &[u8], headers: &[(&str, &str)]) -> Option<()> {
        let length = bytes.len().to_string();
        self.head(200, &[headers, &[("content-length", &length)]].concat())?;
        if self.method == "HEAD" { Some(()) } else { self.write(bytes) }
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut words = first.split(' ');
    let mut request = Request { method: words.next()?.into(), path: words.next()?.into(), ..Request::default() };
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value.into()),
            "authorization" => request.authorization = Some(value.into()),
            _ => {}
        }
    }
    Some(request)
}
