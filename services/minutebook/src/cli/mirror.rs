//! `mirror` and `export-tiles`: a copy of the ledger as static files, which anybody can serve and check. Each time it is
//! proved that the ledger continues the copy; one that was changed since is refused.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::ProgressBar;
use minutebook_domain::message::messages;
use minutebook_proto::pb;
use minutebook_tlog::{Handover, VerifierKey};
use serde_json::json;

use super::Output;
use super::connect::{Place, Session};
use super::failure::{Exit, Failure};
use super::ledger::progress;
use super::proof::trusted_key;
use super::words::Words;
use crate::tiles::{Continued, Copy, TilesError, kept_key};

messages! {
    /// Why a copy was not made, or is none.
    pub(crate) enum Uncopied {
        /// A file does not hold what it should.
        Damaged { file: String, why: String } = "COPY_DAMAGED"
            nl "`{file}` is beschadigd (melding: {why}); maak een nieuwe kopie in een andere map"
            en "`{file}` is damaged: {why}; make a new copy in another directory"
        /// Something else is there.
        Foreign { dir: String } = "NOT_A_COPY"
            nl "`{dir}` is geen kopie en niet leeg; noem een map die er nog niet is, of die met de kopie"
            en "`{dir}` is no copy, and not empty; name a directory that is not there yet, or that of the copy"
        /// The copy is of another ledger.
        OtherKey { key: String } = "OTHER_KEY"
            nl "dit is een kopie van een ander grootboek, met sleutel {key}; kies een andere map"
            en "this is a copy of another ledger, with the key {key}; choose another directory"
        /// The ledger is not what the copy holds of it.
        Forked { position: u64 } = "LOG_FORKED"
            nl "het grootboek wijkt vanaf gebeurtenis {position} af van wat is ondertekend of van deze kopie; de kopie is niet veranderd"
            en "from event {position} on the ledger differs from what was signed, or from this copy; the copy was not changed"
        /// The ledger has become shorter.
        Shorter { old: u64, new: u64 } = "LOG_SHORTER"
            nl "het grootboek telt {new} gebeurtenissen en deze kopie {old}: er ontbreken er; de kopie is niet veranderd"
            en "the ledger has {new} events and this copy {old}: some are missing; the copy was not changed"
        /// What was signed does not fit.
        Unproved { why: String } = "NOT_PROVED"
            nl "het controlepunt klopt niet (melding: {why}); de kopie is niet veranderd"
            en "the checkpoint is not right: {why}; the copy was not changed"
        /// A file cannot be used.
        File { file: String, why: String } = "FILE"
            nl "`{file}` is niet te gebruiken (melding: {why})"
            en "`{file}` cannot be used: {why}"
    }
}

impl From<TilesError> for Uncopied {
    fn from(error: TilesError) -> Self {
        match error {
            TilesError::Io { path, source } => Self::File { file: path.display().to_string(), why: source.to_string() },
            TilesError::Damaged { path, why } => Self::Damaged { file: path.display().to_string(), why },
            TilesError::Foreign(dir) => Self::Foreign { dir: dir.display().to_string() },
            TilesError::OtherKey { found } => Self::OtherKey { key: found.to_string() },
            TilesError::Forked { position } => Self::Forked { position },
            TilesError::Shorter { old, new } => Self::Shorter { old, new },
            TilesError::Fault(fault) => Self::Unproved { why: fault.to_string() },
        }
    }
}

impl Uncopied {
    /// What is told of it.
    pub(crate) fn failure(&self, w: Words) -> Failure {
        let exit = if matches!(self, Self::File { .. }) { Exit::Unreachable } else { Exit::Integrity };
        Failure::new(exit, self.code(), self.message(w.0))
    }
}

/// Where to copy from, and to.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook mirror 127.0.0.1:7468 copy --key drenthe.vkey")]
pub(crate) struct Mirror {
    /// The address of the server
    url: String,
    #[command(flatten)]
    to: Target,
}

/// Where to copy to.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook export-tiles /srv/www/krimp")]
pub(crate) struct ExportTiles {
    #[command(flatten)]
    to: Target,
}

#[derive(Debug, Args)]
struct Target {
    /// The directory of the copy; one that is there is continued
    dir: PathBuf,
    /// The verifier key of the ledger, or a file with it; that of the copy, or what the server says, unless given
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Mirror {
    /// Copies from a server, or goes on where the copy ends.
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let place = Place { server: Some(self.url), data: PathBuf::new() };
        let session = Session::open(&place, output.words.0).await?;
        let copied = self.to.copy(&session, output).await;
        session.close().await;
        copied
    }
}

impl ExportTiles {
    /// Writes the ledger as static files.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        self.to.copy(session, output).await
    }
}

impl Target {
    async fn copy(self, session: &Session, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let refused = |error: TilesError| Uncopied::from(error).failure(w);
        let signed = session.audit().get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner();
        let kept = kept_key(&self.dir).map_err(refused)?;
        let follow = |key: &VerifierKey| Handover::follow(key, signed.handovers.iter().map(String::as_str));
        // A copy trusts the key that it was made with; whoever gives another one means another ledger.
        let key = match (&self.key, &kept) {
            (None, Some(kept)) => follow(kept),
            (given, _) => trusted_key(given.as_deref(), &signed, w)?,
        };
        let copy = match kept {
            None => Ok(Copy::begin(&self.dir)),
            Some(kept) if follow(&kept) == key => checked(&self.dir, &kept, &key),
            Some(kept) => Err(TilesError::OtherKey { found: kept.into() }),
        };
        let copy = copy.map_err(refused)?;
        let old = copy.size();
        let continued = copy.continue_with(&signed.checkpoint, key.clone()).map_err(refused)?;
        let size = take_all(session, continued, refused).await?;
        told(output, old, size, &key)
    }
}

/// A copy that is whole. What signed it is its key, or one that took its place since.
fn checked(dir: &Path, kept: &VerifierKey, key: &VerifierKey) -> Result<Copy, TilesError> {
    let copy = Copy::open(dir)?;
    copy.check_signed([kept, key])?;
    copy.entries().try_for_each(|entries| entries.map(drop))?;
    copy.check_tiles()?;
    Ok(copy)
}

async fn take_all(
    session: &Session,
    mut copy: Continued,
    refused: impl Fn(TilesError) -> Failure,
) -> Result<u64, Failure> {
    let (from, size) = (copy.next(), copy.size());
    if from < size {
        let request = pb::ReadEntriesRequest { from, limit: size - from, min_position: None };
        let mut stream = session.audit().read_entries(request).await?.into_inner();
        let bar = progress(ProgressBar::new(size));
        while let Some(answer) = stream.message().await? {
            if answer.first != copy.next() {
                return Err(refused(TilesError::Forked { position: copy.next() }));
            }
            answer.entries.into_iter().try_for_each(|entry| copy.take(entry.into())).map_err(&refused)?;
            bar.set_position(copy.next());
        }
        bar.finish_and_clear();
    }
    copy.finish().map_err(refused)
}

fn told(output: Output, old: u64, size: u64, key: &VerifierKey) -> Result<(), Failure> {
    let w = output.words;
    output.answer(
        || json!({"events": size, "new": size - old, "origin": key.origin(), "verifier_key": key.to_string()}),
        |page| {
            let (nl, en) = ("gebeurtenissen, waarvan nieuw", "events, of which new");
            page.note(&format!("{size} {}: {}.", w.pick(nl, en), size - old));
            page.detail_at(1, w.pick("gecontroleerd met", "checked with"), &key.to_string());
        },
    )
}
