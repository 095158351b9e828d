//! What is noted of each request: a span while it is worked on, a line when its answer has ended, and counts. Never what
//! it says, who asks, or a token.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tracing::Instrument as _;

use super::Metrics;
use crate::grpc::DESCRIPTORS;
use crate::grpc::status::name_of;
use crate::web;

/// A request that takes longer is told, unless it streams.
const SLOW: Duration = Duration::from_secs(1);
/// So many lines a second tell of requests that failed or were slow: an attack must not fill the disk with them.
const LINES: u32 = 10;
/// What a client or a proxy calls its request.
const REQUEST_ID: &str = "x-request-id";
/// More of it is not noted, in bytes.
const REQUEST_ID_BYTES: usize = 64;

/// The paths of all methods that there are, and whether they stream.
static METHODS: LazyLock<HashMap<String, bool>> = LazyLock::new(|| {
    let files = DESCRIPTORS.into_iter().flat_map(|set| FileDescriptorSet::decode(set).unwrap_or_default().file);
    let methods = files.flat_map(|file| {
        let package = file.package().to_owned();
        file.service.into_iter().flat_map(move |service| {
            let path = format!("/{package}.{}", service.name());
            let method = move |method: prost_types::MethodDescriptorProto| {
                (format!("{path}/{}", method.name()), method.client_streaming() || method.server_streaming())
            };
            service.method.into_iter().map(method)
        })
    });
    methods.collect()
});

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Method {
    /// `minutebook.v1.LedgerService/Record`; `unknown` for what there is not, `http` for pages and files.
    pub(super) name: &'static str,
    pub(super) is_stream: bool,
}

impl Method {
    fn of(request: &Request) -> Self {
        if !web::is_grpc(request.headers()) {
            return Self { name: "http", is_stream: false };
        }
        let known = METHODS.get_key_value(request.uri().path());
        known.map_or(Self { name: "unknown", is_stream: false }, |(path, is_stream)| Self {
            name: path.trim_start_matches('/'),
            is_stream: *is_stream,
        })
    }
}

/// Notes a request from its head to the end of its answer.
pub(crate) async fn observe(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let method = Method::of(&request);
    let request_id = request.headers().get(REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_BYTES).cloned();
    let span = tracing::debug_span!("request", method = method.name, request_id = shown(request_id.as_ref()));
    let mut watch = Watch { metrics, method, request_id, began: Instant::now(), has_ended: false };
    let response = next.run(request).instrument(span).await;
    if method.name == "http" {
        watch.end(&Ending::of_page(response.status()));
        return response;
    }
    // A refusal is told in the head; otherwise what comes of it stands behind the last message.
    if let Some(ending) = Ending::of_call(response.headers()) {
        watch.end(&ending);
        return response;
    }
    response.map(|body| Body::new(Watched { body, watch }))
}

fn shown(request_id: Option<&HeaderValue>) -> Option<&str> {
    request_id.and_then(|id| id.to_str().ok())
}

/// What came of a request.
#[derive(Debug)]
struct Ending {
    status: &'static str,
    /// The server could not do what it should have.
    is_failure: bool,
    /// The code in the details of a refusal.
    reason: Option<String>,
}

impl Ending {
    fn of(code: Code, reason: Option<String>) -> Self {
        use Code::{DataLoss, DeadlineExceeded, Internal, ResourceExhausted, Unavailable, Unknown};
        // A connection is renewed now and then, and whoever waits for an event says for how long.
        let is_usual = matches!(reason.as_deref(), Some("ENDING" | "POSITION_NOT_REACHED"));
        let is_failure = !is_usual
            && matches!(code, DataLoss | DeadlineExceeded | Internal | ResourceExhausted | Unavailable | Unknown);
        Self { status: name_of(code), is_failure, reason }
    }

    /// As the head or the trailers of an answer say.
    fn of_call(headers: &HeaderMap) -> Option<Self> {
        let code = Code::from_bytes(headers.get(Status::GRPC_STATUS)?.as_bytes());
        let details = (code != Code::Ok).then(|| Status::from_header_map(headers)).flatten();
        let reason = details.and_then(|status| status.get_details_error_info()).map(|info| info.reason);
        Some(Self::of(code, reason))
    }

