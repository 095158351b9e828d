//! What cannot fit a filter, told from the bytes of an event: whoever looks for one item among many decodes little.

use memchr::memmem::Finder;
use minutebook_domain::event::leaves_unstated;
use minutebook_domain::filter::Filter;
use minutebook_domain::ids::Id;

/// The ids of which an event must hold one of each list. It does where it fits: texts stand in an event as they are.
/// Bodies and parties are not among them, because an event also concerns those who are named elsewhere: a body by its
/// decision, a party by its groups. Nor are agendas, to which a record may belong by its item.
#[derive(Debug)]
pub(super) struct Sieve(Vec<Vec<Finder<'static>>>);

impl Sieve {
    /// By the items and decisions of a filter.
    pub(super) fn of(filter: &Filter) -> Self {
        let finder = |id: &Id| Finder::new(id.as_str()).into_owned();
        let lists = [&filter.items, &filter.decisions].into_iter().filter(|ids| !ids.is_empty());
        Self(lists.map(|ids| ids.iter().map(finder).collect()).collect())
    }

    /// Can an event of this name fit? What leaves its record unsaid may, whatever is in it.
    pub(super) fn lets_through(&self, name: Option<&str>, event: &[u8]) -> bool {
        let has_one = |ids: &Vec<Finder<'_>>| ids.iter().any(|id| id.find(event).is_some());
        self.0.iter().all(has_one) || name.is_none_or(leaves_unstated)
    }
}
