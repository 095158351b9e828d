//! Events come back as they were recorded, and bytes that are no event are refused with the place of the fault.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;

use minutebook_domain::ids::Kind;
use minutebook_proto::{DecodeError, READER, decode_event, encode_event, pb};
use proptest::prelude::*;
use prost::Message as _;

use common::{generated, samples};

#[test]
fn every_event_that_can_be_asked_for_has_a_sample_and_every_sample_can_be_asked_for() {
    let samples: BTreeSet<_> = samples::all().iter().map(|sample| sample.event.payload.name()).collect();
    let mut names: Vec<_> = minutebook_domain::event::names().collect();
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "each name once");
    // What the wire keeps for readers of a later program is never recorded by this one.
    names.push("Stated");
    assert_eq!(samples, names.into_iter().collect());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_come_back_as_they_were(recorded in generated::recorded()) {
        let bytes = encode_event(&recorded);
        let decoded = decode_event(&bytes).unwrap();
        prop_assert_eq!(&decoded, &recorded);
        prop_assert_eq!(encode_event(&decoded), bytes);
    }

    #[test]
    fn damaged_bytes_never_panic(sample in 0..50_usize, place in any::<usize>(), flip in 1..=255_u8, cut in any::<bool>()) {
        let samples = samples::all();
        let mut bytes = encode_event(&samples[sample % samples.len()]);
        let place = place % bytes.len();
        bytes[place] ^= flip;
        if cut {
            bytes.truncate(place);
        }
        if let Err(error) = decode_event(&bytes) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}

/// A change to the message of an event.
type Tamper = fn(&mut pb::Event);

/// A sample with one change to its message.
fn tampered(change: impl FnOnce(&mut pb::Event)) -> Result<(), DecodeError> {
    let sample = samples::all().into_iter().find(|sample| sample.event.payload.name() == "ItemChanged").unwrap();
    let mut message = pb::Event::decode(&*encode_event(&sample)).unwrap();
    change(&mut message);
    decode_event(&message.encode_to_vec()).map(drop)
}

fn action(message: &mut pb::Event) -> &mut pb::Action {
    let Some(pb::event::Payload::ItemChanged(changed)) = &mut message.payload else { panic!("not an ItemChanged") };
    let Some(pb::record::Record::Action(action)) = changed.item.as_mut().and_then(|item| item.record.as_mut()) else {
        panic!("not an action")
    };
    action
}

#[test]
fn a_newer_event_is_told_from_a_damaged_one() {
    assert_eq!(tampered(|event| event.min_reader = READER + 1), Err(DecodeError::Newer { min_reader: READER + 1 }));
    let unknown = tampered(|event| {
        event.min_reader = READER + 1;
        event.payload = None;
    });
    assert_eq!(unknown, Err(DecodeError::Newer { min_reader: READER + 1 }));
}

#[test]
fn the_key_of_a_sealed_event_cannot_write_to_a_terminal() {
    let sealed = pb::Sealed { key_id: "key\n\u{1b}[2J".into(), ..pb::Sealed::default() };
    let event = pb::Event { payload: Some(pb::event::Payload::Sealed(sealed)), ..pb::Event::default() };
    let error = decode_event(&event.encode_to_vec()).unwrap_err().to_string();
    assert!(error.contains(r"the key `key\n\u{1b}[2J`;"), "{error}");
}

#[test]
fn every_bad_field_is_named_by_its_path() {
    let error = tampered(|event| {
        event.request_id = "two words".into();
        action(event).title = String::new();
        action(event).partners = Some(pb::IdList { ids: vec!["good".into(), "Not Good".into()] });
        action(event).horizon = 99;
        action(event).notes.get_or_insert_default().quote = Some("a\tb".into());
    })
    .unwrap_err()
    .to_string();
    for part in [
        "malformed event: request_id: ",
        "payload.ItemChanged.item.action.title: is missing",
        "payload.ItemChanged.item.action.partners.ids[1]: `Not Good` is not an id",
        "payload.ItemChanged.item.action.horizon: has the unknown value 99",
        "payload.ItemChanged.item.action.notes.quote: holds the control character U+0009",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
}

#[test]
fn what_must_be_there_is_missed() {
    let cases: [(Tamper, &str); 4] = [
        (|event| event.actor = None, "actor: is missing"),
        (|event| event.payload = None, "payload: is missing"),
        (
            |event| {
                action(event).period = Some(pb::Period { from: Some(pb::Date { date: None }), to: None });
            },
            "from: is missing",
        ),
        (|event| event.actor = Some(pb::Actor::default()), "actor.assurance: is missing"),
    ];
    for (change, path) in cases {
        let error = tampered(change).unwrap_err().to_string();
        assert!(error.ends_with(path), "{error}");
    }
}

#[test]
fn a_field_that_the_kind_does_not_have_is_refused() {
    let error = tampered(|event| {
        let Some(pb::event::Payload::ItemChanged(changed)) = &mut event.payload else { panic!("not an ItemChanged") };
        changed.fields.push("ceiling".into());
    });
    let kind = Kind::Action;
    let expected = format!("payload.ItemChanged.fields[2]: is not a field of `{}`", kind.name());
    assert!(error.unwrap_err().to_string().contains(&expected));
}

#[test]
fn an_event_of_items_holds_an_item() {
    let party = pb::Party { id: "emmen".into(), name: "Emmen".into(), ..pb::Party::default() };
    let error = tampered(|event| {
        let Some(pb::event::Payload::ItemChanged(changed)) = &mut event.payload else { panic!("not an ItemChanged") };
        changed.item = Some(pb::Record { record: Some(pb::record::Record::Party(party)) });
        changed.fields = vec!["name".into()];
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("payload.ItemChanged.item: is a `party`"), "{error}");
}
