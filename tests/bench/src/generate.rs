//! A large ledger, the same in every run: twenty thousand actions on ten agendas, changed over and over, with the
//! decisions, amounts, remarks and parties around them. Its events are put into frames as the writer would put them
//! and appended to a journal; they are not decided, for that a million commands would have to be sent.
//!
//! Half of the events are of actions, with about 485 bytes each, half state something else, with about 270, as in the
//! real agenda of `examples/` (where an event of any item has about 380).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use minutebook_domain::dates::{Edtf, Timestamp};
use minutebook_domain::document::Document;
use minutebook_domain::event::{
    Actor, Citation, Contents, ControlTotal, Draft, Founding, ItemEvent, ItemStep, Payload, Reason, ReviewOpened, Seal,
    Statement,
};
use minutebook_domain::ids::{Id, Kind, Position, RequestId};
use minutebook_domain::record::{FieldSet, Record};
use minutebook_domain::value::{Disposition, Name, Text, Value};
use minutebook_ledger::frame::FrameBuilder;
use minutebook_ledger::journal::{Journal, JournalOptions};
use minutebook_ledger::log::Log as _;
use minutebook_ledger::{Clock, founding_frame};
use minutebook_proto::encode_event;
use minutebook_tlog::{Checkpoint, Frontier, SigningKey, leaf_hash};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::rng::Rng;

/// How large the ledger is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) events: u64,
    pub(crate) actions: u64,
    pub(crate) shape: Shape,
}

/// How the events of a ledger come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Ten agendas whose actions change all the time: half of the events are of actions.
    Busy,
    /// One agenda with an edition a year that changes so many actions; the rest is stated beside it.
    Yearly(u64),
}

impl Shape {
    fn agendas(self) -> u64 {
        match self {
            Self::Busy => 10,
            Self::Yearly(_) => 1,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Busy => String::new(),
            Self::Yearly(changes) => format!("-yearly-{changes}"),
        }
    }
}

/// The seed of every ledger.
pub(crate) const SEED: u64 = 2018;

/// Another number whenever this file makes other events, so that an old ledger is not taken for a new one.
const EDITION: u32 = 8;

/// A frame holds the events of one request: a lone one, or those of a review, which are about this many.
const FRAME_EVENTS: u64 = 48;
/// 2016-06-01T00:00:00Z.
const BEGAN: i64 = 1_464_739_200_000;

const WORDS: [&str; 32] = [
    "mantelzorg",
    "ondersteuning",
    "gemeenten",
    "vrijwilligers",
    "coöperatie",
    "dorpshuizen",
    "geïntegreerd",
    "zorg",
    "en",
    "voor",
    "in",
    "de",
    "provincie",
    "kennisdeling",
    "samenwerking",
    "leefbaarheid",
    "krimp",
    "woningvoorraad",
    "onderwijs",
    "bereikbaarheid",
    "voorzieningen",
    "scholen",
    "pilot",
    "aanpak",
    "met",
    "partners",
    "ouderen",
    "initiatieven",
    "bewoners",
    "financiering",
    "proeftuin",
    "energie",
];

/// The data directory of a ledger of this size, made now unless it was made before.
pub(crate) fn ledger(dir: &Path, size: Size) -> Result<PathBuf> {
    let shape = size.shape.name();
    let data = dir.join(format!("generated-{}-{}{shape}-{SEED}-{EDITION}", size.events, size.actions));
    let journal = data.join("journal");
    let complete = data.join("complete");
    if complete.exists() {
        eprintln!("using the ledger of seed {SEED} in `{}`", data.display());
        return Ok(data);
    }
    eprintln!("generating {} events over {} actions, seed {SEED}, in `{}`", size.events, size.actions, data.display());
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("cannot clear `{}`", data.display()))?;
    }
    fs::create_dir_all(&data)?;
    let start = Instant::now();
    let key = SigningKey::generate("minutebook.example/generated")?;
    fs::write(data.join("key"), key.secret_text())?;
    let edge = Generator::begin(&journal, size, &key)?.run()?;
    let origin = key.public().origin().to_owned();
    let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root() };
    fs::write(data.join("checkpoint"), checkpoint.sign(&[&key])?)?;
    fs::write(&complete, "the journal in this directory has been generated as a whole\n")?;
    eprintln!("generated in {:.1} s", start.elapsed().as_secs_f64());
    Ok(data)
}

