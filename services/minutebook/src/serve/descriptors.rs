//! File descriptors: the ledger's files come before connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many are kept for the files of the ledger and whatever else is opened. A write that finds none left would stop
/// the writer, and whoever opens connections is not to bring that about.
const KEPT: u64 = 128;

/// As many of these connections as there are descriptors for. The system is asked for more where it has given fewer
/// than it may.
pub(super) fn room(connections: u32) -> u32 {
    let wanted = u64::from(connections).saturating_add(KEPT);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let most = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        // Where it is refused there are as many as before.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: limit.maximum });
    }
    let given = getrlimit(Resource::Nofile).current.unwrap_or(wanted);
    let fitting = u32::try_from(given.saturating_sub(KEPT)).unwrap_or(u32::MAX).max(1);
    if fitting < connections {
        tracing::warn!(fitting, connections, "fewer connections at once: the system gives too few file descriptors");
    }
    connections.min(fitting)
}
