//! `findings`: what a careful auditor would remark. It only reports, so it ends well whatever it finds.

use clap::Args;
use minutebook_proto::pb;
use serde_json::json;

use super::connect::Session;
use super::failure::Failure;
use super::{Output, json};

/// Which agenda.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook findings krimp-en-leefbaarheid")]
pub(crate) struct Findings {
    /// The agenda
    agenda: String,
}

impl Findings {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let request = pb::ListFindingsRequest { agenda: self.agenda.clone(), min_position: None };
        let answer = session.agenda().list_findings(request).await?.into_inner();
        let as_json = || {
            let findings: Vec<_> = answer.findings.iter().map(json::finding).collect();
            json!({"agenda": self.agenda, "position": answer.position, "findings": findings})
        };
        output.answer(as_json, |page| {
            let w = output.words;
            let (count, agenda) = (answer.findings.len(), &self.agenda);
            page.title(
                &w.pick(format!("Bevindingen over {agenda} ({count})"), format!("Findings on {agenda} ({count})")),
            );
            for finding in &answer.findings {
                page.item(&w.key(finding.key.as_ref()), w.finding(finding));
                page.detail("", &finding.code);
            }
        })
    }
}
