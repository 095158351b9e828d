//! Holds what subscribers were told against a full reading, by a model of its own: in order, each once, without a gap,
//! whole requests, exactly what fits, and every position true.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use minutebook_proto::pb;
use minutebook_proto::pb::event::Payload;
use prost::Message as _;
use tonic::transport::Channel;

use super::subscriber::{Part, Told};
use crate::client;
use crate::tally::{Bad, Tally};

/// One event of the full reading.
#[derive(Debug)]
struct Read {
    bytes: Vec<u8>,
    request_id: String,
    name: &'static str,
    /// The parties and bodies that it names.
    names: BTreeSet<String>,
    /// The groups that each party is in, once it has happened.
    groups: BTreeMap<String, BTreeSet<String>>,
}

/// A full reading.
#[derive(Debug, Default)]
pub(super) struct Judge {
    events: Vec<Read>,
    /// Who took each decision.
    deciders: BTreeMap<String, String>,
}

impl Judge {
    /// Reads what is new.
    pub(super) async fn read_on(&mut self, channel: &Channel) -> Result<()> {
        let mut stream = client::events(channel, u64::try_from(self.events.len())?).await?;
        while let Some(answer) = stream.message().await? {
            let mut groups = self.events.last().map(|read| read.groups.clone()).unwrap_or_default();
            let event = pb::Event::decode(answer.event.clone())?;
            let (name, mut names) = told_by(event.payload.as_ref(), &mut groups);
            names.extend(event.decision_id.and_then(|id| self.deciders.get(&id).cloned()));
            if let Some(Payload::DecisionRecorded(pb::DecisionRecorded { decision: Some(decision), .. })) =
                event.payload
            {
                self.deciders.insert(decision.id, decision.body);
            }
            let request_id = event.request_id;
            self.events.push(Read { bytes: answer.event.to_vec(), request_id, name, names, groups });
        }
        Ok(())
    }

    fn read(&self, position: u64) -> Option<&Read> {
        self.events.get(usize::try_from(position).ok()?)
    }

    /// Does a request end with this event?
    fn is_end(&self, position: u64) -> bool {
        let next = self.read(position.saturating_add(1));
        self.read(position).is_some_and(|read| next.is_none_or(|next| next.request_id != read.request_id))
    }

    /// How each event fits that does: by which names of the wanted party.
    fn expected(&self, filter: &pb::EventFilter, after: Option<u64>, to: u64) -> Vec<(u64, Vec<pb::PartyMatch>)> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        (from..to.saturating_add(1))
            .filter_map(|position| Some((position, fits(self.read(position)?, filter)?)))
            .collect()
    }

    /// Judges what a subscriber was told.
    pub(super) fn judge(&self, told: &Told, tally: &mut Tally) {
        if let Err(why) = self.walk(told) {
            let (bad, what) = *why;
            tally.bad(bad, 1, format!("{:?}: {what}", told.wanted));
        }
        let events = told.parts.iter().filter_map(|part| match part {
            Part::Events(batch) => Some(batch.events.len()),
            _ => None,
        });
        tally.add("events delivered", events.map(|count| u64::try_from(count).unwrap_or(u64::MAX)).sum());
        let begun = told.parts.iter().filter(|part| matches!(part, Part::Began(_))).count();
        tally.add("subscriptions", u64::try_from(begun).unwrap_or(u64::MAX));
    }

    fn walk(&self, told: &Told) -> Result<(), Box<(Bad, String)>> {
        let filter = &told.wanted.filter;
        let (mut base, mut whole) = (None, None);
        let mut is_first = true;
        let mut got: Vec<(u64, Vec<pb::PartyMatch>)> = Vec::new();
        // What came of a request that is not whole yet.
        let mut open: Vec<(u64, Vec<pb::PartyMatch>)> = Vec::new();
        for part in &told.parts {
            let position = match part {
                Part::Began(position) => {
                    if std::mem::take(&mut is_first) {
                        (base, whole) = (*position, *position);
                    }
                    open.clear();
                    continue;
                }
                Part::Events(batch) => {
                    for event in &batch.events {
                        open.push((self.known(event)?, event.matches.clone()));
                    }
                    if !batch.continues {
                        got.append(&mut open);
                    }
                    batch.position
                }
                Part::CaughtUp(position) | Part::Checkpoint(position) => *position,
            };
            if Some(position) < whole || !self.is_end(position) && Some(position) != base {
                return differing(format!("after {whole:?} comes the position {position}"));
            }
            whole = Some(position);
            let expected = self.expected(filter, base, position);
            if got != expected {
                let here = |all: &[(u64, _)]| all.iter().map(|(position, _)| *position).collect::<BTreeSet<_>>();
                let (had, should) = (here(&got), here(&expected));
                let lost = should.difference(&had).copied().collect::<Vec<_>>();
                let bad = match (lost.is_empty(), had.len() < got.len()) {
                    (false, _) => Bad::Lost,
                    (true, true) => Bad::Duplicated,
                    (true, false) => Bad::Differing,
                };
                let surplus = had.difference(&should).copied().collect::<Vec<_>>();
                return Err(Box::new((bad, format!("up to {position}: without {lost:?}, with {surplus:?}"))));
            }
        }
        Ok(())
    }

    /// The position of a delivered event, which is the one that was recorded there.
    fn known(&self, event: &pb::DeliveredEvent) -> Result<u64, Box<(Bad, String)>> {
        let Ok(decoded) = pb::Event::decode(event.event.clone()) else {
            return differing("what came is no event".to_owned());
        };
        match self.read(decoded.position) {
            Some(read) if read.bytes == event.event => Ok(decoded.position),
            Some(_) => differing(format!("the event {} is another one", decoded.position)),
            None => Err(Box::new((Bad::Lost, format!("the event {} was told, and is gone", decoded.position)))),
        }
    }
}

