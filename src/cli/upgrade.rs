//! `signpost upgrade`: another process in the place of the running director, without a lost connection.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::terminal::{SOCKET, complain, say};
use crate::app::{Told, absolute};
use crate::console::serve::frame::{Call, Hello};

/// No director serves the socket.
const NOBODY: u8 = 3;

/// How long the director may take to say what came of it.
const PATIENCE: Duration = Duration::from_secs(200);

/// The longest answer, in bytes.
const ANSWER_BYTES: u64 = 1 << 20;

/// Puts this program into the place of the running director, without a lost connection.
///
/// The director starts it with the arguments it was started with itself, hands its listening sockets and all that runs over, lets its
/// own connections end (`serve --retire`), and exits. Where the new one cannot serve the running one goes on as if nothing had
/// happened. 0: the new one serves. 1: it does not, and why. 3: no director is there.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The director's socket.
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    socket: PathBuf,
    /// The program that is to run [default: this one].
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Arguments of `signpost serve` that are new or other than those it was started with, such as `--workers 4`.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// Runs it; the exit status.
pub fn run(args: Args) -> ExitCode {
    let binary = match args.binary {
        Some(binary) => Ok(absolute(&binary)),
        None => std::env::current_exe(),
    };
    let stream = UnixStream::connect(&args.socket);
    let (binary, stream) = match (binary, stream) {
        (Ok(binary), Ok(stream)) => (binary, stream),
        (Err(e), _) => {
            complain(&format!(
                "this program's own path is not known: {e}; name it with `--binary PATH`"
            ));
            return ExitCode::FAILURE;
        }
        (_, Err(e)) => {
            complain(&nobody(&args.socket, &e));
            return ExitCode::from(NOBODY);
        }
    };
    match ask(&stream, binary, args.arguments) {
        Ok(Told { ok: true, said }) => {
            say(&said);
            ExitCode::SUCCESS
        }
        Ok(Told { ok: false, said }) => {
            complain(&format!("no upgrade, the running director goes on: {said}"));
            ExitCode::FAILURE
        }
        Err(Unsaid::Ended) => {
            complain(
                "the director ended before it said what came of the upgrade; `signpost console -c 'show version'` tells whether one runs, its log what it was told",
            );
            ExitCode::FAILURE
        }
        Err(Unsaid::Failed(e)) => {
            complain(&format!(
                "the director did not say what came of it: {e}; is it of an older release? `signpost console -c 'show version'` tells which one runs"
            ));
            ExitCode::FAILURE
        }
    }
}

/// Why it is not known what came of an upgrade.
enum Unsaid {
    /// The director was told to end, or fell.
    Ended,
    Failed(io::Error),
}

impl From<io::Error> for Unsaid {
    fn from(error: io::Error) -> Unsaid {
        Unsaid::Failed(error)
    }
}

fn nobody(socket: &Path, error: &io::Error) -> String {
    format!(
        "no director at `{}`: {error}; name its socket with `--socket PATH`",
        socket.display()
    )
}

fn ask(mut stream: &UnixStream, binary: PathBuf, arguments: Vec<String>) -> Result<Told, Unsaid> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let hello = Hello {
        upgrade: Some(Call::Start { binary, arguments }),
        ..Hello::default()
    };
    let mut line = serde_json::to_vec(&hello).map_err(io::Error::from)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut told = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut told)?;
    match told.is_empty() {
        true => Err(Unsaid::Ended),
        false => Ok(serde_json::from_slice(&told).map_err(io::Error::from)?),
    }
}
