//! The gRPC services: one file each. They parse requests, ask the book, and write answers; they decide nothing.

mod admin;
mod agenda;
mod agreement;
mod audit;
mod cursor;
mod decision;
mod directory;
mod ledger;
mod parts;
mod review;
mod role;
pub(crate) mod status;
mod subscribe;
#[cfg(test)]
mod tests;
mod trouble;

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::handler::Handler as _;
use axum::http::header::ORIGIN;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use minutebook_domain::book::{AgendaState, Revision};
use minutebook_domain::command::Command;
use minutebook_domain::dates::Day;
use minutebook_domain::history::Cut;
use minutebook_domain::ids::{Id, Key, Kind, Position};
use minutebook_domain::message::Lang;
use minutebook_domain::record::Record;
use minutebook_domain::refusal::Refusal;
use minutebook_domain::value::Nearest;
use minutebook_ledger::{Closed, Reader, Receipt, SubmitError};
use minutebook_proto::{Violations, WriteOptions, deed_from_pb, id_from_pb, optional_id_from_pb, pb, write_from_pb};
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Request, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder as Reflection;
use tonic_web::GrpcWebLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::{App, Query, Rebuilding};
use crate::serve::config::Config;
use crate::serve::limits::count;
use crate::serve::{Gate, guard};
use crate::{metrics, web};
use trouble::Fault;
pub(crate) use trouble::Trouble;

/// How many bytes of a document go in one message.
const CHUNK: usize = 64 * 1024;

/// How long a query waits for the event that it is to see.
const WAIT: Duration = Duration::from_secs(5);

/// How often the writer's health is looked at.
const HEALTH: Duration = Duration::from_millis(500);
/// How long a browser need not ask again whether a page may call.
const PREFLIGHT: Duration = Duration::from_hours(1);

/// What there is to call.
pub(crate) const DESCRIPTORS: [&[u8]; 4] = [
    minutebook_proto::DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Every service, with health and reflection, and every page: behind one gate.
pub(crate) async fn routes(app: &Arc<App>, config: &Config) -> anyhow::Result<Router> {
    use pb::admin_service_server::AdminServiceServer as Admin;
    use pb::agenda_service_server::AgendaServiceServer as Agenda;
    use pb::agreement_service_server::AgreementServiceServer as Agreement;
    use pb::audit_service_server::AuditServiceServer as Audit;
    use pb::cursor_service_server::CursorServiceServer as Cursor;
    use pb::decision_service_server::DecisionServiceServer as Decision;
    use pb::directory_service_server::DirectoryServiceServer as Directory;
    use pb::ledger_service_server::LedgerServiceServer as LedgerServer;
    use pb::review_service_server::ReviewServiceServer as Review;
    use pb::role_service_server::RoleServiceServer as Role;

    let limits = &config.limits;
    let [queries, requests, batches, answers] =
        [limits.query_bytes, limits.request_bytes, limits.batch_bytes, limits.answer_bytes].map(count);
    let (health, health_service) = tonic_health::server::health_reporter();
    let mut routes = Routes::new(health_service.max_decoding_message_size(queries));
    // No compression is accepted: what a small message unpacks to is not for the client to decide.
    macro_rules! serve {
        ($($server:ident($module:ident, $bytes:expr)),*) => { $(
            health.set_serving::<$server<$module::Service>>().await;
            let server = $server::new($module::Service(app.clone())).max_decoding_message_size($bytes).max_encoding_message_size(answers);
            routes = routes.add_service(server);
        )* };
    }
    serve!(
        Admin(admin, requests),
        Agenda(agenda, requests),
        Agreement(agreement, requests),
        Audit(audit, queries),
        Cursor(cursor, queries),
        Decision(decision, requests),
        Directory(directory, requests),
        LedgerServer(ledger, batches),
        Review(review, requests),
        Role(role, requests)
    );
    tokio::spawn(tell_when_stopped(health, Arc::downgrade(app)));
    if config.reflection {
        let reflection = || {
            DESCRIPTORS.iter().fold(Reflection::configure(), |all, set| all.register_encoded_file_descriptor_set(set))
        };
        routes = routes
            .add_service(reflection().build_v1()?.max_decoding_message_size(queries))
            .add_service(reflection().build_v1alpha()?.max_decoding_message_size(queries));
    }
    let gate = from_fn_with_state(Arc::new(Gate::new(limits, &DESCRIPTORS)?), guard);
    // Outside the gate, so that also those are seen that it refuses.
    let observe = from_fn_with_state(Arc::clone(app.metrics()), metrics::observe);
    // A browser's call becomes one like any other before the gate, and its answer is put in its form after it.
    let services = routes.into_axum_router().layer(gate.clone()).layer(observe.clone()).layer(GrpcWebLayer::new());
    let origins: Arc<[HeaderValue]> = config.web_origins.clone().into();
    let services = services.layer(from_fn_with_state(origins, named_origin));
    let services = if config.web_origins.is_empty() { services } else { services.layer(cross_origin(config)) };
    let pages = web::routes(app).layer(gate).layer(observe.clone());
    Ok(services.merge(pages).fallback(web::elsewhere.layer(observe)))
}

/// Lets no script of a page through whose origin is not named. That a browser asks first does not suffice: it does not
/// where a page's name was made to lead here.
async fn named_origin(
    State(origins): State<Arc<[HeaderValue]>>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    match request.headers().get(ORIGIN) {
        Some(origin) if !origins.contains(origin) => {
            (StatusCode::FORBIDDEN, "the origin of this page is not among the server's web_origins\n").into_response()
        }
        _ => next.run(request).await,
    }
}

/// That scripts of these pages may call, and read what a call comes to.
fn cross_origin(config: &Config) -> CorsLayer {
    let asks = ["content-type", "x-grpc-web", "x-user-agent", "grpc-timeout", "accept-language", "x-request-id"];
    let answers = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(config.web_origins.iter().cloned()))
        .allow_methods([Method::POST])
        .allow_headers(asks.map(HeaderName::from_static))
        .expose_headers(answers.map(HeaderName::from_static))
        .max_age(PREFLIGHT)
}

