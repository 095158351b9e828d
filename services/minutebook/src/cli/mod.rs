//! The command line: one file for each group of subcommands. It speaks gRPC, and decides nothing.

mod agenda;
mod agreement;
mod amount;
mod args;
mod audit;
mod backup;
mod changes;
mod cloud_event;
mod connect;
mod correct;
mod cursor;
mod decision;
mod demo;
mod document;
mod event_json;
mod events;
mod failure;
mod findings;
mod history;
mod json;
mod key;
mod ledger;
mod mandate;
mod mirror;
mod motion;
mod page;
mod promise;
mod proof;
mod record;
mod register;
mod report;
mod review;
mod role;
mod sheet;
mod sources;
mod subscribe;
mod unopened;
mod verify;
mod words;

use std::error::Error as _;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ContextKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use minutebook_domain::ids::Position;
use minutebook_domain::message::Lang;
use minutebook_domain::value::Value;

use connect::{Place, Session};
use failure::{Exit, Failure};
use page::{Medium, Page};
use words::Words;

/// The data directory, where none is named.
const DATA: &str = "minutebook-data";
/// How long what was begun for somebody who has left may still take when the program ends.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// A ledger of what was decided: every decision, role, agreement and revision of an agenda, and why.
#[derive(Debug, Parser)]
#[command(name = "minutebook", version, max_term_width = 100)]
#[command(
    after_help = "Example:\n  minutebook demo\n\nExit codes: 0 done, 1 refused by a rule, 2 usage, 3 not found, \
                        4 conflict, 5 integrity failure, 6 cannot reach or read the ledger."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// The data directory of the ledger; minutebook-data unless given
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "server")]
    data: Option<PathBuf>,
    /// The address of a server, such as 127.0.0.1:7468
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// The language of answers: nl or en
    #[arg(long, global = true, env = "MINUTEBOOK_LANG", default_value = "en", value_parser = args::lang)]
    lang: Lang,
    /// First wait until the event at this position can be read, for 5 seconds at most
    #[arg(long, global = true, value_name = "POSITION")]
    min_position: Option<Position>,
    /// How answers are written
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[value(alias = "table")]
    Text,
    /// For programs
    Json,
    /// For spreadsheets (`changes` only)
    Csv,
    /// For pages
    Markdown,
    /// For brokers of events (`subscribe` only)
    Cloudevents,
}

impl Format {
    /// Is it JSON, complaints and all?
    fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Cloudevents)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what this program does, in a new ledger with two editions of a real agenda
    Demo(demo::Demo),
    /// Found a ledger
    Init(ledger::Init),
    /// Work out what a document would change, and what it lacks
    Plan(document::Plan),
    /// Record a document
    Import(document::Import),
    /// Print the current edition as the start of the next document
    Draft(document::Draft),
    /// Print what an edition stated, as a document
    Export(document::Export),
    /// List the agendas, or show one
    Agenda(agenda::Agenda),
    /// Tell what was added, dropped or changed, by whose decision and why
    Changes(changes::Changes),
    /// Tell every event of a record
    History(history::History),
    /// Tell who last set a field, by which decision, and where it is stated
    Blame(history::Blame),
    /// Tell what a careful auditor would remark
    Findings(findings::Findings),
    /// Record, supersede, revoke, list and report decisions
    Decision(decision::Decision),
    /// Open the file on a decision: what was known, who decided, what came of it, what is still due
    Dossier(decision::Dossier),
    /// Grant, withdraw and list mandates, and tell who may decide something
    Mandate(mandate::Mandate),
    /// Keep the register of bodies
    Body(register::Body),
    /// Keep the register of parties
    Party(register::Party),
    /// Keep who sits in which body
    Member(register::Member),
    /// Keep the register of frameworks
    Framework(register::Framework),
    /// Tell everything that touches one party
    Sheet(sheet::Sheet),
    /// Tell the gaps of authority of an agenda, each with its events
    Audit(audit::Audit),
    /// Assign and end roles, and tell who has which, where
    Role(role::Role),
    /// Propose, sign, amend, end and show agreements
    Agreement(agreement::Agreement),
    /// Record and end sums of money, and add them up
    Amount(amount::Amount),
    /// Record motions, link them to what carries them out, and settle them
    Motion(motion::Motion),
    /// Tell what was promised, and what became of it
    Promise(promise::Promise),
    /// Correct a slip of the pen
    Erratum(correct::Erratum),
    /// Record late what was true
    LateFact(correct::LateFact),
    /// Settle a doubt about the reading of a statement
    ResolveDoubt(correct::ResolveDoubt),
    /// Review an agenda step by step: open, propose, select, check, adopt
    Review(review::Review),
    /// Print the events as they were recorded
    Events(events::Events),
    /// Keep the places of consumers: list, reset and delete them, or be one from a script
    Cursor(cursor::Cursor),
    /// Print the events from a place on, and then those that are recorded, as they come
    Subscribe(subscribe::Subscribe),
    /// Print the signed head of the ledger
    Checkpoint(proof::Head),
    /// Prove that an event is in the ledger
    Prove(proof::Prove),
    /// Check a proof, without any ledger
    Check(proof::Check),
    /// Report what changed in a year, with the proof of the editions that it follows from
    ProveChanges(report::ProveChanges),
    /// Work out the changes of such a report again, without any ledger
    CheckChanges(report::CheckChanges),
    /// Check the whole ledger against what was signed
    Verify(verify::Verify),
    /// Keep a verified copy of a server's ledger, which refuses a changed history
    Mirror(mirror::Mirror),
    /// Write the ledger as static files, for any tile server
    ExportTiles(mirror::ExportTiles),
    /// Put the whole ledger away, while it is served or not, and check what was written
    Backup(backup::Backup),
    /// Make a ledger again from a backup or a copy, and check it
    Restore(backup::Restore),
    /// Let another key sign the checkpoints, and list the keys that did
    Key(key::Key),
    /// Tell how the ledger is doing
    Status(ledger::Status),
    /// Replay the journal, throw away what was derived from it, and compare
    Rebuild(ledger::Rebuild),
    /// Serve the ledger to others on this machine
    Serve(ledger::Serve),
}

