//! What is asked of the book.

use serde::{Serialize, Serializer};
use serde_json::json;
use sha2::Digest;

use crate::dates::{Day, Edtf, Timestamp};
use crate::document::{Canonical, Document, Nested, entry};
use crate::event::{Actor, Citation, DeedStep, Founding, KeyRotation};
use crate::ids::{Id, Key, Position, RequestId};
use crate::record::Record;
use crate::review::ReviewCommand;
use crate::value::{Text, Value};

/// What the book cannot know by itself when it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The server's clock.
    pub now: Timestamp,
    /// The day of `now` in the ledger's time zone.
    pub today: Day,
    /// The client's name for the write.
    pub request_id: RequestId,
    /// Who asks.
    pub actor: Actor,
}

/// What is asked of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Begin the ledger.
    Found(Founding),
    /// Let another key sign its checkpoints.
    RotateKey(KeyRotation),
    /// Record one register entry, decision, motion, amount, agreement, milestone, consultation, step or remark.
    State(StateRecord),
    /// Record what a document states: one review opened, filled and adopted, or a partial document.
    Import(ImportDocument),
    /// Correct our writing.
    Correct(CorrectField),
    /// Record late what was true.
    RecordLate(LateFact),
    /// Settle a doubt.
    ResolveDoubt(ResolveDoubt),
    /// Do something with a record outside the table of items.
    Do(DoDeed),
    /// Do one step of a review.
    Review(ReviewCommand),
    /// Let an action carry out a motion, or no more.
    Link(LinkMotion),
}

/// Record one statement outside the table of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRecord {
    /// The agenda that it belongs to, where it belongs to one.
    pub agenda: Option<Id>,
    /// The whole record, as it reads from then on.
    pub record: Record,
    /// From when it holds; absent is today.
    pub effective: Option<Edtf>,
    /// Why.
    pub reason: Option<Text>,
    /// The position of the newest event of this record that the client knows; another one refuses.
    pub expected_revision: Option<Position>,
}

/// Record what a document states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportDocument {
    /// The document.
    pub document: Document,
    /// The position of the agenda's newest seal that the client knows; another one refuses.
    pub expected_revision: Option<Position>,
}

/// Correct one field of what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectField {
    /// The record.
    pub key: Key,
    /// The field, or [`CorrectField::ENDED`].
    pub field: String,
    /// What stands there now; another value refuses.
    pub old: Option<Value>,
    /// What should stand there.
    pub new: Value,
    /// Why it was written wrongly.
    pub reason: Text,
    /// The event that wrote it; absent is the newest one. Another one refuses.
    pub corrects: Option<Position>,
    /// Where the right value is stated; needed for amounts and dates.
    pub citation: Option<Citation>,
    /// The newest event of the record that the client knows; another one refuses.
    pub expected_revision: Option<Position>,
}

impl CorrectField {
    /// The name of the end of a record, which is no field of it. It is only taken back, to `null`; the right one is then
    /// recorded as any end is.
    pub const ENDED: &str = "ended";
}

/// Record late what was true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateFact {
    /// The record.
    pub key: Key,
    /// The fields and their values since then.
    pub fields: Vec<(String, Value)>,
    /// Since when.
    pub effective: Edtf,
    /// How it came to be known late.
    pub reason: Text,
    /// The decision that changed the agenda; needed for items.
    pub decision: Option<Id>,
    /// Where it is stated.
    pub citation: Option<Citation>,
    /// The newest event of the record that the client knows; another one refuses.
    pub expected_revision: Option<Position>,
}

/// Settle a doubt about the reading of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveDoubt {
    /// The record that carries the doubt.
    pub key: Key,
    /// What was decided, and why.
    pub text: Text,
    /// The newest event of the record that the client knows; another one refuses.
    pub expected_revision: Option<Position>,
}

