//! The one place where refusals and failures become gRPC statuses, with details that programs can act on.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::HeaderMap;
use minutebook_domain::ids::{Id, Key};
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Refusal;
use minutebook_domain::since::Newer;
use minutebook_domain::value::Text;
use minutebook_ledger::SubmitError;
use minutebook_proto::{Violations, pb};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::trouble::{Fault, Onward, Trouble};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "minutebook";

/// The language that a client asks for: `accept-language: nl`; anything else is English.
pub(crate) fn lang(metadata: &tonic::metadata::MetadataMap) -> Lang {
    lang_of(metadata.as_ref())
}

/// The language that a request asks for in its headers.
pub(crate) fn lang_of(headers: &HeaderMap) -> Lang {
    let asked = headers.get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if asked.starts_with("nl") { Lang::Nl } else { Lang::En }
}

/// A status by the name that the documentation of gRPC gives it.
pub(crate) fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The longest message, in bytes. A status travels in a header, of which clients take 8 KiB or a little more; its
/// message stands there up to four times, and everything once more as long in base64.
const MESSAGE_BYTES: usize = 600;
/// How much is said in all of the places where a request does not fit, in bytes.
const PLACES_BYTES: usize = 2400;

/// A text that is not longer than a status can carry.
fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// Adds the places where a request does not fit, as far as a status can carry them, and says how many are left out.
fn add_places(details: &mut ErrorDetails, places: impl IntoIterator<Item = (String, String)>, lang: Lang) {
    let (mut bytes, mut left_out) = (0, 0_usize);
    for (place, words) in places {
        let (place, words) = (shortened(place, MESSAGE_BYTES / 2), shortened(words, MESSAGE_BYTES));
        bytes += place.len() + words.len();
        if bytes <= PLACES_BYTES {
            details.add_bad_request_violation(place, words);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let more = match lang {
            Lang::Nl => format!("en nog {left_out}, waar hier geen plaats voor is"),
            Lang::En => format!("and {left_out} more, for which there is no room here"),
        };
        details.add_bad_request_violation("", more);
    }
}

/// A status with its reason, and its message in the language that was asked for.
fn status(code: Code, reason: &str, message: String, lang: Lang, add: impl FnOnce(&mut ErrorDetails, &str)) -> Status {
    let message = shortened(message, MESSAGE_BYTES);
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::<String, String>::new());
    details.set_localized_message(name(lang), message.as_str());
    add(&mut details, &message);
    Status::with_error_details(code, message, details)
}

/// The language as clients name it.
fn name(lang: Lang) -> &'static str {
    if lang == Lang::Nl { "nl" } else { "en" }
}

/// What the rules refuse.
pub(crate) fn refused(refusal: &Refusal, lang: Lang) -> Status {
    refused_with(refusal, Vec::new(), lang)
}

/// What was written against an older state, with what happened in the meantime.
pub(crate) fn stale(refusal: &Refusal, newer: &[Newer], lang: Lang) -> Status {
    let on = if lang == Lang::Nl { "gebeurtenis" } else { "event" };
    let told = newer.iter().map(|newer| {
        let capacity = newer.actor.capacity.as_ref().map(Text::as_str);
        let by: Vec<_> = capacity.into_iter().chain(newer.actor.on_behalf_of.as_ref().map(Id::as_str)).collect();
        let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
        let mut words = vec![format!("{} {}{by}", newer.event, newer.about)];
        words.extend(newer.fields.iter().map(ToString::to_string));
        (format!("{on} {}", newer.position), words.join("; "))
    });
    refused_with(refusal, told.collect(), lang)
}

fn refused_with(refusal: &Refusal, places: Vec<(String, String)>, lang: Lang) -> Status {
    let code = code_of(refusal);
    status(code, refusal.code(), refusal.message(lang), lang, |details, message| {
        add_places(details, places, lang);
        if let Refusal::FieldInvalid { field, .. } = refusal {
            details.add_bad_request_violation(field, message);
        }
        if code == Code::FailedPrecondition {
            details.add_precondition_failure_violation(refusal.code(), "", message);
        }
        if let Refusal::Document { problems } | Refusal::Review { problems } = refusal {
            let places = problems.0.iter().map(|problem| {
                let place = problem.place.key.as_ref().map(Key::path).unwrap_or_default();
                let field = problem.place.field.as_ref().map(|field| format!("{place}.{field}"));
                (field.unwrap_or(place), problem.refusal.message(lang))
            });
            add_places(details, places, lang);
        }
    })
}

fn code_of(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NotFound { .. } => Code::NotFound,
        Refusal::StaleBase { .. } => Code::Aborted,
        Refusal::RevisionUnknown { .. } => Code::OutOfRange,
        Refusal::RequestIdReused { .. } | Refusal::AlreadyFounded { .. } | Refusal::AlreadyThere { .. } => {
            Code::AlreadyExists
        }
        Refusal::Document { .. }
        | Refusal::DocumentForm { .. }
        | Refusal::FieldInvalid { .. }
        | Refusal::UnknownReference { .. }
        | Refusal::RoleUnknown { .. }
        | Refusal::ZoneUnknown { .. }
        | Refusal::PersonalData { .. }
        | Refusal::EventTooLarge { .. }
        | Refusal::TooManyItems { .. }
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
    status(Code::InvalidArgument, "INVALID_DOCUMENT", message, lang, |details, _| {
        let said = |problem| (place_of(problem, lang), format!("{} [{}]", words(problem), problem.code));
        add_places(details, problems.iter().map(said), lang);
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
    status(Code::InvalidArgument, "INVALID_REQUEST", message, lang, |details, _| {
        add_places(
            details,
            violations.0.iter().map(|violation| (violation.path.clone(), violation.said(lang).to_owned())),
            lang,
        );
    })
}

/// Why a request has no answer.
pub(crate) fn trouble(trouble: impl Into<Trouble>, lang: Lang) -> Status {
    let trouble = trouble.into();
    let (code, reason) = (trouble.status_code(), trouble.code());
    status(code, reason, trouble.message(lang), lang, |details, message| {
        details.set_error_info(reason, DOMAIN, trouble.facts());
        if let Some(field) = trouble.field() {
            details.add_bad_request_violation(field, message);
        }
        if let Trouble::CursorHeld { left_ms, .. } = trouble {
            details.set_retry_info(Some(Duration::from_millis(left_ms)));
        }
    })
}

/// Why a query has no answer.
pub(crate) fn unanswered(fault: Fault, lang: Lang) -> Status {
    match fault {
        Fault::Invalid(violations) => invalid(&violations, lang),
        Fault::Refused(refusal) => refused(&refusal, lang),
        Fault::Trouble(why) => trouble(*why, lang),
    }
}

/// Why a subscription ends, and in the metadata of its `ErrorInfo` where it can go on.
pub(crate) fn ended(fault: Fault, on: Onward, lang: Lang) -> Status {
    let status = unanswered(fault, lang);
    let mut details = status.get_error_details();
    if let (Some(position), Some(mut info)) = (on.0, details.error_info().cloned()) {
        info.metadata.insert("position".to_owned(), position.to_string());
        details.set_error_info(info.reason, info.domain, info.metadata);
    }
    Status::with_error_details(status.code(), status.message(), details)
}

/// What keeps a write from being durable.
pub(crate) fn unsubmitted(error: &SubmitError, lang: Lang) -> Status {
    match error {
        SubmitError::Refused(refusal) => refused(refusal, lang),
        error => trouble(error, lang),
    }
}
