//! Small files that are replaced whole: after a power cut there is the old content or the new one, never a part.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::journal::sync_dir;
use crate::log::IoFailure;

/// What a name ends with while its content is being written beside it.
pub(crate) const UNFINISHED: &str = ".tmp";

/// Writes a file of a directory whole and durably, or leaves it as it was.
pub(crate) fn replace(dir: &Path, name: &str, mode: u32, content: &[u8]) -> Result<(), IoFailure> {
    let (path, unfinished) = (dir.join(name), dir.join(format!("{name}{UNFINISHED}")));
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&unfinished, &path))
        .and_then(|()| sync_dir(dir))
        .map_err(IoFailure::of("write", &path))
}
