//! One key of a log hands over to the next: a signed note (<https://c2sp.org/signed-note>) of four lines, which both keys
//! sign. Whoever trusts the one key learns the other from it, and that the new one is in somebody's hands.
//!
//! ```text
//! tlog-key-handover/1
//! <origin of the log>
//! <the key until then>
//! <the key from then on>
//! ```

use signed_note::{Note, Signer, VerifierList};

use crate::{Fault, NOTE_BYTES, SigningKey, VerifierKey};

const FIRST_LINE: &str = "tlog-key-handover/1";

/// That the checkpoints of a log are signed by another key from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The key until then.
    pub previous: VerifierKey,
    /// The key from then on.
    pub next: VerifierKey,
}

impl Handover {
    /// Writes it, signed by both. The keys are of the same log.
    pub fn sign(previous: &SigningKey, next: &SigningKey) -> Result<String, Fault> {
        let unfit = Fault::Form("a key is handed over within one log");
        let handover = Self { previous: previous.public().clone(), next: next.public().clone() };
        if handover.next.origin() != handover.previous.origin() || handover.next == handover.previous {
            return Err(unfit);
        }
        let mut note = Note::new(handover.text().as_bytes(), &[]).map_err(|_| unfit.clone())?;
        let signers: [&dyn Signer; 2] = [&previous.signer, &next.signer];
        note.add_sigs(&signers).map_err(|_| unfit.clone())?;
        String::from_utf8(note.to_bytes()).map_err(|_| unfit)
    }

    /// Reads one, and checks both signatures.
    pub fn open(note: &str) -> Result<Self, Fault> {
        let form = Fault::Form("this is not the handover of a key");
        if note.len() > NOTE_BYTES {
            return Err(form);
        }
        let signed = Note::from_bytes(note.as_bytes()).map_err(|_| form.clone())?;
        let text = std::str::from_utf8(signed.text()).map_err(|_| form.clone())?;
        let mut lines = text.lines();
        let (first, origin) = (lines.next(), lines.next());
        let mut key = || lines.next().and_then(|line| line.parse::<VerifierKey>().ok());
        let (Some(previous), Some(next)) = (key(), key()) else { return Err(form) };
        let handover = Self { previous, next };
        // What it would be written as decides whether it is one.
        let is_one = first == Some(FIRST_LINE) && origin == Some(handover.next.origin()) && handover.text() == text;
        if !is_one || handover.previous.origin() != handover.next.origin() || handover.previous == handover.next {
            return Err(form);
        }
        for key in [&handover.previous, &handover.next] {
            let known = VerifierList::new(vec![Box::new(key.verifier.clone())]);
            signed.verify(&known).map_err(|_| Fault::Unsigned(key.to_string()))?;
        }
        Ok(handover)
    }

    /// The key that signs now, for somebody who trusts an earlier one and is given what was handed over since. What
    /// does not begin with a trusted key is passed over.
    pub fn follow<'a>(trusted: &VerifierKey, notes: impl IntoIterator<Item = &'a str>) -> VerifierKey {
        let mut key = trusted.clone();
        for handover in notes.into_iter().filter_map(|note| Self::open(note).ok()) {
            if handover.previous == key {
                key = handover.next;
            }
        }
        key
    }

    fn text(&self) -> String {
        format!("{FIRST_LINE}\n{}\n{}\n{}\n", self.previous.origin(), self.previous, self.next)
    }
}
