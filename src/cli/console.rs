//! `signpost console`: the console of the director on this host, over its Unix socket.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{SignalKind, signal};

use super::terminal::{Raw, SOCKET, complain, window};
use crate::console::serve::frame::{Frame, Frames, Hello};

/// No director serves the socket.
const NOBODY: u8 = 3;

/// `^]`: leaves at once, whatever the director does.
const LEAVE: u8 = 0x1d;

/// The longest script, in bytes.
const SCRIPT_BYTES: u64 = 64 << 20;

/// Opens the console of the director on this host.
///
/// At a terminal it is the same as over telnet or SSH; `^]` leaves at once. With `-c`, a FILE or without a terminal it runs a
/// script, prints plain text, and ends with 0, or 1 where a command failed. 3: no director is there.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The director's socket.
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    socket: PathBuf,
    /// Runs a command line, such as `show real | json`; several run in order.
    #[arg(short, value_name = "COMMAND")]
    command: Vec<String>,
    /// Runs the lines of a file; `-`: of standard input.
    #[arg(value_name = "FILE", conflicts_with = "command")]
    file: Option<PathBuf>,
}

/// What is typed, and by whom.
enum Typed {
    /// By a person at a terminal.
    Keys,
    /// One command.
    Command(String),
    /// Lines that are there already.
    Script(Vec<u8>),
    /// Lines that come in.
    Input,
}

/// Runs it; the exit status.
pub fn run(args: Args) -> ExitCode {
    let typed = match typed(args.command, args.file.as_deref()) {
        Ok(typed) => typed,
        Err(why) => {
            complain(&why);
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = runtime.map(|runtime| {
        let status = runtime.block_on(talk(&args.socket, typed));
        // Reading keys cannot be broken off.
        runtime.shutdown_background();
        status
    });
    match result {
        Ok(Ok(status)) => ExitCode::from(status),
        Ok(Err(Failed { status, why })) => {
            complain(&why);
            ExitCode::from(status)
        }
        Err(e) => {
            complain(&e.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Why there is nothing to wait for any more.
struct Failed {
    status: u8,
    why: String,
}

impl From<io::Error> for Failed {
    fn from(e: io::Error) -> Failed {
        Failed {
            status: 1,
            why: format!("the director is gone: {e}"),
        }
    }
}

fn typed(mut commands: Vec<String>, file: Option<&Path>) -> Result<Typed, String> {
    match file {
        Some(path) if path == Path::new("-") => return Ok(Typed::Input),
        Some(path) => return script(path).map(Typed::Script),
        None => {}
    }
    if commands.len() == 1 {
        return Ok(Typed::Command(commands.remove(0)));
    }
    if !commands.is_empty() {
        let mut lines = commands.join("\n");
        lines.push('\n');
        return Ok(Typed::Script(lines.into_bytes()));
    }
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        Ok(Typed::Keys)
    } else {
        Ok(Typed::Input)
    }
}

fn script(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |e: io::Error| format!("cannot read `{}`: {e}", path.display());
    let mut lines = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(SCRIPT_BYTES)
        .read_to_end(&mut lines)
        .map_err(failed)?;
    if lines.last().is_some_and(|last| *last != b'\n') {
        lines.push(b'\n');
    }
    Ok(lines)
}

async fn talk(socket: &Path, typed: Typed) -> Result<u8, Failed> {
    let stream = UnixStream::connect(socket).await.map_err(|e| Failed {
        status: NOBODY,
        why: format!(
            "no director at `{}`: {e}; start one with `signpost serve`, or name its socket with `--socket PATH`",
            socket.display()
        ),
    })?;
    let (from, mut to) = stream.into_split();
    let terminal = matches!(typed, Typed::Keys);
    let (columns, rows) = if terminal { window() } else { (0, 0) };
    let command = match &typed {
        Typed::Command(command) => Some(command.clone()),
        _ => None,
    };
    let hello = Hello {
        terminal,
        columns,
        rows,
        command,
        upgrade: None,
    };
    let mut first = serde_json::to_vec(&hello).map_err(io::Error::other)?;
    first.push(b'\n');
    to.write_all(&first).await?;
    // To be dropped, and the terminal with it as it was, before anything else is said.
    let raw = terminal.then(Raw::enter).transpose()?;
    let status = tokio::select! {
        status = show(from) => status?,
        // A director that takes no more has said why: that is shown, and counts.
        left = async { match send(to, typed).await {
            Ok(left) => left,
            Err(_) => std::future::pending().await,
        } } => left,
    };
    drop(raw);
    Ok(status)
}

/// Shows what the director says, until it says that it is over.
async fn show(mut from: OwnedReadHalf) -> Result<u8, Failed> {
    let mut out = tokio::io::stdout();
    let mut frames = Frames::default();
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            let _ = out.flush().await;
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        frames.feed(bytes.get(..read).unwrap_or_default());
        while let Some(frame) = frames.next().map_err(io::Error::other)? {
            match frame {
                Frame::Data(data) => {
                    if out.write_all(&data).await.is_err() {
                        // Nobody reads what is shown.
                        return Ok(1);
                    }
                }
                Frame::End(status) => {
                    let _ = out.flush().await;
                    return Ok(status);
                }
                Frame::Window(..) => {}
            }
        }
        let _ = out.flush().await;
    }
}

/// Writes to the director. One that has ended the session hears no more; why is in what it said before, which is still to be shown:
/// the end of that is waited for.
async fn tell(to: &mut OwnedWriteHalf, bytes: &[u8]) {
    if to.write_all(bytes).await.is_err() {
        std::future::pending().await
    }
}

/// Sends what is typed; comes back where the person leaves at once.
async fn send(mut to: OwnedWriteHalf, typed: Typed) -> Result<u8, Failed> {
    match typed {
        Typed::Keys => return keys(to).await,
        Typed::Command(_) => {}
        Typed::Script(lines) => {
            tell(&mut to, &Frame::data(&lines)).await;
            tell(&mut to, &Frame::End(0).bytes()).await;
        }
        Typed::Input => {
            let mut input = tokio::io::stdin();
            let mut bytes = vec![0; 16 * 1024];
            loop {
                let read = input.read(&mut bytes).await?;
                if read == 0 {
                    break;
                }
                let bytes = bytes.get(..read).unwrap_or_default();
                tell(&mut to, &Frame::data(bytes)).await;
            }
            tell(&mut to, &Frame::End(0).bytes()).await;
        }
    }
    // The director has the last word; the socket stays open for it.
    std::future::pending().await
}

async fn keys(mut to: OwnedWriteHalf) -> Result<u8, Failed> {
    let mut sized = signal(SignalKind::window_change())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut input = tokio::io::stdin();
    let mut bytes = vec![0; 4 * 1024];
    loop {
        tokio::select! {
            read = input.read(&mut bytes) => {
                let read = read?;
                let typed = bytes.get(..read).unwrap_or_default();
                if typed.is_empty() || typed.contains(&LEAVE) {
                    return Ok(1);
                }
                tell(&mut to, &Frame::data(typed)).await;
            }
            _ = sized.recv() => {
                let (columns, rows) = window();
                tell(&mut to, &Frame::Window(columns, rows).bytes()).await;
            }
            _ = terminate.recv() => return Ok(1),
            _ = hangup.recv() => return Ok(1),
        }
    }
}
