//! Templates rendered by a process of their own, which is ended when it takes too much.
//!
//! The template engine bounds steps and recursion, but not how long a text may grow (`s ~ s`), nor how long two nested values are
//! compared. Only a process can be stopped in the middle of either.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{ChatTemplate, ModelError};

/// The first argument of such a process.
const ARGUMENT: &str = "--render-chat-template";
/// The most memory that it may have, in bytes.
const MEMORY: u64 = 256 << 20;
/// The longest that it may run.
const TIME: Duration = Duration::from_secs(5);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(4);

/// The program that renders.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

#[derive(Serialize, Deserialize)]
struct Task {
    template: ChatTemplate,
    message: String,
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Text(String),
    Failed { file: String, reason: String },
}

/// For the beginning of a program's `main`. If this is a process that was started to render a template, does so and gives its exit
/// code. Else templates are rendered by such processes from now on; a program that does not call this renders them itself.
#[must_use]
pub fn serve_chat_templates() -> Option<ExitCode> {
    if std::env::args_os().nth(1).is_none_or(|argument| argument != ARGUMENT) {
        // What runs, even if its file has been replaced meanwhile.
        let running = Path::new("/proc/self/exe");
        let program = if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() };
        if let Ok(program) = program {
            let _ = PROGRAM.set(program);
        }
        return None;
    }
    Some(if serve().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn serve() -> io::Result<()> {
    let Task { template, message } = serde_json::from_reader(io::stdin().lock())?;
    let answer = match template.render(&message, super::now) {
        Ok(text) => Answer::Text(text),
        Err(ModelError::Invalid { file, reason }) => Answer::Failed { file, reason },
        Err(error) => Answer::Failed { file: "chat template".into(), reason: error.to_string() },
    };
    serde_json::to_writer(io::stdout().lock(), &answer)?;
    io::stdout().flush()
}

/// What the template makes of a message; `None` if the program has no process for that.
pub(super) fn render(template: &ChatTemplate, message: &str) -> Option<Result<String, ModelError>> {
    let task = Task { template: template.clone(), message: message.into() };
    let program = PROGRAM.get()?;
    Some(ask(program, &task).unwrap_or_else(|error| Err(failed(&format!("it can't be rendered: {error}")))))
}

fn ask(program: &Path, task: &Task) -> io::Result<Result<String, ModelError>> {
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let ended = watch(&mut child, task);
    if !matches!(ended, Ok(Ok(_))) {
        child.kill()?;
    }
    let status = child.wait()?;
    Ok(match ended? {
        Err(reason) => Err(reason),
        Ok(_) if !status.success() => Err(failed(&format!("it can't be rendered ({status})"))),
        Ok(bytes) => match serde_json::from_slice(&bytes)? {
            Answer::Text(text) => Ok(text),
            Answer::Failed { file, reason } => Err(ModelError::invalid(file, reason)),
        },
    })
}

/// Gives the process its task and waits for all that it writes, or until it takes too much.
fn watch(child: &mut Child, task: &Task) -> io::Result<Result<Vec<u8>, ModelError>> {
    let (Some(mut input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = sender.send(output.read_to_end(&mut bytes).map(|_| bytes));
    });
    input.write_all(&serde_json::to_vec(task)?)?;
    drop(input);
    let (began, pid, mut system) = (Instant::now(), Pid::from_u32(child.id()), System::new());
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(bytes) => return bytes.map(Ok),
            Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if began.elapsed() > TIME {
            return Ok(Err(failed(&format!("it is not rendered within {} seconds", TIME.as_secs()))));
        }
        let wanted = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
        if system.process(pid).is_some_and(|process| process.memory() > MEMORY) {
            return Ok(Err(failed(&format!("it takes more than {} MB of memory", MEMORY >> 20))));
        }
    }
}

fn failed(reason: &str) -> ModelError {
    ModelError::invalid("chat template", format!("{reason}: leave --chat out to use the prompt as it is"))
}
