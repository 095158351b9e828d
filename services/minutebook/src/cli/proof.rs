//! `checkpoint`, `prove` and `check`: the signed head of the ledger, that an event is in it, and whether that is so. What
//! a server answers is checked before it is passed on; to check needs no ledger at all.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use minutebook_domain::message::messages;
use minutebook_proto::{decode_event, pb};
use minutebook_tlog::{Checkpoint, Fault, Handover, PROOF_BYTES, Proof, VerifierKey};
use serde_json::{Value, json};

use super::connect::Session;
use super::failure::{Exit, Failure};
use super::json::hex;
use super::page::print;
use super::words::Words;
use super::{Format, Output, event_json, print_json};

messages! {
    /// Why something is not proved.
    pub(crate) enum Unproved {
        /// It does not add up.
        NotProved { why: String } = "NOT_PROVED"
            nl "dit bewijs klopt niet (melding: {why})"
            en "this is not proved: {why}"
        /// Another key signed it, perhaps the next.
        OtherKey { key: String } = "NOT_PROVED"
            nl "dit is niet ondertekend met `{key}`; is die sleutel sindsdien vervangen, dan noemt `verify --key` op het grootboek de volgende"
            en "this is not signed by `{key}`; if that key was replaced since, `verify --key` on the ledger names the next one"
        /// No key.
        KeyForm { text: String } = "KEY_FORM"
            nl "`{text}` is geen sleutel (naam+id+sleutel, zoals `minutebook init` hem toont) en geen bestand met een sleutel"
            en "`{text}` is not a verifier key (name+id+key, as `minutebook init` prints it), and not a file with one"
        /// Nothing to check.
        Unread { file: String, why: String } = "FILE"
            nl "`{file}` is niet te lezen (melding: {why})"
            en "`{file}` cannot be read: {why}"
    }
}

impl Unproved {
    /// It does not add up, for this reason.
    pub(crate) fn of(fault: impl std::fmt::Display) -> Self {
        Self::NotProved { why: fault.to_string() }
    }

    /// A proof does not hold.
    pub(crate) fn of_proof(fault: Fault) -> Self {
        match fault {
            Fault::Unsigned(key) => Self::OtherKey { key },
            fault => Self::of(fault),
        }
    }

    /// What is told of it.
    pub(crate) fn failure(&self, w: Words) -> Failure {
        let exit = match self {
            Self::NotProved { .. } | Self::OtherKey { .. } => Exit::Integrity,
            Self::KeyForm { .. } => Exit::Usage,
            Self::Unread { .. } => Exit::Unreachable,
        };
        Failure::new(exit, self.code(), self.message(w.0))
    }
}

/// The signed head of the ledger.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook checkpoint > today.checkpoint")]
pub(crate) struct Head {}

impl Head {
    /// Prints the note and nothing else.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let answer = session.audit().get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner();
        let key = stated_key(&answer, output.words)?;
        let checkpoint = Checkpoint::open(&answer.checkpoint, &key);
        let checkpoint = checkpoint.map_err(|fault| Unproved::of(fault).failure(output.words))?;
        if output.format != Format::Json {
            return print(&answer.checkpoint);
        }
        print_json(&json!({
            "checkpoint": answer.checkpoint,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": hex(&checkpoint.root),
            "verifier_key": answer.verifier_key,
        }))
    }
}

/// Which event.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook prove 42 > event-42.tlog-proof")]
pub(crate) struct Prove {
    /// Its position
    position: u64,
    /// The verifier key of the ledger, or a file with it; what the server says unless given
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Prove {
    /// Prints the proof, once it holds.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let answer = session.audit().get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner();
        let key = trusted_key(self.key.as_deref(), &answer, w)?;
        let proof = proved(session, self.position, None, w).await?;
        let checkpoint = proof.check(&key).map_err(|fault| Unproved::of(fault).failure(w))?;
        match output.format {
            Format::Json => print_json(&proved_json(&proof, &checkpoint, Some(&proof.to_string()))),
            _ => print(&proof.to_string()),
        }
    }
}

/// What to check, and against which key.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook check event-42.tlog-proof --key drenthe.vkey\n\n\
                        The key is what `minutebook init` printed, or a file with it. It comes from elsewhere than the proof.")]
pub(crate) struct Check {
    /// The file with the proof; - is standard input
    file: PathBuf,
    /// The verifier key of the ledger, or a file with it
    #[arg(long, value_name = "KEY")]
    key: String,
}