/// Do something with a record outside the table of items: end it, sign it, settle it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoDeed {
    /// The record.
    pub key: Key,
    /// What is to be done. Of an amendment the fields are those that count; the rest of the record stays as it is.
    pub step: DeedStep,
    /// The decision by which.
    pub decision: Option<Id>,
    /// From when it holds; absent is from when the decision holds, or today.
    pub effective: Option<Edtf>,
    /// Why.
    pub reason: Option<Text>,
    /// The newest event of the record that the client knows; another one refuses.
    pub expected_revision: Option<Position>,
}

/// Let an action carry out a motion, or no more. Said of one action, so that two people who link at once both count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkMotion {
    /// The motion.
    pub motion: Id,
    /// The action.
    pub action: Id,
    /// It carries the motion out no more.
    pub remove: bool,
    /// How it carries the motion out, or why no more.
    pub how: Option<Text>,
    /// The decision by which.
    pub decision: Option<Id>,
    /// From when it holds; absent is from when the decision holds, or today.
    pub effective: Option<Edtf>,
    /// The newest event of the motion that the client knows; another one refuses.
    pub expected_revision: Option<Position>,
}

impl From<DoDeed> for Command {
    fn from(deed: DoDeed) -> Self {
        Self::Do(deed)
    }
}

impl Command {
    /// The command with the newest event that the client knows, unless it names one itself. What is about the ledger
    /// itself has none.
    #[must_use]
    pub fn expecting(mut self, revision: Option<Position>) -> Self {
        let slot = match &mut self {
            Self::Found(_) | Self::RotateKey(_) => return self,
            Self::State(command) => &mut command.expected_revision,
            Self::Import(command) => &mut command.expected_revision,
            Self::Correct(command) => &mut command.expected_revision,
            Self::RecordLate(command) => &mut command.expected_revision,
            Self::ResolveDoubt(command) => &mut command.expected_revision,
            Self::Do(command) => &mut command.expected_revision,
            Self::Review(command) => &mut command.expected_revision,
            Self::Link(command) => &mut command.expected_revision,
        };
        *slot = slot.or(revision);
        self
    }

    /// SHA-256 over the commands of one request in canonical JSON, so that a retry is told from another request.
    ///
    /// It is taken from the parsed commands, not from the client's bytes, and by names, not by places: adding a
    /// field or a command to the program does not change it.
    pub fn digest(commands: &[Self]) -> [u8; 32] {
        let all: Vec<_> = commands.iter().map(Digested).collect();
        // Text and a value of JSON have no form that could not be written.
        sha2::Sha256::digest(serde_json::to_vec(&all).unwrap_or_default()).into()
    }
}

/// A command in canonical JSON.
struct Digested<'a>(&'a Command);

/// The most common command, without a tree of values: fields in the order of their names, and none that says nothing.
#[derive(Serialize)]
struct DigestedState<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    agenda: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_revision: Option<Position>,
    id: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    record: Nested<'a>,
}

impl Serialize for Digested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match self.0 {
            Command::State(s) => {
                let state = DigestedState {
                    agenda: s.agenda.as_ref().map(Id::as_str),
                    effective: s.effective.as_ref().map(Edtf::as_str),
                    expected_revision: s.expected_revision,
                    id: s.record.id().as_str(),
                    kind: s.record.kind().name(),
                    reason: s.reason.as_ref().map(Text::as_str).filter(|reason| !reason.is_empty()),
                    record: Nested::alone(&s.record),
                };
                return serializer.collect_map([("state", state)]);
            }
            Command::Found(f) => json!({"found": {
                "ledger": f.ledger.as_str(), "name": f.name.as_str(), "zone": f.zone.as_str(), "format": f.format,
                "organisation": f.organisation.as_ref().map(crate::value::Name::as_str), "tool": f.tool.as_str(),
            }}),
            Command::RotateKey(r) => json!({"rotate_key": {"previous": r.previous.as_str(), "next": r.next.as_str()}}),
            Command::Import(i) => json!({"import": {
                "document": i.document.to_value(), "expected_revision": i.expected_revision,
            }}),
            Command::Correct(c) => json!({"correct": {
                "key": c.key.path(), "field": c.field, "old": c.old, "new": [c.new], "reason": c.reason.as_str(),
                "corrects": c.corrects, "citation": c.citation.as_ref().map(citation),
                "expected_revision": c.expected_revision,
            }}),
            Command::RecordLate(l) => json!({"record_late": {
                "key": l.key.path(), "fields": l.fields, "effective": l.effective.as_str(),
                "reason": l.reason.as_str(), "decision": l.decision.as_ref().map(Id::as_str),
                "citation": l.citation.as_ref().map(citation), "expected_revision": l.expected_revision,
            }}),
            Command::ResolveDoubt(r) => json!({"resolve_doubt": {
                "key": r.key.path(), "text": r.text.as_str(), "expected_revision": r.expected_revision,
            }}),
            Command::Do(d) => json!({"do": {
                "key": d.key.path(), "step": step(&d.step), "decision": d.decision.as_ref().map(Id::as_str),
                "effective": d.effective.as_ref().map(Edtf::as_str), "reason": d.reason.as_ref().map(Text::as_str),
                "expected_revision": d.expected_revision,
            }}),
            Command::Review(review) => review.to_value(),
            Command::Link(l) => json!({"link": {
                "motion": l.motion.as_str(), "action": l.action.as_str(), "remove": l.remove,
                "how": l.how.as_ref().map(Text::as_str), "decision": l.decision.as_ref().map(Id::as_str),
                "effective": l.effective.as_ref().map(Edtf::as_str), "expected_revision": l.expected_revision,
            }}),
        };
        Canonical(value).serialize(serializer)
    }
}

