//! The reference model of a review: what is proposed, what of it counts, and what it becomes.

use std::collections::{BTreeMap, BTreeSet};

use minutebook_domain::ids::Kind;
use serde_json::json;

use crate::acts::act::{Proposal, Step, Word};
use crate::acts::agenda::{Item, Stand};
use crate::acts::model::{Answer, Fields, Model, NEVER, Record, Rule, fields, first, forbid, last, refused};

/// A review that is open.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) effective: Word,
    /// How many editions there were when it was opened.
    base: usize,
    proposals: Vec<Proposed>,
    rest_kept: bool,
    /// What its newest step chose.
    just_chosen: Option<String>,
}

/// A proposal, as it was made.
#[derive(Debug, Clone)]
struct Proposed {
    id: String,
    actor: (Word, Word),
    what: Proposal,
    ground: Option<Word>,
    /// The actions that it is about.
    about: BTreeSet<String>,
    /// The amounts that it states, as they would read.
    pays: Vec<(String, Fields)>,
    turn: usize,
    chosen: Option<usize>,
    withdrawn: bool,
}

impl Review {
    /// What became of each proposal. The last choice counts first; what it passes over is out of the way of the rest.
    /// Where the chosen one was withdrawn, or more was proposed since, no choice for the same actions counts, and one is
    /// to be made.
    fn states(&self) -> Vec<&'static str> {
        let mut states = vec![""; self.proposals.len()];
        let mut order: Vec<usize> = (0..states.len()).collect();
        order.sort_by_key(|n| std::cmp::Reverse(self.proposals[*n].chosen));
        let (mut taken, mut open) = (BTreeSet::new(), BTreeSet::new());
        for n in order {
            let proposed = &self.proposals[n];
            let same = |other: &&Proposed| !other.withdrawn && !other.about.is_disjoint(&proposed.about);
            let newest = self.proposals.iter().filter(same).map(|other| other.turn).max();
            let overtaken = proposed.chosen.is_some() && newest > proposed.chosen;
            states[n] = if proposed.withdrawn {
                "Withdrawn"
            } else if !taken.is_disjoint(&proposed.about) {
                "PassedOver"
            } else if overtaken || !open.is_disjoint(&proposed.about) {
                "Competing"
            } else if proposed.chosen.is_some() {
                "Selected"
            } else {
                "Sole"
            };
            match states[n] {
                "Selected" => taken.extend(proposed.about.clone()),
                _ if proposed.chosen.is_some() => open.extend(proposed.about.clone()),
                _ => {}
            }
        }
        let sole: Vec<usize> = (0..states.len()).filter(|n| states[*n] == "Sole").collect();
        let about = |n: usize| &self.proposals[n].about;
        for n in &sole {
            if sole.iter().any(|m| m != n && !about(*m).is_disjoint(about(*n))) {
                states[*n] = "Competing";
            }
        }
        states
    }

    /// What is proposed, by whom, and what became of it.
    pub(crate) fn told(&self) -> Vec<(String, (Word, Word), &'static str)> {
        let all = self.proposals.iter().zip(self.states());
        all.map(|(proposed, state)| (proposed.id.clone(), proposed.actor, state)).collect()
    }

    fn counting(&self) -> impl Iterator<Item = &Proposed> {
        let all = self.proposals.iter().zip(self.states());
        all.filter(|(_, state)| matches!(*state, "Sole" | "Selected")).map(|(proposed, _)| proposed)
    }

    fn live(&mut self, change: &str) -> Result<&mut Proposed, BTreeSet<&'static str>> {
        let Some(proposed) = self.proposals.iter_mut().find(|proposed| proposed.id == change) else {
            return refused("NOT_FOUND");
        };
        forbid("PROPOSAL_WITHDRAWN", proposed.withdrawn)?;
        Ok(proposed)
    }
}

/// Reviews.
impl Model {
    /// A review is opened once on a base, for an edition that follows the current one, or is the current one.
    pub(crate) fn open(&mut self, edition: Word, effective: Word) -> Answer {
        let base = self.editions.len();
        let (current, since) = self.editions.last().unwrap();
        forbid("REVIEW_ALREADY_OPEN", self.reviews.get(edition).is_some_and(|review| review.base == base))?;
        let Some((_, years)) = edition.split_once('-') else { return refused("YEARS_MISSING") };
        forbid("EDITION_OVER", first(effective) > last(years))?;
        forbid("REVISION_SEALED", *current != edition && self.editions.iter().any(|(sealed, _)| *sealed == edition))?;
        forbid("EDITION_EARLIER", first(effective) < *since)?;
        let opened = Review { effective, base, proposals: Vec::new(), rest_kept: false, just_chosen: None };
        let review = self.reviews.entry(edition).or_insert(opened);
        (review.effective, review.base, review.just_chosen, review.rest_kept) = (effective, base, None, false);
        Ok(vec!["ReviewOpened"])
    }

