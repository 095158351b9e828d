//! `body`, `party`, `member` and `framework`: the registers. What is added is new, what is changed is changed from how it
//! reads now, what ends stays in the ledger with its history.

use clap::{Args, Subcommand};
use minutebook_domain::ids::Kind;
use minutebook_domain::record::Record;
use minutebook_domain::value::Value;
use minutebook_proto::{kind_to_pb, pb, record_from_pb, record_to_pb};
use serde_json::json;

use super::connect::Session;
use super::failure::Failure;
use super::record::{Because, Recording, current, sent, set, tell};
use super::words::Words;
use super::{Output, args, json};

/// The register of bodies.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook body add --id stuurgroep-zorg --name 'Stuurgroep Zorg' --kind steering-group"
)]
pub(crate) struct Body {
    #[command(subcommand)]
    verb: BodyVerb,
}

#[derive(Debug, Subcommand)]
enum BodyVerb {
    /// Add a body
    Add(AddBody),
    /// Change what is registered of a body
    #[command(
        after_help = "Example:\n  minutebook body change stuurgroep-zorg --set name='Stuurgroep Zorg en Welzijn' \\\n    \
                            --effective 2018-01-01 --reason 'renamed'"
    )]
    Change(Change),
    /// Dissolve bodies into another one
    #[command(after_help = "Example:\n  minutebook body merge werkgroep-a werkgroep-b --into stuurgroep-zorg \\\n    \
                            --effective 2017-01-01 --reason 'organisations merged'\n\n\
                            Mandates do not pass by themselves: grant them to the other body by a decision of before that day.")]
    Merge(Merge),
    /// Dissolve a body
    #[command(
        after_help = "Example:\n  minutebook body end stuurgroep-zorg --effective 2019-01-01 --reason 'its task is done'\n\n\
                        Its mandates pass to nobody by themselves: grant them by a decision of before that day."
    )]
    End(End),
    /// List the bodies
    #[command(after_help = "Example:\n  minutebook body list --valid 2017-03-01")]
    List(List),
}

/// The register of parties.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook party add --id gemeente-assen --name 'Gemeente Assen' --kind municipality"
)]
pub(crate) struct Party {
    #[command(subcommand)]
    verb: PartyVerb,
}

#[derive(Debug, Subcommand)]
enum PartyVerb {
    /// Add a party
    Add(AddParty),
    /// Change what is registered of a party
    #[command(
        after_help = "Example:\n  minutebook party change gemeenten --set 'members=[\"gemeente-emmen\",\"gemeente-assen\"]' \\\n    \
                            --reason 'the list was found'"
    )]
    Change(Change),
    /// Make parties part of another one: what they stand in, that one stands in from then on
    #[command(
        after_help = "Example:\n  minutebook party merge sport-drenthe --into beweeg-drenthe --effective 2018-01-01 \\\n    \
                            --reason 'organisations merged'"
    )]
    Merge(Merge),
    /// End a party
    #[command(after_help = "Example:\n  minutebook party end bokd --effective 2019-01-01 --reason 'dissolved'")]
    End(End),
    /// List the parties
    #[command(after_help = "Example:\n  minutebook party list")]
    List(List),
}

/// Who sits in which body.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook member list --of stuurgroep-kknn")]
pub(crate) struct Member {
    #[command(subcommand)]
    verb: MemberVerb,
}

#[derive(Debug, Subcommand)]
enum MemberVerb {
    /// Add a member, by capacity (no personal names)
    Add(Box<AddMember>),
    /// Change what is registered of a member
    #[command(
        after_help = "Example:\n  minutebook member change zetel-provincie --set until=2018 --reason 'the seat rotates'"
    )]
    Change(Change),
    /// End a membership
    #[command(
        after_help = "Example:\n  minutebook member end zetel-provincie --effective 2018-01-01 --reason 'the seat rotates'"
    )]
    End(End),
    /// List the members
    #[command(after_help = "Example:\n  minutebook member list --of stuurgroep-kknn")]
    List(ListMembers),
}

/// The register of frameworks.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook framework list")]
pub(crate) struct Framework {
    #[command(subcommand)]
    verb: FrameworkVerb,
}

