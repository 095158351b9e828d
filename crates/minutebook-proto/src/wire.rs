//! The two sides of every conversion, declared once: a value by itself, and a value as a field of a message.
//!
//! The distinction is protobuf's: a message in a field may be absent even where the domain needs it, and a word of a
//! closed list is a bare number there. Domain types are read from bytes ([`Encoded`]) and only there; a message that
//! has been decoded already, as one that arrived by gRPC, is encoded again for it.

use minutebook_domain::value::Fault;

use crate::encoded::{Encoded, repeated};
use crate::violation::Violations;

/// A domain type with a message or scalar of its own.
pub(crate) trait Wire: Sized {
    /// Its form on the wire.
    type Pb;
    /// Writes it.
    fn to_pb(&self) -> Self::Pb;
    /// Reads and checks it.
    fn from_pb(pb: Self::Pb) -> Result<Self, Violations>;
}

/// A domain type that is read in place.
pub(crate) trait FromEncoded: Sized {
    /// Reads and checks it.
    fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations>;
}

/// A domain type that fields of messages hold, required or optional.
pub(crate) trait Slot: Sized {
    /// The type of the field.
    type Pb;
    /// Writes the field.
    fn to_slot(&self) -> Self::Pb;
    /// Reads and checks the field.
    fn from_slot(pb: Self::Pb) -> Result<Self, Violations>;
    /// Reads and checks the field in place; `None` where it is absent.
    fn slot_from_encoded(value: Option<Encoded<'_>>) -> Result<Self, Violations>;
}

/// Reads a message that must be there.
pub(crate) fn required<T: Wire>(pb: Option<T::Pb>) -> Result<T, Violations> {
    pb.ok_or_else(missing).and_then(T::from_pb)
}

/// Reads the entries of a list; a bad one is named by its place, from 0.
pub(crate) fn list<T: Wire>(entries: Vec<T::Pb>) -> Result<Vec<T>, Violations> {
    entries_of(entries, T::from_pb)
}

/// Reads the occurrences of a repeated field in place; a bad one is named by its place, from 0.
pub(crate) fn list_from_encoded<T: FromEncoded>(message: &[u8], number: u64) -> Result<Vec<T>, Violations> {
    entries_of(repeated(message, number), |entry| T::from_encoded(entry?))
}

fn entries_of<E, T>(
    entries: impl IntoIterator<Item = E>,
    read: impl Fn(E) -> Result<T, Violations>,
) -> Result<Vec<T>, Violations> {
    let mut violations = Violations::default();
    let mut list = Vec::new();
    for (n, entry) in entries.into_iter().enumerate() {
        match read(entry) {
            Ok(entry) => list.push(entry),
            Err(bad) => violations.0.extend(bad.within(&format!("[{n}]")).0),
        }
    }
    if violations.0.is_empty() { Ok(list) } else { Err(violations) }
}

/// Writes the entries of a list.
pub(crate) fn to_list<T: Wire>(entries: &[T]) -> Vec<T::Pb> {
    entries.iter().map(Wire::to_pb).collect()
}

/// The violation of a field that must be there and is not.
pub(crate) fn missing() -> Violations {
    Violations::of(Fault::Missing {})
}

/// Scalars: in a field they look as they do alone, and an optional one is an option. One that is absent but not
/// optional has protobuf's value for "not set", which stands first.
macro_rules! scalar_slots {
    ($($absent:expr => $($type:ty),+;)*) => {$($(
        impl Slot for $type {
            type Pb = <$type as Wire>::Pb;

            fn to_slot(&self) -> Self::Pb {
                self.to_pb()
            }

            fn from_slot(pb: Self::Pb) -> Result<Self, Violations> {
                Self::from_pb(pb)
            }

            fn slot_from_encoded(value: Option<Encoded<'_>>) -> Result<Self, Violations> {
                Self::from_encoded(value.unwrap_or($absent))
            }
        }

        $crate::wire::optional_slot! { $type }
    )*)*};
}

/// Messages: in a field they are always an option, and a required one may be missing.
macro_rules! message_slots {
    ($($type:ty),* $(,)?) => {$(
        impl Slot for $type {
            type Pb = Option<<$type as Wire>::Pb>;

            fn to_slot(&self) -> Self::Pb {
                Some(self.to_pb())
            }

            fn from_slot(pb: Self::Pb) -> Result<Self, Violations> {
                $crate::wire::required(pb)
            }

            fn slot_from_encoded(value: Option<Encoded<'_>>) -> Result<Self, Violations> {
                value.ok_or_else($crate::wire::missing).and_then(<$type>::from_encoded)
            }
        }

        $crate::wire::optional_slot! { $type }
    )*};
}

/// What scalars and messages have in common where they are optional.
macro_rules! optional_slot {
    ($type:ty) => {
        impl Slot for Option<$type> {
            type Pb = Option<<$type as Wire>::Pb>;

            fn to_slot(&self) -> Self::Pb {
                self.as_ref().map(Wire::to_pb)
            }

            fn from_slot(pb: Self::Pb) -> Result<Self, Violations> {
                pb.map(<$type>::from_pb).transpose()
            }

            fn slot_from_encoded(value: Option<Encoded<'_>>) -> Result<Self, Violations> {
                value.map(<$type>::from_encoded).transpose()
            }
        }
    };
}

/// Lists: absent and empty differ, so each stands in a message of its own, as its only field.
macro_rules! list_slots {
    ($($type:ty => $pb:ident.$field:ident),* $(,)?) => {$(
        impl Slot for Option<Vec<$type>> {
            type Pb = Option<pb::$pb>;

            fn to_slot(&self) -> Self::Pb {
                self.as_ref().map(|entries| pb::$pb { $field: $crate::wire::to_list(entries) })
            }

            fn from_slot(pb: Self::Pb) -> Result<Self, Violations> {
                let bytes = pb.map(|pb| pb.encode_to_vec());
                Self::slot_from_encoded(bytes.as_deref().map(Encoded::Bytes))
            }

            fn slot_from_encoded(value: Option<Encoded<'_>>) -> Result<Self, Violations> {
                let Some(value) = value else { return Ok(None) };
                let list = $crate::wire::list_from_encoded(value.bytes()?, 1);
                let list: Vec<_> = list.map_err(|bad| bad.within(stringify!($field)))?;
                if list.len() > LIST_MAX { Err(Violations::of(Fault::ListLength { entries: list.len() })) } else { Ok(Some(list)) }
            }
        }
    )*};
}

/// Closed lists: a number in a field, where 0 is not stated and an unknown number is refused.
macro_rules! words {
    ($($type:ident { $($word:ident),* $(,)? })*) => {$(
        impl Slot for $type {
            type Pb = i32;

            fn to_slot(&self) -> i32 {
                match self { $(Self::$word => pb::$type::$word.into(),)* }
            }

            fn from_slot(pb: i32) -> Result<Self, Violations> {
                Option::from_slot(pb)?.ok_or_else($crate::wire::missing)
            }

            fn slot_from_encoded(value: Option<Encoded<'_>>) -> Result<Self, Violations> {
                Option::slot_from_encoded(value)?.ok_or_else($crate::wire::missing)
            }
        }

        impl Slot for Option<$type> {
            type Pb = i32;

            fn to_slot(&self) -> i32 {
                self.as_ref().map_or_else(i32::default, Slot::to_slot)
            }

            fn from_slot(pb: i32) -> Result<Self, Violations> {
                match pb::$type::try_from(pb) {
                    Ok(pb::$type::Unspecified) => Ok(None),
                    $(Ok(pb::$type::$word) => Ok(Some($type::$word)),)*
                    Err(_) => Err(Violations::of($crate::violation::WireFault::Word { number: pb.to_string() })),
                }
            }

            fn slot_from_encoded(value: Option<Encoded<'_>>) -> Result<Self, Violations> {
                let number = value.map_or(Ok(0), Encoded::number)?;
                Self::from_slot(i32::try_from(number).unwrap_or(i32::MAX))
            }
        }
    )*};
}

/// Messages that have the fields of a domain type, by the same names and in the order of their numbers, from 1.
macro_rules! messages {
    ($($type:ident as $pb:ident { $($field:ident),* $(,)? })*) => {$(
        impl Wire for $type {
            type Pb = pb::$pb;

            fn to_pb(&self) -> pb::$pb {
                pb::$pb { $($field: self.$field.to_slot(),)* }
            }

            fn from_pb(pb: pb::$pb) -> Result<Self, Violations> {
                Self::from_encoded(Encoded::Bytes(&pb.encode_to_vec()))
            }
        }

        impl FromEncoded for $type {
            fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
                const COUNT: usize = [$(stringify!($field)),*].len();
                let message = Message::<{ COUNT + 1 }>::read(value.bytes()?)?;
                let mut violations = Violations::default();
                let mut number = 0;
                $(
                    number += 1;
                    let $field = violations.keep(stringify!($field), Slot::slot_from_encoded(message.get(number)));
                )*
                match ($($field,)*) {
                    ($(Some($field),)*) => Ok(Self { $($field),* }),
                    _ => Err(violations),
                }
            }
        }
    )*};
}

pub(crate) use {list_slots, message_slots, messages, optional_slot, scalar_slots, words};
