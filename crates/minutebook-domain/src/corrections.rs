//! Three things that are not a change of policy: an erratum (we wrote it wrongly), a late fact (it was true, we
//! recorded it late), and the settling of a doubt. Each shows as what it is.

use std::collections::{BTreeSet, HashMap};

use crate::authority::{ADOPT_AGENDA, Registry, Verdict};
use crate::book::Book;
use crate::command::{Context, CorrectField, LateFact, ResolveDoubt};
use crate::dates::Edtf;
use crate::event::{
    Citation, Draft, Erratum, ItemEvent, ItemStep, Lines, Payload, RETROACTIVE, Reason, Resolution, Statement,
};
use crate::history::{Cut, Entry, Mark, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{FieldSet, NOTES, Record};
use crate::refusal::{Refusal, Rejection, Subject, shown};
use crate::statement::{check_term, check_text, is_reason, personal_data};
use crate::value::{Fault, Nearest, Text, Value, same_form};

/// What an erratum on a field needs.
#[derive(PartialEq, Eq)]
enum Correction {
    /// Words: nothing more than a reason.
    Editorial,
    /// An amount or date: a quote that holds the right value.
    Quoted,
    /// Who, what kind, which: never a slip of the pen.
    Substantive,
}

impl Correction {
    fn of(kind: Kind, field: &str) -> Self {
        if NOTES.contains(&field) {
            return Self::Editorial;
        }
        if Record::refers(kind, field).is_some() || matches!(kind, Kind::Change | Kind::Edition) {
            return Self::Substantive;
        }
        match (kind, field) {
            (Kind::Action, "horizon") => Self::Substantive,
            (_, "kind" | "may" | "per" | "unit" | "inferred" | "cofinancing" | "attachments" | "sha256") => {
                Self::Substantive
            }
            (
                _,
                "eur" | "ceiling" | "count" | "from" | "through" | "date" | "effective" | "adopted_on" | "since"
                | "until" | "due" | "period" | "year",
            ) => Self::Quoted,
            _ => Self::Editorial,
        }
    }
}

impl Book {
    /// Corrects one field of what was written, as far back as it was written.
    pub(crate) fn decide_correct(
        &self,
        command: &CorrectField,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Vec<Draft>, Rejection> {
        let key = &command.key;
        let entry = self.known_entry(key)?;
        self.check_expected(key, command.expected_revision)?;
        let end = command.field == CorrectField::ENDED;
        if !end {
            known_field(key.kind, &command.field)?;
        }
        given(&command.reason, key)?;
        self.check_citation(command.citation.as_ref())?;
        if end {
            return self.decide_go_on(entry, command, context, events);
        }
        let written = written(entry, &command.field, command.corrects)?;
        let record = recalled(written.position, events)?;
        check_old(command, &record.value(&command.field))?;
        let corrected = self.rewritten(&record, &[(command.field.clone(), command.new.clone())])?;
        let fields = record.rewritten(&corrected);
        if fields.is_empty() {
            return Err(Refusal::NoChange { item: key.clone() }.into());
        }
        check_term(&corrected, Some(&record))?;
        match Correction::of(key.kind, &command.field) {
            Correction::Substantive => {
                return Err(Refusal::ErratumSubstantive { field: command.field.clone() }.into());
            }
            Correction::Quoted => check_quote(command.citation.as_ref(), &corrected.value(&command.field))?,
            Correction::Editorial => {}
        }
        Ok(vec![erratum(command, context, written.position, corrected, fields)])
    }

    /// Takes back an end that was written by mistake, so that the record goes on as if it had not been. What a decision
    /// ended by itself, another decision or a mandate, is more than that.
    fn decide_go_on(
        &self,
        entry: &Entry,
        command: &CorrectField,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Vec<Draft>, Rejection> {
        let key = &command.key;
        if matches!(key.kind, Kind::Decision | Kind::Mandate) {
            return Err(Refusal::ErratumSubstantive { field: command.field.clone() }.into());
        }
        if !command.new.is_null() {
            return Err(Refusal::FieldInvalid { field: command.field.clone(), fault: Fault::EndMoved {} }.into());
        }
        let end = entry.end(&Cut::NOW).ok_or_else(|| Refusal::NoChange { item: key.clone() })?;
        if let Some(corrects) = command.corrects.filter(|corrects| *corrects != end.position) {
            return Err(Refusal::ErratumOnErratum { corrects, newest: end.position }.into());
        }
        let current = end_at(end.position, events)?;
        check_old(command, &current)?;
        let record = entry.record.as_ref();
        if let Record::Assignment(assignment) = record {
            let since = assignment.since.clone().unwrap_or_else(|| Edtf::on(entry.begins()));
            self.check_late_role(assignment, &since, events)?;
        }
        Ok(vec![erratum(command, context, end.position, record.clone(), FieldSet::default())])
    }

    /// Records late what was true: the ordinary event, with the reason code that says so.
    pub(crate) fn decide_late(
        &self,
        command: &LateFact,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Vec<Draft>, Rejection> {
        let key = &command.key;
        let entry = self.known_entry(key)?;
        self.check_expected(key, command.expected_revision)?;
        if matches!(key.kind, Kind::Edition | Kind::Change) {
            return Err(Refusal::KindNotStated { kind: key.kind }.into());
        }
        given(&command.reason, key)?;
        command.fields.iter().try_for_each(|(field, _)| known_field(key.kind, field))?;
        self.check_citation(command.citation.as_ref())?;
        command.decision.as_ref().map_or(Ok(()), |decision| self.check_reference(Kind::Decision, decision))?;
        if command.effective.earliest() > context.today {
            return Err(Refusal::NotLate { effective: command.effective.to_string() }.into());
        }
        let cut = Cut { valid: command.effective.earliest(), ..self.now() };
        let mut state = entry.at(&cut, events)?;
        if key.kind.is_item() && !state.as_ref().is_some_and(|state| state.present) {
            let what = Subject::On(key.clone(), Box::new(command.effective.clone()));
            return Err(Refusal::NotFound { what, nearest: Nearest::of("", []) }.into());
        }
        if state.is_none() {
            // Nothing was stated of that day: the fact is set beside what was stated first.
            state = entry.at(&Cut { valid: entry.begins(), ..cut }, events)?;
        }
        let before = state.map_or_else(|| entry.record.clone(), |state| state.record);
        let record = self.rewritten(&before, &command.fields)?;
        let fields = before.rewritten(&record);
        let record = before.with(&record, fields);
        if fields.is_empty() {
            return Err(Refusal::NoChange { item: key.clone() }.into());
        }
        check_term(&record, Some(&before))?;
        self.check_not_ended(key, command.effective.earliest(), events)?;
        match &record {
            Record::Agreement(agreement) => self.check_unbound(agreement)?,
            Record::Assignment(assignment) => self.check_late_role(assignment, &command.effective, events)?,
            _ => {}
        }
        let payload = if let Some(agenda) = entry.agenda.as_ref().filter(|_| key.kind.is_item()) {
            self.check_late_decision(key, agenda, command.decision.as_ref())?;
            self.check_parents(agenda, &before, &record, &cut, events)?;
            let (agenda, ground) = (agenda.clone(), command.decision.clone());
            Payload::Item(ItemEvent { agenda, edition: None, ground, step: ItemStep::Changed(record, fields) })
        } else {
            let decided = self.is_other_amount(&record);
            let named = if decided { self.named_amounts() } else { HashMap::new() };
            if let Some((action, agenda)) = named.get(record.id()) {
                self.check_late_decision(action, agenda, command.decision.as_ref())?;
            }
            self.check_alone(&record, decided, context, events)?;
            Payload::Stated(statement_of(key, entry, record, fields))
        };
        Ok(vec![Draft {
            decision: command.decision.clone(),
            effective: Some(command.effective.clone()),
            reason: Some(Reason { code: Id::new(RETROACTIVE), text: command.reason.clone() }),
            citations: command.citation.iter().cloned().collect(),
            ..Draft::of(context, payload)
        }])
    }

    /// Settles a doubt; the statement stays as it is.
    pub(crate) fn decide_resolve(&self, command: &ResolveDoubt, context: &Context) -> Result<Vec<Draft>, Rejection> {
        let key = &command.key;
        let entry = self.known_entry(key)?;
        self.check_expected(key, command.expected_revision)?;
        given(&command.text, key)?;
        if entry.record.doubt().is_none() {
            return Err(Refusal::NoDoubt { key: key.clone() }.into());
        }
        let record = self.rewritten(&entry.record, &[("doubt".to_owned(), Value::Null)])?;
        let resolution = Resolution { key: key.clone(), text: command.text.clone(), record };
        Ok(vec![Draft::of(context, Payload::DoubtResolved(resolution))])
    }

    /// What a command refers to is in the book.
    pub(crate) fn check_reference(&self, kind: Kind, id: &Id) -> Result<(), Refusal> {
        if self.entry(&Key::new(kind, id)).is_some() {
            return Ok(());
        }
        let known: Vec<_> = self.entries(kind).map(|(key, _)| key.id.clone()).collect();
        let nearest = Nearest::of(id.as_str(), known.iter().map(Id::as_str));
        Err(Refusal::UnknownReference { kind, id: id.clone(), nearest })
    }

    /// The source of a citation is in the book, and has the lines that it names.
    fn check_citation(&self, citation: Option<&Citation>) -> Result<(), Refusal> {
        let Some(citation) = citation else { return Ok(()) };
        self.check_reference(Kind::Source, &citation.source)?;
        let Some(text) = &citation.lines else { return Ok(()) };
        let refused = |fault| Refusal::FieldInvalid { field: "lines".to_owned(), fault };
        let lines = Lines::read(text.as_str()).ok_or_else(|| refused(Fault::Lines { text: text.to_string() }))?;
        let source = self.entry(&Key::new(Kind::Source, &citation.source));
        let all = source.and_then(|source| source.record.value("lines").as_u64());
        match all.filter(|all| u64::from(lines.last) > *all) {
            Some(all) => Err(refused(Fault::LinesBeyond { text: text.to_string(), all })),
            None => Ok(()),
        }
    }

    fn known_entry(&self, key: &Key) -> Result<&Entry, Refusal> {
        self.check_known(key)?;
        let missing = || Refusal::NotFound { what: key.into(), nearest: Nearest::of("", []) };
        self.entry(key).map(AsRef::as_ref).ok_or_else(missing)
    }

    /// The record with other values in some fields, checked as if a document stated it.
    fn rewritten(&self, record: &Record, fields: &[(String, Value)]) -> Result<Record, Refusal> {
        let rewritten = patched(record, fields)?;
        let registry = Registry { book: self, stated: None };
        let known = |kind, id: &Id| registry.knows(kind, id, None) || self.entries(kind).any(|(key, _)| key.id == *id);
        match rewritten.references().into_iter().find(|(_, kind, id)| !known(*kind, id)) {
            Some((_, kind, id)) => {
                Err(Refusal::UnknownReference { kind, id: id.clone(), nearest: Nearest::of("", []) })
            }
            None => Ok(rewritten),
        }
    }

    /// An item moves to a parent that stood on its own agenda since then, and still does: else nothing would hold it.
    fn check_parents(
        &self,
        agenda: &Id,
        before: &Record,
        after: &Record,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<(), Rejection> {
        let moved = before.changed(after);
        let references = after.references().into_iter();
        let parents = references.filter(|(field, kind, _)| {
            matches!(kind, Kind::Theme | Kind::Subtask | Kind::PolicyItem) && moved.contains(after.kind(), field)
        });
        for (_, kind, id) in parents {
            let parent = self.entry(&Key::new(kind, id)).filter(|entry| entry.agenda.as_ref() == Some(agenda));
            let stood = parent.map_or(Ok(None), |parent| parent.at(cut, events))?.is_some_and(|state| state.present);
            if !stood || !parent.is_some_and(|parent| parent.is_present()) {
                let nearest = Nearest::of("", []);
                return Err(Refusal::UnknownReference { kind, id: id.clone(), nearest }.into());
            }
        }
        Ok(())
    }

    /// An item changes only by a dated decision that adopts agendas, under a mandate.
    fn check_late_decision(&self, item: &Key, agenda: &Id, decision: Option<&Id>) -> Result<(), Refusal> {
        let registry = Registry { book: self, stated: None };
        let Some(decision) = decision.and_then(|id| registry.decision(id)) else {
            return Err(Refusal::DecisionRequired { item: item.clone() });
        };
        if decision.kind.as_str() != ADOPT_AGENDA {
            let (decision, kind) = (decision.id.clone(), decision.kind.clone());
            return Err(Refusal::NotAdopting { decision, kind });
        }
        match registry.verdict(&decision.body, ADOPT_AGENDA, Some(agenda), decision.date.as_ref()) {
            Verdict::Held(_) => Ok(()),
            Verdict::NotVerifiable(_) => {
                let missing = "`date` (YYYY-MM-DD)".to_owned();
                Err(Refusal::DecisionIncomplete { decision: decision.id.clone(), missing })
            }
            Verdict::None => Err(registry.no_mandate(decision, Some(agenda))),
        }
    }
}

fn erratum(command: &CorrectField, context: &Context, corrects: Position, record: Record, fields: FieldSet) -> Draft {
    Draft {
        reason: Some(Reason { code: Id::new("erratum"), text: command.reason.clone() }),
        citations: command.citation.iter().cloned().collect(),
        ..Draft::of(context, Payload::ErratumRecorded(Erratum { key: command.key.clone(), corrects, record, fields }))
    }
}

fn statement_of(key: &Key, entry: &Entry, record: Record, fields: FieldSet) -> Statement {
    // A step's address names its edition; the other kinds of records do not need one.
    let edition = key.within.split_once('/').and_then(|(_, edition)| Id::new(edition));
    let agenda = key.within.split('/').next().and_then(Id::new);
    Statement { agenda: agenda.or_else(|| entry.agenda.clone()), edition, record, fields: Some(fields) }
}

/// The record with other values in some fields, wherever they refer to.
pub(crate) fn patched(record: &Record, fields: &[(String, Value)]) -> Result<Record, Refusal> {
    let mut map = record.write();
    let mut set = BTreeSet::new();
    if let Some((field, _)) = fields.iter().find(|(field, _)| !set.insert(field)) {
        return Err(Refusal::FieldInvalid { field: field.clone(), fault: Fault::Repeated {} });
    }
    map.extend(fields.iter().cloned());
    let fault = |faults: Vec<crate::record::FieldFault>| faults.into_iter().next();
    let read = Record::read(record.kind(), record.id().clone(), &map).map_err(fault);
    if let Some(what) = fields.iter().find_map(|(_, value)| personal_data(value)) {
        return Err(Refusal::PersonalData { what });
    }
    read.map_err(|fault| match fault {
        Some(fault) => Refusal::FieldInvalid { field: fault.field, fault: fault.fault },
        None => Refusal::NoChange { item: Key::new(record.kind(), record.id()) },
    })
}

pub(crate) fn known_field(kind: Kind, field: &str) -> Result<(), Refusal> {
    let fields = Record::fields(kind);
    let nearest = || Nearest::of(field, fields.iter().copied());
    let unknown = || Refusal::NotFound { what: Subject::Field(kind, field.to_owned()), nearest: nearest() };
    if fields.contains(&field) { Ok(()) } else { Err(unknown()) }
}

fn given(reason: &Text, key: &Key) -> Result<(), Refusal> {
    if !is_reason(reason.as_str()) {
        return Err(Refusal::ReasonMissing { what: key.into() });
    }
    check_text(reason)
}

/// The newest mark that wrote the field: the one asked for, unless it was corrected since.
fn written(entry: &Entry, field: &str, corrects: Option<Position>) -> Result<Mark, Refusal> {
    let kind = entry.record.kind();
    let Some(asked) = corrects else {
        let not_found =
            || Refusal::NotFound { what: Subject::Field(kind, field.to_owned()), nearest: Nearest::of("", []) };
        return entry.writers(field).next().copied().ok_or_else(not_found);
    };
    let mark = entry.writers(field).find(|mark| mark.position == asked);
    let not_found =
        || Refusal::NotFound { what: Subject::Event(asked, kind, field.to_owned()), nearest: Nearest::of("", []) };
    let mark = mark.ok_or_else(not_found)?;
    let same = entry.writers(field).filter(|other| other.anchor == mark.anchor);
    let newest = same.map(|other| other.position).max().unwrap_or(asked);
    if newest == asked { Ok(*mark) } else { Err(Refusal::ErratumOnErratum { corrects: asked, newest }) }
}

/// From when what an event ended was no more, as it says.
pub(crate) fn end_at(position: Position, events: &dyn Recall) -> Result<Value, Unreadable> {
    let effective = &events.recall(position)?.event.effective;
    Ok(effective.as_ref().map_or(Value::Null, |effective| effective.to_string().into()))
}

fn check_old(command: &CorrectField, current: &Value) -> Result<(), Refusal> {
    let Some(yours) = command.old.as_ref().filter(|yours| !same_form(yours, current)) else { return Ok(()) };
    let (field, yours, current) = (command.field.clone(), shown(yours), shown(current));
    Err(Refusal::OldValueMismatch { field, yours, current })
}

fn recalled(position: Position, events: &dyn Recall) -> Result<Record, Unreadable> {
    let record = events.recall(position)?.event.payload.record();
    record.ok_or_else(|| Unreadable { position, reason: "it states no record".to_owned() })
}

fn check_quote(citation: Option<&Citation>, value: &Value) -> Result<(), Refusal> {
    let quote = citation.and_then(|citation| citation.quote.as_ref()).map(Text::as_str).unwrap_or_default();
    if quote_holds(quote, value) { Ok(()) } else { Err(Refusal::CitationNotFound { value: shown(value) }) }
}

/// Does the quote hold the value? Each number of it must stand there by itself (600.000 for 600000).
fn quote_holds(quote: &str, value: &Value) -> bool {
    match value {
        Value::Number(number) => holds_number(quote, &number.to_string()),
        Value::String(text) => {
            // A month may stand in words, so of a date the years and the days are looked for.
            let dates = text.split('/').map(|date| date.split('-').collect::<Vec<_>>());
            let parts = dates.flat_map(|parts| [parts.first().copied(), parts.get(2).copied()]).flatten();
            let digits = parts.map(|part| part.trim_matches(|c: char| !c.is_ascii_digit()).trim_start_matches('0'));
            let mut digits = digits.filter(|digits| !digits.is_empty()).peekable();
            digits.peek().is_some() && digits.all(|digits| holds_number(quote, digits))
        }
        Value::Object(map) => !map.is_empty() && map.values().all(|value| quote_holds(quote, value)),
        Value::Null | Value::Array(_) | Value::Bool(_) => false,
    }
}

/// Does the number stand in the quote, in plain digits or in groups of three, and not as a part of a longer one?
fn holds_number(quote: &str, digits: &str) -> bool {
    let joins = |c: char| c == '.' || c == ',';
    let digit = |c: char| c.is_ascii_digit();
    ["", ".", ",", " ", "\u{a0}"].iter().any(|mark| {
        let written = grouped(digits, mark);
        quote.match_indices(&written).any(|(at, _)| {
            let (before, after) =
                (quote.get(..at).unwrap_or_default(), quote.get(at + written.len()..).unwrap_or_default());
            let left = before.trim_end_matches(joins);
            let right = after.trim_start_matches(joins);
            let longer = |rest: &str| rest.chars().take_while(|c| digit(*c)).count() >= 3;
            let joined_left = before.len() - left.len() == 1 && left.ends_with(digit) && digits.len().is_multiple_of(3);
            let joined_right = after.len() - right.len() == 1 && longer(right);
            !before.ends_with(digit) && !after.starts_with(digit) && !joined_left && !joined_right
        })
    })
}

/// The digits in groups of three from the right, with a mark in between.
fn grouped(digits: &str, mark: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push_str(mark);
        }
        text.push(digit);
    }
    text
}