fn step(step: &DeedStep) -> Value {
    let paths = |keys: &[Key]| keys.iter().map(Key::path).collect::<Vec<_>>();
    match step {
        DeedStep::Proposed(agenda, record) => json!({"propose": [agenda.as_ref().map(Id::as_str), entry(record)]}),
        DeedStep::Signed(party, by) => json!({"sign": [party.as_str(), by.as_ref().map(Id::as_str)]}),
        DeedStep::TookEffect => json!("take-effect"),
        DeedStep::Amended(record, fields) => {
            json!({"amend": [entry(record), fields.names(record.kind()).collect::<Vec<_>>()]})
        }
        DeedStep::Ended(successor) => json!({"end": [successor.as_ref().map(Id::as_str)]}),
        DeedStep::Merged(into) => json!({"merge": into.as_str()}),
        DeedStep::Superseded(part) => json!({"supersede": [part.as_ref().map(Text::as_str)]}),
        DeedStep::Settled(evidence) => json!({"settle": paths(evidence)}),
        DeedStep::Met(evidence) => json!({"meet": paths(evidence)}),
        DeedStep::Missed => json!("miss"),
    }
}

fn citation(citation: &Citation) -> Value {
    json!({
        "source": citation.source.as_str(), "lines": citation.lines.as_ref().map(Text::as_str),
        "quote": citation.quote.as_ref().map(Text::as_str), "confidence": citation.confidence.map(crate::value::Confidence::word),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::canonical;
    use crate::ids::Kind;

    #[test]
    fn a_statement_is_digested_as_the_canonical_form_of_its_values() {
        let fields = json!({
            "step": "vaststelling", "window": "december", "body": "gs", "inferred": true, "source_line": 12, "quote": "",
            "lines": "3-5",
        });
        let id = Id::new("s1").expect("an id");
        for kind in [Kind::Step, Kind::Remark] {
            let fields = if kind == Kind::Step { fields.clone() } else { json!({"what": "Iets", "roles": []}) };
            let record = Record::read(kind, id.clone(), fields.as_object().expect("a map")).expect("a record");
            let values = json!([{"state": {
                "agenda": "krimp", "effective": "2017-03", "expected_revision": 7, "id": "s1", "kind": kind.name(),
                "reason": "", "record": entry(&record),
            }}]);
            let command = Command::State(StateRecord {
                agenda: Some(Id::new("krimp").expect("an id")),
                record,
                effective: Edtf::new("2017-03").ok(),
                reason: Text::new("").ok(),
                expected_revision: Some(7),
            });
            let written = serde_json::to_string(&[Digested(&command)]).expect("written");
            assert_eq!(written, canonical(&values));
        }
    }
}
