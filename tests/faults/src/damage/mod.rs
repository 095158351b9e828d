//! Damage of six kinds to every file of a ledger. Whatever was damaged, the program either comes to the same ledger as
//! before, or refuses and says where; it never serves another history, and never touches the evidence.

mod harm;
mod sound;
mod trial;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use clap::Args;

use self::sound::Sound;
pub(crate) use self::sound::copy;
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

/// Damage of six kinds to every file
#[derive(Debug, Default, Args)]
pub(crate) struct Damage {
    /// How many times; 10000 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    trials: Option<u64>,
    /// Only this trial
    #[arg(long, value_name = "N")]
    trial: Option<u64>,
    /// How many at once; 2 unless given
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

impl Damage {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let trials = self.trials.unwrap_or(if setup.quick { 24 } else { 10_000 });
        let trials = self.trial.map_or(0..trials, |trial| trial..trial.saturating_add(1));
        let total = trials.end.saturating_sub(trials.start);
        let mut tally = Tally::begin("damage", setup.seed, "trials", total);
        let sound = match Sound::prepare(setup, &mut tally).await {
            Ok(sound) => sound,
            Err(error) => {
                tally.bad(Bad::Failed, 1, format!("no ledger to damage: {error:#}"));
                return Ok(Outcome::Ran(tally));
            }
        };
        println!("damage: {} files of {} events: {}", sound.files.len(), sound.events.len(), sound.names());
        let (next, tally) = (AtomicU64::new(trials.start), Mutex::new(tally));
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= trials.end {
                    break;
                }
                let judged = trial::run(setup, &sound, number);
                let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                match judged {
                    Ok(trial) => trial.tell(&mut tally),
                    Err(error) => tally.bad(Bad::Failed, 1, format!("trial {number}: {error:#}")),
                }
                tally.step();
            }
        };
        thread::scope(|scope| (0..self.jobs.unwrap_or(2)).for_each(|_| drop(scope.spawn(work))));
        Ok(Outcome::Ran(tally.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }
}
