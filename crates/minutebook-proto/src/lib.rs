//! Where the wire meets the domain: the messages of `minutebook.v1` and their conversions, in both directions.
//!
//! Everything that comes in is checked by the domain's own constructors, with every bad field named by its path. This
//! crate knows no rules: whether something may be recorded is the domain's answer. The gRPC clients and servers stand
//! behind the feature `grpc`, so that the ledger, which only needs events, does not build them.

mod answer;
mod areas;
mod command;
mod convert;
mod cursor;
mod encoded;
mod event;
mod filter;
mod governance;
mod json;
mod payload;
mod record;
mod review;
mod value;
mod violation;
mod wire;

pub use answer::{blame_to_pb, changes_to_pb, finding_to_pb, history_to_pb, plan_to_pb, revision_to_pb};
pub use areas::{
    agreement_state_to_pb, agreement_to_pb, link_from_pb, money_to_pb, motion_to_pb, promise_to_pb, role_row_to_pb,
    role_total_to_pb,
};
pub use command::{
    WriteOptions, commands_from_pb, correct_from_pb, deed_from_pb, late_from_pb, resolve_from_pb, state_from_pb,
    write_from_pb,
};
pub use convert::{
    date_from_pb, disposition_to_pb, id_from_pb, key_from_pb, key_to_pb, kind_from_pb, kind_to_pb, optional_id_from_pb,
    record_from_pb, record_to_pb,
};
pub use cursor::{AcquireCursor, acquire_from_pb, park_from_pb};
pub use event::{DecodeError, Decoder, Glance, READER, decode_event, encode_event, glance, is_about_key};
pub use filter::{FILTER_ENTRIES, filter_from_pb};
pub use governance::{
    decision_to_pb, dossier_to_pb, end_to_pb, gap_to_pb, held_mandate_to_pb, mandates_asked, sheet_to_pb,
    who_may_asked, who_may_to_pb,
};
pub use json::{value_from_pb, value_to_pb};
pub use review::{check_to_pb, open_review_to_pb, proposed_to_pb, review_from_pb};
pub use violation::{FieldViolation, Violations};

/// The generated messages and, behind the feature `grpc`, the clients and servers.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/minutebook.v1.rs"));
}

/// The encoded `FileDescriptorSet` of `minutebook.v1` and what it imports, for server reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/minutebook.v1.bin"));
