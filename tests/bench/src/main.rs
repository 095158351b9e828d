//! Measures the figures that the product is held to. Each stands beside its target, and beside a floor or a peer that
//! was measured in the same run: a machine that is busy or slow shows in both.
//!
//! `cargo build --release && cargo run --release -p minutebook-bench`
//!
//! The first command builds the program `minutebook`, which some figures start as people do. Without it those figures
//! are not run, and the table says so.

mod acts;
mod echo;
mod generate;
mod measure;
mod program;
mod questions;
mod record;
mod replay;
mod report;
mod rng;
mod subscribe;
mod verify;
mod yearly;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};

use report::Report;

/// Measures the figures that the minute book is held to.
#[derive(Debug, Parser)]
#[command(name = "minutebook-bench")]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What is measured, where, and how it is told.
#[derive(Debug, clap::Args)]
struct Options {
    /// Small sizes, to see that it runs; the figures mean little then
    #[arg(long)]
    quick: bool,
    /// Where ledgers are kept; the generated one is kept for the next run
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only this figure
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The program, where it is not beside this one
    #[arg(long, value_name = "FILE")]
    minutebook: Option<PathBuf>,
    /// The agenda documents
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"))]
    examples: PathBuf,
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Import of the first document
    Import,
    /// What changed in a year
    Changes,
    /// Replay of a large ledger, its memory, its start
    Replay,
    /// Recording by many callers at once
    Record,
    /// Each single act of governance
    Acts,
    /// What people ask of a large ledger
    Questions,
    /// Checking a large ledger
    Verify,
    /// Following a ledger
    Subscribe,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// What this program starts itself for, so that it measures processes like those of the product.
#[derive(Debug, Subcommand)]
enum Part {
    /// Answer recordings without recording anything: the peer of `Record`
    #[command(hide = true)]
    Echo {
        /// What subscribers are told
        #[arg(long)]
        messages: Option<PathBuf>,
    },
    /// Open a ledger, and say how long it took and how much is in it
    #[command(hide = true)]
    Open {
        /// The data directory
        data: PathBuf,
        /// Throw away what can be thrown away first
        #[arg(long)]
        rebuild: bool,
    },
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    match cli.part {
        Some(Part::Echo { messages }) => echo::serve(messages.as_deref()).map(|()| ExitCode::SUCCESS),
        Some(Part::Open { data, rebuild }) => replay::open(&data, rebuild).map(|()| ExitCode::SUCCESS),
        None => run(&cli.options),
    }
}

fn run(options: &Options) -> Result<ExitCode> {
    let dir = options.dir.clone().unwrap_or_else(|| std::env::temp_dir().join("minutebook-bench"));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    let program = program::Program::find(options.minutebook.as_deref())?;
    let wanted = |figure| options.only.is_none_or(|only| only == figure);
    let mut report = Report::new(options.quick);
    if wanted(Only::Import) {
        program::import(&mut report, program.as_ref(), options, &dir)?;
    }
    if wanted(Only::Changes) {
        program::changes(&mut report, program.as_ref(), options, &dir)?;
    }
    if wanted(Only::Replay) {
        replay::replay(&mut report, program.as_ref(), options.quick, &dir)?;
    }
    if wanted(Only::Record) {
        record::record(&mut report, program.as_ref(), options.quick, &dir)?;
    }
    if wanted(Only::Acts) {
        acts::acts(&mut report, program.as_ref(), options, &dir)?;
    }
    if wanted(Only::Questions) {
        questions::questions(&mut report, program.as_ref(), options.quick, &dir)?;
    }
    if wanted(Only::Verify) {
        verify::verify(&mut report, program.as_ref(), options.quick, &dir)?;
    }
    if wanted(Only::Subscribe) {
        subscribe::subscribe(&mut report, program.as_ref(), options.quick, &dir)?;
    }
    match options.format {
        Format::Table => print!("{report}"),
        Format::Json => println!("{:#}", report.to_json()),
    }
    // A quick run has no say in whether a figure is met.
    Ok(if options.quick || report.is_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
