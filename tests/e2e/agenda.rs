//! The real agenda, from an empty directory to the answer that this product exists for, as people ask for it.

use serde_json::{Value, json};

use crate::fixture::document::{assert_holds, differences, stated, yaml};
use crate::fixture::program::{Ledger, Told, run};
use crate::fixture::server::Server;
use crate::fixture::{AGENDA, FIRST, NEXT, root, text};

/// What must hold of the answer for 2018.
pub(crate) fn expected() -> Value {
    serde_json::from_str(&text("tests/data/expected-changes-2018-2019.json")).expect("JSON")
}

fn changes(ledger: &Ledger, more: &[&str]) -> Value {
    ledger.run(&[&["changes", AGENDA, "--year", "2018", "--format", "json"], more].concat()).json()
}

/// The entry of a record in one of the lists of an answer.
#[track_caller]
fn entry<'a>(answer: &'a Value, list: &str, id: &str) -> &'a Value {
    let entries = answer[list].as_array().expect("a list");
    entries.iter().find(|entry| entry["id"] == id).unwrap_or_else(|| panic!("no {id} in {list}: {answer}"))
}

#[test]
fn what_changed_in_2018_is_what_was_expected() {
    let ledger = Ledger::with_both_editions();
    let answer = changes(&ledger, &[]);
    assert_holds("changes", &answer, &expected());
    assert_eq!(answer["position"], ledger.status()["position"]);
    assert_eq!(answer["invented"], true);
    // By editions it is the same question.
    let editions = ["changes", AGENDA, "--from", "2016-2017", "--to", "2018-2019@1", "--format", "json"];
    assert_holds("changes by editions", &ledger.run(&editions).json(), &expected());
    // Each change names the event behind it, and what adopted it.
    let events = ledger.run(&["events", "--format", "json"]).ok();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for list in ["added", "dropped", "changed", "split", "merged"] {
        for change in answer[list].as_array().expect("a list") {
            assert_eq!(change["authority"]["decision"], "gs-2017-12-uitvoeringsagenda", "{change}");
            assert_eq!(change["effective"], "2018-01-01", "{change}");
            for position in change["positions"].as_array().expect("positions") {
                let event = &events[usize::try_from(position.as_u64().expect("a position")).expect("a position")];
                assert!(event["type"].as_str().expect("a type").starts_with("Item"), "{event}");
                assert_eq!(event["ground"], change["decision"], "{event}");
            }
        }
    }
}

#[test]
fn a_server_gives_the_same_answers_as_the_directory() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let there = |arguments: &[&str]| -> Told { run(["--server", &server.address].iter().chain(arguments)) };
    for document in [FIRST, NEXT] {
        there(&["import", root().join(document).to_str().expect("UTF-8"), "--capacity", "secretary"]).ok();
    }
    let question = ["changes", AGENDA, "--year", "2018", "--format", "json"];
    let answer = there(&question).json();
    assert_holds("changes", &answer, &expected());
    // While the server holds the directory, `--data` finds it by the address in the lock.
    assert_eq!(ledger.run(&question).json(), answer);
    server.stop();
    assert_eq!(ledger.run(&question).json(), answer);
}

#[test]
fn the_first_year_is_everything_added_and_a_quiet_year_is_nothing() {
    let ledger = Ledger::with_both_editions();
    let of = |year| ledger.run(&["changes", AGENDA, "--year", year, "--format", "json"]).json();
    let first = of("2016");
    assert_eq!((&first["from"], &first["to"]), (&Value::Null, &json!("2016-2017")));
    let control = &first["control_total"];
    assert_eq!((&control["before"], &control["added"], &control["after"]), (&json!(0), &json!(40), &json!(40)));
    let quiet = of("2017");
    for list in ["added", "dropped", "changed", "split", "merged", "suspended", "reinstated"] {
        assert_eq!(quiet[list], json!([]), "{list}");
        assert!(list == "added" || first[list] == json!([]), "{list}");
    }
    assert_eq!(quiet["control_total"]["balances"], true);
}

