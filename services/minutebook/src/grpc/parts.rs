//! Answers in parts. The next stretch is worked out when the one before it has been taken: nothing is queued for a slow
//! reader, and no thread waits for it.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, Stream, TryStreamExt as _};
use minutebook_domain::message::Lang;
use tonic::Status;

use super::status;
use super::trouble::{Fault, Trouble};
use crate::app::App;

/// An answer in parts.
pub(crate) type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The parts that `next` gives, a stretch at a time, until it gives none. It may read from a disk.
pub(super) fn in_parts<S, T, F>(app: &Arc<App>, lang: Lang, state: S, next: F) -> Parts<T>
where
    S: Send + 'static,
    T: Send + 'static,
    F: Fn(&mut S) -> Result<Vec<T>, Fault> + Copy + Send + 'static,
{
    let app = Arc::clone(app);
    let stretches = stream::try_unfold(state, move |mut state| {
        let app = Arc::clone(&app);
        async move {
            let worked = app.read(move || (next(&mut state), state)).await;
            let (stretch, state) = worked.map_err(|error| status::trouble(Trouble::failed(error), lang))?;
            let stretch = stretch.map_err(|fault| status::unanswered(fault, lang))?;
            Ok::<_, Status>((!stretch.is_empty()).then_some((stretch, state)))
        }
    });
    Box::pin(stretches.map_ok(|stretch| stream::iter(stretch.into_iter().map(Ok))).try_flatten())
}