impl Command {
    /// Whether it works without a session, or opens one of its own.
    fn is_on_its_own(&self) -> bool {
        matches!(
            self,
            Self::Demo(_)
                | Self::Init(_)
                | Self::Serve(_)
                | Self::Check(_)
                | Self::CheckChanges(_)
                | Self::Verify(_)
                | Self::Mirror(_)
                | Self::Restore(_)
        )
    }
}

/// How a command answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    words: Words,
}

impl Output {
    /// An empty page for people.
    fn page(self) -> Page {
        Page::new(if self.format == Format::Markdown { Medium::Markdown } else { Medium::stdout() })
    }

    /// Prints an answer: as JSON, or as it is written for people.
    fn answer(self, value: impl FnOnce() -> Value, write: impl FnOnce(&mut Page)) -> Result<(), Failure> {
        if self.format == Format::Json {
            return print_json(&value());
        }
        let mut page = self.page();
        write(&mut page);
        page::print(&page.into_text())
    }
}

/// Prints an answer for programs.
fn print_json(value: &Value) -> Result<(), Failure> {
    page::print(&format!("{value:#}\n"))
}

/// Runs the command that the program was started with.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misread(&error, &arguments),
    };
    let (lang, json) = (cli.global.lang, cli.global.format.is_json());
    start_tracing(&cli.command);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(obey(cli));
            // A question that nobody waits for any more does not keep the program from ending.
            runtime.shutdown_timeout(LEFT_BEHIND);
            done
        }
        Err(error) => {
            let w = Words(lang);
            let (nl, en) = (format!("kan niet beginnen ({error})"), format!("cannot start: {error}"));
            Err(Failure::new(Exit::Unreachable, "IO", w.pick(nl, en)))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(lang, json),
    }
}

/// What the program notes for whoever runs it goes to standard error: a server's doings, of a command only errors.
/// `RUST_LOG` asks for more or less.
fn start_tracing(command: &Command) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let (usual, format) = match command {
        Command::Serve(serve) => (LevelFilter::INFO, serve.log_format()),
        _ => (LevelFilter::ERROR, ledger::LogFormat::Text),
    };
    let asked = std::env::var("RUST_LOG").ok().and_then(|asked| asked.parse().ok());
    let wanted = asked.unwrap_or_else(|| Targets::new().with_default(usual));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        ledger::LogFormat::Text => lines.with_ansi(colour).boxed(),
        ledger::LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(lines).with(wanted).init();
}