#[test]
fn what_was_imported_can_be_exported() {
    let ledger = Ledger::with_both_editions();
    for (document, edition) in [(FIRST, "2016-2017"), (NEXT, "2018-2019"), (NEXT, "2018-2019@1")] {
        let original = stated(&yaml(&text(document)));
        let exported = ledger.run(&["export", AGENDA, "--edition", edition]).ok();
        assert_eq!(differences("", &stated(&yaml(&exported)), &original), Vec::<String>::new(), "{edition} as YAML");
        let exported = ledger.run(&["export", AGENDA, "--edition", edition, "--format", "json"]).json();
        assert_eq!(differences("", &stated(&exported), &original), Vec::<String>::new(), "{edition} as JSON");
    }
    // What comes out goes in again: another ledger that reads the exports holds the same agenda.
    let other = Ledger::found();
    for edition in ["2016-2017", "2018-2019"] {
        let exported = ledger.run(&["export", AGENDA, "--edition", edition]).ok();
        other.hand_in(exported.as_bytes()).ok();
    }
    assert_holds("changes of the copy", &changes(&other, &[]), &expected());
}

#[test]
fn the_same_document_twice_records_nothing_and_says_so() {
    let ledger = Ledger::with_both_editions();
    let before = ledger.journal();
    let told = ledger.import(NEXT).ok();
    assert!(told.contains("recorded already") && told.contains("nothing was recorded"), "{told}");
    let json = ledger.run(&["import", root().join(NEXT).to_str().expect("UTF-8"), "--format", "json"]).json();
    assert_eq!((&json["receipt"]["count"], &json["sealed_before"]), (&json!(0), &ledger.status()["position"]));
    assert!(ledger.journal() == before, "something was recorded");
}

#[test]
fn a_plan_and_a_dry_run_record_nothing() {
    let ledger = Ledger::found();
    ledger.import(FIRST).ok();
    let before = ledger.journal();
    let next = root().join(NEXT);
    let plan = ledger.run(&["plan", next.to_str().expect("UTF-8"), "--format", "json"]).json();
    assert_eq!(plan["problems"], json!([]), "{plan}");
    assert_holds("plan", &plan["control_total"], &expected()["control_total"]);
    ledger.run(&["import", next.to_str().expect("UTF-8"), "--dry-run"]).ok();
    assert!(ledger.journal() == before, "something was recorded");
}

