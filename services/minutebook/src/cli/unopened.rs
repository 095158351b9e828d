//! Why a ledger of this machine was not founded, opened or served: each with its stable code and the words for people.

use minutebook_domain::ids::Position;
use minutebook_domain::message::messages;
use minutebook_ledger::lock::LockError;
use minutebook_ledger::log::{IoFailure, LogError};
use minutebook_ledger::{KeptError, OpenError, SubmitError};
use minutebook_tlog::Fault;

use super::failure::Exit;
use crate::server::StartError;

messages! {
    /// Why a ledger of this machine was not founded, opened or served. What the operating system says is English.
    pub(crate) enum Unopened {
        /// There is none.
        NoLedger { data: String } = "NOT_A_LEDGER"
            nl "er is geen grootboek in `{data}`; `minutebook init {data}` begint er een"
            en "there is no ledger in `{data}`; `minutebook init {data}` founds one"
        /// There is one already.
        Present { data: String } = "ALREADY_FOUNDED"
            nl "er is al een grootboek in `{data}`; kies een andere map"
            en "there is already a ledger in `{data}`; choose another directory"
        /// Another program has it.
        Locked { dir: String } = "LOCKED"
            nl "`{dir}` is in gebruik bij een ander programma; probeer het zo weer"
            en "`{dir}` is in use by another program; try again in a moment"
        /// The bytes are not those that were written.
        Damaged { position: Position, file: String, offset: u64, damage: String } = "CORRUPT"
            nl "het journaal is beschadigd bij gebeurtenis {position} (`{file}`, byte {offset}; melding: {damage}); zet dit bestand terug vanaf een kopie"
            en "journal damaged at position {position}: {damage} (`{file}`, byte {offset}): restore this file from a copy"
        /// The journal is gone.
        Lost { data: String } = "JOURNAL_LOST"
            nl "het journaal van `{data}` is weg, en wat ervan is afgeleid staat er nog; zet `journal` terug vanaf een kopie, of begin opnieuw in een andere map"
            en "the journal of `{data}` is gone, and what was made of it is still there; restore `journal` from a copy, or begin anew in another directory"
        /// An event that belongs elsewhere.
        Misnumbered { position: Position, found: Position } = "CORRUPT"
            nl "de gebeurtenis op plaats {position} zegt dat zij op {found} hoort; zet het journaal terug vanaf een kopie"
            en "the event at position {position} says that it is the one at position {found}: restore the journal from a copy"
        /// Sound bytes that are no event.
        Undecodable { position: Position, why: String } = "UNREADABLE"
            nl "gebeurtenis {position} is niet te lezen (melding: {why}); zet het journaal terug vanaf een kopie"
            en "the event at position {position} cannot be decoded: {why}; restore the journal from a copy"
        /// The key of the checkpoints is gone.
        KeyGone { file: String } = "KEY_GONE"
            nl "de sleutel van dit grootboek is weg; zet `{file}` terug vanaf een kopie"
            en "the key of this ledger is gone; restore `{file}` from a copy"
        /// The key of another ledger, or none.
        KeyDiffers { file: String } = "KEY_DIFFERS"
            nl "`{file}` is niet de sleutel van dit grootboek; zet hem terug vanaf een kopie"
            en "`{file}` is not the key of this ledger; restore it from a copy"
        /// A checkpoint that is not there.
        CheckpointGone { file: String } = "CHECKPOINT_GONE"
            nl "er is geen controlepunt van dit grootboek; zet `{file}` terug vanaf een kopie"
            en "there is no checkpoint of this ledger; restore `{file}` from a copy"
        /// A checkpoint that the key did not sign, and either may be the wrong one.
        CheckpointOther { file: String } = "CHECKPOINT_DAMAGED"
            nl "`{file}` is niet ondertekend met de sleutel die in `key` staat: een van beide is van een ander grootboek, of van voor een vervanging van de sleutel; zet die ene terug vanaf een kopie"
            en "`{file}` is not signed by the key that is in `key`: one of the two is of another ledger, or from before the key was replaced; restore that one from a copy"
        /// A checkpoint that cannot be used.
        CheckpointDamaged { file: String, why: String } = "CHECKPOINT_DAMAGED"
            nl "het controlepunt in `{file}` is niet te gebruiken (melding: {why}); zet het terug vanaf een kopie"
            en "the checkpoint in `{file}` cannot be used: {why}; restore it from a copy"
        /// Another history than was signed.
        Forked { size: Position } = "LOG_FORKED"
            nl "het journaal wijkt af van wat over de eerste {size} gebeurtenissen is ondertekend; zet het terug vanaf een kopie"
            en "the journal differs from what was signed over its first {size} events; restore it from a copy"
        /// A name that no log can have.
        Origin { name: String, why: String } = "ORIGIN_FORM"
            nl "`{name}` kan niet de naam van het logboek zijn (melding: {why}); noem met --origin een naam zonder spaties"
            en "`{name}` cannot be the name of the log: {why}; name one without spaces with --origin"
        /// A format of a newer program.
        NewerFormat { file: String, found: u32, known: u32 } = "LEDGER_NEWER"
            nl "`{file}` heeft formaat {found} en dit programma leest tot en met formaat {known}; installeer een nieuwer programma"
            en "`{file}` has format {found}, this program reads up to format {known}: install a newer program"
        /// A time zone of a newer program.
        ZoneNewer { zone: String } = "LEDGER_NEWER"
            nl "dit programma kent tijdzone `{zone}` niet; installeer een nieuwer programma"
            en "the time zone `{zone}` is not known to this program: install a newer program"
        /// An address that others can reach.
        Exposed { address: String } = "EXPOSED"
            nl "{address} is vanaf andere machines te bereiken, en versleuteling en aanmelding zijn er nog niet; gebruik 127.0.0.1, of geef --insecure-listen als een ander programma dat adres bewaakt"
            en "{address} can be reached from other machines, and encryption and authentication are not there yet; listen on 127.0.0.1, or pass --insecure-listen if another program guards that address"
        /// An address that cannot be used.
        Listen { address: String, option: &'static str, why: String } = "IO"
            nl "luisteren op {address} lukt niet (melding: {why}); kies met {option} een ander adres"
            en "cannot listen on {address}: {why}; choose another address with {option}"
        /// A file that cannot be used.
        File { action: &'static str, path: String, why: String } = "IO"
            nl "`{path}` is niet te gebruiken (melding: {action}: {why}); controleer de rechten en de ruimte"
            en "cannot {action} `{path}`: {why}; check the permissions and the space"
        /// Something else.
        Other { why: String } = "IO"
            nl "het grootboek is niet te gebruiken (melding: {why})"
            en "the ledger cannot be used: {why}"
    }
}

impl Unopened {
    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self.code() {
            "ALREADY_FOUNDED" | "LOCKED" => Exit::Conflict,
            "CORRUPT" | "JOURNAL_LOST" | "UNREADABLE" | "KEY_GONE" | "KEY_DIFFERS" | "CHECKPOINT_DAMAGED"
            | "CHECKPOINT_GONE" | "LOG_FORKED" => Exit::Integrity,
            "EXPOSED" => Exit::Refused,
            "ORIGIN_FORM" => Exit::Usage,
            _ => Exit::Unreachable,
        }
    }
}

impl From<&StartError> for Unopened {
    fn from(error: &StartError) -> Self {
        match error {
            StartError::Open(error) => error.into(),
            StartError::Exposed(address) => Self::Exposed { address: address.to_string() },
            StartError::Listen { address, option, source } => {
                Self::Listen { address: address.to_string(), option, why: source.to_string() }
            }
            StartError::Origin { name, fault } => Self::Origin { name: name.clone(), why: fault.to_string() },
            StartError::Serve(_) | StartError::Other(_) => Self::Other { why: error.to_string() },
        }
    }
}

impl From<&OpenError> for Unopened {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Lock(LockError::Locked { dir, .. }) => Self::Locked { dir: dir.display().to_string() },
            OpenError::Lock(LockError::Io(failure))
            | OpenError::Log(LogError::Io(failure))
            | OpenError::Kept(KeptError::Io(failure))
            | OpenError::Files(failure) => failure.into(),
            OpenError::Kept(KeptError::KeyGone(file)) => Self::KeyGone { file: file.display().to_string() },
            OpenError::Kept(KeptError::KeyDiffers(file)) => Self::KeyDiffers { file: file.display().to_string() },
            OpenError::Kept(KeptError::Checkpoint { path, fault: Fault::Unsigned(_) | Fault::Origin { .. } }) => {
                Self::CheckpointOther { file: path.display().to_string() }
            }
            OpenError::Kept(KeptError::Checkpoint { path, fault }) => {
                Self::CheckpointDamaged { file: path.display().to_string(), why: fault.to_string() }
            }
            OpenError::Kept(KeptError::CheckpointGone(file)) => {
                Self::CheckpointGone { file: file.display().to_string() }
            }
            OpenError::Kept(KeptError::Forked { size }) => Self::Forked { size: *size },
            OpenError::Log(LogError::Corrupt(corruption)) => Self::Damaged {
                position: corruption.position,
                file: corruption.file.display().to_string(),
                offset: corruption.offset,
                damage: corruption.damage.to_string(),
            },
            OpenError::Log(LogError::NewerFormat { file, found, known }) => {
                Self::NewerFormat { file: file.display().to_string(), found: *found, known: *known }
            }
            OpenError::Log(LogError::Absent(dir)) => Self::NoLedger { data: dir.display().to_string() },
            OpenError::Log(LogError::Present(dir)) => Self::Present { data: dir.display().to_string() },
            OpenError::Lost(data) => Self::Lost { data: data.display().to_string() },
            OpenError::Misnumbered { position, found } => Self::Misnumbered { position: *position, found: *found },
            OpenError::Undecodable { position, source } => {
                Self::Undecodable { position: *position, why: source.to_string() }
            }
            OpenError::Zone(zone) => Self::ZoneNewer { zone: zone.clone() },
            OpenError::Founding(_) | OpenError::Unsigned(_) | OpenError::Thread(_) => {
                Self::Other { why: error.to_string() }
            }
        }
    }
}

impl From<&IoFailure> for Unopened {
    fn from(failure: &IoFailure) -> Self {
        let IoFailure { action, path, source } = failure;
        Self::File { action, path: path.display().to_string(), why: source.to_string() }
    }
}

/// The refusal of a founding, where that is why.
pub(crate) fn refused(error: &StartError) -> Option<&minutebook_domain::refusal::Refusal> {
    match error {
        StartError::Open(OpenError::Founding(SubmitError::Refused(refusal))) => Some(refusal),
        _ => None,
    }
}
