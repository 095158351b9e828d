//! The report of what changed in a year, with the proof that it is complete: the seals of all revisions of the agenda,
//! each proved to be in the log, and the documents that they are of. Whoever has the key of the ledger works out the
//! difference again from these, and needs nobody's word for it.

use minutebook_domain::changes::{Changes, ItemChange, Outcome};
use minutebook_domain::dates::Day;
use minutebook_domain::difference::{SealedDocument, difference, in_force};
use minutebook_domain::document::Document;
use minutebook_domain::event::{Payload, Seal};
use minutebook_domain::ids::{Id, Position};
use minutebook_domain::value::{Text, Value};
use minutebook_proto::{DecodeError, changes_to_pb, decode_event};
use minutebook_tlog::{Checkpoint, Fault, Proof, VerifierKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::unique::Unique;
use crate::cli::json;
use crate::import;

/// The form that is written and read.
const FORM: &str = "minutebook-change-report/1";

/// The largest report that is read: some editions of the largest size.
pub(crate) const REPORT_BYTES: usize = 128 << 20;

/// A report, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    form: String,
    agenda: String,
    /// The year whose ends were compared; absent where two revisions were named.
    year: Option<i16>,
    /// The revision before; absent where the agenda had not begun.
    from: Option<String>,
    /// The revision after.
    to: String,
    /// Every revision of the agenda, in the order in which they were sealed.
    revisions: Vec<Stated>,
    /// What came of it.
    changes: Value,
}

/// A revision in a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stated {
    /// That its seal is in the log (<https://c2sp.org/tlog-proof>).
    pub(crate) proof: String,
    /// Its canonical export; only of those that take part in the comparison.
    pub(crate) document: Option<Value>,
}

/// Why a report does not prove what it says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportFault {
    /// It is no JSON that says each thing once.
    #[error("it is not a report of `prove-changes`: at line {} column {} it is no JSON, or a field is there twice", .0.line(), .0.column())]
    Json(serde_json::Error),
    /// It is no report.
    #[error("it is not a report of `prove-changes`: a field is missing, unknown, or not of its kind")]
    Form,
    /// It is a report of another kind.
    #[error("it is a report of the form `{0}`, not `{FORM}`")]
    OtherForm(String),
    /// A proof does not hold.
    #[error("revision {0} of the report: {1}")]
    Proof(usize, Fault),
    /// What is proved is no event.
    #[error("revision {0} of the report: {1}")]
    Event(usize, DecodeError),
    /// What is proved is something else than a revision of the agenda.
    #[error("revision {0} of the report is not the seal of a revision of `{1}`")]
    NoSeal(usize, String),
    /// Something is missing between two of its revisions.
    #[error("revision {0} of the report does not follow the one before it: a revision is missing")]
    Gap(usize),
    /// The revisions are proved against different checkpoints.
    #[error("the revisions of the report are not proved by one checkpoint")]
    Checkpoints,
    /// A document is not the one that was sealed.
    #[error("the document of `{0}` is not what was sealed")]
    Document(String),
    /// A document that the comparison needs is not there.
    #[error("the document of `{0}` is missing")]
    NoDocument(String),
    /// It compares other revisions than it should.
    #[error("the report compares `{found}`, and by what it proves it should be `{expected}`")]
    Compares {
        /// What it compares.
        found: String,
        /// What held.
        expected: String,
    },
    /// A revision that it does not have.
    #[error("there is no revision `{0}` in the report")]
    NoRevision(String),
    /// It says something else than what comes of its documents.
    #[error("the changes of the report are not what its documents come to")]
    Changes,
}

/// What a report proves.
#[derive(Debug)]
pub(crate) struct Proved {
    /// The difference, worked out again.
    pub(crate) changes: Changes,
    /// The same as the report has it.
    pub(crate) written: Value,
    /// What was signed.
    pub(crate) checkpoint: Checkpoint,
    /// The name of the newest revision that it knows.
    pub(crate) newest: String,
}

/// Which two revisions are compared, by their places in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    /// The one before.
    pub(crate) from: Option<usize>,
    /// The one after.
    pub(crate) to: usize,
}

impl Compared {
    /// Those that held at the two ends of a year; `None` where none held at its end.
    pub(crate) fn year(seals: &[(Position, &Seal)], year: i16) -> Option<Self> {
        let held = |year| in_force(seals, Day::last_of(year)?);
        Some(Self { from: year.checked_sub(1).and_then(held), to: held(year)? })
    }

