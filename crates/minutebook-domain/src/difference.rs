//! How one revision of an agenda reads after another, by what their documents state and by nothing else: whoever has
//! the documents can work it out again. What was recorded apart from the editions, or after them, does not count here.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use crate::changes::{CarriedOver, Changes, ItemChange, Outcome};
use crate::compare::Reading;
use crate::dates::Day;
use crate::document::Document;
use crate::event::{ControlTotal, Seal};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Change, Record};
use crate::value::{ChangeKind, Disposition};
use crate::why::{Authority, Why};

/// A revision as it was sealed, with the document that the seal is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDocument {
    /// The seal.
    pub seal: Seal,
    /// Its position.
    pub position: Position,
    /// What was sealed.
    pub document: Document,
}

/// Which of the revisions of an agenda, by its place in the list, holds on a day; `None` where none had begun. The last
/// in time counts, and of one day the last that was sealed.
pub fn in_force(seals: &[(Position, &Seal)], on: Day) -> Option<usize> {
    let since =
        |(place, (position, seal)): (usize, &(Position, &Seal))| (seal.edition.effective.earliest(), *position, place);
    let begun = seals.iter().enumerate().map(since).filter(|(since, ..)| *since <= on);
    begun.max().map(|(.., place)| place)
}

/// Compares two revisions, item by item. Reasons and grounds are those that the later one states, and the ones between.
pub fn difference(before: Option<&SealedDocument>, between: &[&SealedDocument], after: &SealedDocument) -> Changes {
    let comparison = Comparison::new(before, between, after);
    let documents = before.into_iter().chain([after]);
    let mut changes = Changes {
        agenda: after.seal.agenda.clone(),
        from: before.map(|before| before.seal.name()),
        to: Some(after.seal.name()),
        position: after.position,
        invented: documents.clone().any(|sealed| sealed.document.invented),
        items: Vec::new(),
        carried_over: Vec::new(),
        corrected: Vec::new(),
        related: Vec::new(),
        findings: Vec::new(),
        control: ControlTotal::default(),
    };
    let addresses: BTreeSet<_> = comparison.old.items.keys().chain(comparison.new.items.keys()).copied().collect();
    for address in addresses {
        let moved = comparison.moved(address);
        if address.0 == Kind::Action {
            comparison.count(address, moved.as_ref(), &mut changes.control);
        }
        match moved {
            Some(Moved::Told(outcome)) => changes.items.push(comparison.told(address, outcome)),
            Some(Moved::Within) => {}
            None => changes.carried_over.push(CarriedOver { key: key(address), uncertain: false }),
        }
    }
    changes
}

/// The kind and id of an item.
type Address<'a> = (Kind, &'a Id);

fn key((kind, id): Address<'_>) -> Key {
    Key::new(kind, id)
}

/// What a document says of its items.
#[derive(Default)]
struct Items<'a> {
    items: BTreeMap<Address<'a>, &'a Record>,
    amounts: BTreeMap<&'a Id, &'a Record>,
}

impl<'a> Items<'a> {
    fn of(sealed: &'a SealedDocument) -> Self {
        let of = |wanted: fn(Kind) -> bool| sealed.document.records.iter().filter(move |record| wanted(record.kind()));
        let items = of(Kind::is_item).map(|record| ((record.kind(), record.id()), record));
        let amounts = of(|kind| kind == Kind::Amount).map(|record| (record.id(), record));
        Self { items: items.collect(), amounts: amounts.collect() }
    }

    /// An item with its amounts. One that this document names and does not state reads as the other document says.
    fn read(&self, record: &Record, other: &Self) -> Reading {
        let amount = |id: &Id| -> Result<_, Infallible> {
            let stated = self.amounts.get(id).or_else(|| other.amounts.get(id));
            Ok(stated.map(|record| Arc::new((*record).clone())))
        };
        let Ok(reading) = Reading::new(Arc::new(record.clone()), amount);
        reading
    }
}

/// An entry of the section `changes`, with the revision that states it.
#[derive(Clone, Copy)]
struct Claim<'a> {
    change: &'a Change,
    by: &'a SealedDocument,
}

/// What was last stated about each item.
fn claims<'a>(stated: impl Iterator<Item = &'a SealedDocument>) -> BTreeMap<Address<'a>, Claim<'a>> {
    let mut claims = BTreeMap::new();
    for by in stated {
        for record in by.document.of(Kind::Change) {
            let Record::Change(change) = record else { continue };
            let actions = change.from.iter().chain(&change.into).flatten().map(|id| (Kind::Action, id));
            claims.extend(change.items().chain(actions).map(|address| (address, Claim { change, by })));
        }
    }
    claims
}

/// What became of an item.
enum Moved {
    /// Something that is told.
    Told(Outcome),
    /// It came as a part of a split, or left into a merge, which is told of another action.
    Within,
}

struct Comparison<'a> {
    old: Items<'a>,
    new: Items<'a>,
    claims: BTreeMap<Address<'a>, Claim<'a>>,
    /// The actions that splits and merges name beside the one that they are told of.
    within: BTreeSet<Address<'a>>,
    after: &'a SealedDocument,
    is_first: bool,
}

