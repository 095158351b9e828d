//! `events`: what was recorded, in its order.

use clap::Args;
use minutebook_proto::{decode_event, pb};

use super::connect::Session;
use super::event_json;
use super::failure::Failure;
use super::page::print;
use super::{Format, Output};

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
    /// Only events of this name, such as ItemChanged; may be given more than once
    #[arg(long = "type", value_name = "NAME")]
    types: Vec<String>,
}

impl Events {
    /// Prints them as they come.
    pub(crate) async fn run(self, session: &Session, output: &Output) -> Result<(), Failure> {
        let request = pb::ReadEventsRequest { from: self.from, limit: self.limit, types: self.types };
        let mut stream = session.ledger().read_events(request).await?.into_inner();
        while let Some(answer) = stream.message().await? {
            print(&line(&answer.event, output))?;
        }
        Ok(())
    }
}

/// One event on one line.
fn line(bytes: &[u8], output: &Output) -> String {
    match (decode_event(bytes), output.format) {
        (Ok(recorded), Format::Json) => format!("{}\n", event_json::event(&recorded)),
        (Ok(recorded), _) => format!("{}\n", event_json::summary(&recorded, output.words)),
        // A newer program wrote it, or only holders of a key can read it: its place is known all the same.
        (Err(error), Format::Json) => format!("{}\n", event_json::unreadable(bytes, &error)),
        (Err(error), _) => format!("{error}\n"),
    }
}
