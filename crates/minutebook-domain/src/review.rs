//! The yearly review: what several people do one step at a time, until a body adopts what it comes to.
//!
//! What is proposed is made in `propose.rs`, which of it counts is told in `tally.rs`, and what it comes to is worked
//! out in `adopt.rs`.

use serde_json::json;

use crate::book::{AgendaState, Book, OpenReview, Revision};
use crate::command::Context;
use crate::dates::Edtf;
use crate::document::{entry, key};
use crate::event::{Draft, Payload, Reason, ReviewEvent, ReviewOpened, ReviewStep};
use crate::history::{Cut, Recall};
use crate::ids::{Id, Key, Kind, Position};
use crate::plan::{base_of, misplaced};
use crate::record::Record;
use crate::refusal::{OpenReviews, Refusal, Rejection, Subject, listed};
use crate::statement::{check_text, is_reason};
use crate::value::{ChangeKind, Disposition, Fault, Text, Value};

/// One step of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewCommand {
    /// The agenda.
    pub agenda: Id,
    /// The label of the edition under review; absent is the agenda's only open review.
    pub edition: Option<Id>,
    /// What is asked.
    pub act: ReviewAct,
    /// Why.
    pub reason: Option<Text>,
    /// The newest event of the review that the client knows, or the agenda's newest seal for one that is opened;
    /// another one refuses.
    pub expected_revision: Option<Position>,
}

/// What is asked of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewAct {
    /// Open it, or open it again on a base that has moved.
    Open(Opening),
    /// Propose a change of the agenda.
    Propose(Proposing),
    /// Take a proposal back.
    Withdraw(Id),
    /// Choose a proposal among those for its item.
    Select(Id),
    /// Leave what nobody proposed to change as it is.
    KeepRest,
    /// Adopt what it comes to.
    Adopt(Adopting),
    /// Give it up.
    Abandon,
}

/// What is said of the edition that a review is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The first and the last year; absent is as the edition has them already, or as its label says (`2018-2019`).
    pub years: Option<(Edtf, Edtf)>,
    /// From when it will hold.
    pub effective: Edtf,
    /// The term that it plans for; absent is from its first year to its last.
    pub horizon: Option<Edtf>,
    /// How it will be reviewed.
    pub review: Option<Text>,
    /// Made-up test data.
    pub invented: bool,
}

/// A change to be proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposing {
    /// The id of the proposal; absent is the next free one.
    pub change: Option<Id>,
    /// What happens to the item.
    pub kind: ChangeKind,
    /// The item, where one changes, leaves or comes back.
    pub item: Option<Key>,
    /// The actions that leave by a split or merge.
    pub from: Vec<Id>,
    /// What becomes of an item that is dropped.
    pub disposition: Option<Disposition>,
    /// The values of the item, and of the amounts that it names.
    pub set: Vec<Setting>,
    /// The items that come, and their amounts.
    pub items: Vec<Record>,
    /// The decision that it rests on; absent is the one that adopts it.
    pub ground: Option<Id>,
}

/// A value for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The record: an item, or an amount that an action names; absent is the item that is meant.
    pub key: Option<Key>,
    /// The field.
    pub field: String,
    /// What stands there now; another value refuses.
    pub old: Option<Value>,
    /// What should stand there.
    pub new: Value,
}

/// How what a review comes to is adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopting {
    /// The decision that adopts it.
    pub decision: Id,
    /// From when it holds; absent is as the review was opened.
    pub effective: Option<Edtf>,
    /// What the body decided otherwise than was proposed.
    pub amend: Vec<Setting>,
}

impl ReviewCommand {
    /// The command by names, for its digest.
    pub(crate) fn to_value(&self) -> Value {
        let date = |date: &Edtf| date.as_str().to_owned();
        let (name, of) = match &self.act {
            ReviewAct::Open(o) => (
                "open",
                json!({
                    "first_year": o.years.as_ref().map(|(first, _)| date(first)),
                    "last_year": o.years.as_ref().map(|(_, last)| date(last)),
                    "effective": date(&o.effective), "horizon": o.horizon.as_ref().map(date),
                    "review": o.review.as_ref().map(Text::as_str), "invented": o.invented,
                }),
            ),
            ReviewAct::Propose(p) => (
                "propose",
                json!({
                    "change": p.change.as_ref().map(Id::as_str), "kind": p.kind.to_string(),
                    "item": p.item.as_ref().map(Key::path), "from": p.from.iter().map(Id::as_str).collect::<Vec<_>>(),
                    "disposition": p.disposition.map(|disposition| disposition.to_string()),
                    "set": p.set.iter().map(Setting::to_value).collect::<Vec<_>>(),
                    "items": p.items.iter().map(|item| json!([item.kind().name(), entry(item)])).collect::<Vec<_>>(),
                    "ground": p.ground.as_ref().map(Id::as_str),
                }),
            ),
            ReviewAct::Withdraw(change) => ("withdraw", json!([change.as_str()])),
            ReviewAct::Select(change) => ("select", json!([change.as_str()])),
            ReviewAct::KeepRest => ("keep_rest", true.into()),
            ReviewAct::Adopt(a) => (
                "adopt",
                json!({
                    "decision": a.decision.as_str(), "effective": a.effective.as_ref().map(date),
                    "amend": a.amend.iter().map(Setting::to_value).collect::<Vec<_>>(),
                }),
            ),
            ReviewAct::Abandon => ("abandon", true.into()),
        };
        json!({"review": {
            "agenda": self.agenda.as_str(), "edition": self.edition.as_ref().map(Id::as_str), name: of,
            "reason": self.reason.as_ref().map(Text::as_str), "expected_revision": self.expected_revision,
        }})
    }
}

