//! Events of a review: what is proposed, and what becomes of it.

use minutebook_domain::event::{Amendment, Payload, Proposal, ReviewEvent, ReviewStep};

use super::Named;
use crate::encoded::{Encoded, Message};
use crate::pb;
use crate::pb::event::Payload as Arm;
use crate::violation::Violations;
use crate::wire::{FromEncoded, Slot, list_from_encoded, to_list};

/// Writes a proposal.
pub(super) fn proposal_to_pb(proposal: &Proposal) -> pb::DispositionProposed {
    pb::DispositionProposed {
        agenda: proposal.agenda.to_slot(),
        edition: proposal.edition.to_slot(),
        change: proposal.change.to_slot(),
        items: to_list(&proposal.items),
    }
}

impl FromEncoded for Proposal {
    fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
        let bytes = value.bytes()?;
        let message = Message::<4>::read(bytes)?;
        let mut violations = Violations::default();
        let agenda = violations.keep("agenda", Slot::slot_from_encoded(message.get(1)));
        let edition = violations.keep("edition", Slot::slot_from_encoded(message.get(2)));
        let change = violations.keep("change", Slot::slot_from_encoded(message.get(3)));
        match (agenda, edition, change, violations.keep("items", list_from_encoded(bytes, 4))) {
            (Some(agenda), Some(edition), Some(change), Some(items)) => Ok(Self { agenda, edition, change, items }),
            _ => Err(violations),
        }
    }
}

/// Writes what was decided otherwise.
pub(super) fn amendment_to_pb(amendment: &Amendment) -> pb::AmendedAtAdoption {
    pb::AmendedAtAdoption {
        agenda: amendment.agenda.to_slot(),
        edition: amendment.edition.to_slot(),
        amends: amendment.amends.to_slot(),
        change: amendment.change.to_slot(),
        items: to_list(&amendment.items),
    }
}

impl FromEncoded for Amendment {
    fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
        let bytes = value.bytes()?;
        let message = Message::<5>::read(bytes)?;
        let mut violations = Violations::default();
        let agenda = violations.keep("agenda", Slot::slot_from_encoded(message.get(1)));
        let edition = violations.keep("edition", Slot::slot_from_encoded(message.get(2)));
        let amends = violations.keep("amends", Slot::slot_from_encoded(message.get(3)));
        let change = violations.keep("change", Slot::slot_from_encoded(message.get(4)));
        match (agenda, edition, amends, change, violations.keep("items", list_from_encoded(bytes, 5))) {
            (Some(agenda), Some(edition), Some(amends), Some(change), Some(items)) => {
                Ok(Self { agenda, edition, amends, change, items })
            }
            _ => Err(violations),
        }
    }
}

/// Writes what happened in a review as the event of its name.
pub(super) fn to_arm(event: &ReviewEvent) -> Arm {
    let (agenda, edition) = (event.agenda.to_slot(), event.edition.to_slot());
    match &event.step {
        ReviewStep::Withdrawn(change) => {
            Arm::DispositionWithdrawn(pb::DispositionWithdrawn { agenda, edition, change: change.to_slot() })
        }
        ReviewStep::Selected(change) => {
            Arm::DispositionSelected(pb::DispositionSelected { agenda, edition, change: change.to_slot() })
        }
        ReviewStep::RestKept => Arm::RestKept(pb::RestKept { agenda, edition }),
        ReviewStep::Abandoned => Arm::ReviewAbandoned(pb::ReviewAbandoned { agenda, edition }),
    }
}

/// Declares how the field of a message's own, where it has one, makes a step.
macro_rules! steps {
    ($($name:ident => $step:expr;)*) => {$(
        impl Named for pb::$name {
            fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                let message = Message::<4>::read(value.bytes()?)?;
                let mut violations = Violations::default();
                let agenda = violations.keep("agenda", Slot::slot_from_encoded(message.get(1)));
                let edition = violations.keep("edition", Slot::slot_from_encoded(message.get(2)));
                let step: fn(Option<Encoded<'_>>) -> Result<ReviewStep, Violations> = $step;
                match (agenda, edition, violations.keep("change", step(message.get(3)))) {
                    (Some(agenda), Some(edition), Some(step)) => {
                        Ok(Payload::Review(ReviewEvent { agenda, edition, step }))
                    }
                    _ => Err(violations),
                }
            }
        }
    )*};
}

steps! {
    DispositionWithdrawn => |change| Slot::slot_from_encoded(change).map(ReviewStep::Withdrawn);
    DispositionSelected => |change| Slot::slot_from_encoded(change).map(ReviewStep::Selected);
    RestKept => |_| Ok(ReviewStep::RestKept);
    ReviewAbandoned => |_| Ok(ReviewStep::Abandoned);
}
