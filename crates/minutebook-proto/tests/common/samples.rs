//! One fixed event of each name. They stand in golden files, so a sample once recorded is never edited: a new field
//! gets a sample of its own.

use std::collections::BTreeSet;

use minutebook_domain::dates::{Edtf, Timestamp};
use minutebook_domain::event::{
    Actor, Amendment, Assurance, Base, Citation, Contents, ControlTotal, Deed, DeedStep, Draft, Erratum, Founding,
    ItemEvent, ItemStep, KeyRotation, Payload, Proposal, Reason, Recorded, Resolution, ReviewEvent, ReviewOpened,
    ReviewStep, Seal, Statement,
};
use minutebook_domain::ids::{Id, Key, Kind, RequestId};
use minutebook_domain::record::{Edition, FieldSet, Record};
use minutebook_domain::value::{Confidence, Disposition, Name, Sha256, Text, Value};
use serde_json::json;

/// An id that the test knows to be good.
pub(crate) fn id(text: &str) -> Id {
    Id::any(text).unwrap()
}

/// The samples, one for each name of event that the domain knows.
pub(crate) fn all() -> Vec<Recorded> {
    let mut payloads = [stated(), items(), ledger(), reviews(), deeds()].concat();
    let mut seen = BTreeSet::new();
    payloads.retain(|payload| seen.insert(payload.name()));
    payloads.into_iter().map(envelope).collect()
}

/// The event around a payload, with everything that an event can carry.
fn envelope(payload: Payload) -> Recorded {
    let event = Draft {
        request_id: RequestId::new("01935d2e-7c1f-7000-8000-000000000001").unwrap(),
        actor: Actor {
            subject: Some(text("subject-17")),
            capacity: Some(text("gedeputeerde Zorg")),
            on_behalf_of: Some(id("gedeputeerde-staten")),
            assurance: Assurance::Claimed,
        },
        decision: Some(id("ps-2017-801")),
        effective: Some(Edtf::new("2018-01-01").unwrap()),
        reason: Some(Reason { code: Some(id("retroactive")), text: text("Vastgesteld in één keer.") }),
        citations: vec![Citation {
            source: id("uitvoeringsagenda"),
            lines: Some(text("384-390")),
            quote: Some(text("Provincie Drenthe")),
            confidence: Some(Confidence::Probable),
        }],
        payload,
    };
    event.record(812, Timestamp(1_512_086_400_123))
}

/// A record of each kind with every field stated.
pub(crate) fn record(kind: Kind) -> Record {
    let mut fields = own_fields(kind);
    let notes = json!({"source_line": 384, "source_doc": "uitvoeringsagenda", "lines": "384-390", "quote": "Wij zetten in",
        "confidence": "certain", "doubt": "Eén of twee acties?"});
    let map = fields.as_object_mut().unwrap();
    map.extend(notes.as_object().unwrap().clone());
    Record::read(kind, id(if kind == Kind::Explanation { "3.1" } else { "sample" }), map).unwrap()
}

