//! What holds for every chain of editions, with parts, errata, late facts and lone statements in between.

use std::collections::{BTreeMap, BTreeSet};

use minutebook_domain::book::{Book, Revision};
use minutebook_domain::changes::{Changes, Outcome, Span};
use minutebook_domain::command::Command;
use minutebook_domain::dates::Day;
use minutebook_domain::difference::{SealedDocument, difference as between_documents};
use minutebook_domain::document::canonical;
use minutebook_domain::history::Cut;
use minutebook_domain::ids::{Kind, Position};
use minutebook_domain::value::is_unstated;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::minutes::{Doc, at, correct, edition_after, first, import, late, quoted, state, state_from};
use crate::model::{Difference, Edit, Memory, Review, difference, edit, ids, items};
use crate::support::{Ledger, id};

/// The seed of every property; another one is tried with `MINUTEBOOK_SEED=n`, more chains with `MINUTEBOOK_CASES=n`.
const SEED: u64 = 20_180_101;
const CASES: u64 = 48;

/// What happens to a ledger after its first edition.
#[derive(Debug, Clone)]
enum Happening {
    Edition { edits: Vec<Edit>, months: u8, same: bool },
    Erratum(u8, u8),
    Late(u8, u8, u8),
    Statement(u8, u8),
    Part(u8, u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    let n = any::<u8>;
    prop_oneof![
        5 => (prop::collection::vec(edit(), 0..7), 0..16_u8, prop::bool::weighted(0.3))
            .prop_map(|(edits, months, same)| Happening::Edition { edits, months, same }),
        2 => (n(), n()).prop_map(|(a, b)| Happening::Erratum(a, b)),
        2 => (n(), n(), n()).prop_map(|(a, b, c)| Happening::Late(a, b, c)),
        1 => (n(), n()).prop_map(|(a, b)| Happening::Statement(a, b)),
        1 => (n(), n()).prop_map(|(a, b)| Happening::Part(a, b)),
    ]
}

/// Holds a property to cases that are the same in every run.
pub(crate) fn check<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    check_many(CASES, strategy, test);
}

