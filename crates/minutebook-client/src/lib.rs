//! The client of a minutebook server: typed calls, writes that can be retried, and subscriptions that go on.
//!
//! - [`Client`] connects and gives the generated client of each service. A clone shares the connection.
//! - [`Client::write`] sends a write, and sends it again under the same request id where the line broke or the server was
//!   away, so that it is recorded once.
//! - [`Follower`] follows the ledger: whole requests, in their order, each once, over restarts of the server and cuts of
//!   the network, for years. With the ledger's verifier key it hands out only what is proved to be in the log.
//! - [`Kept`] is what a follower remembers between two runs, in a file or wherever you keep what you make of the events.
//!
//! What an event or an answer means stands in `proto/minutebook/v1`; [`pb`] has the generated types.
//!
//! # Quick start
//!
//! ```no_run
//! use minutebook_client::{Client, Start, Told, pb};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("127.0.0.1:7468").await?;
//!
//! // A query, by the generated client of its service.
//! let agendas = client.agenda().list_agendas(pb::ListAgendasRequest::default()).await?.into_inner();
//! println!("{} agendas at position {}", agendas.agendas.len(), agendas.position);
//!
//! // A write, recorded once however often it has to be sent.
//! let party = pb::Party { id: "sport-drenthe".into(), name: "Sport Drenthe".into(), ..pb::Party::default() };
//! let record = pb::Record { record: Some(pb::record::Record::Party(party)) };
//! let request = pb::RegisterRecordRequest { record: Some(record), ..pb::RegisterRecordRequest::default() };
//! let receipt = client.write(request).await?.receipt.unwrap_or_default();
//! println!("recorded as event {}", receipt.first);
//!
//! // The changes of one agenda, from the first event on. What was dealt with is kept in a file, so that another run
//! // goes on there; with the verifier key nothing has to be believed.
//! let filter = pb::EventFilter { agendas: vec!["krimp-en-leefbaarheid".into()], ..pb::EventFilter::default() };
//! let key = "drenthe+…".parse()?;
//! let mut follower = client.follow(Start::Beginning).filter(filter).verified_by(key).kept_in("follower.kept")?;
//! loop {
//!     match follower.next().await? {
//!         Told::Events(batch) => {
//!             for event in batch.events {
//!                 println!("{}: {:?}", event.position, event.name());
//!             }
//!         }
//!         Told::CaughtUp(position) => println!("what follows is new after {position}"),
//!         Told::Checkpoint(_) => {}
//!         Told::Interrupted(why) => eprintln!("connecting again: {why}"),
//!     }
//! }
//! # }
//! ```

mod audit;
mod backoff;
mod connect;
mod error;
mod follow;
mod intake;
mod kept;
mod write;

pub use connect::{Client, Language, Line};
pub use error::{Error, Place, Refused, Unproved};
pub use follow::{Follower, Start};
pub use intake::{Batch, Event, Told};
pub use kept::{Kept, KeptFault};
pub use minutebook_proto::pb;
pub use minutebook_tlog::VerifierKey;
pub use tonic::Code;
pub use write::Write;
