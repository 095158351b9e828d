//! Every limit of the server in one table: what it is for, its default, and between which values it may be set.

use std::time::Duration;

/// A limit, as it can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its name in the configuration; the unit stands last.
    pub(crate) name: &'static str,
    /// What it is unless it is set.
    pub(crate) default: u32,
    /// The least that it may be.
    pub(crate) least: u32,
    /// The most that it may be.
    pub(crate) most: u32,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:literal in $least:literal..=$most:literal;)*) => {
        /// The limits of a server.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct Limits { $($(#[doc = $doc])+ pub(crate) $name: u32,)* }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// Every limit, in the order of the table.
            pub(crate) const SETTINGS: &[Setting] = &[
                $(Setting { name: stringify!($name), default: $default, least: $least, most: $most },)*
            ];

            /// The limit of that name.
            pub(crate) fn named(&mut self, name: &str) -> Option<&mut u32> {
                $(if name == stringify!($name) { return Some(&mut self.$name); })*
                None
            }
        }
    };
}

limits! {
    /// Connections at once. More wait in the queue of the system until one ends: that costs nothing here, whoever waits
    /// is let in by itself, and an attack of silent connections is over for each of them after `opening_s`.
    connections = 1_024 in 1..=60_000;
    /// Connections at once from one address; more are closed. One peer cannot take the place of all others.
    connections_per_address = 256 in 1..=60_000;
    /// Connections at once from this machine, among which a proxy for everybody may be.
    connections_loopback = 60_000 in 1..=60_000;
    /// Seconds until a new connection has told which HTTP it speaks. Pings and other patience begin only then, so that a
    /// silent connection, or one that sends half a greeting, would stay for ever.
    opening_s = 5 in 1..=60;
    /// Seconds after which a connection is asked to end and a client makes a new one, give or take a tenth, so that
    /// clients spread anew and do not all come back at once.
    connection_age_s = 3_600 in 1..=604_800;
    /// Seconds that streams on a connection of that age may still take: they are meant to be long.
    connection_grace_s = 43_200 in 1..=604_800;
    /// Seconds after which a peer that takes nothing of what is waiting for it is cut off, with all that is held for it.
    stalled_s = 60 in 1..=3_600;
    /// Seconds between signs of life that the system asks of an idle peer.
    tcp_keepalive_s = 60 in 1..=7_200;
    /// Seconds between pings on an HTTP/2 connection: what is gone is noticed also where the system does not see it.
    ping_interval_s = 30 in 1..=3_600;
    /// Seconds in which a ping is to be answered.
    ping_timeout_s = 10 in 1..=600;
    /// Seconds in which the head of an HTTP/1 request is to be there, so that nobody sends it letter by letter.
    http1_header_s = 10 in 1..=300;
    /// Bytes that the head of an HTTP/1 request is read in.
    http1_buffer_bytes = 65_536 in 8_192..=1_048_576;
    /// Streams at once on one connection. Without a limit each costs memory before anybody looks at it.
    streams_per_connection = 128 in 1..=10_000;
    /// Streams of a connection that had to be reset for what the client sent, before it is closed.
    local_resets = 256 in 1..=10_000;
    /// Streams that a client reset before they were looked at, before its connection is closed.
    pending_resets = 20 in 1..=10_000;
    /// Bytes of all headers of a request together; a token fits in.
    header_list_bytes = 16_384 in 4_096..=65_536;
    /// Bytes of one HTTP/2 frame; the least that the protocol knows, so that nobody waits long behind another's.
    frame_bytes = 16_384 in 16_384..=1_048_576;
    /// Bytes that a client may send ahead on one stream. A document goes in parts, and everything else is small.
    stream_window_bytes = 262_144 in 65_535..=16_777_216;
    /// Bytes that a client may send ahead on one connection, all streams together.
    connection_window_bytes = 1_048_576 in 65_535..=67_108_864;
    /// Bytes of an answer that wait for the peer, of each stream.
    send_buffer_bytes = 409_600 in 16_384..=16_777_216;
    /// Requests at once on one connection; others on it wait their turn. As many as writers are worth recording
    /// together.
    requests_per_connection = 64 in 1..=10_000;
    /// Requests at once in all; more are refused as overloaded, which is quicker told than waited for.
    requests = 1_024 in 1..=100_000;
    /// Bytes at once of requests that are long and not answered yet, all together; more are refused as overloaded.
    received_bytes = 268_435_456 in 67_108_864..=2_147_483_648;
    /// Streams at once in all, such as subscriptions; more are refused as overloaded.
    streams = 2_048 in 1..=100_000;
    /// Queries that are worked out at once; others wait. Also one that its client gave up takes a thread until it is
    /// done, so that without a limit requests that are made and given up would take all of them.
    queries = 64 in 1..=512;
    /// Streams that read from the disk at once; others wait. Many that begin together do not keep queries waiting.
    reads = 8 in 1..=512;
    /// Seconds that a request may take until its answer begins; what a client allows itself counts where it is less.
    /// What is being recorded is recorded all the same.
    request_s = 30 in 1..=3_600;
    /// Seconds that a document may take to come and to be recorded: it is as long as the line is slow. When nothing of
    /// it comes for `request_s`, it is not waited for.
    import_s = 600 in 1..=86_400;
    /// Bytes of the message of a service that only answers: audit, health and reflection.
    query_bytes = 65_536 in 4_096..=4_194_304;
    /// Bytes of the message of a service that records as well.
    request_bytes = 262_144 in 65_536..=4_194_304;
    /// Bytes of a batch, and of any other message of the service that takes batches.
    batch_bytes = 4_194_304 in 262_144..=16_777_216;
    /// Bytes of one message of an answer: an agenda of many thousand items.
    answer_bytes = 67_108_864 in 1_048_576..=268_435_456;
    /// Seconds in which everything ends when the server is told to end; what is left is cut off.
    shutdown_s = 10 in 1..=300;
}

/// As a time.
pub(super) fn seconds(limit: u32) -> Duration {
    Duration::from_secs(limit.into())
}

/// As a count in memory.
pub(crate) fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl Limits {
    /// The limits of a connection inside this process: whoever reads there may take their time.
    pub(super) fn of_pipe(self) -> Self {
        Self { connection_age_s: u32::MAX, stalled_s: u32::MAX, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_its_default_within_its_bounds_and_is_found_by_its_name() {
        let mut limits = Limits::default();
        for setting in Limits::SETTINGS {
            assert!((setting.least..=setting.most).contains(&setting.default), "{setting:?}");
            let limit = limits.named(setting.name).expect("named");
            assert_eq!(*limit, setting.default, "{setting:?}");
            *limit = setting.least;
        }
        assert_ne!(limits, Limits::default());
        assert_eq!(limits.named("connection"), None);
    }
}