#[derive(Debug, Subcommand)]
enum FrameworkVerb {
    /// Add a framework
    Add(AddFramework),
    /// Change what is registered of a framework
    #[command(
        after_help = "Example:\n  minutebook framework change visie --set title='Naar een Dynamisch Drenthe' --reason 'full title'"
    )]
    Change(Change),
    /// Set the end of a framework's period
    #[command(
        after_help = "Example:\n  minutebook framework end visie --until 2020 --reason 'followed by the social agenda'"
    )]
    End(EndFramework),
    /// List the frameworks
    #[command(after_help = "Example:\n  minutebook framework list")]
    List(List),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook body add --id stuurgroep-zorg --name 'Stuurgroep Zorg' --kind steering-group"
)]
struct AddBody {
    /// A new id
    #[arg(long)]
    id: String,
    /// Its official name
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// What kind of body
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    recording: Recording,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook party add --id gemeenten --name 'Drentse gemeenten' --kind group --count 12 \\\n    \
                        --member gemeente-emmen --member gemeente-assen"
)]
struct AddParty {
    /// A new id
    #[arg(long)]
    id: String,
    /// Its official name
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// What kind of party
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Another name that sources use
    #[arg(long = "alias", value_name = "TEXT")]
    aliases: Vec<String>,
    /// A member, of a group
    #[arg(long = "member", value_name = "PARTY")]
    members: Vec<String>,
    /// How many members a group has
    #[arg(long, value_name = "NUMBER")]
    count: Option<u32>,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    recording: Recording,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook member add --id zetel-provincie --of stuurgroep-kknn --party provincie-drenthe \\\n    \
                        --as 'gedeputeerde, jaarlijks roulerend' --since 2017-01-01"
)]
struct AddMember {
    /// A new id
    #[arg(long)]
    id: String,
    /// The body, or the party that is spoken for
    #[arg(long = "of", value_name = "BODY")]
    body: String,
    /// In which capacity (no personal names)
    #[arg(long = "as", value_name = "TEXT")]
    role: String,
    /// The party that the member comes from
    #[arg(long, value_name = "PARTY")]
    party: Option<String>,
    /// An opaque reference to the person
    #[arg(long, value_name = "REFERENCE")]
    subject: Option<String>,
    /// The decision that appointed the member
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// From when
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    since: Option<pb::Date>,
    /// Until and including when
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    until: Option<pb::Date>,
    #[command(flatten)]
    recording: Recording,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook framework add --id sociale-agenda --title 'Sociale Agenda' --from 2020 --to 2023 \\\n    \
                        --adopted-by provinciale-staten"
)]
struct AddFramework {
    /// A new id
    #[arg(long)]
    id: String,
    /// Its title
    #[arg(long, value_name = "TEXT")]
    title: String,
    /// From when it holds
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    from: Option<pb::Date>,
    /// Until and including when
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    to: Option<pb::Date>,
    /// The body that adopted it
    #[arg(long, value_name = "BODY")]
    adopted_by: Option<String>,
    /// When it was adopted
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    adopted_on: Option<pb::Date>,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    recording: Recording,
}

/// From when a new record holds.
#[derive(Debug, Args)]
struct Since {
    /// From when this is so (EDTF: 2018-01-01, 2018); today unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
}

