//! `role`: assigning and ending roles, and who has which role in which item.

use clap::{Args, Subcommand};
use minutebook_domain::ids::{ID_MAX, Kind};
use minutebook_proto::pb;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::agenda::named_or_only;
use super::args::{Moment, RecordName};
use super::connect::Session;
use super::failure::Failure;
use super::page::Page;
use super::record::{Because, Recording, receipt_line, sent, tell};
use super::words::Words;
use super::{Output, args, json};

/// Roles.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook role list --matrix")]
pub(crate) struct Role {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Assign a role in one item of an agenda
    Assign(Box<Assign>),
    /// End a role that was assigned
    End(End),
    /// List who has which role in which item
    List(List),
}

/// Who gets which role, in what.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook role assign --item policy-item/leader-zuidoost --role stimuleren \\\n    \
                        --holder provincie-drenthe --from 2017-01-01 --reason 'agreed with the partners'\n\n\
                        Without --decision it is recorded as stated, which is a finding."
)]
struct Assign {
    /// The item: an action, or policy-item/ID, subtask/ID, theme/ID
    #[arg(long, value_name = "ITEM", value_parser = args::record)]
    item: RecordName,
    /// The word of the vocabulary
    #[arg(long, value_name = "WORD")]
    role: String,
    /// Who gets the role; the owner of the agenda unless given
    #[arg(long, value_name = "PARTY")]
    holder: Option<String>,
    /// From when (EDTF: 2018-01-01, 2018); today unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    from: Option<pb::Date>,
    /// Until and including when
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    until: Option<pb::Date>,
    /// The decision by which
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// Why, in one or more sentences
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The id of the assignment; made up from the role and the item unless given
    #[arg(long)]
    id: Option<String>,
    /// The agenda on which the item stands
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// Which role ends.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook role end stimuleren-leader-zuidoost-5d1f0a3c --effective 2019-01-01 \\\n    \
                        --reason 'the programme is over'"
)]
struct End {
    /// The assignment, as `role list` names it
    id: String,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which agenda, and how it is told.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook role list --contradictions --valid 2017-03-01")]
struct List {
    /// Items against words, with how often each word is used
    #[arg(long, conflicts_with = "contradictions")]
    matrix: bool,
    /// Only where two sources state different roles
    #[arg(long)]
    contradictions: bool,
    /// The agenda; the only one unless given
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    #[command(flatten)]
    moment: Moment,
}

impl Role {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            Verb::Assign(assign) => assign.run(session, output).await,
            Verb::End(end) => end.run(session, output).await,
            Verb::List(list) => list.run(session, output).await,
        }
    }
}

impl Assign {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write_new();
        let item = self.item.to_pb();
        let id = self.id.unwrap_or_else(|| made_up(&self.role, &item.id, &write.request_id));
        let mut assignment = pb::Assignment {
            id: id.clone(),
            role: self.role,
            holder: self.holder,
            since: self.from,
            until: self.until,
            decision: self.decision,
            ..pb::Assignment::default()
        };
        let slot = match self.item.kind() {
            Kind::Action => &mut assignment.action,
            Kind::PolicyItem => &mut assignment.policy_item,
            Kind::Subtask => &mut assignment.subtask,
            Kind::Theme => &mut assignment.theme,
            _ => {
                let (nl, en) = (
                    "--item: noem een actie, of policy-item/ID, subtask/ID of theme/ID",
                    "--item: name an action, or policy-item/ID, subtask/ID or theme/ID",
                );
                return Err(Failure::usage(output.words.pick(nl, en)));
            }
        };
        *slot = Some(item.id);
        let (agenda, reason) = (self.agenda, self.reason);
        let (assignment, header) = (Some(assignment), Some(write.clone()));
        let request = pb::AssignRoleRequest { write: header, agenda, assignment, effective: None, reason };
        let receipt = sent(&write, session.role().assign_role(request)).await?.receipt.unwrap_or_default();
        let dry_run = self.recording.is_dry_run();
        let as_json = || json!({"id": id, "receipt": json::receipt(&receipt), "dry_run": dry_run});
        output.answer(as_json, |page| {
            page.note(&receipt_line(output.words, &receipt, dry_run));
            page.note(&format!("{} {id}", output.words.pick("Roltoewijzing:", "Role assignment:")));
        })
    }
}

