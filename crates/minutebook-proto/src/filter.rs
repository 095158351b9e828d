//! What subscribers want to hear of.

use minutebook_domain::filter::Filter;
use minutebook_domain::ids::Id;

use crate::pb;
use crate::violation::{Violations, WireFault};
use crate::wire::Wire;

/// The most entries of a list in a filter.
pub const FILTER_ENTRIES: usize = 100;

/// A filter, checked; the names of events aside, which no record of the domain has.
pub fn filter_from_pb(pb: pb::EventFilter) -> Result<Filter, Violations> {
    let pb::EventFilter { types, agendas, registers, items, bodies, parties, decisions } = pb;
    let mut violations = Violations::default();
    violations.keep("types", bounded(&types));
    let mut ids = |field: &str, list: Vec<String>| -> Vec<Id> {
        if violations.keep(field, bounded(&list)).is_none() {
            return Vec::new();
        }
        let id = |(n, text)| violations.keep(&format!("{field}[{n}]"), Id::from_pb(text));
        list.into_iter().enumerate().filter_map(id).collect()
    };
    let filter = Filter {
        agendas: ids("agendas", agendas),
        registers,
        items: ids("items", items),
        bodies: ids("bodies", bodies),
        parties: ids("parties", parties),
        decisions: ids("decisions", decisions),
    };
    if registers && filter.agendas.is_empty() {
        violations.keep("registers", Err::<(), _>(Violations::of(WireFault::OnlyWithAgendas {})));
    }
    if violations.0.is_empty() { Ok(filter) } else { Err(violations.within("filter")) }
}

fn bounded(list: &[String]) -> Result<(), Violations> {
    if list.len() <= FILTER_ENTRIES {
        return Ok(());
    }
    Err(Violations::of(WireFault::TooMany { count: list.len(), most: FILTER_ENTRIES }))
}
