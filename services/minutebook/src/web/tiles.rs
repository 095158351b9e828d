//! The ledger as a transparency log over HTTP: <https://c2sp.org/tlog-tiles>. A tile of a size that there is never
//! changes, so that anybody may keep it for ever; the checkpoint changes with every event.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use minutebook_ledger::{Reader, SignError};
use minutebook_tlog::{Tile, TileKind, bundle};

use crate::app::App;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// Nobody keeps it: it may be another one in a moment.
const FLEETING: HeaderValue = HeaderValue::from_static("no-store");
const A_MOMENT: HeaderValue = HeaderValue::from_static("max-age=1");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/checkpoint", get(checkpoint)).route("/tile/{*path}", get(tile))
}

async fn checkpoint(State(app): State<Arc<App>>) -> Response {
    answer(&app, |reader| {
        let signed = reader.checkpoint().map_err(|error| match error {
            SignError::NoKey => Refused::new(StatusCode::NOT_FOUND, error),
            error => Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error),
        })?;
        Ok(([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, A_MOMENT)], signed.note.clone()).into_response())
    })
    .await
}

async fn tile(State(app): State<Arc<App>>, Path(path): Path<String>) -> Response {
    let Ok(tile) = format!("tile/{path}").parse::<Tile>() else {
        return Refused::new(StatusCode::NOT_FOUND, "this is not the path of a tile").into_response();
    };
    answer(&app, move |reader| {
        let missing = || Refused::new(StatusCode::NOT_FOUND, "the log has no such tile yet");
        let bytes = match tile.kind() {
            TileKind::Hashes(_) => reader.tree().tile(&tile),
            TileKind::Entries => entries(reader, &tile)?,
        };
        Ok(([(CONTENT_TYPE, BYTES), (CACHE_CONTROL, FOR_EVER)], bytes.ok_or_else(missing)?).into_response())
    })
    .await
}

/// The entries of a tile; `None` where there are not so many yet.
fn entries(reader: &Reader, tile: &Tile) -> Result<Option<Vec<u8>>, Refused> {
    let failed = |error: &dyn fmt::Display| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error);
    let width = usize::from(tile.width());
    if tile.first().saturating_add(u64::from(tile.width())) > reader.tree().size() {
        return Ok(None);
    }
    let mut entries = Vec::with_capacity(width);
    while entries.len() < width {
        let next = tile.first().saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX));
        let more = reader.events(next, width - entries.len()).map_err(|error| failed(&error))?;
        if more.is_empty() {
            return Ok(None);
        }
        entries.extend(more);
    }
    bundle(entries.iter().map(AsRef::as_ref)).map(Some).map_err(|fault| failed(&fault))
}

/// Works out an answer away from the threads that serve sockets: it may read from the disk.
async fn answer(app: &Arc<App>, work: impl FnOnce(&Reader) -> Result<Response, Refused> + Send + 'static) -> Response {
    let reader = match app.reader() {
        Ok(reader) => reader,
        Err(rebuilding) => return Refused::new(StatusCode::SERVICE_UNAVAILABLE, rebuilding).into_response(),
    };
    let answered = app.work(move || work(&reader)).await;
    let answered = answered.unwrap_or_else(|error| Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error)));
    answered.unwrap_or_else(IntoResponse::into_response)
}

/// Why there is no file, in one line.
struct Refused(StatusCode, String);

impl Refused {
    fn new(status: StatusCode, why: impl fmt::Display) -> Self {
        Self(status, format!("{why}\n"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, FLEETING)], self.1).into_response()
    }
}