    fn of_page(status: StatusCode) -> Self {
        let class = match status.as_u16() {
            ..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        Self { status: class, is_failure: status.is_server_error(), reason: None }
    }
}

/// A request whose answer has not ended.
#[derive(Debug)]
struct Watch {
    metrics: Arc<Metrics>,
    method: Method,
    request_id: Option<HeaderValue>,
    began: Instant,
    has_ended: bool,
}

impl Watch {
    fn end(&mut self, ending: &Ending) {
        if !std::mem::replace(&mut self.has_ended, true) {
            let took = self.began.elapsed();
            self.tell(ending, took);
            self.metrics.ended(self.method, ending.status, ending.reason.clone(), took);
        }
    }

    /// Each request gets a line where that is asked for; otherwise only what somebody should look at.
    fn tell(&self, ending: &Ending, took: Duration) {
        let Ending { status, is_failure, reason } = ending;
        let (method, request_id, reason) = (self.method.name, shown(self.request_id.as_ref()), reason.as_deref());
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if !is_failure && (self.method.is_stream || took <= SLOW) {
            tracing::debug!(method, status, reason, request_id, duration_us, "a request was answered");
            return;
        }
        let Some(left_out) = self.metrics.lines.admit(Instant::now()) else { return };
        if *is_failure {
            tracing::warn!(method, status, reason, request_id, duration_us, left_out, "a request failed");
        } else {
            tracing::info!(method, status, reason, request_id, duration_us, left_out, "a request was slow");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The client has gone, or the time was up.
        self.end(&Ending::of(Code::Cancelled, None));
    }
}

/// The body of an answer, of which the end is noted.
#[derive(Debug)]
struct Watched {
    body: Body,
    watch: Watch,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        let ending = match &polled {
            Some(Ok(frame)) => frame.trailers_ref().and_then(Ending::of_call),
            Some(Err(_)) | None => Some(Ending::of(Code::Unknown, None)),
        };
        if let Some(ending) = ending {
            self.watch.end(&ending);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Lets so many lines a second pass, and counts the others.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<Passed>);

#[derive(Debug, Default)]
struct Passed {
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Throttle {
    /// May one more line be written? Then how many were left out since the last one.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
            passed.since = Some(now);
            passed.lines = 0;
        }
        if passed.lines == LINES {
            passed.left_out = passed.left_out.saturating_add(1);
            return None;
        }
        passed.lines = passed.lines.saturating_add(1);
        Some(std::mem::take(&mut passed.left_out))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;

    use super::*;

    fn method(path: &str, kind: &'static str) -> Method {
        Method::of(&Request::builder().uri(path).header(CONTENT_TYPE, kind).body(Body::empty()).unwrap())
    }

    #[test]
    fn only_methods_that_there_are_have_a_name() {
        let grpc = "application/grpc";
        let named = |name, is_stream| Method { name, is_stream };
        let record = "minutebook.v1.LedgerService/Record";
        assert_eq!(method(&format!("/{record}"), grpc), named(record, false));
        let events = "minutebook.v1.LedgerService/ReadEvents";
        assert_eq!(method(&format!("/{events}"), grpc), named(events, true));
        assert_eq!(method("/grpc.health.v1.Health/Check", grpc), named("grpc.health.v1.Health/Check", false));
        assert_eq!(method("/minutebook.v1.LedgerService/Forge", grpc), named("unknown", false));
        assert_eq!(method("/checkpoint?token=secret", "text/plain"), named("http", false));
    }

    #[test]
    fn lines_beyond_the_limit_are_counted_and_told_with_the_next() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..LINES {
            assert_eq!(throttle.admit(start), Some(0));
        }
        assert_eq!(throttle.admit(start + Duration::from_millis(999)), None);
        assert_eq!(throttle.admit(start + Duration::from_millis(999)), None);
        assert_eq!(throttle.admit(start + Duration::from_secs(1)), Some(2));
        assert_eq!(throttle.admit(start + Duration::from_secs(1)), Some(0));
    }

    #[test]
    fn what_the_server_could_not_do_is_a_failure_and_what_it_refuses_is_none() {
        let fails = |code| Ending::of(code, None).is_failure;
        assert!([Code::Internal, Code::DataLoss, Code::Unavailable, Code::ResourceExhausted].into_iter().all(fails));
        assert!(![Code::Ok, Code::InvalidArgument, Code::NotFound, Code::Aborted].into_iter().any(fails));
        assert!(Ending::of(Code::Unavailable, Some("STOPPED".to_owned())).is_failure);
        assert!(!Ending::of(Code::Unavailable, Some("ENDING".to_owned())).is_failure, "connections are renewed");
    }
}
