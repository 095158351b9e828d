//! Rules for what is stated outside the table of items: decisions, mandates, texts. In a document or one at a time.

use std::collections::HashMap;

use crate::authority::{ADOPT_FRAMEWORK, ADVISE, GRANT_MANDATE, Registry, Verdict};
use crate::book::Book;
use crate::command::{Context, StateRecord};
use crate::dates::{Day, Edtf};
use crate::deeds::deed_holds;
use crate::document::{Document, key};
use crate::event::{Draft, Payload, Reason, Statement};
use crate::history::{Cut, Recall};
use crate::ids::{Id, Key, Kind, Position};
use crate::money::CofinancingRule;
use crate::plan::Planner;
use crate::record::{Action, Agreement, Decision, FieldSet, Framework, Mandate, Record};
use crate::refusal::{Personal, Problem, Problems, Refusal, Rejection, Subject, listed};
use crate::value::{ChangeKind, Disposition, Fault, Field, Text, Value, is_unstated};

/// Checks the decisions, mandates and texts of a document.
pub(crate) fn check(planner: &mut Planner) {
    let first = planner.book.entries(Kind::Mandate).next().is_none();
    let mut may_begin = true;
    for (index, record) in planner.document.records.iter().enumerate() {
        let refusal = match record {
            // What a review comes to states decisions and mandates as the book has them.
            _ if planner.reviewed => None,
            // What comes without an edition is stated because it was decided.
            Record::Decision(decision) => decision_differs(planner.book, decision)
                .or_else(|| planner.not_taken(decision).filter(|_| planner.document.edition.is_none())),
            Record::Mandate(mandate) if !first => mandate_needs_decision(planner.registry, mandate, &mut may_begin),
            Record::Agreement(agreement) => planner.book.agreed(agreement),
            _ => None,
        };
        if let Some(refusal) = refusal {
            planner.problem(Some(index), None, refusal);
        }
        // What the book has was looked at when it was recorded.
        let is_recorded = |key: &Key| planner.book.entry(key).is_some_and(|entry| *entry.record == *record);
        if !planner.reviewed || !is_recorded(&planner.document.key(record)) {
            check_personal_data(planner, Some(index), record);
        }
    }
    let agenda = planner.document.agenda.clone().map(Record::from);
    for header in agenda.into_iter().chain(planner.document.edition.clone().map(Record::from)) {
        check_personal_data(planner, None, &header);
    }
    if planner.document.edition.is_none() {
        check_amounts(planner);
    }
}

fn check_personal_data(planner: &mut Planner, index: Option<usize>, record: &Record) {
    for field in Record::fields(record.kind()) {
        if let Some(what) = personal_data(&record.value(field)) {
            planner.problem(index, Some(field), Refusal::PersonalData { what });
        }
    }
}

/// An amount counts in the action that names it, so it moves with the agenda: by an edition.
fn check_amounts(planner: &mut Planner) {
    let records = planner.document.records.iter().enumerate();
    let moved: Vec<_> = records.filter(|(_, record)| planner.book.is_other_amount(record)).collect();
    let named = if moved.is_empty() { HashMap::new() } else { planner.book.named_amounts() };
    for (index, record) in moved {
        if let Some((key, _)) = named.get(record.id()) {
            let item = Key::clone(key);
            planner.problem(Some(index), None, Refusal::DecisionRequired { item });
        }
    }
}

impl Personal {
    /// Refuses text that looks like personal data.
    pub fn refuse_in(text: &str) -> Result<(), Refusal> {
        personal_data(&text.into()).map_or(Ok(()), |what| Err(Refusal::PersonalData { what }))
    }
}

/// The same, of a text that is stated.
pub(crate) fn check_text(text: &Text) -> Result<(), Refusal> {
    Personal::refuse_in(text.as_str())
}

/// What is stated on purpose says something.
fn check_blank(record: &Record) -> Result<(), Refusal> {
    let is_blank = |field: &&&str| record.value(field).as_str().is_some_and(|text| text.trim().is_empty());
    let blank = Record::fields(record.kind()).iter().find(is_blank);
    blank.map_or(Ok(()), |field| Err(Refusal::FieldInvalid { field: (*field).to_owned(), fault: Fault::Missing {} }))
}

