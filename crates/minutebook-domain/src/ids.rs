//! Names and addresses: identifiers, positions and keys that cannot hold nonsense.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::message::Lang;

/// The place of an event in the ledger: 0, 1, 2, … without gaps.
pub type Position = u64;

/// The longest identifier, in bytes.
pub const ID_MAX: usize = 64;

/// The identifier of a record: kebab-case ASCII (`gemeente-emmen`, `2016-2017`) or, for an explanation, a section
/// number (`3.1`). At most [`ID_MAX`] bytes.
///
/// Nearly all ids are short enough to stand where the `Id` stands, so that making, copying and comparing them, which
/// replaying does all the time, follows no pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id(SmolStr);

impl Id {
    /// Checks and keeps a kebab-case identifier: words of `a-z` and `0-9`, joined by single hyphens.
    pub fn new(text: &str) -> Option<Self> {
        (is_joined(text, b'-', &LETTERS) && text.len() <= ID_MAX).then(|| Self(text.into()))
    }

    /// Checks and keeps a section number: digits joined by full stops, such as `3.10`.
    pub fn section(text: &str) -> Option<Self> {
        (is_joined(text, b'.', &DIGITS) && text.len() <= ID_MAX).then(|| Self(text.into()))
    }

    /// A kebab-case identifier or a section number.
    pub fn any(text: &str) -> Option<Self> {
        Self::new(text).or_else(|| Self::section(text))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which bytes the words of a kebab-case identifier are made of.
const LETTERS: [bool; 256] = digits_and(true);
/// Which bytes the parts of a section number are made of.
const DIGITS: [bool; 256] = digits_and(false);

const fn digits_and(lowercase: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let (mut byte, mut rest) = (0_u8, table.as_mut_slice());
    while let Some((is_letter, others)) = rest.split_first_mut() {
        *is_letter = byte.is_ascii_digit() || lowercase && byte.is_ascii_lowercase();
        (byte, rest) = (byte.wrapping_add(1), others);
    }
    table
}

/// Is the text made of words of these letters, none of them empty, with one joint between them? Every id of every
/// event that is read back is asked this, so it looks each byte up once.
fn is_joined(text: &str, joint: u8, letters: &[bool; 256]) -> bool {
    let mut in_word = false;
    for byte in text.bytes() {
        let letter = letters.get(usize::from(byte)).is_some_and(|letter| *letter);
        if !(letter || in_word && byte == joint) {
            return false;
        }
        in_word = letter;
    }
    in_word
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What a client calls its write, so that a retry is recognised: 1 to 64 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Checks and keeps a request id.
    pub fn new(text: &str) -> Option<Self> {
        let good = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        good.then(|| Self(text.into()))
    }

    /// The request id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kinds of records, named as the sections of an agenda document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A document that statements are read from.
    Source,
    /// The lasting series of editions.
    Agenda,
    /// A policy, programme or scheme that frames an agenda.
    Framework,
    /// Who can decide.
    Body,
    /// What a body may decide.
    Mandate,
    /// A partner.
    Party,
    /// A word of the role vocabulary.
    Role,
    /// One adopted state of an agenda.
    Edition,
    /// A priority theme.
    Theme,
    /// A sub-task of a theme.
    Subtask,
    /// One medium-term cell.
    PolicyItem,
    /// One short-term action.
    Action,
    /// A sum of money, or a part of one.
    Amount,
    /// What parties agreed, as stated.
    Agreement,
    /// A decision of a body.
    Decision,
    /// A motion.
    Motion,
    /// Who was asked for input.
    Consultation,
    /// Something due.
    Milestone,
    /// A step of the yearly cycle.
    Step,
    /// A section that explains actions.
    Explanation,
    /// What has no place of its own.
    Remark,
    /// Why an edition differs from the one before it.
    Change,
    /// Who sits in a body, in which capacity.
    Membership,
    /// A role that somebody has in an item, stated apart from the edition.
    Assignment,
}

impl Kind {
    /// Every kind, in the order in which a document states its sections; what documents do not state comes last.
    pub const ALL: [Self; 24] = [
        Self::Source,
        Self::Agenda,
        Self::Framework,
        Self::Edition,
        Self::Body,
        Self::Mandate,
        Self::Party,
        Self::Role,
        Self::Theme,
        Self::Subtask,
        Self::PolicyItem,
        Self::Action,
        Self::Amount,
        Self::Agreement,
        Self::Decision,
        Self::Motion,
        Self::Consultation,
        Self::Milestone,
        Self::Step,
        Self::Explanation,
        Self::Remark,
        Self::Change,
        Self::Membership,
        Self::Assignment,
    ];

    /// The singular name, as commands and answers write it (`policy_item`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Agenda => "agenda",
            Self::Framework => "framework",
            Self::Body => "body",
            Self::Mandate => "mandate",
            Self::Party => "party",
            Self::Role => "role",
            Self::Edition => "edition",
            Self::Theme => "theme",
            Self::Subtask => "subtask",
            Self::PolicyItem => "policy_item",
            Self::Action => "action",
            Self::Amount => "amount",
            Self::Agreement => "agreement",
            Self::Decision => "decision",
            Self::Motion => "motion",
            Self::Consultation => "consultation",
            Self::Milestone => "milestone",
            Self::Step => "step",
            Self::Explanation => "explanation",
            Self::Remark => "remark",
            Self::Change => "change",
            Self::Membership => "membership",
            Self::Assignment => "assignment",
        }
    }

