//! `verify`: checks the whole ledger, from its files or as a server gives it, against what was signed. Nothing of what it
//! checks is written, and nothing that was derived from the events is believed.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::ProgressBar;
use minutebook_domain::ids::Position;
use minutebook_domain::message::messages;
use minutebook_ledger::lock::LockError;
use minutebook_ledger::{OpenError, Unverified, Verified, Verifier, verify};
use minutebook_proto::{Decoder, pb};
use minutebook_tlog::{Checkpoint, NOTE_BYTES, VerifierKey};
use serde_json::json;

use super::Output;
use super::connect::{Place, Session, check_directory, not_started};
use super::failure::{Exit, Failure};
use super::json::hex;
use super::ledger::progress;
use super::mirror::Uncopied;
use super::proof::{Unproved, read, trusted_key, verifier_key};
use super::words::Words;
use crate::server::StartError;
use crate::tiles::{Copy, TilesError, kept_key};

messages! {
    /// Why a ledger is not what was signed, apart from files that are damaged.
    pub(crate) enum Unfit {
        /// It ends before what was signed.
        Shorter { events: Position, signed: Position } = "LOG_SHORTER"
            nl "er zijn {events} gebeurtenissen en er zijn er {signed} ondertekend: er ontbreken er; zet het journaal terug vanaf een kopie"
            en "there are {events} events, and {signed} were signed: some are missing; restore the journal from a copy"
        /// Nothing of it is signed.
        Unsigned { key: String } = "CHECKPOINT_GONE"
            nl "dit grootboek is begonnen met sleutel `{key}`, en er is geen controlepunt van; zet `checkpoint` terug vanaf een kopie"
            en "this ledger was founded with the key `{key}`, and there is no checkpoint of it; restore `checkpoint` from a copy"
        /// It never had that key.
        OtherKey { found: String, expected: String } = "OTHER_KEY"
            nl "dit grootboek heeft sleutel `{found}`, en nooit `{expected}` gehad"
            en "this ledger has the key `{found}`, and never had `{expected}`"
        /// One key did not hand over to the next.
        Handover { position: Position, why: String } = "KEY_DIFFERS"
            nl "gebeurtenis {position} draagt de sleutel niet over (melding: {why})"
            en "event {position} does not hand the key over: {why}"
        /// What somebody kept is not of this ledger.
        Earlier { why: String } = "CHECKPOINT_DAMAGED"
            nl "het eerdere controlepunt is niet van dit grootboek (melding: {why})"
            en "the earlier checkpoint is not of this ledger: {why}"
        /// Entries came in another order.
        Misplaced { position: Position, first: Position } = "CORRUPT"
            nl "de server gaf gebeurtenis {first} waar {position} hoort"
            en "the server gave event {first} where {position} belongs"
    }
}

impl Unfit {
    fn failure(&self, w: Words) -> Failure {
        Failure::new(Exit::Integrity, self.code(), self.message(w.0))
    }
}

/// What to check against.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook verify --key drenthe.vkey --since last-year.checkpoint\n\n\
                  Exit code 5 says that something is not what was recorded, and names the first bad position.")]
pub(crate) struct Verify {
    /// The verifier key of the ledger, or a file with it; that of the directory, or what the server says, unless given
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A checkpoint that you kept, which the ledger is to continue; may be given more than once
    #[arg(long, value_name = "FILE")]
    since: Vec<PathBuf>,
    /// Check a copy that `mirror` or `export-tiles` made
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "data"])]
    mirror: Option<PathBuf>,
    /// Check that nothing is missing or changed, and do not replay what was recorded
    #[arg(long)]
    no_replay: bool,
}

/// What is checked against, read.
struct Against {
    key: Option<String>,
    earlier: Vec<String>,
    replay: bool,
}

impl Verify {
    /// Checks the files of a data directory that nobody has open, else what its server gives.
    pub(crate) async fn run(self, place: &Place, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let earlier = self.since.iter().map(|file| read(file, NOTE_BYTES, w)).collect::<Result<_, _>>()?;
        let against = Against { key: self.key, earlier, replay: !self.no_replay };
        if let Some(dir) = &self.mirror {
            return told(&tokio::task::block_in_place(|| copied(dir, &against, w))?, output);
        }
        if place.server.is_none() {
            check_directory(&place.data, w.0)?;
            let key = against.key(w)?;
            match tokio::task::block_in_place(|| local(&place.data, key.as_ref(), &against)) {
                Err(Unverified::Unfit(OpenError::Lock(LockError::Locked { .. }))) => {}
                checked => return told(&checked.map_err(|error| failure(error, &place.data, w))?, output),
            }
        }
        let session = Session::open(place, w.0).await?;
        let checked = remote(&session, &against, &place.data, w).await;
        session.close().await;
        told(&checked?, output)
    }
}

impl Against {
    fn key(&self, w: Words) -> Result<Option<VerifierKey>, Failure> {
        self.key.as_deref().map(|key| verifier_key(key, w)).transpose()
    }
}