impl Setting {
    /// By names. Values stand in lists: that nothing should stand there is something that is said.
    fn to_value(&self) -> Value {
        json!({
            "key": self.key.as_ref().map(Key::path), "field": self.field,
            "old": self.old.as_ref().map(|old| [old]), "new": [&self.new],
        })
    }
}

impl OpenReview {
    /// The refusal of another one like it.
    pub(crate) fn already_open(&self) -> Refusal {
        Refusal::ReviewAlreadyOpen { edition: self.review.edition.clone(), base: self.base_name() }
    }

    /// The revision that it starts from, as people name it.
    pub fn base_name(&self) -> String {
        match &self.review.base {
            None => "-".to_owned(),
            Some(base) if base.revision == 1 => base.edition.to_string(),
            Some(base) => format!("{}@{}", base.edition, base.revision),
        }
    }
}

/// An open review, with what is needed to look into it.
#[derive(Clone, Copy)]
pub(crate) struct Reviewing<'a> {
    pub(crate) book: &'a Book,
    pub(crate) agenda: &'a Id,
    pub(crate) open: &'a OpenReview,
    /// The agenda's newest revision: the base, unless that has moved.
    pub(crate) current: &'a Revision,
    /// From when the edition would hold.
    pub(crate) effective: &'a Edtf,
    pub(crate) events: &'a dyn Recall,
}

impl<'a> Reviewing<'a> {
    /// The label of the edition.
    pub(crate) fn edition(&self) -> &'a Id {
        &self.open.review.edition
    }

    /// The point in time whose state the proposals change.
    pub(crate) fn cut(&self) -> Cut {
        Cut { valid: self.effective.earliest(), ..Cut::NOW }
    }

    /// The address of a proposal.
    pub(crate) fn change_key(&self, id: &Id) -> Key {
        key(Kind::Change, id, Some(self.agenda), Some(self.edition()))
    }

    fn event(&self, step: ReviewStep) -> Payload {
        Payload::Review(ReviewEvent { agenda: self.agenda.clone(), edition: self.edition().clone(), step })
    }

    /// What a reason that is missing is missing for.
    pub(crate) fn subject(&self) -> Subject {
        Subject::Review(self.edition().clone())
    }
}

/// An event of a request, with its reason.
pub(crate) fn draft(context: &Context, reason: Option<&Text>, payload: Payload) -> Draft {
    let reason = reason.cloned().map(|text| Reason { code: None, text });
    Draft { reason, ..Draft::of(context, payload) }
}

/// A reason in words.
pub(crate) fn given(reason: Option<&Text>, what: Subject) -> Result<&Text, Refusal> {
    reason.filter(|reason| is_reason(reason.as_str())).ok_or(Refusal::ReasonMissing { what })
}

