//! The ledger: the journal that is the truth, its one writer, and everything that is rebuilt from it.
//!
//! ```text
//! submission → writer: decide, append + fdatasync, publish → receipt
//!                              │
//!                           journal ──→ store (sled), snapshots, the book: all can be thrown away
//!                              └──────→ read back and signed: `checkpoint`
//! ```
//!
//! This crate keeps bytes, gives them positions and signs them. It knows the events only through [`minutebook_proto`],
//! the rules only through [`minutebook_domain::book::Book`] and proofs only through [`minutebook_tlog`]; it knows no
//! network and no page.

mod checkpoint;
mod clock;
mod cursors;
mod durable;
pub mod frame;
pub mod journal;
mod ledger;
pub mod lock;
pub mod log;
pub mod memory;
mod observed;
mod parts;
mod reader;
mod receipt;
mod requests;
mod restore;
mod snapshot;
mod start;
mod store;
mod subscription;
mod tail;
mod verify;
mod writer;

pub use checkpoint::{KeptError, RotateError, SignError, Signed};
pub use clock::Clock;
pub use cursors::{Cursor, CursorError, Cursors, Holder, Holding, Kept, Parked, Place};
pub use ledger::{Ledger, OpenError, Options, Status, founding_frame, has_remains};
pub use observed::{Commits, Distribution, Observed, SignedOf};
pub use parts::Hash;
pub use reader::{LedgerNewer, ReadError, Reader, Remembered};
pub use receipt::{Outcome, Pending, Receipt, Submission, SubmitError};
pub use restore::{RestoreError, Restoring};
pub use snapshot::SnapshotError;
pub use start::Progress;
pub use subscription::{Closed, Subscription};
pub use verify::{Unverified, Verified, Verifier, verify};
