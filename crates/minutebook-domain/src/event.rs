//! What happened: one event per changed thing, as it is recorded for ever.

use std::fmt;
use std::slice;

use serde::{Deserialize, Serialize};

use crate::dates::{Edtf, Timestamp};
use crate::document::key;
use crate::ids::{Id, Key, Kind, Position, RequestId};
use crate::message::Lang;
use crate::record::{Change, Edition, FieldSet, Record};
use crate::value::{ChangeKind, Confidence, Disposition, Name, Sha256, Text};

mod names;
pub use names::{leaves_unstated, names};

/// The reason code of a fact that was recorded later than it held.
pub const RETROACTIVE: &str = "retroactive";

/// Who acts, in which capacity. No personal names: only capacities and opaque references.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// An opaque reference to the person or system.
    pub subject: Option<Text>,
    /// The capacity ("gedeputeerde Zorg").
    pub capacity: Option<Text>,
    /// The body on whose behalf.
    pub on_behalf_of: Option<Id>,
    /// How it is known.
    pub assurance: Assurance,
}

/// How the actor is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Assurance {
    /// Stated by the client, not established.
    #[default]
    Claimed,
}

/// Why something was recorded or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A kebab-case code, such as [`RETROACTIVE`].
    pub code: Option<Id>,
    /// In the words of who decided.
    pub text: Text,
}

/// Where a statement is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// The registered source.
    pub source: Id,
    /// The lines, such as `384-390`.
    pub lines: Option<Text>,
    /// The words of the source.
    pub quote: Option<Text>,
    /// How sure the reading is.
    pub confidence: Option<Confidence>,
}

/// Lines of a source: one, or the first and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// The first, from 1.
    pub first: u32,
    /// The last.
    pub last: u32,
}

impl Lines {
    /// Reads `384` or `384-390`.
    pub fn read(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0 && !text.starts_with('+'));
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(Self { first, last })
    }
}

/// An event before it has its place in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The client's name for the write that gave the event.
    pub request_id: RequestId,
    /// Who acted.
    pub actor: Actor,
    /// The decision that authorises the change, where one is needed.
    pub decision: Option<Id>,
    /// From when it holds in the world.
    pub effective: Option<Edtf>,
    /// Why.
    pub reason: Option<Reason>,
    /// Where it is stated.
    pub citations: Vec<Citation>,
    /// What happened.
    pub payload: Payload,
}

impl Draft {
    /// The event at its place in the ledger.
    pub fn record(self, position: Position, recorded_at: Timestamp) -> Recorded {
        Recorded { position, recorded_at, event: self }
    }

    /// Was it recorded later than it held?
    pub fn is_retroactive(&self) -> bool {
        let code = self.reason.as_ref().and_then(|reason| reason.code.as_ref());
        code.is_some_and(|code| code.as_str() == RETROACTIVE)
    }
}

/// An event at its place in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place.
    pub position: Position,
    /// The server's clock; never decreases from one event to the next.
    pub recorded_at: Timestamp,
    /// What happened.
    pub event: Draft,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The ledger began: always position 0, and only there.
    LedgerFounded(Founding),
    /// Another key signs the checkpoints from here on.
    KeyRotated(KeyRotation),
    /// A register or a record of an edition was stated, or stated again with other fields.
    Stated(Statement),
    /// A review of an agenda was opened, for an edition.
    ReviewOpened(ReviewOpened),
    /// A change of the agenda was proposed.
    DispositionProposed(Proposal),
    /// The adopting body decided otherwise than was proposed.
    AmendedAtAdoption(Amendment),
    /// Something else happened in a review.
    Review(ReviewEvent),
    /// An item came, changed or left.
    Item(ItemEvent),
    /// What an edition states, in the document's order: one section, or a stretch of a long one.
    ContentsListed(Contents),
    /// A revision was adopted and cannot change any more.
    RevisionSealed(Seal),
    /// Our writing was corrected.
    ErratumRecorded(Erratum),
    /// A person decided how to read a doubtful statement.
    DoubtResolved(Resolution),
    /// Something was done with a record outside the table of items.
    Deed(Deed),
}

