//! The connection to a server.

use std::time::Duration;

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

use crate::Error;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection may be silent before the server is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// The largest answer that is taken, in bytes.
const ANSWER_BYTES: usize = 64 << 20;
/// How long a write is sent again, unless asked otherwise.
const RETRY: Duration = Duration::from_mins(1);

/// The language that a server answers in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Dutch.
    Dutch,
}

impl Interceptor for Language {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let name = if *self == Self::Dutch { "nl" } else { "en" };
        request.metadata_mut().insert("accept-language", MetadataValue::from_static(name));
        Ok(request)
    }
}

/// What the generated clients speak over.
pub type Line = InterceptedService<Channel, Language>;

/// A connection to a server, which is made again by itself where it broke. A clone shares it.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
    /// How to make another one; `None` where the channel is somebody else's.
    endpoint: Option<Endpoint>,
    language: Language,
    pub(crate) retry: Duration,
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident: $client:ident,)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&self) -> $client<Line> {
                $client::with_interceptor(self.channel.clone(), self.language).max_decoding_message_size(ANSWER_BYTES)
            }
        )*
    };
}

impl Client {
    /// Connects to a server: `127.0.0.1:7468`, or with `http://` before it. Tells where nobody answers there.
    pub async fn connect(address: &str) -> Result<Self, Error> {
        let endpoint = endpoint(address)?;
        let unreachable =
            |error| Error::Unreachable { address: endpoint.uri().to_string(), why: root_of(&error).to_string() };
        let channel = endpoint.connect().await.map_err(unreachable)?;
        Ok(Self { endpoint: Some(endpoint), ..Self::over(channel) })
    }

    /// A client of a server that need not be there yet: the first call connects.
    pub fn connect_later(address: &str) -> Result<Self, Error> {
        let endpoint = endpoint(address)?;
        Ok(Self { endpoint: Some(endpoint.clone()), ..Self::over(endpoint.connect_lazy()) })
    }

    /// A client over a channel that you made yourself.
    pub fn over(channel: Channel) -> Self {
        Self { channel, endpoint: None, language: Language::default(), retry: RETRY }
    }

    /// Has the server answer in this language.
    #[must_use]
    pub fn speaking(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Sends a write again for this long before it is given up; a minute unless asked otherwise.
    #[must_use]
    pub fn retrying_for(self, retry: Duration) -> Self {
        Self { retry, ..self }
    }

    services! {
        /// How the ledger is doing, and its key.
        admin: AdminServiceClient,
        /// Agendas, what changed in them and why, and corrections.
        agenda: AgendaServiceClient,
        /// Agreements and money.
        agreement: AgreementServiceClient,
        /// Proof.
        audit: AuditServiceClient,
        /// Places that the server keeps for consumers.
        cursor: CursorServiceClient,
        /// Decisions and motions.
        decision: DecisionServiceClient,
        /// Registers and single records.
        directory: DirectoryServiceClient,
        /// Batches, documents and events.
        ledger: LedgerServiceClient,
        /// Reviews.
        review: ReviewServiceClient,
        /// Roles.
        role: RoleServiceClient,
    }

    /// Leaves a connection on which nothing comes any more. The system may take minutes to find out that it broke.
    pub(crate) fn leave_connection(&mut self) {
        if let Some(endpoint) = &self.endpoint {
            self.channel = endpoint.connect_lazy();
        }
    }
}

fn endpoint(address: &str) -> Result<Endpoint, Error> {
    let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let unfit = |why: &str| Error::Address { address: address.to_owned(), why: why.to_owned() };
    if !url.starts_with("http://") {
        return Err(unfit("encryption is not there yet; use http:// to this machine, or to what encrypts the line"));
    }
    let endpoint = Endpoint::from_shared(url).map_err(|error| unfit(&root_of(&error).to_string()))?;
    let agent = concat!("minutebook-client/", env!("CARGO_PKG_VERSION"));
    let endpoint = endpoint.user_agent(agent).map_err(|error| unfit(&root_of(&error).to_string()))?;
    Ok(endpoint
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_ANSWER)
        .keep_alive_while_idle(true))
}

/// What the operating system said, below the layers that passed it on.
fn root_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, root_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_checked_before_anybody_is_called() {
        for address in ["", "https://127.0.0.1:7468", "not an address", "http://"] {
            assert!(matches!(Client::connect_later(address), Err(Error::Address { .. })), "{address}");
        }
        assert!(Client::connect_later("127.0.0.1:7468").is_ok());
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = Client::connect(&closed.to_string()).await.unwrap_err();
        assert!(
            matches!(&error, Error::Unreachable { address, .. } if address.contains(&closed.to_string())),
            "{error}"
        );
    }
}
