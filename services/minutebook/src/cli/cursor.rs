//! `cursor`: the places that the server keeps for consumers. Operators list and reset them; a consumer that is a script
//! takes one, says how far it is, and gives it back.

use clap::{Args, Subcommand};
use minutebook_client::Line;
use minutebook_proto::pb;
use minutebook_proto::pb::cursor_place::Place as Begin;
use serde_json::{Value, json};

use super::Output;
use super::connect::Session;
use super::failure::Failure;
use super::page::Page;
use super::words::{Words, instant};

/// Cursors.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor list")]
pub(crate) struct Cursor {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the cursors: how far each is, and who holds it
    List(List),
    /// Show one cursor, with the events that it parked and why
    Show(Show),
    /// Put a cursor somewhere else, whoever holds it, and mend one that is damaged
    Reset(Reset),
    /// Forget a cursor, whoever holds it
    Delete(Delete),
    /// Take a cursor that nobody holds, and make it where there is none; prints the token for what follows
    Acquire(Acquire),
    /// Begin the lease anew
    Renew(Renew),
    /// Say that every event up to this one was dealt with
    Ack(Ack),
    /// Put an event aside, and go on after it
    Park(Park),
    /// Say that a parked event was dealt with after all
    Unpark(Unpark),
    /// Give a cursor back
    Release(Release),
}

/// Where a cursor begins.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Place {
    /// Before the first event
    #[arg(long)]
    beginning: bool,
    /// After the event at this position
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// After the newest event
    #[arg(long)]
    now: bool,
}

impl Place {
    fn to_pb(&self) -> Option<pb::CursorPlace> {
        let beginning = self.beginning.then_some(Begin::Beginning(pb::FromBeginning {}));
        let now = self.now.then_some(Begin::Now(pb::FromNow {}));
        let place = beginning.or(self.after.map(Begin::After)).or(now)?;
        Some(pb::CursorPlace { place: Some(place) })
    }
}

/// No choice to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor list --format json")]
struct List {}

/// Which cursor to show.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor show warehouse")]
struct Show {
    /// The cursor
    name: String,
}

/// Which cursor to put where.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor reset warehouse --after 560\n\n\
                  Its holder is told to acquire it again. Parked events after that place are forgotten, for they come again.")]
struct Reset {
    /// The cursor
    name: String,
    #[command(flatten)]
    place: Place,
}

/// Which cursor to forget.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor delete warehouse")]
struct Delete {
    /// The cursor
    name: String,
}

/// Which cursor to take.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor acquire warehouse --holder night-job --beginning\n\n\
                  Say where it begins to make a new one; that counts for nothing where it is there already.")]
struct Acquire {
    /// The cursor: words of a-z and 0-9 joined by hyphens
    name: String,
    /// What you call yourself, so that others know who has it (no personal names)
    #[arg(long, value_name = "TEXT")]
    holder: String,
    /// For how many seconds you may say nothing before another may take it, from 1 to 600
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600))]
    lease: u32,
    #[command(flatten)]
    start: Place,
}

/// A cursor that you hold.
#[derive(Debug, Args)]
struct Held {
    /// The cursor
    name: String,
    /// The token that `acquire` printed
    #[arg(long, value_name = "NUMBER")]
    token: u64,
}

/// Whose lease to begin anew.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor renew warehouse --token 1735689600000")]
struct Renew {
    #[command(flatten)]
    held: Held,
}

/// How far you are.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor ack warehouse 560 --token 1735689600000")]
struct Ack {
    #[command(flatten)]
    held: Held,
    /// The last event that was dealt with
    position: u64,
}

/// Which event to put aside.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook cursor park warehouse 561 --reason 'no such party here' --token 1735689600000"
)]
struct Park {
    #[command(flatten)]
    held: Held,
    /// The event; every one before it was dealt with
    position: u64,
    /// Why it cannot be dealt with (no personal names)
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Which parked event was dealt with.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor unpark warehouse 561")]
struct Unpark {
    /// The cursor
    name: String,
    /// The event
    position: u64,
}

/// What to give back.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook cursor release warehouse --token 1735689600000")]
struct Release {
    #[command(flatten)]
    held: Held,
}

impl Cursor {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let mut cursors = session.cursor();
        match self.verb {
            Verb::List(List {}) => list(cursors, output).await,
            Verb::Show(show) => show.run(cursors, output).await,
            Verb::Reset(Reset { name, place }) => {
                let request = pb::ResetCursorRequest { name, place: place.to_pb() };
                let answer = cursors.reset_cursor(request).await?.into_inner();
                tell(output, answer.position, answer.cursor)
            }
            Verb::Delete(Delete { name }) => delete(cursors, name, output).await,
            Verb::Acquire(acquire) => acquire.run(cursors, output).await,
            Verb::Renew(Renew { held: Held { name, token } }) => {
                let answer = cursors.renew_cursor(pb::RenewCursorRequest { name, token }).await?.into_inner();
                tell(output, answer.position, answer.cursor)
            }
            Verb::Ack(Ack { held: Held { name, token }, position: acknowledged }) => {
                let request = pb::AcknowledgeCursorRequest { name, token, acknowledged };
                let answer = cursors.acknowledge_cursor(request).await?.into_inner();
                tell(output, answer.position, answer.cursor)
            }
            Verb::Park(Park { held: Held { name, token }, position: parked, reason }) => {
                let request = pb::ParkEventRequest { name, token, parked, reason };
                let answer = cursors.park_event(request).await?.into_inner();
                tell(output, answer.position, answer.cursor)
            }
            Verb::Unpark(Unpark { name, position: parked }) => {
                let answer = cursors.unpark_event(pb::UnparkEventRequest { name, parked }).await?.into_inner();
                tell(output, answer.position, answer.cursor)
            }
            Verb::Release(Release { held: Held { name, token } }) => {
                let answer = cursors.release_cursor(pb::ReleaseCursorRequest { name, token }).await?.into_inner();
                tell(output, answer.position, answer.cursor)
            }
        }
    }
}