    /// A step of the named review, or of the only one.
    pub(crate) fn review(&mut self, edition: Option<Word>, step: &Step, why: bool, actor: (Word, Word)) -> Answer {
        forbid("REVIEW_AMBIGUOUS", edition.is_none() && self.reviews.len() > 1)?;
        let edition = edition.or_else(|| self.reviews.keys().next().copied()).unwrap_or_default();
        let turn = self.turn;
        let Some(review) = self.reviews.get_mut(edition) else { return refused("REVIEW_NOT_OPEN") };
        let mut chosen = None;
        let name = match step {
            Step::Propose(what, ground) => {
                forbid("REASON_MISSING", !why)?;
                let proposed = self.propose(edition, what, *ground, actor)?;
                *self.made.entry(edition).or_default() += 1;
                self.reviews.get_mut(edition).unwrap().proposals.push(proposed);
                "DispositionProposed"
            }
            Step::Withdraw(change) => {
                let proposed = review.live(change)?;
                forbid("REASON_MISSING", !why)?;
                proposed.withdrawn = true;
                "DispositionWithdrawn"
            }
            Step::Select(change) => {
                let again = review.just_chosen.as_deref() == Some(change);
                let proposed = review.live(change)?;
                forbid("NO_CHANGE", again)?;
                proposed.chosen = Some(turn);
                chosen = Some((*change).to_owned());
                "DispositionSelected"
            }
            Step::KeepRest => {
                forbid("NO_CHANGE", review.rest_kept)?;
                review.rest_kept = true;
                "RestKept"
            }
            Step::Adopt(decision, from) => return self.adopt(edition, decision, *from, why),
            Step::Abandon => {
                forbid("REASON_MISSING", !why)?;
                self.reviews.remove(edition);
                return Ok(vec!["ReviewAbandoned"]);
            }
        };
        self.reviews.get_mut(edition).unwrap().just_chosen = chosen;
        Ok(vec![name])
    }