/// Tells whoever asks for health that nothing can be recorded here any more. Questions are answered all the same.
async fn tell_when_stopped(health: HealthReporter, app: Weak<App>) {
    while let Some(app) = app.upgrade() {
        if app.status().is_ok_and(|status| status.stopped.is_some()) {
            health.set_service_status("", ServingStatus::NotServing).await;
            health.set_not_serving::<pb::ledger_service_server::LedgerServiceServer<ledger::Service>>().await;
            return;
        }
        drop(app);
        tokio::time::sleep(HEALTH).await;
    }
}

/// A handle to read with, as soon as the event that the request is to see can be read, and the book holds it.
async fn reader(app: &App, lang: Lang, min_position: Option<Position>) -> Result<Reader, Status> {
    let reader = app.reader().map_err(|rebuilding| status::trouble(rebuilding, lang))?;
    let Some(position) = min_position else { return Ok(reader) };
    let mut head = reader.subscribe();
    match tokio::time::timeout(WAIT, head.reached(position)).await {
        Ok(Ok(_)) => Ok(reader),
        Ok(Err(Closed)) => Err(status::trouble(Rebuilding, lang)),
        Err(_) => {
            let newest = head.head().saturating_sub(1);
            Err(status::trouble(Trouble::PositionNotReached { position, newest }, lang))
        }
    }
}

/// Runs a query away from the threads that serve sockets: it may read from the disk.
async fn query<T: Send + 'static>(
    app: &Arc<App>,
    lang: Lang,
    min_position: Option<Position>,
    ask: impl FnOnce(&Query) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Status> {
    let reader = reader(app, lang, min_position).await?;
    let book = reader.book().map_err(|newer| status::trouble(newer, lang))?;
    let asked = app.work(move || ask(&Query { book, reader })).await;
    let asked = asked.map_err(|error| status::trouble(Trouble::failed(error), lang))?;
    asked.map_err(|fault| status::unanswered(fault, lang))
}

/// Records the commands of a request. They are read with the newest event that the client knows of their record.
async fn write(
    app: &Arc<App>,
    metadata: &MetadataMap,
    write: Option<pb::Write>,
    commands: impl FnOnce() -> Result<Vec<Command>, Violations>,
) -> Result<Option<pb::Receipt>, Status> {
    let lang = status::lang(metadata);
    let expected_revision = write.as_ref().and_then(|write| write.expected_revision);
    let (options, commands) = match (write_from_pb(write), commands()) {
        (Ok(options), Ok(commands)) => (options, commands),
        (options, commands) => {
            let faults = [options.err(), commands.err()].into_iter().flatten().flat_map(|violations| violations.0);
            return Err(status::invalid(&Violations(faults.collect()), lang));
        }
    };
    let commands = commands.into_iter().map(|command| command.expecting(expected_revision));
    match app.submit(&options, commands.collect()).await {
        Ok(receipt) => Ok(Some(receipt_of(app, &receipt, &options).await)),
        Err(error) => Err(unsubmitted(app, error, lang).await),
    }
}

