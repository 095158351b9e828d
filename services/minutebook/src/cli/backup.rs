//! `backup` and `restore`: the whole ledger put away, and made again from that or from a copy. Both are checked after
//! they were written, by reading them back, and until then nothing has taken their place.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::ProgressBar;
use minutebook_domain::message::messages;
use minutebook_ledger::log::{Corruption, LogError};
use minutebook_ledger::{KeptError, OpenError, RestoreError, Restoring, Unverified, Verified};
use minutebook_proto::pb;
use minutebook_tlog::{NOTE_BYTES, SigningKey};
use serde_json::json;

use super::Output;
use super::connect::{Place, Session};
use super::failure::{Exit, Failure};
use super::json::hex;
use super::ledger::progress;
use super::mirror::Uncopied;
use super::proof::{read, trusted_key, verifier_key};
use super::verify::failure;
use super::words::Words;
use crate::tiles::{Copy, TilesError, kept_key};

messages! {
    /// Why nothing was put away or restored, apart from what is damaged in what was read back.
    enum Unrestored {
        /// Something is there.
        Present { dir: String } = "NOT_EMPTY"
            nl "`{dir}` is niet leeg; noem een map die er nog niet is"
            en "`{dir}` is not empty; name a directory that is not there yet"
        /// Something is beside it.
        Beside { dir: String } = "NOT_EMPTY"
            nl "`{dir}` is er al, van een poging die is afgebroken of van iemand; haal die map eerst weg"
            en "`{dir}` is there already, from an attempt that was cut off or somebody's; take that directory away first"
        /// What it is made from is damaged.
        Damaged { why: String } = "BACKUP_DAMAGED"
            nl "wat werd gelezen is beschadigd (melding: {why}); gebruik een andere reservekopie"
            en "what was read is damaged: {why}; use another backup"
        /// It holds nothing of the kind.
        NoBackup { dir: String } = "NOT_A_BACKUP"
            nl "in `{dir}` staat geen reservekopie en geen kopie van `mirror`"
            en "there is no backup in `{dir}`, and no copy of `mirror`"
        /// The secret key is another one.
        SecretOther {} = "KEY_DIFFERS"
            nl "wat met --secret-key is genoemd is niet de sleutel van dit grootboek zoals die toen was"
            en "what was named with --secret-key is not the key of this ledger as it was then"
        /// A secret key is none.
        SecretForm { file: String } = "KEY_FORM"
            nl "`{file}` is niet het bestand `key` van een grootboek"
            en "`{file}` is not the file `key` of a ledger"
        /// A file cannot be used.
        File { why: String } = "FILE"
            nl "een bestand is niet te gebruiken (melding: {why})"
            en "a file cannot be used: {why}"
    }
}

impl Unrestored {
    fn failure(&self, w: Words) -> Failure {
        let exit = match self {
            Self::Present { .. } | Self::Beside { .. } | Self::SecretForm { .. } => Exit::Usage,
            Self::Damaged { .. } | Self::NoBackup { .. } | Self::SecretOther {} => Exit::Integrity,
            Self::File { .. } => Exit::Unreachable,
        };
        Failure::new(exit, self.code(), self.message(w.0))
    }
}

fn unrestored(error: RestoreError, dir: &Path, w: Words) -> Failure {
    let unrestored = match error {
        // Nothing else in what is being made has a key.
        RestoreError::Unverified(Unverified::Unfit(OpenError::Kept(KeptError::KeyDiffers(_)))) => {
            Unrestored::SecretOther {}
        }
        // What was read back waits where nobody looks for it: what is told is of what it was made from.
        RestoreError::Unverified(Unverified::Unfit(OpenError::Kept(KeptError::Checkpoint { fault, .. }))) => {
            Unrestored::Damaged { why: format!("its checkpoint: {fault}") }
        }
        RestoreError::Unverified(Unverified::Unfit(OpenError::Log(LogError::Corrupt(corruption)))) => {
            let Corruption { position, damage, .. } = corruption;
            Unrestored::Damaged { why: format!("from position {position} on: {damage}") }
        }
        RestoreError::Unverified(error) => return failure(error, dir, w),
        RestoreError::Present(dir) => Unrestored::Present { dir: dir.display().to_string() },
        RestoreError::Beside(dir) => Unrestored::Beside { dir: dir.display().to_string() },
        RestoreError::Io(error) => Unrestored::File { why: error.to_string() },
        RestoreError::Damaged { .. } | RestoreError::Undecodable { .. } | RestoreError::Length { .. } => {
            Unrestored::Damaged { why: error.to_string() }
        }
    };
    unrestored.failure(w)
}

/// Where to put it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook backup /backup/krimp-2018-06-01\n\n\
                        The backup is a directory with the journal and the checkpoint, without the secret key: of the file\n\
                        `key` you keep a copy elsewhere, so that nobody who has a backup can sign. It can be made while the\n\
                        ledger is served, and is checked after it was written.")]