#[test]
fn plan_writes_what_is_missing_into_the_file_to_be_filled_in() {
    let ledger = Ledger::found();
    ledger.import("examples/riverside-2024.yaml").ok();
    let whole = text("examples/riverside-2025.yaml");
    let (without, _) = whole.split_once("\nchanges:\n").expect("changes stand last");
    let file = ledger.file("next.yaml", without.as_bytes());
    let path = file.to_str().expect("UTF-8");
    let missing = ledger.run(&["import", path]).refused(1);
    assert!(missing.contains("plan --write"), "{missing}");
    ledger.run(&["plan", path]).ok();
    let asked = ledger.run(&["plan", path, "--format", "json"]).json();
    assert_eq!(asked["control_total"], Value::Null, "nothing adds up yet");
    let told = ledger.run(&["plan", path, "--write"]).ok();
    assert!(told.contains("were added") && !told.contains("CHANGES_MISMATCH"), "{told}");
    let unfilled = ledger.run(&["plan", path]);
    assert!(unfilled.code == 1 && unfilled.out.contains("REASON_MISSING"), "{unfilled:?}");
    let written = yaml(&std::fs::read_to_string(&file).expect("readable"));
    let filled = yaml(&whole);
    let named = |document: &Value| {
        let mut items: Vec<_> = document["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .map(|change| json!([change["kind"], change["action"], change["policy_item"]]).to_string())
            .collect();
        items.sort();
        items
    };
    assert_eq!(named(&written), named(&filled));
    let still = ledger.run(&["import", path]).refused(1);
    assert!(still.contains("reason"), "a skeleton is not an explanation: {still}");
    ledger.import("examples/riverside-2025.yaml").ok();
}

#[test]
fn a_draft_is_the_current_edition_under_a_new_label() {
    let ledger = Ledger::with_both_editions();
    let draft = yaml(&ledger.run(&["draft", AGENDA, "--edition", "2020-2021"]).ok());
    assert_eq!(draft["edition"]["id"], "2020-2021");
    let current = yaml(&text(NEXT));
    for section in ["themes", "parties", "roles"] {
        let differ = differences(section, &stated(&draft[section]), &stated(&current[section]));
        // Notes about the reading of a source may stay behind; what the agenda says may not.
        let differ: Vec<_> = differ.iter().filter(|place| !place.contains("source_line")).collect();
        assert_eq!(differ, Vec::<&String>::new(), "{section}");
    }
}

#[test]
fn an_answer_of_before_is_given_again_at_its_position() {
    let ledger = Ledger::found();
    ledger.import(FIRST).ok();
    let before = changes(&ledger, &[]);
    let known = before["position"].to_string();
    ledger.import(NEXT).ok();
    let both = changes(&ledger, &[]);
    assert_ne!(both["to"], before["to"]);
    let then = changes(&ledger, &["--known", &known]);
    assert_eq!(differences("then", &then, &before), Vec::<String>::new());
    // A document becomes known as a whole: whoever knows an event in the middle of it knows all of it.
    let middle = (before["position"].as_u64().expect("a position") - 50).to_string();
    assert_eq!(changes(&ledger, &["--known", &middle]), then);
    let newest = both["position"].to_string();
    assert_eq!(changes(&ledger, &["--known", &newest]), both);
    // A day counts to its end, so that both documents were known on the day of this test.
    let today = ledger.status()["recorded_at"].as_str().expect("an instant").to_owned();
    assert_eq!(changes(&ledger, &["--known", &today])["to"], both["to"]);
    assert_eq!(changes(&ledger, &["--known", "9999-01-01"]), both);
    let early = ledger.run(&["changes", AGENDA, "--year", "2018", "--known", "2016-01-01"]).refused(3);
    assert!(early.contains("the ledger began on"), "{early}");
    let long_ago = ledger.run(&["agenda", "show", AGENDA, "--valid", "2015-12-31"]).refused(3);
    assert!(long_ago.contains("in force"), "{long_ago}");
    let shown = ledger.run(&["agenda", "show", AGENDA, "--valid", "2017-06-01", "--format", "json"]).ok();
    assert!(shown.contains("2016-2017") && !shown.contains("eenzaamheid-ouderen"), "{shown}");
}

#[test]
fn an_edition_is_shown_only_as_far_as_it_was_known_and_says_when_it_is_yet_to_begin() {
    let ledger = Ledger::found();
    ledger.import(FIRST).ok();
    let known = ledger.status()["position"].to_string();
    let later = text(NEXT)
        .replace("uitvoeringsagenda, effective: \"2018-01-01\"", "uitvoeringsagenda, effective: \"9000-01-01\"")
        .replacen("last_year: 2019", "last_year: 9000", 1);
    assert_ne!(later, text(NEXT), "the next edition has its day");
    ledger.hand_in(later.as_bytes()).ok();
    let show = ["agenda", "show", AGENDA, "--edition"];
    let complaint = ledger.run(&[&show[..], &["2018-2019", "--known", &known]].concat()).refused(3);
    assert!(complaint.contains("not known then"), "{complaint}");
    ledger.run(&[&show[..], &["2016-2017", "--known", &known]].concat()).ok();
    for (edition, in_force) in [("2016-2017", true), ("2018-2019", false)] {
        let answer = ledger.run(&[&show[..], &[edition, "--format", "json"]].concat()).json();
        assert_eq!(answer["in_force"], in_force, "{edition}");
        let text = ledger.run(&[&show[..], &[edition]].concat()).ok();
        assert_eq!(text.contains("Not yet in force (from 9000-01-01)"), !in_force, "{text}");
        let export = ledger.run(&["export", AGENDA, "--edition", edition, "--lang", "nl"]).ok();
        assert_eq!(export.starts_with("# Nog niet van kracht (vanaf 9000-01-01)"), !in_force);
    }
    let text = ledger.run(&[&show[..], &["2016-2017"]].concat()).ok();
    for field in ["goal: ", "medium_term: ", "summary: ", "place: ", "horizon: ", "explained_in: ", "motions: "] {
        assert!(text.contains(field), "{field} is stated, so it is shown");
    }
}

#[test]
fn an_erratum_corrects_the_answer_and_the_old_answer_can_still_be_given() {
    let ledger = Ledger::with_both_editions();
    let before = changes(&ledger, &[]);
    let (wrong, right) =
        ("Uitrol van eGPO naar alle Drentse huisartsen", "Uitrol van eGPO naar álle Drentse huisartsen");
    let erratum = ["erratum", "egpo-invoering.title", "--from", wrong, "--to", right, "--reason", "accent vergeten"];
    let told = ledger.run(&[&erratum[..], &["--format", "json"]].concat()).json();
    assert_eq!(told["receipt"]["count"], 1);

    let after = changes(&ledger, &[]);
    let title = |answer: &Value| entry(answer, "changed", "egpo-invoering")["fields"]["title"].clone();
    assert_eq!(title(&before), json!(["Stapsgewijze invoering van eGPO", wrong]));
    assert_eq!(title(&after), json!(["Stapsgewijze invoering van eGPO", right]));
    let corrected = entry(&after, "corrected", "egpo-invoering");
    assert_eq!(corrected["fields"], json!({"title": [wrong, right]}));
    assert_eq!(corrected["corrects"], entry(&before, "changed", "egpo-invoering")["positions"][0]);
    // It is no change of policy: nothing else in the answer moved.
    assert_eq!(after["control_total"], before["control_total"]);
    assert_eq!(changes(&ledger, &["--known", &before["position"].to_string()]), before);
    // What was exported before is what the document said, and stays so.
    let exported = ledger.run(&["export", AGENDA, "--edition", "2018-2019"]).ok();
    assert_eq!(differences("", &stated(&yaml(&exported)), &stated(&yaml(&text(NEXT)))), Vec::<String>::new());
    // The old value is gone, so saying that it stands there is a mistake.
    assert!(ledger.run(&erratum).refused(1).contains(right));
}

#[test]
fn an_erratum_on_an_amount_needs_words_of_the_source_that_hold_it() {
    let ledger = Ledger::with_both_editions();
    let before = ledger.journal();
    let source = root().join("examples/uitvoeringsagenda-2016-2017.txt");
    let source = source.to_str().expect("UTF-8");
    let bare = ["erratum", "amount/dorpsinitiatieven-totaal.eur", "--to", "600000", "--reason", "verkeerd gelezen"];
    let with = |more: &[&str]| ledger.run(&[&bare[..], more].concat());
    let cited = ["--source", "uitvoeringsagenda-2016-2017", "--quote", "€ 600.000", "--source-file"];
    assert!(with(&[]).refused(1).contains("600000"));
    with(&["--source", "uitvoeringsagenda-2016-2017", "--quote", "€ 60.000"]).refused(1);
    let other = ledger.file("other.txt", "€ 600.000".as_bytes());
    let forged = with(&[&cited[..], &[other.to_str().expect("UTF-8")]].concat());
    assert_ne!(forged.code, 0, "another file than the registered one: {forged:?}");
    let invented =
        ["--source", "uitvoeringsagenda-2016-2017", "--quote", "€ 600.000 en nog wat", "--source-file", source];
    assert_ne!(with(&invented).code, 0, "words that the source does not have");
    let elsewhere = with(&[&cited[..], &[source, "--lines", "1-2"]].concat()).refused(1);
    assert!(elsewhere.contains("1-2") && elsewhere.contains("correct --lines"), "{elsewhere}");
    with(&["--source", "uitvoeringsagenda", "--quote", "€ 600.000"]).refused(1);
    with(&["--source", "uitvoeringsagenda-2016-2017", "--quote", "€ 600.000", "--lines", "9-2"]).refused(2);
    assert!(ledger.journal() == before, "something was recorded");
    with(&[&cited[..], &[source]].concat()).ok();
    let amounts = ledger.run(&["history", "amount/dorpsinitiatieven-totaal", "--format", "json"]).json();
    let last = amounts["entries"].as_array().and_then(|entries| entries.last()).cloned().expect("an entry");
    assert_eq!(last["event"], "ErratumRecorded");
    assert_eq!(last["citations"][0]["quote"], "€ 600.000");
}

#[test]
fn a_history_has_the_title_of_then_and_says_what_a_split_led_to() {
    let ledger = Ledger::with_both_editions();
    let history = |more: &[&str]| ledger.run(&[&["history", "--format", "json"], more].concat()).json();
    let now = history(&["egpo-invoering"]);
    let came = now["entries"][0]["position"].to_string();
    assert_eq!(now["label"], "Uitrol van eGPO naar alle Drentse huisartsen");
    assert_eq!(history(&["egpo-invoering", "--known", &came])["label"], "Stapsgewijze invoering van eGPO");
    let split = history(&["anders-benutten"]);
    let last = split["entries"].as_array().and_then(|entries| entries.last()).cloned().expect("an entry");
    assert_eq!((&last["event"], &last["from"]), (&json!("ItemSplit"), &json!(["anders-benutten"])));
    assert_eq!(last["into"], json!(["sociale-hubs-drenthe", "leerlingenvervoer-bundelen"]));
    let text = ledger.run(&["history", "anders-benutten"]).ok();
    assert!(text.contains("into: sociale-hubs-drenthe, leerlingenvervoer-bundelen"), "{text}");
}

#[test]
fn a_late_fact_is_true_since_then_and_known_since_now() {
    let ledger = Ledger::with_both_editions();
    let known = ledger.status()["position"].to_string();
    let findings = |ledger: &Ledger| ledger.run(&["findings", AGENDA, "--format", "json"]).json();
    let undated = |answer: &Value| {
        let list = answer["findings"].as_array().expect("a list").clone();
        list.iter().any(|finding| finding["code"] == "DECISION_UNDATED" && finding["id"] == "gs-2016-uitvoeringsagenda")
    };
    assert!(undated(&findings(&ledger)));
    let fact =
        ["late-fact", "decision/gs-2016-uitvoeringsagenda", "--set", "date=2016-12-13", "--effective", "2016-12-13"];
    ledger.run(&[&fact[..], &["--reason", "de besluitenlijst is gevonden"]].concat()).ok();
    assert!(!undated(&findings(&ledger)));

    let history = |more: &[&str]| {
        ledger.run(&[&["history", "decision/gs-2016-uitvoeringsagenda", "--format", "json"], more].concat()).json()
    };
    let entries = history(&[])["entries"].as_array().expect("a list").clone();
    let last = entries.last().expect("an entry");
    assert_eq!((&last["code"], &last["effective"]), (&json!("retroactive"), &json!("2016-12-13")), "{last}");
    assert_eq!(last["fields"], json!({"date": [null, "2016-12-13"]}));
    assert_eq!(history(&["--known", &known])["entries"].as_array().expect("a list").len(), entries.len() - 1);
    let blame = ["blame", "decision/gs-2016-uitvoeringsagenda.date", "--format", "json"];
    assert_eq!(ledger.run(&blame).json()["value"], "2016-12-13");
    assert_eq!(ledger.run(&[&blame[..], &["--known", &known]].concat()).json()["value"], Value::Null);
    // What is yet to come is not late.
    let early = [
        "late-fact",
        "decision/gs-2016-uitvoeringsagenda",
        "--set",
        "reference=1",
        "--effective",
        "9999-01-01",
        "--reason",
        "x",
    ];
    ledger.run(&early).refused(1);
}

#[test]
fn every_question_is_answered_for_people_and_for_programs_in_both_languages() {
    let ledger = Ledger::with_both_editions();
    let next = root().join(NEXT).to_string_lossy().into_owned();
    let questions: [&[&str]; 11] = [
        &["agenda", "list"],
        &["agenda", "show", AGENDA],
        &["changes", AGENDA, "--year", "2018"],
        &["history", "egpo-invoering"],
        &["history", "amount/kknn-leerstoel-jaarlijks"],
        &["history", "explanation/krimp-en-leefbaarheid/3.1"],
        &["blame", "egpo-invoering.title"],
        &["blame", "amount/kknn-leerstoel-jaarlijks.eur"],
        &["findings", AGENDA],
        &["status"],
        &["plan", &next],
    ];
    for question in questions {
        let dutch = ledger.run(&[question, &["--lang", "nl"]].concat()).ok();
        let english = ledger.run(&[question, &["--lang", "en"]].concat()).ok();
        assert!(!dutch.is_empty() && dutch != english, "{question:?}: {dutch}");
        assert!(!english.contains('\u{1b}'), "no colours where nobody looks: {question:?}");
        let json = ledger.run(&[question, &["--format", "json"]].concat()).json();
        assert!(json.get("position").is_some(), "{question:?} does not say at which position: {json}");
        assert_eq!(
            ledger.run(&[question, &["--format", "json", "--lang", "nl"]].concat()).json(),
            json,
            "{question:?}"
        );
    }
    let csv = ledger.run(&["changes", AGENDA, "--year", "2018", "--format", "csv"]).ok();
    assert!(csv.lines().count() > 30 && csv.lines().all(|line| line.contains(',')), "{csv}");
    let markdown = ledger.run(&["changes", AGENDA, "--year", "2018", "--format", "markdown"]).ok();
    assert!(markdown.starts_with('#') || markdown.contains("\n#"), "{markdown}");
    for made_up in [&csv, &markdown] {
        assert!(made_up.to_lowercase().contains("invented"), "made-up data says so: {made_up}");
    }
}

#[test]
fn events_are_one_object_a_line_in_their_order() {
    let ledger = Ledger::with_both_editions();
    let events = |more: &[&str]| -> Vec<Value> {
        let told = ledger.run(&[&["events", "--format", "json"], more].concat()).ok();
        told.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
    };
    let all = events(&[]);
    assert_eq!(json!(all.len()), ledger.status()["events"]);
    for (position, event) in all.iter().enumerate() {
        assert_eq!(event["position"], position);
    }
    assert_eq!(events(&["--from", "550"]), all[550..]);
    assert_eq!(events(&["--from", "100", "--limit", "7"]), all[100..107]);
    let seals = events(&["--type", "RevisionSealed"]);
    assert_eq!(seals, all.iter().filter(|event| event["type"] == "RevisionSealed").cloned().collect::<Vec<_>>());
    assert_eq!(seals.len(), 2);
    assert_eq!(ledger.run(&["events"]).ok().lines().count(), all.len());
}

#[test]
fn who_records_is_told_with_what_was_recorded() {
    let ledger = Ledger::found();
    let document = root().join(FIRST);
    let arguments = ["import", document.to_str().expect("UTF-8"), "--capacity", "griffier"];
    // Nobody acts on behalf of a body that the ledger does not know yet.
    ledger.run(&[&arguments[..], &["--on-behalf-of", "gs"]].concat()).refused(1);
    ledger.run(&arguments).ok();
    let next = root().join(NEXT);
    ledger.run(&["import", next.to_str().expect("UTF-8"), "--capacity", "secretaris", "--on-behalf-of", "gs"]).ok();
    let history = ledger.run(&["history", "egpo-invoering", "--format", "json"]).json();
    let actor = |n: usize| history["entries"][n]["actor"].clone();
    assert_eq!((&actor(0)["capacity"], &actor(0)["assurance"]), (&json!("griffier"), &json!("claimed")));
    assert_eq!((&actor(1)["capacity"], &actor(1)["on_behalf_of"]), (&json!("secretaris"), &json!("gs")));
}

#[test]
fn the_invented_english_agenda_tells_its_year() {
    let ledger = Ledger::found();
    ledger.import("examples/riverside-2024.yaml").ok();
    ledger.import("examples/riverside-2025.yaml").ok();
    let answer = ledger.run(&["changes", "riverside-climate", "--year", "2025", "--format", "json"]).json();
    let ids = |list: &str| answer[list].as_array().expect("a list").iter().map(|e| e["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids("added"), [json!("heat-advice-desk")]);
    assert_eq!(ids("dropped"), [json!("heat-network-study")]);
    assert_eq!(ids("changed"), [json!("gas-free-heating"), json!("insulation-grants"), json!("river-road-cycle-lane")]);
    assert_eq!(answer["control_total"]["balances"], true);
}
