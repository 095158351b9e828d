//! What every request passes: its turn, its deadline, and words of our own where the transport has some.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use minutebook_domain::message::Lang;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tonic::{Code, Status};

use super::answer::{Answer, Cause};
use super::connection::{Connection, LAST_WORDS};
use super::limits::{Limits, count, seconds};
use super::receive::{Received, Room, receive};
use crate::grpc::{Trouble, status};
use crate::import;

/// Where gRPC says how a request ended.
const STATUS: &str = "grpc-status";
/// Where gRPC has the details of it.
const DETAILS: &str = "grpc-status-details-bin";

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A page or a file: one answer over plain HTTP.
    Page,
    /// One message for one message.
    Unary,
    /// One message for many, such as the parts of a document.
    Import,
    /// Many messages for one, for as long as the client likes.
    Stream,
    /// Many messages on both sides.
    Dialogue,
}

impl Shape {
    fn is_stream(self) -> bool {
        matches!(self, Self::Stream | Self::Dialogue)
    }
}

/// What lets requests through, so many at once.
#[derive(Debug)]
pub(crate) struct Gate {
    shapes: HashMap<String, Shape>,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    room: Room,
    request: Duration,
    import: Duration,
    batch_bytes: usize,
}

impl Gate {
    /// A gate for the methods of services, by their descriptors.
    pub(crate) fn new(limits: &Limits, descriptors: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut shapes = HashMap::new();
        for set in descriptors {
            for file in FileDescriptorSet::decode(*set)?.file {
                for (service, method) in
                    file.service.iter().flat_map(|service| service.method.iter().map(move |method| (service, method)))
                {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    shapes.insert(
                        path,
                        match (method.client_streaming(), method.server_streaming()) {
                            (true, true) => Shape::Dialogue,
                            (false, true) => Shape::Stream,
                            (true, false) => Shape::Import,
                            (false, false) => Shape::Unary,
                        },
                    );
                }
            }
        }
        Ok(Self {
            shapes,
            requests: Arc::new(Semaphore::new(count(limits.requests))),
            streams: Arc::new(Semaphore::new(count(limits.streams))),
            room: Room::new(count(limits.received_bytes)),
            request: seconds(limits.request_s),
            import: seconds(limits.import_s),
            batch_bytes: count(limits.batch_bytes),
        })
    }

    fn shape(&self, path: &str) -> Shape {
        self.shapes.get(path).copied().unwrap_or(Shape::Page)
    }

    /// A place for one more request of a shape.
    fn place(&self, shape: Shape) -> Result<OwnedSemaphorePermit, Box<Trouble>> {
        let (places, full) = if shape.is_stream() {
            (&self.streams, Trouble::StreamsFull {})
        } else {
            (&self.requests, Trouble::Busy {})
        };
        Arc::clone(places).try_acquire_owned().map_err(|_| full.into())
    }

    /// Takes in what a request says. Only a dialogue begins before all of it has come.
    async fn receive(&self, shape: Shape, body: Body) -> Result<Received, Box<Trouble>> {
        let most = match shape {
            Shape::Unary | Shape::Stream => self.batch_bytes,
            // With what parts of a document have around them.
            Shape::Import => import::MAX_BYTES * 2,
            Shape::Page | Shape::Dialogue => return Ok(Received { body, room: None }),
        };
        receive(body, most, self.request, &self.room).await
    }

    /// When the answer has to have begun.
    fn deadline(&self, shape: Shape, asked: Option<Duration>) -> Instant {
        let patience = if shape == Shape::Import { self.import } else { self.request };
        Instant::now() + asked.map_or(patience, |asked| asked.min(patience))
    }
}

/// Lets a request through when it is its turn, for as long as it may take.
pub(crate) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let shape = gate.shape(request.uri().path());
    let lang = status::lang_of(request.headers());
    let asked = timeout_of(request.headers());
    let (begun, deadline) = (Instant::now(), gate.deadline(shape, asked));
    let connection = request.extensions().get::<Connection>().cloned();
    let answering = async {
        let turns = connection.as_ref().map(|connection| Arc::clone(connection.turns()));
        let turn = match turns {
            // The semaphore is never closed.
            Some(turns) => turns.acquire_owned().await.ok(),
            None => None,
        };
        let (parts, body) = request.into_parts();
        let Received { body, room: _room } = gate.receive(shape, body).await?;
        let place = gate.place(shape)?;
        let response = next.run(Request::from_parts(parts, body)).await;
        // A stream keeps its place among the streams, everything else keeps its connection from asking for more.
        Ok((response, if shape.is_stream() { Some(place) } else { turn }))
    };
    let answered = timeout_at(deadline, answering).await.unwrap_or_else(|_| Err(Box::new(Trouble::DeadlinePassed {})));
    let (response, held) = match answered {
        Ok(answered) => answered,
        Err(trouble) => return refused(shape, *trouble, lang),
    };
    let (mut parts, body) = response.into_parts();
    let is_said = parts.headers.contains_key(STATUS);
    if is_said {
        restate(&mut parts.headers, lang);
    }
    let cause = (shape.is_stream() && !is_said)
        .then(|| ends_early(connection.as_ref(), asked.map(|asked| begun + asked), lang));
    let stall = connection.map(|connection| connection.stalls().add());
    Response::from_parts(parts, Body::new(Answer { body, lang, held, stall, cause, is_over: false }))
}

