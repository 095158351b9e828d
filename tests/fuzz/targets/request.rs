//! What a client asks to record: commands, or what is wrong with each field.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minutebook_proto::{Violations, commands_from_pb, pb, write_from_pb};
use prost::Message as _;

fn told(violations: &Violations) {
    assert!(!violations.0.is_empty(), "refused without a reason");
    for violation in &violations.0 {
        for said in [&violation.message, &violation.message_nl] {
            assert!(!said.is_empty() && !said.contains(char::is_control), "{violation:?}");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = pb::RecordRequest::decode(bytes) else { return };
    let _ = write_from_pb(request.write).inspect_err(told);
    let asked = request.commands.len();
    match commands_from_pb(request.commands) {
        Ok(commands) => assert_eq!(commands.len(), asked),
        Err(violations) => told(&violations),
    }
});
