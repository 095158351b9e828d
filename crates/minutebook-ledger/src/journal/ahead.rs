//! The next segment, made ready before it is needed by a thread of its own, so that no writer waits for megabytes of
//! zeros. It writes `next.seg` and nothing else; the header and the name are given when the segment is begun.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use super::segment::create_zeroed;

const READY: &str = "next.seg";
const UNFINISHED: &str = "next.tmp";

/// The file being made ready, if any.
#[derive(Debug)]
pub(super) struct Ahead {
    dir: PathBuf,
    work: Option<JoinHandle<io::Result<()>>>,
}

impl Ahead {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.into(), work: None }
    }

    /// Start to make a file of this size ready, unless that has been started.
    pub(super) fn begin(&mut self, bytes: u64) {
        if self.work.is_some() {
            return;
        }
        let dir = self.dir.clone();
        // Without a thread, the segment is made when it is needed.
        let spawned = thread::Builder::new().name("journal-ahead".into()).spawn(move || prepare(&dir, bytes));
        self.work = spawned.ok();
    }

    /// The zero-filled file, of at least this size. Waits for the thread.
    pub(super) fn take(&mut self, bytes: u64) -> io::Result<PathBuf> {
        self.wait();
        // Whatever the thread met, try again: a full disk may have been given room since.
        prepare(&self.dir, bytes)?;
        Ok(self.dir.join(READY))
    }

    /// Remove what an earlier founding that came to nothing may have left, frame and all.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        match fs::remove_file(self.dir.join(READY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn wait(&mut self) {
        let outcome = self.work.take().map(JoinHandle::join);
        if let Some(Ok(Err(error))) = outcome {
            tracing::warn!(%error, "the next journal segment could not be made ready");
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.wait();
    }
}

/// Make `next.seg`, or keep the one that is there. It gets that name when it is complete and durable.
fn prepare(dir: &Path, bytes: u64) -> io::Result<()> {
    let ready = dir.join(READY);
    if fs::metadata(&ready).is_ok_and(|found| found.len() >= bytes) {
        return Ok(());
    }
    let unfinished = dir.join(UNFINISHED);
    let made = create_zeroed(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, ready));
    if made.is_err() {
        // What was written so far only takes space that somebody needs.
        let _ = fs::remove_file(&unfinished);
    }
    made
}
