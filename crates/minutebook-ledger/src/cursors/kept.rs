//! A cursor as it is kept in its file, which whoever runs the ledger can read:
//!
//! ```text
//! minutebook cursor 1 sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! {"cursor":"warehouse","acknowledged":560,"generation":1735689600000,"holder":null,"parked":[]}
//! ```
//!
//! The digest is of all that follows the first line. There is one way to write a cursor, and what is written otherwise
//! is damaged: the name stands in it as well, so that a file of another cursor is not taken for this one's.

use std::collections::BTreeMap;

use minutebook_domain::dates::Timestamp;
use minutebook_domain::ids::{Id, Position};
use minutebook_domain::value::Name;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const FIRST_LINE: &str = "minutebook cursor 1 sha256 ";

/// What is kept of a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: Id,
    /// Everything up to and including this position has been dealt with, or parked; `None` is before the first event.
    pub acknowledged: Option<Position>,
    /// The token of whoever acquired it last. It grows with each acquisition and reset.
    pub generation: u64,
    /// Who acquired it last, unless it was released or reset since. The lease may have ended.
    pub holder: Option<Holder>,
    /// The events that were put aside.
    pub parked: BTreeMap<Position, Parked>,
}

/// Who acquired a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its own name for itself; two may have the same.
    pub name: Name,
    /// How long it may say nothing, in milliseconds.
    pub lease_ms: u32,
}

/// Why an event was put aside, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Why.
    pub reason: Name,
    /// When that was.
    pub at: Timestamp,
}

/// Why a file is not that of a cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("the first line is not that of a cursor of this format")]
    FirstLine,
    #[error("the content is not what was written")]
    Digest,
    #[error("the content is not that of a cursor")]
    Content,
    #[error("it is the file of cursor `{0}`")]
    Misplaced(Id),
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

#[derive(Serialize, Deserialize)]
struct Content {
    cursor: String,
    acknowledged: Option<Position>,
    generation: u64,
    holder: Option<HolderContent>,
    parked: Vec<ParkedContent>,
}

#[derive(Serialize, Deserialize)]
struct HolderContent {
    name: String,
    lease_ms: u32,
}

#[derive(Serialize, Deserialize)]
struct ParkedContent {
    position: Position,
    reason: String,
    at_ms: i64,
}

/// Writes a cursor.
pub(crate) fn encode(kept: &Kept) -> Vec<u8> {
    let Kept { name, acknowledged, generation, holder, parked } = kept;
    let holder = holder.as_ref();
    let content = Content {
        cursor: name.to_string(),
        acknowledged: *acknowledged,
        generation: *generation,
        holder: holder.map(|Holder { name, lease_ms }| HolderContent { name: name.to_string(), lease_ms: *lease_ms }),
        parked: parked
            .iter()
            .map(|(position, Parked { reason, at })| ParkedContent {
                position: *position,
                reason: reason.to_string(),
                at_ms: at.0,
            })
            .collect(),
    };
    sealed(&format!("{}\n", serde_json::json!(content)))
}

/// A line under its first line.
pub(super) fn sealed(line: &str) -> Vec<u8> {
    format!("{FIRST_LINE}{}\n{line}", digest(line.as_bytes())).into_bytes()
}

/// Reads what was written.
pub(crate) fn decode(bytes: &[u8]) -> Result<Kept, Damage> {
    let rest = bytes.strip_prefix(FIRST_LINE.as_bytes()).ok_or(Damage::FirstLine)?;
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or(Damage::FirstLine)?;
    let (told, line) = rest.split_at_checked(end).ok_or(Damage::FirstLine)?;
    let line = line.strip_prefix(b"\n").ok_or(Damage::FirstLine)?;
    if digest(line).as_bytes() != told {
        return Err(Damage::Digest);
    }
    let content: Content = serde_json::from_slice(line).map_err(|_| Damage::Content)?;
    let kept = checked(content).ok_or(Damage::Content)?;
    if encode(&kept) == bytes { Ok(kept) } else { Err(Damage::Content) }
}

fn checked(content: Content) -> Option<Kept> {
    let Content { cursor, acknowledged, generation, holder, parked } = content;
    let holder = match holder {
        Some(HolderContent { name, lease_ms }) => Some(Holder { name: Name::new(&name).ok()?, lease_ms }),
        None => None,
    };
    let aside = |ParkedContent { position, reason, at_ms }| {
        Some((position, Parked { reason: Name::new(&reason).ok()?, at: Timestamp(at_ms) }))
    };
    Some(Kept {
        name: Id::any(&cursor)?,
        acknowledged,
        generation,
        holder,
        parked: parked.into_iter().map(aside).collect::<Option<_>>()?,
    })
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
