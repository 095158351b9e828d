//! Each single act of governance over gRPC, one caller, durable: beside the smallest of them, a remark.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use minutebook_proto::pb;
use minutebook_proto::pb::agenda_service_client::AgendaServiceClient;
use minutebook_proto::pb::agreement_service_client::AgreementServiceClient;
use minutebook_proto::pb::decision_service_client::DecisionServiceClient;
use minutebook_proto::pb::directory_service_client::DirectoryServiceClient;
use minutebook_proto::pb::review_service_client::ReviewServiceClient;
use minutebook_proto::pb::role_service_client::RoleServiceClient;
use tonic::transport::Channel;

use crate::Options;
use crate::measure::Times;
use crate::program::{ABSENT, AGENDA, DOCUMENTS, Program, Served};
use crate::report::{Report, Row, Target};

/// An action of both editions, which reviews change.
const ACTION: &str = "trendbureau-opdracht";
/// The first year for which reviews are opened here.
const YEAR: u32 = 2020;

/// Figure 5: each single act.
pub(crate) fn acts(report: &mut Report, program: Option<&Program>, options: &Options, dir: &Path) -> Result<()> {
    let Some(program) = program else {
        report.skip(5, ABSENT);
        return Ok(());
    };
    let data = dir.join("acts");
    program.found(&data)?;
    for document in DOCUMENTS {
        let document = options.examples.join(document);
        program.run(&data, &["import", document.to_str().context("the path of the examples is not text")?])?;
    }
    let served = program.serve(&data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let rounds = if options.quick { 2 } else { 200 };
    let mut all = runtime.block_on(async {
        let mut caller = Caller::new(&served).await?;
        caller.alone(rounds).await?;
        caller.reviews(rounds).await?;
        anyhow::Ok(caller.times)
    })?;
    let remark = all.remove(0);
    let floor = Times::of(remark.1);
    for (name, mut times) in all {
        // The first of each warms up; it is told apart.
        let first = times.remove(0).as_secs_f64() * 1e3;
        let times = Times::of(times);
        report.add(Row {
            number: 5,
            name: format!("{name}, p99"),
            unit: "ms",
            value: times.p99(),
            target: if options.quick { Target::None } else { Target::Below(15.0) },
            peer: Some(("a remark".to_owned(), floor.p99())),
            note: format!("{}; the first {first:.2} ms", times.spread()),
        });
    }
    Ok(())
}

/// One caller, and how long its acts took, by their names.
struct Caller {
    agenda: AgendaServiceClient<Channel>,
    agreement: AgreementServiceClient<Channel>,
    decision: DecisionServiceClient<Channel>,
    directory: DirectoryServiceClient<Channel>,
    review: ReviewServiceClient<Channel>,
    role: RoleServiceClient<Channel>,
    times: Vec<(&'static str, Vec<Duration>)>,
    requests: u64,
}

/// Sends a request under a name of its own, and keeps how long its answer took.
macro_rules! act {
    ($caller:ident, $name:literal, $client:ident.$rpc:ident($request:ident { $($field:ident: $value:expr),* $(,)? })) => {{
        $caller.requests += 1;
        let request_id = format!("0190f0e0-0000-7000-8000-{:012x}", $caller.requests);
        let write = Some(pb::Write { request_id, ..pb::Write::default() });
        #[allow(clippy::needless_update, reason = "some requests have no more fields")]
        let request = pb::$request { write, $($field: $value,)* ..pb::$request::default() };
        let start = Instant::now();
        let answer = $caller.$client.$rpc(request).await.with_context(|| format!("{}", $name))?;
        $caller.took($name, start.elapsed());
        answer.into_inner()
    }};
}

impl Caller {
    async fn new(served: &Served) -> Result<Self> {
        let channel = served.connect().await?;
        Ok(Self {
            agenda: AgendaServiceClient::new(channel.clone()),
            agreement: AgreementServiceClient::new(channel.clone()),
            decision: DecisionServiceClient::new(channel.clone()),
            directory: DirectoryServiceClient::new(channel.clone()),
            review: ReviewServiceClient::new(channel.clone()),
            role: RoleServiceClient::new(channel),
            times: Vec::new(),
            requests: 0,
        })
    }

    fn took(&mut self, name: &'static str, time: Duration) {
        match self.times.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => times.push(time),
            None => self.times.push((name, vec![time])),
        }
    }

    /// Every act but those of a review, so many times.
    async fn alone(&mut self, count: u32) -> Result<()> {
        for n in 0..count {
            let remark =
                pb::Remark { id: format!("b-opmerking-{n}"), what: "Besproken".to_owned(), ..Default::default() };
            let record = Some(pb::Record { record: Some(pb::record::Record::Remark(remark)) });
            let statement = pb::StateRecord { record, ..pb::StateRecord::default() };
            act!(self, "remark", agenda.state_record(StateRecordRequest { statement: Some(statement) }));
            self.decisions(n).await?;
            self.registers(n).await?;
            self.agreements(n).await?;
            self.rest(n).await?;
        }
        Ok(())
    }

    async fn decide(&mut self, id: String, body: &str, kind: &str, agenda: Option<&str>) -> Result<()> {
        let decision = pb::Decision {
            id,
            body: body.to_owned(),
            kind: kind.to_owned(),
            date: day("2019-06-04"),
            what: Some("Stand vastgesteld".to_owned()),
            ..pb::Decision::default()
        };
        let agenda = agenda.map(str::to_owned);
        act!(
            self,
            "decision record",
            decision.record_decision(RecordDecisionRequest { agenda: agenda, decision: Some(decision) })
        );
        Ok(())
    }

    async fn decisions(&mut self, n: u32) -> Result<()> {
        let [one, two, three] = ["a", "b", "c"].map(|letter| format!("b-besluit-{n}-{letter}"));
        for id in [&one, &two, &three] {
            // Of no agenda: six hundred on one between two editions would be more than any has in ten years.
            self.decide(id.clone(), "stuurgroep-kknn", "adopt-work-plan", None).await?;
        }
        act!(
            self,
            "decision supersede",
            decision.supersede_decision(SupersedeDecisionRequest { decision: one, by: two.clone(), reason: because() })
        );
        act!(
            self,
            "decision revoke",
            decision.revoke_decision(RevokeDecisionRequest { decision: two, by: three, reason: because() })
        );
        Ok(())
    }

    async fn registers(&mut self, n: u32) -> Result<()> {
        for letter in ["a", "b"] {
            let party =
                pb::Party { id: format!("b-partij-{n}-{letter}"), name: "Stichting".to_owned(), ..Default::default() };
            let record = Some(pb::Record { record: Some(pb::record::Record::Party(party)) });
            act!(
                self,
                "party add",
                directory.register_record(RegisterRecordRequest { record: record, effective: day("2018") })
            );
        }
        let mandate = pb::Mandate {
            id: format!("b-mandaat-{n}"),
            body: "stuurgroep-kknn".to_owned(),
            may: "advise".to_owned(),
            ..pb::Mandate::default()
        };
        act!(self, "mandate grant", directory.grant_mandate(GrantMandateRequest { mandate: Some(mandate) }));
        act!(
            self,
            "mandate withdraw",
            directory.withdraw_mandate(WithdrawMandateRequest { mandate: format!("b-mandaat-{n}"), reason: because() })
        );
        Ok(())
    }

    async fn agreements(&mut self, n: u32) -> Result<()> {
        let (id, ids) = (format!("b-afspraak-{n}"), ["a", "b"].map(|letter| format!("b-partij-{n}-{letter}")));
        let agreement = pb::Agreement {
            id: id.clone(),
            what: "Samenwerken aan zorg".to_owned(),
            parties: Some(pb::IdList { ids: ids.to_vec() }),
            ..pb::Agreement::default()
        };
        act!(
            self,
            "agreement propose",
            agreement.propose_agreement(ProposeAgreementRequest {
                agreement: Some(agreement.clone()),
                effective: day("2019-01-01"),
            })
        );
        for party in ids {
            act!(
                self,
                "agreement sign",
                agreement.sign_agreement(SignAgreementRequest {
                    agreement: id.clone(),
                    party: party,
                    date: day("2019-02-01"),
                })
            );
        }
        let amended = pb::Agreement { what: "Samenwerken aan zorg en welzijn".to_owned(), ..agreement };
        act!(
            self,
            "agreement amend",
            agreement.amend_agreement(AmendAgreementRequest {
                agreement: Some(amended),
                fields: vec!["what".to_owned()],
                effective: day("2019-03-01"),
                reason: because(),
            })
        );
        act!(
            self,
            "agreement end",
            agreement.end_agreement(EndAgreementRequest {
                agreement: id,
                effective: day("2020-01-01"),
                reason: because(),
            })
        );
        Ok(())
    }

    async fn rest(&mut self, n: u32) -> Result<()> {
        let assignment = pb::Assignment {
            id: format!("b-rol-{n}"),
            action: Some(ACTION.to_owned()),
            role: "stimuleren".to_owned(),
            holder: Some(format!("b-partij-{n}-a")),
            since: day("2019"),
            ..pb::Assignment::default()
        };
        act!(
            self,
            "role assign",
            role.assign_role(AssignRoleRequest { assignment: Some(assignment), reason: because() })
        );
        act!(self, "role end", role.end_role(EndRoleRequest { assignment: format!("b-rol-{n}"), reason: because() }));
        act!(
            self,
            "party end",
            directory.end_record(EndRecordRequest {
                kind: pb::Kind::Party.into(),
                id: format!("b-partij-{n}-a"),
                reason: because(),
            })
        );
        let amount = pb::Amount {
            id: format!("b-bedrag-{n}"),
            what: "Bijdrage".to_owned(),
            eur: Some(5000),
            ..Default::default()
        };
        act!(self, "amount record", agreement.record_amount(RecordAmountRequest { amount: Some(amount) }));
        act!(
            self,
            "amount end",
            agreement.end_amount(EndAmountRequest { amount: format!("b-bedrag-{n}"), reason: because() })
        );
        let motion = pb::Motion { id: format!("b-motie-{n}"), title: "Motie".to_owned(), ..Default::default() };
        act!(self, "motion record", decision.record_motion(RecordMotionRequest { motion: Some(motion) }));
        let id = || format!("b-motie-{n}");
        act!(self, "motion link", decision.link_motion(LinkMotionRequest { motion: id(), action: ACTION.to_owned() }));
        let key = pb::RecordKey { kind: pb::Kind::Action.into(), id: ACTION.to_owned(), ..Default::default() };
        act!(self, "motion settle", decision.settle_motion(SettleMotionRequest { motion: id(), evidence: vec![key] }));
        let milestone = pb::Milestone {
            id: format!("b-mijlpaal-{n}"),
            what: "Rapport".to_owned(),
            due: day("2020"),
            ..Default::default()
        };
        let record = Some(pb::Record { record: Some(pb::record::Record::Milestone(milestone)) });
        let statement = pb::StateRecord { record, effective: day("2019"), ..pb::StateRecord::default() };
        act!(self, "promise record", agenda.state_record(StateRecordRequest { statement: Some(statement) }));
        let id = || format!("b-mijlpaal-{n}");
        act!(
            self,
            "promise move",
            agenda.move_promise(MovePromiseRequest { promise: id(), due: day("2021"), reason: because() })
        );
        act!(self, "promise miss", agenda.miss_promise(MissPromiseRequest { promise: id(), reason: because() }));
        Ok(())
    }

    /// Whole reviews, one edition after the other.
    async fn reviews(&mut self, rounds: u32) -> Result<()> {
        let agenda = || AGENDA.to_owned();
        for year in YEAR..YEAR + rounds {
            let opening =
                pb::ReviewOpening { effective: day(&format!("{year}-01-01")), ..pb::ReviewOpening::default() };
            act!(
                self,
                "review open",
                review.open_review(OpenReviewRequest {
                    agenda: agenda(),
                    edition: year.to_string(),
                    opening: Some(opening),
                })
            );
            let mut ids = Vec::new();
            for words in ["Eerste voorstel", "Tweede voorstel"] {
                let new = prost_types::Value {
                    kind: Some(prost_types::value::Kind::StringValue(format!("{words} voor {year}"))),
                };
                let key = pb::RecordKey { kind: pb::Kind::Action.into(), id: ACTION.to_owned(), ..Default::default() };
                let set = pb::FieldSetting { key: Some(key), field: "summary".to_owned(), old: None, new: Some(new) };
                let kind = pb::ChangeKind::Changed.into();
                let proposal = pb::DispositionProposal { kind, set: vec![set], ..pb::DispositionProposal::default() };
                let answer = act!(
                    self,
                    "review propose",
                    review.propose_disposition(ProposeDispositionRequest {
                        agenda: agenda(),
                        proposal: Some(proposal),
                        reason: "Zo is het besproken.".to_owned(),
                    })
                );
                ids.extend(answer.changes);
            }
            let [one, two] = ids.as_slice() else { anyhow::bail!("two proposals have two ids: {ids:?}") };
            act!(
                self,
                "review select",
                review.select_disposition(SelectDispositionRequest { agenda: agenda(), change: one.clone() })
            );
            act!(
                self,
                "review withdraw",
                review.withdraw_disposition(WithdrawDispositionRequest {
                    agenda: agenda(),
                    change: two.clone(),
                    reason: "De eerste is beter.".to_owned(),
                })
            );
            act!(self, "review keep-rest", review.keep_rest(KeepRestRequest { agenda: agenda() }));
            self.decide(format!("b-vaststelling-{year}"), "gs", "adopt-agenda", Some(AGENDA)).await?;
            let adoption =
                pb::ReviewAdoption { decision: format!("b-vaststelling-{year}"), ..pb::ReviewAdoption::default() };
            act!(
                self,
                "review adopt",
                review.adopt_review(AdoptReviewRequest { agenda: agenda(), adoption: Some(adoption) })
            );
        }
        Ok(())
    }
}

#[allow(clippy::unnecessary_wraps, reason = "that is what the fields of requests hold")]
fn day(text: &str) -> Option<pb::Date> {
    Some(pb::Date { date: Some(pb::date::Date::Edtf(text.to_owned())) })
}

#[allow(clippy::unnecessary_wraps, reason = "that is what the fields of requests hold")]
fn because() -> Option<String> {
    Some("Zo is het afgesproken.".to_owned())
}
