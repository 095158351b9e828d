//! Answers about decisions, mandates, parties and gaps of authority, as they go onto the wire.

use minutebook_domain::audit::Gap;
use minutebook_domain::authority::{HeldMandate, MandateFilter, Verdict};
use minutebook_domain::dates::{Day, Edtf};
use minutebook_domain::decision::{DecisionView, Link};
use minutebook_domain::directory::End;
use minutebook_domain::dossier::{Dossier, Knew};
use minutebook_domain::ids::{Key, Kind, Position};
use minutebook_domain::sheet::{Name, Row, Sheet, Since};

use crate::answer::{finding_to_pb, history_to_pb};
use crate::pb;
use crate::violation::Violations;
use crate::wire::{Slot, Wire, to_list};

/// A count on the wire.
fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A decision with all that it is connected to.
pub fn decision_to_pb(view: &DecisionView) -> pb::DecisionView {
    use pb::decision_view::Authority;
    let (authority, mandate) = match &view.mandate {
        Verdict::Held(mandate) => (Authority::Held, Some(mandate)),
        Verdict::NotVerifiable(mandate) => (Authority::NotVerifiable, Some(mandate)),
        Verdict::None => (Authority::None, None),
    };
    pb::DecisionView {
        decision: view.decision.to_slot(),
        agenda: view.agenda.to_slot(),
        authority: authority.into(),
        mandate: mandate.map(Wire::to_pb),
        superseded_by: view.links.superseded_by.iter().map(link).collect(),
        supersedes: view.links.supersedes.iter().map(link).collect(),
        effects: view.effects.iter().map(history_to_pb).collect(),
        effects_count: count(view.effects_count),
        revision: view.newest,
    }
}

fn link(link: &Link) -> pb::DecisionLink {
    pb::DecisionLink {
        decision: link.other.to_slot(),
        part: link.part.to_slot(),
        revoked: link.revoked,
        effective: link.effective.to_slot(),
        reason: link.reason.to_slot(),
        position: link.position,
    }
}

/// The file on a decision.
pub fn dossier_to_pb(dossier: &Dossier, position: Position, known_then: Option<Position>) -> pb::GetDossierResponse {
    let then = |knew: &Knew| pb::AgendaThen {
        agenda: knew.agenda.to_slot(),
        revision: knew.revision.clone(),
        actions: count(knew.actions),
        position: knew.position,
    };
    pb::GetDossierResponse {
        position,
        decision: Some(decision_to_pb(&dossier.view)),
        known_then,
        agendas: dossier.knew.iter().map(then).collect(),
        grounds: to_list(&dossier.grounds),
        promises: to_list(&dossier.promises),
    }
}

/// Which mandates a request means.
pub fn mandates_asked(pb: pb::ListMandatesRequest) -> Result<MandateFilter, Violations> {
    let mut violations = Violations::default();
    let body = violations.keep("body", Slot::from_slot(pb.body));
    let agenda = violations.keep("agenda", Slot::from_slot(pb.agenda));
    match (body, agenda, violations.keep("on", Slot::from_slot(pb.on))) {
        (Some(body), Some(agenda), Some(on)) => Ok(MandateFilter { may: None, body, agenda, on }),
        _ => Err(violations),
    }
}

/// Whose mandates let somebody take a kind of decision on a date; today unless the request names one.
pub fn who_may_asked(pb: pb::WhoMayRequest, today: Day) -> Result<MandateFilter, Violations> {
    let mut violations = Violations::default();
    let kind = violations.keep("kind", Slot::from_slot(pb.kind));
    let on: Option<Option<Edtf>> = violations.keep("on", Slot::from_slot(pb.on));
    match (kind, on, violations.keep("agenda", Slot::from_slot(pb.agenda))) {
        (Some(kind), Some(on), Some(agenda)) => {
            let on = on.unwrap_or_else(|| Edtf::on(today));
            Ok(MandateFilter { may: Some(kind), body: None, agenda, on: Some(on) })
        }
        _ => Err(violations),
    }
}

/// Who may take a kind of decision, as asked.
pub fn who_may_to_pb(filter: &MandateFilter, held: &[HeldMandate], position: Position) -> pb::WhoMayResponse {
    pb::WhoMayResponse { position, on: filter.on.to_slot(), mandates: held.iter().map(held_mandate_to_pb).collect() }
}

/// A mandate, and whether it still holds.
pub fn held_mandate_to_pb(held: &HeldMandate) -> pb::HeldMandate {
    pb::HeldMandate {
        mandate: held.mandate.to_slot(),
        body: held.body.clone(),
        withdrawn: held.withdrawn.map(|day| day.to_string()),
        body_ended: held.body_ended.map(|day| day.to_string()),
    }
}

/// How a record ended.
pub fn end_to_pb(key: &Key, end: &End) -> pb::RecordEnd {
    pb::RecordEnd {
        key: key.to_slot(),
        since: end.since.to_string(),
        successor: end.successor.to_slot(),
        reason: end.reason.to_slot(),
        decision: end.decision.to_slot(),
        position: end.position,
    }
}

/// Everything that touches a party.
pub fn sheet_to_pb(sheet: &Sheet, position: Position) -> pb::GetSheetResponse {
    let name = |name: &Name| pb::SheetName { id: name.id().to_slot(), former: matches!(name, Name::Former(_)) };
    pb::GetSheetResponse {
        position,
        party: sheet.party.to_slot(),
        names: sheet.names.iter().map(name).collect(),
        rows: sheet.rows.iter().map(row).collect(),
        unstated: to_list(&sheet.unstated),
        ended: sheet.ended.as_ref().map(|end| end_to_pb(&Key::new(Kind::Party, &sheet.party.id), end)),
    }
}

fn row(row: &Row) -> pb::SheetRow {
    use pb::sheet_row::Since as Pb;
    let since = match row.since {
        Since::NotAsked => Pb::Unspecified,
        Since::Same => Pb::Same,
        Since::Changed => Pb::Changed,
        Since::Came => Pb::Came,
        Since::Left => Pb::Left,
    };
    pb::SheetRow {
        key: row.key.to_slot(),
        label: row.label.clone(),
        field: row.field.to_owned(),
        via: row.via.to_slot(),
        ended: row.ended,
        since: since.into(),
    }
}

/// A gap of authority.
pub fn gap_to_pb(gap: &Gap) -> pb::Gap {
    pb::Gap { finding: Some(finding_to_pb(&gap.finding)), positions: gap.positions.clone() }
}
