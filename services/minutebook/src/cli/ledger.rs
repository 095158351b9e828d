//! `init`, `status`, `rebuild` and `serve`: the ledger as a whole.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use minutebook_domain::event::Actor;
use minutebook_domain::ids::Id;
use minutebook_domain::value::{Fault, Name, Text};
use minutebook_proto::pb;
use minutebook_tlog::VerifierKey;
use serde_json::json;

use super::Output;
use super::connect::{Place, Session, not_started};
use super::failure::{Exit, Failure};
use super::json::hex;
use super::page::Page;
use super::words::{Words, instant};
use crate::serve::config::Config;
use crate::server::{FoundOptions, ServeOptions, found, run};

/// What the new ledger is called.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook init minutebook-data --name 'Province of Drenthe' --zone Europe/Amsterdam"
)]
pub(crate) struct Init {
    /// The directory; that of --data unless given
    dir: Option<PathBuf>,
    /// What people call the ledger; the name of the directory unless given
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Whose it is
    #[arg(long, value_name = "TEXT")]
    organisation: Option<String>,
    /// The IANA time zone in which its days end
    #[arg(long, value_name = "ZONE", default_value = "Europe/Amsterdam")]
    zone: String,
    /// What the log is called in its checkpoints, such as minutebook.drenthe.nl/krimp; a name of its own unless given
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// The capacity in which you act, such as "secretary" (no personal names)
    #[arg(long, value_name = "TEXT")]
    capacity: Option<String>,
    /// The body on whose behalf you act
    #[arg(long, value_name = "BODY")]
    on_behalf_of: Option<String>,
}

impl Init {
    /// Does it name the directory itself?
    pub(crate) fn names_directory(&self) -> bool {
        self.dir.is_some()
    }

    /// Founds the ledger. No server can do that: there is nothing yet to serve.
    pub(crate) fn run(self, place: &Place, output: Output) -> Result<(), Failure> {
        let w = output.words;
        if place.server.is_some() {
            let (nl, en) = (
                "een grootboek begint op deze machine; laat --server weg",
                "a ledger is founded on this machine; leave out --server",
            );
            return Err(Failure::usage(w.pick(nl, en)));
        }
        let dir = self.dir.unwrap_or_else(|| place.data.clone());
        let unnamed =
            || dir.file_name().map_or_else(|| "minutebook".to_owned(), |name| name.to_string_lossy().into_owned());
        let options = FoundOptions {
            name: checked("--name", Name::new(&self.name.unwrap_or_else(unnamed)), w)?,
            organisation: self.organisation.map(|text| checked("--organisation", Name::new(&text), w)).transpose()?,
            zone: checked("--zone", Name::new(&self.zone), w)?,
            origin: self.origin,
            actor: Actor {
                capacity: self.capacity.map(|text| checked("--capacity", Text::new(&text), w)).transpose()?,
                on_behalf_of: self.on_behalf_of.map(|text| Id::new(&text).ok_or_else(|| no_id(text, w))).transpose()?,
                ..Actor::default()
            },
        };
        let key = start(&dir, options, w)?.to_string();
        let shown = dir.display().to_string();
        output.answer(
            || json!({"data": shown, "verifier_key": key}),
            |page| {
                let (nl, en) =
                    (format!("Grootboek begonnen in `{shown}`."), format!("A ledger was founded in `{shown}`."));
                page.note(&w.pick(nl, en));
                let (nl, en) = (
                    "Geef deze sleutel aan wie controleert; de geheime helft staat in `key`, maak daar een kopie van:",
                    "Give this key to whoever checks it; its secret half is in `key`, of which you make a copy:",
                );
                page.note(w.pick(nl, en));
                page.note(&key);
            },
        )
    }
}

/// Founds a ledger.
pub(crate) fn start(dir: &Path, options: FoundOptions, w: Words) -> Result<VerifierKey, Failure> {
    found(dir, options).map_err(|error| not_started(&error, dir, w.0))
}

fn checked<T>(option: &str, value: Result<T, Fault>, w: Words) -> Result<T, Failure> {
    value.map_err(|fault| Failure::usage(format!("{option}: {}", fault.message(w.0))))
}

fn no_id(text: String, w: Words) -> Failure {
    Failure::usage(format!("--on-behalf-of: {}", Fault::Id { text }.message(w.0)))
}

/// How the ledger is doing.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook status --format json")]
pub(crate) struct Status {}

impl Status {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let status =
            session.admin().get_status(pb::GetStatusRequest { digest: true, min_position: None }).await?.into_inner();
        let as_json = || {
            json!({
                "position": status.position,
                "events": status.events,
                "stored": status.stored,
                "recorded_at": instant(status.recorded_at_ms),
                "records": status.records,
                "marks": status.marks,
                "digest": hex(&status.digest),
                "ledger": status.ledger,
                "name": status.name,
                "organisation": status.organisation,
                "zone": status.zone,
                "journal_format": status.journal_format,
                "reader": status.reader,
                "version": status.version,
                "degraded": status.degraded,
                "stopped": status.stopped,
                "journal_bytes": status.journal_bytes,
                "store_bytes": status.store_bytes,
                "signed": status.signed,
                "verifier_key": status.verifier_key,
            })
        };
        output.answer(as_json, |page| write_status(page, output.words, &status))
    }
}

