//! Places in the ledger that are kept for consumers. What changes one is durable before it is answered.

use std::sync::Arc;

use minutebook_domain::ids::Position;
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Personal;
use minutebook_ledger::{Cursor, Cursors, Holder, Place};
use minutebook_proto::pb::cursor_place::Place as Asked;
use minutebook_proto::pb::cursor_service_server::CursorService;
use minutebook_proto::{AcquireCursor, acquire_from_pb, id_from_pb, park_from_pb, pb};
use tonic::{Request, Response, Status};

use super::trouble::{Fault, Trouble};
use super::{asked, reader, status};
use crate::app::App;

/// Places in the ledger that are kept for consumers.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

impl Service {
    /// Does something with the cursors, away from the threads that serve sockets: a change waits for the disk. Gives
    /// what came of it, and the position at which it did.
    async fn act<T: Send + 'static>(
        &self,
        lang: Lang,
        min_position: Option<Position>,
        work: impl FnOnce(&Cursors) -> Result<T, Fault> + Send + 'static,
    ) -> Result<(Position, T), Status> {
        let reader = reader(&self.0, lang, min_position).await?;
        let cursors = self.0.cursors().map_err(|rebuilding| status::trouble(rebuilding, lang))?;
        let done = tokio::task::spawn_blocking(move || Ok((work(&cursors)?, reader.head().saturating_sub(1)))).await;
        let done = done.unwrap_or_else(|error| Err(Trouble::failed(error).into()));
        done.map(|(done, position)| (position, done)).map_err(|fault| status::unanswered(fault, lang))
    }
}

/// An answer that says at which position it was given, and where the cursor is.
macro_rules! answer {
    ($response:ident, $acted:expr) => {{
        let (position, cursor) = $acted.await?;
        Ok(Response::new(pb::$response { position, cursor: Some(cursor_to_pb(&cursor)) }))
    }};
}

#[tonic::async_trait]
impl CursorService for Service {
    async fn acquire_cursor(
        &self,
        request: Request<pb::AcquireCursorRequest>,
    ) -> Result<Response<pb::AcquireCursorResponse>, Status> {
        let (lang, pb::AcquireCursorRequest { name, holder, lease_ms, start }) = asked(request);
        let acquired = self.act(lang, None, move |cursors| {
            let AcquireCursor { name, holder, lease_ms } = acquire_from_pb(name, &holder, lease_ms)?;
            Personal::refuse_in(holder.as_str())?;
            let start = start.map(|start| place_from_pb("start", Some(start))).transpose()?;
            Ok(cursors.acquire(&name, &Holder { name: holder, lease_ms }, start)?)
        });
        let (position, cursor) = acquired.await?;
        let (token, cursor) = (cursor.kept.generation, Some(cursor_to_pb(&cursor)));
        Ok(Response::new(pb::AcquireCursorResponse { position, cursor, token }))
    }

    async fn renew_cursor(
        &self,
        request: Request<pb::RenewCursorRequest>,
    ) -> Result<Response<pb::RenewCursorResponse>, Status> {
        let (lang, pb::RenewCursorRequest { name, token }) = asked(request);
        let renew = move |cursors: &Cursors| Ok(cursors.renew(&id_from_pb("name", name)?, token)?);
        answer!(RenewCursorResponse, self.act(lang, None, renew))
    }

    async fn acknowledge_cursor(
        &self,
        request: Request<pb::AcknowledgeCursorRequest>,
    ) -> Result<Response<pb::AcknowledgeCursorResponse>, Status> {
        let (lang, pb::AcknowledgeCursorRequest { name, token, acknowledged }) = asked(request);
        let acknowledge =
            move |cursors: &Cursors| Ok(cursors.acknowledge(&id_from_pb("name", name)?, token, acknowledged)?);
        answer!(AcknowledgeCursorResponse, self.act(lang, None, acknowledge))
    }

    async fn park_event(
        &self,
        request: Request<pb::ParkEventRequest>,
    ) -> Result<Response<pb::ParkEventResponse>, Status> {
        let (lang, request) = asked(request);
        let park = move |cursors: &Cursors| {
            let (name, reason) = park_from_pb(&request)?;
            Personal::refuse_in(reason.as_str())?;
            Ok(cursors.park(&name, request.token, request.parked, &reason)?)
        };
        answer!(ParkEventResponse, self.act(lang, None, park))
    }