/// That a request is not let through.
fn refused(shape: Shape, trouble: Trouble, lang: Lang) -> Response {
    if shape == Shape::Page {
        let words = format!("{}\n", trouble.message(lang));
        return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
    }
    status::trouble(trouble, lang).into_http()
}

/// What ends a stream early: the deadline that its client set itself, or the end of its connection.
fn ends_early(connection: Option<&Connection>, deadline: Option<Instant>, lang: Lang) -> Cause {
    let ending = connection.map(Connection::ending);
    Box::pin(async move {
        let passed = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let ended = async {
            match ending {
                Some(mut ending) => ending.told().await,
                None => std::future::pending().await,
            }
            // Its service may have something of its own to say.
            sleep(LAST_WORDS).await;
        };
        let trouble = tokio::select! {
            () = passed => Trouble::StreamDeadline {},
            () = ended => Trouble::Ending {},
        };
        status::trouble(trouble, lang)
    })
}

/// Says in our own words, with details, what the transport found too large.
pub(super) fn restate(headers: &mut HeaderMap, lang: Lang) {
    if headers.contains_key(DETAILS) {
        return;
    }
    let Some(found) = Status::from_header_map(headers) else { return };
    let Some(trouble) = too_large(&found).or_else(|| malformed(&found)) else { return };
    // INVARIANT: the statuses of this program can be written; each header takes the place of the one before.
    let _ = status::trouble(trouble, lang).add_header(headers);
}

/// A message over a limit, as tonic tells it.
fn too_large(found: &Status) -> Option<Trouble> {
    let (which, limit) = found.message().split_once(" message length too large: ")?;
    let limit = limit.split_once("the limit is: ")?.1.trim_end_matches(" bytes").parse().ok()?;
    match which {
        "Error, decoded" => Some(Trouble::MessageTooLarge { limit }),
        "Error, encoded" => Some(Trouble::AnswerTooLarge { limit }),
        _ => None,
    }
}

/// A message that is none, as tonic tells it: a fault of whoever sent it, and not of this program.
fn malformed(found: &Status) -> Option<Trouble> {
    let why = found.message();
    let is_malformed = why.starts_with("failed to decode Protobuf message") || why == "Missing request message.";
    (found.code() == Code::Internal && is_malformed).then(|| Trouble::Malformed { why: why.to_owned() })
}

/// How long a client is ready to wait: `grpc-timeout`, at most eight digits and a unit. What is not understood limits
/// nothing.
fn timeout_of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8 && !digits.starts_with('+'))?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_a_client_allows_itself_is_read_as_the_protocol_has_it() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().expect("a header"));
            timeout_of(&headers)
        };
        for (text, time) in [
            ("1H", Duration::from_hours(1)),
            ("2M", Duration::from_mins(2)),
            ("3S", Duration::from_secs(3)),
            ("99999999m", Duration::from_millis(99_999_999)),
            ("5u", Duration::from_micros(5)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(of(text), Some(time), "{text}");
        }
        for text in ["", "S", "1", "1s", "-1S", "+1S", "100000000S", "1.5S"] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(timeout_of(&HeaderMap::new()), None);
    }

    #[test]
    fn only_what_the_transport_says_of_size_is_said_otherwise() {
        let restated = |status: Status| {
            let mut headers = HeaderMap::new();
            status.add_header(&mut headers).expect("headers");
            restate(&mut headers, Lang::En);
            Status::from_header_map(&headers).expect("a status")
        };
        let large = "Error, decoded message length too large: found 9 bytes, the limit is: 8 bytes";
        let status = restated(Status::out_of_range(large));
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("8 bytes") && !status.details().is_empty(), "{status:?}");
        let status = restated(Status::out_of_range(large.replace("decoded", "encoded")));
        assert!(status.message().contains("answer"), "{status:?}");
        let broken = "failed to decode Protobuf message: invalid wire type";
        let status = restated(Status::internal(broken));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("invalid wire type"), "{status:?}");
        let other = restated(Status::out_of_range("nothing there"));
        assert_eq!((other.code(), other.message()), (Code::OutOfRange, "nothing there"));
        let own = status::trouble(Trouble::Beyond { position: 3, newest: 2 }, Lang::En);
        assert_eq!(restated(own.clone()).details(), own.details());
    }

    #[test]
    fn each_method_has_the_shape_that_its_descriptor_says() {
        let gate = Gate::new(&Limits::default(), &[minutebook_proto::DESCRIPTOR_SET]).expect("descriptors");
        for (path, shape) in [
            ("/minutebook.v1.LedgerService/Record", Shape::Unary),
            ("/minutebook.v1.LedgerService/ImportDocument", Shape::Import),
            ("/minutebook.v1.LedgerService/ReadEvents", Shape::Stream),
            ("/minutebook.v1.AdminService/Backup", Shape::Stream),
            ("/checkpoint", Shape::Page),
        ] {
            assert_eq!(gate.shape(path), shape, "{path}");
        }
    }
}