fn write_status(page: &mut Page, w: Words, status: &pb::GetStatusResponse) {
    page.title(&status.name);
    let no = w.pick("nee", "no");
    let lines = [
        (
            w.pick("organisatie", "organisation"),
            status.organisation.clone().unwrap_or_else(|| w.not_stated().to_owned()),
        ),
        (w.pick("grootboek", "ledger"), status.ledger.clone()),
        (w.pick("tijdzone", "time zone"), status.zone.clone()),
        (w.pick("gebeurtenissen", "events"), status.events.to_string()),
        (w.pick("waarvan in de opslag", "of these in the store"), status.stored.to_string()),
        (w.pick("waarvan ondertekend", "of these signed"), status.signed.to_string()),
        (w.pick("nieuwste", "newest"), instant(status.recorded_at_ms)),
        (w.pick("gegevens in het boek", "records in the book"), status.records.to_string()),
        (w.pick("stappen in hun geschiedenis", "marks of their history"), status.marks.to_string()),
        (w.pick("SHA-256 van het boek", "SHA-256 of the book"), hex(&status.digest)),
        (
            w.pick("journaal", "journal"),
            format!("{} bytes, {} {}", status.journal_bytes, w.pick("formaat", "format"), status.journal_format),
        ),
        (w.pick("opslag", "store"), format!("{} bytes", status.store_bytes)),
        (w.pick("programma", "program"), format!("minutebook {}, reader {}", status.version, status.reader)),
        (w.pick("opslag buiten gebruik", "degraded"), status.degraded.clone().unwrap_or_else(|| no.to_owned())),
        (w.pick("neemt niets meer op", "stopped"), status.stopped.clone().unwrap_or_else(|| no.to_owned())),
    ];
    for (name, text) in lines {
        page.detail_at(1, name, &text);
    }
}

/// Replay the journal.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook rebuild")]
pub(crate) struct Rebuild {}

impl Rebuild {
    /// Rebuilds, with a bar on a terminal, and compares.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let last = rebuild(session).await?;
        let w = output.words;
        let (before, after) = (hex(&last.before), hex(&last.after));
        let equal = before == after && !before.is_empty();
        let as_json = || json!({"events": last.total, "before": before, "after": after, "equal": equal});
        output.answer(as_json, |page| {
            let (nl, en) = ("gebeurtenissen opnieuw afgespeeld", "events replayed");
            page.note(&format!("{} {}.", last.total, w.pick(nl, en)));
            page.detail_at(1, w.pick("ervoor", "before"), &before);
            page.detail_at(1, w.pick("erna", "after"), &after);
            page.note(if equal { w.pick("Gelijk.", "Equal.") } else { w.pick("NIET GELIJK.", "NOT EQUAL.") });
        })?;
        if equal { Ok(()) } else { Err(unequal(w)) }
    }
}

/// What is left to say when a replay gives another book.
pub(crate) fn unequal(w: Words) -> Failure {
    let nl = "het opnieuw afgespeelde boek is niet het boek dat werd gediend; bewaar de map en meld het";
    let en = "the replayed book is not the one that was served; keep the directory and report it";
    Failure::new(Exit::Integrity, "REBUILD_DIFFERS", w.pick(nl, en))
}

/// A bar that shows only on a terminal.
pub(crate) fn progress(bar: ProgressBar) -> ProgressBar {
    let shown = io::stderr().is_terminal();
    bar.set_draw_target(if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
    bar
}

/// Asks for a rebuild and follows it; the last message has the digests.
pub(crate) async fn rebuild(session: &Session) -> Result<pb::RebuildResponse, Failure> {
    let mut stream = session.admin().rebuild(pb::RebuildRequest {}).await?.into_inner();
    let bar = progress(ProgressBar::new(0));
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len}") {
        bar.set_style(style);
    }
    let mut last = pb::RebuildResponse::default();
    while let Some(answer) = stream.message().await? {
        bar.set_length(answer.total);
        bar.set_position(answer.done);
        last = answer;
    }
    bar.finish_and_clear();
    Ok(last)
}

/// Where to listen.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook serve --listen 127.0.0.1:7468 --metrics 127.0.0.1:9464")]
pub(crate) struct Serve {
    /// A file with every other setting, such as limits; ops/minutebook.toml shows them all
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on; 127.0.0.1:7468 unless given here or in the file
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The address to tell metrics on, such as 127.0.0.1:9464, in the way of Prometheus; nowhere unless given
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Listen on an address that others can reach: without encryption, and without knowing who calls
    #[arg(long)]
    insecure_listen: bool,
    /// How the log on standard error is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For programs: one object a line
    Json,
}

impl Serve {
    /// How it writes its log.
    pub(crate) fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// Serves until it is told to end.
    pub(crate) async fn run(self, place: &Place, output: Output) -> Result<(), Failure> {
        let lang = output.words.0;
        if place.server.is_some() {
            return Err(Failure::usage(output.words.pick("laat --server weg", "leave out --server")));
        }
        let mut config = self
            .config
            .as_deref()
            .map_or_else(|| Ok(Config::default()), Config::open)
            .map_err(|fault| Failure::new(Exit::Usage, fault.code(), fault.message(lang)))?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.insecure_listen |= self.insecure_listen;
        super::connect::check_directory(&place.data, lang)?;
        let options = ServeOptions { data: place.data.clone(), config, metrics: self.metrics };
        run(options).await.map_err(|error| not_started(&error, &place.data, lang))
    }
}