    async fn unpark_event(
        &self,
        request: Request<pb::UnparkEventRequest>,
    ) -> Result<Response<pb::UnparkEventResponse>, Status> {
        let (lang, pb::UnparkEventRequest { name, parked }) = asked(request);
        let unpark = move |cursors: &Cursors| Ok(cursors.unpark(&id_from_pb("name", name)?, parked)?);
        answer!(UnparkEventResponse, self.act(lang, None, unpark))
    }

    async fn release_cursor(
        &self,
        request: Request<pb::ReleaseCursorRequest>,
    ) -> Result<Response<pb::ReleaseCursorResponse>, Status> {
        let (lang, pb::ReleaseCursorRequest { name, token }) = asked(request);
        let release = move |cursors: &Cursors| Ok(cursors.release(&id_from_pb("name", name)?, token)?);
        answer!(ReleaseCursorResponse, self.act(lang, None, release))
    }

    async fn get_cursor(
        &self,
        request: Request<pb::GetCursorRequest>,
    ) -> Result<Response<pb::GetCursorResponse>, Status> {
        let (lang, pb::GetCursorRequest { name, min_position }) = asked(request);
        let get = move |cursors: &Cursors| Ok(cursors.get(&id_from_pb("name", name)?)?);
        let (position, cursor) = self.act(lang, min_position, get).await?;
        let parked = cursor.kept.parked.iter().map(|(position, parked)| pb::ParkedEvent {
            position: *position,
            reason: parked.reason.to_string(),
            parked_at_ms: parked.at.0,
        });
        let (parked, cursor) = (parked.collect(), Some(cursor_to_pb(&cursor)));
        Ok(Response::new(pb::GetCursorResponse { position, cursor, parked }))
    }

    async fn list_cursors(
        &self,
        request: Request<pb::ListCursorsRequest>,
    ) -> Result<Response<pb::ListCursorsResponse>, Status> {
        let (lang, request) = asked(request);
        let (position, list) = self.act(lang, request.min_position, |cursors| Ok(cursors.list())).await?;
        let cursors = list.into_iter().map(|(name, seen)| match seen {
            Ok(cursor) => cursor_to_pb(&cursor),
            Err(error) => {
                let damage = Some(Trouble::from(error).message(lang));
                pb::Cursor { name: name.as_str().to_owned(), damage, ..pb::Cursor::default() }
            }
        });
        Ok(Response::new(pb::ListCursorsResponse { position, cursors: cursors.collect() }))
    }

    async fn reset_cursor(
        &self,
        request: Request<pb::ResetCursorRequest>,
    ) -> Result<Response<pb::ResetCursorResponse>, Status> {
        let (lang, pb::ResetCursorRequest { name, place }) = asked(request);
        let reset =
            move |cursors: &Cursors| Ok(cursors.reset(&id_from_pb("name", name)?, place_from_pb("place", place)?)?);
        answer!(ResetCursorResponse, self.act(lang, None, reset))
    }

    async fn delete_cursor(
        &self,
        request: Request<pb::DeleteCursorRequest>,
    ) -> Result<Response<pb::DeleteCursorResponse>, Status> {
        let (lang, pb::DeleteCursorRequest { name }) = asked(request);
        let delete = move |cursors: &Cursors| Ok(cursors.delete(&id_from_pb("name", name)?)?);
        let (position, ()) = self.act(lang, None, delete).await?;
        Ok(Response::new(pb::DeleteCursorResponse { position }))
    }
}

fn place_from_pb(field: &'static str, place: Option<pb::CursorPlace>) -> Result<Place, Fault> {
    match place.and_then(|place| place.place) {
        Some(Asked::Beginning(pb::FromBeginning {})) => Ok(Place::Beginning),
        Some(Asked::After(position)) => Ok(Place::After(position)),
        Some(Asked::Now(pb::FromNow {})) => Ok(Place::Now),
        None => Err(Trouble::StartMissing { field }.into()),
    }
}

fn cursor_to_pb(cursor: &Cursor) -> pb::Cursor {
    let Cursor { kept, left } = cursor;
    let left_ms = left.map_or(0, |left| u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1));
    let holder = kept.holder.as_ref().map(|holder| pb::CursorHolder {
        name: holder.name.to_string(),
        lease_ms: holder.lease_ms,
        left_ms,
    });
    pb::Cursor {
        name: kept.name.as_str().to_owned(),
        acknowledged: kept.acknowledged,
        holder,
        parked: u32::try_from(kept.parked.len()).unwrap_or(u32::MAX),
        damage: None,
    }
}
