//! Events of items: how a theme, sub-task, policy item or action came, changed or left.

use minutebook_domain::event::{ItemEvent, ItemStep, Payload};
use minutebook_domain::ids::Kind;

use super::Named;
use super::fields::{names, record_with_fields};
use crate::encoded::{Encoded, Message};
use crate::pb;
use crate::pb::event::Payload as Arm;
use crate::violation::{Violations, WireFault};
use crate::wire::{Slot, list_from_encoded, to_list};

/// Writes what happened to an item as the event of its name.
pub(super) fn to_arm(event: &ItemEvent) -> Arm {
    let (agenda, edition, ground) = (event.agenda.to_slot(), event.edition.to_slot(), event.ground.to_slot());
    match &event.step {
        ItemStep::Added(item) => Arm::ItemAdded(pb::ItemAdded { agenda, edition, ground, item: item.to_slot() }),
        ItemStep::Changed(item, fields) => {
            let fields = names(*fields, item.kind());
            Arm::ItemChanged(pb::ItemChanged { agenda, edition, ground, item: item.to_slot(), fields })
        }
        ItemStep::Reinstated(item, fields) => {
            let fields = names(*fields, item.kind());
            Arm::ItemReinstated(pb::ItemReinstated { agenda, edition, ground, item: item.to_slot(), fields })
        }
        ItemStep::Dropped(kind, id, disposition) => Arm::ItemDropped(pb::ItemDropped {
            agenda,
            edition,
            ground,
            kind: kind.to_slot(),
            id: id.to_slot(),
            disposition: disposition.to_slot(),
        }),
        ItemStep::Suspended(kind, id) => {
            let (kind, id) = (kind.to_slot(), id.to_slot());
            Arm::ItemSuspended(pb::ItemSuspended { agenda, edition, ground, kind, id })
        }
        ItemStep::Split(from, into) => {
            Arm::ItemSplit(pb::ItemSplit { agenda, edition, ground, from: from.to_slot(), into: to_list(into) })
        }
        ItemStep::Merged(from, into) => {
            Arm::ItemMerged(pb::ItemMerged { agenda, edition, ground, from: to_list(from), into: into.to_slot() })
        }
    }
}

/// A step of an item, and of nothing else.
fn of_item(step: &ItemStep) -> Result<(), Violations> {
    let kind = match step {
        ItemStep::Added(record) | ItemStep::Changed(record, _) | ItemStep::Reinstated(record, _) => record.kind(),
        ItemStep::Dropped(kind, ..) | ItemStep::Suspended(kind, _) => *kind,
        ItemStep::Split(..) | ItemStep::Merged(..) => Kind::Action,
    };
    if kind.is_item() { Ok(()) } else { Err(Violations::of(WireFault::NotItem { kind: kind.name() })) }
}

/// Declares how the fields that are a message's own make a step; those that all events of items share are added.
macro_rules! steps {
    ($($name:ident($message:ident, $bytes:ident, $violations:ident) $step:block)*) => {$(
        impl Named for pb::$name {
            fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                let $bytes = value.bytes()?;
                let $message = Message::<7>::read($bytes)?;
                let mut violations = Violations::default();
                let agenda = violations.keep("agenda", Slot::slot_from_encoded($message.get(1)));
                let edition = violations.keep("edition", Slot::slot_from_encoded($message.get(2)));
                let ground = violations.keep("ground", Slot::slot_from_encoded($message.get(3)));
                let $violations = &mut violations;
                let step = $step.filter(|step| $violations.keep("item", of_item(step)).is_some());
                match (agenda, edition, ground, step) {
                    (Some(agenda), Some(edition), Some(ground), Some(step)) => {
                        Ok(Payload::Item(ItemEvent { agenda, edition, ground, step }))
                    }
                    _ => Err(violations),
                }
            }
        }
    )*};
}

steps! {
    ItemAdded(message, _bytes, bad) { bad.keep("item", Slot::slot_from_encoded(message.get(4))).map(ItemStep::Added) }
    ItemChanged(message, bytes, bad) {
        let (item, fields) = record_with_fields(bad, "item", message.get(4), (bytes, 5));
        item.zip(fields).map(|(item, fields)| ItemStep::Changed(item, fields))
    }
    ItemReinstated(message, bytes, bad) {
        let (item, fields) = record_with_fields(bad, "item", message.get(4), (bytes, 5));
        item.zip(fields).map(|(item, fields)| ItemStep::Reinstated(item, fields))
    }
    ItemDropped(message, _bytes, bad) {
        let kind = bad.keep("kind", Slot::slot_from_encoded(message.get(4)));
        let id = bad.keep("id", Slot::slot_from_encoded(message.get(5)));
        let disposition = bad.keep("disposition", Slot::slot_from_encoded(message.get(6)));
        kind.zip(id).zip(disposition).map(|((kind, id), disposition)| ItemStep::Dropped(kind, id, disposition))
    }
    ItemSuspended(message, _bytes, bad) {
        let kind = bad.keep("kind", Slot::slot_from_encoded(message.get(4)));
        let id = bad.keep("id", Slot::slot_from_encoded(message.get(5)));
        kind.zip(id).map(|(kind, id)| ItemStep::Suspended(kind, id))
    }
    ItemSplit(message, bytes, bad) {
        let from = bad.keep("from", Slot::slot_from_encoded(message.get(4)));
        let into = bad.keep("into", list_from_encoded(bytes, 5));
        from.zip(into).map(|(from, into)| ItemStep::Split(from, into))
    }
    ItemMerged(message, bytes, bad) {
        let from = bad.keep("from", list_from_encoded(bytes, 4));
        let into = bad.keep("into", Slot::slot_from_encoded(message.get(5)));
        from.zip(into).map(|(from, into)| ItemStep::Merged(from, into))
    }
}
