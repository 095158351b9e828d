//! The keys of a log, as text: the private one that signs its checkpoints, and the public one that everybody else pins.
//! Both name the log: its origin is the name of the key. Their form is that of `golang.org/x/mod/sumdb/note`.

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rand_core::OsRng;
use signed_note::{Signer as _, StandardSigner, StandardVerifier, Verifier as _};

use crate::Fault;

/// The longest key: a name is at most 200 bytes.
const KEY_BYTES: usize = 300;

/// A private key. It is not shown.
#[derive(Clone)]
pub struct SigningKey {
    pub(crate) signer: StandardSigner,
    text: String,
    public: VerifierKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key for the log of that name.
    pub fn generate(origin: &str) -> Result<Self, Fault> {
        if !signed_note::is_key_name_valid(origin) {
            return Err(Fault::Form("the name of a log has no spaces and no plus sign"));
        }
        Self::from_str(&signed_note::generate_key(&mut OsRng, origin).0)
    }

    /// What is written in the key's file.
    pub fn secret_text(&self) -> &str {
        &self.text
    }

    /// The key that checks what this one signs.
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }
}

impl FromStr for SigningKey {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let text = text.trim_end();
        let fault = Fault::Form("this is not a private key (PRIVATE+KEY+name+id+key)");
        if text.len() > KEY_BYTES {
            return Err(fault);
        }
        let signer = StandardSigner::new(text).map_err(|_| fault.clone())?;
        let key = text.splitn(5, '+').nth(4).map(|key| BASE64_STANDARD.decode(key));
        // After the byte that names the algorithm.
        let seed = key.and_then(Result::ok).and_then(|key| key.get(1..33)?.try_into().ok()).ok_or(fault)?;
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let public = signed_note::new_ed25519_verifier_key(signer.name(), &public).parse()?;
        Ok(Self { signer, text: text.to_owned(), public })
    }
}

/// A public key, with the name of its log.
#[derive(Clone)]
pub struct VerifierKey {
    pub(crate) verifier: StandardVerifier,
    text: String,
}

impl VerifierKey {
    /// The name of the log.
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// The id that its signatures carry.
    pub fn id(&self) -> u32 {
        self.verifier.key_id()
    }
}

impl FromStr for VerifierKey {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let text = text.trim_end();
        let fault = || Fault::Form("this is not a verifier key (name+id+key)");
        if text.len() > KEY_BYTES {
            return Err(fault());
        }
        let verifier = StandardVerifier::new(text).map_err(|_| fault())?;
        Ok(Self { verifier, text: text.to_owned() })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({})", self.text)
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for VerifierKey {}
