//! One trial: a copy of the sound ledger is damaged, verified, and served. The sound one says what is right.

use std::fs;
use std::path::Path;

use anyhow::Result;
use sha2::{Digest as _, Sha256};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::harm::Harm;
use super::sound::{Sound, copy, is_segment};
use crate::client::{self, connect};
use crate::dice::Dice;
use crate::program::{Ended, Server, Started, Verified, panics};
use crate::tally::{Bad, Tally};
use crate::{Setup, hex};

/// The program says with these that it refuses: what is kept is not what was recorded, or cannot be read.
const REFUSALS: [Option<i32>; 2] = [Some(5), Some(6)];

/// What came of a trial.
#[derive(Debug)]
pub(crate) struct Trial {
    number: u64,
    harm: Harm,
    /// Nothing but what a backup holds was there.
    is_bare: bool,
    /// The store's engine panicked, which the program contained.
    store_panicked: bool,
    verdict: &'static str,
    bad: Vec<(Bad, String)>,
}

impl Trial {
    pub(crate) fn tell(self, tally: &mut Tally) {
        let Self { number, harm: Harm { file, kind, offset, .. }, is_bare, store_panicked, verdict, bad } = self;
        let bare = if is_bare { ", of a bare copy" } else { "" };
        for (bad, what) in bad {
            tally.bad(bad, 1, format!("trial {number}: {kind:?} of `{}` at {offset}{bare}: {what}", file.display()));
        }
        tally.add("panics of the store's engine contained", u64::from(store_panicked));
        tally.count(verdict);
    }
}

/// How the two ways to look at a ledger took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Whole,
    Refused,
    /// Served, and refused where the damage was read.
    RefusedOnReading,
}

pub(crate) fn run(setup: &Setup, sound: &Sound, number: u64) -> Result<Trial> {
    let mut dice = Dice::of(setup.seed, "damage", number);
    let folder = setup.folder()?;
    let data = folder.path().join("data");
    copy(&sound.data, &data)?;
    let harm = Harm::inflict(sound, &data, number, &mut dice)?;
    let is_derived = harm.file.starts_with("store") || harm.file.starts_with("snapshot");
    let is_bare = !is_derived && dice.one_in(3);
    if is_bare {
        fs::remove_dir_all(data.join("store"))?;
        fs::remove_dir_all(data.join("snapshot"))?;
    }
    let mut trial = Trial { number, harm, is_bare, store_panicked: false, verdict: "", bad: Vec::new() };
    let verified = trial.verified(sound, &data, &setup.program.verify(&data)?);
    let served = match Server::start(setup.program.serving(&data))? {
        Started::Ended(ended) => trial.refused(&data, &ended),
        Started::Serves(server) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let taken = runtime.block_on(async { trial.served(sound, &connect(&server).await?).await });
            let log = server.kill()?;
            trial.look_at(&log);
            taken.or_else(|status: anyhow::Error| {
                trial.bad.push((Bad::Failed, format!("the server cannot be asked: {status:#}")));
                anyhow::Ok(Taken::Refused)
            })?
        }
    };
    trial.verdict = match (verified, served) {
        (Taken::Whole, Taken::Whole) => "healed",
        (Taken::Whole, _) => {
            trial.bad.push((Bad::Failed, format!("`verify` accepts it, and for a server it is {served:?}")));
            "refused by the server only"
        }
        (_, Taken::Whole) => "served whole and refused by verify",
        (_, Taken::Refused) => "refused",
        (_, Taken::RefusedOnReading) => "refused on reading",
    };
    trial.look_for_evidence(sound, &data, served);
    Ok(trial)
}