/// Does the text say why? A word that only repeats what happened, in either language, does not, nor does a mere mark.
pub(crate) fn is_reason(text: &str) -> bool {
    let word = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let value = Value::from(word.as_str());
    let repeats = ChangeKind::read(Some(&value)).is_ok() || Disposition::read(Some(&value)).is_ok();
    text.chars().any(char::is_alphabetic) && !repeats && !WHAT_HAPPENED.contains(&word.as_str())
}

/// What can happen to an item and become of it, in Dutch.
const WHAT_HAPPENED: [&str; 14] = [
    "toegevoegd",
    "nieuw",
    "afgevallen",
    "vervallen",
    "gewijzigd",
    "gesplitst",
    "samengevoegd",
    "opgeschort",
    "teruggekeerd",
    "afgerond",
    "voltooid",
    "gestopt",
    "overgedragen",
    "opgegaan",
];

/// A later document may fill in what was not stated of a decision; any other difference needs an erratum.
fn decision_differs(book: &Book, decision: &Decision) -> Option<Refusal> {
    let recorded = &book.entry(&Key::new(Kind::Decision, &decision.id))?.record;
    let restated = Record::from(decision.clone());
    let changed = recorded.changed(&restated).names(Kind::Decision);
    let differing: Vec<_> = changed.filter(|field| !is_unstated(&recorded.value(field))).collect();
    let fields = || listed(differing.iter());
    (!differing.is_empty()).then(|| Refusal::DecisionDiffers { decision: decision.id.clone(), fields: fields() })
}

/// A mandate that lets a body do more than advise is granted by a decision. Until a body holds `grant-mandate`, it may
/// be asserted for a body that adopts frameworks, so that a ledger can begin to grant.
fn mandate_needs_decision(registry: Registry, mandate: &Mandate, may_begin: &mut bool) -> Option<Refusal> {
    let recorded = registry.book.entry(&Key::new(Kind::Mandate, &mandate.id));
    let restated = Record::from(mandate.clone());
    let advises = |record: &Record| matches!(record, Record::Mandate(mandate) if mandate.may.as_str() == ADVISE);
    // To advise takes no decision; to let a body only advise that might decide does.
    let free = advises(&restated) && recorded.is_none_or(|entry| advises(&entry.record));
    if free || recorded.is_some_and(|entry| entry.record.changed(&restated).is_empty()) {
        return None;
    }
    let before = Registry { stated: None, ..registry };
    let begins = *may_begin
        && mandate.may.as_str() == GRANT_MANDATE
        && !before.any_holds(GRANT_MANDATE, mandate.since.as_ref().map_or(Day::EVER, Edtf::earliest))
        && before.verdict(&mandate.body, ADOPT_FRAMEWORK, None, None) != Verdict::None;
    // A body does not grant itself the right to grant: the mandate that counts is one that the book has.
    let granting = mandate.decision.as_ref().and_then(|id| registry.decision(id));
    let granted = granting.is_some_and(|decision| before.grants(decision));
    // Only one: the next is granted under it.
    *may_begin &= !begins;
    let refusal = || Refusal::MandateNeedsDecision { mandate: mandate.id.clone(), may: mandate.may.clone() };
    (!begins && !granted).then(refusal)
}

/// What is decided takes effect before it was decided, or perhaps so, only on grounds.
pub(crate) fn check_effect(effective: &Edtf, decided: &Edtf, reason: Option<&Text>) -> Result<(), Refusal> {
    let grounds = reason.is_some_and(|reason| is_reason(reason.as_str()));
    if effective.earliest() >= decided.earliest() || grounds {
        return Ok(());
    }
    Err(Refusal::EffectBeforeAllowed { effective: effective.to_string(), decided: decided.to_string() })
}

