//! Which records name which partner.

use std::slice;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::ids::{Id, Key};
use crate::record::{FieldSet, Record};

/// The records that named each party or body at any time: where to look for what touches it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Naming(OrdMap<Id, OrdSet<Key>>);

impl Naming {
    /// Notes whom these fields of a record name that it did not name before.
    pub(crate) fn note(&mut self, key: &Key, record: &Record, fields: FieldSet, before: Option<&Record>) {
        for (field, ids) in named(record) {
            if ids.is_empty() || !fields.contains(key.kind, field) {
                continue;
            }
            for party in ids {
                if !before.is_some_and(|before| partners(before).any(|(_, other)| other == party)) {
                    self.0.entry(party.clone()).or_default().insert(key.clone());
                }
            }
        }
    }
}

impl Book {
    /// The records that name a party or body now, or did so once.
    pub(crate) fn naming(&self, party: &Id) -> impl Iterator<Item = &Key> {
        self.spine.naming.0.get(party).into_iter().flatten()
    }
}

/// The parties and bodies that a record names, each with the field that names it.
pub(crate) fn partners(record: &Record) -> impl Iterator<Item = (&'static str, &Id)> {
    named(record).into_iter().flat_map(|(field, ids)| ids.iter().map(move |id| (field, id)))
}

fn named(record: &Record) -> [(&'static str, &[Id]); 2] {
    match record {
        Record::Agenda(agenda) => [("owner", agenda.owner.as_slice()), NOBODY],
        Record::Action(action) => [("partners", action.partners.as_deref().unwrap_or_default()), NOBODY],
        Record::Amount(amount) => [("source", amount.source.as_slice()), NOBODY],
        Record::Agreement(agreement) => [("parties", agreement.parties.as_deref().unwrap_or_default()), NOBODY],
        Record::Membership(seat) => [("body", slice::from_ref(&seat.body)), ("party", seat.party.as_slice())],
        Record::Assignment(assignment) => [("holder", assignment.holder.as_slice()), NOBODY],
        _ => [NOBODY; 2],
    }
}

const NOBODY: (&str, &[Id]) = ("", &[]);
