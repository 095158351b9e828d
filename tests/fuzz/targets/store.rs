//! The values of the store: a chunk of events is cut into the same chunk again, and blocks are written as they were.
//!
//! The module is private to the ledger, and is built in here as it stands.

#![no_main]
#![allow(dead_code)] // what only the ledger calls

use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/minutebook-ledger/src/store/chunk.rs"]
mod chunk;
#[path = "../../../crates/minutebook-ledger/src/parts.rs"]
mod parts;

/// The form of what a block holds; its module looks up much else.
mod requests {
    use minutebook_domain::ids::Position;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Entry {
        pub(crate) key: u64,
        pub(crate) first: Position,
    }
}

/// The bytes under the checksum that belongs to them, as the value of position 0.
fn sealed(rest: &[u8]) -> Vec<u8> {
    let body = [&[0; 8], rest].concat();
    [crc32c::crc32c(&body).to_le_bytes().as_slice(), &body].concat()
}

fuzz_target!(|rest: &[u8]| {
    for bytes in [rest.to_vec(), sealed(rest)] {
        if let Some(events) = chunk::chunk_events(0, &bytes.clone().into(), 0) {
            let lengths = events.iter().flat_map(|event| u32::try_from(event.len()).expect("short").to_le_bytes());
            let count = u8::try_from(events.len()).expect("at most 255");
            let again: Vec<u8> = [count].into_iter().chain(lengths).chain(events.concat()).collect();
            assert_eq!(sealed(&again), bytes);
        }
        let mut entries = Vec::new();
        if chunk::block_entries(0, &bytes, &mut entries).is_some() {
            assert_eq!(chunk::block(0, &entries).bytes, bytes);
        }
        if let Some(hashes) = chunk::block_leaves(0, &bytes) {
            assert_eq!(chunk::leaves(0, hashes).bytes, bytes);
        }
    }
});
