//! Subscriptions: the events from a place on, and then those that are recorded.
//!
//! Nothing is queued for a subscriber. A task of its own looks through the events ([`scan`]), a stretch [`ahead`] of what the
//! subscriber takes ([`outlet`]), and waits where there are no more ([`follow`]).

mod ahead;
mod follow;
mod outlet;
mod pack;
mod prove;
mod scan;
mod sieve;

use std::sync::Arc;

use minutebook_domain::event;
use minutebook_domain::filter::Filter;
use minutebook_domain::ids::{Key, Position};
use minutebook_domain::message::Lang;
use minutebook_domain::value::Nearest;
use minutebook_ledger::{Cursors, Holding, Reader, Subscription};
use minutebook_proto::pb::subscribe_request::Start;
use minutebook_proto::{filter_from_pb, id_from_pb, pb};
use tonic::Status;

use self::follow::Follow;
pub(crate) use self::outlet::Told;
use self::prove::Prover;
use self::scan::Scan;
use super::status;
use super::trouble::{Fault, Trouble};
use crate::app::App;
use crate::serve::Ending;

/// A checkpoint whenever so many events have been looked at, unless asked otherwise.
const EVERY: u32 = 10_000;

/// Begins a subscription.
pub(super) async fn subscribe(
    app: &Arc<App>,
    request: pb::SubscribeRequest,
    ending: Option<Ending>,
    lang: Lang,
) -> Result<Told, Status> {
    let opened = app.reader().and_then(|reader| Ok((reader, app.cursors()?)));
    let (reader, cursors) = opened.map_err(|rebuilding| status::trouble(rebuilding, lang))?;
    // The book may have to be looked through for the nearest name.
    let begun = app.work(move || begin(reader, &cursors, request)).await;
    let begun = begun.map_err(|error| status::trouble(Trouble::failed(error), lang))?;
    let Begun { scan, head, holding, every, prover } = begun.map_err(|fault| status::unanswered(fault, lang))?;
    let (outlet, told) = outlet::outlet();
    let subscriber = app.metrics().subscribers().enter(scan.place().next);
    let follow = Follow::new(Arc::clone(app), head, every, prover, ending, subscriber, lang);
    tokio::spawn(follow.run(scan, holding, outlet));
    Ok(told)
}

/// A subscription that is about to follow.
struct Begun {
    scan: Scan,
    head: Subscription,
    /// The cursor after which it goes on.
    holding: Option<Holding>,
    every: u64,
    prover: Option<Prover>,
}

fn begin(reader: Reader, cursors: &Cursors, request: pb::SubscribeRequest) -> Result<Begun, Fault> {
    let pb::SubscribeRequest { start, filter, checkpoint_every, prove, proved_size } = request;
    let head = reader.subscribe();
    let (next, holding) = start_of(start, &head, cursors)?;
    let filter = filter.unwrap_or_default();
    let types = types_of(&filter.types)?;
    let filter = filter_from_pb(filter)?;
    check_named(&reader, &filter)?;
    let prover = prove.then(|| Prover::new(reader.clone(), proved_size)).transpose()?;
    let every = if checkpoint_every == 0 { EVERY } else { checkpoint_every };
    Ok(Begun { scan: Scan::new(reader, types, filter, next), head, holding, every: every.into(), prover })
}

/// Nothing would ever fit a record that is not there, and that is to be told.
fn check_named(reader: &Reader, filter: &Filter) -> Result<(), Fault> {
    if filter.is_empty() {
        return Ok(());
    }
    let book = reader.book().map_err(Trouble::from)?;
    for (kinds, id) in filter.named() {
        let is_known = kinds.iter().any(|kind| book.entry(&Key::new(*kind, id)).is_some());
        if let Some(kind) = kinds.first().filter(|_| !is_known) {
            let known = kinds.iter().flat_map(|kind| book.entries(*kind)).map(|(key, _)| key.id.as_str());
            let nearest = Nearest::of(id.as_str(), known);
            return Err(Trouble::RecordUnknown { key: Key::new(*kind, id), nearest }.into());
        }
    }
    Ok(())
}

/// The position of the first event to look at, and the cursor where that says so.
fn start_of(
    start: Option<Start>,
    head: &Subscription,
    cursors: &Cursors,
) -> Result<(Position, Option<Holding>), Fault> {
    let after = |position: Position| match head.head() {
        head if position < head => Ok(position.saturating_add(1)),
        head => Err(Fault::from(Trouble::Beyond { position, newest: head.saturating_sub(1) })),
    };
    match start {
        Some(Start::Beginning(pb::FromBeginning {})) => Ok((0, None)),
        Some(Start::Now(pb::FromNow {})) => Ok((head.head(), None)),
        Some(Start::After(position)) => Ok((after(position)?, None)),
        Some(Start::Cursor(pb::HeldCursor { name, token })) => {
            let holding = cursors.hold(&id_from_pb("cursor.name", name)?, token)?;
            Ok((holding.acknowledged().map_or(Ok(0), after)?, Some(holding)))
        }
        None => Err(Trouble::StartMissing { field: "start" }.into()),
    }
}

/// The names of events that a request names.
pub(super) fn types_of(names: &[String]) -> Result<Vec<&'static str>, Fault> {
    let known = |name: &String| {
        let unknown = || Trouble::EventUnknown { name: name.clone(), nearest: Nearest::of(name, event::names()) };
        event::names().find(|known| known == name).ok_or_else(|| unknown().into())
    };
    names.iter().map(known).collect()
}
