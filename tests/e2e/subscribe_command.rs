//! `minutebook subscribe`: what is there and what comes, a line each, for people, programs and brokers of events.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::fixture::AGENDA;
use crate::fixture::client::{connect, record_party};
use crate::fixture::program::{Ledger, Told, command, run};
use crate::fixture::relay::Relay;
use crate::fixture::server::Server;

/// All that is there.
fn all(ledger: &Ledger, options: &[&str]) -> Told {
    ledger.run(&[&["subscribe", "--until-caught-up", "--format", "json"], options].concat())
}

fn values(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn it_prints_what_events_prints_and_tells_how_far_it_is_elsewhere() {
    let ledger = Ledger::with_both_editions();
    let told = all(&ledger, &[]);
    assert_eq!(values(&told.err), [json!({"caught_up": 560})]);
    assert_eq!(told.ok(), ledger.run(&["events", "--format", "json"]).ok());
    for from in ["0", "1", "300", "560", "561"] {
        let told = all(&ledger, &["--from", from, "--quiet"]);
        assert_eq!(told.err, "");
        assert_eq!(told.ok(), ledger.run(&["events", "--format", "json", "--from", from]).ok(), "from {from}");
    }
    assert_eq!(all(&ledger, &["--now"]).ok(), "");
    let text = ledger.run(&["subscribe", "--until-caught-up", "--from", "550"]);
    assert_eq!(text.err, "caught up with event 560; what follows is new\n");
    assert_eq!(text.ok(), ledger.run(&["events", "--from", "550"]).ok());
    let dutch = ledger.run(&["subscribe", "--until-caught-up", "--now", "--lang", "nl"]);
    assert_eq!(dutch.err, "bij tot en met gebeurtenis 560; wat volgt is nieuw\n");
    // With the key only what is proved, which is all of it.
    let key =
        ledger.run(&["checkpoint", "--format", "json"]).json()["verifier_key"].as_str().expect("a key").to_owned();
    assert_eq!(all(&ledger, &["--prove", &key]).ok(), ledger.run(&["events", "--format", "json"]).ok());
}

#[test]
fn filters_let_through_what_fits() {
    let ledger = Ledger::with_both_editions();
    let read = values(&ledger.run(&["events", "--format", "json"]).ok());
    let types = ["--type", "ItemChanged", "--type", "ItemDropped"];
    let told = all(&ledger, &types).ok();
    assert_eq!(told, ledger.run(&[&["events", "--format", "json"], &types[..]].concat()).ok());
    assert!(told.lines().count() > 5, "{told}");
    for (options, at_least) in [
        (&["--agenda", AGENDA][..], 300),
        (&["--agenda", AGENDA, "--registers"], 500),
        (&["--item", "egpo-invoering"], 2),
        (&["--body", "gs"], 3),
        (&["--decision", "gs-2017-12-uitvoeringsagenda"], 3),
        (&["--party", "gemeente-coevorden"], 2),
    ] {
        let told = values(&all(&ledger, options).ok());
        assert!(told.len() >= at_least && told.len() <= read.len(), "{options:?}: {}", told.len());
        for mut event in told {
            let matches = event.as_object_mut().expect("an object").remove("matches");
            assert_eq!(matches.is_some(), options[0] == "--party", "{event}");
            for touch in matches.iter().flat_map(|matches| matches.as_array().expect("a list")) {
                assert_eq!(touch["party"], "gemeente-coevorden");
                assert!(touch["via"].is_null() || touch["via"].is_string(), "{touch}");
            }
            assert!(read.contains(&event), "{event}");
        }
    }
}

#[test]
fn cloudevents_say_what_they_are_about_and_nothing_more() {
    let ledger = Ledger::with_both_editions();
    let id = ledger.status()["ledger"].as_str().expect("an id").to_owned();
    let read = values(&ledger.run(&["events", "--format", "json"]).ok());
    let told = ledger.run(&["subscribe", "--until-caught-up", "--format", "cloudevents", "--quiet"]).ok();
    let thin = values(&told);
    assert_eq!(thin.len(), read.len());
    for (event, read) in thin.iter().zip(&read) {
        let (position, name) = (&read["position"], read["type"].as_str().expect("a name"));
        let mut expected = json!({
            "specversion": "1.0",
            "id": format!("{id}/{position}"),
            "source": format!("urn:minutebook:{id}"),
            "type": format!("minutebook.v1.{name}"),
            "time": read["recorded_at"],
            "datacontenttype": "application/json",
            "data": {
                "position": position,
                "agenda": read["agenda"],
                "record": event["data"]["record"],
                "decision": read["decision"],
                "effective": read["effective"],
            },
        });
        if let Some(subject) = event.get("subject") {
            let record = &event["data"]["record"];
            let text = |field: &str| record[field].as_str();
            let path = [text("kind"), text("within"), text("id")].into_iter().flatten().collect::<Vec<_>>().join("/");
            assert_eq!(*subject, path, "{event}");
            // Where the event states the record, it is that one.
            let stated = read["record"]["id"].as_str();
            assert!(stated.is_none() || stated == text("id"), "{event} of {read}");
            expected["subject"] = subject.clone();
        } else {
            assert!(event["data"]["record"].is_null(), "{event}");
        }
        assert_eq!(*event, expected);
    }
    let subjects: Vec<_> = thin.iter().filter_map(|event| event["subject"].as_str()).collect();
    assert!(subjects.contains(&"action/egpo-invoering") && subjects.len() > 500, "{}", subjects.len());
    for word in ["capacity", "quote", "text", "title", "actor", "citations", "reason"] {
        assert!(!told.contains(&format!("\"{word}\"")), "{word}");
    }

    let full = ["subscribe", "--until-caught-up", "--format", "cloudevents", "--full", "--from", "400", "--quiet"];
    let full = values(&ledger.run(&full).ok());
    assert_eq!(full.iter().map(|event| &event["data"]).collect::<Vec<_>>(), read[400..].iter().collect::<Vec<_>>());
    assert_eq!(full[0]["id"], thin[400]["id"]);
}

/// `subscribe` as it runs.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(address: &str, options: &[&str]) -> Self {
        let mut command = command();
        command.args(["subscribe", "--server", address, "--format", "json", "--quiet"]).args(options);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it can be started");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, out }
    }

    /// The next lines.
    fn lines(&mut self, count: usize) -> String {
        let mut lines = String::new();
        for _ in 0..count {
            assert_ne!(self.out.read_line(&mut lines).expect("UTF-8"), 0, "it ended after {lines}");
        }
        lines
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    fn ends_well(mut self) {
        assert!(self.child.wait().expect("it ends").success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_over_a_restart_of_the_server_until_it_is_interrupted() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let relay = Relay::to(Some(&server)).await;
    let mut running = Running::start(&relay.address, &[]);
    let mut lines = running.lines(1);
    record_party(&connect(&server.address).await, "r-1", "p-1", "P").await.expect("recorded");
    lines += &running.lines(1);
    server.stop();
    let server = Server::start(&ledger.data());
    relay.lead_to(Some(&server));
    for n in 2..5 {
        record_party(&connect(&server.address).await, &format!("r-{n}"), &format!("p-{n}"), "P")
            .await
            .expect("recorded");
    }
    lines += &running.lines(3);
    assert_eq!(lines, run(["events", "--format", "json", "--server", &server.address]).ok());
    running.signal("TERM");
    running.ends_well();
    let mut running = Running::start(&relay.address, &["--from", "4"]);
    assert_eq!(running.lines(1), lines.lines().last().expect("a line").to_owned() + "\n");
    running.signal("INT");
    running.ends_well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_well_when_nobody_reads_on() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let mut running = Running::start(&server.address, &[]);
    running.lines(1);
    let Running { mut child, out } = running;
    drop(out);
    // Without another event, at the next checkpoint.
    assert!(child.wait().expect("it ends").success());
    // Nor does one that does not read keep it from ending.
    ledger_of_much(&server).await;
    let mut running = Running::start(&server.address, &[]);
    running.lines(1);
    running.signal("TERM");
    running.ends_well();
}

/// Records more than a pipe holds.
async fn ledger_of_much(server: &Server) {
    let parties = (0..1000).map(|n| crate::fixture::client::register(&format!("much-{n}"), "P")).collect();
    crate::fixture::client::record(&connect(&server.address).await, "much", parties).await.expect("recorded");
}

#[test]
fn what_makes_no_sense_is_told_as_other_commands_tell_it() {
    let ledger = Ledger::found();
    let stranger = Ledger::found().run(&["checkpoint", "--format", "json"]).json();
    let stranger = stranger["verifier_key"].as_str().expect("a key");
    for (options, code, error) in [
        (&["--type", "ItemChangd"][..], 2, "EVENT_UNKNOWN"),
        (&["--from", "2"], 3, "BEYOND_HEAD"),
        (&["--party", "nobody"], 3, "NOT_FOUND"),
        (&["--party", "No body"], 2, "INVALID_REQUEST"),
        (&["--from", "1", "--now"], 2, "USAGE"),
        (&["--registers"], 2, "USAGE"),
        (&["--full"], 2, "USAGE"),
        (&["--prove", "no-key"], 2, "KEY_FORM"),
        (&["--prove", stranger], 5, "NOT_PROVED"),
        (&["--from", "-1"], 2, "USAGE"),
    ] {
        let told = all(&ledger, options);
        assert_eq!((told.code, told.out.as_str()), (code, ""), "{told:?}");
        assert_eq!(values(&told.err)[0]["error"], error, "{told:?}");
    }
    assert_eq!(all(&ledger, &["--type", "ItemChangd"]).code, ledger.run(&["events", "--type", "ItemChangd"]).code);
    assert_eq!(ledger.run(&["status", "--format", "cloudevents"]).code, 2, "only `subscribe` writes those");
    assert_eq!(run(["subscribe", "--server", "127.0.0.1:1"]).code, 6);
}