pub(crate) fn id(text: &str) -> Result<Id> {
    Id::any(text).ok_or_else(|| anyhow!("`{text}` is no id"))
}

pub(crate) fn record(kind: Kind, name: &str, fields: Value) -> Result<Record> {
    let Value::Object(map) = fields else { return Err(anyhow!("a {kind} is written as fields")) };
    Record::read(kind, id(name)?, &map).map_err(|faults| anyhow!("{kind} `{name}`: {faults:?}"))
}

/// The parts of a ledger in the making.
pub(crate) struct Generator {
    journal: Journal,
    edge: Frontier,
    pub(crate) size: Size,
    pub(crate) rng: Rng,
    pub(crate) position: Position,
    /// The year that is being recorded, where years are recorded one by one.
    pub(crate) year: Option<u64>,
    /// The edition whose review is open.
    pub(crate) open: Option<String>,
    /// What is stated is of another agenda.
    pub(crate) elsewhere: bool,
    requests: u64,
    /// The frame being filled.
    events: Vec<Vec<u8>>,
    request: RequestId,
    actor: Actor,
}

impl Generator {
    fn begin(journal: &Path, size: Size, key: &SigningKey) -> Result<Self> {
        let name = |text| Name::new(text).map_err(anyhow::Error::from);
        let founding = Founding {
            ledger: id("generated-ledger")?,
            name: name("Generated ledger")?,
            organisation: Some(name("Provincie Drenthe")?),
            zone: name("Europe/Amsterdam")?,
            format: 1,
            tool: name("minutebook-bench")?,
            verifier_key: Some(name(&key.public().to_string())?),
        };
        let request = request_id(0)?;
        let clock = Clock::new(|| Timestamp(BEGAN));
        let frame = founding_frame(founding, &request, Actor::default(), &clock)?;
        Journal::found(journal, &frame, &JournalOptions::default())?;
        let mut edge = Frontier::default();
        frame.events().for_each(|event| edge.push(leaf_hash(event)));
        let actor = Actor {
            capacity: Some(Text::new("secretaris stuurgroep")?),
            on_behalf_of: Some(id("gedeputeerde-staten")?),
            ..Actor::default()
        };
        Ok(Self {
            journal: Journal::open(journal, JournalOptions::default(), &[])?,
            edge,
            size,
            rng: Rng::new(SEED),
            position: 1,
            year: None,
            open: None,
            elsewhere: false,
            requests: 0,
            events: Vec::new(),
            request,
            actor,
        })
    }

    /// Records all of it, and gives the right edge of its tree.
    fn run(mut self) -> Result<Frontier> {
        self.registers()?;
        let agendas = self.size.shape.agendas();
        for agenda in 0..agendas {
            self.edition(agenda)?;
        }
        if let Shape::Yearly(changes) = self.size.shape {
            self.years(changes)?;
            return Ok(self.edge);
        }
        while self.position < self.size.events {
            let left = self.size.events - self.position;
            let action = self.rng.below(self.size.actions);
            let count = (1 + self.rng.below(2 * FRAME_EVENTS)).min(left);
            match self.rng.below(100) {
                0..45 => self.statement()?,
                45..50 => self.change(action)?,
                // A document states much at once.
                50..75 => (0..count).try_for_each(|_| self.statement())?,
                // A review goes through a part of its agenda in its order.
                _ => (0..count).try_for_each(|n| self.change((action + n * agendas) % self.size.actions))?,
            }
            self.commit()?;
        }
        Ok(self.edge)
    }

    pub(crate) fn words(&mut self, count: u64) -> String {
        let words: Vec<&str> = (0..count).filter_map(|_| self.rng.pick(&WORDS)).collect();
        words.join(" ")
    }