    /// The key of the section that holds records of this kind in an agenda document.
    pub fn section(self) -> &'static str {
        match self {
            Self::Source => "sources",
            Self::Agenda => "agenda",
            Self::Framework => "frameworks",
            Self::Body => "bodies",
            Self::Mandate => "mandates",
            Self::Party => "parties",
            Self::Role => "roles",
            Self::Edition => "edition",
            Self::Theme => "themes",
            Self::Subtask => "subtasks",
            Self::PolicyItem => "policy_items",
            Self::Action => "actions",
            Self::Amount => "amounts",
            Self::Agreement => "agreements",
            Self::Decision => "decisions",
            Self::Motion => "motions",
            Self::Consultation => "consultations",
            Self::Milestone => "milestones",
            Self::Step => "process",
            Self::Explanation => "explanations",
            Self::Remark => "remarks",
            Self::Change => "changes",
            Self::Membership => "memberships",
            Self::Assignment => "assignments",
        }
    }

    /// What people call a record of this kind.
    pub fn word(self, lang: Lang) -> &'static str {
        let (nl, en) = match self {
            Self::Source => ("bron", "source"),
            Self::Agenda => ("agenda", "agenda"),
            Self::Framework => ("kader", "framework"),
            Self::Body => ("orgaan", "body"),
            Self::Mandate => ("mandaat", "mandate"),
            Self::Party => ("partij", "party"),
            Self::Role => ("rol", "role"),
            Self::Edition => ("editie", "edition"),
            Self::Theme => ("thema", "theme"),
            Self::Subtask => ("deelopgave", "sub-task"),
            Self::PolicyItem => ("beleidsopgave", "policy item"),
            Self::Action => ("actie", "action"),
            Self::Amount => ("bedrag", "amount"),
            Self::Agreement => ("afspraak", "agreement"),
            Self::Decision => ("besluit", "decision"),
            Self::Motion => ("motie", "motion"),
            Self::Consultation => ("overleg", "consultation"),
            Self::Milestone => ("mijlpaal", "milestone"),
            Self::Step => ("stap", "step"),
            Self::Explanation => ("toelichting", "explanation"),
            Self::Remark => ("opmerking", "remark"),
            Self::Change => ("wijziging", "change"),
            Self::Membership => ("lidmaatschap", "membership"),
            Self::Assignment => ("roltoewijzing", "role assignment"),
        };
        match lang {
            Lang::Nl => nl,
            Lang::En => en,
        }
    }

    /// The kind of that singular name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// A register holds for the whole ledger: leaving a record out of a document changes nothing.
    pub fn is_register(self) -> bool {
        matches!(
            self,
            Self::Source
                | Self::Agenda
                | Self::Framework
                | Self::Body
                | Self::Mandate
                | Self::Party
                | Self::Role
                | Self::Membership
        )
    }

    /// Documents have a section for it; what is not in documents is recorded by commands only.
    pub fn is_in_documents(self) -> bool {
        !matches!(self, Self::Membership | Self::Assignment)
    }

    /// A decision, motion or agreement may serve several agendas.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::Decision | Self::Motion | Self::Agreement)
    }

    /// An item stands on an agenda and leaves it only by a decision.
    pub fn is_item(self) -> bool {
        matches!(self, Self::Theme | Self::Subtask | Self::PolicyItem | Self::Action)
    }
}

/// The word in English; in the alternate form (`{:#}`) in Dutch. Programs are given [`Kind::name`].
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word(Lang::of(f)))
    }
}

/// The address of a record in the book. Ids are unique in their section over the whole ledger, except where a
/// section starts anew with each agenda (explanations) or each edition (changes, steps): there `within` says whose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// What kind of record.
    pub kind: Kind,
    /// The agenda, or the agenda and edition, that the id is counted in; empty for ledger-wide ids.
    pub within: SmolStr,
    /// The record's id.
    pub id: Id,
}

impl Key {
    /// The key of a record whose id is unique in the ledger.
    pub fn new(kind: Kind, id: &Id) -> Self {
        Self { kind, within: SmolStr::default(), id: id.clone() }
    }

    /// The address by names that never change, for programs and digests.
    pub fn path(&self) -> String {
        format!("{} {}", self.kind.name(), self.place())
    }

    /// The id, after what it is counted in.
    fn place(&self) -> String {
        let slash = if self.within.is_empty() { "" } else { "/" };
        format!("{}{slash}{}", self.within, self.id)
    }
}

/// By what tells most keys apart.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.id.hash(state);
    }
}

/// The address as people read it: in English, in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(Lang::of(f)), self.place())
    }
}
