//! Single values of the domain and the wire, for who builds or reads messages outside this crate.

use minutebook_domain::dates::Edtf;
use minutebook_domain::ids::{Id, Key, Kind};
use minutebook_domain::record::Record;

use crate::pb;
use crate::violation::Violations;
use crate::wire::{Slot, Wire, required};

/// A record of any kind, as it goes onto the wire.
pub fn record_to_pb(record: &Record) -> pb::Record {
    record.to_pb()
}

/// A record of any kind, checked.
pub fn record_from_pb(pb: Option<pb::Record>) -> Result<Record, Violations> {
    required(pb).map_err(|violations: Violations| violations.within("record"))
}

/// The address of a record, as it goes onto the wire.
pub fn key_to_pb(key: &Key) -> pb::RecordKey {
    key.to_pb()
}

/// The address of a record, checked.
pub fn key_from_pb(pb: Option<pb::RecordKey>) -> Result<Key, Violations> {
    required(pb).map_err(|violations: Violations| violations.within("key"))
}

/// An id, checked; `field` is where it stands in the message.
pub fn id_from_pb(field: &str, pb: String) -> Result<Id, Violations> {
    Id::from_slot(pb).map_err(|violations| violations.within(field))
}

/// An id that may be absent, checked.
pub fn optional_id_from_pb(field: &str, pb: Option<String>) -> Result<Option<Id>, Violations> {
    Slot::from_slot(pb).map_err(|violations: Violations| violations.within(field))
}

/// A date that may be absent, checked.
pub fn date_from_pb(field: &str, pb: Option<pb::Date>) -> Result<Option<Edtf>, Violations> {
    Slot::from_slot(pb).map_err(|violations: Violations| violations.within(field))
}

/// A kind of record, as it goes onto the wire.
pub fn kind_to_pb(kind: Kind) -> pb::Kind {
    pb::Kind::try_from(kind.to_slot()).unwrap_or_default()
}

/// A kind of record, checked.
pub fn kind_from_pb(pb: i32) -> Result<Kind, Violations> {
    Kind::from_slot(pb).map_err(|violations| violations.within("kind"))
}
