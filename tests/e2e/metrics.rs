//! What a server tells of itself: every metric that the dashboard, the alerts and the runbook name is there, its numbers
//! follow what happens, and neither the metrics nor the log hold what clients wrote.
#![allow(clippy::float_cmp, reason = "counts are whole numbers, also where they are written as others are")]

use std::collections::{BTreeMap, BTreeSet};

use minutebook_proto::pb;
use minutebook_proto::pb::agenda_service_client::AgendaServiceClient;
use minutebook_proto::pb::subscribe_request::Start;
use minutebook_proto::pb::subscribe_response::Told;
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;
use tonic::{Code, Request};

use crate::fixture::client::{batch, connect, ledger as recorder, record_party, register};
use crate::fixture::program::Ledger;
use crate::fixture::server::{Server, http};
use crate::fixture::text;

const DASHBOARD: &str = "ops/grafana/minutebook.json";
const RULES: &str = "ops/prometheus/minutebook.rules.yml";
const CONFIGURATION: &str = "ops/prometheus/prometheus.yml";

/// What a server told when it was asked.
#[derive(Debug, Default)]
struct Scrape {
    /// What kind of metric each is.
    kinds: BTreeMap<String, String>,
    /// Every value, by its name with its labels.
    values: BTreeMap<String, f64>,
}

impl Scrape {
    /// Asks, and reads the answer line by line; whatever is not as the format wants it fails the test.
    fn of(metrics: &str) -> Self {
        let (address, path) = metrics.split_at(metrics.len() - "/metrics".len());
        let (status, head, body) = http(address, &format!("GET {path}"));
        assert_eq!(status, 200);
        assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
        let body = String::from_utf8(body).expect("UTF-8");
        let body = body.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("not whole: {body}"));
        let (mut scrape, mut helped) = (Self::default(), BTreeSet::new());
        let mut family = String::new();
        for line in body.lines() {
            let words: Vec<_> = line.splitn(4, ' ').collect();
            match words.as_slice() {
                ["#", "HELP", name, help] => {
                    assert!(helped.insert((*name).to_owned()), "twice: {line}");
                    assert!(help.len() > 5 && help.ends_with('.'), "{line}");
                    (*name).clone_into(&mut family);
                }
                ["#", "TYPE", name, kind] => {
                    assert_eq!(*name, family, "HELP comes first: {line}");
                    assert!(["counter", "gauge", "histogram", "info"].contains(kind), "{line}");
                    scrape.kinds.insert(family.clone(), (*kind).to_owned());
                }
                ["#", "UNIT", name, unit] => {
                    assert!(*name == family && name.ends_with(&format!("_{unit}")), "{line}");
                }
                _ => scrape.value(&family, line),
            }
        }
        scrape.histograms_add_up();
        scrape
    }

    fn value(&mut self, family: &str, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let suffixes: &[&str] = match self.kinds.get(family).map(String::as_str) {
            Some("counter") => &["_total"],
            Some("gauge") => &[""],
            Some("histogram") => &["_bucket", "_sum", "_count"],
            Some("info") => &["_info"],
            kind => panic!("{line} is of no kind: {kind:?}"),
        };
        assert!(name.strip_prefix(family).is_some_and(|suffix| suffixes.contains(&suffix)), "{line} in {family}");
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (label, text) = label.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(["method", "status", "code", "version", "le"].contains(&label), "{line}");
            let text = text.strip_suffix('"').unwrap_or_else(|| panic!("{line}"));
            assert!(!text.is_empty() && !text.contains(['"', '\\']), "{line}");
        }
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value >= 0.0, "{line}");
        assert!(self.values.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }

    /// Ranges hold those before them, and the last one holds all.
    fn histograms_add_up(&self) {
        let mut ranges: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (series, count) in self.values.iter().filter(|(series, _)| series.contains("_bucket{le=\"")) {
            let (name, labels) = series.split_once("_bucket{le=\"").expect("filtered");
            let (bound, labels) = labels.split_once('"').expect("closed");
            let labels = labels.trim_start_matches(',');
            let labels = if labels == "}" { String::new() } else { format!("{{{labels}") };
            let bound = bound.parse().expect("a number");
            ranges.entry(format!("{name}_count{labels}")).or_default().push((bound, *count));
        }
        assert!(ranges.len() >= 3, "{ranges:?}");
        for (count, mut ranges) in ranges {
            ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(ranges.is_sorted_by(|a, b| a.1 <= b.1), "{count}: {ranges:?}");
            let last = ranges.last().expect("it has one");
            assert!(last.0.is_infinite() && Some(&last.1) == self.values.get(&count), "{count}: {ranges:?}");
        }
    }

    /// The value of a series.
    #[track_caller]
    fn get(&self, series: &str) -> f64 {
        *self.values.get(&format!("minutebook_{series}")).unwrap_or_else(|| panic!("no {series} in {self:#?}"))
    }

    /// The names that a question can use.
    fn names(&self) -> BTreeSet<&str> {
        self.values.keys().filter_map(|series| series.split('{').next()).collect()
    }
}