/// Which record, and what should read differently.
#[derive(Debug, Args)]
struct Change {
    /// Its id
    id: String,
    /// A field and its new value: JSON where it is JSON, else text
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = args::setting, required = true)]
    fields: Vec<(String, Value)>,
    /// From when this is so (EDTF: 2018-01-01, 2018); today unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
    /// Why, in one or more sentences
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// Which records become one.
#[derive(Debug, Args)]
struct Merge {
    /// Those that end
    #[arg(required = true)]
    ids: Vec<String>,
    /// The one that goes on
    #[arg(long, value_name = "ID")]
    into: String,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which record ends. The effective day is the first on which it is no more.
#[derive(Debug, Args)]
struct End {
    /// Its id
    id: String,
    /// What takes its place
    #[arg(long, value_name = "ID")]
    successor: Option<String>,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which framework ends.
#[derive(Debug, Args)]
struct EndFramework {
    /// Its id
    id: String,
    /// Until and including when it holds
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    until: pb::Date,
    /// Why, in one or more sentences
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// As of when.
#[derive(Debug, Args)]
struct List {
    /// What held on this day (2017-03-01)
    #[arg(long, value_name = "DAY", value_parser = args::day)]
    valid: Option<String>,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
}

/// Whose members, and as of when.
#[derive(Debug, Args)]
struct ListMembers {
    /// Only those of this body or party
    #[arg(long = "of", value_name = "BODY")]
    body: Option<String>,
    #[command(flatten)]
    list: List,
}

impl Body {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            BodyVerb::Add(add) => {
                let record = pb::Body { id: add.id, name: add.name, kind: add.kind, notes: None };
                let record = pb::record::Record::Body(record);
                Register { session, output, recording: &add.recording }.add(record, add.since.effective).await
            }
            BodyVerb::Change(change) => change.run(Kind::Body, session, output).await,
            BodyVerb::Merge(merge) => merge.run(Kind::Body, session, output).await,
            BodyVerb::End(end) => end.run(Kind::Body, session, output).await,
            BodyVerb::List(list) => list.run(Kind::Body, session, output, |_| true).await,
        }
    }
}

impl Party {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            PartyVerb::Add(add) => {
                let ids = |ids: Vec<String>| (!ids.is_empty()).then_some(pb::IdList { ids });
                let texts = |texts: Vec<String>| (!texts.is_empty()).then_some(pb::TextList { texts });
                let record = pb::record::Record::Party(pb::Party {
                    id: add.id,
                    name: add.name,
                    kind: add.kind,
                    aliases: texts(add.aliases),
                    members: ids(add.members),
                    count: add.count,
                    inferred: None,
                    notes: None,
                });
                Register { session, output, recording: &add.recording }.add(record, add.since.effective).await
            }
            PartyVerb::Change(change) => change.run(Kind::Party, session, output).await,
            PartyVerb::Merge(merge) => merge.run(Kind::Party, session, output).await,
            PartyVerb::End(end) => end.run(Kind::Party, session, output).await,
            PartyVerb::List(list) => list.run(Kind::Party, session, output, |_| true).await,
        }
    }
}

impl Member {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            MemberVerb::Add(add) => {
                let record = pb::record::Record::Membership(pb::Membership {
                    id: add.id,
                    body: add.body,
                    party: add.party,
                    capacity: add.role,
                    subject: add.subject,
                    decision: add.decision,
                    since: add.since,
                    until: add.until,
                    notes: None,
                });
                Register { session, output, recording: &add.recording }.add(record, None).await
            }
            MemberVerb::Change(change) => change.run(Kind::Membership, session, output).await,
            MemberVerb::End(end) => end.run(Kind::Membership, session, output).await,
            MemberVerb::List(ListMembers { body, list }) => {
                let of = |record: &Record| match record {
                    Record::Membership(seat) => body.as_ref().is_none_or(|body| *body == seat.body.as_str()),
                    _ => true,
                };
                list.run(Kind::Membership, session, output, of).await
            }
        }
    }
}

impl Framework {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            FrameworkVerb::Add(add) => {
                let period = pb::Period { from: add.from, to: add.to };
                let record = pb::record::Record::Framework(pb::Framework {
                    id: add.id,
                    title: add.title,
                    period: Some(period).filter(|period| *period != pb::Period::default()),
                    adopted_by: add.adopted_by,
                    adopted_on: add.adopted_on,
                    notes: None,
                });
                Register { session, output, recording: &add.recording }.add(record, add.since.effective).await
            }
            FrameworkVerb::Change(change) => change.run(Kind::Framework, session, output).await,
            FrameworkVerb::End(end) => {
                let register = Register { session, output, recording: &end.recording };
                let now = current(session, Kind::Framework, end.id).await?;
                let from = now.0.value("period").get("from").cloned();
                let period = json!({"from": from, "to": json::date(Some(&end.until))});
                register.change(now, vec![("period".to_owned(), period)], None, end.reason).await
            }
            FrameworkVerb::List(list) => list.run(Kind::Framework, session, output, |_| true).await,
        }
    }
}

impl Change {
    async fn run(self, kind: Kind, session: &Session, output: Output) -> Result<(), Failure> {
        let register = Register { session, output, recording: &self.recording };
        let now = current(session, kind, self.id).await?;
        register.change(now, self.fields, self.effective, self.reason).await
    }
}

