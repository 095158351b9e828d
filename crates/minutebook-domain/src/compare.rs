//! Comparing two readings of an item, field by field.

use std::fmt;
use std::sync::Arc;

use crate::document::entry;
use crate::ids::Id;
use crate::record::{NOTES, Record, is_compared};
use crate::refusal::shown;
use crate::value::{Value, same};

/// The field of an action that names its amounts; no other record has a field of that name.
pub(crate) const AMOUNTS: &str = "amounts";

/// One field that differs, with its values as written; `null` where it is absent.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// The field.
    pub field: &'static str,
    /// Its value before.
    pub before: Value,
    /// Its value after.
    pub after: Value,
}

/// In a message: the field, what it said and what it says.
impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.field, shown(&self.before), shown(&self.after))
    }
}

/// An item with the amounts that it names, which count as part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The item.
    pub record: Arc<Record>,
    /// The value of its field `amounts`, each with what it says.
    pub amounts: Value,
}

impl Reading {
    /// Reads an item, asking for each amount that it names.
    pub fn new<E>(record: Arc<Record>, amount: impl Fn(&Id) -> Result<Option<Arc<Record>>, E>) -> Result<Self, E> {
        let amounts = match record.as_ref() {
            Record::Action(action) => action.amounts.as_deref(),
            _ => None,
        };
        let resolve = |id: &Id| amount(id).map(|found| resolved(id, found.as_deref()));
        let list = amounts.map(|ids| ids.iter().map(resolve).collect::<Result<Vec<_>, E>>()).transpose()?;
        Ok(Self { record, amounts: list.map_or(Value::Null, Value::Array) })
    }

    /// The fields that mean something else in a later reading.
    pub fn changes_to(&self, after: &Self) -> Vec<FieldChange> {
        let kind = self.record.kind();
        let unequal = self.record.unequal(&after.record);
        // What an amount says can differ where the action names the same ones.
        let differs = |field: &&str| unequal.contains(kind, field) || *field == AMOUNTS;
        let names = Record::fields(kind).iter().copied().filter(|field| is_compared(field)).filter(differs);
        let pairs = names.map(|field| FieldChange { field, before: self.value(field), after: after.value(field) });
        pairs.filter(|change| !same(&change.before, &change.after)).collect()
    }

    fn value(&self, field: &str) -> Value {
        if field == AMOUNTS { self.amounts.clone() } else { self.record.value(field) }
    }
}

/// Does the field of an amount count in its action? What it is for, the action itself and the notes do not.
pub(crate) fn counts_in_action(field: &str) -> bool {
    field != "what" && field != "action" && !NOTES.contains(&field)
}

/// An amount as it counts in its action.
fn resolved(id: &Id, amount: Option<&Record>) -> Value {
    let Some(Value::Object(mut map)) = amount.map(entry) else {
        return serde_json::json!({ "id": id.as_str() });
    };
    map.retain(|key, _| counts_in_action(key));
    Value::Object(map)
}