/// Holds a property to so many cases.
pub(crate) fn check_many<S: Strategy>(usual: u64, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let set = |name, usual| std::env::var(name).map_or(usual, |text| text.parse::<u64>().expect("a number"));
    let (seed, cases) = (set("MINUTEBOOK_SEED", SEED), set("MINUTEBOOK_CASES", usual));
    println!("MINUTEBOOK_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let cases = u32::try_from(cases).unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    TestRunner::new_with_rng(config, rng).run(strategy, test).unwrap_or_else(|failure| panic!("{failure}"));
}

/// A ledger under way: what was handed in, and what was answered on the way.
#[derive(Default)]
struct Chain {
    ledger: Ledger,
    memory: Memory,
    /// The document of each revision.
    documents: Vec<Value>,
    labels: u32,
    month: i32,
    asked: Vec<(Question, Position, Changes)>,
}

#[derive(Debug, Clone, Copy)]
enum Question {
    Year(i16),
    Revisions(usize, usize),
}

impl Chain {
    fn begin() -> Self {
        let mut chain = Self { ledger: Ledger::new(), ..Self::default() };
        let first = first().patch("edition", "", json!({"effective": "2014-01-01"})).patch(
            "decisions",
            "d-2016",
            json!({"date": "2013-12-15"}),
        );
        chain.ledger.record(&import(first.clone())).unwrap();
        chain.documents.push(first);
        chain
    }

    fn play(happenings: &[Happening]) -> Result<Self, TestCaseError> {
        let mut chain = Self::begin();
        happenings.iter().try_for_each(|happening| chain.happen(happening))?;
        Ok(chain)
    }

    fn happen(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        match happening {
            Happening::Edition { edits, months, same } => return self.edition(edits, *months, *same),
            Happening::Erratum(n, m) => self.erratum(*n, *m),
            Happening::Late(n, m, when) => self.late(*n, *m, *when),
            Happening::Statement(n, m) => {
                let year = (2013 + i32::from(m % 7)).to_string();
                let name = format!("Naam {}", n % 3);
                self.may(&state_from(Some(&year), Kind::Party, json!({"id": "emmen", "name": name})));
                self.may(&state(Kind::Milestone, json!({"id": "oplevering", "what": "Oplevering", "due": year})));
            }
            Happening::Part(n, m) => {
                let part = json!({
                    "milestones": [{"id": format!("los-{}", n % 3), "what": "Los", "due": 2015 + i32::from(m % 4)}],
                    "amounts": [{"id": "los-geld", "what": "Los geld", "eur": n}],
                    "decisions": [{"id": format!("begroting-{m}"), "body": "ps", "kind": "adopt-budget"}],
                });
                self.ledger
                    .record(&import(part.clone()))
                    .map_err(|refusal| TestCaseError::fail(format!("{refusal:?}")))?;
                let again = self.ledger.record(&import(part)).map(|range| range.is_empty());
                prop_assert_eq!(again, Ok(true));
            }
        }
        Ok(())
    }

    /// Asks for something that the rules may refuse; a refusal leaves nothing.
    fn may(&mut self, command: &Command) {
        let head = self.ledger.book.head();
        if self.ledger.record(command).is_err() {
            assert_eq!(self.ledger.book.head(), head);
        }
    }

    /// The agenda as it reads on a day, as a document; nothing before it began.
    fn reading(&self, cut: &Cut) -> Value {
        let reading = self.ledger.book.reading(&id("agenda"), cut, &self.ledger.events).unwrap();
        reading.map_or(Value::Null, |reading| reading.document.to_value())
    }

    fn edition(&mut self, edits: &[Edit], months: u8, same: bool) -> Result<(), TestCaseError> {
        self.month = (self.month + i32::from(months)).min(12 * 6 + 1);
        self.labels += u32::from(!same);
        let day = format!("{}-{:02}", 2014 + self.month / 12, self.month % 12 + 1);
        let effective = if months.is_multiple_of(4) { day.clone() } else { format!("{day}-01") };
        let valid = format!("{day}-01").parse().unwrap();
        let base = self.reading(&Cut { valid, ..self.ledger.book.now() });
        let decision = format!("besluit-{}", self.documents.len());
        let decisions = json!([{"id": decision, "body": "gs", "kind": "adopt-agenda", "date": format!("{day}-01")}]);
        let label = format!("editie-{}", self.labels);
        let header = json!({"id": label, "first_year": "2014", "last_year": "2020", "decision": decision});
        let base = edition_after(base, "2014", &effective).section("decisions", decisions).patch("edition", "", header);
        let mut review = Review::new(base, &mut self.memory);
        for edit in edits {
            review.apply(edit);
        }
        let document = review.finish(&decision);
        let again = document.clone();
        match self.ledger.record(&import(document.clone())) {
            Ok(_) => self.documents.push(document),
            Err(refusal) => return Err(TestCaseError::fail(format!("{refusal:?}\n{document:#}"))),
        }
        prop_assert_eq!(self.ledger.record(&import(again)).map(|range| range.is_empty()), Ok(true));
        Ok(())
    }

    /// The actions that the ledger has ever known.
    fn actions(&self) -> Vec<String> {
        self.ledger.book.entries(Kind::Action).map(|(key, _)| key.id.to_string()).collect()
    }

    fn erratum(&mut self, n: u8, m: u8) {
        let actions = self.actions();
        let action = at(Kind::Action, &actions[usize::from(n) % actions.len()]);
        let command = match m % 5 {
            0 | 1 => correct(action, "title", json!(format!("Verbeterd {n}"))),
            2 => correct(action, "summary", json!(format!("Verbeterd {n}"))),
            3 => correct(at(Kind::Party, "emmen"), "name", json!(format!("Verbeterd {n}"))),
            _ => {
                let mut command = correct(at(Kind::Amount, "geld"), "eur", json!(u32::from(n) + 1000));
                command.citation = quoted(&format!("ten minste € {} per jaar", u32::from(n) + 1000));
                command
            }
        };
        self.may(&Command::Correct(command));
    }

    fn late(&mut self, n: u8, m: u8, when: u8) {
        let actions = self.actions();
        let action = at(Kind::Action, &actions[usize::from(n) % actions.len()]);
        let day = format!("{}-{:02}", 2013 + i32::from(when % 7), when % 12 + 1);
        let day = if m.is_multiple_of(3) { day } else { format!("{day}-15") };
        self.may(&Command::RecordLate(match m % 8 {
            0 | 1 => late(action, &day, json!({"title": format!("Laat {m}")})),
            2 => late(action, &day, json!({"summary": format!("Laat {n}"), "place": "Emmen"})),
            3 => late(at(Kind::Party, "emmen"), &day, json!({"name": format!("Laat {n}")})),
            4 => late(at(Kind::Party, "emmen"), &day, json!({"kind": format!("soort-{n}")})),
            5 => late(at(Kind::Decision, "d-2016"), &day, json!({"reference": format!("Laat {}", n % 3)})),
            6 => late(at(Kind::Amount, "geld"), &day, json!({"unit": format!("Laat {n}")})),
            _ => late(at(Kind::Amount, "geld"), &day, json!({"eur": u32::from(n)})),
        }));
    }

    fn span(&self, question: Question, known: Position) -> Option<Span> {
        let state = self.ledger.book.agenda(&id("agenda"))?;
        match question {
            Question::Year(year) => Span::year(state, year, known),
            Question::Revisions(from, to) => {
                Some(Span::revisions(state.revisions.get(from)?, state.revisions.get(to)?, known))
            }
        }
    }

    fn changes(&self, span: Span) -> Changes {
        self.ledger.book.changes(&id("agenda"), span, &self.ledger.events).unwrap()
    }

    /// Asks some questions about what is known now, and keeps the answers.
    fn ask(&mut self, n: usize) -> Result<(), TestCaseError> {
        let last = self.documents.len() - 1;
        let year = |n: usize| Question::Year(2013 + i16::try_from(n % 8).unwrap());
        let known = self.ledger.book.head() - 1;
        for question in
            [year(n), year(n + 3), Question::Revisions(last.saturating_sub(1), last), Question::Revisions(0, last)]
        {
            let span = self.span(question, known).unwrap();
            let answer = self.changes(span);
            self.compare(&span, &answer).map_err(|failure| TestCaseError::fail(format!("{question:?}: {failure}")))?;
            self.asked.push((question, known, answer));
        }
        Ok(())
    }

    /// The answer says what an independent comparison of the two exported states says.
    fn compare(&self, span: &Span, answer: &Changes) -> Result<(), TestCaseError> {
        let before = span.from.map_or(Value::Null, |cut| self.reading(&cut));
        let after = self.reading(&span.to);
        let count = |value: &Value| u32::try_from(ids(value, "actions").len()).unwrap();
        prop_assert_eq!((answer.control.before, answer.control.after), (count(&before), count(&after)));
        prop_assert!(answer.control.balances(), "{:?}", answer.control);
        prop_assert_eq!(said(answer, &before, &after), difference(&before, &after));
        self.steps_sum(span, answer)
    }

    /// Each step has its reason, and together they come to the net difference.
    fn steps_sum(&self, span: &Span, answer: &Changes) -> Result<(), TestCaseError> {
        for item in &answer.items {
            let why = item.why.as_ref();
            prop_assert!(why.is_some(), "{item:?}");
            prop_assert!(span.from.is_none() || why.unwrap().reason.is_some(), "{item:?}");
            let Outcome::Changed(fields) = &item.outcome else { continue };
            let corrected: BTreeSet<_> = answer.corrected.iter().map(|correction| &correction.key).collect();
            let positions =
                item.steps.iter().map(|step| step.why.position).chain(item.why.iter().map(|why| why.position));
            let positions: Vec<_> =
                if item.steps.is_empty() { positions.collect() } else { positions.take(item.steps.len()).collect() };
            for change in fields.iter().filter(|change| change.field != "amounts" && !corrected.contains(&item.key)) {
                let mut values = positions.iter().filter_map(|position| {
                    let event = &self.ledger.events[usize::try_from(*position).unwrap()].event.payload;
                    let marks = self.ledger.book.entry(&item.key)?.mark_at(*position)?;
                    marks
                        .fields
                        .contains(item.key.kind, change.field)
                        .then(|| event.record().unwrap().value(change.field))
                });
                let last = values.next_back();
                prop_assert_eq!(last.as_ref(), Some(&change.after), "{:?}", item);
            }
        }
        Ok(())
    }
}

/// What an answer says, in the terms of the independent comparison. Between two points that are further apart, a part
/// may have left again: a split or merge counts for those of its actions that are there.
fn said(answer: &Changes, before: &Value, after: &Value) -> Difference {
    let (before, after) = (items(before), items(after));
    let carried = answer.carried_over.iter();
    let same = carried.map(|item| (item.key.kind.name().to_owned(), item.key.id.to_string())).collect();
    let mut all = Difference { same, ..Difference::default() };
    let mut lineage = BTreeSet::new();
    for item in &answer.items {
        let key = (item.key.kind.name().to_owned(), item.key.id.to_string());
        match &item.outcome {
            Outcome::Added | Outcome::Reinstated(_) => _ = all.came.insert(key),
            Outcome::Dropped(_) | Outcome::Suspended => _ = all.left.insert(key),
            // Changed and changed back; or a part of a split, which was changed after it came.
            Outcome::Changed(fields) if fields.is_empty() && before.contains_key(&key) => _ = all.same.insert(key),
            Outcome::Changed(_) if !before.contains_key(&key) => {}
            Outcome::Changed(fields) => {
                all.changed.insert(key, fields.iter().map(|change| change.field.to_owned()).collect());
            }
            Outcome::CameAndWent => {}
            Outcome::Split(others) | Outcome::Merged(others) => {
                lineage.extend(others.iter().map(|id| ("action".to_owned(), id.to_string())).chain([key]));
            }
        }
    }
    for key in lineage {
        match (before.contains_key(&key), after.contains_key(&key)) {
            (true, false) => _ = all.left.insert(key),
            (false, true) => _ = all.came.insert(key),
            _ => {}
        }
    }
    all
}

fn chains() -> impl Strategy<Value = Vec<Happening>> {
    prop::collection::vec(happening(), 1..10)
}

#[test]
fn changes_are_what_an_independent_comparison_finds_and_stay_what_they_were() {
    check(&chains(), |happenings| {
        let mut chain = Chain::begin();
        for (n, happening) in happenings.iter().enumerate() {
            chain.happen(happening)?;
            chain.ask(n)?;
        }
        for (question, known, answer) in &chain.asked {
            let span = chain.span(*question, *known).unwrap();
            let now = chain.changes(span);
            if now != *answer {
                let (then, now) = (format!("{answer:#?}"), format!("{now:#?}"));
                let other = then.lines().zip(now.lines()).find(|(then, now)| then != now);
                prop_assert!(false, "{question:?} as known at {known}: {other:?}\nthen {then}");
            }
        }
        Ok(())
    });
}

#[test]
fn every_revision_is_exported_as_it_was_handed_in() {
    check(&chains(), |happenings| {
        let chain = Chain::play(&happenings)?;
        let revisions = &chain.ledger.book.agenda(&id("agenda")).unwrap().revisions;
        prop_assert_eq!(revisions.len(), chain.documents.len());
        for (revision, document) in revisions.iter().zip(&chain.documents) {
            let export = chain.ledger.book.export(&id("agenda"), revision, &chain.ledger.events).unwrap();
            prop_assert_eq!(canonical(&export.to_value()), canonical(document), "{}", revision.name());
            prop_assert_eq!(export.sha256(), revision.seal.sha256);
            let digest: [u8; 32] = Sha256::digest(canonical(document)).into();
            prop_assert_eq!(export.sha256().0, digest);
        }
        Ok(())
    });
}

#[test]
fn documents_alone_tell_what_differs_and_how_many_actions_came_and_went() {
    check(&chains(), |happenings| {
        let chain = Chain::play(&happenings)?;
        let book = &chain.ledger.book;
        let sealed = |revision: &Revision| SealedDocument {
            seal: revision.seal.clone(),
            position: revision.position,
            document: book.export(&id("agenda"), revision, &chain.ledger.events).unwrap(),
        };
        let revisions: Vec<_> = book.agenda(&id("agenda")).unwrap().revisions.iter().map(sealed).collect();
        let told = |before: Option<&SealedDocument>, between: &[&SealedDocument], after: &SealedDocument| {
            let changes = between_documents(before, between, after);
            let value = |sealed: &SealedDocument| sealed.document.to_value();
            let (old, new) = (before.map_or(Value::Null, value), value(after));
            prop_assert_eq!(said(&changes, &old, &new), difference(&old, &new));
            prop_assert!(changes.control.balances(), "{:?}", changes.control);
            Ok(changes)
        };
        for (n, after) in revisions.iter().enumerate() {
            let changes = told(n.checked_sub(1).map(|n| &revisions[n]), &[], after)?;
            if n == 0 {
                prop_assert_eq!(changes.control, after.seal.control);
            }
            told(None, &revisions[..n].iter().collect::<Vec<_>>(), after)?;
        }
        let between: Vec<_> = revisions.iter().skip(1).collect();
        told(revisions.first(), &between, &revisions[revisions.len() - 1])?;
        Ok(())
    });
}

#[test]
fn the_replayed_book_is_the_same_and_so_is_a_written_and_read_one() {
    check(&chains(), |happenings| {
        let chain = Chain::play(&happenings)?;
        let book = &chain.ledger.book;
        let events = chain.ledger.events.len();
        for snapshot in [0, events / 3, events / 2, events] {
            prop_assert_eq!(chain.ledger.replayed(snapshot).digest(), book.digest());
        }
        let config = bincode::config::standard();
        let bytes = bincode::serde::encode_to_vec(book, config).unwrap();
        let (read, _): (Book, usize) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
        prop_assert_eq!(read.digest(), book.digest());
        prop_assert_eq!(&read, book);
        Ok(())
    });
}

#[test]
fn every_pair_of_revisions_and_every_year_balances() {
    check(&chains(), |happenings| {
        let chain = Chain::play(&happenings)?;
        let last = chain.documents.len();
        let pairs = (0..last).flat_map(|from| (from..last).map(move |to| Question::Revisions(from, to)));
        for question in pairs.chain((2013..2022).map(Question::Year)) {
            let span = chain.span(question, Position::MAX).unwrap();
            chain
                .compare(&span, &chain.changes(span))
                .map_err(|f| TestCaseError::fail(format!("{question:?}: {f}")))?;
        }
        Ok(())
    });
}

#[test]
fn what_is_true_on_a_day_is_the_last_statement_of_each_field() {
    check(&chains(), |happenings| {
        let chain = Chain::play(&happenings)?;
        let kinds = [Kind::Action, Kind::Amount, Kind::Party, Kind::Decision];
        for (key, entry) in kinds.into_iter().flat_map(|kind| chain.ledger.book.entries(kind)) {
            let first = entry.marks().iter().map(|mark| mark.position).min().unwrap();
            for year in 2012..=2020 {
                let valid = Day::last_of(year).unwrap();
                let cut = Cut { valid, ..chain.ledger.book.now() };
                let mut fields: BTreeMap<&str, Value> = BTreeMap::new();
                for mark in entry.marks().iter().filter(|mark| mark.since <= valid) {
                    let record = chain.ledger.events[usize::try_from(mark.position).unwrap()].event.payload.record();
                    let Some(record) = record else { continue };
                    for (field, value) in mark.fields.names(key.kind).map(|field| (field, record.value(field))) {
                        // What the first statement left open, an earlier day may have filled.
                        if mark.position != first || !is_unstated(&value) || !fields.contains_key(field) {
                            fields.insert(field, value);
                        }
                    }
                }
                let state = entry.at(&cut, &chain.ledger.events).unwrap();
                let record = state.map(|state| state.record);
                let value = |field: &str| record.as_ref().map(|record| record.value(field)).unwrap_or_default();
                let read: BTreeMap<_, _> = fields.keys().map(|field| (*field, value(field))).collect();
                prop_assert_eq!(read, fields, "{} in {}", key, year);
            }
        }
        Ok(())
    });
}

proptest! {
    #![proptest_config(Config { cases: 512, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_text_makes_the_reading_of_dates_panic(text in "[0-9X~?%./ -]{0,14}|[0-9]{4}-[0-9]{2}(-[0-9]{2})?[~?%]?") {
        if let Ok(date) = minutebook_domain::dates::Edtf::new(&text) {
            prop_assert!(date.earliest() <= date.latest());
            prop_assert_eq!(date.as_str(), text);
        }
    }
}
