//! Asks an agent that speaks HAProxy's agent-check protocol: it says one line as soon as it is connected to.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::connect::reach;
use super::limits::LINE_BYTES;
use super::sound::Found;
use super::words::{Fault, plain};

/// Reads the agent's line.
pub(super) async fn ask(to: SocketAddr, connected: &AtomicBool) -> Result<Found, Fault> {
    let line = read_line(reach(to, connected).await?).await?;
    let mut found = Found::new(format!("agent said `{}`", plain(&line)));
    found.agent = Some(line);
    Ok(found)
}

/// The first line, without its end; what stands where the connection ends is one too.
async fn read_line(mut from: impl AsyncRead + Unpin) -> Result<String, Fault> {
    let mut line = Vec::with_capacity(256);
    loop {
        let before = line.len();
        // One byte more than may be, to tell a line that is too long.
        let room = (LINE_BYTES + 1 - before) as u64;
        let read = (&mut from).take(room).read_buf(&mut line).await;
        let ended = read.map_err(|e| Fault::exchange(&e))? == 0;
        let end = memchr::memchr2(b'\n', b'\0', &line[before..]).map(|at| before + at);
        match end {
            Some(end) => line.truncate(end),
            None if line.len() > LINE_BYTES => {
                let why = format!("agent's line is longer than {LINE_BYTES} bytes");
                return Err(Fault::server(why));
            }
            None if !ended => continue,
            None if line.is_empty() => return Err(Fault::server("agent said nothing")),
            None => {}
        }
        let text = String::from_utf8_lossy(&line);
        // No control byte reaches a log; blanks and tabs part an agent's words.
        let control = |c: char| c.is_control() && c != '\t';
        return Ok(text.trim_end_matches('\r').replace(control, "?"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_ends_at_its_end_or_with_the_connection() {
        let cases: [(&[u8], &str); 5] = [
            (b"up 75%\r\nmore\n", "up 75%"),
            (b"drain", "drain"),
            (b"\n", ""),
            (b"maxconn:30\0", "maxconn:30"),
            (b"up\x1b[2J\t\xff\n", "up?[2J\t\u{fffd}"),
        ];
        for (bytes, line) in cases {
            assert_eq!(read_line(bytes).await.as_deref(), Ok(line));
        }
        assert_eq!(
            read_line(&b""[..]).await,
            Err(Fault::server("agent said nothing"))
        );
    }

    #[tokio::test]
    async fn a_line_may_be_so_long_and_no_longer() {
        let mut line = vec![b'x'; LINE_BYTES];
        assert_eq!(read_line(&line[..]).await.map(|l| l.len()), Ok(LINE_BYTES));
        line.push(b'x');
        assert!(read_line(&line[..]).await.is_err());
    }
}
