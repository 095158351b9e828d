//! Names of fields on the wire, sets of fields in the domain: which names there are depends on the kind of record.

use minutebook_domain::ids::Kind;
use minutebook_domain::record::{FieldSet, Record};

use crate::encoded::{Encoded, repeated};
use crate::violation::{Violations, WireFault};
use crate::wire::Slot;

/// The names of fields, as the record of that kind calls them.
pub(super) fn names(fields: FieldSet, kind: Kind) -> Vec<String> {
    fields.names(kind).map(str::to_owned).collect()
}

/// The set of the fields named by a repeated field; a name that the kind does not have is refused, where the domain
/// would pass it over.
pub(super) fn field_set(kind: Kind, message: &[u8], number: u64) -> Result<FieldSet, Violations> {
    let known = Record::fields(kind);
    let mut fields = FieldSet::default();
    for (n, name) in repeated(message, number).enumerate() {
        let name = name?.text()?;
        if !known.contains(&name) {
            return Err(Violations::of(WireFault::Field { kind: kind.name() }).within(&format!("[{n}]")));
        }
        fields = fields.or(FieldSet::named(kind, [name]));
    }
    Ok(fields)
}

/// A record and the fields of it that an event names; the names cannot be read where the record cannot.
pub(super) fn record_with_fields(
    violations: &mut Violations,
    name: &str,
    record: Option<Encoded<'_>>,
    (message, number): (&[u8], u64),
) -> (Option<Record>, Option<FieldSet>) {
    let record: Option<Record> = violations.keep(name, Slot::slot_from_encoded(record));
    let fields = record.as_ref().map(|record| field_set(record.kind(), message, number));
    (record, fields.and_then(|fields| violations.keep("fields", fields)))
}