/// A server that tells metrics, and where.
fn watched(ledger: &Ledger) -> (Server, String) {
    let mut server = Server::start_with(&ledger.data(), &["--metrics", "127.0.0.1:0"], None);
    let metrics = server.says("minutebook tells metrics at ");
    assert!(metrics.starts_with("http://127.0.0.1:") && metrics.ends_with("/metrics"), "{metrics}");
    (server, metrics)
}

/// Asks for the history of an agenda item that is not there.
async fn ask_in_vain(address: &str) {
    let mut agenda = AgendaServiceClient::new(connect(address).await);
    let key = Some(pb::RecordKey { kind: pb::Kind::Action.into(), id: "nergens".into(), ..pb::RecordKey::default() });
    let asked = agenda.get_history(pb::GetHistoryRequest { key, ..pb::GetHistoryRequest::default() }).await;
    assert_eq!(asked.expect_err("it is not there").code(), Code::NotFound);
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.starts_with("minutebook_")).collect()
}

/// Every question in a dashboard.
fn questions(value: &Value) -> Vec<&str> {
    let own = value.get("expr").and_then(Value::as_str).into_iter();
    let within: Vec<_> = match value {
        Value::Object(fields) => fields.values().flat_map(questions).collect(),
        Value::Array(values) => values.iter().flat_map(questions).collect(),
        _ => Vec::new(),
    };
    own.chain(within).collect()
}