/// What has a term ends after it begins. Where a document states otherwise, that is a finding, and whatever else is
/// changed of the record then leaves it as it is.
pub(crate) fn check_term(record: &Record, before: Option<&Record>) -> Result<(), Refusal> {
    let reversed = reversed_term(record).filter(|term| before.and_then(reversed_term).as_ref() != Some(term));
    let Some((_, start, end)) = reversed else { return Ok(()) };
    let (start, end) = (start.to_string(), end.to_string());
    Err(match record {
        Record::Amount(amount) => {
            Refusal::AmountEndBeforeStart { amount: amount.id.clone(), from: start, through: end }
        }
        Record::Assignment(_) => Refusal::RoleEndBeforeStart { since: start, until: end },
        _ => Refusal::EndBeforeStart { key: Key::new(record.kind(), record.id()), end, start },
    })
}

/// The term that a record states, where it ends before it starts: its field, its start and its end.
pub(crate) fn reversed_term(record: &Record) -> Option<(&'static str, &Edtf, &Edtf)> {
    let (field, from, to) = match record {
        Record::Framework(Framework { period: Some(period), .. })
        | Record::Action(Action { period: Some(period), .. })
        | Record::Agreement(Agreement { period: Some(period), .. }) => ("period", &period.from, &period.to),
        Record::Amount(amount) => ("through", &amount.from, &amount.through),
        Record::Mandate(mandate) => ("until", &mandate.since, &mandate.until),
        Record::Membership(membership) => ("until", &membership.since, &membership.until),
        Record::Assignment(assignment) => ("until", &assignment.since, &assignment.until),
        _ => return None,
    };
    let (from, to) = from.as_ref().zip(to.as_ref())?;
    (to.latest() < from.earliest()).then_some((field, from, to))
}