    /// Those whose documents take part: what the later one, and those between, say of the changes counts too.
    pub(crate) fn takes(self, place: usize) -> bool {
        place == self.to || self.from == Some(place) || self.is_between(place)
    }

    fn is_between(self, place: usize) -> bool {
        place < self.to && self.from.is_none_or(|from| from < place)
    }
}

impl Report {
    /// Writes a report of what is proved to be sealed, and checks it like any other.
    pub(crate) fn write(
        agenda: &str,
        year: Option<i16>,
        compared: Compared,
        revisions: Vec<Stated>,
        key: &VerifierKey,
    ) -> Result<Value, ReportFault> {
        let (form, agenda) = (FORM.to_owned(), agenda.to_owned());
        let mut report =
            Self { form, agenda, year, from: None, to: String::new(), revisions, changes: Value::default() };
        let (seals, checkpoint) = report.seals(key)?;
        let name = |place: usize| seals.get(place).map(|(_, seal)| seal.name());
        report.from = compared.from.and_then(name);
        report.to = name(compared.to).unwrap_or_default();
        report.changes = report.prove(&seals, checkpoint)?.written;
        serde_json::to_value(report).map_err(ReportFault::Json)
    }

    /// Reads a report by the names of its fields: a list in their order is none.
    fn read(value: Value) -> Option<Self> {
        let revisions = value.as_object()?.get("revisions")?.as_array()?;
        let is_named = revisions.iter().all(Value::is_object);
        is_named.then(|| serde_json::from_value(value).ok()).flatten()
    }

    /// Reads a report, and checks all of it.
    pub(crate) fn check(text: &str, key: &VerifierKey) -> Result<Proved, ReportFault> {
        let Unique(value) = serde_json::from_str(text).map_err(ReportFault::Json)?;
        let report = Self::read(value).ok_or(ReportFault::Form)?;
        if report.form != FORM {
            return Err(ReportFault::OtherForm(report.form));
        }
        let (seals, checkpoint) = report.seals(key)?;
        let proved = report.prove(&seals, checkpoint)?;
        if proved.written == report.changes { Ok(proved) } else { Err(ReportFault::Changes) }
    }

    /// The seals, from the first of the agenda on, none left out; and what was signed.
    fn seals(&self, key: &VerifierKey) -> Result<(Vec<(Position, Seal)>, Checkpoint), ReportFault> {
        let (mut seals, mut signed): (Vec<(Position, Seal)>, Option<Checkpoint>) = (Vec::new(), None);
        for (stated, number) in self.revisions.iter().zip(1..) {
            let proof: Proof = stated.proof.parse().map_err(|fault| ReportFault::Proof(number, fault))?;
            let checkpoint = proof.check(key).map_err(|fault| ReportFault::Proof(number, fault))?;
            if signed.get_or_insert_with(|| checkpoint.clone()) != &checkpoint {
                return Err(ReportFault::Checkpoints);
            }
            let recorded = decode_event(&proof.entry).map_err(|error| ReportFault::Event(number, error))?;
            let seal = match recorded.event.payload {
                Payload::RevisionSealed(seal)
                    if recorded.position == proof.index && seal.agenda.as_str() == self.agenda =>
                {
                    seal
                }
                _ => return Err(ReportFault::NoSeal(number, self.agenda.clone())),
            };
            if seal.previous != seals.last().map(|(position, _)| *position) {
                return Err(ReportFault::Gap(number));
            }
            seals.push((proof.index, seal));
        }
        let signed = signed.ok_or_else(|| ReportFault::NoRevision(self.to.clone()))?;
        Ok((seals, signed))
    }

    /// Works out the difference from the documents.
    fn prove(&self, seals: &[(Position, Seal)], checkpoint: Checkpoint) -> Result<Proved, ReportFault> {
        let compared = self.compared(seals)?;
        let mut documents = Vec::with_capacity(seals.len());
        for (place, (stated, (position, seal))) in self.revisions.iter().zip(seals).enumerate() {
            let document = stated.document.as_ref().filter(|_| compared.takes(place));
            let document = document.map(|value| sealed_document(value, seal)).transpose()?;
            documents.push(document.map(|document| SealedDocument {
                seal: seal.clone(),
                position: *position,
                document,
            }));
        }
        let of = |place: usize| {
            documents.get(place).and_then(Option::as_ref).ok_or_else(|| {
                ReportFault::NoDocument(seals.get(place).map(|(_, seal)| seal.name()).unwrap_or_default())
            })
        };
        let before = compared.from.map(of).transpose()?;
        let between =
            (0..compared.to).filter(|place| compared.is_between(*place)).map(of).collect::<Result<Vec<_>, _>>()?;
        let changes = difference(before, &between, of(compared.to)?);
        let newest = seals.last().map(|(_, seal)| seal.name()).unwrap_or_default();
        Ok(Proved { written: written(&changes), changes, checkpoint, newest })
    }

