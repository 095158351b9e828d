//! Reviews as answers: for programs, and for people.

use minutebook_domain::value::Value;
use minutebook_proto::pb;
use pb::review_proposal::State;
use serde_json::{Map, json};

use crate::cli::agenda::revision_line;
use crate::cli::changes;
use crate::cli::changes::{control_line, difference};
use crate::cli::json;
use crate::cli::page::Page;
use crate::cli::words::{Words, instant};

/// How many ids stand on one line before the rest is counted.
const NAMED: usize = 10;

/// A review that is open.
fn open_json(open: &pb::OpenReview) -> Value {
    let opening = open.opening.clone().unwrap_or_default();
    let base = |base: &pb::Base| {
        json!({
            "edition": base.edition, "revision": base.revision, "position": base.position,
            "sha256": json::hex(&base.sha256),
        })
    };
    json!({
        "edition": opening.edition,
        "revision": opening.revision,
        "first_year": json::date(opening.first_year.as_ref()),
        "last_year": json::date(opening.last_year.as_ref()),
        "effective": json::date(opening.effective.as_ref()),
        "horizon": json::date(opening.horizon.as_ref()),
        "review": opening.review,
        "invented": opening.invented,
        "base": opening.base.as_ref().map(base),
        "rest_kept": open.rest_kept,
        "opened": open.opened,
        "newest": open.newest,
    })
}

fn proposal_json(proposal: &pb::ReviewProposal) -> Value {
    let item = |record: &pb::Record| {
        let kind = minutebook_proto::record_from_pb(Some(record.clone())).map(|record| record.kind().name()).ok();
        let mut map = Map::new();
        map.insert("kind".to_owned(), kind.into());
        map.insert("record".to_owned(), record.record.clone().map(json::record).unwrap_or_default());
        map
    };
    json!({
        "state": state_name(proposal.state()),
        "change": proposal.change.clone().map(pb::record::Record::Change).map(json::record),
        "amends": proposal.amends,
        "fields": json::fields(&proposal.fields),
        "items": proposal.items.iter().map(item).collect::<Vec<_>>(),
        "actor": json::actor(proposal.actor.as_ref()),
        "position": proposal.position,
        "recorded_at": instant(proposal.recorded_at_ms),
    })
}

fn state_name(state: State) -> Value {
    match state {
        State::Unspecified => Value::Null,
        State::Sole => "sole".into(),
        State::Selected => "selected".into(),
        State::Competing => "competing".into(),
        State::PassedOver => "passed_over".into(),
        State::Withdrawn => "withdrawn".into(),
        State::Adopted => "adopted".into(),
        State::Amended => "amended".into(),
    }
}

/// The reviews of an agenda.
pub(super) fn list_json(agenda: &str, answer: &pb::ListReviewsResponse) -> Value {
    json!({
        "agenda": agenda,
        "position": answer.position,
        "open": answer.open.iter().map(open_json).collect::<Vec<_>>(),
        "revisions": answer.revisions.iter().map(json::revision).collect::<Vec<_>>(),
    })
}

/// One review.
pub(super) fn show_json(agenda: &str, answer: &pb::GetReviewResponse) -> Value {
    json!({
        "agenda": agenda,
        "position": answer.position,
        "review": answer.open.as_ref().map(open_json),
        "revision": answer.revision.as_ref().map(json::revision),
        "proposals": answer.proposals.iter().map(proposal_json).collect::<Vec<_>>(),
    })
}

/// What a review would do.
pub(super) fn check_json(answer: &pb::CheckReviewResponse) -> Value {
    let conflict = |conflict: &pb::ReviewConflict| {
        let mut map = json::key("item", conflict.key.as_ref());
        map.insert("changes".to_owned(), conflict.changes.clone().into());
        map
    };
    let moved = |moved: &pb::Changes| {
        changes::to_json(&pb::GetChangesResponse { position: answer.position, changes: Some(moved.clone()) })
    };
    let opening = answer.review.as_ref().and_then(|review| review.opening.as_ref());
    json!({
        "agenda": opening.map(|opening| opening.agenda.as_str()),
        "position": answer.position,
        "review": answer.review.as_ref().map(open_json),
        "moved": answer.moved.as_ref().map(moved),
        "proposals": answer.proposals.iter().map(proposal_json).collect::<Vec<_>>(),
        "actions": answer.actions,
        "without_proposal": answer.without_proposal,
        "conflicts": answer.conflicts.iter().map(conflict).collect::<Vec<_>>(),
        "control_total": json::control(&answer.control.unwrap_or_default()),
        "problems": answer.problems.iter().map(json::problem).collect::<Vec<_>>(),
        "findings": answer.findings.iter().map(json::finding).collect::<Vec<_>>(),
    })
}

