//! Asks a program: its exit status says whether all is well, its output what it measured.

use std::borrow::Cow;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::limits::{BODY_BYTES, FIGURES, LEFT_OPEN};
use super::sound::Found;
use super::words::{Fault, ours, plain};
use crate::control::Errand;

/// Runs the program `words[0]` with the other words as arguments, and kills it and what it started after `within`.
pub(super) async fn ask(
    errand: &Errand,
    words: &[Box<str>],
    within: Duration,
) -> Result<Found, Fault> {
    let began = Instant::now();
    let (mut group, mut output) = start(errand, words)?;
    let mut printed = Vec::new();
    match timeout_at(began + within, run(&mut group, &mut output, &mut printed)).await {
        Ok(Ok(Some(status))) => judge(status, &printed),
        Ok(Ok(None)) => {
            group.kill().await;
            Err(Fault::server(format!(
                "the program printed more than {BODY_BYTES} bytes"
            )))
        }
        Ok(Err(e)) => {
            group.kill().await;
            Err(Fault::exchange(&e))
        }
        Err(_) => {
            group.kill().await;
            Err(Fault::server(format!(
                "the program did not end within {} s",
                within.as_secs()
            )))
        }
    }
}

/// A program with all that it starts; killed when dropped.
struct Group {
    child: Child,
    /// While the program has not been waited for, nothing else can have this id.
    id: Option<Pid>,
}

impl Group {
    fn signal(&self) {
        if let Some(id) = self.id {
            // It may have ended just now.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }

    async fn kill(&mut self) {
        self.signal();
        let _ = self.child.wait().await;
        self.id = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal();
    }
}

fn start(errand: &Errand, words: &[Box<str>]) -> Result<(Group, Receiver), Fault> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Fault::server("no program is named"));
    };
    let cannot = |e: io::Error| {
        ours(&e).unwrap_or_else(|| Fault::server(plain(&format!("cannot run `{program}`: {e}"))))
    };
    // Both streams in one pipe: what a program complains of is as good a reason.
    let (output, input) = io::pipe().map_err(cannot)?;
    let also = input.try_clone().map_err(cannot)?;
    let (address, port) = match errand.to {
        Some(to) => (to.ip().to_string(), to.port()),
        None => (super::sound::name(&errand.host).to_owned(), errand.port),
    };
    let child = Command::new(&**program)
        .args(arguments.iter().map(|word| &**word))
        .env("SIGNPOST_ID", errand.id.to_string())
        .env("SIGNPOST_ADDRESS", address)
        .env("SIGNPOST_PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(input)
        .stderr(also)
        .process_group(0)
        .spawn()
        .map_err(cannot)?;
    let id = child.id().and_then(|id| Pid::from_raw(id as i32));
    let group = Group { child, id };
    let output = Receiver::from_owned_fd(output.into()).map_err(cannot)?;
    Ok((group, output))
}

/// Reads what the program prints until it ends; `None` where it prints too much.
async fn run(
    group: &mut Group,
    output: &mut Receiver,
    printed: &mut Vec<u8>,
) -> io::Result<Option<ExitStatus>> {
    let limit = BODY_BYTES as u64 + 1;
    let mut output = output.take(limit);
    let status = tokio::select! {
        biased;
        read = output.read_to_end(printed) => {
            read?;
            if printed.len() > BODY_BYTES {
                return Ok(None);
            }
            group.child.wait().await?
        }
        status = group.child.wait() => {
            let status = status?;
            // A program that it left behind may hold the output open.
            match timeout(LEFT_OPEN, output.read_to_end(printed)).await {
                Ok(read) => drop(read?),
                Err(_) => group.signal(),
            }
            status
        }
    };
    group.id = None;
    Ok((printed.len() <= BODY_BYTES).then_some(status))
}

/// What exit status and output say.
fn judge(status: ExitStatus, printed: &[u8]) -> Result<Found, Fault> {
    let (figures, said) = read(printed);
    if !status.success() {
        return Err(Fault::Server(match said {
            Some(said) => said.into(),
            None => plain(&format!("the program ended with {status}")).into(),
        }));
    }
    let mut found = Found::new(said.map_or(Cow::Borrowed("exit status 0"), Cow::Owned));
    found.figures = figures;
    Ok(found)
}

/// The lines `NAME=NUMBER`, and the first other one.
fn read(printed: &[u8]) -> (Vec<(Box<str>, f64)>, Option<String>) {
    let text = String::from_utf8_lossy(printed);
    let mut figures = Vec::new();
    let mut said = None;
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        match figure(line) {
            Some(figure) if figures.len() < FIGURES => figures.push(figure),
            Some(_) => {}
            None if said.is_none() => said = Some(plain(line)),
            None => {}
        }
    }
    (figures, said)
}

/// A name of 1 to 40 of letters, digits, `_ - .`, and a finite number.
fn figure(line: &str) -> Option<(Box<str>, f64)> {
    let (name, number) = line.split_once('=')?;
    let name = name.trim_end();
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let named = (1..=40).contains(&name.len()) && name.chars().all(letter);
    let number: f64 = number.trim_start().parse().ok()?;
    (named && number.is_finite()).then(|| (name.into(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_from_words() {
        let (figures, said) =
            read(b"users=12\nload = -0.5e1\nall is well\n=3\nx=inf\nx=nan\nand more\n");
        let wanted: [(Box<str>, f64); 2] = [("users".into(), 12.0), ("load".into(), -5.0)];
        assert_eq!(figures, wanted);
        assert_eq!(said.as_deref(), Some("all is well"));
    }

    #[test]
    fn so_many_figures_and_no_more() {
        let lines: String = (0..=FIGURES).map(|n| format!("f{n}={n}\n")).collect();
        assert_eq!(read(lines.as_bytes()).0.len(), FIGURES);
    }
}
