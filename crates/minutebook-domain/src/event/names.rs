//! The names of events, as the wire and people know them.

use super::{DeedStep, ItemEvent, ItemStep, Payload, ReviewEvent, ReviewStep};
use crate::ids::Kind;

/// Declares the names of the events that are more than the statement of a record, and lists them.
macro_rules! names {
    ($($pattern:pat => $name:literal,)*) => {
        /// The names of these events.
        const NAMES: &[&str] = &[$($name),*];

        impl Payload {
            /// The name of the event, as the wire and people know it.
            pub fn name(&self) -> &'static str {
                match self {
                    Self::Stated(statement) => statement_name(statement.record.kind(), statement.fields.is_none()),
                    Self::Deed(deed) => deed_name(deed.key.kind, &deed.step),
                    $($pattern => $name,)*
                }
            }
        }
    };
}

names! {
    Self::LedgerFounded(_) => "LedgerFounded",
    Self::KeyRotated(_) => "KeyRotated",
    Self::ReviewOpened(_) => "ReviewOpened",
    Self::DispositionProposed(_) => "DispositionProposed",
    Self::AmendedAtAdoption(_) => "AmendedAtAdoption",
    Self::Review(ReviewEvent { step: ReviewStep::Withdrawn(_), .. }) => "DispositionWithdrawn",
    Self::Review(ReviewEvent { step: ReviewStep::Selected(_), .. }) => "DispositionSelected",
    Self::Review(ReviewEvent { step: ReviewStep::RestKept, .. }) => "RestKept",
    Self::Review(ReviewEvent { step: ReviewStep::Abandoned, .. }) => "ReviewAbandoned",
    Self::Item(ItemEvent { step: ItemStep::Added(_), .. }) => "ItemAdded",
    Self::Item(ItemEvent { step: ItemStep::Changed(..), .. }) => "ItemChanged",
    Self::Item(ItemEvent { step: ItemStep::Dropped(..), .. }) => "ItemDropped",
    Self::Item(ItemEvent { step: ItemStep::Suspended(..), .. }) => "ItemSuspended",
    Self::Item(ItemEvent { step: ItemStep::Reinstated(..), .. }) => "ItemReinstated",
    Self::Item(ItemEvent { step: ItemStep::Split(..), .. }) => "ItemSplit",
    Self::Item(ItemEvent { step: ItemStep::Merged(..), .. }) => "ItemMerged",
    Self::ContentsListed(_) => "ContentsListed",
    Self::RevisionSealed(_) => "RevisionSealed",
    Self::ErratumRecorded(_) => "ErratumRecorded",
    Self::DoubtResolved(_) => "DoubtResolved",
}

/// The name of every event, each once.
pub fn names() -> impl Iterator<Item = &'static str> {
    let stated = Kind::ALL.into_iter().flat_map(|kind| {
        let (first, again) = (statement_name(kind, true), statement_name(kind, false));
        [first, again].into_iter().take(if first == again { 1 } else { 2 })
    });
    NAMES.iter().chain(DEEDS).copied().chain(stated.filter(|name| *name != NEVER))
}

/// Events that name the record that they are about and leave unsaid how it reads: that is in an event before them.
const UNSTATED: [&str; 21] = [
    "ItemDropped",
    "ItemSuspended",
    "ItemSplit",
    "ItemMerged",
    "DispositionWithdrawn",
    "DispositionSelected",
    "PartyMerged",
    "PartyEnded",
    "BodyDissolved",
    "MandateWithdrawn",
    "MembershipEnded",
    "DecisionSuperseded",
    "DecisionRevoked",
    "MotionSettled",
    "RoleEnded",
    "AgreementSigned",
    "AgreementTookEffect",
    "AgreementEnded",
    "AmountEnded",
    "MilestoneMet",
    "MilestoneMissed",
];

