//! What is served to browsers and other HTTP clients, on the port of the gRPC services.

mod tiles;

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tonic::Status;

use crate::app::App;

/// Every page and file.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    tiles::routes().with_state(Arc::clone(app))
}

/// What nobody serves: a service that is not there, or a page.
pub(crate) async fn elsewhere(headers: HeaderMap) -> Response {
    if is_grpc(&headers) {
        return Status::unimplemented("there is no such service").into_http();
    }
    (StatusCode::NOT_FOUND, "there is no such page\n").into_response()
}

/// Does a request speak gRPC?
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}
