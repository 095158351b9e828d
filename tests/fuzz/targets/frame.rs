//! A frame of the journal: what is one is built again, byte for byte, from its parts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minutebook_ledger::frame::{EncodedFrame, Frame, FrameBuilder};

/// The bytes under the length and checksum that belong to them, which nobody guesses.
fn sealed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_le_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), body).to_le_bytes();
    [&length, &checksum, body].concat()
}

fuzz_target!(|body: &[u8]| {
    let _ = Frame::parse(body);
    let bytes = sealed(body);
    let Ok(frame) = Frame::parse(&bytes) else { return };
    let mut again = FrameBuilder::new(frame.first(), *frame.previous());
    for command in frame.commands() {
        let events: Vec<_> = command.events().map(<[u8]>::to_vec).collect();
        again.push(command.request_id, command.digest, &events).expect("as it was");
    }
    assert_eq!(*again.finish().bytes(), bytes);
    let copy = EncodedFrame::copy_of(&frame);
    assert!(copy.events().eq(frame.events()) && copy.next() == frame.next());
});
