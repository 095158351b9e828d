//! Recording, importing and reading the ledger itself.

use std::sync::Arc;

use minutebook_domain::command::{Command, ImportDocument};
use minutebook_domain::document::Document;
use minutebook_domain::event;
use minutebook_domain::ids::{Position, RequestId};
use minutebook_domain::message::Lang;
use minutebook_domain::plan::Plan;
use minutebook_domain::refusal::{Problem, Refusal};
use minutebook_ledger::{Reader, SubmitError};
use minutebook_proto::pb::import_document_request::Part;
use minutebook_proto::pb::ledger_service_server::LedgerService;
use minutebook_proto::{WriteOptions, commands_from_pb, glance, pb, plan_to_pb, write_from_pb};
use tonic::{Request, Response, Status, Streaming};

use super::parts::{Parts, in_parts};
use super::subscribe::{Told, subscribe, types_of};
use super::trouble::{Fault, Trouble};
use super::{asked, parts, query, reader, receipt_of, status, unsubmitted, write};
use crate::app::App;
use crate::import::{self, Defect, Parsed, Violation};
use crate::serve::Connection;

/// The most commands of a batch, each of which gives one event; only the adoption of a review gives more.
const BATCH_EVENTS: usize = 10_000;
/// How many events are read at a time.
const AT_ONCE: usize = 256;

/// Recording, importing and reading the ledger itself.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl LedgerService for Service {
    type ReadEventsStream = Parts<pb::ReadEventsResponse>;
    type SubscribeStream = Told;

    async fn record(&self, request: Request<pb::RecordRequest>) -> Result<Response<pb::RecordResponse>, Status> {
        let (metadata, pb) = parts(request);
        if pb.commands.is_empty() {
            return Err(status::trouble(Trouble::BatchEmpty {}, status::lang(&metadata)));
        }
        let commands = pb.commands;
        if commands.len() > BATCH_EVENTS {
            let refusal = Refusal::TooManyEvents { events: commands.len(), limit: BATCH_EVENTS };
            return Err(status::refused(&refusal, status::lang(&metadata)));
        }
        let receipt = write(&self.0, &metadata, pb.write, || commands_from_pb(commands)).await?;
        Ok(Response::new(pb::RecordResponse { receipt }))
    }

    async fn import_document(
        &self,
        request: Request<Streaming<pb::ImportDocumentRequest>>,
    ) -> Result<Response<pb::ImportDocumentResponse>, Status> {
        let (metadata, mut stream) = parts(request);
        let lang = status::lang(&metadata);
        let Some(Part::Options(options)) = stream.message().await?.and_then(|first| first.part) else {
            return Err(status::trouble(Trouble::OptionsFirst {}, lang));
        };
        let import = Import { app: self.0.clone(), lang };
        if options.plan_only {
            let bytes = collect(stream, lang).await?;
            return import.plan(bytes).await.map(Response::new);
        }
        let write = write_from_pb(options.write).map_err(|violations| status::invalid(&violations, lang))?;
        let bytes = collect(stream, lang).await?;
        import.record(bytes, write).await.map(Response::new)
    }

    async fn read_events(
        &self,
        request: Request<pb::ReadEventsRequest>,
    ) -> Result<Response<Self::ReadEventsStream>, Status> {
        let (lang, request) = asked(request);
        let types = types_of(&request.types).map_err(|fault| status::unanswered(fault, lang))?;
        let reader = reader(&self.0, lang, request.min_position).await?;
        Ok(Response::new(in_parts(&self.0, lang, Reading::of(reader, &request, types), Reading::step)))
    }

    async fn subscribe(
        &self,
        request: Request<pb::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let ending = request.extensions().get::<Connection>().map(Connection::ending);
        let (lang, request) = asked(request);
        subscribe(&self.0, request, ending, lang).await.map(Response::new)
    }
}