/// What cursors are asked by.
type Client = pb::cursor_service_client::CursorServiceClient<Line>;

impl Acquire {
    async fn run(self, mut cursors: Client, output: Output) -> Result<(), Failure> {
        let lease_ms = Some(self.lease.saturating_mul(1_000));
        let (name, holder, start) = (self.name, self.holder, self.start.to_pb());
        let request = pb::AcquireCursorRequest { name, holder, lease_ms, start };
        let answer = cursors.acquire_cursor(request).await?.into_inner();
        let cursor = answer.cursor.unwrap_or_default();
        let as_json = || json!({"position": answer.position, "cursor": to_json(&cursor), "token": answer.token});
        output.answer(as_json, |page| {
            write(page, output.words, answer.position, &cursor);
            page.detail("token", &answer.token.to_string());
        })
    }
}

impl Show {
    async fn run(self, mut cursors: Client, output: Output) -> Result<(), Failure> {
        let request = pb::GetCursorRequest { name: self.name, min_position: None };
        let answer = cursors.get_cursor(request).await?.into_inner();
        let cursor = answer.cursor.unwrap_or_default();
        let as_json = || {
            let parked = answer.parked.iter().map(|parked| {
                json!({
                    "position": parked.position,
                    "reason": parked.reason,
                    "parked_at": instant(parked.parked_at_ms),
                })
            });
            let parked: Vec<_> = parked.collect();
            json!({"position": answer.position, "cursor": to_json(&cursor), "parked": parked})
        };
        output.answer(as_json, |page| {
            let w = output.words;
            write(page, w, answer.position, &cursor);
            for parked in &answer.parked {
                let (position, at) = (parked.position, instant(parked.parked_at_ms));
                let (nl, en) =
                    (format!("gebeurtenis {position} terzijde, {at}"), format!("event {position} parked, {at}"));
                page.entry(2, &w.pick(nl, en), &parked.reason);
            }
        })
    }
}

async fn list(mut cursors: Client, output: Output) -> Result<(), Failure> {
    let answer = cursors.list_cursors(pb::ListCursorsRequest::default()).await?.into_inner();
    let as_json = || {
        let cursors: Vec<_> = answer.cursors.iter().map(to_json).collect();
        json!({"position": answer.position, "cursors": cursors})
    };
    output.answer(as_json, |page| {
        page.title(&format!("Cursors ({})", answer.cursors.len()));
        answer.cursors.iter().for_each(|cursor| write(page, output.words, answer.position, cursor));
    })
}

async fn delete(mut cursors: Client, name: String, output: Output) -> Result<(), Failure> {
    let request = pb::DeleteCursorRequest { name: name.clone() };
    let position = cursors.delete_cursor(request).await?.into_inner().position;
    let as_json = || json!({"position": position, "deleted": name});
    output.answer(as_json, |page| {
        let (nl, en) = (format!("Cursor {name} is verwijderd."), format!("Cursor {name} was deleted."));
        page.note(&output.words.pick(nl, en));
    })
}

/// Tells where a cursor is.
fn tell(output: Output, position: u64, cursor: Option<pb::Cursor>) -> Result<(), Failure> {
    let cursor = cursor.unwrap_or_default();
    let as_json = || json!({"position": position, "cursor": to_json(&cursor)});
    output.answer(as_json, |page| write(page, output.words, position, &cursor))
}

fn to_json(cursor: &pb::Cursor) -> Value {
    let holder = cursor.holder.as_ref();
    json!({
        "name": cursor.name,
        "acknowledged": cursor.acknowledged,
        "holder": holder.map(|held| json!({"name": held.name, "lease_ms": held.lease_ms, "left_ms": held.left_ms})),
        "parked": cursor.parked,
        "damage": cursor.damage,
    })
}

fn write(page: &mut Page, w: Words, position: u64, cursor: &pb::Cursor) {
    if let Some(damage) = &cursor.damage {
        page.item(&cursor.name, damage);
        return;
    }
    let to_go = position.saturating_add(1).saturating_sub(cursor.acknowledged.map_or(0, |last| last.saturating_add(1)));
    let place = match cursor.acknowledged {
        Some(last) => w.pick(format!("na gebeurtenis {last}"), format!("after event {last}")),
        None => w.pick("voor de eerste gebeurtenis", "before the first event").to_owned(),
    };
    page.item(&cursor.name, &w.pick(format!("{place}, nog {to_go} te gaan"), format!("{place}, {to_go} to go")));
    let (parked, held) = (cursor.parked, cursor.holder.as_ref());
    if parked > 0 {
        page.detail(w.pick("terzijde gelegd", "parked"), &parked.to_string());
    }
    let holder = match held.map(|held| (&held.name, held.left_ms)) {
        None => w.pick("niemand", "nobody").to_owned(),
        Some((name, 0)) => w.pick(format!("niemand; laatst {name}"), format!("nobody; {name} was the last")),
        Some((name, left_ms)) => {
            w.pick(format!("{name}, nog {left_ms} ms"), format!("{name}, for another {left_ms} ms"))
        }
    };
    page.detail(w.pick("in handen van", "held by"), &holder);
}
