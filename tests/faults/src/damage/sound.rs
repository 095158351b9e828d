//! The sound ledger whose copies are damaged, what it answers, and how its files were at earlier moments.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::asked::{Plan, Sizes};
use crate::client::{self, connect};
use crate::known::Known;
use crate::load::fill;
use crate::tally::Tally;
use crate::{Setup, hex};

/// How many bytes of events there are at each moment of which the files are kept. Segments are of 1, 2 and 4 MiB: the
/// first moment is in the first, the second in the second, and the last one past the middle of the third, where the next
/// is made ready.
const MOMENTS: [u64; 4] = [600 << 10, 2 << 20, 4 << 20, 5_400 << 10];

/// A sound ledger.
#[derive(Debug)]
pub(crate) struct Sound {
    /// Its data directory.
    pub(crate) data: PathBuf,
    /// The data directory at earlier moments, the newest first, and that of another ledger.
    pub(crate) stale: Vec<PathBuf>,
    /// Its files, below the data directory.
    pub(crate) files: Vec<PathBuf>,
    /// The SHA-256 of each event.
    pub(crate) events: Vec<[u8; 32]>,
    pub(crate) root: Vec<u8>,
    pub(crate) digest: Vec<u8>,
    _folder: TempDir,
}

impl Sound {
    pub(crate) async fn prepare(setup: &Setup, tally: &mut Tally) -> Result<Self> {
        let folder = setup.folder()?;
        let data = folder.path().join("data");
        setup.program.found(&data)?;
        let mut known = Known::new(Plan { seed: setup.seed, sizes: Sizes::Mixed });
        let mut stale = Vec::new();
        for (round, bytes) in (0..).zip(MOMENTS) {
            let server = setup.program.serve(&data)?;
            fill(&connect(&server).await?, round, bytes, &mut known, tally).await?;
            let ended = server.stop()?;
            ensure!(ended.code() == Some(0), "{ended}");
            let moment = folder.path().join(format!("moment-{round}"));
            copy(&data, &moment)?;
            stale.insert(0, moment);
        }
        // The last moment is the ledger itself.
        let data = stale.remove(0);
        let other = folder.path().join("other");
        setup.program.found(&other)?;
        stale.push(other);
        let mut sound = Self {
            files: files(&data, &data)?,
            data,
            stale,
            events: Vec::new(),
            root: Vec::new(),
            digest: Vec::new(),
            _folder: folder,
        };
        sound.ask(setup).await?;
        Ok(sound)
    }

    /// Learns from a copy what the ledger answers.
    async fn ask(&mut self, setup: &Setup) -> Result<()> {
        let folder = setup.folder()?;
        let data = folder.path().join("data");
        copy(&self.data, &data)?;
        let verified = setup.program.verify(&data)?;
        let server = setup.program.serve(&data)?;
        let channel = connect(&server).await?;
        let mut events = client::events(&channel, 0).await?;
        while let Some(answer) = events.message().await? {
            self.events.push(Sha256::digest(&answer.event).into());
        }
        self.root = client::checkpoint(&channel).await?.root;
        self.digest = client::status(&channel).await?.digest;
        let is_same = verified.hash("root") == Some(hex(&self.root).as_str())
            && verified.hash("digest") == Some(hex(&self.digest).as_str());
        ensure!(is_same, "the server and `verify` come to two ledgers: {verified:?}");
        let segments = self.files.iter().filter(|file| is_segment(file)).count();
        ensure!(segments == 3, "{segments} segments: {}", self.names());
        Ok(())
    }

    /// The names of its files.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        names.join(", ")
    }
}

/// Is it a segment of the journal, with frames in it?
pub(crate) fn is_segment(file: &Path) -> bool {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    file.starts_with("journal") && stem.parse::<u32>().is_ok()
}

/// The files of a directory and those below it, as they are named from `top`, in order.
fn files(top: &Path, dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list `{}`", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(top, &path)?);
        } else {
            found.push(path.strip_prefix(top)?.to_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// Copies a directory.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    for file in files(from, from)? {
        let copy = to.join(&file);
        copy.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::copy(from.join(&file), copy)?;
    }
    Ok(())
}
