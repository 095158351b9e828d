//! The bytes of each type of event, kept for ever: a file under `tests/golden/events` may be added, never changed.
//!
//! `BLESS=1 cargo test -p minutebook-proto --test golden` writes the files that do not exist yet.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use minutebook_domain::event::{Payload, ReviewEvent, ReviewStep, leaves_unstated};
use minutebook_proto::{DESCRIPTOR_SET, DecodeError, Glance, decode_event, encode_event, glance, pb};
use prost::Message as _;
use prost_types::FileDescriptorSet;

use common::samples;

fn file(event: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/golden/events", &format!("{event}.bin")].iter().collect()
}

/// Sealed content: the domain has no form for it, so its bytes are written here.
fn sealed() -> Vec<u8> {
    let sealed = pb::Sealed { key_id: "key-1".into(), nonce: vec![1; 24], ciphertext: vec![2; 48] };
    let payload = Some(pb::event::Payload::Sealed(sealed));
    pb::Event { position: 7, min_reader: 1, request_id: "r".into(), payload, ..Default::default() }.encode_to_vec()
}

fn encoded() -> BTreeMap<String, Vec<u8>> {
    let mut events: BTreeMap<_, _> =
        samples::all().iter().map(|sample| (wire_name(sample.event.payload.name()), encode_event(sample))).collect();
    events.insert("Sealed".into(), sealed());
    events
}

/// The domain's word for a record without an event of its own says too little among other messages.
fn wire_name(name: &str) -> String {
    if name == "Stated" { "RecordStated".into() } else { name.into() }
}

/// The arms of the payload in the descriptor, by the names of their messages.
fn arms() -> Vec<String> {
    let files = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap().file;
    let event = files.iter().flat_map(|file| &file.message_type).find(|message| message.name() == "Event").unwrap();
    let arms = event.field.iter().filter(|field| field.oneof_index.is_some() && !field.proto3_optional());
    arms.map(|field| field.type_name().rsplit('.').next().unwrap().to_owned()).collect()
}

#[test]
fn the_bytes_of_every_type_of_event_never_change() {
    let events = encoded();
    for arm in arms() {
        let bytes = events.get(&arm).unwrap_or_else(|| panic!("{arm} has no sample: add one to samples.rs"));
        let path = file(&arm);
        if !path.exists() && std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        let golden = fs::read(&path).unwrap_or_else(|_| panic!("{arm} has no golden file: run with BLESS=1 to add it"));
        assert!(
            golden == *bytes,
            "{arm} is encoded differently from {}: recorded events are kept for ever, so change the code, not the file",
            path.display()
        );
    }
}

#[test]
fn every_golden_file_still_decodes_to_its_sample() {
    for sample in samples::all() {
        let name = wire_name(sample.event.payload.name());
        if let Ok(bytes) = fs::read(file(&name)) {
            assert_eq!(decode_event(&bytes).as_ref(), Ok(&sample), "{name}");
        }
    }
    assert_eq!(decode_event(&sealed()), Err(DecodeError::Sealed { key_id: "key-1".into() }));
}

#[test]
fn every_golden_file_belongs_to_a_type_of_event() {
    let arms = arms();
    for entry in fs::read_dir(file("x").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(arms.contains(&name), "{} belongs to no type of event", path.display());
    }
}

#[test]
fn a_glance_tells_what_decoding_would() {
    for sample in samples::all() {
        let (bytes, payload) = (encode_event(&sample), &sample.event.payload);
        let glance = glance(&bytes);
        assert_eq!(glance.position, sample.position);
        assert_eq!(glance.request_id, sample.event.request_id.as_str().as_bytes());
        assert_eq!(glance.name.unwrap(), wire_name(payload.name()));
        let is_step = matches!(
            payload,
            Payload::Review(ReviewEvent { step: ReviewStep::Withdrawn(_) | ReviewStep::Selected(_), .. })
        );
        let is_unstated = payload.record().is_none() && (payload.about().is_some() || is_step);
        assert_eq!(leaves_unstated(payload.name()), is_unstated, "{}", payload.name());
    }
    assert_eq!(glance(&sealed()).name, None);
    assert_eq!(glance(b"\xff\xff"), Glance { position: 0, request_id: b"", name: None });
}
