//! The file on one decision: what was known when it was taken, on whose advice, what came of it, and what is still due.

use std::collections::BTreeSet;

use crate::book::{AgendaState, Book};
use crate::dates::{Day, Edtf};
use crate::decision::{DecisionView, EFFECTS_MAX};
use crate::history::{Cut, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Decision, Milestone, Record};

/// The file on one decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Dossier {
    /// The decision, its mandate, its effects and what superseded it.
    pub view: DecisionView,
    /// What was known when it was taken; empty where nobody can tell.
    pub knew: Vec<Knew>,
    /// The decisions that what it adopted rests on, advice first, by id.
    pub grounds: Vec<Decision>,
    /// What is still due of the actions that it touched, the oldest first.
    pub promises: Vec<Milestone>,
}

/// How an agenda stood when a decision was taken, as far as was known then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knew {
    /// The agenda.
    pub agenda: Id,
    /// The revision in force; absent where there was none yet.
    pub revision: Option<String>,
    /// How many actions it stated.
    pub actions: usize,
    /// The newest event of it that was known.
    pub position: Option<Position>,
}

impl Book {
    /// The file on a decision, as known at a point in time. `then` is the newest event that was recorded when it was
    /// taken; `None` where the ledger had not begun.
    pub fn dossier(
        &self,
        id: &Id,
        cut: &Cut,
        then: Option<Position>,
        events: &dyn Recall,
    ) -> Result<Option<Dossier>, Unreadable> {
        let Some(view) = self.decision_view(id, EFFECTS_MAX, cut, events)? else { return Ok(None) };
        let day = view.decision.date.as_ref().map_or(Day::NEVER, Edtf::latest);
        let knew = then.map(|known| Cut { valid: day, known, sealed: None });
        let concerned = |agenda: &Id| view.agenda.as_ref().is_none_or(|mine| mine == agenda);
        let agendas = || self.agendas().filter(|(agenda, _)| concerned(agenda));
        let told = |cut: Cut| agendas().map(|(agenda, state)| knew_of(agenda, state, &cut)).collect();
        let knew = knew.map(told).unwrap_or_default();
        Ok(Some(Dossier {
            knew,
            grounds: self.grounds(&view, cut, events)?,
            promises: self.still_due(&view, cut, events)?,
            view,
        }))
    }

    fn grounds(&self, view: &DecisionView, cut: &Cut, events: &dyn Recall) -> Result<Vec<Decision>, Unreadable> {
        let named = view.effects.iter().filter_map(|effect| effect.why.ground.as_ref());
        let ids: BTreeSet<_> = named.filter(|ground| **ground != view.decision.id).collect();
        let mut grounds = Vec::new();
        for id in ids {
            let state = self.at(&Key::new(Kind::Decision, id), cut, events)?;
            if let Some(Record::Decision(decision)) = state.as_ref().map(|state| state.record.as_ref()) {
                grounds.push(decision.clone());
            }
        }
        grounds.sort_by_key(|decision| decision.kind.as_str() != crate::authority::ADVISE);
        Ok(grounds)
    }

    fn still_due(&self, view: &DecisionView, cut: &Cut, events: &dyn Recall) -> Result<Vec<Milestone>, Unreadable> {
        let touched: BTreeSet<_> = view.effects.iter().map(|effect| &effect.key).collect();
        let concerned = |milestone: &Milestone| {
            let of_action = milestone.action.as_ref().map(|action| Key::new(Kind::Action, action));
            touched.contains(&Key::new(Kind::Milestone, &milestone.id))
                || of_action.is_some_and(|a| touched.contains(&a))
        };
        let promises = self.promises(None, cut, cut.valid, events)?.into_iter();
        let open = promises.filter(|promise| promise.state.is_open()).map(|promise| promise.milestone);
        Ok(open.filter(concerned).collect())
    }
}

fn knew_of(agenda: &Id, state: &AgendaState, cut: &Cut) -> Knew {
    let revision = state.in_force(cut);
    Knew {
        agenda: agenda.clone(),
        revision: revision.map(crate::book::Revision::name),
        actions: revision.and_then(|revision| revision.contents.get(&Kind::Action)).map_or(0, Vec::len),
        position: revision.map(|revision| revision.position),
    }
}