/// `2018-2019@1, from 2018-01-01, on 2016-2017@1 (newest event 812)`.
fn open_line(w: Words, open: &pb::OpenReview) -> String {
    let opening = open.opening.clone().unwrap_or_default();
    let base = opening.base.map(|base| format!("{}@{}", base.edition, base.revision));
    let from = w.date(opening.effective.as_ref());
    let invented = if opening.invented { format!("; {}", w.invented()) } else { String::new() };
    let (edition, revision, base) = (opening.edition, opening.revision, base.unwrap_or_default());
    let newest = open.newest;
    w.pick(
        format!("{edition}@{revision}, vanaf {from}, op stand {base} (nieuwste gebeurtenis {newest}){invented}"),
        format!("{edition}@{revision}, from {from}, on revision {base} (newest event {newest}){invented}"),
    )
}

/// The reviews of an agenda, for people.
pub(super) fn list(page: &mut Page, w: Words, agenda: &str, answer: &pb::ListReviewsResponse) {
    page.title(&w.pick(format!("Herzieningen van {agenda}"), format!("Reviews of {agenda}")));
    if answer.open.is_empty() {
        page.note(w.pick("Er loopt geen herziening.", "No review is open."));
    }
    for open in &answer.open {
        page.item(w.pick("open", "open"), &open_line(w, open));
    }
    for revision in &answer.revisions {
        page.item(w.pick("vastgesteld", "adopted"), &revision_line(w, revision));
    }
}

/// One review, for people.
pub(super) fn show(page: &mut Page, w: Words, answer: &pb::GetReviewResponse) {
    match (&answer.open, &answer.revision) {
        (Some(open), _) => head(page, w, open),
        (None, Some(revision)) => {
            page.title(w.pick("Vastgestelde herziening", "Adopted review"));
            page.note(&revision_line(w, revision));
        }
        (None, None) => {}
    }
    proposals(page, w, &answer.proposals);
}

fn head(page: &mut Page, w: Words, open: &pb::OpenReview) {
    let label = open.opening.as_ref().map(|opening| opening.edition.as_str()).unwrap_or_default();
    page.title(&w.pick(format!("Herziening {label}"), format!("Review {label}")));
    if open.opening.as_ref().is_some_and(|opening| opening.invented) {
        page.banner(w.invented());
    }
    page.note(&open_line(w, open));
}

fn proposals(page: &mut Page, w: Words, all: &[pb::ReviewProposal]) {
    page.section(&format!("{} ({})", w.pick("Voorstellen", "Proposals"), all.len()));
    for proposal in all {
        let change = proposal.change.clone().unwrap_or_default();
        let what = format!("{} {} [{}]", kind(w, change.kind()), items(&change), state(w, proposal.state()));
        page.item(&change.id, &what);
        if let Some(amends) = &proposal.amends {
            page.detail(w.pick("in plaats van", "in place of"), amends);
        }
        let disposition = change.disposition();
        let fields = change.fields.map(|fields| fields.texts).unwrap_or_default();
        for change in &proposal.fields {
            page.detail(&change.field, &difference(w, change));
        }
        if !fields.is_empty() && proposal.fields.is_empty() {
            page.detail(w.pick("velden", "fields"), &fields.join(", "));
        }
        if disposition != pb::Disposition::Unspecified {
            page.detail(w.pick("wat ervan wordt", "what becomes of it"), w.disposition(disposition));
        }
        page.detail(w.pick("reden", "reason"), change.reason.as_deref().unwrap_or(w.not_stated()));
        if let Some(ground) = &change.decision {
            page.detail(w.pick("besluit", "decision"), ground);
        }
        page.detail(w.pick("voorgesteld door", "proposed by"), &w.actor(proposal.actor.as_ref()));
    }
}

/// The items that a change is about.
fn items(change: &pb::Change) -> String {
    let ids = |list: &Option<pb::IdList>| list.as_ref().map(|list| list.ids.join(", ")).unwrap_or_default();
    let one = [&change.action, &change.policy_item, &change.subtask, &change.theme].into_iter().flatten().next();
    one.cloned().unwrap_or_else(|| format!("{} → {}", ids(&change.from), ids(&change.into)))
}