fn local(data: &Path, key: Option<&VerifierKey>, against: &Against) -> Result<Verified, Unverified> {
    let bar = progress(ProgressBar::new(0));
    let checked = verify(data, key, &against.earlier, against.replay, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    checked
}

/// Checks a copy: its entries, its tiles, and what was signed of them.
fn copied(dir: &Path, against: &Against, w: Words) -> Result<Verified, Failure> {
    let refused = |error: TilesError| Uncopied::from(error).failure(w);
    let unfit = |error| failure(error, dir, w);
    let kept = kept_key(dir).map_err(refused)?;
    let no_copy = || Uncopied::Damaged { file: dir.display().to_string(), why: "there is no copy in it".to_owned() };
    let kept = kept.ok_or_else(|| no_copy().failure(w))?;
    let key = against.key(w)?.unwrap_or(kept);
    let copy = Copy::open(dir).map_err(refused)?;
    let mut verifier = Verifier::new(against.replay);
    verifier.expect_signed(copy.note(), &key).map_err(|fault| Unproved::of(fault).failure(w))?;
    verifier.expect_earlier(&against.earlier, &key).map_err(unfit)?;
    let bar = progress(ProgressBar::new(copy.size()));
    for entries in copy.entries() {
        let entries = entries.map_err(refused)?;
        let mut decoder = Decoder::default();
        let taken = entries.iter().try_for_each(|entry| verifier.take(&mut decoder, entry));
        taken.map_err(unfit)?;
        bar.set_position(verifier.events());
    }
    bar.finish_and_clear();
    copy.check_tiles().map_err(refused)?;
    verifier.finish().map_err(unfit)
}

/// Checks what a server gives. All that it says is compared with what it signed.
async fn remote(session: &Session, against: &Against, data: &Path, w: Words) -> Result<Verified, Failure> {
    let unfit = |error| failure(error, data, w);
    let mut verifier = Verifier::new(against.replay);
    let answer = session.audit().get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner();
    let key = trusted_key(against.key.as_deref(), &answer, w)?;
    let signed = Checkpoint::open(&answer.checkpoint, &key).map_err(|fault| Unproved::of(fault).failure(w))?;
    verifier.expect_signed(&answer.checkpoint, &key).map_err(|fault| Unproved::of(fault).failure(w))?;
    verifier.expect_earlier(&against.earlier, &key).map_err(unfit)?;
    let request = pb::ReadEntriesRequest { from: 0, limit: signed.size, min_position: None };
    let mut stream = session.audit().read_entries(request).await?.into_inner();
    let bar = progress(ProgressBar::new(signed.size));
    while let Some(pb::ReadEntriesResponse { first, entries }) = stream.message().await? {
        if first != verifier.events() {
            return Err(Unfit::Misplaced { position: verifier.events(), first }.failure(w));
        }
        let mut decoder = Decoder::default();
        let taken = entries.iter().try_for_each(|entry| verifier.take(&mut decoder, entry));
        taken.map_err(unfit)?;
        bar.set_position(verifier.events());
    }
    bar.finish_and_clear();
    verifier.finish().map_err(unfit)
}

pub(super) fn failure(error: Unverified, data: &Path, w: Words) -> Failure {
    let unfit = match error {
        Unverified::Unfit(error) => return not_started(&StartError::Open(error), data, w.0),
        Unverified::Shorter { events, signed } => Unfit::Shorter { events, signed },
        Unverified::Unsigned(key) => Unfit::Unsigned { key },
        Unverified::OtherKey { found, expected } => Unfit::OtherKey { found, expected },
        Unverified::Earlier(fault) => Unfit::Earlier { why: fault.to_string() },
        Unverified::Checkpoint(fault) => return Unproved::of(fault).failure(w),
        Unverified::Handover { position, fault } => Unfit::Handover { position, why: fault.to_string() },
    };
    unfit.failure(w)
}

fn told(verified: &Verified, output: Output) -> Result<(), Failure> {
    let w = output.words;
    let signed = verified.signed.as_ref();
    let as_json = || {
        json!({
            "events": verified.events,
            "root": hex(&verified.root),
            "origin": signed.map(|(checkpoint, _)| checkpoint.origin.as_str()),
            "signed": signed.map(|(checkpoint, _)| checkpoint.size),
            "verifier_key": signed.map(|(_, key)| key.to_string()),
            "digest": verified.digest.as_ref().map(|digest| hex(digest)),
            "newer": verified.newer.map(|newer| newer.position),
        })
    };
    output.answer(as_json, |page| {
        let (nl, en) =
            ("gebeurtenissen zijn volledig, op volgorde en ongewijzigd", "events are complete, in order and unaltered");
        page.note(&format!("{} {}.", verified.events, w.pick(nl, en)));
        page.detail_at(1, w.pick("wortel van de boom", "root of the tree"), &hex(&verified.root));
        let none = || w.pick("geen", "none").to_owned();
        let over = |(checkpoint, key): &(Checkpoint, VerifierKey)| {
            format!("{} {} {}", checkpoint.size, w.pick("gebeurtenissen, met", "events, by"), key)
        };
        page.detail_at(1, w.pick("ondertekend", "signed"), &signed.map_or_else(none, over));
        let (nl, en) = ("niet opnieuw afgespeeld", "not replayed");
        let not_replayed = || match verified.newer {
            Some(newer) => format!(
                "{} {}",
                w.pick("vraagt een nieuwer programma vanaf gebeurtenis", "needs a newer program from event"),
                newer.position
            ),
            None => w.pick(nl, en).to_owned(),
        };
        let digest = verified.digest.as_ref().map_or_else(not_replayed, |digest| hex(digest));
        page.detail_at(1, w.pick("SHA-256 van het boek", "SHA-256 of the book"), &digest);
    })
}
