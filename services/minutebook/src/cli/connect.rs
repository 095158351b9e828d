//! How the command line reaches a ledger: always by gRPC, with a server elsewhere or with one inside this process.

use std::io::ErrorKind;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use minutebook_client::{Client, Error, Language};
use minutebook_domain::ids::Position;
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Refusal;
use minutebook_ledger::lock::{LockError, holder_address};
use minutebook_ledger::{OpenError, Options, has_remains};
use minutebook_proto::pb;

use super::failure::{Exit, Failure};
use super::unopened::{Unopened, refused};
use crate::server::{InProcess, StartError, in_process};

/// The part of a data directory without which it is no ledger.
const JOURNAL: &str = "journal";

/// Where the ledger is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The address of a server.
    pub(crate) server: Option<String>,
    /// The data directory, where there is no address.
    pub(crate) data: PathBuf,
}

/// A connection to a ledger.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    // The server inside this process, where there is one.
    held: Option<InProcess>,
}

/// A session is asked like the client that it holds.
impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Session {
    /// Connects to a ledger.
    pub(crate) async fn open(place: &Place, lang: Lang) -> Result<Self, Failure> {
        let language = if lang == Lang::Nl { Language::Dutch } else { Language::English };
        if let Some(server) = &place.server {
            return Ok(Self { client: dial(server, lang).await?.speaking(language), held: None });
        }
        check_directory(&place.data, lang)?;
        match in_process(&place.data, Options::default()).await {
            Ok(held) => Ok(Self { client: Client::over(held.channel()).speaking(language), held: Some(held) }),
            Err(StartError::Open(OpenError::Lock(LockError::Locked { dir, address }))) => {
                // The holder may note its address a moment after it takes the lock.
                let address = address.or_else(|| holder_address(&dir).ok().flatten());
                let address = address.ok_or_else(|| locked(&dir, lang))?;
                // Where nobody answers there, the directory is held all the same.
                let client = dial(&address, lang).await.map_err(|_| locked(&dir, lang))?;
                Ok(Self { client: client.speaking(language), held: None })
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

    /// Ends the connection, and closes a ledger that this process opened.
    pub(crate) async fn close(self) {
        let Self { client, held } = self;
        drop(client);
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

async fn dial(address: &str, lang: Lang) -> Result<Client, Failure> {
    let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    if url.starts_with("https:") {
        let nl = "https kan nog niet; gebruik http:// naar deze machine of naar een programma dat de lijn versleutelt";
        let en = "https is not there yet; use http:// to this machine, or to a program that encrypts the line";
        return Err(Failure::usage(if lang == Lang::Nl { nl } else { en }));
    }
    Client::connect(&url).await.map_err(|error| {
        if let Error::Unreachable { why, .. } = error {
            let nl = format!("geen server bereikbaar op {url} ({why}); draait `minutebook serve` daar?");
            let en = format!("no server can be reached at {url} ({why}); does `minutebook serve` run there?");
            return Failure::new(Exit::Unreachable, "UNREACHABLE", if lang == Lang::Nl { nl } else { en });
        }
        let nl = format!("`{address}` is geen adres; gebruik bijvoorbeeld http://127.0.0.1:7468");
        let en = format!("`{address}` is not an address; use for example http://127.0.0.1:7468");
        Failure::usage(if lang == Lang::Nl { nl } else { en })
    })
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
