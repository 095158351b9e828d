//! A transparency log: a Merkle tree over entries, proofs about it, its signed head, and its form as static files.
//!
//! It knows entries as bytes and nothing of what they mean. What it writes follows public specifications, so that other
//! people's tools check it:
//!
//! - the tree and its proofs: [RFC 6962](https://www.rfc-editor.org/rfc/rfc6962.html#section-2.1);
//! - checkpoints: <https://c2sp.org/tlog-checkpoint>, signed as <https://c2sp.org/signed-note> with Ed25519;
//! - proofs as text: <https://c2sp.org/tlog-proof>;
//! - the tree and the entries as files: <https://c2sp.org/tlog-tiles>.
//!
//! The hashing of proofs and the form of notes are those of `tlog_tiles` and `signed_note`. Those crates assume sizes
//! that their callers have checked; this one takes them from anybody.

mod checkpoint;
mod fault;
mod handover;
mod key;
mod proof;
mod tile;
mod tree;

pub use checkpoint::{Checkpoint, NOTE_BYTES};
pub use fault::Fault;
pub use handover::Handover;
pub use key::{SigningKey, VerifierKey};
pub use proof::{PROOF_BYTES, Proof};
pub use tile::{Tile, TileKind, bundle, unbundle};
pub use tree::{Frontier, Tree, check_consistency, check_inclusion, leaf_hash};

/// SHA-256: of an entry, of a node, or of a whole tree.
pub type Hash = [u8; 32];

/// More entries than any log here has. A claim beyond it is refused before anything is computed from it.
pub const MAX_SIZE: u64 = 1 << 48;
