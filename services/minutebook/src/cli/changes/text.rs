//! The answer of `changes` for people.

use minutebook_proto::{kind_from_pb, pb};
use pb::item_change::Outcome;

use crate::cli::json;
use crate::cli::page::Page;
use crate::cli::words::Words;

/// How long a difference beside the items may be to be shown without being asked for, in characters.
const BRIEF: usize = 200;

/// A report in the making.
pub(super) struct Report<'a> {
    pub(super) page: &'a mut Page,
    pub(super) words: Words,
    /// List everything, not only how much.
    pub(super) all: bool,
    /// What adopted every item: said once, at the head.
    pub(super) adopted: Option<String>,
}

impl<'a> Report<'a> {
    /// A report on a page.
    pub(super) fn new(page: &'a mut Page, words: Words, all: bool) -> Self {
        Self { page, words, all, adopted: None }
    }

    /// Writes the whole answer.
    pub(super) fn write(&mut self, changes: &pb::Changes, position: u64) {
        self.head(changes, position);
        self.adoption(changes);
        for outcome in [
            Outcome::Added,
            Outcome::Dropped,
            Outcome::Changed,
            Outcome::Split,
            Outcome::Merged,
            Outcome::Suspended,
            Outcome::Reinstated,
            Outcome::CameAndWent,
        ] {
            let items: Vec<_> = changes.items.iter().filter(|item| item.outcome() == outcome).collect();
            if !items.is_empty() {
                self.page.section(&format!("{} ({})", self.outcome(outcome), items.len()));
                for item in items {
                    self.item(item);
                }
            }
        }
        self.corrected(changes.corrected.iter().collect());
        self.carried_over(changes);
        self.related(&changes.related);
        self.findings(&changes.findings);
        self.control(&changes.control.unwrap_or_default());
    }

    /// Writes how one field of an item changed, and the corrections of the item.
    pub(super) fn write_one(&mut self, changes: &pb::Changes, id: &str, field: &str) {
        let is_it = |key: Option<&pb::RecordKey>| key.is_some_and(|key| key.id == id);
        for item in changes.items.iter().filter(|item| is_it(item.key.as_ref())) {
            self.page.section(self.outcome(item.outcome()));
            let mut item = item.clone();
            item.fields.retain(|change| change.field == field);
            self.item(&item);
        }
        self.corrected(changes.corrected.iter().filter(|correction| is_it(correction.key.as_ref())).collect());
    }

    fn head(&mut self, changes: &pb::Changes, position: u64) {
        let w = self.words;
        let name = |edition: &Option<String>| edition.clone().unwrap_or_else(|| w.pick("niets", "nothing").to_owned());
        let (from, to) = (name(&changes.from), name(&changes.to));
        let (agenda, known) = (&changes.agenda, position);
        let span = if changes.from.is_none() && changes.to.is_none() {
            w.pick("toen gold nog geen editie", "no edition held by then").to_owned()
        } else {
            w.pick(format!("van {from} naar {to}"), format!("from {from} to {to}"))
        };
        self.page
            .title(&w.pick(format!("Wat veranderde in {agenda}: {span}"), format!("What changed in {agenda}: {span}")));
        if changes.invented {
            self.page.banner(w.invented());
        }
        self.page
            .note(&w.pick(format!("Zoals bekend bij gebeurtenis {known}."), format!("As known at event {known}.")));
    }

    /// Says once what adopted every item, where it was the same for all.
    fn adoption(&mut self, changes: &pb::Changes) {
        let whys = changes.items.iter().filter_map(|item| item.why.as_ref());
        let mut adopted = whys.map(|why| adoption(self.words, why));
        let first = adopted.next().flatten();
        if let Some(text) = first.filter(|first| adopted.all(|other| other.as_ref() == Some(first))) {
            let name = self.words.pick("Vastgesteld door", "Adopted by");
            self.page.note(&format!("{name} {text}."));
            self.adopted = Some(text);
        }
    }