/// How a ledger begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    /// A random id that no other ledger has.
    pub ledger: Id,
    /// What people call it.
    pub name: Name,
    /// Whose it is.
    pub organisation: Option<Name>,
    /// The IANA time zone in which its days end.
    pub zone: Name,
    /// The format of the journal.
    pub format: u32,
    /// The program that founded it.
    pub tool: Name,
    /// The public key of its checkpoints, which also names the log; a ledger without one has no checkpoints.
    pub verifier_key: Option<Name>,
}

/// A record stated outside the table of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The agenda whose document states it.
    pub agenda: Option<Id>,
    /// The edition that states it; absent outside a review.
    pub edition: Option<Id>,
    /// The whole record, as it reads from then on.
    pub record: Record,
    /// The fields that differ from before; absent the first time.
    pub fields: Option<FieldSet>,
}

/// A review was opened for an edition, or opened again from another base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewOpened {
    /// The agenda.
    pub agenda: Id,
    /// The label of the edition.
    pub edition: Id,
    /// The first year it is for.
    pub first_year: Edtf,
    /// The last year it is for.
    pub last_year: Edtf,
    /// From when it will hold.
    pub effective: Edtf,
    /// The term that it plans for.
    pub horizon: Option<Edtf>,
    /// How it will be reviewed.
    pub review: Option<Text>,
    /// 1 for the first revision of the edition.
    pub revision: u32,
    /// Made-up test data.
    pub invented: bool,
    /// The revision that it starts from.
    pub base: Option<Base>,
}

/// The revision that a review starts from, frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its edition.
    pub edition: Id,
    /// Its revision number.
    pub revision: u32,
    /// The position of its seal.
    pub position: Position,
    /// The digest of its canonical export.
    pub sha256: Sha256,
}

/// A proposed change of the agenda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The agenda.
    pub agenda: Id,
    /// The edition under review.
    pub edition: Id,
    /// What is proposed, and why.
    pub change: Change,
    /// The items as they would read: whole; of a change only the fields that it names count. Empty where the document
    /// of the whole edition states them.
    pub items: Vec<Record>,
}

/// What the adopting body decided otherwise than was proposed. The proposal stays as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendment {
    /// The agenda.
    pub agenda: Id,
    /// The edition under review.
    pub edition: Id,
    /// The proposal that it takes the place of, where there was one.
    pub amends: Option<Id>,
    /// What was decided, and why.
    pub change: Change,
    /// The items as they read by it, as in [`Proposal`].
    pub items: Vec<Record>,
}

/// Something happened in a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewEvent {
    /// The agenda.
    pub agenda: Id,
    /// The edition under review.
    pub edition: Id,
    /// What happened.
    pub step: ReviewStep,
}

/// What can happen in a review beside proposals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewStep {
    /// The proposal was taken back.
    Withdrawn(Id),
    /// The proposal was chosen among those for its item.
    Selected(Id),
    /// What nobody proposed to change stays as it is.
    RestKept,
    /// It was given up.
    Abandoned,
}

/// An item came, changed or left, by the decision of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemEvent {
    /// The agenda.
    pub agenda: Id,
    /// The edition that adopted it; absent for a late fact.
    pub edition: Option<Id>,
    /// The decision that it rests on; the event's own decision is the one that authorises it.
    pub ground: Option<Id>,
    /// What happened to the item.
    pub step: ItemStep,
}

/// What happened to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemStep {
    /// It came.
    Added(Record),
    /// It reads differently: the whole record, and the fields that differ.
    Changed(Record, FieldSet),
    /// It left.
    Dropped(Kind, Id, Disposition),
    /// It left for a while.
    Suspended(Kind, Id),
    /// It came back: the whole record, and the fields that differ from when it left.
    Reinstated(Record, FieldSet),
    /// The action left, and these took its place.
    Split(Id, Vec<Id>),
    /// These actions left, and one took their place.
    Merged(Vec<Id>, Id),
}

