//! `key rotate` and `key list`: another key signs the checkpoints, and which keys did. What the one key says of the next is
//! checked here, and needs nobody's word.

use clap::{Args, Subcommand};
use minutebook_proto::pb;
use minutebook_tlog::Handover;
use serde_json::json;

use super::connect::Session;
use super::failure::Failure;
use super::proof::Unproved;
use super::record::{receipt_line, sent};
use super::{Output, json};

/// What to do with the key.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook key list")]
pub(crate) struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Let another key sign from now on; both keys sign that, and the old one signs nothing more
    Rotate(Rotate),
    /// List the keys that signed, each with the word of the one before it
    List(List),
}

/// Who replaces it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook key rotate --capacity secretary\n\n\
                  Give the new key to whoever checks the ledger, and make a copy of the file `key` again: the copy that you\n\
                  have is of the old one. Who checks a ledger or a copy with the old key is led to the new one by what\n\
                  the old one signed; a proof alone is checked with the key that signed it.")]
struct Rotate {
    /// The capacity in which you act, such as "secretary" (no personal names)
    #[arg(long, value_name = "TEXT")]
    capacity: Option<String>,
    /// The body on whose behalf you act
    #[arg(long, value_name = "BODY")]
    on_behalf_of: Option<String>,
    /// A name for this request: the same name again gets the same answer, and replaces nothing twice
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

/// No choice to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook key list --format json")]
struct List {}

impl Key {
    /// Does it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.command {
            KeyCommand::Rotate(rotate) => rotate.run(session, output).await,
            KeyCommand::List(List {}) => list(session, output).await,
        }
    }
}

impl Rotate {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let request_id = self.request_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let actor = pb::Actor { capacity: self.capacity, on_behalf_of: self.on_behalf_of, ..pb::Actor::default() };
        let write = pb::Write { request_id: request_id.clone(), ..pb::Write::default() };
        let request = pb::RotateKeyRequest { request_id, actor: Some(actor) };
        let answer = sent(&write, session.admin().rotate_key(request)).await?;
        let handover = Handover::open(&answer.handover).map_err(|fault| Unproved::of(fault).failure(w))?;
        let receipt = answer.receipt.unwrap_or_default();
        let as_json = || {
            json!({
                "receipt": json::receipt(&receipt),
                "previous": handover.previous.to_string(),
                "verifier_key": handover.next.to_string(),
                "handover": answer.handover,
            })
        };
        output.answer(as_json, |page| {
            page.note(&receipt_line(w, &receipt, false));
            let (nl, en) = (
                "Geef deze sleutel aan wie controleert, en maak opnieuw een kopie van het bestand `key`:",
                "Give this key to whoever checks it, and make a copy of the file `key` again:",
            );
            page.note(w.pick(nl, en));
            page.note(&handover.next.to_string());
        })
    }
}

async fn list(session: &Session, output: Output) -> Result<(), Failure> {
    let w = output.words;
    let answer = session.audit().get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner();
    let handovers = answer.handovers.iter().map(|note| Handover::open(note)).collect::<Result<Vec<_>, _>>();
    let handovers = handovers.map_err(|fault| Unproved::of(fault).failure(w))?;
    // The one before each, and the one of now.
    let mut keys: Vec<_> = handovers.iter().map(|handover| handover.previous.to_string()).collect();
    keys.push(answer.verifier_key);
    let as_json = || json!({"keys": keys, "handovers": answer.handovers});
    output.answer(as_json, |page| {
        for (n, key) in keys.iter().enumerate() {
            let signs = n + 1 == keys.len();
            page.detail_at(
                1,
                if signs { w.pick("ondertekent nu", "signs now") } else { w.pick("vervangen", "replaced") },
                key,
            );
        }
    })
}
