//! A connection's bytes on their way through: whether its peer has told which HTTP it speaks, and whether it takes what
//! is sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stall::Stall;

/// What an HTTP/2 connection begins with. Anything else is HTTP/1, for which there is another patience.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes on their way through.
pub(super) struct Socket<IO> {
    io: IO,
    // How much of the preface has come; none where that is settled.
    left: Option<&'static [u8]>,
    is_open: Arc<AtomicBool>,
    unsent: Stall,
}

impl<IO> Socket<IO> {
    /// Around a connection that is new.
    pub(super) fn new(io: IO, is_open: Arc<AtomicBool>, unsent: Stall) -> Self {
        Self { io, left: Some(PREFACE), is_open, unsent }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Some(left) = self.left.filter(|_| !bytes.is_empty()) else { return };
        self.left = match left.strip_prefix(bytes) {
            Some(left) if !left.is_empty() => Some(left),
            _ => None,
        };
        if self.left.is_none() {
            self.is_open.store(true, Ordering::Relaxed);
        }
    }

    fn note<T>(&self, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match sent {
            Poll::Pending => self.unsent.wait(),
            Poll::Ready(_) => self.unsent.taken(),
        }
        sent
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Socket<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if self.left.is_some() {
            self.hear(buf.filled().get(before..).unwrap_or_default());
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Socket<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note(sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.note(sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::super::stall::Stalls;
    use super::*;

    fn is_open_after(parts: &[&[u8]]) -> bool {
        let is_open = Arc::new(AtomicBool::new(false));
        let mut socket = Socket::new((), Arc::clone(&is_open), Arc::new(Stalls::new()).add());
        for part in parts {
            socket.hear(part);
        }
        is_open.load(Ordering::Relaxed)
    }

    #[test]
    fn a_connection_is_open_once_it_is_known_what_it_speaks() {
        assert!(is_open_after(&[PREFACE]));
        assert!(is_open_after(&[b"PRI * HTTP/2.0\r\n", b"\r\nSM\r\n\r\n"]));
        assert!(is_open_after(&[PREFACE, b"and what comes then"]));
        assert!(is_open_after(&[b"P", b"OST / HTTP/1.1\r\n"]));
        assert!(is_open_after(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0"]));
        for parts in [vec![], vec![&b""[..]], vec![b"PRI * HTTP/2.0\r\n"], vec![b"P", b"R", b"I"]] {
            assert!(!is_open_after(&parts), "{parts:?}");
        }
    }
}
