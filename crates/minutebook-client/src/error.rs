//! What can go wrong, as programs tell it apart.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use minutebook_tlog::Fault;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::KeptFault;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// That is no address of a server.
    #[error("`{address}` is not the address of a server: {why}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answers there.
    #[error("no server can be reached at {address}: {why}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system says.
        why: String,
    },
    /// The server refuses it, and would again.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// A write was sent for as long as it should be, and nobody said whether it was recorded. Send it again under the same
    /// request id.
    #[error("whether the write `{request_id}` was recorded is unknown; send it again under that request id ({last})")]
    OutcomeUnknown {
        /// The name of the write.
        request_id: String,
        /// What became of the last attempt.
        last: Box<Refused>,
    },
    /// What came is not proved to be in the log, or not in the log that was seen before. Nothing of it was handed out.
    #[error("what came is not proved: {0}")]
    NotProved(Unproved),
    /// The ledger ends before what was seen of it: it was put back, or another one took its place.
    #[error("the ledger ends before event {seen}, which was seen: it was put back, or it is another ledger ({why})")]
    WentBack {
        /// The newest event that was seen.
        seen: u64,
        /// How that shows.
        why: String,
    },
    /// Another ledger is served at that address than before: what came of the one goes on in the other nowhere.
    #[error("another ledger is served there than the one that was followed")]
    OtherLedger,
    /// Events came that are not those that were due.
    #[error("the server told of event {found} where {due} was due")]
    OutOfOrder {
        /// The first position that could come.
        due: u64,
        /// What came.
        found: u64,
    },
    /// The server said more than can be held without saying that it is whole and proved.
    #[error("the server sent more than {limit} bytes that are not whole or not proved")]
    TooMuch {
        /// How much is held.
        limit: usize,
    },
    /// What a follower kept cannot be read.
    #[error("`{}`: {fault}", path.display())]
    Kept {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: KeptFault,
    },
    /// The file that a follower keeps cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Why something is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// A signature or a proof does not hold.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A checkpoint without the proof that was asked for.
    #[error("events were delivered without proof")]
    Missing,
    /// Proof of other events than were delivered.
    #[error("the proof is not of the events that were delivered")]
    OtherEvents,
    /// A hash of another length.
    #[error("a hash has not 32 bytes")]
    HashLength,
    /// What was kept is of another log.
    #[error("what was kept is of the log `{kept}`, and the key is of `{key}`")]
    OtherLog {
        /// The log of what was kept.
        kept: String,
        /// The log of the key.
        key: String,
    },
}

/// A refusal, or a line that broke, as the server or the connection tells it.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The code of gRPC.
    pub code: Code,
    /// The stable reason (`NO_MANDATE`); empty where it was not the server that spoke.
    pub reason: String,
    /// What the reason comes with, such as the `position` after which to go on.
    pub metadata: BTreeMap<String, String>,
    /// In words, in the language that was asked for.
    pub message: String,
    /// Every place of the request that does not fit.
    pub places: Vec<Place>,
    status: Box<Status>,
}

/// A place of a request that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path of the field.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Refused {
    /// The status that said so.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The line broke, or what answers is not the server: no word of the server about what was asked.
    fn is_broken_line(&self) -> bool {
        let broken = matches!(
            self.code,
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded | Code::Internal
        );
        broken && self.reason.is_empty()
    }

    /// May the same write be taken a little later?
    pub(crate) fn may_pass(&self) -> bool {
        self.is_broken_line() || matches!(self.code, Code::Unavailable | Code::DeadlineExceeded)
    }

    /// May a subscription go on a little later? What the server has no room for at this moment counts as well.
    pub(crate) fn may_go_on(&self) -> bool {
        self.may_pass() || (self.code == Code::ResourceExhausted && !self.reason.is_empty())
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let (reason, metadata) = match details.error_info() {
            Some(info) => (info.reason.clone(), info.metadata.clone().into_iter().collect()),
            None => (String::new(), BTreeMap::new()),
        };
        let words = if status.message().is_empty() { status.code().description() } else { status.message() };
        let message = details.localized_message().map_or_else(|| words.to_owned(), |words| words.message.clone());
        let places = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        let place = |place: tonic_types::FieldViolation| Place { field: place.field, description: place.description };
        let places = places.into_iter().map(place).collect();
        Self { code: status.code(), reason, metadata, message, places, status: Box::new(status) }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.reason.is_empty() {
            write!(f, " [{}]", self.reason)?;
        }
        self.places.iter().try_for_each(|place| write!(f, "; {}: {}", place.field, place.description))
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl From<Unproved> for Error {
    fn from(why: Unproved) -> Self {
        match why {
            Unproved::Fault(Fault::Shrunk { old, .. }) => {
                Self::WentBack { seen: old.saturating_sub(1), why: why.to_string() }
            }
            why => Self::NotProved(why),
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Refused::from(status).into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn refused(code: Code, reason: &str) -> Refused {
        let metadata = HashMap::from([("position".to_owned(), "7".to_owned())]);
        let mut details = ErrorDetails::with_error_info(reason, "minutebook", metadata);
        details.set_localized_message("nl", "woorden");
        details.add_bad_request_violation("write.request_id", "is leeg");
        Status::with_error_details(code, "words", details).into()
    }

    #[test]
    fn a_refusal_is_told_with_all_its_details() {
        let refused = refused(Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
        assert_eq!(refused.metadata.get("position").map(String::as_str), Some("7"));
        assert_eq!(refused.to_string(), "woorden [INVALID_REQUEST]; write.request_id: is leeg");
        assert!(!refused.may_pass() && !refused.may_go_on());
    }

    #[test]
    fn what_may_pass_is_told_apart_from_what_stays_refused() {
        for (code, reason, may_pass, may_go_on) in [
            (Code::Unavailable, "ENDING", true, true),
            (Code::Unavailable, "OUTCOME_UNKNOWN", true, true),
            (Code::DeadlineExceeded, "POSITION_NOT_REACHED", true, true),
            (Code::ResourceExhausted, "SUBSCRIBER_STALLED", false, true),
            (Code::OutOfRange, "BEYOND_HEAD", false, false),
            (Code::NotFound, "NOT_FOUND", false, false),
            (Code::Internal, "FAILED", false, false),
            (Code::DataLoss, "UNREADABLE", false, false),
        ] {
            let refused = refused(code, reason);
            assert_eq!((refused.may_pass(), refused.may_go_on()), (may_pass, may_go_on), "{reason}");
        }
        for (status, may_pass) in [
            (Status::unknown("transport error"), true),
            (Status::unavailable("tcp connect error"), true),
            (Status::internal("h2 protocol error"), true),
            (Status::cancelled("gone"), true),
            (Status::unimplemented("no such service"), false),
            (Status::out_of_range("message too large"), false),
            (Status::resource_exhausted("message too large"), false),
        ] {
            let refused = Refused::from(status);
            assert_eq!((refused.may_pass(), refused.may_go_on()), (may_pass, may_pass), "{refused}");
        }
    }
}
