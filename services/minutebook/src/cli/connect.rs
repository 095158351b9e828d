//! How the command line reaches a ledger: always by gRPC, with a server elsewhere or with one inside this process.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use minutebook_domain::ids::Position;
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Refusal;
use minutebook_ledger::lock::{LockError, holder_address};
use minutebook_ledger::{OpenError, Options, has_remains};
use minutebook_proto::pb;
use minutebook_proto::pb::admin_service_client::AdminServiceClient;
use minutebook_proto::pb::agenda_service_client::AgendaServiceClient;
use minutebook_proto::pb::agreement_service_client::AgreementServiceClient;
use minutebook_proto::pb::audit_service_client::AuditServiceClient;
use minutebook_proto::pb::cursor_service_client::CursorServiceClient;
use minutebook_proto::pb::decision_service_client::DecisionServiceClient;
use minutebook_proto::pb::directory_service_client::DirectoryServiceClient;
use minutebook_proto::pb::ledger_service_client::LedgerServiceClient;
use minutebook_proto::pb::review_service_client::ReviewServiceClient;
use minutebook_proto::pb::role_service_client::RoleServiceClient;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::failure::{Exit, Failure};
use super::unopened::{Unopened, refused};
use crate::server::{InProcess, StartError, in_process};

/// The part of a data directory without which it is no ledger.
const JOURNAL: &str = "journal";
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The largest answer that is taken, in bytes.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Where the ledger is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The address of a server.
    pub(crate) server: Option<String>,
    /// The data directory, where there is no address.
    pub(crate) data: PathBuf,
}

/// Says in each request which language answers should be in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaks(Lang);

impl Interceptor for Speaks {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let lang = if self.0 == Lang::Nl { "nl" } else { "en" };
        request.metadata_mut().insert("accept-language", MetadataValue::from_static(lang));
        Ok(request)
    }
}

/// What the generated clients speak over.
pub(crate) type Line = InterceptedService<Channel, Speaks>;

/// A connection to a ledger.
#[derive(Debug)]
pub(crate) struct Session {
    channel: Channel,
    speaks: Speaks,
    // The server inside this process, where there is one.
    held: Option<InProcess>,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident,)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name(&self) -> $client<Line> {
                $client::with_interceptor(self.channel.clone(), self.speaks).max_decoding_message_size(ANSWER_BYTES)
            }
        )*
    };
}

impl Session {
    /// Connects to a ledger.
    pub(crate) async fn open(place: &Place, lang: Lang) -> Result<Self, Failure> {
        let speaks = Speaks(lang);
        if let Some(server) = &place.server {
            return Ok(Self { channel: dial(server, lang).await?, speaks, held: None });
        }
        check_directory(&place.data, lang)?;
        match in_process(&place.data, Options::default()).await {
            Ok(held) => Ok(Self { channel: held.channel(), speaks, held: Some(held) }),
            Err(StartError::Open(OpenError::Lock(LockError::Locked { dir, address }))) => {
                // The holder may note its address a moment after it takes the lock.
                let address = address.or_else(|| holder_address(&dir).ok().flatten());
                let address = address.ok_or_else(|| locked(&dir, lang))?;
                // Where nobody answers there, the directory is held all the same.
                let channel = dial(&address, lang).await.map_err(|_| locked(&dir, lang))?;
                Ok(Self { channel, speaks, held: None })
            }
            Err(error) => Err(not_started(&error, &place.data, lang)),
        }
    }

    /// Waits until an event can be read, where that is asked for; not for long.
    pub(crate) async fn reach(&self, min_position: Option<Position>) -> Result<(), Failure> {
        if min_position.is_some() {
            self.admin().get_status(pb::GetStatusRequest { digest: false, min_position }).await?;
        }
        Ok(())
    }

    clients! {
        /// How the ledger is doing.
        admin: AdminServiceClient,
        /// Agendas, and corrections.
        agenda: AgendaServiceClient,
        /// Agreements and money.
        agreement: AgreementServiceClient,
        /// Proof.
        audit: AuditServiceClient,
        /// The places of consumers.
        cursor: CursorServiceClient,
        /// Decisions and motions.
        decision: DecisionServiceClient,
        /// Registers and single records.
        directory: DirectoryServiceClient,
        /// Imports and events.
        ledger: LedgerServiceClient,
        /// Reviews.
        review: ReviewServiceClient,
        /// Roles.
        role: RoleServiceClient,
    }

    /// Ends the connection, and closes a ledger that this process opened.
    pub(crate) async fn close(self) {
        let Self { channel, held, .. } = self;
        drop(channel);
        if let Some(held) = held {
            held.close().await;
        }
    }
}

/// Opening a directory makes its lock file, and a directory that is no ledger should not get one by mistake.
pub(crate) fn check_directory(data: &Path, lang: Lang) -> Result<(), Failure> {
    match std::fs::metadata(data.join(JOURNAL)) {
        // A directory that may not be read is opened all the same: that says best what is wrong.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Ok(journal) if journal.is_dir() => Ok(()),
        // Something was here: opening says what is missing.
        _ if has_remains(data) => Ok(()),
        _ => Err(unopened(&Unopened::NoLedger { data: data.display().to_string() }, lang)),
    }
}

async fn dial(address: &str, lang: Lang) -> Result<Channel, Failure> {
    let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    if url.starts_with("https:") {
        let nl = "https kan nog niet; gebruik http:// naar deze machine of naar een programma dat de lijn versleutelt";
        let en = "https is not there yet; use http:// to this machine, or to a program that encrypts the line";
        return Err(Failure::usage(if lang == Lang::Nl { nl } else { en }));
    }
    let endpoint = Endpoint::from_shared(url.clone()).map_err(|_| {
        let nl = format!("`{address}` is geen adres; gebruik bijvoorbeeld http://127.0.0.1:7468");
        let en = format!("`{address}` is not an address; use for example http://127.0.0.1:7468");
        Failure::usage(if lang == Lang::Nl { nl } else { en })
    })?;
    endpoint.connect_timeout(CONNECT).connect().await.map_err(|error| {
        let why = root_of(&error);
        let nl = format!("geen server bereikbaar op {url} ({why}); draait `minutebook serve` daar?");
        let en = format!("no server can be reached at {url} ({why}); does `minutebook serve` run there?");
        Failure::new(Exit::Unreachable, "UNREACHABLE", if lang == Lang::Nl { nl } else { en })
    })
}

/// What the operating system said, below the layers that passed it on.
fn root_of(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root_of)
}

fn unopened(why: &Unopened, lang: Lang) -> Failure {
    Failure::new(why.exit(), why.code(), why.message(lang))
}

fn locked(dir: &Path, lang: Lang) -> Failure {
    unopened(&Unopened::Locked { dir: dir.display().to_string() }, lang)
}

/// Why a ledger of this machine was not founded, opened or closed.
pub(crate) fn not_started(error: &StartError, data: &Path, lang: Lang) -> Failure {
    if let Some(refusal) = refused(error) {
        // A zone that is none is a wrong option, not a rule.
        let exit = if matches!(refusal, Refusal::ZoneUnknown { .. }) { Exit::Usage } else { Exit::Refused };
        return Failure::new(exit, refusal.code(), refusal.message(lang));
    }
    let data = data.display().to_string();
    unopened(
        &match Unopened::from(error) {
            // The directory as it was named, not as it was looked up.
            Unopened::NoLedger { .. } => Unopened::NoLedger { data },
            Unopened::Present { .. } => Unopened::Present { data },
            why => why,
        },
        lang,
    )
}
