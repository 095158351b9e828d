//! The store by itself, fed with frames of made-up bytes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::frame::{EncodedFrame, FrameBuilder};
use crate::tail::Tail;

/// Frames of different sizes, 9,000 events in all: several blocks of request ids, and chunks cut by count and by size.
fn frames() -> Vec<Arc<EncodedFrame>> {
    let mut frames: Vec<Arc<EncodedFrame>> = Vec::new();
    let (mut next, mut chain) = (0, [0; 32]);
    for n in 0_u64.. {
        let size = if n % 50 == 3 { 30_000 } else { 40 };
        let events: Vec<_> =
            (next..=next + n % 37).map(|n| vec![u8::try_from(n % 256).expect("a byte"); size]).collect();
        let mut frame = FrameBuilder::new(next, chain);
        for (event, position) in events.into_iter().zip(next..) {
            frame.push(&format!("request-{position}"), &[1; 32], &[event]).expect("small");
        }
        let frame = frame.finish();
        (next, chain) = (frame.next(), *frame.hash());
        frames.push(Arc::new(frame));
        if next > 9000 {
            break;
        }
    }
    frames
}

/// Open the store, feed it these frames, and close it.
fn follow(data: &Path, frames: &[Arc<EncodedFrame>]) -> Arc<StoreSlot> {
    let Opened { store, applied, .. } = Store::open(data).expect("opened");
    let slot = Arc::new(StoreSlot::new(store, &applied));
    let tail = Arc::new(Tail::default());
    let follower = Follower::start(Arc::clone(&slot), &applied, Arc::clone(&tail)).expect("started");
    for frame in frames.iter().filter(|frame| frame.next() > applied.replay_from()) {
        tail.push(Arc::clone(frame));
        tail.wait_for_room();
    }
    drop(follower);
    slot
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn contents(data: &Path) -> Pairs {
    let Opened { store, .. } = Store::open(data).expect("opened");
    let pairs = store.db.iter().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())));
    let pairs = pairs.collect::<Result<_, _>>().expect("read");
    store.close();
    pairs
}

#[test]
fn a_store_built_in_steps_and_one_built_at_once_are_the_same_key_for_key() {
    let frames = frames();
    let (steps, once) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    for upto in [1, 2, 7, 100, 101, 300, frames.len()] {
        follow(steps.path(), &frames[..upto.min(frames.len())]);
    }
    follow(once.path(), &frames);
    let (steps, once) = (contents(steps.path()), contents(once.path()));
    assert_eq!(steps.len(), once.len());
    assert!(steps == once, "the same number of keys, but not the same");
    assert!(once.iter().filter(|(key, _)| key[0] == REQUESTS).count() == 2);
}

#[test]
fn every_event_in_a_chunk_is_found_and_every_request_in_a_block() {
    let frames = frames();
    let data = tempfile::tempdir().expect("dir");
    follow(data.path(), &frames);
    let Opened { store, applied, requests, tree } = Store::open(data.path()).expect("opened");
    let leaves = frames.iter().flat_map(|frame| frame.events()).map(leaf_hash).take(8192);
    assert!((0..).zip(leaves).all(|(position, leaf)| tree.leaf(position) == Some(leaf)) && tree.size() == 8192);
    let last = frames.last().expect("some");
    assert_eq!(applied.head, Head { next: last.next(), chain: *last.hash() });
    for frame in &frames {
        for position in (frame.first()..frame.next()).filter(|position| *position < applied.next_chunk) {
            assert_eq!(store.events(position).expect("there")[0], frame.event(position).expect("here"));
        }
    }
    assert!(matches!(store.events(applied.next_chunk), Err(StoreError::Chunk(_))));
    let expected: Vec<_> = (0..8192).map(|position| Entry::new(&format!("request-{position}"), position)).collect();
    assert_eq!(requests, expected);
    store.close();
}

#[test]
fn a_damaged_chunk_is_not_served_and_the_store_is_distrusted() {
    let frames = frames();
    let data = tempfile::tempdir().expect("dir");
    follow(data.path(), &frames);
    let Opened { store, applied, .. } = Store::open(data.path()).expect("opened");
    let mut value = store.db.get(key(EVENTS, 0)).expect("read").expect("there").to_vec();
    value[90] ^= 1;
    store.db.insert(key(EVENTS, 0), value).expect("written");
    let slot = StoreSlot::new(store, &applied);
    assert!(slot.events(5000).is_some());
    assert_eq!(slot.events(3), None);
    assert_eq!(slot.degraded(), Some("the events at position 3 are missing from the store or damaged"));
    assert_eq!(slot.events(5000), None, "nothing of it is served any more");
    assert!(matches!(Store::open(data.path()), Err(StoreError::Distrusted(_))));
}

#[test]
fn a_missing_block_or_a_false_end_is_damage() {
    let frames = frames();
    for damage in [key(REQUESTS, 0).to_vec(), key(REQUESTS, 4096).to_vec(), APPLIED.to_vec()] {
        let data = tempfile::tempdir().expect("dir");
        follow(data.path(), &frames);
        let Opened { store, .. } = Store::open(data.path()).expect("opened");
        store.db.remove(damage).expect("removed");
        store.close();
        assert!(matches!(Store::open(data.path()), Err(StoreError::Damaged(_))));
    }
}

#[test]
fn stores_set_aside_are_kept_but_not_for_ever() {
    let data = tempfile::tempdir().expect("dir");
    for n in 1..=6 {
        fs::create_dir(data.path().join(DIRECTORY)).expect("made");
        fs::write(data.path().join(DIRECTORY).join("mark"), n.to_string()).expect("written");
        set_aside(data.path()).expect("set aside");
    }
    let mut kept: Vec<_> = fs::read_dir(data.path()).expect("list").map(|entry| entry.expect("entry").path()).collect();
    kept.sort();
    let marks: Vec<_> = kept.iter().map(|path| fs::read_to_string(path.join("mark")).expect("read")).collect();
    assert_eq!(marks, ["4", "5", "6"]);
}
