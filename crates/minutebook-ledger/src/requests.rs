//! Which request ids have been answered, and where. It keeps 16 bytes for each: a part of the id's hash and the
//! position of the command's first event. Two ids may share that part of the hash, so an entry is a place to look,
//! not an answer: whoever asks reads the frame there.

use minutebook_domain::ids::Position;

use crate::frame::sha256;

/// One command with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The first 8 bytes of the SHA-256 of the request id.
    pub(crate) key: u64,
    /// Position of the command's first event.
    pub(crate) first: Position,
}

impl Entry {
    pub(crate) fn new(request_id: &str, first: Position) -> Self {
        Self { key: key_of(request_id), first }
    }
}

fn key_of(request_id: &str) -> u64 {
    sha256(request_id.as_bytes()).first_chunk().map_or(0, |start| u64::from_be_bytes(*start))
}

/// How many entries the youngest run takes before a new one is begun.
const YOUNG_ENTRIES: usize = 1024;

/// All entries, as a few sorted runs, each at least twice as long as the one after it.
#[derive(Debug, Default)]
pub(crate) struct RequestIndex {
    runs: Vec<Vec<Entry>>,
}

impl RequestIndex {
    /// Sort entries that come from the store.
    pub(crate) fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        Self { runs: vec![entries] }
    }

    pub(crate) fn insert(&mut self, entry: Entry) {
        if self.runs.last().is_none_or(|young| young.len() >= YOUNG_ENTRIES) {
            self.merge_down();
            self.runs.push(Vec::with_capacity(YOUNG_ENTRIES));
        }
        if let Some(young) = self.runs.last_mut() {
            let place = young.partition_point(|other| *other < entry);
            young.insert(place, entry);
        }
    }

    /// Keep every run at least twice as long as the next, so that there are few to look into.
    fn merge_down(&mut self) {
        while let [.., older, younger] = self.runs.as_mut_slice()
            && older.len() < younger.len().saturating_mul(2)
        {
            // The sort finds the two ascending runs and merges them in one pass.
            older.append(younger);
            older.sort();
            self.runs.pop();
        }
    }

    /// The positions where a command with this request id may begin.
    pub(crate) fn candidates(&self, request_id: &str) -> Vec<Position> {
        let key = key_of(request_id);
        let mut found = Vec::new();
        for run in &self.runs {
            let start = run.partition_point(|entry| entry.key < key);
            let same = run.get(start..).unwrap_or_default().iter().take_while(|entry| entry.key == key);
            found.extend(same.map(|entry| entry.first));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_found_where_it_was_put_and_no_other() {
        let mut index = RequestIndex::of((0..3000).map(|n| Entry::new(&format!("old-{n}"), n)).collect());
        for n in 3000..10_000 {
            index.insert(Entry::new(&format!("new-{n}"), n));
        }
        for n in 0..3000 {
            assert_eq!(index.candidates(&format!("old-{n}")), [n]);
        }
        for n in 3000..10_000 {
            assert_eq!(index.candidates(&format!("new-{n}")), [n]);
        }
        assert!(index.candidates("never").is_empty());
        assert!(index.runs.len() < 8, "{} runs", index.runs.len());
    }

    #[test]
    fn ids_that_share_a_key_are_both_found() {
        let mut index = RequestIndex::default();
        for first in [5, 3] {
            index.insert(Entry { key: key_of("a"), first });
        }
        assert_eq!(index.candidates("a"), [3, 5]);
    }
}
