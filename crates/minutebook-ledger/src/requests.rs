//! Which request ids have been answered, and where. It keeps a part of each id's hash and the position of the command's
//! first event. Two ids may share that part of the hash, so an entry is a place to look, not an answer: whoever asks
//! reads the frame there.

use hashbrown::HashTable;
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

/// All entries. The key is a hash already.
#[derive(Debug, Default)]
pub(crate) struct RequestIndex(HashTable<Entry>);

impl RequestIndex {
    /// The index of what the store and the journal hold.
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        let mut index = Self(HashTable::with_capacity(entries.len()));
        for entry in entries {
            index.insert(entry);
        }
        index
    }

    pub(crate) fn insert(&mut self, entry: Entry) {
        self.0.insert_unique(entry.key, entry, |entry| entry.key);
    }

    /// The positions where a command with this request id may begin.
    pub(crate) fn candidates(&self, request_id: &str) -> Vec<Position> {
        let key = key_of(request_id);
        self.0.iter_hash(key).filter(|entry| entry.key == key).map(|entry| entry.first).collect()
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
    }

    #[test]
    fn ids_that_share_a_key_are_both_found() {
        let mut index = RequestIndex::default();
        for first in [5, 3] {
            index.insert(Entry { key: key_of("a"), first });
        }
        let mut found = index.candidates("a");
        found.sort_unstable();
        assert_eq!(found, [3, 5]);
    }
}