    fn outcome(&self, outcome: Outcome) -> &'static str {
        let (nl, en) = match outcome {
            Outcome::Unspecified => ("Onbekend", "Unknown"),
            Outcome::Added => ("Toegevoegd", "Added"),
            Outcome::Dropped => ("Afgevallen", "Dropped"),
            Outcome::Changed => ("Gewijzigd", "Changed"),
            Outcome::Split => ("Gesplitst", "Split"),
            Outcome::Merged => ("Samengevoegd", "Merged"),
            Outcome::Suspended => ("Opgeschort", "Suspended"),
            Outcome::Reinstated => ("Teruggekeerd", "Reinstated"),
            Outcome::CameAndWent => ("Gekomen en weer gegaan", "Came and went"),
        };
        self.words.pick(nl, en)
    }

    fn item(&mut self, item: &pb::ItemChange) {
        let w = self.words;
        self.page.item(&w.key(item.key.as_ref()), &item.label);
        let others = item.others.join(", ");
        match item.outcome() {
            Outcome::Dropped => self.page.detail(w.pick("afloop", "outcome"), w.disposition(item.disposition())),
            Outcome::Split => self.page.detail(w.pick("in", "into"), &others),
            Outcome::Merged => self.page.detail(w.pick("uit", "from"), &others),
            Outcome::Changed if item.fields.is_empty() => {
                self.page.detail(w.pick("per saldo", "net"), w.pick("geen verschil", "no difference"));
            }
            _ => {}
        }
        self.fields(&item.fields);
        match item.steps.as_slice() {
            [] => self.why(item.why.as_ref()),
            steps => steps.iter().for_each(|step| self.step(step)),
        }
        if item.uncertain {
            let nl = "hangt ervan af hoe een onnauwkeurige datum wordt gelezen";
            self.page.detail(w.pick("onzeker", "uncertain"), w.pick(nl, "depends on how an imprecise date is read"));
        }
    }

    fn fields(&mut self, fields: &[pb::FieldChange]) {
        for change in fields {
            self.page.detail(&change.field, &difference(self.words, change));
        }
    }

    fn step(&mut self, step: &pb::ChangeStep) {
        let fields = if step.fields.is_empty() { String::new() } else { format!(" ({})", step.fields.join(", ")) };
        self.page.detail(self.words.pick("stap", "step"), &format!("{}{fields}", step.event));
        self.why(step.why.as_ref());
    }

    /// The reason, the ground, and what adopted it.
    fn why(&mut self, why: Option<&pb::Why>) {
        for (name, text) in why.map(|why| reasons(self.words, why)).unwrap_or_default() {
            if self.adopted.as_ref() != Some(&text) {
                self.page.detail(name, &text);
            }
        }
    }

    fn corrected(&mut self, corrections: Vec<&pb::Correction>) {
        let w = self.words;
        if corrections.is_empty() {
            return;
        }
        self.page.section(&format!(
            "{} ({})",
            w.pick("Verbeterde schrijffouten", "Corrected slips of the pen"),
            corrections.len()
        ));
        for correction in corrections {
            self.page.item(&w.key(correction.key.as_ref()), "");
            self.fields(&correction.fields);
            let reason = correction.why.as_ref().and_then(|why| why.reason.as_deref());
            self.page.detail(w.pick("reden", "reason"), reason.unwrap_or(w.not_stated()));
            let by = correction.why.as_ref().map_or(0, |why| why.position);
            let wrong = correction.corrects;
            let (nl, en) = (format!("gebeurtenis {by} verbetert {wrong}"), format!("event {by} corrects {wrong}"));
            self.page.detail("erratum", &w.pick(nl, en));
        }
    }

    fn carried_over(&mut self, changes: &pb::Changes) {
        let carried = &changes.carried_over;
        if carried.is_empty() {
            return;
        }
        let title = self.words.pick("Ongewijzigd overgenomen", "Carried over");
        self.page.section(&format!("{title} ({})", carried.len()));
        if self.all {
            for item in carried {
                self.page.item(&self.words.key(item.key.as_ref()), item.label());
            }
        } else {
            self.page.note(self.words.pick("`--all` somt ze op.", "`--all` lists them."));
        }
    }

    fn related(&mut self, related: &[pb::RelatedChange]) {
        use pb::related_change::Outcome as Related;
        let w = self.words;
        if related.is_empty() {
            return;
        }
        let title = w.pick("Wat er verder veranderde", "What else changed");
        self.page.section(&format!("{title} ({})", related.len()));
        for change in related.iter().filter(|change| self.all || change.outcome() == Related::Changed) {
            let head = format!("{} {}", w.key(change.key.as_ref()), self.related_outcome(change.outcome()));
            self.page.item(&head, &change.label);
            for field in &change.fields {
                let text = difference(w, field);
                let brief = self.all || text.chars().count() <= BRIEF;
                let (nl, en) = ("gewijzigd; `--all` toont hoe", "changed; `--all` shows how");
                self.page.detail(&field.field, if brief { &text } else { w.pick(nl, en) });
            }
        }
        if !self.all {
            self.related_count(related, Related::Added);
            self.related_count(related, Related::NotRestated);
            self.page.note(w.pick("`--all` somt ze op.", "`--all` lists them."));
        }
    }

    fn related_outcome(&self, outcome: pb::related_change::Outcome) -> &'static str {
        use pb::related_change::Outcome as Related;
        let (nl, en) = match outcome {
            Related::Unspecified => ("onbekend", "unknown"),
            Related::Added => ("toegevoegd", "added"),
            Related::Changed => ("gewijzigd", "changed"),
            Related::NotRestated => ("niet opnieuw genoemd", "not restated"),
        };
        self.words.pick(nl, en)
    }

    /// How many records of each kind came, or were not stated again.
    fn related_count(&mut self, related: &[pb::RelatedChange], outcome: pb::related_change::Outcome) {
        let mut counts: Vec<(&'static str, usize)> = Vec::new();
        for change in related.iter().filter(|change| change.outcome() == outcome) {
            let kind = change.key.as_ref().and_then(|key| kind_from_pb(key.kind).ok());
            let kind = kind.map_or("?", |kind| self.words.kind(kind));
            match counts.last_mut().filter(|(last, _)| *last == kind) {
                Some((_, count)) => *count += 1,
                None => counts.push((kind, 1)),
            }
        }
        if !counts.is_empty() {
            let counts: Vec<_> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            self.page.item(self.related_outcome(outcome), &counts.join(", "));
        }
    }

    fn findings(&mut self, findings: &[pb::Finding]) {
        if findings.is_empty() {
            return;
        }
        self.page.section(&format!("{} ({})", self.words.pick("Bevindingen", "Findings"), findings.len()));
        for finding in findings {
            self.page.item(&self.words.key(finding.key.as_ref()), self.words.finding(finding));
        }
    }

    fn control(&mut self, control: &pb::ControlTotal) {
        self.page.gap();
        self.page.note(&control_line(self.words, control));
    }
}

