//! The one place where failures become words for people, JSON for programs, and exit codes.

use std::io;
use std::process::ExitCode;

use minutebook_domain::message::Lang;
use minutebook_domain::value::Value;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::grpc::status::name_of;

/// What went wrong, as the exit code tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The rules refuse it.
    Refused,
    /// The command line does not make sense.
    Usage,
    /// There is no such record, edition or agenda.
    NotFound,
    /// Somebody else was there first.
    Conflict,
    /// What is kept is not what was recorded.
    Integrity,
    /// The ledger cannot be reached or read.
    Unreachable,
}

impl Exit {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Conflict => 4,
            Self::Integrity => 5,
            Self::Unreachable => 6,
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read the output has gone; there is nobody to tell.
    Unread,
    /// To be told.
    Told(Box<Complaint>),
}

/// What is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// The stable code.
    pub(crate) code: String,
    /// In one line.
    pub(crate) message: String,
    /// Each place, and what is wrong there.
    pub(crate) details: Vec<(String, String)>,
    /// The name of a write whose outcome is unknown.
    pub(crate) request_id: Option<String>,
}

impl Failure {
    /// A failure with its stable code.
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self::with(exit, code, message, Vec::new())
    }

    /// A failure in several places.
    pub(crate) fn with(exit: Exit, code: &str, message: impl Into<String>, details: Vec<(String, String)>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Self::Told(Box::new(Complaint { exit, code, message, details, request_id: None }))
    }

    /// Has it this code?
    pub(crate) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Told(complaint) if complaint.code == code)
    }

    /// A command line that does not make sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "USAGE", message)
    }

    /// A file of the user's that cannot be read or written.
    pub(crate) fn of_file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::new(Exit::Usage, "FILE", format!("`{}`: {error}", path.display()))
    }

    /// Output that cannot be written.
    pub(crate) fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::new(Exit::Unreachable, "OUTPUT", format!("cannot write the output: {error}")),
        }
    }

    /// A write that failed. Where nobody can tell whether it was recorded, its name lets it be sent again.
    pub(crate) fn of_write(status: &Status, request_id: &str) -> Self {
        let mut failure = Self::from(status.clone());
        let reason = status.get_details_error_info().map(|info| info.reason);
        let lost = matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded | Code::Internal
        );
        let lost = lost && reason.is_none_or(|reason| reason == "OUTCOME_UNKNOWN");
        if let Self::Told(complaint) = &mut failure {
            complaint.request_id = lost.then(|| request_id.to_owned());
        }
        failure
    }

    /// Tells it on standard error, and says how the program ends.
    pub(crate) fn tell(&self, lang: Lang, json: bool) -> ExitCode {
        let Self::Told(complaint) = self else { return ExitCode::SUCCESS };
        let text = if json { complaint.to_json().to_string() } else { complaint.to_text(lang) };
        // Where standard error has gone too, the exit code still tells.
        let _ = io::Write::write_all(&mut io::stderr().lock(), format!("{text}\n").as_bytes());
        ExitCode::from(complaint.exit.code())
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone());
        let exit = exit_of(status.code(), reason.as_deref());
        let message = details.localized_message().map_or_else(|| said(&status), |words| words.message.clone());
        let places = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        let places = places.into_iter().map(|place| (one_line(&place.field), one_line(&place.description))).collect();
        Self::with(exit, &reason.unwrap_or_else(|| name_of(status.code()).to_owned()), one_line(&message), places)
    }
}

/// What a status says; one that a proxy or the connection made up may say nothing.
fn said(status: &Status) -> String {
    let source = std::error::Error::source(status).map(|source| format!(" ({source})")).unwrap_or_default();
    if status.message().starts_with("h2 protocol error") {
        return format!("what answers there is not minutebook, or the line was cut{source}");
    }
    let words = if status.message().is_empty() { status.code().description() } else { status.message() };
    format!("{words}{source}")
}

fn exit_of(code: Code, reason: Option<&str>) -> Exit {
    match (code, reason) {
        (Code::InvalidArgument, Some("INVALID_REQUEST" | "DATE_FORM" | "EVENT_UNKNOWN")) => Exit::Usage,
        (Code::FailedPrecondition, Some("LEDGER_NEWER")) => Exit::Unreachable,
        (Code::NotFound | Code::OutOfRange, _) | (_, Some("BEFORE_FOUNDING" | "POSITION_NOT_REACHED")) => {
            Exit::NotFound
        }
        (Code::Aborted | Code::AlreadyExists, _) | (_, Some("CURSOR_HELD")) => Exit::Conflict,
        (Code::DataLoss, _) => Exit::Integrity,
        (Code::InvalidArgument | Code::FailedPrecondition, _) | (_, Some("TOO_MANY_CURSORS" | "TOO_MANY_PARKED")) => {
            Exit::Refused
        }
        _ => Exit::Unreachable,
    }
}