/// The receipt of a write, with the proof of its events where that was asked for. What is durable is acknowledged, also
/// where it cannot be proved at this moment: then there is no checkpoint in it.
async fn receipt_of(app: &Arc<App>, receipt: &Receipt, options: &WriteOptions) -> pb::Receipt {
    let plain = pb::Receipt {
        first: receipt.first,
        count: receipt.count,
        head: receipt.head,
        recorded_at_ms: receipt.recorded_at.0,
        repeated: receipt.repeated,
        ..pb::Receipt::default()
    };
    let wanted = options.prove && !options.validate_only && receipt.count > 0;
    let Some(reader) = wanted.then(|| app.reader().ok()).flatten() else { return plain };
    let unproved = plain.clone();
    let proved = tokio::task::spawn_blocking(move || audit::proved(&reader, plain)).await;
    proved.unwrap_or_else(|error| Err(Trouble::failed(error).into())).unwrap_or_else(|why| {
        tracing::warn!(?why, "a receipt goes without proof");
        unproved
    })
}

/// What keeps a write from being durable; of a stale one also what happened in the meantime.
async fn unsubmitted(app: &Arc<App>, error: SubmitError, lang: Lang) -> Status {
    let SubmitError::Refused(ref refusal @ Refusal::StaleBase { yours, current, .. }) = error else {
        return status::unsubmitted(&error, lang);
    };
    let newer = query(app, lang, None, move |query| Ok(query.book.newer(yours, current, &query.reader)?)).await;
    newer.map_or_else(|status| status, |newer| status::stale(refusal, &newer, lang))
}

/// Does something with records: all of it, or nothing.
async fn perform(
    app: &Arc<App>,
    metadata: &MetadataMap,
    header: Option<pb::Write>,
    deeds: impl IntoIterator<Item = pb::Deed>,
) -> Result<Option<pb::Receipt>, Status> {
    let command = |deed| deed_from_pb(deed).map(Command::Do);
    write(app, metadata, header, || deeds.into_iter().map(command).collect()).await
}

/// Something to do with a record, by a decision, from a date, for a reason.
fn deed_of(
    kind: pb::Kind,
    id: String,
    step: pb::deed::Step,
    decision: Option<String>,
    effective: Option<pb::Date>,
    reason: Option<String>,
) -> pb::Deed {
    let key = pb::RecordKey { kind: kind.into(), id, ..pb::RecordKey::default() };
    pb::Deed { key: Some(key), step: Some(step), decision, effective, reason }
}

/// A write request that states one record: what the generated messages have in common.
struct StateRequest {
    write: Option<pb::Write>,
    agenda: Option<String>,
    /// Where the request has its record.
    field: &'static str,
    record: Option<pb::record::Record>,
    effective: Option<pb::Date>,
    reason: Option<String>,
}

impl StateRequest {
    /// Records the statement.
    async fn record(self, app: &Arc<App>, metadata: &MetadataMap) -> Result<Option<pb::Receipt>, Status> {
        let Self { write: header, agenda, field, record, effective, reason } = self;
        write(app, metadata, header, || {
            let statement = minutebook_proto::state_from_pb(Some(pb::StateRecord {
                agenda,
                record: Some(pb::Record { record }),
                effective,
                reason,
                expected_revision: None,
            }));
            let statement = statement.map_err(|mut violations| {
                violations.0.iter_mut().for_each(|violation| violation.path = path_in(field, &violation.path));
                violations
            })?;
            Ok(vec![Command::State(statement)])
        })
        .await
    }
}

/// Where a request that has its record in a field of its own has what stands at this path of a statement.
fn path_in(field: &str, path: &str) -> String {
    match path.split('.').collect::<Vec<_>>().as_slice() {
        ["record", ..] if field == "record" => path.to_owned(),
        // The second is the name of the kind.
        ["record", _, rest @ ..] if !rest.is_empty() => format!("{field}.{}", rest.join(".")),
        ["record", ..] => field.to_owned(),
        _ => path.to_owned(),
    }
}

