//! `subscribe`: the events from a place on, and then those that are recorded, each on a line, until somebody ends it.

use std::io::{self, Write as _};
use std::sync::mpsc;

use clap::Args;
use minutebook_client::{Error, Event, Follower, Start, Told, pb};
use minutebook_domain::ids::Position;
use minutebook_domain::message::messages;
use minutebook_domain::value::Value;
use minutebook_proto::decode_event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;
use tokio::sync::oneshot;

use super::cloud_event::cloud_event;
use super::connect::Session;
use super::failure::{Exit, Failure};
use super::page::print;
use super::proof::{Unproved, verifier_key};
use super::words::Words;
use super::{Format, Output, event_json, events};
use crate::server::told_to_end;

messages! {
    /// Why a subscription ends that the server did not refuse.
    enum Unfollowed {
        /// What was read is not there any more.
        WentBack { seen: Position, why: String } = "WENT_BACK"
            nl "het grootboek eindigt vóór gebeurtenis {seen}, die er al was: het is teruggezet, of het is een ander (melding: {why})"
            en "the ledger ends before event {seen}, which was there: it was put back, or it is another one ({why})"
        /// Another ledger took the address.
        Other {} = "OTHER_LEDGER"
            nl "op dit adres staat nu een ander grootboek dan dat werd gevolgd"
            en "another ledger is served at this address than the one that was followed"
        /// Something is missing, or comes twice.
        Misplaced { due: Position, found: Position } = "CORRUPT"
            nl "de server gaf gebeurtenis {found} waar {due} hoort"
            en "the server gave event {found} where {due} belongs"
    }
}

/// What to print, and how.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook subscribe --server 127.0.0.1:7468 --agenda krimp-en-leefbaarheid --format json\n\n\
                  Without --from or --now it begins with the first event. To go on later, give the position after the\n\
                  last one that you dealt with: `--from 561`. Standard error tells how far it is. It connects again by\n\
                  itself, and ends when it is interrupted or nobody reads its output; to hand every event to a broker:\n\
                  \x20 minutebook subscribe --now --format cloudevents --quiet | while read -r event; do …; done"
)]
pub(crate) struct Subscribe {
    #[command(flatten)]
    which: Which,
    /// With --format cloudevents: the whole event as data, and not only what it is about
    #[arg(long)]
    full: bool,
    /// Print only what is proved to be in the log that this verifier key signs (the key, or a file with it); it comes up
    /// to 3 seconds later then
    #[arg(long, value_name = "KEY")]
    prove: Option<String>,
    /// End when everything that is there has been printed
    #[arg(long)]
    until_caught_up: bool,
    /// Do not tell on standard error how far it is
    #[arg(long)]
    quiet: bool,
}

/// Which events, and from where.
#[derive(Debug, Args)]
struct Which {
    /// The first position
    #[arg(long, value_name = "POSITION", conflicts_with = "now")]
    from: Option<Position>,
    /// Only what is recorded from now on
    #[arg(long)]
    now: bool,
    /// Only events of this name, such as `ItemChanged`; like all that follow, it may be given more than once
    #[arg(long = "type", value_name = "NAME")]
    types: Vec<String>,
    /// Only what is about this agenda
    #[arg(long = "agenda", value_name = "AGENDA")]
    agendas: Vec<String>,
    /// With --agenda: also what agendas rest on: registers, decisions, motions, agreements
    #[arg(long, requires = "agendas")]
    registers: bool,
    /// Only what is about this theme, sub-task, policy item or action, or names it
    #[arg(long = "item", value_name = "ITEM")]
    items: Vec<String>,
    /// Only what is about this body, names it, or was decided by it
    #[arg(long = "body", value_name = "BODY")]
    bodies: Vec<String>,
    /// Only what is about this party or names it, or a group that it is in
    #[arg(long = "party", value_name = "PARTY")]
    parties: Vec<String>,
    /// Only what was recorded by this decision, is about it, or names it
    #[arg(long = "decision", value_name = "DECISION")]
    decisions: Vec<String>,
}

impl Subscribe {
    /// Prints the events as they come.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let ending = told_to_end().map_err(|error| Failure::new(Exit::Unreachable, "IO", error.to_string()))?;
        let lines = Lines::of(&self, session, output).await?;
        let follower = self.follower(session, w)?;
        let printer = Printer::new();
        tokio::select! {
            done = self.follow(follower, &lines, &printer, w) => done,
            () = ending => Ok(()),
        }
    }

    fn follower(&self, session: &Session, w: Words) -> Result<Follower, Failure> {
        let follower = session.follow(self.which.start()).filter(self.which.filter());
        Ok(match &self.prove {
            Some(key) => follower.verified_by(verifier_key(key, w)?),
            None => follower,
        })
    }

    async fn follow(&self, mut follower: Follower, lines: &Lines, printer: &Printer, w: Words) -> Result<(), Failure> {
        loop {
            let told = follower.next().await.map_err(|error| unfollowed(error, w))?;
            match &told {
                Told::Events(batch) => {
                    let text = batch.events.iter().map(|event| lines.of_event(event)).collect();
                    printer.print(Text::Answer(text)).await?;
                }
                _ if !is_read() => return Err(Failure::of_output(&io::ErrorKind::BrokenPipe.into())),
                _ if self.quiet => {}
                told => printer.print(Text::Aside(lines.of_progress(told))).await?,
            }
            if self.until_caught_up && matches!(told, Told::CaughtUp(_)) {
                return Ok(());
            }
        }
    }
}

