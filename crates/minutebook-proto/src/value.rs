//! The values that fields of records hold.

use minutebook_domain::dates::{DateFault, Edtf};
use minutebook_domain::event::Citation;
use minutebook_domain::ids::{Id, Key, Kind, RequestId};
use minutebook_domain::value::{
    Attachment, ChangeKind, Cofinancing, Confidence, Disposition, Eur, Fault, Horizon, LIST_MAX, Name, Per, Period,
    Scalar, Sha256, Text,
};

use prost::Message as _;

use crate::encoded::{Encoded, Message};
use crate::pb;
use crate::violation::{Violations, WireFault};
use crate::wire::{FromEncoded, Slot, Wire, list_slots, message_slots, messages, missing, scalar_slots, words};

scalar_slots! {
    Encoded::Bytes(&[]) => Id, RequestId, Name, Text, Sha256;
    Encoded::Number(0) => Eur, u32, u64, i32, bool;
}
message_slots! { Edtf, Scalar, Period, Cofinancing, Citation, Key }
list_slots! { Id => IdList.ids, Name => TextList.texts, Text => TextList.texts, Attachment => AttachmentList.attachments }

words! {
    Confidence { Certain, Probable, Ambiguous }
    Horizon { Short, Medium }
    Per { Year, Once }
    Disposition { Completed, Discontinued, HandedOver, Absorbed }
    ChangeKind { Added, Dropped, Changed, Split, Merged, Suspended, Reinstated }
    Kind {
        Source, Agenda, Framework, Body, Mandate, Party, Role, Edition, Theme, Subtask, PolicyItem, Action, Amount,
        Agreement, Decision, Motion, Consultation, Milestone, Step, Explanation, Remark, Change, Membership, Assignment,
    }
}

messages! {
    Period as Period { from, to }
    Cofinancing as Cofinancing { share, base }
    Attachment as Attachment { title, sha256 }
    Citation as Citation { source, lines, quote, confidence }
}

/// Numbers and truth values stand as they are.
macro_rules! numbers {
    ($($type:ty: $read:expr),* $(,)?) => {$(
        impl Wire for $type {
            type Pb = Self;

            fn to_pb(&self) -> Self {
                *self
            }

            fn from_pb(pb: Self) -> Result<Self, Violations> {
                Ok(pb)
            }
        }

        impl FromEncoded for $type {
            fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
                let number = value.number()?;
                $read(number).ok_or_else(|| Violations::of(WireFault::Word { number: number.to_string() }))
            }
        }
    )*};
}

numbers! {
    u32: |number| u32::try_from(number).ok(),
    u64: Some,
    bool: |number| (number <= 1).then_some(number == 1),
    // Written as `sint32`: 0, -1, 1, -2, ... have the numbers 0, 1, 2, 3, ...
    i32: |number: u64| i32::try_from(number >> 1).ok().map(|half| if number & 1 == 0 { half } else { !half }),
}

/// Texts are checked by their own constructors.
macro_rules! texts {
    ($($type:ty: $read:expr),* $(,)?) => {$(
        impl Wire for $type {
            type Pb = String;

            fn to_pb(&self) -> String {
                self.as_str().to_owned()
            }

            fn from_pb(pb: String) -> Result<Self, Violations> {
                Self::from_encoded(Encoded::Bytes(pb.as_bytes()))
            }
        }

        impl FromEncoded for $type {
            fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
                value.text().and_then($read)
            }
        }
    )*};
}

texts! {
    Id: id,
    RequestId: |text| Self::new(text).ok_or_else(|| Violations::of(WireFault::RequestId {})),
    Name: |text| Self::new(text).map_err(Violations::of),
    Text: |text| Self::new(text).map_err(Violations::of),
}

fn id(text: &str) -> Result<Id, Violations> {
    let fault = || {
        if text.is_empty() { Fault::Missing {} } else { Fault::Id { text: text.to_owned() } }
    };
    Id::any(text).ok_or_else(|| Violations::of(fault()))
}

impl Wire for Eur {
    type Pb = u64;

    fn to_pb(&self) -> u64 {
        self.euros()
    }

    fn from_pb(pb: u64) -> Result<Self, Violations> {
        Self::new(pb).map_err(Violations::of)
    }
}

impl FromEncoded for Eur {
    fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
        Self::from_pb(value.number()?)
    }
}

impl Wire for Sha256 {
    type Pb = Vec<u8>;