impl Book {
    /// Records one step of a review.
    pub(crate) fn decide_review(
        &self,
        command: &ReviewCommand,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Vec<Draft>, Rejection> {
        let reason = command.reason.as_ref();
        reason.map_or(Ok(()), check_text)?;
        self.check_known(&Key::new(Kind::Agenda, &command.agenda))?;
        if let ReviewAct::Open(opening) = &command.act {
            return Ok(vec![draft(context, reason, self.opened(command, opening)?)]);
        }
        let at = self.reviewing(&command.agenda, command.edition.as_ref(), events)?;
        if let Some(yours) = command.expected_revision {
            at.subject().check_known_state(yours, at.open.newest)?;
        }
        let payload = match &command.act {
            ReviewAct::Adopt(adopting) => return at.adopt(adopting, reason, context),
            // INVARIANT: an opening was answered above.
            ReviewAct::Open(_) => return Ok(Vec::new()),
            ReviewAct::Propose(proposing) => Payload::DispositionProposed(at.propose(proposing, reason)?),
            ReviewAct::Withdraw(change) => {
                at.live(change)?;
                given(reason, Subject::Entry(change.clone()))?;
                at.event(ReviewStep::Withdrawn(change.clone()))
            }
            ReviewAct::Select(change) => {
                at.check_selection(change)?;
                at.event(ReviewStep::Selected(change.clone()))
            }
            ReviewAct::KeepRest if at.open.rest_kept => {
                let item = key(Kind::Edition, at.edition(), Some(at.agenda), None);
                return Err(Refusal::NoChange { item }.into());
            }
            ReviewAct::KeepRest => at.event(ReviewStep::RestKept),
            ReviewAct::Abandon => {
                given(reason, at.subject())?;
                at.event(ReviewStep::Abandoned)
            }
        };
        Ok(vec![draft(context, reason, payload)])
    }

    /// The open review that is meant: the named one, or the only one.
    pub(crate) fn reviewing<'a>(
        &'a self,
        agenda: &'a Id,
        edition: Option<&Id>,
        events: &'a dyn Recall,
    ) -> Result<Reviewing<'a>, Refusal> {
        let state = self.agenda(agenda);
        let open = || state.iter().flat_map(|state| state.open.keys());
        let missing = || {
            let open = OpenReviews(open().cloned().collect());
            Refusal::ReviewNotOpen { agenda: agenda.clone(), open }
        };
        let (state, current) = state.and_then(|state| Some((state, state.current()?))).ok_or_else(missing)?;
        let found = match edition {
            Some(edition) => state.open.get(edition),
            None if state.open.len() > 1 => {
                return Err(Refusal::ReviewAmbiguous { agenda: agenda.clone(), open: listed(open()) });
            }
            None => state.open.values().next(),
        };
        let open = found.ok_or_else(missing)?;
        Ok(Reviewing { book: self, agenda, open, current, effective: &open.review.effective, events })
    }

    /// The event that opens a review: it freezes the base by its number and digest.
    fn opened(&self, command: &ReviewCommand, opening: &Opening) -> Result<Payload, Refusal> {
        let unnamed = || Refusal::FieldInvalid { field: "edition".to_owned(), fault: Fault::Missing {} };
        let edition = command.edition.as_ref().ok_or_else(unnamed)?;
        let nothing = || Refusal::NothingToReview { agenda: command.agenda.clone() };
        let state = self.agenda(&command.agenda).ok_or_else(nothing)?;
        let base = state.current().ok_or_else(nothing)?;
        if let Some(yours) = command.expected_revision {
            Subject::Record(Key::new(Kind::Agenda, &command.agenda)).check_known_state(yours, state.newest())?;
        }
        let on = |open: &OpenReview| open.review.base.as_ref().map(|base| base.position);
        let before = state.open.get(edition);
        if let Some(open) = before.filter(|open| on(open) == Some(base.position)) {
            return Err(open.already_open());
        }
        let missing = || Refusal::YearsMissing { edition: edition.clone() };
        let (years, horizon) = years_of(state, edition, opening).ok_or_else(missing)?;
        let (first_year, last_year) = years;
        let misplaced = misplaced(edition, &first_year, &last_year, &opening.effective, Some(state));
        if let Some((_, refusal)) = misplaced.into_iter().next() {
            return Err(refusal);
        }
        opening.review.as_ref().map_or(Ok(()), check_text)?;
        Ok(Payload::ReviewOpened(ReviewOpened {
            agenda: command.agenda.clone(),
            edition: edition.clone(),
            first_year,
            last_year,
            effective: opening.effective.clone(),
            horizon,
            review: opening.review.clone(),
            revision: state.next_revision(edition),
            invented: opening.invented || base.invented || before.is_some_and(|open| open.review.invented),
            base: Some(base_of(base)),
        }))
    }
}

/// The years and the horizon of an edition: as asked, or as its last revision has them, or as its label says.
fn years_of(state: &AgendaState, edition: &Id, opening: &Opening) -> Option<((Edtf, Edtf), Option<Edtf>)> {
    let before = state.revision(edition.as_str(), None).map(|revision| &revision.seal.edition);
    let before = before.filter(|_| opening.years.is_none());
    let years = match (&opening.years, before) {
        (Some(years), _) => years.clone(),
        (None, Some(before)) => (before.first_year.clone(), before.last_year.clone()),
        (None, None) => labelled(edition.as_str())?,
    };
    let (first, last) = &years;
    let term = || if first == last { Some(first.clone()) } else { Edtf::new(&format!("{first}/{last}")).ok() };
    let horizon = opening.horizon.clone().or_else(|| before.map_or_else(term, |before| before.horizon.clone()));
    Some((years, horizon))
}

/// The years that a label says: `2018`, or `2018-2019`.
fn labelled(label: &str) -> Option<(Edtf, Edtf)> {
    let (first, last) = label.split_once('-').unwrap_or((label, label));
    let year = |text: &str| text.parse().ok().filter(|_| text.len() == 4).and_then(|year| Edtf::year(year).ok());
    Some((year(first)?, year(last)?))
}
