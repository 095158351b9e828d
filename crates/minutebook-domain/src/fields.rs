//! Sets of fields: which ones an event touched, as small as a number.

use serde::{Deserialize, Serialize};

use crate::ids::Kind;
use crate::record::Record;

/// A set of fields of one kind of record, by their place in [`Record::fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct FieldSet(u32);

impl FieldSet {
    /// Every field.
    pub const ALL: Self = Self(u32::MAX);

    /// The fields of these names; names that the kind does not have are passed over.
    pub fn named<'a>(kind: Kind, names: impl IntoIterator<Item = &'a str>) -> Self {
        let fields = Record::fields(kind);
        names.into_iter().filter_map(|name| fields.iter().position(|f| *f == name)).fold(Self(0), Self::with)
    }

    /// The fields at the places where `held` says no.
    pub(crate) fn but<const N: usize>(held: [bool; N]) -> Self {
        (0..).zip(held).filter(|(_, held)| !held).fold(Self(0), |set, (n, _)| set.with(n))
    }

    /// The names, in the order of the record.
    pub fn names(self, kind: Kind) -> impl Iterator<Item = &'static str> {
        Record::fields(kind).iter().enumerate().filter(move |(n, _)| self.has(*n)).map(|(_, name)| *name)
    }

    /// Holds it the field of that name?
    pub fn contains(self, kind: Kind, name: &str) -> bool {
        self.names(kind).any(|n| n == name)
    }

    /// No field at all?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The fields that the other does not have.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The fields of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn has(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }

    pub(crate) fn with(self, place: usize) -> Self {
        Self(self.0 | 1 << place)
    }
}
