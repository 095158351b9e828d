//! The one place where refusals and failures become gRPC statuses, with details that programs can act on.

use std::collections::HashMap;

use minutebook_domain::history::Unreadable;
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Refusal;
use minutebook_ledger::{LedgerNewer, ReadError, SubmitError};
use minutebook_proto::{Violations, pb};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::app::{QueryFault, Rebuilding, TimeFault};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "minutebook";

/// The language that a client asks for: `accept-language: nl`; anything else is English.
pub(crate) fn lang(metadata: &tonic::metadata::MetadataMap) -> Lang {
    let asked = metadata.get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if asked.starts_with("nl") { Lang::Nl } else { Lang::En }
}

fn status(code: Code, reason: &str, message: impl Into<String>, add: impl FnOnce(&mut ErrorDetails)) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::<String, String>::new());
    add(&mut details);
    Status::with_error_details(code, message, details)
}

fn plain(code: Code, reason: &str, message: impl std::fmt::Display) -> Status {
    status(code, reason, message.to_string(), |_| {})
}

/// What the rules refuse.
pub(crate) fn refused(refusal: &Refusal, lang: Lang) -> Status {
    let message = refusal.message(lang);
    let code = code_of(refusal);
    status(code, refusal.code(), message.clone(), |details| {
        if code == Code::FailedPrecondition {
            details.add_precondition_failure_violation(refusal.code(), "", message.clone());
        }
        if let Refusal::Document { problems } = refusal {
            for problem in &problems.0 {
                let place = problem.place.key.as_ref().map(ToString::to_string).unwrap_or_default();
                let field = problem.place.field.as_ref().map(|field| format!("{place}.{field}"));
                details.add_bad_request_violation(field.unwrap_or(place), problem.refusal.message(lang));
            }
        }
        details.set_localized_message(if lang == Lang::Nl { "nl" } else { "en" }, message);
    })
}

fn code_of(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NotFound { .. } => Code::NotFound,
        Refusal::StaleBase { .. } => Code::Aborted,
        Refusal::RequestIdReused { .. } | Refusal::AlreadyFounded { .. } => Code::AlreadyExists,
        Refusal::Document { .. }
        | Refusal::DocumentForm { .. }
        | Refusal::FieldInvalid { .. }
        | Refusal::UnknownReference { .. }
        | Refusal::RoleUnknown { .. }
        | Refusal::ZoneUnknown { .. }
        | Refusal::PersonalData { .. }
        | Refusal::EventTooLarge { .. }
        | Refusal::TooManyEvents { .. } => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    }
}

/// Problems of a document at their places in its file.
pub(crate) fn document_refused(problems: &[pb::Problem], lang: Lang) -> Status {
    let words = |problem: &pb::Problem| {
        if lang == Lang::Nl { problem.message_nl.clone() } else { problem.message_en.clone() }
    };
    let message = match lang {
        Lang::Nl => format!("het document kan zo niet worden vastgelegd (bezwaren: {})", problems.len()),
        Lang::En => format!("the document cannot be recorded like this (problems: {})", problems.len()),
    };
    status(Code::InvalidArgument, "INVALID_DOCUMENT", message, |details| {
        for problem in problems {
            details
                .add_bad_request_violation(place_of(problem, lang), format!("{} [{}]", words(problem), problem.code));
        }
    })
}

/// `section id.field (line N)`.
fn place_of(problem: &pb::Problem, lang: Lang) -> String {
    let on = if lang == Lang::Nl { "regel" } else { "line" };
    let field = if problem.field.is_empty() { String::new() } else { format!(".{}", problem.field) };
    let line = if problem.line == 0 { String::new() } else { format!(" ({on} {})", problem.line) };
    format!("{} {}{field}{line}", problem.section, problem.id).trim().to_owned()
}

/// Fields of a request that do not fit, all at once.
pub(crate) fn invalid(violations: &Violations) -> Status {
    let count = violations.0.len();
    status(Code::InvalidArgument, "INVALID_REQUEST", format!("{violations}"), |details| {
        for violation in violations.0.iter().take(count) {
            details.add_bad_request_violation(violation.path.clone(), violation.message.clone());
        }
    })
}

/// A request that asks for what is not there.
pub(crate) fn not_found(what: impl std::fmt::Display) -> Status {
    plain(Code::NotFound, "NOT_FOUND", what)
}

/// A request that leaves out what is needed.
pub(crate) fn usage(what: impl std::fmt::Display) -> Status {
    plain(Code::InvalidArgument, "INVALID_REQUEST", what)
}

/// What keeps a write from being durable.
pub(crate) fn unsubmitted(error: &SubmitError, lang: Lang) -> Status {
    match error {
        SubmitError::Refused(refusal) => refused(refusal, lang),
        SubmitError::TooLarge { .. } => plain(Code::InvalidArgument, "REQUEST_TOO_LARGE", error),
        SubmitError::Unreadable(_) | SubmitError::Unremembered(_) => plain(Code::DataLoss, "UNREADABLE", error),
        SubmitError::Overloaded => plain(Code::Unavailable, "OVERLOADED", error),
        SubmitError::Full => plain(Code::ResourceExhausted, "DISK_FULL", error),
        SubmitError::OutcomeUnknown => plain(Code::Unavailable, "OUTCOME_UNKNOWN", error),
        SubmitError::Stopped => plain(Code::Unavailable, "STOPPED", error),
        SubmitError::Newer(newer) => too_new(*newer),
    }
}

/// A ledger of a newer program.
pub(crate) fn too_new(newer: LedgerNewer) -> Status {
    plain(Code::FailedPrecondition, "LEDGER_NEWER", newer)
}

/// An event that cannot be read.
pub(crate) fn unreadable(error: &Unreadable) -> Status {
    plain(Code::DataLoss, "UNREADABLE", error)
}

/// Why something could not be read.
pub(crate) fn unread(error: &ReadError) -> Status {
    match error {
        ReadError::Beyond { .. } => plain(Code::OutOfRange, "BEYOND_HEAD", error),
        ReadError::Newer(newer) => too_new(*newer),
        ReadError::Log(_) | ReadError::Memory { .. } | ReadError::Decode { .. } => {
            plain(Code::DataLoss, "UNREADABLE", error)
        }
    }
}

/// Why there is no point in time to answer for.
pub(crate) fn no_time(fault: &QueryFault) -> Status {
    match fault {
        QueryFault::Time(TimeFault::Day(_)) => plain(Code::InvalidArgument, "DATE_FORM", fault),
        QueryFault::Time(TimeFault::BeforeFounding { .. }) => plain(Code::FailedPrecondition, "BEFORE_FOUNDING", fault),
        QueryFault::Read(error) => unread(error),
    }
}

/// The ledger is being rebuilt.
pub(crate) fn rebuilding(error: Rebuilding) -> Status {
    plain(Code::Unavailable, "REBUILDING", error)
}

/// Something that should not have happened.
pub(crate) fn failed(error: impl std::fmt::Display) -> Status {
    plain(Code::Internal, "FAILED", error)
}