impl Check {
    /// Checks it, without any ledger.
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let key = verifier_key(&self.key, w)?;
        let text = read(&self.file, PROOF_BYTES, w)?;
        let proof: Proof = text.parse().map_err(|fault: Fault| Unproved::of(fault).failure(w))?;
        let checkpoint = proof.check(&key).map_err(|fault| Unproved::of_proof(fault).failure(w))?;
        output.answer(
            || proved_json(&proof, &checkpoint, None),
            |page| {
                let Checkpoint { origin, size, .. } = &checkpoint;
                let nl = format!("Bewezen: dit is gebeurtenis {} van `{origin}`.", proof.index);
                let en = format!("Proved: this is event {} of `{origin}`.", proof.index);
                page.note(&w.pick(nl, en));
                let events = w.pick("gebeurtenissen", "events");
                page.detail_at(1, w.pick("ondertekend", "signed"), &format!("{size} {events}"));
                page.note(&match decode_event(&proof.entry) {
                    Ok(recorded) => event_json::summary(&recorded, w),
                    Err(error) => error.to_string(),
                });
            },
        )
    }
}

fn proved_json(proof: &Proof, checkpoint: &Checkpoint, text: Option<&str>) -> Value {
    let event = decode_event(&proof.entry);
    let event =
        event.map_or_else(|error| event_json::unreadable(&proof.entry, &error), |event| event_json::event(&event));
    json!({
        "position": proof.index,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": hex(&checkpoint.root),
        "event": event,
        "proof": text,
    })
}

/// What the server says proves an event, which is still to be checked: in the tree of a checkpoint, or of one that is
/// signed now.
pub(crate) async fn proved(
    session: &Session,
    position: u64,
    signed: Option<(u64, &str)>,
    w: Words,
) -> Result<Proof, Failure> {
    let request = pb::ProveInclusionRequest { position, size: signed.map(|(size, _)| size), min_position: None };
    let answer = session.audit().prove_inclusion(request).await?.into_inner();
    let unfit = || Unproved::of("a hash has not 32 bytes").failure(w);
    let path = answer.hashes.into_iter().map(|hash| hash.try_into().map_err(|_| unfit()));
    let path = path.collect::<Result<_, _>>()?;
    let checkpoint = signed.map(|(_, note)| note.to_owned()).or(answer.checkpoint).unwrap_or_default();
    Ok(Proof { entry: answer.entry, index: position, path, checkpoint })
}

/// The key to check with: the one that is given, or the one that took its place since; else what the server says.
pub(crate) fn trusted_key(
    given: Option<&str>,
    answer: &pb::GetCheckpointResponse,
    w: Words,
) -> Result<VerifierKey, Failure> {
    let Some(given) = given else { return stated_key(answer, w) };
    Ok(Handover::follow(&verifier_key(given, w)?, answer.handovers.iter().map(String::as_str)))
}

/// The key that a server says its ledger has.
pub(crate) fn stated_key(answer: &pb::GetCheckpointResponse, w: Words) -> Result<VerifierKey, Failure> {
    answer.verifier_key.parse().map_err(|fault: Fault| Unproved::of(fault).failure(w))
}

/// A verifier key: as it is written, or in a file.
pub(crate) fn verifier_key(text: &str, w: Words) -> Result<VerifierKey, Failure> {
    let no_key = || Unproved::KeyForm { text: text.to_owned() }.failure(w);
    text.parse().or_else(|_| {
        let file = File::open(text).map_err(|_| no_key())?;
        limited(file, 1024).ok().and_then(|text| text.parse().ok()).ok_or_else(no_key)
    })
}

/// Reads a proof or a checkpoint, which has no more than so many bytes.
pub(crate) fn read(path: &Path, most: usize, w: Words) -> Result<String, Failure> {
    let read = if path == Path::new("-") {
        limited(io::stdin().lock(), most)
    } else {
        File::open(path).and_then(|file| limited(file, most))
    };
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Unproved::of(format_args!("`{}` is not text", path.display())).failure(w),
        _ => Unproved::Unread { file: path.display().to_string(), why: error.to_string() }.failure(w),
    })
}

/// Reads a text, and no more than one byte beyond what it may have.
fn limited(from: impl Read, most: usize) -> io::Result<String> {
    let mut text = String::new();
    from.take(u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1)).read_to_string(&mut text)?;
    Ok(text)
}
