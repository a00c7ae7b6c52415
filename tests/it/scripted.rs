//! A server on this machine that answers what it is told to, misbehaviour included.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A question as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    /// Lower case.
    pub headers: String,
    /// Nothing for one without a body.
    pub body: Value,
}

/// What comes back.
pub enum Reply {
    Json(Value),
    Status(u16, &'static str),
    Text(&'static str),
    /// Half of what is announced.
    Half,
    /// More bytes than anybody reads.
    Endless,
    /// One byte after the other, without end.
    Slow,
    /// Nothing, until the client is gone.
    Stall,
    /// Nothing, and the connection is closed.
    Close,
}

pub type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A server that runs until the test ends.
pub struct Scripted {
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    pub fn new(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, theirs): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, asked) = (Arc::clone(&script), Arc::clone(&theirs));
                thread::spawn(move || answer(stream, &*script, &asked));
            }
        });
        Self { address, asked }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers from recorded exchanges: the first of the same path whose request is a part of the question.
pub fn replay(recorded: &'static str) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    let exchanges: Vec<Value> = serde_json::from_str(recorded).unwrap();
    move |asked| {
        let fits = |exchange: &&Value| {
            let wanted = exchange["request"].as_object();
            exchange["path"] == asked.path
                && wanted.into_iter().flatten().all(|(name, value)| same(&asked.body[name], value))
        };
        let Some(exchange) = exchanges.iter().find(fits) else {
            eprintln!("not recorded: {asked:?}");
            return Reply::Status(400, "not recorded");
        };
        Reply::Json(exchange["response"].clone())
    }
}

/// Equal, 1 and 1.0 being the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn answer(mut stream: TcpStream, script: &Script, asked: &Mutex<Vec<Asked>>) {
    let Some(question) = read(&mut stream) else { return };
    asked.lock().unwrap().push(question.clone());
    // A client that has gone away is none of a server's troubles.
    let mut send = |status: u16, announced: usize, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(body);
    };
    let mut whole = |status: u16, text: &str| send(status, text.len(), text.as_bytes());
    match script(&question) {
        Reply::Json(value) => whole(200, &value.to_string()),
        Reply::Status(status, message) => {
            whole(status, &serde_json::json!({"error": {"message": message}}).to_string());
        }
        Reply::Text(text) => whole(200, text),
        Reply::Half => send(200, 1000, b"{\"data\": [{\"id\":"),
        Reply::Endless => {
            send(200, usize::MAX >> 1, b"{\"data\": \"");
            let more = vec![b'x'; 1 << 16];
            while stream.write_all(&more).is_ok() {}
        }
        Reply::Slow => {
            send(200, 1 << 20, b"");
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        }
        Reply::Stall => {
            let _ = stream.set_read_timeout(Some(Duration::from_mins(1)));
            let _ = stream.read(&mut [0]);
        }
        Reply::Close => {}
    }
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let headers = head.to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    let path = head.split_whitespace().nth(1).unwrap().to_owned();
    Some(Asked { path, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}
