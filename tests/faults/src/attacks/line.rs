//! HTTP/2 by hand, as nobody who means well speaks it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A write that the server does not take in this time is given up, with its line.
const PATIENCE: Duration = Duration::from_millis(500);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The kinds of frames.
pub(super) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const RESET: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const WINDOW: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

/// Nothing more comes on this stream.
pub(super) const LAST: u8 = 1;
/// All headers are there.
const HEADERS_END: u8 = 4;

/// A line to the server.
#[derive(Debug)]
pub(super) struct Line {
    socket: TcpStream,
    unsent: Vec<u8>,
    stream: u32,
}

impl Line {
    /// A line on which nothing was said.
    pub(super) fn dial(at: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&at, PATIENCE)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, unsent: Vec::new(), stream: 1 })
    }

    /// A line that was opened as it should be.
    pub(super) fn greet(at: SocketAddr) -> io::Result<Self> {
        let mut line = Self::dial(at)?;
        line.unsent.extend_from_slice(PREFACE);
        line.frame(kind::SETTINGS, 0, 0, &[]);
        line.send()?;
        Ok(line)
    }

    /// One frame, when the line is sent next.
    pub(super) fn frame(&mut self, kind: u8, flags: u8, stream: u32, content: &[u8]) {
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.unsent.extend(length.iter().skip(1));
        self.unsent.extend([kind, flags]);
        self.unsent.extend(stream.to_be_bytes());
        self.unsent.extend(content);
    }

    /// The next stream of this line.
    pub(super) fn stream(&mut self) -> u32 {
        let stream = self.stream;
        self.stream = stream.saturating_add(2);
        stream
    }

    /// A request of which the message is still to come.
    pub(super) fn ask(&mut self, method: &str, headers: &[(&str, &str)]) -> u32 {
        let stream = self.stream();
        // `:method: POST`, `:scheme: http`, `:path` and `:authority`, by their places in the table of HPACK.
        let mut block = vec![0x83, 0x86, 0x04];
        text(&mut block, method);
        block.push(0x01);
        text(&mut block, "x");
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")].iter().chain(headers) {
            block.push(0);
            text(&mut block, name);
            text(&mut block, value);
        }
        self.frame(kind::HEADERS, HEADERS_END, stream, &block);
        stream
    }

    /// A whole request with an empty message.
    pub(super) fn ask_empty(&mut self, method: &str) -> u32 {
        let stream = self.ask(method, &[]);
        self.frame(kind::DATA, LAST, stream, &[0; 5]);
        stream
    }

    /// Sends what there is to send.
    pub(super) fn send(&mut self) -> io::Result<()> {
        self.socket.write_all(&self.unsent)?;
        self.unsent.clear();
        Ok(())
    }

    /// Takes what has come, and fails where the server has closed the line.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        let mut bytes = [0; 16_384];
        let ended = loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => break Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.socket.set_nonblocking(false)?;
        ended
    }
}

/// A text as HPACK has it, shorter than 127 bytes.
fn text(block: &mut Vec<u8>, text: &str) {
    block.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    block.extend(text.as_bytes());
}
