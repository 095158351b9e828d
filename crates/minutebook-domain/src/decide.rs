//! From a command to its events, or a refusal.

use crate::book::Book;
use crate::command::{Command, Context};
use crate::event::{Draft, Founding, Payload};
use crate::history::Recall;
use crate::ids::{Id, Kind};
use crate::refusal::{Refusal, Rejection};
use crate::value::Nearest;

impl Book {
    /// Decides on a command: its events in order, or why it is refused. No events means that nothing is new.
    ///
    /// `events` reads back what was recorded, for commands that reach back in time.
    pub fn decide(&self, command: &Command, context: &Context, events: &dyn Recall) -> Result<Vec<Draft>, Rejection> {
        if let Command::Found(founding) = command {
            return self.found(founding, context);
        }
        if self.founding().is_none() {
            return Err(Refusal::NotFounded {}.into());
        }
        if let Some(body) = context.actor.on_behalf_of.as_ref().filter(|body| self.body(body).is_none()) {
            let known: Vec<_> = self.entries(Kind::Body).map(|(key, _)| key.id.clone()).collect();
            let nearest = Nearest::of(body.as_str(), known.iter().map(Id::as_str));
            return Err(Refusal::UnknownReference { kind: Kind::Body, id: body.clone(), nearest }.into());
        }
        match command {
            Command::Found(founding) => self.found(founding, context),
            Command::State(command) => self.decide_state(command, context, events),
            Command::Import(command) => self.decide_import(command, context, events),
            Command::Correct(command) => self.decide_correct(command, context, events),
            Command::RecordLate(command) => self.decide_late(command, context, events),
            Command::ResolveDoubt(command) => self.decide_resolve(command, context),
        }
    }

    fn found(&self, founding: &Founding, context: &Context) -> Result<Vec<Draft>, Rejection> {
        match self.founding() {
            Some(founded) => Err(Refusal::AlreadyFounded { name: founded.name.to_string() }.into()),
            None => Ok(vec![Draft::of(context, Payload::LedgerFounded(founding.clone()))]),
        }
    }
}

impl Draft {
    /// An event of a request that says nothing more than its payload.
    pub(crate) fn of(context: &Context, payload: Payload) -> Self {
        Self {
            request_id: context.request_id.clone(),
            actor: context.actor.clone(),
            decision: None,
            effective: None,
            reason: None,
            citations: Vec::new(),
            payload,
        }
    }
}