/// Why something changed, in named lines.
pub(crate) fn reasons(w: Words, why: &pb::Why) -> Vec<(&'static str, String)> {
    let mut lines = vec![(w.pick("reden", "reason"), why.reason.clone().unwrap_or_else(|| w.not_stated().to_owned()))];
    if why.code.as_deref() == Some("retroactive") {
        let (nl, en) = ("laat vastgelegd", "recorded late");
        lines.push((w.pick("soort", "kind"), w.pick(nl, en).to_owned()));
    }
    if let Some(ground) = &why.ground {
        let body = why.body.as_deref().map(|body| format!(" ({body})")).unwrap_or_default();
        lines.push((w.pick("besluit", "decision"), format!("{ground}{body}")));
    }
    if let Some(adopted) = adoption(w, why) {
        lines.push((w.pick("vastgesteld door", "adopted by"), adopted));
    } else if let Some(date) = &why.effective {
        lines.push((w.pick("geldt vanaf", "holds from"), w.date(Some(date))));
    }
    lines
}

/// Who adopted it, with which decision, under which mandate, and from when it holds.
fn adoption(w: Words, why: &pb::Why) -> Option<String> {
    let authority = why.authority.as_ref()?;
    let by = authority.body.as_deref().unwrap_or(w.not_stated());
    let mandate = match &authority.mandate {
        Some(mandate) => format!("{} {mandate}", w.pick("onder mandaat", "under mandate")),
        None => w.pick("mandaat niet na te gaan", "mandate not verifiable").to_owned(),
    };
    let (decision, with) = (&authority.decision, w.pick("met", "with"));
    let from = |date| format!(", {} {}", w.pick("per", "from"), w.date(Some(date)));
    let since = why.effective.as_ref().map(from).unwrap_or_default();
    Some(format!("{by} {with} {decision}, {mandate}{since}"))
}

/// What a field said before and after.
pub(crate) fn difference(w: Words, change: &pb::FieldChange) -> String {
    w.difference(&change.field, &json::value(change.before.as_ref()), &json::value(change.after.as_ref()))
}

/// The count of actions on one line.
pub(crate) fn control_line(w: Words, control: &pb::ControlTotal) -> String {
    let mut terms = vec![w.pick("Acties:", "Actions:").to_owned(), control.before.to_string()];
    let mut step = |number: i64, nl, en| {
        if number != 0 {
            let mark = if number < 0 { '-' } else { '+' };
            terms.push(format!("{mark} {} {}", number.abs(), w.pick(nl, en)));
        }
    };
    step(control.added.into(), "toegevoegd", "added");
    step(-i64::from(control.dropped), "afgevallen", "dropped");
    step(control.by_split.into(), "door splitsen", "by splits");
    step(control.by_merge.into(), "door samenvoegen", "by merges");
    step(-i64::from(control.suspended), "opgeschort", "suspended");
    step(control.reinstated.into(), "teruggekeerd", "reinstated");
    let verdict = if json::balances(control) {
        w.pick("de telling sluit", "the control total balances")
    } else {
        w.pick("DE TELLING SLUIT NIET", "THE CONTROL TOTAL DOES NOT BALANCE")
    };
    format!("{} = {}; {verdict}.", terms.join(" "), control.after)
}