pub(crate) struct Backup {
    /// A directory that is not there yet
    out: PathBuf,
    /// The verifier key of the ledger, or a file with it; what the server says unless given
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Backup {
    /// Makes a backup, and checks it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let refused = |error| unrestored(error, &self.out, w);
        let head = session.audit().get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner();
        let key = trusted_key(self.key.as_deref(), &head, w)?;
        let mut restoring = Restoring::begin(&self.out).map_err(refused)?;
        let mut stream = session.admin().backup(pb::BackupRequest::default()).await?.into_inner();
        let bar = progress(ProgressBar::new(head.size));
        let mut note = String::new();
        while let Some(part) = stream.message().await? {
            if note.is_empty() {
                note = part.checkpoint;
            }
            tokio::task::block_in_place(|| restoring.write(&part.frames)).map_err(refused)?;
            bar.set_position(restoring.events());
        }
        let made =
            tokio::task::block_in_place(|| restoring.finish(&note, &key, None, &mut |done, _| bar.set_position(done)));
        bar.finish_and_clear();
        told(&made.map_err(refused)?, &self.out, false, output)
    }
}

/// What to restore, and with which keys.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook restore /backup/krimp-2018-06-01 --data minutebook-data --secret-key key-copy\n\n\
                        A copy that `mirror` or `export-tiles` made will do as well. It has the events and not what the\n\
                        requests were: who sends one of them again is told that its id is taken."
)]
pub(crate) struct Restore {
    /// The directory with the backup, or with the copy
    from: PathBuf,
    /// The verifier key of the ledger, or a file with it; what the founding or the copy says unless given
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The copy of the file `key` of the ledger; without it, put that file in place before the ledger is served
    #[arg(long, value_name = "FILE")]
    secret_key: Option<PathBuf>,
}

impl Restore {
    /// Makes the ledger again, and checks it.
    pub(crate) fn run(self, place: &Place, output: Output) -> Result<(), Failure> {
        let w = output.words;
        if place.server.is_some() {
            return Err(Failure::usage(
                w.pick("laat --server weg: herstellen gebeurt hier", "leave out --server: a ledger is restored here"),
            ));
        }
        let key = self.key.as_deref().map(|key| verifier_key(key, w)).transpose()?;
        let secret = self.secret_key.as_deref().map(|file| secret_key(file, w)).transpose()?;
        let refused = |error| unrestored(error, &self.from, w);
        let mut restoring = Restoring::begin(&place.data).map_err(refused)?;
        let bar = progress(ProgressBar::new(0));
        let mut step = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let checkpoint = self.from.join("checkpoint");
        let key = if self.from.join("journal").is_dir() && !self.from.join("verifier-key").exists() {
            restoring.write_all_of(&self.from, &mut step).map_err(refused)?;
            let named = restoring.named_key().and_then(|named| named.parse().ok());
            let none = || Unrestored::Damaged { why: "the founding names no key".to_owned() }.failure(w);
            key.or(named).ok_or_else(none)?
        } else if let Some(kept) = kept_key(&self.from).map_err(|error| uncopied(error, w))? {
            copied(&self.from, &mut restoring, w)?;
            key.unwrap_or(kept)
        } else {
            return Err(Unrestored::NoBackup { dir: self.from.display().to_string() }.failure(w));
        };
        let note = read(&checkpoint, NOTE_BYTES, w)?;
        let made = restoring.finish(&note, &key, secret.as_ref(), &mut step).map_err(refused);
        bar.finish_and_clear();
        told(&made?, &place.data, secret.is_none(), output)
    }
}

fn uncopied(error: TilesError, w: Words) -> Failure {
    Uncopied::from(error).failure(w)
}

/// Takes in the events of a copy, each checked against what was signed of it.
fn copied(from: &Path, restoring: &mut Restoring, w: Words) -> Result<(), Failure> {
    let copy = Copy::open(from).map_err(|error| uncopied(error, w))?;
    for entries in copy.entries() {
        for entry in entries.map_err(|error| uncopied(error, w))? {
            restoring.write_event(entry).map_err(|error| unrestored(error, from, w))?;
        }
    }
    Ok(())
}

fn secret_key(file: &Path, w: Words) -> Result<SigningKey, Failure> {
    let text = read(file, NOTE_BYTES, w)?;
    text.parse().map_err(|_| Unrestored::SecretForm { file: file.display().to_string() }.failure(w))
}

/// Says what was made, and whether the secret key has still to be put beside it.
fn told(verified: &Verified, dir: &Path, key_lacks: bool, output: Output) -> Result<(), Failure> {
    let w = output.words;
    let key = verified.signed.as_ref().map(|(_, key)| key.to_string());
    let shown = dir.display().to_string();
    let as_json =
        || json!({"data": shown, "events": verified.events, "root": hex(&verified.root), "verifier_key": key});
    output.answer(as_json, |page| {
        let events = verified.events;
        let nl = format!("{events} gebeurtenissen staan in `{shown}`, teruggelezen en gecontroleerd.");
        let en = format!("{events} events are in `{shown}`, read back and checked.");
        page.note(&w.pick(nl, en));
        page.detail_at(1, w.pick("wortel van de boom", "root of the tree"), &hex(&verified.root));
        page.detail_at(1, w.pick("ondertekend met", "signed by"), key.as_deref().unwrap_or_default());
        if key_lacks {
            let nl = "Zet het bestand `key` van dit grootboek erbij voordat het wordt gediend.";
            page.note(w.pick(nl, "Put the file `key` of this ledger beside it before it is served."));
        }
    })
}