impl Which {
    fn start(&self) -> Start {
        match self.from.and_then(|from| from.checked_sub(1)) {
            _ if self.now => Start::Now,
            Some(before) => Start::After(before),
            None => Start::Beginning,
        }
    }

    fn filter(&self) -> pb::EventFilter {
        pb::EventFilter {
            types: self.types.clone(),
            agendas: self.agendas.clone(),
            registers: self.registers,
            items: self.items.clone(),
            bodies: self.bodies.clone(),
            parties: self.parties.clone(),
            decisions: self.decisions.clone(),
        }
    }
}

/// How events are written.
struct Lines {
    output: Output,
    full: bool,
    /// The id of the ledger, where it is part of what is written.
    ledger: String,
}

impl Lines {
    async fn of(subscribe: &Subscribe, session: &Session, output: Output) -> Result<Self, Failure> {
        let full = subscribe.full;
        if full && output.format != Format::Cloudevents {
            let (nl, en) = ("--full hoort bij --format cloudevents", "--full goes with --format cloudevents");
            return Err(Failure::usage(output.words.pick(nl, en)));
        }
        let ledger = match output.format {
            Format::Cloudevents => {
                session.admin().get_status(pb::GetStatusRequest::default()).await?.into_inner().ledger
            }
            _ => String::new(),
        };
        Ok(Self { output, full, ledger })
    }

    fn of_event(&self, event: &Event) -> String {
        match self.output.format {
            Format::Json => format!("{}\n", event_value(event)),
            Format::Cloudevents => format!("{}\n", cloud_event(event, &self.ledger, self.full)),
            _ => events::line(&event.bytes, self.output),
        }
    }

    /// How far it is, or that it is not connected now.
    fn of_progress(&self, told: &Told) -> String {
        let w = self.output.words;
        let (value, nl, en) = match told {
            Told::Events(_) => return String::new(),
            Told::CaughtUp(position) => (
                json!({"caught_up": position}),
                format!("bij tot en met gebeurtenis {position}; wat volgt is nieuw"),
                format!("caught up with event {position}; what follows is new"),
            ),
            Told::Checkpoint(position) => (
                json!({"checkpoint": position}),
                format!("gekomen tot gebeurtenis {position}"),
                format!("reached event {position}"),
            ),
            Told::Interrupted(why) => (
                json!({"interrupted": why}),
                format!("maakt opnieuw verbinding ({why})"),
                format!("connects again ({why})"),
            ),
        };
        if self.output.format.is_json() { format!("{value}\n") } else { format!("{}\n", w.pick(nl, en)) }
    }
}

/// An event as `events` writes it, with the parties of the filter that it concerns.
pub(super) fn event_value(event: &Event) -> Value {
    let mut value = match decode_event(&event.bytes) {
        Ok(recorded) => event_json::event(&recorded),
        Err(error) => event_json::unreadable(&event.bytes, &error),
    };
    let matches = event.matches.iter().map(|touch| json!({"party": touch.party, "via": touch.via}));
    let matches: Vec<_> = matches.collect();
    if let Some(map) = value.as_object_mut().filter(|_| !matches.is_empty()) {
        map.insert("matches".to_owned(), matches.into());
    }
    value
}

fn unfollowed(error: Error, w: Words) -> Failure {
    let unfollowed = match error {
        Error::Refused(refused) => return refused.status().clone().into(),
        Error::NotProved(why) => return Unproved::of(why).failure(w),
        Error::WentBack { seen, why } => Unfollowed::WentBack { seen, why },
        Error::OtherLedger => Unfollowed::Other {},
        Error::OutOfOrder { due, found } => Unfollowed::Misplaced { due, found },
        error => return Failure::new(Exit::Unreachable, "UNREACHABLE", error.to_string()),
    };
    Failure::new(Exit::Integrity, unfollowed.code(), unfollowed.message(w.0))
}

/// Does anybody read on? Where standard output is a pipe whose reader has gone, nobody does, and there may be no event for
/// long to find that out by.
fn is_read() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let told = poll(&mut polled, Some(&Timespec::default()));
    told.is_err() || !polled.iter().any(|polled| polled.revents().contains(PollFlags::ERR))
}

/// What is printed.
enum Text {
    /// On standard output.
    Answer(String),
    /// On standard error.
    Aside(String),
}

/// Prints on a thread of its own: whoever does not read what is printed cannot keep the program from ending.
struct Printer(mpsc::Sender<(Text, oneshot::Sender<Result<(), Failure>>)>);

impl Printer {
    fn new() -> Self {
        let (sender, texts) = mpsc::channel::<(Text, oneshot::Sender<_>)>();
        std::thread::spawn(move || {
            for (text, done) in texts {
                let printed = match text {
                    Text::Answer(text) => print(&text),
                    Text::Aside(text) => {
                        io::stderr().write_all(text.as_bytes()).map_err(|error| Failure::of_output(&error))
                    }
                };
                let _ = done.send(printed);
            }
        });
        Self(sender)
    }

    /// Prints it, and waits until that is done.
    async fn print(&self, text: Text) -> Result<(), Failure> {
        let (done, printed) = oneshot::channel();
        let gone = || Failure::of_output(&io::ErrorKind::BrokenPipe.into());
        self.0.send((text, done)).map_err(|_| gone())?;
        printed.await.map_err(|_| gone())?
    }
}
