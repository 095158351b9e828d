//! The lock file: one program at a time opens a data directory. The file also holds the address at which the running
//! server can be reached, so that the command line finds it. The lock is the operating system's and ends with the
//! process; a file left behind means nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::journal::sync_dir;
use crate::log::IoFailure;

const NAME: &str = "lock";

/// The data directory is held by this program until the value is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Why the lock was not acquired.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another program holds it.
    #[error("`{}` is in use by another program{}", .dir.display(), at(.address.as_ref()))]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// Where that program can be reached, if it has said so.
        address: Option<String>,
    },
    /// The lock file could not be opened or written.
    #[error(transparent)]
    Io(#[from] IoFailure),
}

fn at(address: Option<&String>) -> String {
    address.map(|address| format!(" at {address}")).unwrap_or_default()
}

impl Lock {
    /// Take the lock of a data directory, which is created if it is not there.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        if !dir.exists() {
            fs::create_dir_all(dir)
                .and_then(|()| dir.canonicalize())
                .and_then(|whole| whole.parent().map_or(Ok(()), sync_dir))
                .map_err(IoFailure::of("create", dir))?;
        }
        let path = dir.join(NAME);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(IoFailure::of("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let address = holder_address(dir).map_err(IoFailure::of("read", &path))?;
                return Err(LockError::Locked { dir: dir.into(), address });
            }
            Err(TryLockError::Error(source)) => return Err(IoFailure::of("lock", path)(source).into()),
        }
        // An address left by a program that was killed would send people to the wrong place.
        file.set_len(0).map_err(IoFailure::of("clear", &path))?;
        Ok(Self { file, path })
    }

    /// Note where the holder can be reached.
    pub fn publish(&self, address: &str) -> Result<(), IoFailure> {
        let line = format!("{address}\n");
        self.file
            .set_len(0)
            .and_then(|()| self.file.write_all_at(line.as_bytes(), 0))
            .map_err(IoFailure::of("write", &self.path))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A failure leaves an address that nobody answers at; the next holder clears it.
        if let Err(error) = self.file.set_len(0) {
            tracing::warn!(%error, "cannot clear the lock file");
        }
    }
}

/// The address noted in the lock file of a data directory. It says nothing about whether its writer still runs:
/// only [`Lock::acquire`] can tell.
pub fn holder_address(dir: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(dir.join(NAME)) {
        // Only a whole line counts: the holder may be writing it at this moment.
        Ok(text) => Ok(text.strip_suffix('\n').filter(|address| !address.is_empty()).map(str::to_owned)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
