//! Answers about one agenda or one record: how it reads at a point in time, its history, and who last set a field.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::book::{Book, Revision};
use crate::command::CorrectField;
use crate::compare::{self, FieldChange};
use crate::corrections::end_at;
use crate::dates::Timestamp;
use crate::document::{Document, key};
use crate::event::{Actor, Citation, DeedStep, ItemEvent, ItemStep, Payload, Recorded};
use crate::history::{Act, Cut, Entry, Mark, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Record, is_compared};
use crate::value::{Disposition, Value, same_form};
use crate::why::Why;

/// An agenda at a point in time, as a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What it stated, with the items that stood on the agenda.
    pub document: Document,
    /// The revision that it comes from.
    pub revision: Revision,
    /// Depends on how an imprecise date is read.
    pub uncertain: bool,
}

/// One event in the history of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// The record: the one asked for, or an amount that belongs to it.
    pub key: Key,
    /// The name of the event.
    pub event: &'static str,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who recorded it, in which capacity.
    pub actor: Actor,
    /// Why, who decided, from when, and where in the ledger.
    pub why: Why,
    /// The fields that it set, with the value before.
    pub fields: Vec<FieldChange>,
    /// Where it is stated.
    pub citations: Vec<Citation>,
    /// The text of a settled doubt.
    pub resolution: Option<String>,
    /// The actions that left by a split or merge, and those that came in their place; of the coming of one of those
    /// too. Empty for another event.
    pub lineage: (Vec<Id>, Vec<Id>),
    /// What became of an item that left for good.
    pub disposition: Option<Disposition>,
}

/// Who last set a field, and where that is stated.
#[derive(Debug, Clone, PartialEq)]
pub struct Blame {
    /// The record.
    pub key: Key,
    /// The field.
    pub field: &'static str,
    /// What it says now.
    pub value: Value,
    /// The event that set it.
    pub set_by: HistoryEntry,
    /// Where the record is stated: the source, its line, the lines and the words, as far as stated.
    pub stated_in: Vec<(&'static str, Value)>,
}

impl Book {
    /// An agenda at a point in time; `None` where no revision was in force.
    pub fn reading(&self, agenda: &Id, cut: &Cut, events: &dyn Recall) -> Result<Option<Reading>, Unreadable> {
        let state = self.agenda(agenda);
        let Some(revision) = state.and_then(|state| crate::changes::revision_at(state, cut)) else { return Ok(None) };
        let mut reading = Reading {
            document: Document {
                agenda: None,
                edition: Some(revision.seal.edition.clone()),
                invented: revision.invented,
                records: Vec::new(),
            },
            revision: revision.clone(),
            uncertain: false,
        };
        for kind in Kind::ALL {
            let ids = revision.contents.get(&kind).map(Vec::as_slice).unwrap_or_default();
            for id in ids {
                let key = key(kind, id, Some(agenda), Some(&revision.seal.edition.id));
                let Some(state) = self.at(&key, cut, events)?.filter(|state| state.present) else { continue };
                reading.uncertain |= state.uncertain;
                match state.record.as_ref() {
                    Record::Agenda(agenda) => reading.document.agenda = Some(agenda.clone()),
                    Record::Edition(_) => {}
                    record => reading.document.records.push(record.clone()),
                }
            }
        }
        Ok(Some(reading))
    }

    /// What a revision stated, as it read when it was sealed.
    pub fn export(&self, agenda: &Id, revision: &Revision, events: &dyn Recall) -> Result<Document, Unreadable> {
        // INVARIANT: the cut knows nothing after the seal, so the revision in force at it is this one.
        let missing =
            || Unreadable { position: revision.position, reason: "its revision is not in the book".to_owned() };
        let cut = Cut { sealed: Some(revision.position), ..revision.as_sealed() };
        self.reading(agenda, &cut, events)?.map(|reading| reading.document).ok_or_else(missing)
    }