    /// What it compares, which in a report of a year is what held at its two ends.
    fn compared(&self, seals: &[(Position, Seal)]) -> Result<Compared, ReportFault> {
        let named = |name: &String| {
            let place = seals.iter().position(|(_, seal)| seal.name() == *name);
            place.ok_or_else(|| ReportFault::NoRevision(name.clone()))
        };
        let stated = Compared { from: self.from.as_ref().map(named).transpose()?, to: named(&self.to)? };
        let Some(year) = self.year else { return Ok(stated) };
        let all: Vec<_> = seals.iter().map(|(position, seal)| (*position, seal)).collect();
        let held = Compared::year(&all, year);
        if held == Some(stated) {
            return Ok(stated);
        }
        let name = |place: Option<usize>| {
            place.and_then(|place| seals.get(place)).map_or("-".to_owned(), |(_, seal)| seal.name())
        };
        let shown = |compared: Option<Compared>| {
            let (from, to) = (compared.and_then(|compared| compared.from), compared.map(|compared| compared.to));
            format!("{} to {}", name(from), name(to))
        };
        Err(ReportFault::Compares { found: shown(Some(stated)), expected: shown(held) })
    }
}

/// A document, where it is the one that was sealed.
fn sealed_document(value: &Value, seal: &Seal) -> Result<Document, ReportFault> {
    let parsed = import::parse(value.to_string().as_bytes()).ok().map(|parsed| parsed.document);
    parsed.filter(|document| document.sha256() == seal.sha256).ok_or_else(|| ReportFault::Document(seal.name()))
}

/// The changes as a report has them: in the shape of the answer of `changes`, and of it only what documents tell.
fn written(changes: &Changes) -> Value {
    let list = |of: fn(&Outcome) -> bool| -> Vec<Value> {
        changes.items.iter().filter(|item| of(&item.outcome)).map(item).collect()
    };
    json!({
        "added": list(|outcome| matches!(outcome, Outcome::Added)),
        "dropped": list(|outcome| matches!(outcome, Outcome::Dropped(_))),
        "changed": list(|outcome| matches!(outcome, Outcome::Changed(_))),
        "split": list(|outcome| matches!(outcome, Outcome::Split(_))),
        "merged": list(|outcome| matches!(outcome, Outcome::Merged(_))),
        "suspended": list(|outcome| matches!(outcome, Outcome::Suspended)),
        "reinstated": list(|outcome| matches!(outcome, Outcome::Reinstated(_))),
        "control_total": json::control(&changes_to_pb(changes).control.unwrap_or_default()),
    })
}

fn item(item: &ItemChange) -> Value {
    let id = item.key.id.as_str();
    let mut map = Map::new();
    map.insert("item".to_owned(), item.key.kind.name().into());
    let (lineage, others) = match &item.outcome {
        Outcome::Split(into) => (Some(("from", "into")), into.as_slice()),
        Outcome::Merged(from) => (Some(("into", "from")), from.as_slice()),
        _ => (None, [].as_slice()),
    };
    if let Some((one, many)) = lineage {
        map.insert(one.to_owned(), id.into());
        map.insert(many.to_owned(), others.iter().map(Id::as_str).collect::<Vec<_>>().into());
    } else {
        map.insert("id".to_owned(), id.into());
    }
    match &item.outcome {
        Outcome::Dropped(disposition) => _ = map.insert("disposition".to_owned(), disposition.word().into()),
        Outcome::Changed(fields) => {
            let pairs = fields.iter().map(|change| (change.field.to_owned(), json!([change.before, change.after])));
            map.insert("fields".to_owned(), Value::Object(pairs.collect()));
        }
        _ => {}
    }
    let why = item.why.as_ref();
    map.insert("reason".to_owned(), why.and_then(|why| why.reason.as_ref()).map(Text::as_str).into());
    map.insert("decision".to_owned(), why.and_then(|why| why.ground.as_ref()).map(Id::as_str).into());
    map.insert("body".to_owned(), why.and_then(|why| why.body.as_ref()).map(Id::as_str).into());
    map.into()
}