/// What looks like personal data in the texts of a value: an e-mail address, or a citizen service number.
pub(crate) fn personal_data(value: &Value) -> Option<Personal> {
    match value {
        Value::String(text) => {
            let word = |word: &str| {
                let at = word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
                let digits = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
                match (at, digits.len() == 9 && is_bsn(digits)) {
                    (true, _) => Some(Personal::Email),
                    (_, true) => Some(Personal::Bsn),
                    _ => None,
                }
            };
            text.split_whitespace().find_map(word)
        }
        Value::Array(list) => list.iter().find_map(personal_data),
        Value::Object(map) => map.values().find_map(personal_data),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The eleven-test of the citizen service number: 9a + 8b + … + 2h − i is a multiple of 11.
fn is_bsn(digits: &str) -> bool {
    let sum: Option<i64> = digits
        .chars()
        .zip([9, 8, 7, 6, 5, 4, 3, 2, -1])
        .try_fold(0, |sum, (digit, weight)| digit.to_digit(10).map(|digit| sum + i64::from(digit) * weight));
    sum.is_some_and(|sum| sum != 0 && sum % 11 == 0)
}

impl Book {
    /// Records one statement outside a document.
    pub(crate) fn decide_state(
        &self,
        command: &StateRecord,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Vec<Draft>, Rejection> {
        let kind = command.record.kind();
        if kind.is_item() || matches!(kind, Kind::Edition | Kind::Change) {
            return Err(Refusal::KindNotStated { kind }.into());
        }
        let key = key(kind, command.record.id(), command.agenda.as_ref(), None);
        self.check_expected(&key, command.expected_revision)?;
        if let Some(agenda) = &command.agenda {
            self.check_known(&Key::new(Kind::Agenda, agenda))?;
        }
        if let Some(agenda) = command.agenda.as_ref().and_then(|mine| self.other_owner(&key, mine)) {
            return Err(Refusal::IdTaken { key, agenda }.into());
        }
        command.reason.as_ref().map_or(Ok(()), check_text)?;
        self.check_alone(&command.record, false, context, events)?;
        if let Record::Decision(decision) = &command.record {
            self.check_decision(decision, command)?;
        }
        check_blank(&command.record)?;
        let effective = self.stated_from(command, &key, context)?;
        let day = decided_on(&command.record).unwrap_or(&effective).earliest();
        self.check_alive(&command.record, None, day, events)?;
        if let Some(decision) = decision_of(&command.record) {
            self.check_holds(decision, effective.earliest())?;
        }
        let agenda = self.check_area(command, &effective, context, events)?;
        let cut = Cut { valid: effective.earliest(), ..self.now() };
        let (record, fields) = if let Some(state) = self.at(&key, &cut, events)? {
            let fields = state.record.rewritten(&command.record);
            (state.record.with(&command.record, fields), Some(fields))
        } else {
            // Stated before, but only from a later day on: every field is set from this day.
            let all = self.entry(&key).map(|_| FieldSet::named(kind, Record::fields(kind).iter().copied()));
            (command.record.clone(), all)
        };
        if fields.is_some_and(FieldSet::is_empty) {
            return Err(Refusal::NoChange { item: key }.into());
        }
        Ok(vec![Draft {
            decision: decision_of(&command.record).cloned(),
            effective: Some(effective),
            reason: command.reason.clone().map(|text| Reason { code: None, text }),
            ..Draft::of(context, Payload::Stated(Statement { agenda, edition: None, record, fields }))
        }])
    }

    /// From when a lone statement holds. A mandate holds from when the decision that grants it does, from before that was
    /// taken only on grounds, and it ends no sooner.
    fn stated_from(&self, command: &StateRecord, key: &Key, context: &Context) -> Result<Edtf, Refusal> {
        let stated = command.effective.clone().or_else(|| dated(&command.record));
        let Record::Mandate(mandate) = &command.record else {
            return Ok(deed_holds(stated.as_ref(), None, context));
        };
        let granting = mandate.decision.as_ref().and_then(|id| Registry { book: self, stated: None }.decision(id));
        let effective = deed_holds(stated.as_ref(), granting, context);
        let decided = granting.and_then(|decision| decision.date.as_ref());
        decided.map_or(Ok(()), |decided| check_effect(&effective, decided, command.reason.as_ref()))?;
        if let Some(until) = &mandate.until
            && let Some(start) = stated.as_ref().or(granting.and_then(Decision::holds_from))
            && until.latest() < start.earliest()
        {
            let (end, start) = (until.to_string(), start.to_string());
            return Err(Refusal::EndBeforeStart { key: key.clone(), end, start });
        }
        Ok(effective)
    }

    /// Holds a lone statement to the rules of its area, and says which agenda it belongs to.
    fn check_area(
        &self,
        command: &StateRecord,
        effective: &Edtf,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Option<Id>, Rejection> {
        match &command.record {
            Record::Assignment(assignment) => {
                return self.check_assignment(assignment, command, effective, context, events).map(Some);
            }
            Record::Agreement(agreement) => {
                self.check_unbound(agreement)?;
                CofinancingRule::check_share(agreement)?;
            }
            Record::Amount(amount) => self.check_amount(amount, command.reason.as_ref(), events)?,
            // A motion was adopted on the day from which it holds.
            Record::Motion(_) if effective.earliest() > context.today => {
                return Err(Refusal::StillToCome { date: effective.to_string() }.into());
            }
            _ => {}
        }
        check_term(&command.record, None)?;
        Ok(command.agenda.clone())
    }

    /// Holds a lone statement to the same rules as a partial document with one record in it. `decided` says that it is
    /// a deed: a decision was checked, where one is required, and so was what may change of an agreement.
    pub(crate) fn check_alone(
        &self,
        record: &Record,
        decided: bool,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<(), Rejection> {
        let document = Document { records: vec![record.clone()], ..Document::default() };
        let mut problems = self.plan(&document, context.today, events)?.problems;
        let checked = |refusal: &Refusal| {
            matches!(
                refusal,
                Refusal::DecisionRequired { .. } | Refusal::PartiesFixed { .. } | Refusal::AgreementBound { .. }
            )
        };
        problems.retain(|problem| !(decided && checked(&problem.refusal)));
        match problems.as_slice() {
            [] => Ok(()),
            [Problem { refusal, .. }] => Err(refusal.clone().into()),
            _ => Err(Refusal::Document { problems: Problems(problems) }.into()),
        }
    }

    /// A decision that is taken with the book has a body, a kind, a date and a mandate, and takes effect before its date
    /// only on grounds. Who lacks the mandate need not fill in the rest first.
    fn check_decision(&self, decision: &Decision, command: &StateRecord) -> Result<(), Refusal> {
        let (registry, agenda) = (Registry { book: self, stated: None }, command.agenda.as_ref());
        let verdict = registry.verdict(&decision.body, decision.kind.as_str(), agenda, decision.date.as_ref());
        if verdict == Verdict::None {
            return Err(registry.no_mandate(decision, agenda));
        }
        let Some(date) = &decision.date else {
            return Err(Refusal::DecisionIncomplete { decision: decision.id.clone(), missing: "`date`".to_owned() });
        };
        let effective = decision.effective.as_ref();
        effective.map_or(Ok(()), |effective| check_effect(effective, date, command.reason.as_ref()))
    }

    /// Does the record state an amount of the book otherwise, in what counts in its action?
    pub(crate) fn is_other_amount(&self, record: &Record) -> bool {
        let aside = FieldSet::named(Kind::Amount, ["what", "action"]);
        let recorded = self.entry(&Key::new(Kind::Amount, record.id())).filter(|_| record.kind() == Kind::Amount);
        recorded.is_some_and(|entry| !entry.record.changed(record).without(aside).is_empty())
    }

    /// The amounts that the actions of their own agenda name, each with such an action and its agenda.
    pub(crate) fn named_amounts(&self) -> HashMap<&Id, (&Key, &Id)> {
        let actions = self.entries(Kind::Action).filter(|(_, entry)| entry.is_present());
        let owned = actions.filter_map(|(key, entry)| Some((key, entry.agenda.as_ref()?, entry.record.as_ref())));
        owned
            .filter_map(|(key, agenda, record)| match record {
                Record::Action(action) => Some((key, agenda, action.amounts.as_deref()?)),
                _ => None,
            })
            .flat_map(|(key, agenda, amounts)| amounts.iter().map(move |id| (id, (key, agenda))))
            .filter(|(id, (_, agenda))| self.other_owner(&Key::new(Kind::Amount, id), agenda).is_none())
            .collect()
    }

    /// The record is in the book.
    pub(crate) fn check_known(&self, key: &Key) -> Result<(), Refusal> {
        if self.entry(key).is_some() {
            return Ok(());
        }
        let ids: Vec<_> = self.entries(key.kind).map(|(known, _)| known.id.clone()).collect();
        let nearest = crate::value::Nearest::of(key.id.as_str(), ids.iter().map(Id::as_str));
        Err(Refusal::NotFound { what: key.into(), nearest })
    }

    /// The record's newest event is the one that the client knows; who knows none, by 0, means a new record.
    pub(crate) fn check_expected(&self, key: &Key, expected: Option<Position>) -> Result<(), Refusal> {
        let current = self.entry(key).map(|entry| entry.newest()).unwrap_or_default();
        match expected {
            Some(0) if current != 0 => Err(Refusal::AlreadyThere { key: key.clone() }),
            Some(yours) => Subject::from(key).check_known_state(yours, current),
            None => Ok(()),
        }
    }
}

/// From when a record says that it holds.
pub(crate) fn dated(record: &Record) -> Option<Edtf> {
    match record {
        Record::Decision(decision) => decision.holds_from().cloned(),
        Record::Mandate(mandate) => mandate.since.clone(),
        Record::Membership(membership) => membership.since.clone(),
        Record::Assignment(assignment) => assignment.since.clone(),
        _ => None,
    }
}

/// When a decision was taken, which is when its body must have been there.
fn decided_on(record: &Record) -> Option<&Edtf> {
    match record {
        Record::Decision(decision) => decision.date.as_ref(),
        _ => None,
    }
}

/// The decision that a statement rests on.
fn decision_of(record: &Record) -> Option<&Id> {
    match record {
        Record::Mandate(mandate) => mandate.decision.as_ref(),
        Record::Membership(membership) => membership.decision.as_ref(),
        Record::Assignment(assignment) => assignment.decision.as_ref(),
        _ => None,
    }
}
