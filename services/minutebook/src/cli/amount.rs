//! `amount`: recording, changing and ending sums of money, and what they come to.

use clap::{Args, Subcommand, ValueEnum};
use minutebook_domain::ids::Kind;
use minutebook_domain::value::Value;
use minutebook_proto::{pb, record_to_pb};
use serde_json::json;

use super::agenda::named_or_only;
use super::args::Moment;
use super::connect::Session;
use super::failure::Failure;
use super::page::Page;
use super::record::{Because, Recording, current, sent, set, tell};
use super::words::Words;
use super::{Output, args, json};

/// Sums of money.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook amount list --by theme")]
pub(crate) struct Amount {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Record a sum of money; what is not given is not stated
    Record(Box<Record>),
    /// Change what is recorded of an amount that no action on the agenda names
    Change(Change),
    /// End an amount that no action on the agenda names
    End(End),
    /// List the amounts with the rules that they keep to, or add them up
    List(List),
}

/// A sum of money as it is stated.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook amount record --id subsidie-leefbaarheid --what 'Subsidie leefbaarheid' --eur 500000 \\\n    \
                        --per once --from 2018 --source provincie-drenthe --agenda krimp-en-leefbaarheid"
)]
struct Record {
    /// A new id
    #[arg(long)]
    id: String,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    what: String,
    /// The sum in whole euros
    #[arg(long, value_name = "EUROS")]
    eur: Option<u64>,
    /// How often it is paid
    #[arg(long, value_enum)]
    per: Option<Per>,
    /// From when (EDTF: 2018-01-01, 2018)
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    from: Option<pb::Date>,
    /// Until and including when
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    through: Option<pb::Date>,
    /// What it is counted by
    #[arg(long, value_name = "TEXT")]
    unit: Option<String>,
    /// The amount that it is a part of; a part is never added to its whole
    #[arg(long, value_name = "AMOUNT")]
    part_of: Option<String>,
    /// Who or what pays
    #[arg(long, value_name = "PARTY")]
    source: Option<String>,
    /// The action that it belongs to
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// The agenda that it belongs to
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    /// From when this is so (EDTF: 2018-01-01, 2018); today unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
    /// Why, in one or more sentences
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// How often a sum is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Per {
    /// Each year
    Year,
    /// Once
    Once,
}

/// Which amount, and what should read differently.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook amount change subsidie-leefbaarheid --set eur=400000 --effective 2019-01-01 \\\n    \
                        --reason 'lowered in the budget of 2019'"
)]
struct Change {
    /// The amount
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

/// Which amount ends. The effective day is the first on which it is no more.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook amount end subsidie-leefbaarheid --effective 2020-01-01 --reason 'used up'"
)]
struct End {
    /// The amount
    id: String,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which agenda, and by what the amounts are added up.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook amount list --by year --valid 2018-06-01")]
struct List {
    /// Add them up: by theme, by year, or by who pays
    #[arg(long, value_enum)]
    by: Option<By>,
    /// The agenda; the only one unless given
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    #[command(flatten)]
    moment: Moment,
}

/// By what amounts are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// The theme of the action that they belong to
    Theme,
    /// Each year of their term
    Year,
    /// Who or what pays
    Source,
}

impl By {
    fn word(self) -> &'static str {
        match self {
            Self::Theme => "theme",
            Self::Year => "year",
            Self::Source => "source",
        }
    }
}

impl Amount {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            Verb::Record(record) => record.run(session, output).await,
            Verb::Change(change) => change.run(session, output).await,
            Verb::End(end) => end.run(session, output).await,
            Verb::List(list) => list.run(session, output).await,
        }
    }
}