impl ItemStep {
    /// The item, where the step states it.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Added(record) | Self::Changed(record, _) | Self::Reinstated(record, _) => Some(record),
            Self::Dropped(..) | Self::Suspended(..) | Self::Split(..) | Self::Merged(..) => None,
        }
    }

    /// The actions that leave by a split or merge, and those that come in their place.
    pub fn lineage(&self) -> Option<(&[Id], &[Id])> {
        match self {
            Self::Split(from, into) => Some((slice::from_ref(from), into)),
            Self::Merged(from, into) => Some((from, slice::from_ref(into))),
            _ => None,
        }
    }

    /// The kind of change that it is, as documents call it.
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Added(_) => ChangeKind::Added,
            Self::Changed(..) => ChangeKind::Changed,
            Self::Dropped(..) => ChangeKind::Dropped,
            Self::Suspended(..) => ChangeKind::Suspended,
            Self::Reinstated(..) => ChangeKind::Reinstated,
            Self::Split(..) => ChangeKind::Split,
            Self::Merged(..) => ChangeKind::Merged,
        }
    }
}

/// Another key signs the checkpoints from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotation {
    /// The public key until then.
    pub previous: Name,
    /// The public key from then on.
    pub next: Name,
    /// That the one hands over to the other, signed by both.
    pub handover: Text,
}

/// A stretch of an edition's table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The agenda.
    pub agenda: Id,
    /// The edition.
    pub edition: Id,
    /// The section.
    pub kind: Kind,
    /// The ids, in the document's order; a section over [`CONTENTS_MAX`] goes on in the next event.
    pub ids: Vec<Id>,
}

/// The most ids in one [`Contents`] event, so that it stays within the size of an event.
pub const CONTENTS_MAX: usize = 500;

/// A revision was adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The agenda.
    pub agenda: Id,
    /// The edition as adopted, with the decision that adopted it and the date from which it holds.
    pub edition: Edition,
    /// 1 for the first revision of the edition.
    pub revision: u32,
    /// The mandate under which; absent where none could be established (a first edition).
    pub mandate: Option<Id>,
    /// The count of its actions.
    pub control: ControlTotal,
    /// The position of the seal before it in this agenda.
    pub previous: Option<Position>,
    /// SHA-256 of the revision's canonical export.
    pub sha256: Sha256,
}

impl Seal {
    /// `2018-2019`, or `2018-2019@2` for a later revision.
    pub fn name(&self) -> String {
        match self.revision {
            1 => self.edition.id.to_string(),
            n => format!("{}@{n}", self.edition.id),
        }
    }
}

/// The control total: actions before, what came and went, and actions after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ControlTotal {
    /// Actions before.
    pub before: u32,
    /// Came.
    pub added: u32,
    /// Left for good.
    pub dropped: u32,
    /// Parts that came by splits less the actions that were split.
    pub by_split: i32,
    /// Actions that came by merges less those that were merged: never above zero.
    pub by_merge: i32,
    /// Left for a while.
    pub suspended: u32,
    /// Came back.
    pub reinstated: u32,
    /// Actions after, counted.
    pub after: u32,
}

impl ControlTotal {
    /// What the count before and the changes come to.
    pub fn expected(&self) -> i64 {
        i64::from(self.before) + i64::from(self.added) - i64::from(self.dropped)
            + i64::from(self.by_split)
            + i64::from(self.by_merge)
            - i64::from(self.suspended)
            + i64::from(self.reinstated)
    }

    /// Do the changes explain the count?
    pub fn balances(&self) -> bool {
        self.expected() == i64::from(self.after)
    }
}

/// The sum that the count should come to, in English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for ControlTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, added, dropped, by_split, by_merge, suspended, reinstated, after: _ } = self;
        let (split, merge, away, back) = match Lang::of(f) {
            Lang::Nl => ("splitsen", "samenvoegen", "opgeschort", "terug"),
            Lang::En => ("split", "merge", "suspended", "reinstated"),
        };
        write!(f, "{before} + {added} − {dropped} {by_split:+} ({split}) {by_merge:+} ({merge})")?;
        write!(f, " − {suspended} ({away}) + {reinstated} ({back}) = {}", self.expected())
    }
}

/// A correction of our writing: it holds as far back as what it corrects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erratum {
    /// The record.
    pub key: Key,
    /// The event that wrote the field wrongly.
    pub corrects: Position,
    /// The whole record with the corrected fields.
    pub record: Record,
    /// The corrected fields.
    pub fields: FieldSet,
}