    /// A proposal says what its kind needs, of what stands where it needs it when the edition begins.
    fn propose(
        &self,
        edition: Word,
        what: &Proposal,
        ground: Option<Word>,
        actor: (Word, Word),
    ) -> Result<Proposed, BTreeSet<&'static str>> {
        let day = first(self.reviews[edition].effective);
        forbid("CHANGE_FORM", matches!(what, Proposal::Drop(_, false)))?;
        forbid("NOT_FOUND", ground.is_some_and(|ground| !self.knows(Kind::Decision, ground)))?;
        self.holds(ground, &day)?;
        let mut pays = Vec::new();
        let about = match what {
            Proposal::Retitle(id, title) => {
                self.stands(id, &day)?;
                forbid("NO_CHANGE", self.items[*id].reads.on(&day).unwrap()["title"] == *title)?;
                vec![*id]
            }
            Proposal::Repay(amount, eur) => {
                let Some(action) = self.naming(amount) else { return refused("CHANGE_FORM") };
                self.stands(action, &day)?;
                let Some(mut reads) = self.records[&(Kind::Amount, (*amount).to_owned())].on(&day) else {
                    return refused("NOT_FOUND");
                };
                let before = reads.insert("eur", (*eur).into());
                forbid("NO_CHANGE", before == Some((*eur).into()))?;
                pays.push(((*amount).to_owned(), reads));
                vec![action.as_str()]
            }
            Proposal::Drop(id, _) | Proposal::Suspend(id) => {
                self.stands(id, &day)?;
                vec![*id]
            }
            Proposal::Reinstate(id) => {
                let stand = self.items.get(*id).and_then(|item| item.on(&day));
                forbid("ITEM_STANDING", stand == Some(Stand::Here))?;
                forbid("NOT_FOUND", stand.is_none())?;
                for amount in self.items[*id].amounts(&day) {
                    let reads = self.records[&(Kind::Amount, amount.clone())].on(&day).unwrap();
                    pays.push((amount, reads));
                }
                vec![*id]
            }
            Proposal::Add(id) => {
                self.fresh(id, &day, true)?;
                vec![*id]
            }
            Proposal::Split(from, into) => {
                forbid("SPLIT_NEEDS_TWO", into.len() < 2)?;
                self.stands(from, &day)?;
                into.iter().try_for_each(|part| self.fresh(part, &day, false))?;
                into.iter().chain([from]).copied().collect()
            }
            Proposal::Merge(from, into) => {
                forbid("MERGE_NEEDS_TWO", from.len() < 2)?;
                // By their names, as the proposal lists them.
                let from: BTreeSet<_> = from.iter().copied().collect();
                from.iter().try_for_each(|part| self.stands(part, &day))?;
                self.fresh(into, &day, false)?;
                from.into_iter().chain([*into]).collect()
            }
        };
        Ok(Proposed {
            id: format!("change-{:02}", self.made.get(edition).unwrap_or(&0) + 1),
            actor,
            what: what.clone(),
            ground,
            about: about.into_iter().map(str::to_owned).collect(),
            pays,
            turn: self.turn,
            chosen: None,
            withdrawn: false,
        })
    }

    /// The action stands on the agenda on that day.
    fn stands(&self, action: &str, day: &str) -> Rule {
        let stand = self.items.get(action).and_then(|item| item.on(day));
        forbid("NOT_FOUND", stand.is_none())?;
        forbid("ITEM_STANDING", stand != Some(Stand::Here))
    }

    /// No action of that name stands or is suspended; nor was there ever one, unless it may be taken up again.
    fn fresh(&self, action: &str, day: &str, again: bool) -> Rule {
        let item = self.items.get(action);
        let stand = item.and_then(|item| item.on(day));
        let suspended = item.is_some_and(|item| item.on(NEVER) == Some(Stand::Suspended));
        forbid("ITEM_STANDING", stand == Some(Stand::Here) || stand.is_some() && (suspended || !again))
    }

    /// How many actions stand on the agenda when the edition begins, and those without a proposal.
    pub(crate) fn without(&self, edition: &str) -> (usize, BTreeSet<String>) {
        let review = &self.reviews[edition];
        let live = review.proposals.iter().filter(|proposed| !proposed.withdrawn);
        let about: BTreeSet<_> = live.flat_map(|proposed| &proposed.about).collect();
        let day = first(review.effective);
        let actions: Vec<_> = self.actions(&day).map(|(id, _)| id).collect();
        (actions.len(), actions.into_iter().filter(|id| !about.contains(id)).cloned().collect())
    }

    /// What the review still lacks, the first of which answers; and all that is wrong with the decisions it rests on.
    pub(crate) fn obstacles(
        &self,
        edition: &str,
        decision: &str,
        why: bool,
    ) -> (Vec<&'static str>, BTreeSet<&'static str>) {
        let review = &self.reviews[edition];
        let day = first(review.effective);
        let taken = self.record(Kind::Decision, decision);
        let early = |taken: &Record| {
            let covers = taken.get("effective").is_some_and(|since| first(&since) <= day);
            !covers && taken.get("date").is_some_and(|date| day < first(&date))
        };
        let lacks = [
            ("BASE_MOVED", review.base != self.editions.len()),
            ("REVIEW_INCOMPLETE", !review.rest_kept && !self.without(edition).1.is_empty()),
            ("REVIEW_CONFLICT", review.states().contains(&"Competing")),
            ("STALE_BASE", review.counting().any(|proposed| self.overtaken(proposed))),
            ("NOT_FOUND", taken.is_none()),
            ("EFFECT_BEFORE_ALLOWED", !why && taken.is_some_and(early)),
        ];
        let mut faults = BTreeSet::new();
        let mandated = |decision: &Record| {
            let (body, kind) = (decision.get("body").unwrap(), decision.get("kind").unwrap());
            forbid("NO_MANDATE", !self.may(&body, &kind, decision.get("date").as_deref()))
        };
        let over = day > last(edition.rsplit('-').next().unwrap_or_default());
        faults.extend(Some("EDITION_OVER").filter(|_| over));
        let adopts = taken.is_none_or(|taken| taken.get("kind").as_deref() == Some("adopt-agenda"));
        if !adopts {
            faults.insert("NOT_ADOPTING");
        }
        let grounds = review.counting().filter_map(|proposed| proposed.ground);
        for decision in grounds.chain(Some(decision).filter(|_| adopts)) {
            faults.extend(self.holds(Some(decision), &day).err().into_iter().flatten());
            let taken = self.record(Kind::Decision, decision);
            faults.extend(taken.and_then(|taken| mandated(taken).err()).into_iter().flatten());
        }
        // Out of its place in time, nothing else is asked.
        if day < self.editions.last().unwrap().1 {
            faults.retain(|code| *code == "EDITION_OVER");
            faults.insert("EDITION_EARLIER");
        }
        (lacks.into_iter().filter(|(_, lacking)| *lacking).map(|(code, _)| code).collect(), faults)
    }

    /// What a proposal is about came, left, or was changed in what it touches since it was made.
    fn overtaken(&self, proposed: &Proposed) -> bool {
        let later = |turn: usize| turn > proposed.turn;
        let touched: &[&str] = match proposed.what {
            Proposal::Retitle(..) => &["title"],
            Proposal::Repay(..) => &["amounts"],
            Proposal::Reinstate(_) => &["title", "amounts"],
            _ => &[],
        };
        let moved = proposed.about.iter().filter_map(|id| self.items.get(id)).any(|item| {
            item.stands.iter().any(|(_, turn, _)| later(*turn))
                || touched.iter().any(|field| item.reads.set(field).any(later))
        });
        let field_set =
            |amount: &Record| ["what", "eur", "per", "action"].iter().any(|field| amount.set(field).any(later));
        moved || proposed.pays.iter().any(|(id, _)| field_set(&self.records[&(Kind::Amount, id.clone())]))
    }

    /// What is proposed becomes the agenda from the day of the edition on.
    fn adopt(&mut self, edition: Word, decision: Word, from: Option<Word>, why: bool) -> Answer {
        let review = self.reviews.get_mut(edition).unwrap();
        let opened_for = review.effective;
        review.effective = from.unwrap_or(opened_for);
        let (lacks, faults) = self.obstacles(edition, decision, why);
        if !lacks.is_empty() || !faults.is_empty() {
            self.reviews.get_mut(edition).unwrap().effective = opened_for;
            return lacks.first().map_or(Err(faults), |first| refused(first));
        }
        let review = self.reviews.remove(edition).unwrap();
        let (day, turn) = (first(review.effective), self.turn);
        let mut names = Vec::new();
        let counting: Vec<_> = review.counting().cloned().collect();
        let decisions: BTreeSet<Word> = counting.iter().filter_map(|p| p.ground).chain([decision]).collect();
        for id in decisions {
            // A decision that was recorded from a later day on holds for the edition that it adopts.
            let decision = self.records.get_mut(&(Kind::Decision, id.to_owned())).unwrap();
            if decision.on(&day).is_none() {
                let now = decision.now();
                decision.state(&day, turn, now);
                names.push("DecisionRecorded");
            }
        }
        for proposed in counting {
            for (id, reads) in &proposed.pays {
                let amount = self.records.get_mut(&(Kind::Amount, id.clone())).unwrap();
                let differing = amount.differing(&day, reads);
                if !differing.is_empty() {
                    amount.state(&day, turn, differing);
                    names.push("AmountChanged");
                }
            }
            self.carry_out(&proposed.what, &day, &mut names);
        }
        names.push("RevisionSealed");
        self.editions.push((edition, day));
        Ok(names)
    }

    fn carry_out(&mut self, what: &Proposal, day: &str, names: &mut Vec<&'static str>) {
        let turn = self.turn;
        let new = |id: &str| fields([("title", format!("Actie {id}").into()), ("amounts", json!([]))]);
        let mut come = |items: &mut BTreeMap<String, Item>, id: &str| {
            let item = items.entry(id.to_owned());
            item.or_default().come(day, turn, new(id));
            names.push("ItemAdded");
        };
        let items = &mut self.items;
        let name = match what {
            Proposal::Add(id) => return come(items, id),
            Proposal::Retitle(id, title) => {
                items.get_mut(*id).unwrap().reads.state(day, turn, fields([("title", (*title).into())]));
                "ItemChanged"
            }
            Proposal::Repay(amount, _) => {
                let id = self.naming(amount).unwrap().clone();
                let item = self.items.get_mut(&id).unwrap();
                let amounts = item.amounts(day);
                item.reads.state(day, turn, fields([("amounts", json!(amounts))]));
                "ItemChanged"
            }
            Proposal::Drop(id, _) => {
                items.get_mut(*id).unwrap().move_to(day, turn, Stand::Left);
                "ItemDropped"
            }
            Proposal::Suspend(id) => {
                items.get_mut(*id).unwrap().move_to(day, turn, Stand::Suspended);
                "ItemSuspended"
            }
            Proposal::Reinstate(id) => {
                items.get_mut(*id).unwrap().move_to(day, turn, Stand::Here);
                "ItemReinstated"
            }
            Proposal::Split(from, into) => {
                items.get_mut(*from).unwrap().move_to(day, turn, Stand::Left);
                for id in into {
                    come(items, id);
                }
                "ItemSplit"
            }
            Proposal::Merge(from, into) => {
                for id in from {
                    items.get_mut(*id).unwrap().move_to(day, turn, Stand::Left);
                }
                come(items, into);
                "ItemMerged"
            }
        };
        names.push(name);
    }
}
