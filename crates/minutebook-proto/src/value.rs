//! The values that fields of records hold.

use std::sync::Arc;

use minutebook_domain::dates::{DateFault, Edtf};
use minutebook_domain::event::Citation;
use minutebook_domain::ids::{Id, Key, Kind, RequestId};
use minutebook_domain::value::{
    Attachment, ChangeKind, Cofinancing, Confidence, Disposition, Eur, Fault, Horizon, LIST_MAX, Name, Per, Period,
    Scalar, Sha256, Text,
};

use crate::pb;
use crate::violation::Violations;
use crate::wire::{Slot, Wire, list_slots, message_slots, messages, missing, scalar_slots, words};

scalar_slots! { Id, RequestId, Name, Text, Eur, Sha256, u32, u64, i32, bool }
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
        Agreement, Decision, Motion, Consultation, Milestone, Step, Explanation, Remark, Change,
    }
}

messages! {
    Period as Period { from, to }
    Cofinancing as Cofinancing { share, base }
    Attachment as Attachment { title, sha256 }
    Citation as Citation { source, lines, quote, confidence }
}

macro_rules! copied {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            type Pb = Self;

            fn to_pb(&self) -> Self {
                *self
            }

            fn from_pb(pb: Self) -> Result<Self, Violations> {
                Ok(pb)
            }
        }
    )*};
}

copied! { u32, u64, i32, bool }

impl Wire for Id {
    type Pb = String;

    fn to_pb(&self) -> String {
        self.as_str().to_owned()
    }

    fn from_pb(pb: String) -> Result<Self, Violations> {
        match Self::any(&pb) {
            Some(id) => Ok(id),
            None if pb.is_empty() => Err(missing()),
            None => Err(Violations::of(Fault::Id(pb))),
        }
    }
}

impl Wire for RequestId {
    type Pb = String;

    fn to_pb(&self) -> String {
        self.as_str().to_owned()
    }

    fn from_pb(pb: String) -> Result<Self, Violations> {
        let form = "should be 1 to 64 printable ASCII characters without spaces, for example a UUID";
        Self::new(&pb).ok_or_else(|| Violations::of(form))
    }
}

macro_rules! texts {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            type Pb = String;

            fn to_pb(&self) -> String {
                self.as_str().to_owned()
            }

            fn from_pb(pb: String) -> Result<Self, Violations> {
                Self::new(&pb).map_err(Violations::of)
            }
        }
    )*};
}

texts! { Name, Text }

impl Wire for Eur {
    type Pb = u64;

    fn to_pb(&self) -> u64 {
        self.euros()
    }

    fn from_pb(pb: u64) -> Result<Self, Violations> {
        Self::new(pb).map_err(Violations::of)
    }
}

impl Wire for Sha256 {
    type Pb = Vec<u8>;

    fn to_pb(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_pb(pb: Vec<u8>) -> Result<Self, Violations> {
        pb.try_into().map(Self).map_err(|_| Violations::of("should be a SHA-256: 32 bytes"))
    }
}

impl Wire for Edtf {
    type Pb = pb::Date;

    fn to_pb(&self) -> pb::Date {
        let year = self.as_str().parse().ok().filter(|_| self.is_number());
        let date = year.map_or_else(|| pb::date::Date::Edtf(self.as_str().to_owned()), pb::date::Date::Year);
        pb::Date { date: Some(date) }
    }

    fn from_pb(pb: pb::Date) -> Result<Self, Violations> {
        let refused = |written: String, fault: DateFault| Violations::of(Fault::Date(written, fault));
        match pb.date.ok_or_else(missing)? {
            pb::date::Date::Year(year) => Self::year(year.into()).map_err(|fault| refused(year.to_string(), fault)),
            pb::date::Date::Edtf(text) => Self::new(&text).map_err(|fault| refused(text, fault)),
        }
    }
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
        match pb.scalar.ok_or_else(missing)? {
            pb::scalar::Scalar::Text(text) => Text::from_pb(text).map(Self::Text),
            pb::scalar::Scalar::Number(number) => match number.parse::<serde_json::Number>() {
                Ok(number) => Ok(Self::Number(number.to_string().into())),
                Err(_) => Err(Violations::of(format_args!("`{number}` is not a number"))),
            },
        }
    }
}

impl Wire for Key {
    type Pb = pb::RecordKey;

    fn to_pb(&self) -> pb::RecordKey {
        pb::RecordKey { kind: self.kind.to_slot(), within: self.within.to_string(), id: self.id.to_pb() }
    }

    fn from_pb(pb: pb::RecordKey) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let kind = violations.keep("kind", Kind::from_slot(pb.kind));
        let within = violations.keep("within", within(&pb.within));
        let id = violations.keep("id", Id::from_pb(pb.id));
        match (kind, within, id) {
            (Some(kind), Some(within), Some(id)) => Ok(Self { kind, within, id }),
            _ => Err(violations),
        }
    }
}

/// What an id is counted in: nothing, an agenda, or an agenda and an edition.
///
/// A record stated outside a review has an address without an edition (`agenda/`).
fn within(text: &str) -> Result<Arc<str>, Violations> {
    let ids = text.split('/');
    if ids.clone().count() <= 2 && ids.filter(|id| !id.is_empty()).all(|id| Id::any(id).is_some()) {
        Ok(text.into())
    } else {
        Err(Violations::of(format_args!("`{text}` is not `agenda` or `agenda/edition`")))
    }
}
