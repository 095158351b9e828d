//! `audit`: the gaps of authority on one page. It only reports, so it ends well whatever it finds.

use clap::Args;
use minutebook_proto::pb;
use serde_json::json;

use super::connect::Session;
use super::failure::Failure;
use super::{Output, json};

/// Which agenda.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook audit krimp-en-leefbaarheid")]
pub(crate) struct Audit {
    /// The agenda
    agenda: String,
}

impl Audit {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let request = pb::GetAuditRequest { agenda: self.agenda.clone(), min_position: None };
        let answer = session.agenda().get_audit(request).await?.into_inner();
        let as_json = || {
            let gap = |gap: &pb::Gap| {
                let mut value = gap.finding.as_ref().map(json::finding).unwrap_or_default();
                if let Some(map) = value.as_object_mut() {
                    map.insert("positions".into(), json!(gap.positions));
                }
                value
            };
            let gaps: Vec<_> = answer.gaps.iter().map(gap).collect();
            json!({"agenda": self.agenda, "position": answer.position, "gaps": gaps})
        };
        output.answer(as_json, |page| {
            let w = output.words;
            let (count, agenda) = (answer.gaps.len(), &self.agenda);
            let (nl, en) = (
                format!("Leemten in bevoegdheid: {agenda} ({count})"),
                format!("Gaps of authority: {agenda} ({count})"),
            );
            page.title(&w.pick(nl, en));
            if count == 0 {
                page.note(w.pick(
                    "Alles rust op een gedateerd besluit onder een mandaat.",
                    "All of it rests on a dated decision under a mandate.",
                ));
            }
            for gap in &answer.gaps {
                let Some(finding) = &gap.finding else { continue };
                page.item(&w.key(finding.key.as_ref()), w.finding(finding));
                let positions: Vec<_> = gap.positions.iter().map(ToString::to_string).collect();
                page.detail(&finding.code, &format!("{} {}", w.pick("gebeurtenis", "event"), positions.join(", ")));
            }
        })
    }
}
