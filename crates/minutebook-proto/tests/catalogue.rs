//! The catalogue of events in `docs/events.md` is made from `event.proto` and the golden files, and says what they say.
//!
//! `BLESS=1 cargo test -p minutebook-proto --test catalogue` writes it anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use minutebook_proto::DESCRIPTOR_SET;
use prost_reflect::{Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};

const HEAD: &str = "\
# The events

What a ledger records, for ever: every event has the fields below and one payload, whose name is the type of the event.
Numbers and names never change their meaning. This page is made from `proto/minutebook/v1/event.proto` and the files in
`tests/golden/events`, which hold the bytes of one example of each; a test keeps it true. Examples are in protobuf's
JSON form (64-bit numbers are text, bytes are base64); `minutebook events --format json` writes dates and records as
agenda documents do.
";

fn path(of: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../..", of].iter().collect()
}

/// What the source says of something, on one line; the address is that of the descriptor.
fn comment(message: &MessageDescriptor, field: Option<&FieldDescriptor>) -> (String, Vec<String>) {
    let mut address = message.path().to_vec();
    if let Some(field) = field {
        address = field.path().to_vec();
    }
    let file = message.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
    let place = info.location.iter().find(|location| location.path == address).unwrap();
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let detached = place.leading_detached_comments.iter().map(|text| one_line(text)).collect();
    (one_line(place.leading_comments()), detached)
}

fn type_of(field: &FieldDescriptor) -> String {
    let name = match field.kind() {
        Kind::Message(message) => message.name().to_owned(),
        Kind::Enum(words) => words.name().to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    match field.cardinality() {
        Cardinality::Repeated => format!("list of {name}"),
        _ if field.supports_presence() && !matches!(field.kind(), Kind::Message(_)) => format!("{name}, may be absent"),
        _ => name,
    }
}

fn table(page: &mut String, message: &MessageDescriptor) {
    let fields: Vec<_> = message.fields().filter(|field| !is_payload(field)).collect();
    if fields.is_empty() {
        return;
    }
    page.push_str("| field | type | |\n|---|---|---|\n");
    for field in fields {
        let words = comment(message, Some(&field)).0;
        writeln!(
            page,
            "| {} `{}` | {} | {} |",
            field.number(),
            field.name(),
            type_of(&field),
            words.replace('|', "\\|")
        )
        .unwrap();
    }
    page.push('\n');
}

fn is_payload(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| oneof.name() == "payload")
}

/// The example of an event, as JSON.
fn example(event: &MessageDescriptor, field: &FieldDescriptor, name: &str) -> String {
    let bytes = fs::read(path(&format!("tests/golden/events/{name}.bin"))).unwrap();
    let message = DynamicMessage::decode(event.clone(), bytes.as_slice()).unwrap();
    serde_json::to_string(message.get_field(field).as_message().unwrap()).unwrap()
}

/// The heading of the first group, which stands right behind the start of the payload.
fn first_group(event: &MessageDescriptor) -> String {
    let payload = event.oneofs().find(|oneof| oneof.name() == "payload").unwrap();
    let file = event.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
    let place = info.location.iter().find(|location| location.path == payload.path()).unwrap();
    place.trailing_comments().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn catalogue() -> String {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
    let event = pool.get_message_by_name("minutebook.v1.Event").unwrap();
    let mut page = HEAD.to_owned();
    page.push_str("\n## Every event\n\n");
    table(&mut page, &event);
    let mut arms: Vec<_> = event.fields().filter(is_payload).collect();
    arms.sort_by_key(FieldDescriptor::number);
    let mut first = Some(first_group(&event));
    for arm in arms {
        let Kind::Message(message) = arm.kind() else { panic!("{} is no message", arm.name()) };
        let (words, groups) = comment(&event, Some(&arm));
        if let Some(group) = groups.last().or(first.take().as_ref()) {
            let (group, open) =
                group.trim_end_matches('.').split_once(": ").unwrap_or((group.trim_end_matches('.'), ""));
            writeln!(page, "## {group}\n").unwrap();
            if !open.is_empty() {
                writeln!(page, "Kept for later: {open}.\n").unwrap();
            }
        }
        let name = message.name();
        let own = comment(&message, None).0;
        writeln!(
            page,
            "### {name}\n\n{} ({} `{}`)\n",
            if own.is_empty() { words } else { own },
            arm.number(),
            arm.name()
        )
        .unwrap();
        table(&mut page, &message);
        writeln!(page, "```json\n{}\n```\n", example(&event, &arm, name)).unwrap();
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

#[test]
fn the_catalogue_says_what_the_events_are() {
    let (page, file) = (catalogue(), path("docs/events.md"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/events.md is not what the events are: run this test with BLESS=1");
}