impl Merge {
    async fn run(self, kind: Kind, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Because { decision, effective, reason } = self.because;
        let (header, kind, ids, into) = (Some(write.clone()), kind_to_pb(kind).into(), self.ids, self.into);
        let request = pb::MergeRecordsRequest { write: header, kind, ids, into, decision, effective, reason };
        let answer = sent(&write, session.directory().merge_records(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl End {
    async fn run(self, kind: Kind, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Because { decision, effective, reason } = self.because;
        let (header, kind, id, successor) = (Some(write.clone()), kind_to_pb(kind).into(), self.id, self.successor);
        let request = pb::EndRecordRequest { write: header, kind, id, successor, decision, effective, reason };
        let answer = sent(&write, session.directory().end_record(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl List {
    async fn run(
        self,
        kind: Kind,
        session: &Session,
        output: Output,
        meant: impl Fn(&Record) -> bool,
    ) -> Result<(), Failure> {
        let Self { valid, known } = self;
        let request =
            pb::ListRecordsRequest { kind: kind_to_pb(kind).into(), agenda: None, valid, known, min_position: None };
        let answer = session.directory().list_records(request).await?.into_inner();
        let records = answer.records.iter().filter_map(|record| record_from_pb(Some(record.clone())).ok());
        let records: Vec<Record> = records.filter(meant).collect();
        let end = |record: &Record| {
            answer.ends.iter().find(|end| end.key.as_ref().is_some_and(|key| key.id == record.id().as_str()))
        };
        let as_json = || {
            let entry = |record: &Record| {
                let mut value = minutebook_domain::document::entry(record);
                if let (Some(map), Some(end)) = (value.as_object_mut(), end(record)) {
                    map.insert("ended".into(), end.since.as_str().into());
                    map.insert("successor".into(), end.successor.as_deref().into());
                }
                value
            };
            json!({"position": answer.position, kind.section(): records.iter().map(entry).collect::<Vec<_>>()})
        };
        output.answer(as_json, |page| {
            let w = output.words;
            page.title(&format!("{} ({})", w.kind(kind), records.len()));
            for record in &records {
                page.item(record.id().as_str(), &record.label());
                for (name, text) in stated_fields(w, record) {
                    page.detail(name, &text);
                }
                if let Some(end) = end(record) {
                    let successor = end.successor.as_ref().map(|id| format!(" → {id}")).unwrap_or_default();
                    page.detail(w.pick("geëindigd", "ended"), &format!("{}{successor}", end.since));
                }
            }
        })
    }
}

/// What else is stated of a record, its name and notes aside.
fn stated_fields(w: Words, record: &Record) -> Vec<(&'static str, String)> {
    let told = Record::fields(record.kind()).iter().copied().filter(|field| {
        minutebook_domain::record::is_compared(field) && !matches!(*field, "name" | "title" | "capacity")
    });
    let stated = told.map(|field| (field, record.value(field)));
    let stated = stated.filter(|(_, value)| !minutebook_domain::value::is_unstated(value));
    stated.map(|(field, value)| (field, w.value(field, &value))).collect()
}

/// Writing into a register.
struct Register<'a> {
    session: &'a Session,
    output: Output,
    recording: &'a Recording,
}

impl Register<'_> {
    /// Adds a record that is not there yet.
    async fn add(&self, record: pb::record::Record, effective: Option<pb::Date>) -> Result<(), Failure> {
        self.send(pb::Record { record: Some(record) }, 0, effective, None).await
    }

    /// Changes some fields of a record from how it reads now, unless somebody else changed it in the meantime.
    async fn change(
        &self,
        (now, revision): (Record, u64),
        fields: Vec<(String, Value)>,
        effective: Option<pb::Date>,
        reason: Option<String>,
    ) -> Result<(), Failure> {
        let record = set(now.kind(), now.id(), now.write(), fields, self.output.words)?;
        self.send(record_to_pb(&record), revision, effective, reason).await
    }

    async fn send(
        &self,
        record: pb::Record,
        revision: u64,
        effective: Option<pb::Date>,
        reason: Option<String>,
    ) -> Result<(), Failure> {
        let write = pb::Write { expected_revision: Some(revision), ..self.recording.write() };
        let header = Some(write.clone());
        let request =
            pb::RegisterRecordRequest { write: header, agenda: None, record: Some(record), effective, reason };
        let answer = sent(&write, self.session.directory().register_record(request)).await?;
        tell(self.output, self.recording, answer.receipt.as_ref())
    }
}
