//! What an auditor looks up among all records once, to ask it of each.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::dates::Day;
use crate::findings::Auditor;
use crate::history::{Act, Cut, Entry};
use crate::ids::{Id, Kind};
use crate::record::{Amount, Record};

#[derive(Default)]
pub(crate) struct LookedUp<'a> {
    dropped: OnceCell<HashMap<String, (&'a Id, Day)>>,
    paid: OnceCell<HashMap<&'a Id, Vec<&'a Amount>>>,
}

impl<'a> Auditor<'a> {
    /// The actions that were dropped, by their titles in small letters, each with since when.
    pub(crate) fn dropped(&self) -> &HashMap<String, (&'a Id, Day)> {
        self.looked_up.dropped.get_or_init(|| {
            let mine = |entry: &Entry| entry.agenda.as_ref() == Some(self.agenda) && !entry.is_present();
            let left = self.book.entries(Kind::Action).filter(|(_, entry)| mine(entry));
            left.filter_map(|(_, entry)| {
                let last = entry.marks().iter().rev().find(|mark| mark.act.standing().is_some())?;
                match entry.record.as_ref() {
                    Record::Action(action) if last.act == Act::Dropped => {
                        Some((action.title.as_str().to_lowercase(), (&action.id, last.since)))
                    }
                    _ => None,
                }
            })
            .collect()
        })
    }

    /// The amounts that hold, by the action that they name.
    pub(crate) fn paid(&self) -> &HashMap<&'a Id, Vec<&'a Amount>> {
        self.looked_up.paid.get_or_init(|| {
            let mut paid: HashMap<_, Vec<_>> = HashMap::new();
            for (key, entry) in self.book.entries(Kind::Amount) {
                if let Record::Amount(amount) = entry.record.as_ref()
                    && let Some(action) = &amount.action
                    && self.concerns(key, entry)
                    && entry.end(&Cut::NOW).is_none()
                {
                    paid.entry(action).or_default().push(amount);
                }
            }
            paid
        })
    }
}