fn own_fields(kind: Kind) -> Value {
    let period = json!({"from": 2016, "to": "2017-06"});
    match kind {
        Kind::Source => {
            json!({"title": "Uitvoeringsagenda", "file": "agenda.txt", "sha256": "0f".repeat(32)})
        }
        Kind::Agenda => {
            json!({"title": "Agenda", "owner": "provincie", "framework": ["kader", "tweede-kader"]})
        }
        Kind::Framework => {
            json!({"title": "Kader", "period": period, "adopted_by": "staten", "adopted_on": "2015-12~"})
        }
        Kind::Body => json!({"name": "Provinciale Staten", "kind": "council"}),
        Kind::Mandate => {
            json!({"body": "staten", "may": "adopt-agenda", "agenda": "agenda", "decision": "besluit",
            "ceiling": 1_000_000_000_000_000_u64, "since": 2015, "until": "2019", "basis": "Provinciewet", "inferred": true})
        }
        Kind::Party => {
            json!({"name": "Gemeenten", "kind": "group", "aliases": ["Drentse gemeenten", "VDG"],
            "members": ["emmen", "assen"], "count": 12, "inferred": false})
        }
        Kind::Role => json!({"name": "Regisseur"}),
        Kind::Edition => {
            json!({"first_year": 2016, "last_year": "2017", "adopted_by": "staten", "decision": "besluit",
            "effective": "2016-03", "horizon": "2016/2020", "review": "Jaarlijks"})
        }
        Kind::Theme => json!({"title": "Thema", "goal": "Doel"}),
        Kind::Subtask => json!({"title": "Opgave", "theme": "thema"}),
        Kind::PolicyItem => {
            json!({"subtask": "opgave", "title": "Cel", "medium_term": "Op termijn",
            "roles": ["regisseur", "partner"], "theme": "thema"})
        }
        Kind::Action => {
            json!({"title": "Actie", "summary": "", "partners": [], "horizon": "short", "period": period,
            "place": "Emmen", "amounts": ["bedrag"], "explained_in": "3.1", "motions": ["motie"],
            "success_factor": "Meer banen", "split_from": "oude-actie", "merged_from": ["een", "twee"],
            "policy_item": "cel"})
        }
        Kind::Amount => {
            json!({"what": "Bijdrage", "eur": 0, "per": "year", "from": 2016, "through": "2017",
            "unit": "per project", "part_of": "geheel", "source": "provincie", "action": "actie"})
        }
        Kind::Agreement => json!({"what": "Convenant", "parties": ["emmen"], "kind": "covenant",
            "status_in_source": "getekend", "period": {"to": "../2018"}, "cofinancing": {"share": 0.5, "base": "totaal"},
            "actions": ["actie"]}),
        Kind::Decision => {
            json!({"body": "staten", "kind": "adopt-agenda", "date": "2016-02-03", "effective": "2016-03",
            "reference": "2016-701", "reasons": "Omdat", "attachments": [{"title": "Bijlage", "sha256": "a1".repeat(32)}],
            "what": "Vaststelling"})
        }
        Kind::Motion => json!({"title": "Motie", "body": "staten", "addressed_by": ["actie"]}),
        Kind::Consultation => json!({"name": "Bestuurlijk overleg"}),
        Kind::Milestone => {
            json!({"what": "Oplevering", "due": "2019-21", "due_text": "voorjaar", "action": "actie"})
        }
        Kind::Step => {
            json!({"year": 2017, "window": "maart", "step": "Evaluatie", "body": "staten", "inferred": true})
        }
        Kind::Explanation => {
            json!({"title": "Toelichting", "actions": ["actie"], "facts": ["Feit één", ""]})
        }
        Kind::Remark => {
            json!({"kind": "role", "what": "Opmerking", "roles": ["regisseur"], "actions": ["actie"]})
        }
        Kind::Change => {
            json!({"kind": "dropped", "action": "actie", "policy_item": "cel", "subtask": "opgave",
            "theme": "thema", "from": ["een"], "into": ["twee"], "disposition": "handed-over", "fields": ["title"],
            "reason": "Klaar", "decided_by": "staten", "decision": "besluit"})
        }
        Kind::Membership => json!({"body": "stuurgroep", "party": "provincie", "capacity": "gedeputeerde, roulerend",
            "subject": "subject-17", "decision": "besluit", "since": 2016, "until": "2017"}),
        Kind::Assignment => json!({"action": "actie", "policy_item": "cel", "subtask": "opgave", "theme": "thema",
            "role": "regisseur", "holder": "provincie", "since": "2016-06", "until": 2018, "decision": "besluit"}),
    }
}

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The first two fields of a kind.
fn two_fields(kind: Kind) -> FieldSet {
    FieldSet::named(kind, Record::fields(kind).iter().copied().take(2))
}

/// Every kind, stated for the first time and stated again.
fn stated() -> Vec<Payload> {
    let first = |kind| Statement { agenda: None, edition: None, record: record(kind), fields: None };
    let again = |kind| Statement {
        agenda: Some(id("agenda")),
        edition: Some(id("2016-2017")),
        fields: Some(two_fields(kind)),
        ..first(kind)
    };
    // Where both have the same name, the second says more.
    Kind::ALL.into_iter().flat_map(|kind| [again(kind), first(kind)]).map(Payload::Stated).collect()
}

fn items() -> Vec<Payload> {
    let (kind, action) = (Kind::Action, || record(Kind::Action));
    let steps = [
        ItemStep::Added(action()),
        ItemStep::Changed(action(), two_fields(kind)),
        ItemStep::Dropped(kind, id("actie"), Disposition::HandedOver),
        ItemStep::Suspended(kind, id("actie")),
        ItemStep::Reinstated(action(), two_fields(kind)),
        ItemStep::Split(id("actie"), vec![id("een"), id("twee")]),
        ItemStep::Merged(vec![id("een"), id("twee")], id("actie")),
    ];
    let event =
        |step| ItemEvent { agenda: id("agenda"), edition: Some(id("2016-2017")), ground: Some(id("motie")), step };
    steps.into_iter().map(event).map(Payload::Item).collect()
}

fn ledger() -> Vec<Payload> {
    let kind = Kind::Action;
    vec![
        Payload::LedgerFounded(Founding {
            ledger: id("01935d2e-7c1f-7000-8000-000000000000"),
            name: name("Drenthe"),
            organisation: Some(name("Provincie Drenthe")),
            zone: name("Europe/Amsterdam"),
            format: 1,
            tool: name("minutebook 0.1.0"),
            verifier_key: Some(name(
                "minutebook.example/drenthe+0c0a26fb+AYDC7rNhTUvZHH+Xh2GBDU2qHyVOsyURQDeY2tpJUrdx",
            )),
        }),
        Payload::KeyRotated(KeyRotation {
            previous: name("minutebook.example/drenthe+0c0a26fb+AYDC7rNhTUvZHH+Xh2GBDU2qHyVOsyURQDeY2tpJUrdx"),
            next: name("minutebook.example/drenthe+5b3a9e10+AUe7Yq0mZ1b4wKp7Uo0m3cQm6kq3v0h2JvZl1xT9fQwE"),
            handover: text("tlog-key-handover/1\nminutebook.example/drenthe"),
        }),
        Payload::ErratumRecorded(Erratum {
            key: Key::new(kind, &id("actie")),
            corrects: 812,
            record: record(kind),
            fields: two_fields(kind),
        }),
        Payload::DoubtResolved(Resolution {
            key: Key { within: "agenda".into(), ..Key::new(Kind::Explanation, &id("3.1")) },
            text: text("Het zijn er twee."),
            record: record(Kind::Explanation),
        }),
    ]
}