    /// The current edition as the start of the next document: the same items, an edition to fill in, no changes.
    pub fn draft(&self, agenda: &Id, label: &Id, events: &dyn Recall) -> Result<Option<Value>, Unreadable> {
        let Some(mut reading) = self.reading(agenda, &self.now(), events)? else { return Ok(None) };
        reading.document.records.retain(|record| !matches!(record.kind(), Kind::Change | Kind::Step | Kind::Decision));
        let mut value = reading.document.to_value();
        let year = |text: Option<&str>| text.and_then(|text| text.parse::<u16>().ok());
        let years = label.as_str().split_once('-').unwrap_or((label.as_str(), label.as_str()));
        if let Some(edition) = value.get_mut("edition") {
            *edition = serde_json::json!({
                "id": label.as_str(), "first_year": year(Some(years.0)), "last_year": year(Some(years.1)),
                "adopted_by": edition.get("adopted_by"), "decision": null, "effective": null, "horizon": null,
                "review": edition.get("review"),
            });
        }
        Ok(Some(value))
    }

    /// Every event of a record, first to last; of an action those of its amounts as well.
    pub fn history(&self, key: &Key, known: Position, events: &dyn Recall) -> Result<Vec<HistoryEntry>, Unreadable> {
        let Some(entry) = self.entry(key) else { return Ok(Vec::new()) };
        let mut amounts = BTreeSet::new();
        for mark in entry.marks().iter().filter(|mark| mark.position <= known && key.kind == Kind::Action) {
            if let Some(record) = events.recall(mark.position)?.event.payload.record() {
                let named = record.references().into_iter().filter(|(_, kind, _)| *kind == Kind::Amount);
                amounts.extend(named.map(|(_, kind, id)| Key::new(kind, id)));
            }
        }
        let mut all = self.history_of(key, entry, known, events)?;
        for amount in amounts {
            if let Some(entry) = self.entry(&amount) {
                all.extend(self.history_of(&amount, entry, known, events)?);
            }
        }
        all.sort_by_key(|entry| entry.why.position);
        Ok(all)
    }

    /// One event in the history of a record, as known at a position; `None` where the event did not touch it.
    pub(crate) fn history_at(
        &self,
        key: &Key,
        position: Position,
        known: Position,
        events: &dyn Recall,
    ) -> Result<Option<HistoryEntry>, Unreadable> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let mark = entry.mark_at(position);
        mark.map(|mark| self.history_entry(key, entry, &mark, known, events)).transpose()
    }

    fn history_of(
        &self,
        key: &Key,
        entry: &Entry,
        known: Position,
        events: &dyn Recall,
    ) -> Result<Vec<HistoryEntry>, Unreadable> {
        let mut marks: Vec<_> = entry.marks().iter().filter(|mark| mark.position <= known).collect();
        marks.sort_by_key(|mark| mark.position);
        marks.into_iter().map(|mark| self.history_entry(key, entry, mark, known, events)).collect()
    }

    /// One event of a record.
    fn history_entry(
        &self,
        key: &Key,
        entry: &Entry,
        mark: &Mark,
        known: Position,
        events: &dyn Recall,
    ) -> Result<HistoryEntry, Unreadable> {
        let recorded = events.recall(mark.position)?;
        let payload = &recorded.event.payload;
        Ok(HistoryEntry {
            key: key.clone(),
            event: payload.name(),
            recorded_at: recorded.recorded_at,
            actor: recorded.event.actor.clone(),
            why: self.why(entry.agenda.as_ref().unwrap_or(&key.id), &recorded, known, events)?,
            fields: self.fields_set(key, entry, mark, &recorded, events)?,
            citations: recorded.event.citations.clone(),
            resolution: match payload {
                Payload::DoubtResolved(resolution) => Some(resolution.text.to_string()),
                _ => None,
            },
            lineage: match payload {
                Payload::Item(item) if matches!(item.step, ItemStep::Added(_)) && key.kind == Kind::Action => {
                    self.origin(&key.id, item, mark.position, events)?
                }
                Payload::Item(item) => owned(item.step.lineage()),
                _ => Default::default(),
            },
            disposition: match payload {
                Payload::Item(ItemEvent { step: ItemStep::Dropped(_, _, disposition), .. }) => Some(*disposition),
                _ => None,
            },
        })
    }

