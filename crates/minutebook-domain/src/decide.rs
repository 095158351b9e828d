//! From a command to its events, or a refusal.

use crate::book::Book;
use crate::command::{Command, Context};
use crate::event::{Draft, Founding, KeyRotation, Payload};
use crate::history::Recall;
use crate::ids::{Id, Kind};
use crate::refusal::{Personal, Refusal, Rejection};
use crate::value::{Name, Nearest, Text};

impl Book {
    /// Decides on a command: its events in order, or why it is refused. No events means that nothing is new.
    ///
    /// `events` reads back what was recorded, for commands that reach back in time.
    pub fn decide(&self, command: &Command, context: &Context, events: &dyn Recall) -> Result<Vec<Draft>, Rejection> {
        check_personal_data(command, context)?;
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
            Command::RotateKey(rotation) => self.rotate_key(rotation, context),
            Command::State(command) => self.decide_state(command, context, events),
            Command::Import(command) => self.decide_import(command, context, events),
            Command::Correct(command) => self.decide_correct(command, context, events),
            Command::RecordLate(command) => self.decide_late(command, context, events),
            Command::ResolveDoubt(command) => self.decide_resolve(command, context),
            Command::Do(command) => self.decide_deed(command, context, events),
            Command::Review(command) => self.decide_review(command, context, events),
            Command::Link(command) => self.decide_link(command, context, events),
        }
    }

    fn found(&self, founding: &Founding, context: &Context) -> Result<Vec<Draft>, Rejection> {
        match self.founding() {
            Some(founded) => Err(Refusal::AlreadyFounded { name: founded.name.to_string() }.into()),
            None => Ok(vec![Draft::of(context, Payload::LedgerFounded(founding.clone()))]),
        }
    }

    fn rotate_key(&self, rotation: &KeyRotation, context: &Context) -> Result<Vec<Draft>, Rejection> {
        if self.verifier_key() == Some(&rotation.previous) {
            return Ok(vec![Draft::of(context, Payload::KeyRotated(rotation.clone()))]);
        }
        Err(Refusal::KeyReplaced { key: rotation.previous.to_string() }.into())
    }
}

/// Refuses personal data in what a command says beside the records that it states: those are checked where they are.
fn check_personal_data(command: &Command, context: &Context) -> Result<(), Refusal> {
    let citation = match command {
        Command::Correct(command) => command.citation.as_ref(),
        Command::RecordLate(command) => command.citation.as_ref(),
        Command::Found(_)
        | Command::RotateKey(_)
        | Command::State(_)
        | Command::Import(_)
        | Command::ResolveDoubt(_)
        | Command::Do(_)
        | Command::Review(_)
        | Command::Link(_) => None,
    };
    let founding = if let Command::Found(founding) = command { Some(founding) } else { None };
    let actor = &context.actor;
    let texts = [actor.subject.as_ref(), actor.capacity.as_ref()].into_iter().flatten().map(Text::as_str);
    let quoted = citation.into_iter().flat_map(|citation| [citation.quote.as_ref(), citation.lines.as_ref()]);
    let named = founding.into_iter().flat_map(|founding| [Some(&founding.name), founding.organisation.as_ref()]);
    let mut all = texts
        .chain(quoted.flatten().map(Text::as_str))
        .chain(named.flatten().map(Name::as_str))
        .chain([context.request_id.as_str()]);
    all.try_for_each(Personal::refuse_in)
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