fn reviews() -> Vec<Payload> {
    let (agenda, edition) = (id("agenda"), id("2018-2019"));
    let (Record::Edition(sealed), Record::Change(change)) = (record(Kind::Edition), record(Kind::Change)) else {
        unreachable!("a record is of the kind asked for")
    };
    let items = vec![record(Kind::Action), record(Kind::Amount)];
    let steps = [
        ReviewStep::Withdrawn(id("change-01")),
        ReviewStep::Selected(id("change-02")),
        ReviewStep::RestKept,
        ReviewStep::Abandoned,
    ];
    let event = |step| ReviewEvent { agenda: agenda.clone(), edition: edition.clone(), step };
    let mut all = vec![
        review(&agenda, &edition),
        Payload::DispositionProposed(Proposal {
            agenda: agenda.clone(),
            edition: edition.clone(),
            change: change.clone(),
            items: items.clone(),
        }),
        Payload::AmendedAtAdoption(Amendment {
            agenda: agenda.clone(),
            edition: edition.clone(),
            amends: Some(id("change-01")),
            change,
            items,
        }),
        seal(&agenda, sealed),
    ];
    all.extend(steps.into_iter().map(event).map(Payload::Review));
    all.push(contents(agenda, edition));
    all
}

fn review(agenda: &Id, edition: &Id) -> Payload {
    let base = Base { edition: id("2016-2017"), revision: 2, position: 300, sha256: Sha256([7; 32]) };
    Payload::ReviewOpened(ReviewOpened {
        agenda: agenda.clone(),
        edition: edition.clone(),
        first_year: Edtf::year(2018).unwrap(),
        last_year: Edtf::new("2019").unwrap(),
        effective: Edtf::new("2018-01-01").unwrap(),
        horizon: Edtf::new("2018/2021").ok(),
        review: Some(text("Jaarlijks")),
        revision: 1,
        invented: true,
        base: Some(base),
    })
}

fn seal(agenda: &Id, edition: Edition) -> Payload {
    Payload::RevisionSealed(Seal {
        agenda: agenda.clone(),
        edition,
        revision: 1,
        mandate: Some(id("mandaat")),
        control: ControlTotal {
            before: 40,
            added: 7,
            dropped: 8,
            by_split: 1,
            by_merge: -1,
            suspended: 2,
            reinstated: 1,
            after: 38,
        },
        previous: Some(0),
        sha256: Sha256([9; 32]),
    })
}

fn contents(agenda: Id, edition: Id) -> Payload {
    Payload::ContentsListed(Contents { agenda, edition, kind: Kind::Action, ids: vec![id("een"), id("twee")] })
}

/// Everything that can be done with a record outside the table of items.
pub(crate) fn deeds() -> Vec<Payload> {
    let evidence = || vec![Key::new(Kind::Decision, &id("besluit")), Key::new(Kind::Source, &id("brief"))];
    let amended = |kind| DeedStep::Amended(record(kind), two_fields(kind));
    let steps = [
        (Kind::Party, DeedStep::Merged(id("ander"))),
        (Kind::Party, DeedStep::Ended(Some(id("opvolger")))),
        (Kind::Body, DeedStep::Ended(Some(id("opvolger")))),
        (Kind::Mandate, DeedStep::Ended(None)),
        (Kind::Membership, DeedStep::Ended(None)),
        (Kind::Decision, DeedStep::Superseded(Some(text("alleen de einddatum")))),
        (Kind::Decision, DeedStep::Ended(None)),
        (Kind::Motion, amended(Kind::Motion)),
        (Kind::Motion, DeedStep::Settled(evidence())),
        (Kind::Assignment, DeedStep::Ended(None)),
        (Kind::Agreement, DeedStep::Proposed(Some(id("agenda")), record(Kind::Agreement))),
        (Kind::Agreement, DeedStep::Signed(id("emmen"), Some(id("lid")))),
        (Kind::Agreement, DeedStep::TookEffect),
        (Kind::Agreement, amended(Kind::Agreement)),
        (Kind::Agreement, DeedStep::Ended(None)),
        (Kind::Amount, DeedStep::Ended(None)),
        (Kind::Milestone, DeedStep::Met(evidence())),
        (Kind::Milestone, amended(Kind::Milestone)),
        (Kind::Milestone, DeedStep::Missed),
    ];
    let deed = |(kind, step)| Deed { key: Key::new(kind, &id("sample")), step };
    steps.into_iter().map(deed).map(Payload::Deed).collect()
}