    /// The fields that an event set, with the value before. What a deed says beside the record stands as a field too.
    fn fields_set(
        &self,
        key: &Key,
        entry: &Entry,
        mark: &Mark,
        recorded: &Recorded,
        events: &dyn Recall,
    ) -> Result<Vec<FieldChange>, Unreadable> {
        if let Payload::Deed(deed) = &recorded.event.payload
            && deed.step.record().is_none()
        {
            return Ok(said(&deed.step).into_iter().collect());
        }
        if mark.act == Act::Corrected && mark.fields.is_empty() {
            let before = end_at(mark.anchor, events)?;
            return Ok(vec![FieldChange { field: CorrectField::ENDED, before, after: Value::Null }]);
        }
        // What stood there before is what was known, at the same point in valid time, just before; of a fact from
        // before the record was first stated, what that statement said.
        let stated = entry.marks().iter().filter(|other| other.position < mark.position);
        let valid = stated.map(|other| other.since).min().map_or(mark.since, |begun| begun.max(mark.since));
        let cut = mark.position.checked_sub(1).map(|known| Cut { valid, known, sealed: None });
        let before = cut.map_or(Ok(None), |cut| entry.at(&cut, events))?;
        let Some((before, after)) = before.zip(recorded.event.payload.record()) else { return Ok(Vec::new()) };
        let pair = |field| FieldChange { field, before: before.record.value(field), after: after.value(field) };
        let mut fields: Vec<_> = mark.fields.names(key.kind).map(pair).collect();
        if let Some(amounts) = fields.iter_mut().find(|change| change.field == "amounts") {
            *amounts = self.amounts_set(mark, recorded, before.record, after, events)?;
        }
        fields.retain(|f| !same_form(&f.before, &f.after));
        Ok(fields)
    }

    /// The split or merge that an action came by: one of the same adoption that names it.
    fn origin(
        &self,
        action: &Id,
        added: &ItemEvent,
        at: Position,
        events: &dyn Recall,
    ) -> Result<(Vec<Id>, Vec<Id>), Unreadable> {
        let seals = self.agenda(&added.agenda).map(|state| state.revisions.as_slice()).unwrap_or_default();
        let (before, after) = seals.split_at(seals.partition_point(|revision| revision.position < at));
        let since = before.last().map_or(0, |revision| revision.position);
        let adoption = since..after.first().map_or(Position::MAX, |revision| revision.position);
        for (_, entry) in self.entries(Kind::Action).filter(|(_, entry)| entry.agenda.as_ref() == Some(&added.agenda)) {
            let left = |mark: &&Mark| matches!(mark.act, Act::Split | Act::Merged) && adoption.contains(&mark.position);
            for mark in entry.marks().iter().filter(left) {
                let recorded = events.recall(mark.position)?;
                let Payload::Item(item) = &recorded.event.payload else { continue };
                let lineage = item.step.lineage().filter(|(_, into)| into.contains(action));
                if lineage.is_some() {
                    return Ok(owned(lineage));
                }
            }
        }
        Ok(Default::default())
    }

    /// How an event set the amounts of an action: each with what it says, for a sum changes with its action. An edition
    /// states its amounts before its actions, so what they said before is what was known before the same request.
    fn amounts_set(
        &self,
        mark: &Mark,
        recorded: &Recorded,
        before: Arc<Record>,
        after: Record,
        events: &dyn Recall,
    ) -> Result<FieldChange, Unreadable> {
        let asked = |position| events.recall(position).map(|event| event.event.request_id == recorded.event.request_id);
        let began = |key: &Key| {
            let marks = self.entry(key).map(|entry| entry.marks()).unwrap_or_default();
            let mut positions: Vec<_> = marks.iter().map(|m| m.position).filter(|p| *p < mark.position).collect();
            positions.sort_unstable();
            let mut known = mark.position;
            while let Some(position) = positions.pop() {
                if !asked(position)? {
                    break;
                }
                known = position.saturating_sub(1);
            }
            Ok(known)
        };
        let amounts = |record, known: &dyn Fn(&Key) -> Result<Position, Unreadable>| {
            let amount = |id: &Id| {
                let key = Key::new(Kind::Amount, id);
                let cut = Cut { valid: mark.since, known: known(&key)?, sealed: None };
                self.at(&key, &cut, events).map(|state| state.map(|state| state.record))
            };
            compare::Reading::new(record, amount).map(|reading| reading.amounts)
        };
        let before = amounts(before, &began)?;
        Ok(FieldChange { field: "amounts", before, after: amounts(Arc::new(after), &|_| Ok(mark.position))? })
    }