/// How a doubt was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The record that carries the doubt.
    pub key: Key,
    /// What the person decided, and why.
    pub text: Text,
    /// The whole record without the doubt.
    pub record: Record,
}

/// Something was done with a record outside the table of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The record.
    pub key: Key,
    /// What was done.
    pub step: DeedStep,
}

/// What can be done with a record outside the table of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeedStep {
    /// It was proposed, for this agenda: an agreement that its parties have still to sign.
    Proposed(Option<Id>, Record),
    /// The party signed, where it is stated by this membership.
    Signed(Id, Option<Id>),
    /// All parties had signed.
    TookEffect,
    /// It reads differently: an agreement was amended, a milestone moved, a motion linked.
    Amended(Record, FieldSet),
    /// It holds no more from the effective day on; this took its place.
    Ended(Option<Id>),
    /// It became part of this one.
    Merged(Id),
    /// The decision of the event took its place, or that of a part of it.
    Superseded(Option<Text>),
    /// It was settled, as these show.
    Settled(Vec<Key>),
    /// It was met, as these show.
    Met(Vec<Key>),
    /// It was missed.
    Missed,
}

impl DeedStep {
    /// The record, where the step states it.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Proposed(_, record) | Self::Amended(record, _) => Some(record),
            Self::Signed(..)
            | Self::TookEffect
            | Self::Ended(_)
            | Self::Merged(_)
            | Self::Superseded(_)
            | Self::Settled(_)
            | Self::Met(_)
            | Self::Missed => None,
        }
    }
}

impl Payload {
    /// The record that the event states whole, as it reads from then on, if it states one.
    pub fn record(&self) -> Option<Record> {
        match self {
            Self::Stated(statement) => Some(statement.record.clone()),
            Self::DispositionProposed(proposal) => Some(proposal.change.clone().into()),
            Self::AmendedAtAdoption(amendment) => Some(amendment.change.clone().into()),
            Self::RevisionSealed(seal) => Some(seal.edition.clone().into()),
            Self::Deed(deed) => deed.step.record().cloned(),
            Self::Item(event) => event.step.record().cloned(),
            Self::ErratumRecorded(erratum) => Some(erratum.record.clone()),
            Self::DoubtResolved(resolution) => Some(resolution.record.clone()),
            Self::LedgerFounded(_)
            | Self::KeyRotated(_)
            | Self::ReviewOpened(_)
            | Self::Review(_)
            | Self::ContentsListed(_) => None,
        }
    }

    /// The record that the event is about, if it is about one: of a split the action that left, of a merge the first.
    pub fn about(&self) -> Option<Key> {
        match self {
            Self::Stated(Statement { agenda, edition, record, .. }) => {
                Some(key(record.kind(), record.id(), agenda.as_ref(), edition.as_ref()))
            }
            Self::DispositionProposed(Proposal { agenda, edition, change, .. })
            | Self::AmendedAtAdoption(Amendment { agenda, edition, change, .. }) => {
                Some(key(Kind::Change, &change.id, Some(agenda), Some(edition)))
            }
            Self::Item(event) => match &event.step {
                ItemStep::Added(record) | ItemStep::Changed(record, _) | ItemStep::Reinstated(record, _) => {
                    Some(Key::new(record.kind(), record.id()))
                }
                ItemStep::Dropped(kind, id, _) | ItemStep::Suspended(kind, id) => Some(Key::new(*kind, id)),
                ItemStep::Split(from, _) => Some(Key::new(Kind::Action, from)),
                ItemStep::Merged(from, _) => from.first().map(|from| Key::new(Kind::Action, from)),
            },
            Self::RevisionSealed(seal) => Some(key(Kind::Edition, &seal.edition.id, Some(&seal.agenda), None)),
            Self::ErratumRecorded(erratum) => Some(erratum.key.clone()),
            Self::DoubtResolved(resolution) => Some(resolution.key.clone()),
            Self::Deed(deed) => Some(deed.key.clone()),
            Self::LedgerFounded(_)
            | Self::KeyRotated(_)
            | Self::ReviewOpened(_)
            | Self::Review(_)
            | Self::ContentsListed(_) => None,
        }
    }
}