/// The records of a kind at a point in time.
fn list_records(
    query: &Query,
    kind: Kind,
    agenda: Option<String>,
    valid: Option<&str>,
    known: Option<&pb::Known>,
) -> Result<Vec<Record>, Fault> {
    let agenda = agenda_asked(query, agenda)?;
    let cut = query.cut(valid, known)?;
    let mut records = Vec::new();
    for (_, entry) in query.book.entries(kind) {
        let foreign = agenda.is_some() && entry.agenda.is_some() && agenda != entry.agenda;
        if let Some(state) = entry.at(&cut, &query.reader)?.filter(|state| state.present && !foreign) {
            records.push(state.record.as_ref().clone());
        }
    }
    Ok(records)
}

/// That there is no such record, with the nearest name.
fn missing(query: &Query, key: &Key) -> Trouble {
    let ids: Vec<&str> = query.book.entries(key.kind).map(|(known, _)| known.id.as_str()).collect();
    Trouble::RecordUnknown { key: key.clone(), nearest: Nearest::of(key.id.as_str(), ids) }
}

/// A point in time, and the day that tells what is over then: the one asked for, or today.
fn moment(query: &Query, valid: Option<&str>, known: Option<&pb::Known>) -> Result<(Cut, Day), Fault> {
    let cut = query.cut(valid, known)?;
    Ok((cut, if valid.is_some() { cut.valid } else { query.today() }))
}

/// A record that a filter names: nothing is found for one that is not there, and that is to be told.
fn check_filter(query: &Query, kind: Kind, id: Option<&Id>) -> Result<(), Fault> {
    let is_there = |id: &&Id| match kind {
        Kind::Body | Kind::Party => query.book.body(id).is_some(),
        kind => query.book.entry(&Key::new(kind, id)).is_some(),
    };
    match id.filter(|id| !is_there(id)) {
        Some(id) => Err(missing(query, &Key::new(kind, id)).into()),
        None => Ok(()),
    }
}

/// The agenda that a filter names.
fn agenda_asked(query: &Query, id: Option<String>) -> Result<Option<Id>, Fault> {
    let agenda = optional_id_from_pb("agenda", id)?;
    check_filter(query, Kind::Agenda, agenda.as_ref())?;
    Ok(agenda)
}

/// An agenda, by the id that a request names.
fn agenda_of(query: &Query, id: String) -> Result<(Id, &AgendaState), Fault> {
    let agenda = id_from_pb("agenda", id)?;
    let nearest = Nearest::of(agenda.as_str(), query.book.agendas().map(|(id, _)| id.as_str()));
    match query.book.agenda(&agenda) {
        Some(state) => Ok((agenda, state)),
        None => Err(Trouble::AgendaUnknown { agenda, nearest }.into()),
    }
}

/// The revision that a request names, among those known at a position: an edition's newest, one of its revisions, or
/// the current one.
fn named_revision<'a>(
    agenda: &Id,
    state: &'a AgendaState,
    name: Option<&pb::EditionName>,
    known: Position,
) -> Result<&'a Revision, Fault> {
    let Some(name) = name else {
        return Ok(state.current().ok_or_else(|| Trouble::NothingAdopted { agenda: agenda.clone() })?);
    };
    let of = |revision: &&Revision| {
        revision.seal.edition.id.as_str() == name.edition && name.revision.is_none_or(|n| n == revision.seal.revision)
    };
    let known_then = state.revisions.iter().rev().filter(of).find(|revision| revision.position <= known);
    let missing = || {
        if let Some(later) = state.revisions.iter().find(of) {
            return Trouble::EditionNotKnown { edition: later.name(), position: later.position, known };
        }
        let revision = name.revision.map(|n| format!("@{n}")).unwrap_or_default();
        let editions: Vec<_> = state.revisions.iter().map(|revision| format!("`{}`", revision.name())).collect();
        Trouble::EditionUnknown { edition: format!("{}{revision}", name.edition), editions: editions.join(", ") }
    };
    Ok(known_then.ok_or_else(missing)?)
}

/// Splits a document into the messages of a stream.
fn chunks(text: &str) -> Vec<Vec<u8>> {
    text.as_bytes().chunks(CHUNK).map(<[u8]>::to_vec).collect()
}

/// The language that a request asks to be answered in, and its message.
fn asked<T>(request: Request<T>) -> (Lang, T) {
    let (metadata, message) = parts(request);
    (status::lang(&metadata), message)
}

/// What a request carries beside its message, and the message.
fn parts<T>(request: Request<T>) -> (MetadataMap, T) {
    let (metadata, _, message) = request.into_parts();
    (metadata, message)
}
