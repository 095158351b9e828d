//! The one place where refusals and failures become gRPC statuses, with details that programs can act on.

use std::collections::HashMap;

use minutebook_domain::ids::Key;
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Refusal;
use minutebook_ledger::SubmitError;
use minutebook_proto::{Violations, pb};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::trouble::{Fault, Trouble};

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

/// The language as clients name it.
fn name(lang: Lang) -> &'static str {
    if lang == Lang::Nl { "nl" } else { "en" }
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
                let place = problem.place.key.as_ref().map(Key::path).unwrap_or_default();
                let field = problem.place.field.as_ref().map(|field| format!("{place}.{field}"));
                details.add_bad_request_violation(field.unwrap_or(place), problem.refusal.message(lang));
            }
        }
        details.set_localized_message(name(lang), message);
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
pub(crate) fn invalid(violations: &Violations, lang: Lang) -> Status {
    let message = if lang == Lang::Nl { format!("{violations:#}") } else { violations.to_string() };
    status(Code::InvalidArgument, "INVALID_REQUEST", message, |details| {
        for violation in &violations.0 {
            details.add_bad_request_violation(violation.path.clone(), violation.said(lang));
        }
    })
}

/// Why a request has no answer.
pub(crate) fn trouble(trouble: impl Into<Trouble>, lang: Lang) -> Status {
    let trouble = trouble.into();
    let message = trouble.message(lang);
    status(trouble.status_code(), trouble.code(), message.clone(), |details| {
        details.set_localized_message(name(lang), message);
    })
}

/// Why a query has no answer.
pub(crate) fn unanswered(fault: Fault, lang: Lang) -> Status {
    match fault {
        Fault::Invalid(violations) => invalid(&violations, lang),
        Fault::Trouble(why) => trouble(*why, lang),
    }
}

/// What keeps a write from being durable.
pub(crate) fn unsubmitted(error: &SubmitError, lang: Lang) -> Status {
    match error {
        SubmitError::Refused(refusal) => refused(refusal, lang),
        error => trouble(error, lang),
    }
}