/// Text of a server as one line without control characters, which a terminal would obey.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Complaint {
    fn to_text(&self, lang: Lang) -> String {
        let (error, retry) = match lang {
            Lang::Nl => ("fout", "stuur het opnieuw met"),
            Lang::En => ("error", "send it again with"),
        };
        let detail = |(place, message): &(String, String)| {
            let colon = if place.is_empty() { "" } else { ": " };
            format!("  {place}{colon}{message}")
        };
        let mut lines = vec![format!("{error}: {}", self.message)];
        match self.details.as_slice() {
            // The message says it already.
            [(_, one)] if self.message.ends_with(one.as_str()) => {}
            places => lines.extend(places.iter().map(detail)),
        }
        lines.extend(self.request_id.iter().map(|id| format!("  {retry} --request-id {id}")));
        lines.join("\n")
    }

    fn to_json(&self) -> Value {
        let detail = |(place, message): &(String, String)| json!({"place": place, "message": message});
        let mut value = json!({
            "error": self.code,
            "message": self.message,
            "exit": self.exit.code(),
            "details": self.details.iter().map(detail).collect::<Vec<_>>(),
        });
        if let (Some(map), Some(id)) = (value.as_object_mut(), &self.request_id) {
            map.insert("request_id".to_owned(), id.as_str().into());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn told(failure: Failure) -> Complaint {
        match failure {
            Failure::Told(complaint) => *complaint,
            Failure::Unread => panic!("nothing was told"),
        }
    }

    fn status(code: Code, reason: &str) -> Status {
        let details = ErrorDetails::with_error_info(reason, "minutebook", HashMap::<String, String>::new());
        Status::with_error_details(code, "words", details)
    }

    #[test]
    fn statuses_end_the_program_as_documented() {
        for (code, reason, exit) in [
            (Code::FailedPrecondition, "NO_MANDATE", 1),
            (Code::InvalidArgument, "INVALID_DOCUMENT", 1),
            (Code::InvalidArgument, "INVALID_REQUEST", 2),
            (Code::NotFound, "NOT_FOUND", 3),
            (Code::Aborted, "STALE_BASE", 4),
            (Code::AlreadyExists, "REQUEST_ID_REUSED", 4),
            (Code::DataLoss, "UNREADABLE", 5),
            (Code::Unavailable, "STOPPED", 6),
            (Code::ResourceExhausted, "DISK_FULL", 6),
            (Code::ResourceExhausted, "TOO_MANY_PARKED", 1),
            (Code::FailedPrecondition, "CURSOR_HELD", 4),
            (Code::Aborted, "LEASE_LAPSED", 4),
            (Code::DataLoss, "CURSOR_DAMAGED", 5),
            (Code::FailedPrecondition, "LEDGER_NEWER", 6),
        ] {
            let complaint = told(status(code, reason).into());
            assert_eq!((complaint.exit.code(), complaint.code.as_str()), (exit, reason));
        }
    }

    #[test]
    fn every_problem_of_a_document_is_told_at_its_place() {
        let mut details =
            ErrorDetails::with_error_info("INVALID_DOCUMENT", "minutebook", HashMap::<String, String>::new());
        details.add_bad_request_violation("actions a.period (line 3)", "not a date [FIELD_INVALID]");
        details.set_localized_message("nl", "het document klopt niet");
        let complaint = told(Status::with_error_details(Code::InvalidArgument, "x", details).into());
        let wanted = "fout: het document klopt niet\n  actions a.period (line 3): not a date [FIELD_INVALID]";
        assert_eq!(complaint.to_text(Lang::Nl), wanted);
        assert_eq!(complaint.to_json()["details"][0]["place"], "actions a.period (line 3)");
    }

    #[test]
    fn a_write_of_unknown_outcome_can_be_sent_again() {
        let complaint = told(Failure::of_write(&status(Code::Unavailable, "OUTCOME_UNKNOWN"), "r-1"));
        assert_eq!(complaint.to_text(Lang::En), "error: words\n  send it again with --request-id r-1");
        assert_eq!(told(Failure::of_write(&status(Code::Unavailable, "STOPPED"), "r-1")).request_id, None);
        assert_eq!(told(Failure::of_write(&Status::unknown("gone"), "r-1")).request_id.as_deref(), Some("r-1"));
    }
}
