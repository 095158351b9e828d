//! Comparing two readings of an item, field by field.

use std::sync::Arc;

use serde_json::Map;

use crate::document::entry;
use crate::ids::{Id, Kind};
use crate::record::{NOTES, Record, is_compared};
use crate::value::{Value, same};

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
        let (mut old, mut new) = (self.fields(), after.fields());
        let names = Record::fields(self.record.kind()).iter().copied().filter(|field| is_compared(field));
        let pairs = names.map(|field| FieldChange {
            field,
            before: old.remove(field).unwrap_or_default(),
            after: new.remove(field).unwrap_or_default(),
        });
        pairs.filter(|change| !same(&change.before, &change.after)).collect()
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = self.record.write();
        if self.record.kind() == Kind::Action {
            fields.insert("amounts".into(), self.amounts.clone());
        }
        fields
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
