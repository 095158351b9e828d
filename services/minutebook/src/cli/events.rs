//! `events`: what was recorded, in its order.

use clap::Args;
use minutebook_proto::{decode_event, pb};

use super::connect::Session;
use super::event_json;
use super::failure::Failure;
use super::page::print;
use super::{Format, Output};

/// How many bytes are printed at once: one at a time, a million lines take their time.
const BATCH: usize = 64 * 1024;

/// Which events.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook events --type RevisionSealed --format json")]
pub(crate) struct Events {
    /// The first position
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    from: u64,
    /// The most events to print; 0 is all
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    limit: u64,
    /// Only events of this name, such as `ItemChanged`; may be given more than once
    #[arg(long = "type", value_name = "NAME")]
    types: Vec<String>,
}

impl Events {
    /// Prints them as they come.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let request =
            pb::ReadEventsRequest { from: self.from, limit: self.limit, types: self.types, min_position: None };
        let mut stream = session.ledger().read_events(request).await?.into_inner();
        let mut lines = String::new();
        loop {
            let answer = stream.message().await;
            // Whatever ends the stream, what came before it is printed.
            if lines.len() >= BATCH || !matches!(answer, Ok(Some(_))) {
                print(&std::mem::take(&mut lines))?;
            }
            match answer? {
                Some(answer) => lines.push_str(&line(&answer.event, output)),
                None => return Ok(()),
            }
        }
    }
}

/// One event on one line.
pub(super) fn line(bytes: &[u8], output: Output) -> String {
    match (decode_event(bytes), output.format) {
        (Ok(recorded), Format::Json) => format!("{}\n", event_json::event(&recorded)),
        (Ok(recorded), _) => format!("{}\n", event_json::summary(&recorded, output.words)),
        // A newer program wrote it, or only holders of a key can read it: its place is known all the same.
        (Err(error), Format::Json) => format!("{}\n", event_json::unreadable(bytes, &error)),
        (Err(error), _) => format!("{error}\n"),
    }
}
