//! What is served to browsers and other HTTP clients, on the port of the gRPC services.

mod tiles;

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// Every page and file.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    tiles::routes().with_state(Arc::clone(app))
}