    fn to_pb(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_pb(pb: Vec<u8>) -> Result<Self, Violations> {
        Self::from_encoded(Encoded::Bytes(&pb))
    }
}

impl FromEncoded for Sha256 {
    fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
        let bytes = value.bytes()?.try_into();
        bytes.map(Self).map_err(|_| Violations::of(WireFault::Sha256 {}))
    }
}

/// A message of which one field is set, read by its number and value.
macro_rules! one_of {
    ($($type:ident: $read:ident),* $(,)?) => {$(
        impl FromEncoded for $type {
            fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
                let message = Message::<3>::read(value.bytes()?)?;
                $read(message.get(1), message.get(2))
            }
        }
    )*};
}

one_of! { Edtf: edtf, Scalar: scalar }

impl Wire for Edtf {
    type Pb = pb::Date;

    fn to_pb(&self) -> pb::Date {
        let year = self.as_str().parse().ok().filter(|_| self.is_number());
        let date = year.map_or_else(|| pb::date::Date::Edtf(self.as_str().to_owned()), pb::date::Date::Year);
        pb::Date { date: Some(date) }
    }

    fn from_pb(pb: pb::Date) -> Result<Self, Violations> {
        Self::from_encoded(Encoded::Bytes(&pb.encode_to_vec()))
    }
}

fn edtf(year: Option<Encoded<'_>>, text: Option<Encoded<'_>>) -> Result<Edtf, Violations> {
    let refused = |text: String, fault: DateFault| Violations::of(Fault::Date { text, fault });
    if let Some(text) = text {
        let text = text.text()?;
        return Edtf::new(text).map_err(|fault| refused(text.to_owned(), fault));
    }
    let year = year.ok_or_else(missing)?.number()?;
    // A negative year has a number beyond any year.
    Edtf::year(i64::try_from(year).unwrap_or(i64::MIN)).map_err(|fault| refused(year.to_string(), fault))
}

impl Wire for Scalar {
    type Pb = pb::Scalar;

    fn to_pb(&self) -> pb::Scalar {
        let scalar = match self {
            Self::Number(number) => pb::scalar::Scalar::Number(number.to_string()),
            Self::Text(text) => pb::scalar::Scalar::Text(text.to_pb()),
        };
        pb::Scalar { scalar: Some(scalar) }
    }

    fn from_pb(pb: pb::Scalar) -> Result<Self, Violations> {
        Self::from_encoded(Encoded::Bytes(&pb.encode_to_vec()))
    }
}

fn scalar(number: Option<Encoded<'_>>, text: Option<Encoded<'_>>) -> Result<Scalar, Violations> {
    if let Some(text) = text {
        return Text::from_encoded(text).map(Scalar::Text);
    }
    let number = number.ok_or_else(missing)?.text()?;
    match number.parse::<serde_json::Number>() {
        Ok(number) => Ok(Scalar::Number(number.to_string().into())),
        Err(_) => Err(Violations::of(WireFault::Number { text: number.to_owned() })),
    }
}

impl Wire for Key {
    type Pb = pb::RecordKey;

    fn to_pb(&self) -> pb::RecordKey {
        pb::RecordKey { kind: self.kind.to_slot(), within: self.within.to_string(), id: self.id.to_pb() }
    }

    fn from_pb(pb: pb::RecordKey) -> Result<Self, Violations> {
        Self::from_encoded(Encoded::Bytes(&pb.encode_to_vec()))
    }
}

impl FromEncoded for Key {
    fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
        let message = Message::<4>::read(value.bytes()?)?;
        let mut violations = Violations::default();
        let kind = violations.keep("kind", Kind::slot_from_encoded(message.get(1)));
        let within = violations.keep("within", within(message.get(2)));
        let id = violations.keep("id", Id::slot_from_encoded(message.get(3)));
        match (kind, within, id) {
            (Some(kind), Some(within), Some(id)) => Ok(Self { kind, within: within.into(), id }),
            _ => Err(violations),
        }
    }
}

/// What an id is counted in: nothing, an agenda, or an agenda and an edition.
///
/// A record stated outside a review has an address without an edition (`agenda/`).
fn within(value: Option<Encoded<'_>>) -> Result<&str, Violations> {
    let text = value.map_or(Ok(""), Encoded::text)?;
    let ids = text.split('/');
    if ids.clone().count() <= 2 && ids.filter(|id| !id.is_empty()).all(|id| Id::any(id).is_some()) {
        Ok(text)
    } else {
        Err(Violations::of(WireFault::Within { text: text.to_owned() }))
    }
}