fn differing<T>(what: String) -> Result<T, Box<(Bad, String)>> {
    Err(Box::new((Bad::Differing, what)))
}

/// The name of an event, and whom it names; what it says of groups is taken in.
fn told_by(
    payload: Option<&Payload>,
    groups: &mut BTreeMap<String, BTreeSet<String>>,
) -> (&'static str, BTreeSet<String>) {
    let mut of_party = |party: Option<&pb::Party>| {
        let Some(party) = party else { return BTreeSet::new() };
        let members: BTreeSet<_> = party.members.iter().flat_map(|list| list.ids.clone()).collect();
        for of in groups.values_mut() {
            of.remove(&party.id);
        }
        for member in &members {
            groups.entry(member.clone()).or_default().insert(party.id.clone());
        }
        members.into_iter().chain([party.id.clone()]).collect()
    };
    match payload {
        Some(Payload::LedgerFounded(_)) => ("LedgerFounded", BTreeSet::new()),
        Some(Payload::PartyRegistered(event)) => ("PartyRegistered", of_party(event.party.as_ref())),
        Some(Payload::PartyChanged(event)) => ("PartyChanged", of_party(event.party.as_ref())),
        Some(Payload::BodyEstablished(event)) => {
            ("BodyEstablished", event.body.iter().map(|body| body.id.clone()).collect())
        }
        Some(Payload::MandateGranted(event)) => {
            ("MandateGranted", event.mandate.iter().map(|mandate| mandate.body.clone()).collect())
        }
        Some(Payload::DecisionRecorded(event)) => {
            ("DecisionRecorded", event.decision.iter().map(|decision| decision.body.clone()).collect())
        }
        Some(Payload::AmountRecorded(event)) => {
            ("AmountRecorded", event.amount.iter().filter_map(|amount| amount.source.clone()).collect())
        }
        _ => ("", BTreeSet::new()),
    }
}

/// How an event fits; `None` where it does not.
fn fits(read: &Read, filter: &pb::EventFilter) -> Option<Vec<pb::PartyMatch>> {
    let is = |wanted: &[String], found: bool| wanted.is_empty() || found;
    let named = |id: &String| read.names.contains(id);
    if !is(&filter.types, filter.types.iter().any(|name| name == read.name))
        || !is(&filter.bodies, filter.bodies.iter().any(named))
    {
        return None;
    }
    let touch = |party: &String| {
        let groups = read.groups.get(party).into_iter().flatten();
        let via = if named(party) { None } else { Some(groups.clone().find(|id| named(id))?.clone()) };
        Some(pb::PartyMatch { party: party.clone(), via })
    };
    let matches: Vec<_> = filter.parties.iter().filter_map(touch).collect();
    is(&filter.parties, !matches.is_empty()).then_some(matches)
}
