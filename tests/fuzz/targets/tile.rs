//! The path of a tile and the entries in one: what is read is written as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minutebook_tlog::{Tile, bundle, unbundle};

fuzz_target!(|bytes: &[u8]| {
    if let Some(tile) = std::str::from_utf8(bytes).ok().and_then(|path| path.parse::<Tile>().ok()) {
        assert_eq!(tile.to_string().as_bytes(), bytes);
        assert!((1..=256).contains(&tile.width()) && !tile.is_of(tile.first()), "it is of a tree that ends before it");
    }
    if let Ok(entries) = unbundle(bytes) {
        assert!(entries.len() <= 256);
        assert_eq!(bundle(entries).as_deref(), Ok(bytes));
    }
});
