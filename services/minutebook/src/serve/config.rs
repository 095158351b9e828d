//! The configuration of a server: a TOML file in which everything may be left out. `ops/minutebook.toml` shows all of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use axum::http::{HeaderValue, Uri};
use minutebook_domain::message::messages;
use minutebook_domain::value::Nearest;
use toml::{Table, Value};

use super::limits::Limits;

/// Where a server listens unless it is told otherwise.
pub(crate) const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7468);

/// The settings beside the limits.
const NAMES: [&str; 5] = ["listen", "insecure_listen", "reflection", "web_origins", "limits"];

/// The configuration of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Listen on an address that others can reach, without encryption and without knowing who calls.
    pub(crate) insecure_listen: bool,
    /// Tell programs which services there are. Without it a client has to have `proto/`.
    pub(crate) reflection: bool,
    /// The origins of pages whose scripts may call the services over gRPC-web.
    pub(crate) web_origins: Vec<HeaderValue>,
    /// How much of everything.
    pub(crate) limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            insecure_listen: false,
            reflection: true,
            web_origins: Vec::new(),
            limits: Limits::default(),
        }
    }
}

messages! {
    /// What is wrong with a configuration.
    pub(crate) enum Misconfigured {
        /// It cannot be read.
        Unreadable { path: String, why: String } = "CONFIG_FORM"
            nl "het configuratiebestand `{path}` is niet te lezen (melding: {why})"
            en "the configuration file `{path}` cannot be read: {why}"
        /// It is not TOML.
        Form { line: usize, why: String } = "CONFIG_FORM"
            nl "regel {line} van de configuratie is geen TOML (melding: {why})"
            en "line {line} of the configuration is not TOML: {why}"
        /// There is no such setting.
        Unknown { name: String, nearest: Nearest } = "CONFIG_UNKNOWN"
            nl "er is geen instelling `{name}`{nearest:#}; ops/minutebook.toml noemt ze alle"
            en "there is no setting `{name}`{nearest}; ops/minutebook.toml names them all"
        /// Another kind of value.
        NoAddress { name: &'static str } = "CONFIG_FORM"
            nl "`{name}` is een adres met een poort, zoals \"127.0.0.1:7468\""
            en "`{name}` is an address with a port, such as \"127.0.0.1:7468\""
        /// Another kind of value.
        NoTruth { name: &'static str } = "CONFIG_FORM"
            nl "`{name}` is true of false"
            en "`{name}` is true or false"
        /// Not a table.
        NoTable { name: &'static str } = "CONFIG_FORM"
            nl "`{name}` is een tabel: schrijf [{name}] op een eigen regel"
            en "`{name}` is a table: write [{name}] on a line of its own"
        /// Not an origin.
        NoOrigin { text: String } = "CONFIG_FORM"
            nl "`{text}` in `web_origins` is geen oorsprong zoals \"https://raad.example.nl\"; een lijst daarvan, zonder pad"
            en "`{text}` in `web_origins` is no origin such as \"https://council.example.org\"; a list of these, without a path"
        /// Too little or too much.
        Bounds { name: &'static str, least: u32, most: u32 } = "CONFIG_BOUNDS"
            nl "`{name}` is een geheel getal van {least} tot en met {most}"
            en "`{name}` is a whole number from {least} to {most}"
    }
}

impl Config {
    /// Reads a file.
    pub(crate) fn open(path: &Path) -> Result<Self, Misconfigured> {
        let unreadable =
            |why: std::io::Error| Misconfigured::Unreadable { path: path.display().to_string(), why: why.to_string() };
        Self::read(&std::fs::read_to_string(path).map_err(unreadable)?)
    }

    /// Reads a text. What it does not say is as it is by default.
    pub(crate) fn read(text: &str) -> Result<Self, Misconfigured> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            Misconfigured::Form { line: before.matches('\n').count() + 1, why: error.message().to_owned() }
        })?;
        let mut config = Self::default();
        for (name, value) in &table {
            match name.as_str() {
                "listen" => config.listen = address("listen", value)?,
                "insecure_listen" => config.insecure_listen = truth("insecure_listen", value)?,
                "reflection" => config.reflection = truth("reflection", value)?,
                "web_origins" => config.web_origins = origins(value)?,
                "limits" => {
                    let limits = value.as_table().ok_or(Misconfigured::NoTable { name: "limits" })?;
                    limits.iter().try_for_each(|(name, value)| limit(&mut config.limits, name, value))?;
                }
                name => return Err(unknown(name, &NAMES)),
            }
        }
        Ok(config)
    }
}

fn unknown(name: &str, known: &[&str]) -> Misconfigured {
    Misconfigured::Unknown { name: name.to_owned(), nearest: Nearest::of(name, known.iter().copied()) }
}

fn address(name: &'static str, value: &Value) -> Result<SocketAddr, Misconfigured> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or(Misconfigured::NoAddress { name })
}

fn truth(name: &'static str, value: &Value) -> Result<bool, Misconfigured> {
    value.as_bool().ok_or(Misconfigured::NoTruth { name })
}

/// Origins as browsers send them: a scheme, a host and perhaps a port. There is no "all": a page of anybody could then
/// write in the name of whoever looks at it.
fn origins(value: &Value) -> Result<Vec<HeaderValue>, Misconfigured> {
    let misread = |value: &Value| Misconfigured::NoOrigin { text: value.as_str().unwrap_or_default().to_owned() };
    let origin = |value: &Value| {
        let no_origin = || misread(value);
        let text = value.as_str().ok_or_else(no_origin)?;
        let (scheme, host) = text.split_once("://").ok_or_else(no_origin)?;
        let is_host = host.parse::<Uri>().is_ok_and(|uri| uri.authority().is_some_and(|whole| whole.as_str() == host));
        let is_plain = ["http", "https"].contains(&scheme) && is_host && !host.contains(['*', '@']);
        HeaderValue::from_str(text).ok().filter(|_| is_plain).ok_or_else(no_origin)
    };
    let list = value.as_array().ok_or_else(|| misread(value))?;
    list.iter().map(origin).collect()
}

fn limit(limits: &mut Limits, name: &str, value: &Value) -> Result<(), Misconfigured> {
    let Some(setting) = Limits::SETTINGS.iter().find(|setting| setting.name == name) else {
        let names: Vec<_> = Limits::SETTINGS.iter().map(|setting| setting.name).collect();
        return Err(unknown(name, &names));
    };
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    let fits = number.filter(|number| (setting.least..=setting.most).contains(number));
    let bounds = || Misconfigured::Bounds { name: setting.name, least: setting.least, most: setting.most };
    let fits = fits.ok_or_else(bounds)?;
    if let Some(limit) = limits.named(name) {
        *limit = fits;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::limits::Setting;
    use super::*;

    /// The sample that stands with the unit of systemd.
    const SAMPLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops/minutebook.toml"));

    #[test]
    fn the_sample_names_every_setting_once_and_says_what_it_is_by_default() {
        assert_eq!(Config::read(SAMPLE), Ok(Config::default()));
        let table: Table = SAMPLE.parse().expect("TOML");
        assert!(NAMES.iter().all(|name| table.contains_key(*name)) && table.len() == NAMES.len());
        let limits = table["limits"].as_table().expect("a table");
        let names: Vec<_> = Limits::SETTINGS.iter().map(|setting| setting.name).collect();
        assert!(names.iter().all(|name| limits.contains_key(*name)) && limits.len() == names.len());
        // Each has a word of why before it, and says how far it goes.
        for (line, before) in SAMPLE.lines().skip(1).zip(SAMPLE.lines()) {
            assert!(!line.contains(" = ") || line.starts_with('#') || before.starts_with('#'), "{line}");
        }
        let flat = SAMPLE.replace("\n# ", " ").replace('_', "");
        for Setting { name, default, least, most } in Limits::SETTINGS {
            let told = format!("From {least} to {most}.\n{} = {default}", name.replace('_', ""));
            assert!(flat.contains(&told), "{told}");
        }
    }

    #[test]
    fn what_a_file_does_not_say_is_as_it_is_by_default() {
        assert_eq!(Config::read(""), Ok(Config::default()));
        let config = Config::read("web_origins = [\"https://a.example\"]\n[limits]\nconnections = 7\n").expect("read");
        assert_eq!((config.limits.connections, config.web_origins.len()), (7, 1));
        assert_eq!(Limits { connections: 1_024, ..config.limits }, Limits::default());
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        for (text, words) in [
            ("listn = \"127.0.0.1:1\"", "did you mean `listen`"),
            ("[limits]\nconnection = 1", "did you mean `connections`"),
            ("[limits]\nconnections = 0", "from 1 to 60000"),
            ("[limits]\nopening_s = 61", "from 1 to 60"),
            ("[limits]\nopening_s = -1", "from 1 to 60"),
            ("[limits]\nopening_s = 1.5", "from 1 to 60"),
            ("[limits]\nopening_s = 99999999999", "from 1 to 60"),
            ("limits = 3", "a table"),
            ("listen = \"localhost\"", "an address with a port"),
            ("reflection = 1", "true or false"),
            ("insecure_listen = \"yes\"", "true or false"),
            ("web_origins = \"https://a.example\"", "a list of these"),
            ("web_origins = [\"*\"]", "`*`"),
            ("web_origins = [\"https://*\"]", "`https://*`"),
            ("web_origins = [\"https://a.example/\"]", "without a path"),
            ("web_origins = [\"file://a\"]", "no origin"),
            ("reflection = true\nlisten", "line 2"),
        ] {
            let fault = Config::read(text).expect_err(text);
            assert!(fault.to_string().contains(words), "{text}: {fault}");
            assert!(!format!("{fault:#}").is_empty());
        }
    }
}
