//! What consumers say of themselves and of the events that they put aside.

use minutebook_domain::ids::Id;
use minutebook_domain::value::Name;

use crate::pb;
use crate::violation::{Violations, WireFault};
use crate::wire::Slot as _;

/// The longest name of a holder, in bytes.
const HOLDER_BYTES: usize = 128;
/// The longest reason why an event is parked, in bytes.
const REASON_BYTES: usize = 256;
/// The shortest and the longest lease, in milliseconds.
const LEASE_MS: [u32; 2] = [1_000, 600_000];
/// The lease of whoever asks for none, in milliseconds.
const USUAL_LEASE_MS: u32 = 30_000;

/// Who asks for which cursor; where a new one begins is read apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcquireCursor {
    /// The cursor.
    pub name: Id,
    /// What the process calls itself.
    pub holder: Name,
    /// For how long it may say nothing, in milliseconds.
    pub lease_ms: u32,
}

/// Reads who asks for which cursor.
pub fn acquire_from_pb(name: String, holder: &str, lease_ms: Option<u32>) -> Result<AcquireCursor, Violations> {
    let mut violations = Violations::default();
    let name = violations.keep("name", Id::from_slot(name));
    let holder = violations.keep("holder", bounded(holder, HOLDER_BYTES));
    let lease_ms = violations.keep("lease_ms", lease(lease_ms.unwrap_or(USUAL_LEASE_MS)));
    match (name, holder, lease_ms) {
        (Some(name), Some(holder), Some(lease_ms)) => Ok(AcquireCursor { name, holder, lease_ms }),
        _ => Err(violations),
    }
}

/// Reads why which event of which cursor is parked.
pub fn park_from_pb(pb: &pb::ParkEventRequest) -> Result<(Id, Name), Violations> {
    let mut violations = Violations::default();
    let name = violations.keep("name", Id::from_slot(pb.name.clone()));
    let reason = violations.keep("reason", bounded(&pb.reason, REASON_BYTES));
    name.zip(reason).ok_or(violations)
}

fn bounded(text: &str, most: usize) -> Result<Name, Violations> {
    if text.len() > most {
        return Err(Violations::of(WireFault::TooLong { bytes: text.len(), most }));
    }
    Name::new(text).map_err(Violations::of)
}

fn lease(lease_ms: u32) -> Result<u32, Violations> {
    let [least, most] = LEASE_MS;
    if (least..=most).contains(&lease_ms) {
        return Ok(lease_ms);
    }
    Err(Violations::of(WireFault::NotBetween { least, most }))
}