impl<'a> Comparison<'a> {
    fn new(before: Option<&'a SealedDocument>, between: &[&'a SealedDocument], after: &'a SealedDocument) -> Self {
        let mut comparison = Self {
            old: before.map(Items::of).unwrap_or_default(),
            new: Items::of(after),
            claims: claims(between.iter().copied().chain([after])),
            within: BTreeSet::new(),
            after,
            is_first: before.is_none(),
        };
        let claims = comparison.claims.iter();
        let others = claims.filter_map(|(address, claim)| comparison.others(*address, claim.change)).flatten();
        comparison.within = others.map(|id| (Kind::Action, id)).collect();
        comparison
    }

    /// Where a split or merge is told of this action: the actions that it names beside it.
    fn others(&self, address: Address<'_>, change: &'a Change) -> Option<&'a Vec<Id>> {
        let (one, others, gone, there) = match change.kind {
            ChangeKind::Split => (&change.from, &change.into, &self.new, &self.old),
            ChangeKind::Merged => (&change.into, &change.from, &self.old, &self.new),
            _ => return None,
        };
        let moved = there.items.contains_key(&address) && !gone.items.contains_key(&address);
        others.as_ref().filter(|_| moved && one.as_ref().is_some_and(|ids| ids.contains(address.1)))
    }

    fn moved(&self, address: Address<'_>) -> Option<Moved> {
        let change = self.claims.get(&address).map(|claim| claim.change);
        if let (Some(before), Some(after)) = (self.old.items.get(&address), self.new.items.get(&address)) {
            let fields = self.old.read(before, &self.new).changes_to(&self.new.read(after, &self.old));
            return (!fields.is_empty()).then_some(Moved::Told(Outcome::Changed(fields)));
        }
        let came = self.new.items.contains_key(&address);
        let kind = change.map(|change| change.kind);
        let outcome = if let Some(others) = change.and_then(|change| self.others(address, change)) {
            let mut others = others.clone();
            others.sort();
            if came { Outcome::Merged(others) } else { Outcome::Split(others) }
        } else if self.within.contains(&address) {
            return Some(Moved::Within);
        } else {
            match kind {
                Some(ChangeKind::Reinstated) if came => Outcome::Reinstated(Vec::new()),
                _ if came => Outcome::Added,
                Some(ChangeKind::Suspended) => Outcome::Suspended,
                // Only what went up in an action that left as well has no disposition of its own.
                _ => Outcome::Dropped(change.and_then(|change| change.disposition).unwrap_or(Disposition::Absorbed)),
            }
        };
        Some(Moved::Told(outcome))
    }

    fn count(&self, address: Address<'_>, moved: Option<&Moved>, control: &mut ControlTotal) {
        let came = self.new.items.contains_key(&address);
        control.before += u32::from(self.old.items.contains_key(&address));
        control.after += u32::from(came);
        match moved {
            Some(Moved::Told(Outcome::Added)) => control.added += 1,
            Some(Moved::Told(Outcome::Dropped(_))) => control.dropped += 1,
            Some(Moved::Told(Outcome::Suspended)) => control.suspended += 1,
            Some(Moved::Told(Outcome::Reinstated(_))) => control.reinstated += 1,
            Some(Moved::Told(Outcome::Split(_))) => control.by_split -= 1,
            Some(Moved::Told(Outcome::Merged(_))) => control.by_merge += 1,
            Some(Moved::Within) if came => control.by_split += 1,
            Some(Moved::Within) => control.by_merge -= 1,
            Some(Moved::Told(Outcome::Changed(_) | Outcome::CameAndWent)) | None => {}
        }
    }

    fn told(&self, address: Address<'_>, outcome: Outcome) -> ItemChange {
        let record = self.new.items.get(&address).or_else(|| self.old.items.get(&address));
        ItemChange {
            key: key(address),
            label: record.map(|record| record.label()).unwrap_or_default(),
            outcome,
            why: self.why(address),
            steps: Vec::new(),
            uncertain: false,
        }
    }

    /// The ground is the decision that the entry names, else the one that adopted the revision. What differs without an
    /// entry was written otherwise between the two: only a first edition adopts what it does not list.
    fn why(&self, address: Address<'_>) -> Option<Why> {
        let claim = self.claims.get(&address);
        let by = match claim {
            Some(claim) => claim.by,
            None if self.is_first => self.after,
            None => return None,
        };
        let change = claim.map(|claim| claim.change);
        let edition = &by.seal.edition;
        let ground = change.and_then(|change| change.decision.as_ref()).unwrap_or(&edition.decision);
        let stated = change.and_then(|change| change.decided_by.as_ref());
        let adopted_by = Some(&edition.adopted_by).filter(|_| *ground == edition.decision);
        let authority = Authority {
            decision: edition.decision.clone(),
            body: Some(edition.adopted_by.clone()),
            mandate: by.seal.mandate.clone(),
        };
        Some(Why {
            reason: change.and_then(|change| change.reason.clone()),
            code: None,
            ground: Some(ground.clone()),
            body: stated.or_else(|| body(&by.document, ground)).or(adopted_by).cloned(),
            authority: Some(authority),
            effective: Some(edition.effective.clone()),
            position: by.position,
        })
    }
}

/// The body of a decision that a document states.
fn body<'a>(document: &'a Document, decision: &Id) -> Option<&'a Id> {
    document.of(Kind::Decision).find_map(|record| match record {
        Record::Decision(stated) if stated.id == *decision => Some(&stated.body),
        _ => None,
    })
}