async fn collect(mut stream: Streaming<pb::ImportDocumentRequest>, lang: Lang) -> Result<Vec<u8>, Status> {
    let mut bytes = Vec::new();
    while let Some(message) = stream.message().await? {
        match message.part {
            Some(Part::Chunk(chunk)) => bytes.extend(chunk),
            Some(Part::Options(_)) => return Err(status::trouble(Trouble::OptionsFirst {}, lang)),
            None => {}
        }
        if bytes.len() > import::MAX_BYTES {
            // The rest of it is not waited for.
            let too_large = Violation::of_file(0, Defect::FileTooLarge {});
            return Err(status::document_refused(&[unread(&too_large)], lang));
        }
    }
    Ok(bytes)
}

/// One import on its way.
struct Import {
    app: Arc<App>,
    lang: Lang,
}

impl Import {
    /// Works out what the document would do.
    async fn plan(self, bytes: Vec<u8>) -> Result<pb::ImportDocumentResponse, Status> {
        let app = Arc::clone(&self.app);
        let answer = query(&self.app, self.lang, None, move |query| {
            let parsed = match import::parse(&bytes) {
                Ok(parsed) => parsed,
                Err(violations) => {
                    let problems = violations.iter().map(unread).collect();
                    return Ok((query.position(), pb::Plan { problems, ..pb::Plan::default() }));
                }
            };
            let plan = query.book.plan(&parsed.document, query.today(), &query.reader)?;
            let mut plan = planned(&plan, &parsed);
            if plan.problems.is_empty() {
                plan.problems.extend(rehearsed(&app, parsed.document));
            }
            Ok((query.position(), plan))
        });
        let (position, plan) = answer.await?;
        Ok(pb::ImportDocumentResponse { position, plan: Some(plan), receipt: None })
    }

    /// Records the document.
    async fn record(self, bytes: Vec<u8>, write: WriteOptions) -> Result<pb::ImportDocumentResponse, Status> {
        // The plan is worked out on the state before, so that the answer says what was changed.
        let (app, options) = (Arc::clone(&self.app), write.clone());
        let asked = query(&self.app, self.lang, None, move |query| {
            let parsed = match import::parse(&bytes) {
                Ok(parsed) => parsed,
                Err(violations) => return Ok(Err(violations.iter().map(unread).collect::<Vec<_>>())),
            };
            let plan = query.book.plan(&parsed.document, query.today(), &query.reader)?;
            let plan = planned(&plan, &parsed);
            let document = parsed.document.clone();
            let command = Command::Import(ImportDocument { document, expected_revision: write.expected_revision });
            Ok(Ok((parsed, plan, app.submit(&write, vec![command]))))
        });
        let asked = asked.await?.map_err(|problems| status::document_refused(&problems, self.lang));
        let (parsed, plan, pending) = asked?;
        match pending.await {
            Ok(receipt) => Ok(pb::ImportDocumentResponse {
                position: receipt.head.saturating_sub(1),
                plan: Some(plan),
                receipt: Some(receipt_of(&self.app, &receipt, &options).await),
            }),
            Err(SubmitError::Refused(Refusal::Document { problems })) => {
                let problems: Vec<_> = problems.0.iter().map(|problem| placed(problem, &parsed)).collect();
                Err(status::document_refused(&problems, self.lang))
            }
            Err(error) => Err(unsubmitted(&self.app, error, self.lang).await),
        }
    }
}

fn planned(plan: &Plan, parsed: &Parsed) -> pb::Plan {
    let problems = plan.problems.iter().map(|problem| placed(problem, parsed)).collect();
    let change = |index: usize| parsed.document.records.get(index).map(|record| record.id().to_string());
    pb::Plan { invented: parsed.document.invented, ..plan_to_pb(plan, problems, change) }
}

