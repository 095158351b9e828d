//! An event: what is one is the same after it was encoded again, and what is none is told on one line, without
//! what a terminal would obey.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minutebook_proto::{decode_event, encode_event};

fuzz_target!(|bytes: &[u8]| {
    match decode_event(bytes) {
        Ok(event) => {
            // Other bytes may say the same: fields in another order, or of newer programs.
            let encoded = encode_event(&event);
            let again = decode_event(&encoded).expect("it was an event");
            assert_eq!(again, event);
            assert_eq!(encode_event(&again), encoded);
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error:?}"),
    }
});