/// An id that says which role it is, and that the same request makes up again.
fn made_up(role: &str, item: &str, request_id: &str) -> String {
    let digest = Sha256::digest(request_id.as_bytes());
    let tail: String = json::hex(&digest).chars().take(8).collect();
    let named: String = format!("{role}-{item}").chars().take(ID_MAX - tail.len() - 1).collect();
    format!("{}-{tail}", named.trim_end_matches('-'))
}

impl End {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Because { decision, effective, reason } = self.because;
        let (header, assignment) = (Some(write.clone()), self.id);
        let request = pb::EndRoleRequest { write: header, assignment, decision, effective, reason };
        let answer = sent(&write, session.role().end_role(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl List {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let agenda = named_or_only(session, self.agenda, w).await?;
        let Moment { valid, known } = self.moment;
        let request = pb::ListRoleStatementsRequest { agenda: agenda.clone(), known, valid, min_position: None };
        let mut answer = session.role().list_role_statements(request).await?.into_inner();
        let unnamed: Vec<String> = unnamed(&answer.rows).map(|item| item.id.clone()).collect();
        if self.contradictions {
            answer.rows.retain(|row| !row.contradictions.is_empty());
        }
        let as_json = || {
            let totals = answer.totals.iter().map(|total| json!({"word": total.word, "items": total.items}));
            json!({
                "agenda": agenda, "position": answer.position, "items": answer.rows.iter().map(row_json).collect::<Vec<_>>(),
                "totals": totals.collect::<Vec<_>>(), "unnamed": unnamed,
            })
        };
        output.answer(as_json, |page| {
            page.title(&w.pick(format!("Rollen op {agenda}"), format!("Roles on {agenda}")));
            if self.contradictions {
                contradictions(page, w, &answer.rows);
            } else if self.matrix {
                matrix(page, w, &answer);
            } else {
                answer.rows.iter().for_each(|row| write_row(page, w, row));
            }
            if !self.contradictions {
                totals(page, w, &answer, &unnamed);
            }
        })
    }
}

/// The items for which nobody states a role.
fn unnamed(rows: &[pb::RoleRow]) -> impl Iterator<Item = &pb::RecordKey> {
    rows.iter().filter(|row| row.statements.is_empty()).filter_map(|row| row.item.as_ref())
}

fn row_json(row: &pb::RoleRow) -> Value {
    let source = |key: Option<&pb::RecordKey>| Value::from(json::key("kind", key));
    let statement = |said: &pb::RoleStatement| {
        json!({
            "word": said.word, "holder": said.holder, "source": source(said.source.as_ref()),
            "since": json::date(said.since.as_ref()), "until": json::date(said.until.as_ref()), "decision": said.decision,
        })
    };
    let contradiction = |found: &pb::RoleContradiction| {
        json!({
            "one": {"source": source(found.one.as_ref()), "words": found.one_words},
            "other": {"source": source(found.other.as_ref()), "words": found.other_words},
        })
    };
    let mut map = json::key("item", row.item.as_ref());
    map.insert("label".to_owned(), row.label.as_str().into());
    map.insert("statements".to_owned(), row.statements.iter().map(statement).collect());
    map.insert("contradictions".to_owned(), row.contradictions.iter().map(contradiction).collect());
    map.into()
}

fn write_row(page: &mut Page, w: Words, row: &pb::RoleRow) {
    page.item(&w.key(row.item.as_ref()), &row.label);
    if row.statements.is_empty() {
        page.detail("", w.pick("geen rol genoemd", "no role named"));
    }
    let together = |a: &pb::RoleStatement, b: &pb::RoleStatement| (&a.source, &a.holder) == (&b.source, &b.holder);
    for said in row.statements.chunk_by(together) {
        let words: Vec<&str> = said.iter().map(|said| said.word.as_str()).collect();
        if let Some(first) = said.first() {
            page.detail(&w.key(first.source.as_ref()), &format!("{} ({})", words.join(", "), terms(w, first)));
        }
    }
}

/// Who has the role, when, and by which decision.
fn terms(w: Words, said: &pb::RoleStatement) -> String {
    let holder = said.holder.as_deref().unwrap_or_else(|| w.not_stated());
    let since = said.since.as_ref().map(|date| format!(", {} {}", w.pick("vanaf", "from"), w.date(Some(date))));
    let until = said.until.as_ref().map(|date| format!(" {} {}", w.pick("t/m", "until"), w.date(Some(date))));
    let decision = said.decision.as_ref().map(|id| format!(", {} {id}", w.pick("met", "by")));
    [Some(holder.to_owned()), since, until, decision].into_iter().flatten().collect()
}

fn contradictions(page: &mut Page, w: Words, rows: &[pb::RoleRow]) {
    if rows.is_empty() {
        page.note(
            w.pick("Nergens spreken twee bronnen elkaar tegen.", "Nowhere do two sources contradict each other."),
        );
    }
    for row in rows {
        page.item(&w.key(row.item.as_ref()), &row.label);
        for found in &row.contradictions {
            let none = w.pick("geen rol genoemd", "no role named");
            let words = |words: &[String]| if words.is_empty() { none.to_owned() } else { words.join(", ") };
            page.detail(&w.key(found.one.as_ref()), &words(&found.one_words));
            page.detail(&w.key(found.other.as_ref()), &words(&found.other_words));
        }
    }
}

/// Items against words. The words stand above the table, by number, for they are wider than its columns.
fn matrix(page: &mut Page, w: Words, answer: &pb::ListRoleStatementsResponse) {
    let words = || answer.totals.iter().map(|total| &total.word);
    for (n, word) in words().enumerate() {
        page.item(&(n + 1).to_string(), word);
    }
    let numbers = (1..=answer.totals.len()).map(|n| n.to_string());
    let names: Vec<String> = std::iter::once(w.pick("onderdeel", "item").to_owned()).chain(numbers).collect();
    let row = |row: &pb::RoleRow| {
        let is_stated = |word: &String| row.statements.iter().any(|said| said.word == *word);
        let marks = words().map(|word| if is_stated(word) { "x".to_owned() } else { ".".to_owned() });
        let item = row.item.as_ref().map(|item| item.id.clone()).unwrap_or_default();
        std::iter::once(item).chain(marks).collect()
    };
    page.table(&names, &answer.rows.iter().map(row).collect::<Vec<Vec<String>>>());
}

fn totals(page: &mut Page, w: Words, answer: &pb::ListRoleStatementsResponse, unnamed: &[String]) {
    page.gap();
    let totals = answer.totals.iter().map(|total| format!("{} {}", total.word, total.items)).collect::<Vec<_>>();
    page.note(&format!("{} {}.", w.pick("Aantal onderdelen per rol:", "Items by role:"), totals.join(", ")));
    let none = if unnamed.is_empty() { "-".to_owned() } else { unnamed.join(", ") };
    page.note(&format!("{} {none}.", w.pick("Zonder enige rol:", "Without any role:")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_up_again_by_the_same_request_alone() {
        let id = made_up("stimuleren", "leader-zuidoost", "r-1");
        assert!(id.starts_with("stimuleren-leader-zuidoost-"), "{id}");
        assert_eq!(id, made_up("stimuleren", "leader-zuidoost", "r-1"));
        assert_ne!(id, made_up("stimuleren", "leader-zuidoost", "r-2"));
        let long = made_up("stimuleren", &"lang-".repeat(20), "r-1");
        assert!(minutebook_domain::ids::Id::new(&long).is_some(), "{long}");
    }
}