/// What keeps a document without problems from being recorded: how large its events are shows when they are made.
fn rehearsed(app: &App, document: Document) -> Option<pb::Problem> {
    let request_id = RequestId::new(&uuid::Uuid::now_v7().to_string())?;
    let write = WriteOptions {
        request_id,
        validate_only: true,
        actor: event::Actor::default(),
        expected_revision: None,
        prove: false,
    };
    let command = Command::Import(ImportDocument { document, expected_revision: None });
    match app.submit(&write, vec![command]).wait() {
        Err(SubmitError::Refused(refusal)) => Some(of_document(refusal.code(), |lang| refusal.message(lang))),
        Err(error @ SubmitError::TooLarge { .. }) => {
            let trouble = Trouble::from(&error);
            Some(of_document(trouble.code(), |lang| trouble.message(lang)))
        }
        // A ledger that takes nothing now says so to whoever asks it to record.
        Ok(_) | Err(_) => None,
    }
}

/// A problem of the document as a whole.
fn of_document(code: &str, message: impl Fn(Lang) -> String) -> pb::Problem {
    let (message_nl, message_en) = (message(Lang::Nl), message(Lang::En));
    pb::Problem { code: code.to_owned(), message_nl, message_en, ..pb::Problem::default() }
}

/// A problem at its line in the file.
fn placed(problem: &Problem, parsed: &Parsed) -> pb::Problem {
    let (place, refusal) = (&problem.place, &problem.refusal);
    let field = place.field.as_deref();
    let document: &Document = &parsed.document;
    let key = place.key.as_ref();
    let of = |header: Option<&minutebook_domain::ids::Id>| key.is_some_and(|key| Some(&key.id) == header);
    let line = match place.index {
        Some(index) => parsed.line(index, field),
        None if of(document.edition.as_ref().map(|edition| &edition.id)) => parsed.edition_line(field),
        None if of(document.agenda.as_ref().map(|agenda| &agenda.id)) => parsed.agenda_line(field),
        None => 0,
    };
    pb::Problem {
        section: key.map(|key| key.kind.section().to_owned()).unwrap_or_default(),
        id: key.map(|key| key.id.to_string()).unwrap_or_default(),
        field: field.unwrap_or_default().to_owned(),
        line,
        code: refusal.code().to_owned(),
        message_nl: refusal.message(Lang::Nl),
        message_en: refusal.message(Lang::En),
    }
}

/// A violation of the document's form.
fn unread(violation: &Violation) -> pb::Problem {
    pb::Problem {
        section: violation.section.clone(),
        id: violation.id.clone(),
        field: violation.field.clone(),
        line: violation.line,
        code: violation.code().to_owned(),
        message_nl: violation.message(Lang::Nl),
        message_en: violation.message(Lang::En),
    }
}

/// What is still to be read of a request.
struct Reading {
    reader: Reader,
    next: Position,
    head: Position,
    left: u64,
    types: Vec<&'static str>,
}

impl Reading {
    fn of(reader: Reader, request: &pb::ReadEventsRequest, types: Vec<&'static str>) -> Self {
        let left = if request.limit == 0 { u64::MAX } else { request.limit };
        Self { next: request.from, head: reader.head(), reader, left, types }
    }

    /// The next events that were asked for, as they were recorded; none where there are no more.
    fn step(&mut self) -> Result<Vec<pb::ReadEventsResponse>, Fault> {
        let mut found = Vec::new();
        while found.is_empty() && self.next < self.head && self.left > 0 {
            let events = self.reader.events(self.next, AT_ONCE).map_err(|error| Trouble::from(&error))?;
            if events.is_empty() {
                break;
            }
            for event in events {
                self.next = self.next.saturating_add(1);
                if self.left > 0 && self.is_wanted(&event) {
                    self.left = self.left.saturating_sub(1);
                    found.push(pb::ReadEventsResponse { event });
                }
            }
        }
        Ok(found)
    }

    fn is_wanted(&self, event: &[u8]) -> bool {
        self.types.is_empty() || glance(event).name.is_some_and(|name| self.types.contains(&name))
    }
}
