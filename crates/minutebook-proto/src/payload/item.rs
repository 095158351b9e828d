//! Events of items: how a theme, sub-task, policy item or action came, changed or left.

use minutebook_domain::event::{ItemEvent, ItemStep, Payload};
use minutebook_domain::ids::Kind;

use super::Named;
use super::fields::{names, record_with_fields};
use crate::pb;
use crate::pb::event::Payload as Arm;
use crate::violation::Violations;
use crate::wire::{Slot, list, required, to_list};

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

/// Declares how the fields that are a message's own make a step; those that all events of items share are added.
macro_rules! steps {
    ($($name:ident($message:ident, $violations:ident) $step:block)*) => {$(
        impl Named for pb::$name {
            fn read(self) -> Result<Payload, Violations> {
                let ($message, mut own) = (self, Violations::default());
                let mut violations = Violations::default();
                let agenda = violations.keep("agenda", Slot::from_slot($message.agenda));
                let edition = violations.keep("edition", Slot::from_slot($message.edition));
                let ground = violations.keep("ground", Slot::from_slot($message.ground));
                let $violations = &mut own;
                let step = $step;
                violations.0.extend(own.0);
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
    ItemAdded(pb, bad) { bad.keep("item", required(pb.item)).map(ItemStep::Added) }
    ItemChanged(pb, bad) {
        let (item, fields) = record_with_fields(bad, "item", required(pb.item), &pb.fields);
        item.zip(fields).map(|(item, fields)| ItemStep::Changed(item, fields))
    }
    ItemReinstated(pb, bad) {
        let (item, fields) = record_with_fields(bad, "item", required(pb.item), &pb.fields);
        item.zip(fields).map(|(item, fields)| ItemStep::Reinstated(item, fields))
    }
    ItemDropped(pb, bad) {
        let kind = bad.keep("kind", Kind::from_slot(pb.kind));
        let id = bad.keep("id", Slot::from_slot(pb.id));
        let disposition = bad.keep("disposition", Slot::from_slot(pb.disposition));
        kind.zip(id).zip(disposition).map(|((kind, id), disposition)| ItemStep::Dropped(kind, id, disposition))
    }
    ItemSuspended(pb, bad) {
        let kind = bad.keep("kind", Kind::from_slot(pb.kind));
        kind.zip(bad.keep("id", Slot::from_slot(pb.id))).map(|(kind, id)| ItemStep::Suspended(kind, id))
    }
    ItemSplit(pb, bad) {
        let from = bad.keep("from", Slot::from_slot(pb.from));
        from.zip(bad.keep("into", list(pb.into))).map(|(from, into)| ItemStep::Split(from, into))
    }
    ItemMerged(pb, bad) {
        let from = bad.keep("from", list(pb.from));
        from.zip(bad.keep("into", Slot::from_slot(pb.into))).map(|(from, into)| ItemStep::Merged(from, into))
    }
}