/// Does an event of this name leave unsaid how the record reads that it is about?
pub fn leaves_unstated(name: &str) -> bool {
    UNSTATED.contains(&name)
}

/// The name of what is never recorded.
const NEVER: &str = "Stated";

fn statement_name(kind: Kind, first: bool) -> &'static str {
    match (kind, first) {
        (Kind::Source, true) => "SourceRegistered",
        (Kind::Source, false) => "SourceChanged",
        (Kind::Agenda, true) => "AgendaOpened",
        (Kind::Agenda, false) => "AgendaChanged",
        (Kind::Framework, true) => "FrameworkRegistered",
        (Kind::Framework, false) => "FrameworkChanged",
        (Kind::Body, true) => "BodyEstablished",
        (Kind::Body, false) => "BodyChanged",
        (Kind::Mandate, true) => "MandateGranted",
        (Kind::Mandate, false) => "MandateChanged",
        (Kind::Party, true) => "PartyRegistered",
        (Kind::Party, false) => "PartyChanged",
        (Kind::Role, true) => "RoleWordDefined",
        (Kind::Role, false) => "RoleWordChanged",
        (Kind::Amount, true) => "AmountRecorded",
        (Kind::Amount, false) => "AmountChanged",
        (Kind::Agreement, _) => "AgreementStated",
        (Kind::Decision, _) => "DecisionRecorded",
        (Kind::Motion, _) => "MotionRecorded",
        (Kind::Consultation, _) => "ConsultationRecorded",
        (Kind::Milestone, _) => "MilestoneSet",
        (Kind::Step, _) => "CalendarStepPlanned",
        (Kind::Explanation, _) => "ExplanationWritten",
        (Kind::Remark, _) => "RemarkRecorded",
        (Kind::Membership, _) => "MembershipStarted",
        (Kind::Assignment, _) => "RoleAssigned",
        // INVARIANT: items, editions and changes have events of their own and are never merely stated.
        (Kind::Edition | Kind::Theme | Kind::Subtask | Kind::PolicyItem | Kind::Action | Kind::Change, _) => NEVER,
    }
}

/// Declares the names of what is done with records, by the kind of record, and lists them.
macro_rules! deeds {
    ($($kind:ident $step:pat => $name:literal,)*) => {
        /// The names of these events.
        const DEEDS: &[&str] = &[$($name),*];

        fn deed_name(kind: Kind, step: &DeedStep) -> &'static str {
            match (kind, step) {
                $((Kind::$kind, $step) => $name,)*
                // INVARIANT: nothing else is done with a record.
                _ => NEVER,
            }
        }
    };
}

deeds! {
    Party DeedStep::Merged(_) => "PartyMerged",
    Party DeedStep::Ended(_) => "PartyEnded",
    Body DeedStep::Ended(_) => "BodyDissolved",
    Mandate DeedStep::Ended(_) => "MandateWithdrawn",
    Membership DeedStep::Ended(_) => "MembershipEnded",
    Decision DeedStep::Superseded(_) => "DecisionSuperseded",
    Decision DeedStep::Ended(_) => "DecisionRevoked",
    Motion DeedStep::Amended(..) => "MotionLinked",
    Motion DeedStep::Settled(_) => "MotionSettled",
    Assignment DeedStep::Ended(_) => "RoleEnded",
    Agreement DeedStep::Proposed(..) => "AgreementProposed",
    Agreement DeedStep::Signed(..) => "AgreementSigned",
    Agreement DeedStep::TookEffect => "AgreementTookEffect",
    Agreement DeedStep::Amended(..) => "AgreementAmended",
    Agreement DeedStep::Ended(_) => "AgreementEnded",
    Amount DeedStep::Ended(_) => "AmountEnded",
    Milestone DeedStep::Met(_) => "MilestoneMet",
    Milestone DeedStep::Amended(..) => "MilestoneMoved",
    Milestone DeedStep::Missed => "MilestoneMissed",
}
