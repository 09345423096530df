//! How two processes speak while one takes over from the other: JSON behind its length in four bytes (big-endian), and descriptors
//! as rights (unix(7) `SCM_RIGHTS`), so many to a byte.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::language::FILE_BYTES;

/// Descriptors that go with one byte; the kernel takes 253 (`SCM_MAX_FD`).
const AT_ONCE: usize = 128;
/// The longest message: three configurations, each byte of which may take six.
const MESSAGE_BYTES: usize = 24 * FILE_BYTES;

/// Says `what`.
///
/// # Errors
/// Where the other side is gone or does not listen in time.
pub(super) fn say<T: Serialize>(mut stream: &UnixStream, what: &T) -> io::Result<()> {
    let json = serde_json::to_vec(what)?;
    let length = u32::try_from(json.len()).ok();
    let length = length.filter(|_| json.len() <= MESSAGE_BYTES);
    let length = length.ok_or_else(|| io::Error::other("there is more to say than may be"))?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&json)
}

/// Hears what the other side says.
///
/// # Errors
/// Where it is gone, says nothing in time, or says what is not understood.
pub(super) fn hear<T: DeserializeOwned>(mut stream: &UnixStream) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length as usize > MESSAGE_BYTES {
        return Err(io::Error::other("more was said than may be"));
    }
    let mut json = Vec::new();
    let read = stream.take(length.into()).read_to_end(&mut json)?;
    if read < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&json)?)
}

/// Hands descriptors over.
///
/// # Errors
/// Where the other side is gone or does not take them in time.
pub(super) fn pass(stream: &UnixStream, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    for some in descriptors.chunks(AT_ONCE) {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        if !rights.push(SendAncillaryMessage::ScmRights(some)) {
            return Err(io::Error::other("no room for descriptors"));
        }
        let byte = [IoSlice::new(b"s")];
        sendmsg(stream, &byte, &mut rights, SendFlags::NOSIGNAL)?;
    }
    Ok(())
}

/// Takes `count` descriptors.
///
/// # Errors
/// Where the other side is gone, hands over none in time, or fewer than it said; where this process may not open as many.
pub(super) fn receive(stream: &UnixStream, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let wanted = AT_ONCE.min(count - taken.len());
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut into = [IoSliceMut::new(&mut byte)];
        let heard = recvmsg(stream, &mut into, &mut rights, RecvFlags::CMSG_CLOEXEC)?;
        let before = taken.len();
        for message in rights.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                taken.extend(descriptors);
            }
        }
        if heard.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if taken.len() - before != wanted {
            // The kernel leaves out what goes beyond the limit of descriptors.
            return Err(io::Error::other(
                "not all sockets came: this process may not open as many descriptors (`ulimit -n`)",
            ));
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;

    fn pair() -> (UnixStream, UnixStream) {
        let (one, other) = UnixStream::pair().expect("a pair");
        for stream in [&one, &other] {
            let wait = Some(Duration::from_secs(5));
            stream.set_read_timeout(wait).expect("set");
        }
        (one, other)
    }

    #[test]
    fn words_and_sockets_arrive_in_order() {
        let (one, other) = pair();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let many = vec![listener.as_fd(); 2 * AT_ONCE + 1];
        say(&one, &"these").expect("said");
        pass(&one, &many).expect("passed");
        say(&one, &7).expect("said");
        assert_eq!(hear::<String>(&other).expect("heard"), "these");
        let taken = receive(&other, many.len()).expect("received");
        let at = listener.local_addr().expect("bound");
        assert_eq!(taken.len(), many.len());
        for descriptor in taken {
            let same = TcpListener::from(descriptor).local_addr().expect("bound");
            assert_eq!(same, at);
        }
        assert_eq!(hear::<u8>(&other).expect("heard"), 7);
    }

    #[test]
    fn what_is_cut_short_or_no_word_is_an_error() {
        let (mut one, other) = pair();
        one.write_all(&[0, 0, 0, 9, b'1']).expect("written");
        drop(one);
        assert!(hear::<u8>(&other).is_err());
        let (mut one, other) = pair();
        one.write_all(&[255, 255, 255, 255]).expect("written");
        assert!(hear::<u8>(&other).is_err());
        let (one, other) = pair();
        say(&one, &"no number").expect("said");
        assert!(hear::<u8>(&other).is_err());
        let (one, other) = pair();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        pass(&one, &[listener.as_fd()]).expect("passed");
        assert!(receive(&other, 2).is_err(), "fewer than were said");
        drop(one);
        assert!(receive(&other, 1).is_err());
    }
}