/// A command line that clap does not accept, or that asks for help.
fn misread(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let asks_json =
        arguments.windows(2).any(|pair| pair == ["--format", "json"] || pair == ["--format", "cloudevents"])
            || arguments.iter().any(|argument| argument == "--format=json" || argument == "--format=cloudevents");
    // What our own readers of arguments say is told as every other complaint is; the rest is clap's.
    if let Some(misread) = error.source().and_then(|source| source.downcast_ref::<args::Misread>()) {
        let lang = args::asked_lang(arguments);
        let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
        let value = error.get(ContextKind::InvalidValue).map(ToString::to_string).unwrap_or_default();
        let message = misread.message(lang);
        let of = argument.split([' ', '=']).next().unwrap_or_default();
        return Failure::usage(format!("{of} `{value}`: {message}")).tell(lang, asks_json);
    }
    if error.use_stderr() && asks_json {
        let text = error.to_string();
        let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let words: Vec<_> = first.split_whitespace().collect();
        return Failure::usage(words.join(" ")).tell(Lang::En, true);
    }
    // A reader that has gone needs no help.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

async fn obey(cli: Cli) -> Result<(), Failure> {
    let Cli { global, command } = cli;
    let output = Output { format: global.format, words: Words(global.lang) };
    if global.format == Format::Csv && !matches!(command, Command::Changes(_)) {
        let (nl, en) = (
            "alleen `changes` wordt als csv geschreven; kies text, json of markdown",
            "only `changes` is written as csv; choose text, json or markdown",
        );
        return Err(Failure::usage(output.words.pick(nl, en)));
    }
    if global.format == Format::Cloudevents && !matches!(command, Command::Subscribe(_)) {
        let (nl, en) = (
            "alleen `subscribe` schrijft cloudevents; kies text, json of markdown",
            "only `subscribe` writes cloudevents; choose text, json or markdown",
        );
        return Err(Failure::usage(output.words.pick(nl, en)));
    }
    if matches!(&command, Command::Init(init) if init.names_directory()) && global.data.is_some() {
        let (nl, en) = (
            "noem de map één keer: achter `init` of met --data",
            "name the directory once: after `init`, or with --data",
        );
        return Err(Failure::usage(output.words.pick(nl, en)));
    }
    if global.min_position.is_some() && command.is_on_its_own() {
        let (nl, en) = (
            "laat --min-position weg: hier wordt geen draaiend grootboek iets gevraagd",
            "leave out --min-position: no running ledger is asked anything here",
        );
        return Err(Failure::usage(output.words.pick(nl, en)));
    }
    let place = Place { server: global.server, data: global.data.unwrap_or_else(|| DATA.into()) };
    match command {
        Command::Demo(demo) => return demo.run(&place, output).await,
        Command::Init(init) => return init.run(&place, output),
        Command::Serve(serve) => return serve.run(&place, output).await,
        Command::Check(check) => return check.run(output),
        Command::CheckChanges(check) => return check.run(output),
        Command::Verify(verify) => return verify.run(&place, output).await,
        Command::Mirror(mirror) => return mirror.run(output).await,
        Command::Restore(restore) => return tokio::task::block_in_place(|| restore.run(&place, output)),
        _ => {}
    }
    let session = Session::open(&place, global.lang).await?;
    let done = match session.reach(global.min_position).await {
        Ok(()) => ask(command, &session, output).await,
        Err(failure) => Err(failure),
    };
    session.close().await;
    done
}

async fn ask(command: Command, session: &Session, output: Output) -> Result<(), Failure> {
    match command {
        // INVARIANT: these need no connection and were answered before one was made.
        Command::Demo(_)
        | Command::Init(_)
        | Command::Serve(_)
        | Command::Check(_)
        | Command::CheckChanges(_)
        | Command::Verify(_)
        | Command::Mirror(_)
        | Command::Restore(_) => Ok(()),
        Command::Plan(plan) => plan.run(session, output).await,
        Command::Import(import) => import.run(session, output).await,
        Command::Draft(draft) => draft.run(session, output).await,
        Command::Export(export) => export.run(session, output).await,
        Command::Agenda(agenda) => agenda.run(session, output).await,
        Command::Changes(changes) => changes.run(session, output).await,
        Command::History(history) => history.run(session, output).await,
        Command::Blame(blame) => blame.run(session, output).await,
        Command::Findings(findings) => findings.run(session, output).await,
        Command::Decision(decision) => decision.run(session, output).await,
        Command::Dossier(dossier) => dossier.run(session, output).await,
        Command::Mandate(mandate) => mandate.run(session, output).await,
        Command::Body(body) => body.run(session, output).await,
        Command::Party(party) => party.run(session, output).await,
        Command::Member(member) => member.run(session, output).await,
        Command::Framework(framework) => framework.run(session, output).await,
        Command::Sheet(sheet) => sheet.run(session, output).await,
        Command::Audit(audit) => audit.run(session, output).await,
        Command::Role(role) => role.run(session, output).await,
        Command::Agreement(agreement) => agreement.run(session, output).await,
        Command::Amount(amount) => amount.run(session, output).await,
        Command::Motion(motion) => motion.run(session, output).await,
        Command::Promise(promise) => promise.run(session, output).await,
        Command::Erratum(erratum) => erratum.run(session, output).await,
        Command::LateFact(fact) => fact.run(session, output).await,
        Command::ResolveDoubt(resolve) => resolve.run(session, output).await,
        Command::Review(review) => review.run(session, output).await,
        Command::Events(events) => events.run(session, output).await,
        Command::Cursor(cursor) => cursor.run(session, output).await,
        Command::Subscribe(subscribe) => subscribe.run(session, output).await,
        Command::Checkpoint(head) => head.run(session, output).await,
        Command::ExportTiles(export) => export.run(session, output).await,
        Command::Prove(prove) => prove.run(session, output).await,
        Command::ProveChanges(prove) => prove.run(session, output).await,
        Command::Backup(backup) => backup.run(session, output).await,
        Command::Key(key) => key.run(session, output).await,
        Command::Status(status) => status.run(session, output).await,
        Command::Rebuild(rebuild) => rebuild.run(session, output).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                let example = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(example.contains("Example:\n  minutebook"), "{}", sub.get_name());
                check(sub);
            }
        }
        check(&Cli::command());
    }
}