impl Record {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write_new();
        let per = match self.per {
            None => pb::Per::Unspecified,
            Some(Per::Year) => pb::Per::Year,
            Some(Per::Once) => pb::Per::Once,
        };
        let amount = pb::Amount {
            id: self.id,
            what: self.what,
            eur: self.eur,
            per: per.into(),
            from: self.from,
            through: self.through,
            unit: self.unit,
            part_of: self.part_of,
            source: self.source,
            action: self.action,
            notes: None,
        };
        let request = pb::RecordAmountRequest {
            write: Some(write.clone()),
            agenda: self.agenda,
            amount: Some(amount),
            effective: self.effective,
            reason: self.reason,
        };
        let answer = sent(&write, session.agreement().record_amount(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl Change {
    /// It is changed from how it reads now; whoever changed it in the meantime is not overwritten.
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let (record, revision) = current(session, Kind::Amount, self.id).await?;
        let record = set(Kind::Amount, record.id(), record.write(), self.fields, output.words)?;
        let amount = match record_to_pb(&record).record {
            Some(pb::record::Record::Amount(amount)) => Some(amount),
            _ => None,
        };
        let write = pb::Write { expected_revision: Some(revision), ..self.recording.write() };
        let (header, effective, reason) = (Some(write.clone()), self.effective, self.reason);
        let request = pb::RecordAmountRequest { write: header, agenda: None, amount, effective, reason };
        let answer = sent(&write, session.agreement().record_amount(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl End {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Because { decision, effective, reason } = self.because;
        let (header, amount) = (Some(write.clone()), self.id);
        let request = pb::EndAmountRequest { write: header, amount, decision, effective, reason };
        let answer = sent(&write, session.agreement().end_amount(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl List {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let agenda = named_or_only(session, self.agenda, w).await?;
        let by = match self.by {
            None | Some(By::Theme) => pb::SumBy::Theme,
            Some(By::Year) => pb::SumBy::Year,
            Some(By::Source) => pb::SumBy::Source,
        };
        let Moment { valid, known } = self.moment;
        let request = pb::SumAmountsRequest { agenda: agenda.clone(), by: by.into(), known, valid, min_position: None };
        let answer = session.agreement().sum_amounts(request).await?.into_inner();
        let as_json = || {
            let by = self.by.unwrap_or(By::Theme).word();
            json!({
                "agenda": agenda, "position": answer.position, "by": by,
                "sums": answer.sums.iter().map(|sum| sum_json(by, sum)).collect::<Vec<_>>(),
                "amounts": answer.amounts.iter().map(amount_json).collect::<Vec<_>>(),
                "cofinancing": answer.cofinancing.iter().map(cofinancing_json).collect::<Vec<_>>(),
            })
        };
        output.answer(as_json, |page| {
            page.title(&w.pick(format!("Geld op {agenda}"), format!("Money on {agenda}")));
            if self.by.is_some() {
                answer.sums.iter().for_each(|sum| write_sum(page, w, sum));
            } else {
                answer.amounts.iter().for_each(|view| write_amount(page, w, view));
                answer.cofinancing.iter().for_each(|rule| write_cofinancing(page, w, rule));
            }
        })
    }
}

fn sum_json(by: &str, sum: &pb::AmountSum) -> Value {
    use pb::amount_sum::Of;
    let of = match &sum.of {
        Some(Of::Id(id)) => json!(id),
        Some(Of::Year(year)) => json!(year),
        Some(Of::BeginNotStated(_)) | None => Value::Null,
    };
    let begin_not_stated = matches!(sum.of, Some(Of::BeginNotStated(_)));
    json!({
        by: of, "label": sum.label, "begin_not_stated": begin_not_stated, "per_year": sum.per_year, "once": sum.once,
        "unspecified": sum.unspecified, "amounts": sum.amounts, "not_stated_count": sum.not_stated.len(),
        "not_stated": sum.not_stated.iter().map(|key| Value::from(json::key("kind", Some(key)))).collect::<Vec<_>>(),
    })
}

fn amount_json(view: &pb::AmountView) -> Value {
    let rule = view.rule.as_ref().map(|rule| {
        let counted = rule.verdict() != pb::unit_rule::Verdict::NotVerifiable;
        let number = |number: u64| if counted { json!(number) } else { Value::Null };
        let why = |words: &str| if counted { Value::Null } else { words.into() };
        json!({
            "verdict": verdict(rule.verdict()), "units": number(rule.units.into()), "each": number(rule.each),
            "total": number(rule.total), "why_nl": why(&rule.why_nl), "why_en": why(&rule.why_en),
        })
    });
    json!({
        "amount": view.amount.clone().map(pb::record::Record::Amount).map(json::record),
        "theme": view.theme, "ended": view.ended, "is_part": view.is_part, "rule": rule,
    })
}

fn cofinancing_json(rule: &pb::CofinancingRule) -> Value {
    json!({
        "agreement": rule.agreement, "share": share(rule), "base": rule.base, "readings_nl": rule.readings_nl,
        "readings_en": rule.readings_en,
    })
}

/// The share as it was written: a number, or text.
fn share(rule: &pb::CofinancingRule) -> Value {
    match rule.share.as_ref().and_then(|share| share.scalar.as_ref()) {
        Some(pb::scalar::Scalar::Number(number)) => args::value(number),
        Some(pb::scalar::Scalar::Text(text)) => text.as_str().into(),
        None => Value::Null,
    }
}

fn verdict(verdict: pb::unit_rule::Verdict) -> &'static str {
    use pb::unit_rule::Verdict;
    match verdict {
        Verdict::Unspecified => "unknown",
        Verdict::Verified => "verified",
        Verdict::Differs => "differs",
        Verdict::NotVerifiable => "not-verifiable",
    }
}

/// `at least €637,500 a year; 7 items not stated`.
fn write_sum(page: &mut Page, w: Words, sum: &pb::AmountSum) {
    use pb::amount_sum::Of;
    let of = match &sum.of {
        Some(Of::Id(id)) => id.clone(),
        Some(Of::Year(year)) => year.to_string(),
        Some(Of::BeginNotStated(_)) => w.pick("beginjaar niet vermeld", "begin year not stated").to_owned(),
        None => w.not_stated().to_owned(),
    };
    let euros = |sum: u64| w.euros(&sum.to_string());
    let parts = [
        sum.per_year.map(|sum| format!("{} {}", euros(sum), w.pick("per jaar", "a year"))),
        sum.once.map(|sum| format!("{} {}", euros(sum), w.pick("eenmalig", "once"))),
        sum.unspecified
            .map(|sum| format!("{} ({})", euros(sum), w.pick("hoe vaak is niet vermeld", "how often is not stated"))),
    ];
    let stated = parts.into_iter().flatten().collect::<Vec<_>>().join(" + ");
    let least = if stated.is_empty() {
        w.pick("geen bedrag vermeld", "no sum stated").to_owned()
    } else {
        format!("{} {stated}", w.pick("ten minste", "at least"))
    };
    let missing = match sum.not_stated.len() {
        0 => String::new(),
        1 => w.pick("; 1 post niet vermeld", "; 1 item not stated").to_owned(),
        n => w.pick(format!("; {n} posten niet vermeld"), format!("; {n} items not stated")),
    };
    page.item(&of, &format!("{least}{missing}"));
    if let Some(label) = &sum.label {
        page.detail("", label);
    }
    if !sum.amounts.is_empty() {
        page.detail(w.pick("bedragen", "amounts"), &sum.amounts.join(", "));
    }
    if !sum.not_stated.is_empty() {
        let keys: Vec<_> = sum.not_stated.iter().map(|key| w.key(Some(key))).collect();
        page.detail(w.not_stated(), &keys.join(", "));
    }
}

fn write_amount(page: &mut Page, w: Words, view: &pb::AmountView) {
    let amount = view.amount.clone().unwrap_or_default();
    let (what, action) = (amount.what.clone(), amount.action.clone());
    let record = json::record(pb::record::Record::Amount(amount));
    page.item(&what, &record.as_object().map(|map| w.amount(map)).unwrap_or_default());
    page.detail(w.pick("actie", "action"), action.as_deref().unwrap_or_else(|| w.not_stated()));
    if let Some(ended) = &view.ended {
        page.detail(w.pick("geëindigd per", "ended as of"), ended);
    }
    if let Some(rule) = &view.rule {
        use pb::unit_rule::Verdict;
        let sum = |euros: u64| w.euros(&euros.to_string());
        let (units, each, total) = (rule.units, sum(rule.each), sum(rule.total));
        let line = match rule.verdict() {
            Verdict::Verified => format!("{units} × {each} = {total}"),
            Verdict::Differs => {
                w.pick(format!("{units} × {each} is niet {total}"), format!("{units} × {each} is not {total}"))
            }
            Verdict::NotVerifiable | Verdict::Unspecified => {
                let why = w.pick(&rule.why_nl, &rule.why_en);
                format!("{}: {why}", w.pick("niet na te gaan", "not verifiable"))
            }
        };
        page.detail(w.pick("regel per eenheid", "rule by unit"), &line);
    }
}

fn write_cofinancing(page: &mut Page, w: Words, rule: &pb::CofinancingRule) {
    let share = w.value("share", &share(rule));
    page.item(w.pick("cofinanciering", "co-financing"), &format!("{}, {share}", rule.agreement));
    let readings = w.pick(&rule.readings_nl, &rule.readings_en);
    match &rule.base {
        Some(base) => page.detail(w.pick("aandeel in", "share of"), base),
        None => page.detail(
            w.pick("waarvan is niet vermeld; beide lezingen blijven", "of what is not stated; both readings stay"),
            &readings.join(w.pick(", of ", ", or ")),
        ),
    }
}