fn kind(w: Words, kind: pb::ChangeKind) -> &'static str {
    let (nl, en) = match kind {
        pb::ChangeKind::Unspecified => return w.not_stated(),
        pb::ChangeKind::Added => ("toevoegen", "add"),
        pb::ChangeKind::Dropped => ("laten vallen", "drop"),
        pb::ChangeKind::Changed => ("wijzigen", "change"),
        pb::ChangeKind::Split => ("splitsen", "split"),
        pb::ChangeKind::Merged => ("samenvoegen", "merge"),
        pb::ChangeKind::Suspended => ("opschorten", "suspend"),
        pb::ChangeKind::Reinstated => ("terugnemen", "reinstate"),
    };
    w.pick(nl, en)
}

fn state(w: Words, state: State) -> &'static str {
    let (nl, en) = match state {
        State::Unspecified => return w.not_stated(),
        State::Sole => ("enig voorstel", "sole proposal"),
        State::Selected => ("gekozen", "selected"),
        State::Competing => ("een van meer", "competing"),
        State::PassedOver => ("niet gekozen", "passed over"),
        State::Withdrawn => ("ingetrokken", "withdrawn"),
        State::Adopted => ("vastgesteld", "adopted"),
        State::Amended => ("anders vastgesteld", "amended at adoption"),
    };
    w.pick(nl, en)
}

/// What a review would do, for people.
pub(super) fn check(page: &mut Page, w: Words, answer: &pb::CheckReviewResponse) {
    if let Some(open) = &answer.review {
        head(page, w, open);
    }
    proposals(page, w, &answer.proposals);
    page.gap();
    page.note(&without(w, answer));
    if answer.review.as_ref().is_some_and(|review| review.rest_kept) {
        page.note(w.pick("Wat niemand wilde wijzigen, blijft.", "What nobody proposed to change is kept."));
    }
    for conflict in &answer.conflicts {
        let several = w.pick("kies uit", "choose among");
        page.item(&w.key(conflict.key.as_ref()), &format!("{several} {}", conflict.changes.join(", ")));
    }
    page.note(&control_line(w, &answer.control.unwrap_or_default()));
    if let Some(moved) = &answer.moved {
        let since = pb::GetChangesResponse { position: answer.position, changes: Some(moved.clone()) };
        page.section(w.pick("Sinds de basis gewijzigd", "Changed since the base"));
        changes::write(page, w, &since, false);
    }
    if answer.problems.is_empty() {
        page.note(w.pick("Niets staat vaststelling in de weg.", "Nothing keeps it from being adopted."));
    } else {
        let (nl, en) = ("Wat vaststelling tegenhoudt", "What keeps it from being adopted");
        page.section(&format!("{} ({})", w.pick(nl, en), answer.problems.len()));
        for problem in &answer.problems {
            let place = format!("{} {}", problem.section, problem.id);
            let words = w.pick(&problem.message_nl, &problem.message_en);
            page.item(place.trim(), &format!("{words} [{}]", problem.code));
        }
    }
    if !answer.findings.is_empty() {
        let (nl, en) = ("Nieuwe bevindingen", "New findings");
        page.section(&format!("{} ({})", w.pick(nl, en), answer.findings.len()));
        for finding in &answer.findings {
            page.item(&w.key(finding.key.as_ref()), w.finding(finding));
            page.detail("", &finding.code);
        }
    }
}

/// `38 of 40 have no proposal: …`.
fn without(w: Words, answer: &pb::CheckReviewResponse) -> String {
    let (missing, actions) = (answer.without_proposal.len(), answer.actions);
    if missing == 0 {
        return w.pick(
            format!("Alle {actions} acties hebben een voorstel."),
            format!("All {actions} actions have a proposal."),
        );
    }
    let named: Vec<_> = answer.without_proposal.iter().take(NAMED).map(String::as_str).collect();
    let more = match missing.saturating_sub(NAMED) {
        0 => String::new(),
        more => w.pick(format!(" en nog {more}"), format!(" and {more} more")),
    };
    let named = named.join(", ");
    w.pick(
        format!("{missing} van de {actions} acties hebben geen voorstel: {named}{more}."),
        format!("{missing} of {actions} have no proposal: {named}{more}."),
    )
}