    /// Who last set a field of a record; `None` where there is no such record or field.
    pub fn blame(
        &self,
        key: &Key,
        field: &str,
        known: Position,
        events: &dyn Recall,
    ) -> Result<Option<Blame>, Unreadable> {
        let cut = Cut { known, ..self.now() };
        let name = Record::fields(key.kind).iter().copied().find(|name| *name == field);
        let Some((entry, field)) = self.entry(key).zip(name) else { return Ok(None) };
        let (Some(mark), Some(state)) = (entry.last_set(field, &cut), entry.at(&cut, events)?) else { return Ok(None) };
        let history = self.history_of(key, entry, known, events)?;
        let set_by = history.into_iter().find(|event| event.why.position == mark.position);
        Ok(set_by.map(|set_by| Blame {
            key: key.clone(),
            field,
            value: state.record.value(field),
            set_by,
            stated_in: self.stated_in(entry, &state.record, &cut),
        }))
    }

    /// The notes of a record, and the source that they refer to: its own, or the first one of the edition that wrote
    /// them.
    fn stated_in(&self, entry: &Entry, record: &Arc<Record>, cut: &Cut) -> Vec<(&'static str, Value)> {
        let agenda = entry.agenda.as_ref().and_then(|agenda| self.agenda(agenda));
        let wrote = entry.last_set("source_line", cut).map(|mark| mark.anchor);
        let sealed = |revision: &&Revision| wrote.is_some_and(|wrote| revision.position > wrote);
        let revision = agenda.and_then(|agenda| agenda.revisions.iter().find(sealed));
        let first = revision.and_then(|revision| revision.contents.get(&Kind::Source)).and_then(|ids| ids.first());
        let fields =
            Record::fields(record.kind()).iter().copied().filter(|field| !is_compared(field) && *field != "doubt");
        let mut notes: Vec<_> =
            fields.map(|field| (field, record.value(field))).filter(|(_, v)| !v.is_null()).collect();
        let named = notes.iter().any(|(field, _)| *field == "source_doc");
        if let Some(first) = first.filter(|_| !named && !notes.is_empty()) {
            notes.insert(0, ("source_doc", first.as_str().into()));
        }
        notes
    }
}

/// What a deed says beside the record that it was done with.
fn said(step: &DeedStep) -> Option<FieldChange> {
    let paths = |keys: &[Key]| keys.iter().map(Key::path).collect::<Vec<_>>().into();
    let (field, after): (_, Value) = match step {
        DeedStep::Signed(party, _) => ("signed_by", party.as_str().into()),
        DeedStep::Ended(successor) => ("successor", successor.as_ref()?.as_str().into()),
        DeedStep::Merged(into) => ("into", into.as_str().into()),
        DeedStep::Superseded(part) => ("part", part.as_ref()?.as_str().into()),
        DeedStep::Settled(evidence) | DeedStep::Met(evidence) => ("evidence", paths(evidence)),
        DeedStep::Proposed(..) | DeedStep::Amended(..) | DeedStep::TookEffect | DeedStep::Missed => return None,
    };
    Some(FieldChange { field, before: Value::Null, after })
}

fn owned(lineage: Option<(&[Id], &[Id])>) -> (Vec<Id>, Vec<Id>) {
    lineage.map(|(from, into)| (from.to_vec(), into.to_vec())).unwrap_or_default()
}
