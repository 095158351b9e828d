//! One agenda through ten years: an edition a year, the decisions of its body, and what is stated beside it.

use anyhow::{Result, anyhow};
use minutebook_domain::dates::Edtf;
use minutebook_domain::document::Document;
use minutebook_domain::event::{Contents, ControlTotal, ItemStep, Payload, ReviewOpened, Seal};
use minutebook_domain::ids::{Id, Kind};
use minutebook_domain::record::{FieldSet, Record};
use serde_json::json;

use crate::generate::{Generator, action_name, agenda_name, id, record};

/// The first year after that of the first edition, and the last.
pub(crate) const YEARS: std::ops::RangeInclusive<u64> = 2017..=2026;
/// How many decisions a year.
const DECISIONS: u64 = 50;
/// How much is stated beside the actions in a year.
const STATEMENTS: u64 = 350;

impl Generator {
    /// Records the years after that of the first edition.
    pub(crate) fn years(&mut self, changes: u64) -> Result<()> {
        let mandates = [("mandaat-agenda", "adopt-agenda"), ("mandaat-besluiten", "vaststelling")];
        for (name, may) in mandates {
            let mandate = json!({"body": "gedeputeerde-staten", "may": may, "since": 2010});
            self.state(None, record(Kind::Mandate, name, mandate)?, None)?;
        }
        self.commit()?;
        let header = json!({"title": "Agenda 1", "owner": "gemeente-1"});
        self.state(Some(1), record(Kind::Agenda, &agenda_name(1), header)?, None)?;
        self.commit()?;
        let (begun, years) = (self.position, YEARS.count());
        for (n, year) in (1..).zip(YEARS) {
            self.year = Some(year);
            for k in 0..DECISIONS {
                let decision = json!({"body": "gedeputeerde-staten", "kind": "vaststelling", "date": format!("{year}-06"),
                    "what": self.words(7)});
                self.state(Some(0), record(Kind::Decision, &format!("besluit-{year}-{k}"), decision)?, None)?;
            }
            self.commit()?;
            self.review(year, changes)?;
            let end = begun + (self.size.events - begun) * n / u64::try_from(years)?;
            // The same is stated of the agenda in each year, whatever the ledger's size; the rest is of other agendas.
            for own in [true, false] {
                let until = if own { end.min(self.position + STATEMENTS) } else { end };
                self.elsewhere = !own;
                while self.position < until {
                    for _ in 0..48.min(until - self.position) {
                        self.statement()?;
                    }
                    self.commit()?;
                }
            }
            self.elsewhere = false;
        }
        Ok(())
    }

    /// The review of a year: so many actions change, and all of them are listed.
    fn review(&mut self, year: u64, changes: u64) -> Result<()> {
        let (agenda, edition, day) = (id(&agenda_name(0))?, id(&year.to_string())?, format!("{year}-01-05"));
        let decision = format!("gs-{year}-uitvoeringsagenda");
        let adopting = json!({"body": "gedeputeerde-staten", "kind": "adopt-agenda", "date": day});
        self.state(Some(0), record(Kind::Decision, &decision, adopting)?, None)?;
        let header = json!({"first_year": year, "last_year": year, "adopted_by": "gedeputeerde-staten",
            "decision": decision, "effective": day});
        let Record::Edition(header) = record(Kind::Edition, edition.as_str(), header)? else {
            return Err(anyhow!("an edition is read as an edition"));
        };
        let written = Edtf::year(i64::try_from(year)?).map_err(|fault| anyhow!("{fault}"))?;
        let opened = ReviewOpened {
            agenda: agenda.clone(),
            edition: edition.clone(),
            first_year: written.clone(),
            last_year: written,
            effective: header.effective.clone(),
            horizon: None,
            review: None,
            revision: 1,
            invented: true,
            base: None,
        };
        self.push(Payload::ReviewOpened(opened), &day, None, None)?;
        self.open = Some(year.to_string());
        for _ in 0..changes {
            let n = self.rng.below(self.size.actions);
            let step =
                ItemStep::Changed(self.action(n)?, FieldSet::named(Kind::Action, ["title", "summary", "period"]));
            let reason = Some(self.words(6));
            self.item(0, step, &day, reason)?;
        }
        self.open = None;
        let numbers: Vec<u64> = (0..self.size.actions).collect();
        for some in numbers.chunks(500) {
            let ids = some.iter().map(|n| id(&action_name(*n))).collect::<Result<Vec<Id>>>()?;
            let contents = Contents { agenda: agenda.clone(), edition: edition.clone(), kind: Kind::Action, ids };
            self.push(Payload::ContentsListed(contents), &day, None, None)?;
        }
        let count = u32::try_from(self.size.actions)?;
        let seal = Seal {
            agenda,
            edition: header,
            revision: 1,
            mandate: Some(id("mandaat-agenda")?),
            control: ControlTotal { before: count, after: count, ..ControlTotal::default() },
            previous: None,
            sha256: Document::default().sha256(),
        };
        self.push(Payload::RevisionSealed(seal), &day, Some(id(&decision)?), None)?;
        self.commit()
    }
}
