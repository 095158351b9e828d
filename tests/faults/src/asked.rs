//! The writes of a campaign. What a write asks for follows from the seed and its name alone, so that whatever is read
//! later is compared with what was asked, and not only with what was read before.

use minutebook_proto::pb;
use minutebook_proto::pb::command::Command as Asks;
use minutebook_proto::pb::record::Record;

use crate::dice::Dice;

/// The smallest event of a campaign, in bytes.
const SMALLEST: u64 = 300;
/// The largest event, with which the server's limit of 60 KiB is all but reached.
pub(crate) const LARGEST: u64 = 61_400;
/// What an event has beside its texts, at most.
const AROUND: u64 = 200;
/// No text is longer.
const TEXT: u64 = 8_000;
/// Thirty-two letters: five bits choose one.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyzaeioun";

/// A write, by its place in a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    pub(crate) round: u64,
    pub(crate) writer: u64,
    pub(crate) number: u64,
}

impl Asked {
    /// Its request id.
    pub(crate) fn name(self) -> String {
        format!("w-{}-{}-{}", self.round, self.writer, self.number)
    }

    /// The write that has this request id.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let mut numbers = name.strip_prefix("w-")?.splitn(3, '-').map(|number| number.parse().ok());
        let asked = Self { round: numbers.next()??, writer: numbers.next()??, number: numbers.next()?? };
        (asked.name() == name).then_some(asked)
    }
}

/// How large events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// About as many bytes each.
    Of(u64),
    /// Mostly small ones, up to the largest.
    Mixed,
}

/// What the writes of a campaign ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) sizes: Sizes,
}

impl Plan {
    fn dice(&self, asked: Asked) -> Dice {
        Dice::of(self.seed, &asked.name(), 0)
    }

    /// How many events a write gives.
    pub(crate) fn count(&self, asked: Asked) -> u64 {
        self.dice(asked).between(1, 4)
    }

    /// What a write asks for.
    pub(crate) fn request(&self, asked: Asked) -> pb::RecordRequest {
        let write = Some(pb::Write { request_id: asked.name(), ..pb::Write::default() });
        let commands = (0..self.count(asked)).map(|n| register(self.party(asked, n))).collect();
        pb::RecordRequest { write, commands }
    }

    /// The party that the event `n` of a write registers.
    pub(crate) fn party(&self, asked: Asked, n: u64) -> pb::Party {
        let mut dice = Dice::of(self.seed, &asked.name(), n.saturating_add(1));
        let bytes = match self.sizes {
            Sizes::Of(bytes) => bytes,
            Sizes::Mixed if dice.one_in(20) => dice.between(16 << 10, LARGEST),
            Sizes::Mixed if dice.one_in(4) => dice.between(1 << 10, 16 << 10),
            Sizes::Mixed => dice.between(SMALLEST, 1 << 10),
        };
        let mut rest = bytes.clamp(SMALLEST, LARGEST).saturating_sub(AROUND);
        let mut texts = Vec::new();
        while rest > 0 {
            // Each text costs three bytes more than its letters.
            let letters = rest.min(TEXT);
            texts.push(text(&mut dice, letters.saturating_sub(3).max(1)));
            rest = rest.saturating_sub(letters);
        }
        let aliases = Some(pb::TextList { texts });
        let id = format!("{}-{n}", asked.name());
        pb::Party { name: format!("Party {id}"), id, aliases, ..pb::Party::default() }
    }
}

fn register(party: pb::Party) -> pb::Command {
    let record = Some(pb::Record { record: Some(Record::Party(party)) });
    pb::Command { command: Some(Asks::State(pb::StateRecord { record, ..pb::StateRecord::default() })) }
}

/// So many letters.
fn text(dice: &mut Dice, letters: u64) -> String {
    let mut text = String::new();
    let (mut bits, mut left) = (0, 0);
    for _ in 0..letters {
        if left < 5 {
            (bits, left) = (dice.next(), 64);
        }
        let letter = usize::try_from(bits & 31).ok().and_then(|index| LETTERS.get(index));
        text.extend(letter.copied().map(char::from));
        (bits, left) = (bits >> 5, left - 5);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_known_by_its_name_and_asks_for_the_same_each_time() {
        let asked = Asked { round: 7, writer: 1, number: 30 };
        assert_eq!(Asked::of_name(&asked.name()), Some(asked));
        for name in ["w-7-1", "w-7-1-30-2", "w-07-1-30", "x"] {
            assert_eq!(Asked::of_name(name), None, "{name}");
        }
        let plan = Plan { seed: 3, sizes: Sizes::Mixed };
        assert_eq!(plan.request(asked), plan.request(asked));
        assert_ne!(plan.party(asked, 0).aliases, plan.party(asked, 1).aliases);
    }
}