    /// The day of what is recorded next: the ledger goes from 2016 on through ten years.
    fn day(&mut self) -> String {
        let year = self.year.unwrap_or(2016 + 10 * self.position / self.size.events.max(1));
        format!("{year:04}-{:02}-{:02}", 1 + self.rng.below(12), 1 + self.rng.below(28))
    }

    pub(crate) fn push(
        &mut self,
        payload: Payload,
        effective: &str,
        decision: Option<Id>,
        reason: Option<String>,
    ) -> Result<()> {
        let citations = if self.rng.percent(10) {
            let lines = Some(Text::new("384-390")?);
            let quote = Some(Text::new(&self.words(12))?);
            vec![Citation { source: id("uitvoeringsagenda-2016-2017")?, lines, quote, confidence: None }]
        } else {
            Vec::new()
        };
        let text = |text: String| Text::new(&text);
        let draft = Draft {
            request_id: self.request.clone(),
            actor: self.actor.clone(),
            decision,
            effective: Some(Edtf::new(effective).map_err(|fault| anyhow!("`{effective}`: {fault}"))?),
            reason: reason.map(text).transpose()?.map(|text| Reason { code: None, text }),
            citations,
            payload,
        };
        let at = Timestamp(BEGAN.saturating_add_unsigned(self.position.saturating_mul(300_000)));
        self.events.push(encode_event(&draft.record(self.position, at)));
        self.position += 1;
        Ok(())
    }