/// Every alert, by its name: what it asks.
fn alerts(text: &str) -> BTreeMap<String, String> {
    let documents = Yaml::load_from_str(text).expect("YAML");
    let groups = documents[0]["groups"].as_vec().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_vec().expect("rules"));
    let alert = |rule: &Yaml| {
        let severity = rule["labels"]["severity"].as_str().expect("a severity");
        assert!(["warning", "critical"].contains(&severity), "{rule:?}");
        assert!(rule["annotations"]["summary"].as_str().is_some_and(|words| words.len() > 20), "{rule:?}");
        let text = |field: &str| rule[field].as_str().expect("a text").to_owned();
        (text("alert"), text("expr"))
    };
    rules.map(alert).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_is_named_is_told() {
    let ledger = Ledger::found();
    let (server, metrics) = watched(&ledger);
    record_party(&connect(&server.address).await, "a", "party-a", "Een partij").await.expect("recorded");
    ask_in_vain(&server.address).await;
    let scrape = Scrape::of(&metrics);
    let told = scrape.names();

    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).expect("JSON");
    let questions = questions(&dashboard);
    assert!(questions.len() > 20, "{questions:?}");
    let alerts = alerts(&text(RULES));
    assert!(alerts.len() > 8, "{alerts:?}");
    for question in questions.into_iter().chain(alerts.values().map(String::as_str)) {
        let named = named(question);
        assert!(!named.is_empty() || question.starts_with("up{"), "{question}");
        let missing: Vec<_> = named.difference(&told).collect();
        assert!(missing.is_empty(), "{missing:?} of `{question}` are not in {told:#?}");
    }
    // The runbook explains each metric, and no other; a histogram by the name that its series begin with.
    let runbook = text("ops/RUNBOOK.md");
    let explained: BTreeSet<_> = named(&runbook).into_iter().filter(|name| *name != "minutebook_ledger").collect();
    let expected = scrape.kinds.iter().map(|(family, kind)| match kind.as_str() {
        "counter" => format!("{family}_total"),
        "info" => format!("{family}_info"),
        _ => family.clone(),
    });
    assert_eq!(explained, expected.collect::<Vec<_>>().iter().map(String::as_str).collect());

    let configuration = Yaml::load_from_str(&text(CONFIGURATION)).expect("YAML").remove(0);
    let file = configuration["rule_files"][0].as_str().expect("a file").to_owned();
    assert!(RULES.ends_with(&format!("/{file}")), "{file}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_follow_what_happens() {
    let ledger = Ledger::found();
    let (server, metrics) = watched(&ledger);
    let before = Scrape::of(&metrics);
    assert_eq!((before.get("commits_total"), before.get("book_events")), (0.0, 1.0));
    assert!(!before.names().contains("minutebook_refusals_total"));

    let channel = connect(&server.address).await;
    let parties = |from: u32, to| (from..to).map(|n| register(&format!("party-{n}"), "Een partij")).collect();
    recorder(&channel).record(batch("three", parties(0, 3))).await.expect("recorded");
    recorder(&channel).record(batch("one", parties(3, 4))).await.expect("recorded");
    // The same name for something else is refused.
    let refused = recorder(&channel).record(batch("one", parties(4, 5))).await;
    assert_eq!(refused.expect_err("refused").code(), Code::AlreadyExists);
    ask_in_vain(&server.address).await;
    ask_in_vain(&server.address).await;
    assert_eq!(http(&server.address, "GET /checkpoint").0, 200);
    assert_eq!(http(&server.address, "GET /party-0?token=geheim").0, 404);

    let after = Scrape::of(&metrics);
    let counts = ["commits_total", "events_recorded_total", "commit_events_count", "commit_events_sum"];
    assert_eq!(counts.map(|count| after.get(count)), [2.0, 4.0, 2.0, 4.0]);
    assert_eq!([1, 2, 4].map(|most| after.get(&format!("commit_events_bucket{{le=\"{most}.0\"}}"))), [1.0, 1.0, 2.0]);
    assert_eq!([after.get("append_seconds_count"), after.get("commit_submissions_count")], [2.0, 2.0]);
    assert!(after.get("append_seconds_sum") > 0.0 && after.get("appended_bytes_total") > 0.0);
    assert_eq!([after.get("book_events"), after.get("book_records"), after.get("book_marks")], [5.0, 4.0, 4.0]);
    let requests =
        |method: &str, status: &str| after.get(&format!("requests_total{{method=\"{method}\",status=\"{status}\"}}"));
    let (record, history) = ("minutebook.v1.LedgerService/Record", "minutebook.v1.AgendaService/GetHistory");
    assert_eq!([requests(record, "OK"), requests(record, "ALREADY_EXISTS")], [2.0, 1.0]);
    assert_eq!(after.get(&format!("request_seconds_count{{method=\"{record}\"}}")), 3.0);
    assert_eq!([requests(history, "NOT_FOUND"), requests("http", "2xx"), requests("http", "4xx")], [2.0, 1.0, 1.0]);
    let refusals = |code: &str| after.get(&format!("refusals_total{{code=\"{code}\"}}"));
    assert_eq!([refusals("REQUEST_ID_REUSED"), refusals("NOT_FOUND")], [1.0, 2.0]);
    let sound = ["writer_stopped", "store_degraded", "rebuilding", "queue_depth", "subscribers"];
    assert_eq!(sound.map(|gauge| after.get(gauge)), [0.0; 5]);
    assert!(after.get("process_start_time_seconds") > 1.7e9);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_counts_while_it_is_open() {
    let ledger = Ledger::found();
    let (server, metrics) = watched(&ledger);
    let channel = connect(&server.address).await;
    record_party(&channel, "a", "party-a", "Een partij").await.expect("recorded");
    let start = Some(Start::Beginning(pb::FromBeginning {}));
    let request = pb::SubscribeRequest { start, ..pb::SubscribeRequest::default() };
    let mut stream = recorder(&channel).subscribe(request).await.expect("subscribed").into_inner();
    while !matches!(stream.message().await.expect("told").expect("more").told, Some(Told::CaughtUp(_))) {}
    let gauges =
        ["subscriptions_total", "subscribers", "subscriber_lag_largest_events", "subscriber_lag_summed_events"];
    let scrape = Scrape::of(&metrics);
    assert_eq!(gauges.map(|gauge| scrape.get(gauge)), [1.0, 1.0, 0.0, 0.0]);
    drop(stream);
    // The server hears of it when it next looks.
    while Scrape::of(&metrics).get("subscribers") > 0.0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(Scrape::of(&metrics).get("subscriptions_total"), 1.0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_get_of_metrics_is_answered_and_one_by_one() {
    let ledger = Ledger::found();
    let (server, metrics) = watched(&ledger);
    let address = metrics.trim_end_matches("/metrics");
    assert_eq!(http(address, "POST /metrics").0, 405);
    assert_eq!(http(address, "GET /").0, 404);
    // Nor do the pages have them, for whoever can reach those.
    assert_eq!(http(&server.address, "GET /metrics").0, 404);
    // A client that says nothing keeps nobody else from asking.
    let silent = std::net::TcpStream::connect(address.trim_start_matches("http://")).expect("connected");
    for _ in 0..20 {
        Scrape::of(&metrics);
    }
    drop(silent);
    server.stop();
}

#[test]
fn metrics_are_told_to_other_machines_only_when_that_is_asked_for() {
    let ledger = Ledger::found();
    let complaint = ledger.run(&["serve", "--listen", "127.0.0.1:0", "--metrics", "0.0.0.0:0"]).refused(1);
    assert!(complaint.contains("0.0.0.0:0") && complaint.contains("--insecure-listen"), "{complaint}");
    let arguments = ["--metrics", "0.0.0.0:0", "--insecure-listen"];
    let mut server = Server::start_with(&ledger.data(), &arguments, None);
    let metrics = server.says("minutebook tells metrics at ").replace("0.0.0.0", "127.0.0.1");
    assert_eq!(Scrape::of(&metrics).get("writer_stopped"), 0.0);
    let log = server.stop();
    assert!(log.contains("anyone who can reach this address can read the metrics"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_each_request_and_commit_for_programs_and_not_what_was_said() {
    let ledger = Ledger::found();
    let levels = "minutebook=debug,minutebook_ledger=debug";
    let server = Server::start_with(&ledger.data(), &["--log-format", "json"], Some(levels));
    let channel = connect(&server.address).await;
    let mut request = Request::new(batch("name-of-request", vec![register("partij-met-naam", "Naam van een partij")]));
    request.metadata_mut().insert("x-request-id", "trace-17".parse().expect("ASCII"));
    request.metadata_mut().insert("authorization", "Bearer geheim".parse().expect("ASCII"));
    recorder(&channel).record(request).await.expect("recorded");
    ask_in_vain(&server.address).await;
    http(&server.address, "GET /?token=geheim");
    let log = server.stop();

    for said in ["geheim", "partij-met-naam", "Naam van een partij", "name-of-request", "nergens"] {
        assert!(!log.contains(said), "`{said}` is in {log}");
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    let of = |method: &str| lines.iter().find(|line| line["method"] == method).unwrap_or_else(|| panic!("{log}"));
    let record = of("minutebook.v1.LedgerService/Record");
    assert_eq!(
        (&record["status"], &record["request_id"], &record["level"]),
        (&"OK".into(), &"trace-17".into(), &"DEBUG".into())
    );
    assert!(record["duration_us"].as_u64().is_some_and(|us| us > 0), "{record}");
    let history = of("minutebook.v1.AgendaService/GetHistory");
    assert_eq!((&history["status"], &history["reason"]), (&"NOT_FOUND".into(), &"NOT_FOUND".into()));
    assert_eq!(of("http")["status"], "4xx");
    let commit = lines.iter().find(|line| line["message"] == "committed").unwrap_or_else(|| panic!("{log}"));
    let span = &commit["span"];
    let told = ["position", "events", "submissions"].map(|field| span[field].as_u64().expect("a number"));
    assert_eq!((span["name"].as_str(), told), (Some("commit"), [1, 1, 1]));
    assert!(span["bytes"].as_u64().is_some_and(|bytes| bytes > 0) && commit["append_us"].is_u64(), "{commit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_asked_more_of_has_no_line_for_what_went_well_or_was_refused() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    record_party(&connect(&server.address).await, "a", "party-a", "Een partij").await.expect("recorded");
    ask_in_vain(&server.address).await;
    let log = server.stop();
    assert!(log.contains("serving") && log.contains("closing"), "{log}");
    assert!(!log.contains("minutebook.v1") && !log.contains("committed"), "{log}");
}
