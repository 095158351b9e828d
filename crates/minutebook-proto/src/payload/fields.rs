//! Names of fields on the wire, sets of fields in the domain: which names there are depends on the kind of record.

use minutebook_domain::ids::Kind;
use minutebook_domain::record::{FieldSet, Record};

use crate::violation::Violations;

/// The names of fields, as the record of that kind calls them.
pub(super) fn names(fields: FieldSet, kind: Kind) -> Vec<String> {
    fields.names(kind).map(str::to_owned).collect()
}

/// The set of these fields; a name that the kind does not have is refused, where the domain would pass it over.
pub(super) fn field_set(kind: Kind, names: &[String]) -> Result<FieldSet, Violations> {
    let known = Record::fields(kind);
    match names.iter().position(|name| !known.contains(&name.as_str())) {
        None => Ok(FieldSet::named(kind, names.iter().map(String::as_str))),
        Some(n) => Err(Violations::of(format_args!("is not a field of a {kind}")).within(&format!("[{n}]"))),
    }
}

/// A record and the fields of it that an event names; the names cannot be read where the record cannot.
pub(super) fn record_with_fields(
    violations: &mut Violations,
    name: &str,
    record: Result<Record, Violations>,
    fields: &[String],
) -> (Option<Record>, Option<FieldSet>) {
    let record = violations.keep(name, record);
    let fields = record.as_ref().and_then(|record| violations.keep("fields", field_set(record.kind(), fields)));
    (record, fields)
}
