//! The reference model of the agenda: which actions stand on it, and how they read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::acts::model::{Fields, Model, NEVER, Record, Rule, fields, forbid};

/// Whether an action stands on the agenda.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    Here,
    Left,
    Suspended,
}

/// An action.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    /// From which day, in which turn it came or left; the first in time first.
    pub(crate) stands: Vec<(String, usize, Stand)>,
    pub(crate) reads: Record,
}

impl Item {
    pub(crate) fn new(since: &str, title: &str, amounts: Vec<&str>) -> Self {
        let mut item = Self::default();
        item.come(since, 0, fields([("title", title.into()), ("amounts", json!(amounts))]));
        item
    }

    pub(crate) fn come(&mut self, since: &str, turn: usize, reads: Fields) {
        self.reads.state(since, turn, reads);
        self.move_to(since, turn, Stand::Here);
    }

    pub(crate) fn move_to(&mut self, since: &str, turn: usize, stand: Stand) {
        self.stands.push((since.to_owned(), turn, stand));
        self.stands.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    }

    /// Where it stands on a day; `None` before it was known.
    pub(crate) fn on(&self, day: &str) -> Option<Stand> {
        self.stands.iter().rfind(|(since, ..)| since.as_str() <= day).map(|(.., stand)| *stand)
    }

    pub(crate) fn amounts(&self, day: &str) -> Vec<String> {
        let amounts = self.reads.on(day).and_then(|mut reads| reads.remove("amounts")).unwrap_or_default();
        amounts.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

/// The agenda.
impl Model {
    /// The action stands on the agenda.
    pub(crate) fn standing(&self, action: &str) -> Rule {
        let item = self.items.get(action);
        forbid("NOT_FOUND", item.is_none())?;
        forbid("NOT_ON_AGENDA", item.is_some_and(|item| item.on(NEVER) != Some(Stand::Here)))
    }

    /// The actions that stand on the agenda on a day.
    pub(crate) fn actions(&self, day: &str) -> impl Iterator<Item = (&String, &Item)> {
        self.items.iter().filter(move |(_, item)| item.on(day) == Some(Stand::Here))
    }

    /// The actions on the agenda, with their titles.
    pub(crate) fn agenda(&self, day: &str) -> BTreeMap<String, String> {
        let title = |item: &Item| item.reads.on(day).unwrap()["title"].as_str().unwrap().to_owned();
        self.actions(day).map(|(id, item)| (id.clone(), title(item))).collect()
    }

    /// The action that names an amount.
    pub(crate) fn naming(&self, amount: &str) -> Option<&String> {
        let mut naming = self.actions(NEVER).filter(|(_, item)| item.amounts(NEVER).iter().any(|id| id == amount));
        naming.next().map(|(id, _)| id)
    }

    pub(crate) fn is_named(&self, amount: &str) -> bool {
        self.naming(amount).is_some()
    }
}