    /// Append what has been pushed as the events of one request.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let head = self.journal.head();
        let mut frame = FrameBuilder::new(head.next, head.chain);
        let digest = Sha256::digest(self.request.as_str().as_bytes()).into();
        frame.push(self.request.as_str(), &digest, &self.events)?;
        self.journal.append(head.next, &frame.finish())?;
        for event in self.events.drain(..) {
            self.edge.push(leaf_hash(&event));
        }
        self.requests += 1;
        self.request = request_id(self.requests)?;
        Ok(())
    }

    pub(crate) fn state(&mut self, agenda: Option<u64>, record: Record, again: Option<&[&str]>) -> Result<()> {
        let fields = again.map(|names| FieldSet::named(record.kind(), names.iter().copied()));
        let agenda = agenda.map(|n| id(&agenda_name(n))).transpose()?;
        let day = self.day();
        self.push(Payload::Stated(Statement { agenda, edition: None, record, fields }), &day, None, None)
    }

    fn registers(&mut self) -> Result<()> {
        let source = json!({"title": "Uitvoeringsagenda 2016-2017", "file": "uitvoeringsagenda.txt"});
        self.state(None, record(Kind::Source, "uitvoeringsagenda-2016-2017", source)?, None)?;
        for (name, title) in
            [("gedeputeerde-staten", "Gedeputeerde Staten"), ("provinciale-staten", "Provinciale Staten")]
        {
            self.state(None, record(Kind::Body, name, json!({"name": title, "kind": "bestuur"}))?, None)?;
        }
        for role in ["regisseur", "financier", "uitvoerder", "kennismakelaar"] {
            self.state(None, record(Kind::Role, role, json!({"name": role}))?, None)?;
        }
        for n in 0..PARTIES {
            let party = self.party(n)?;
            self.state(None, party, None)?;
        }
        self.commit()
    }

    fn party(&mut self, n: u64) -> Result<Record> {
        let name = self.words(3);
        record(
            Kind::Party,
            &format!("gemeente-{n}"),
            json!({"name": name, "kind": "gemeente", "aliases": [self.words(2)]}),
        )
    }

    /// The first edition of an agenda, with all its actions.
    fn edition(&mut self, agenda: u64) -> Result<()> {
        let (name, edition) = (agenda_name(agenda), "2016-2017");
        let decision = format!("gs-2016-uitvoeringsagenda-{agenda}");
        let header = json!({"title": format!("Agenda {agenda}"), "owner": "gemeente-1"});
        self.state(Some(agenda), record(Kind::Agenda, &name, header)?, None)?;
        let adopted = json!({"body": "gedeputeerde-staten", "kind": "vaststelling", "date": "2016-01-05"});
        self.state(Some(agenda), record(Kind::Decision, &decision, adopted)?, None)?;
        let header = json!({"first_year": 2016, "last_year": 2017, "adopted_by": "gedeputeerde-staten",
            "decision": decision, "effective": "2016-01-05", "horizon": "2017"});
        let Record::Edition(header) = record(Kind::Edition, edition, header)? else {
            return Err(anyhow!("an edition is read as an edition"));
        };
        let opened = ReviewOpened {
            agenda: id(&name)?,
            edition: header.id.clone(),
            first_year: header.first_year.clone(),
            last_year: header.last_year.clone(),
            effective: header.effective.clone(),
            horizon: header.horizon.clone(),
            review: None,
            revision: 1,
            invented: true,
            base: None,
        };
        self.push(Payload::ReviewOpened(opened), "2016-01-05", None, None)?;
        self.commit()?;

        let theme = record(Kind::Theme, &format!("thema-{agenda}"), json!({"title": "Zorg en welzijn"}))?;
        self.item(agenda, ItemStep::Added(theme), "2016-01-05", None)?;
        for n in 0..POLICY_ITEMS {
            let title = self.words(5);
            let fields = json!({"title": title, "theme": format!("thema-{agenda}"), "roles": ["regisseur"]});
            let item = record(Kind::PolicyItem, &policy_item_name(agenda, n), fields)?;
            self.item(agenda, ItemStep::Added(item), "2016-01-05", None)?;
        }
        self.commit()?;
        let numbers: Vec<u64> = (0..self.size.actions).filter(|n| n % self.size.shape.agendas() == agenda).collect();
        for some in numbers.chunks(500) {
            for n in some {
                let action = self.action(*n)?;
                self.item(agenda, ItemStep::Added(action), "2016-01-05", None)?;
            }
            self.commit()?;
        }
        for some in numbers.chunks(500) {
            let ids = some.iter().map(|n| id(&action_name(*n))).collect::<Result<_>>()?;
            let contents = Contents { agenda: id(&name)?, edition: id(edition)?, kind: Kind::Action, ids };
            self.push(Payload::ContentsListed(contents), "2016-01-05", None, None)?;
        }
        let count = u32::try_from(numbers.len())?;
        let seal = Seal {
            agenda: id(&name)?,
            edition: header,
            revision: 1,
            mandate: None,
            control: ControlTotal { added: count, after: count, ..ControlTotal::default() },
            previous: None,
            sha256: Document::default().sha256(),
        };
        self.push(Payload::RevisionSealed(seal), "2016-01-05", Some(id(&decision)?), None)?;
        self.commit()
    }

    /// An action as agendas have them: some fields are stated of most, others of few.
    pub(crate) fn action(&mut self, n: u64) -> Result<Record> {
        let partners: Vec<String> =
            (0..=self.rng.below(7)).map(|_| format!("gemeente-{}", self.rng.below(PARTIES))).collect();
        let from = 2016 + self.rng.below(10);
        let (title, summary, success) = (self.words(4), self.words(6), self.words(5));
        let stated = [
            (100, "title", json!(title)),
            (100, "summary", json!(summary)),
            (100, "partners", json!(partners)),
            (100, "horizon", json!("short")),
            (50, "period", json!({"from": from, "to": format!("{}-{:02}", from + 1, 1 + self.rng.below(12))})),
            (30, "place", json!("Oost-Drenthe")),
            (20, "amounts", json!([format!("bedrag-{n}")])),
            (50, "explained_in", json!(format!("3.{}", n % 40))),
            (10, "success_factor", json!(success)),
            (100, "policy_item", json!(policy_item_name(n % self.size.shape.agendas(), n % POLICY_ITEMS))),
            (100, "source_line", json!(n)),
            (20, "confidence", json!("certain")),
        ];
        let stated = stated.into_iter().filter(|(percent, _, _)| self.rng.percent(*percent));
        let fields = stated.map(|(_, field, value)| (field.to_owned(), value)).collect();
        record(Kind::Action, &action_name(n), Value::Object(fields))
    }

    pub(crate) fn item(&mut self, agenda: u64, step: ItemStep, day: &str, reason: Option<String>) -> Result<()> {
        let decision = id(&format!("gs-2016-uitvoeringsagenda-{agenda}"))?;
        let edition = self.open.as_deref().map(id).transpose()?;
        let event = ItemEvent { agenda: id(&agenda_name(agenda))?, edition, ground: Some(decision.clone()), step };
        self.push(Payload::Item(event), day, Some(decision), reason)
    }

    /// Something happens to an action.
    fn change(&mut self, n: u64) -> Result<()> {
        let (agenda, day, reason) = (n % self.size.shape.agendas(), self.day(), Some(self.words(3)));
        let step = match self.rng.below(100) {
            0 => ItemStep::Dropped(Kind::Action, id(&action_name(n))?, Disposition::Completed),
            1 => ItemStep::Suspended(Kind::Action, id(&action_name(n))?),
            2 => ItemStep::Reinstated(self.action(n)?, FieldSet::named(Kind::Action, ["title", "summary"])),
            _ => ItemStep::Changed(self.action(n)?, FieldSet::named(Kind::Action, ["title", "summary", "period"])),
        };
        self.item(agenda, step, &day, reason)
    }

    /// Something is stated beside the actions.
    pub(crate) fn statement(&mut self) -> Result<()> {
        let n = self.rng.below(self.size.actions);
        let (agenda, what) = (Some(n % self.size.shape.agendas() + u64::from(self.elsewhere)), self.words(7));
        let actions = json!([action_name(n)]);
        let of = if self.elsewhere { "-elders" } else { "" };
        match self.rng.below(100) {
            0..60 => {
                let remark = json!({"kind": "voortgang", "what": what, "actions": actions});
                self.state(agenda, record(Kind::Remark, &format!("opmerking{of}-{n}"), remark)?, None)
            }
            60..85 => {
                let amount = json!({"what": what, "eur": 1000 * self.rng.below(900), "per": "year", "from": 2016,
                    "through": 2019, "source": "gemeente-1", "action": action_name(n)});
                self.state(agenda, record(Kind::Amount, &format!("bedrag{of}-{n}"), amount)?, None)
            }
            // Of one agenda with its years, decisions are recorded by the year.
            85..90 if self.year.is_none() => {
                let decision = json!({"body": "gedeputeerde-staten", "kind": "vaststelling", "date": self.day(),
                    "reference": format!("2016/{}", self.position), "what": what});
                self.state(agenda, record(Kind::Decision, &format!("besluit-{}", self.position), decision)?, None)
            }
            _ => {
                let n = self.rng.below(PARTIES);
                let party = self.party(n)?;
                self.state(None, party, Some(&["name", "aliases"]))
            }
        }
    }
}

const PARTIES: u64 = 60;
const POLICY_ITEMS: u64 = 50;

pub(crate) fn agenda_name(n: u64) -> String {
    format!("krimp-en-leefbaarheid-{n}")
}

fn policy_item_name(agenda: u64, n: u64) -> String {
    format!("beleidsonderdeel-{agenda}-{n}")
}

/// As in the real agenda, one id in six is longer than 23 bytes.
pub(crate) fn action_name(n: u64) -> String {
    let subjects =
        ["mantelzorg", "dorpshuizen", "sport", "wonen-en-zorg", "onderwijskwaliteit", "bereikbare-voorzieningen"];
    let subject = usize::try_from(n).ok().and_then(|n| subjects.get(n % subjects.len()));
    format!("{}-{n}", subject.unwrap_or(&"actie"))
}

/// Request ids are UUIDs, as clients send them.
fn request_id(n: u64) -> Result<RequestId> {
    let text = format!("0190{:04x}-{:04x}-7000-8000-{n:012x}", n >> 16 & 0xffff, n & 0xffff);
    RequestId::new(&text).ok_or_else(|| anyhow!("`{text}` is no request id"))
}