impl Trial {
    /// Takes in how `verify` ended.
    fn verified(&mut self, sound: &Sound, data: &Path, verified: &Verified) -> Taken {
        if verified.ended.code() != Some(0) {
            return self.refused(data, &verified.ended);
        }
        self.look_at(&verified.ended.err);
        let is_same = verified.events() == u64::try_from(sound.events.len()).ok()
            && verified.hash("root") == Some(hex(&sound.root).as_str())
            && verified.hash("digest") == Some(hex(&sound.digest).as_str());
        if !is_same {
            self.bad.push((Bad::Differing, format!("`verify` accepts another ledger: {verified:?}")));
        }
        Taken::Whole
    }

    /// Takes in how a program ended that refuses: with its code, and where: a position or a file.
    fn refused(&mut self, data: &Path, ended: &Ended) -> Taken {
        self.look_at(&ended.err);
        let (folder, file) = (data.display().to_string(), format!("`{}`", self.harm.file.display()));
        let says_where = ["position", "events", &folder, &file].iter().any(|word| ended.err.contains(*word));
        if ended.has_panicked() || !REFUSALS.contains(&ended.code()) || !says_where {
            self.bad.push((Bad::Failed, format!("refused badly: {ended}")));
        }
        Taken::Refused
    }

    fn look_at(&mut self, log: &str) {
        if panics(log) {
            self.bad.push((Bad::Failed, format!("a panic: {log}")));
        }
        self.store_panicked |= log.contains("panicked at");
    }

    /// Asks a server for everything, and compares it with the sound ledger.
    async fn served(&mut self, sound: &Sound, channel: &Channel) -> Result<Taken> {
        let status = client::status(channel).await?;
        let events = u64::try_from(sound.events.len())?;
        if (status.events, &status.digest) != (events, &sound.digest) {
            let what = format!("{} events come to {}, as the server says", status.events, hex(&status.digest));
            self.bad.push((Bad::Differing, what));
        }
        let (read, failure) = self.read(sound, channel).await;
        if let Some(status) = failure {
            if status.code() != Code::DataLoss {
                self.bad.push((Bad::Failed, format!("reading fails with {status:?}")));
            }
            return Ok(Taken::RefusedOnReading);
        }
        if read != sound.events.len() {
            self.bad.push((Bad::Lost, format!("only {read} of {events} events are read")));
        }
        let head = client::checkpoint(channel).await?;
        if (head.size, &head.root) != (events, &sound.root) {
            self.bad.push((Bad::Differing, format!("{} events with root {} are signed", head.size, hex(&head.root))));
        }
        Ok(Taken::Whole)
    }

    /// Reads everything. Gives how many events came, and why no more did.
    async fn read(&mut self, sound: &Sound, channel: &Channel) -> (usize, Option<Status>) {
        let mut events = match client::events(channel, 0).await {
            Ok(events) => events,
            Err(status) => return (0, Some(status)),
        };
        let mut read = 0;
        loop {
            match events.message().await {
                Ok(None) => return (read, None),
                Err(status) => return (read, Some(status)),
                Ok(Some(answer)) => {
                    if sound.events.get(read) != Some(&Sha256::digest(&answer.event).into()) {
                        self.bad.push((Bad::Differing, format!("the event {read} is another one")));
                    }
                    read = read.saturating_add(1);
                }
            }
        }
    }

    /// The damaged file is as it was, unless it is one that is made again, or was put right.
    fn look_for_evidence(&mut self, sound: &Sound, data: &Path, served: Taken) {
        let is_kept = is_segment(&self.harm.file) || self.harm.file.as_os_str() == "key";
        let is_kept = is_kept || (self.harm.file.as_os_str() == "checkpoint" && served != Taken::Whole);
        if !is_kept {
            return;
        }
        let now = fs::read(data.join(&self.harm.file)).ok();
        // What stood after the end of the frames can only have been an unfinished write.
        let is_cleared = self.harm.is_after_end && now == fs::read(sound.data.join(&self.harm.file)).ok();
        if now != self.harm.bytes && !is_cleared {
            self.bad.push((Bad::Failed, "the damaged file was changed".to_owned()));
        }
    }
}
