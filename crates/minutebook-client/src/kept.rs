//! What a follower keeps between two runs: how far it is, and the newest checkpoint that it has seen.
//!
//! ```text
//! minutebook-kept/1
//! 560
//!
//! <the signed checkpoint, where it verifies>
//! ```

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use minutebook_tlog::{Checkpoint, NOTE_BYTES};

use crate::Error;

const FIRST_LINE: &str = "minutebook-kept/1";

/// What a follower needs to go on exactly where it was, and to refuse a server that shows another history.
///
/// Keep it together with what you make of the events: in the same transaction, as text; or in a file
/// ([`Follower::kept_in`](crate::Follower::kept_in)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Everything up to and including this position has been dealt with.
    pub position: u64,
    /// The newest signed checkpoint that was seen, of a follower that verifies.
    pub checkpoint: Option<String>,
}

/// Why something is not what a follower kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeptFault {
    /// It has another form.
    #[error("this is not what a follower kept")]
    Form,
    /// What stands where a checkpoint should.
    #[error("its checkpoint is none: {0}")]
    Checkpoint(minutebook_tlog::Fault),
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIRST_LINE}\n{}\n\n{}", self.position, self.checkpoint.as_deref().unwrap_or_default())
    }
}

impl FromStr for Kept {
    type Err = KeptFault;

    fn from_str(text: &str) -> Result<Self, KeptFault> {
        let (head, note) = text.split_once("\n\n").ok_or(KeptFault::Form)?;
        let position = head.strip_prefix(FIRST_LINE).and_then(|line| line.strip_prefix('\n')).ok_or(KeptFault::Form)?;
        let position = position.parse().map_err(|_| KeptFault::Form)?;
        let checkpoint = Some(note.to_owned()).filter(|note| !note.is_empty());
        if let Some(note) = &checkpoint {
            Checkpoint::claimed(note).map_err(KeptFault::Checkpoint)?;
        }
        Ok(Self { position, checkpoint })
    }
}

impl Kept {
    /// Reads it from a file; `None` where there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let unread = |source| Error::File { path: path.to_owned(), source };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(unread)?,
        };
        let (mut text, most) = (String::new(), u64::try_from(NOTE_BYTES).unwrap_or(u64::MAX).saturating_add(1024));
        file.take(most).read_to_string(&mut text).map_err(unread)?;
        text.parse().map(Some).map_err(|fault| Error::Kept { path: path.to_owned(), fault })
    }

    /// Writes it to a file. Whatever happens, the file then holds this or what it held before.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        self.replace(path).map_err(|source| Error::File { path: path.to_owned(), source })
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        let beside = beside(path);
        let mut file = File::create(&beside)?;
        file.write_all(self.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The new name is durable with its folder. Only Unix opens folders.
        if cfg!(unix) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

/// Where it is written before it takes its place.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use minutebook_tlog::SigningKey;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_takes_the_place_of_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        assert_eq!(Kept::read(&path).unwrap(), None);
        let key = SigningKey::generate("log").unwrap();
        let note = Checkpoint { origin: "log".into(), size: 3, root: [7; 32] }.sign(&[&key]).unwrap();
        for kept in [Kept { position: 0, checkpoint: None }, Kept { position: 560, checkpoint: Some(note) }] {
            kept.write(&path).unwrap();
            assert_eq!(Kept::read(&path).unwrap(), Some(kept));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "560", "minutebook-kept/1\n\n", "minutebook-kept/1\n560", "minutebook-kept/2\n560\n\n"] {
            assert_eq!(text.parse::<Kept>(), Err(KeptFault::Form), "{text}");
        }
        let text = "minutebook-kept/1\n560\n\nnot a checkpoint";
        assert!(matches!(text.parse::<Kept>(), Err(KeptFault::Checkpoint(_))));
    }
}
