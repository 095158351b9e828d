//! Decisions, mandates, registers, and what people ask of them, as people ask it.

use serde_json::{Value, json};

use crate::fixture::AGENDA;
use crate::fixture::program::Ledger;

/// Runs a command and gives its answer for programs.
#[track_caller]
fn ask(ledger: &Ledger, arguments: &[&str]) -> Value {
    ledger.run(&[arguments, &["--format", "json"]].concat()).json()
}

/// Runs a command that is refused with this code and exit code, and gives the words.
#[track_caller]
fn refused(ledger: &Ledger, arguments: &[&str], code: &str, exit: i32) -> String {
    let told = ledger.run(&[arguments, &["--format", "json"]].concat());
    let error: Value = serde_json::from_str(&told.err).unwrap_or_else(|_| panic!("{told:#?}"));
    assert_eq!((&error["error"], told.code, told.out.as_str()), (&json!(code), exit, ""), "{told:#?}");
    error["message"].as_str().expect("words").to_owned()
}

/// The ids of the records in a list, each in the field of that name.
fn ids(list: &Value, field: &str) -> Vec<String> {
    let entries = list.as_array().expect("a list").iter();
    entries.map(|entry| entry[field]["id"].as_str().expect("an id").to_owned()).collect()
}

/// The arguments that record a decision of the adopting body.
fn decision<'a>(id: &'a str, date: &'a str) -> Vec<&'a str> {
    vec!["decision", "record", "--id", id, "--body", "gs", "--kind", "adopt-agenda", "--date", date, "--agenda", AGENDA]
}

#[test]
fn a_decision_is_recorded_listed_and_takes_the_place_of_another() {
    let ledger = Ledger::with_both_editions();
    let file = ledger.file("bijlage.pdf", b"bytes");
    let file = file.to_str().expect("UTF-8");
    let more = [
        "--what",
        "Tussentijdse stand",
        "--reference",
        "2018-77",
        "--reasons",
        "Veel belangstelling.",
        "--attach",
        file,
    ];
    ledger.run(&[decision("gs-2018-06", "2018-06-05"), more.to_vec()].concat()).ok();
    let listed = ask(&ledger, &["decision", "list", "--body", "gs", "--from", "2017-01-01", "--to", "2018-12-31"]);
    assert_eq!(ids(&listed["decisions"], "decision"), ["gs-2017-12-uitvoeringsagenda", "gs-2018-06"]);
    assert_eq!(listed["decisions"][1]["decision"]["attachments"][0]["title"], "bijlage.pdf");
    assert_eq!(listed["decisions"][1]["authority"], "held");

    let replace = ["decision", "supersede", "gs-2017-12-uitvoeringsagenda", "--by", "gs-2018-06"];
    refused(&ledger, &replace, "REASON_MISSING", 1);
    let dry = [&replace[..], &["--reason", "De stand is herzien.", "--dry-run"]].concat();
    let position = ledger.status()["position"].clone();
    ledger.run(&dry).ok();
    assert_eq!(ledger.status()["position"], position);
    ledger.run(&[&replace[..], &["--reason", "De stand is herzien."]].concat()).ok();
    let show = |id| ask(&ledger, &["decision", "show", id]);
    assert_eq!(show("gs-2017-12-uitvoeringsagenda")["superseded_by"][0]["decision"], "gs-2018-06");
    assert_eq!(show("gs-2018-06")["supersedes"][0]["decision"], "gs-2017-12-uitvoeringsagenda");
    let again = &["decision", "revoke", "gs-2017-12-uitvoeringsagenda", "--by", "gs-2018-06", "--reason", "Nogmaals."];
    refused(&ledger, again, "SUPERSEDED", 1);
    // As it was known before, it held.
    let before = ask(&ledger, &["decision", "show", "gs-2017-12-uitvoeringsagenda", "--known", &position.to_string()]);
    assert_eq!(before["superseded_by"], json!([]));
}

#[test]
fn a_decision_is_refused_with_what_to_do() {
    let ledger = Ledger::with_both_editions();
    let bare = ["decision", "record", "--id", "d", "--body", "gs", "--kind", "adopt-framework"];
    let words = refused(&ledger, &bare, "NO_MANDATE", 1);
    assert!(words.contains("Provinciale Staten (`ps`)"), "{words}");
    let undated = ["decision", "record", "--id", "d", "--body", "ps", "--kind", "adopt-framework"];
    refused(&ledger, &undated, "DECISION_INCOMPLETE", 1);
    let early = [&undated[..], &["--date", "2018-02-01", "--effective", "2018-01-01"]].concat();
    refused(&ledger, &early, "EFFECT_BEFORE_ALLOWED", 1);
    ledger.run(&[&early[..], &["--grounds", "De toezegging gold vanaf januari."]].concat()).ok();
}

#[test]
fn the_list_of_decisions_is_printed_with_what_came_of_each() {
    let ledger = Ledger::with_both_editions();
    let report =
        ["decision", "report", "--body", "gs", "--from", "2017-12-01", "--to", "2017-12-31", "--format", "markdown"];
    let text = ledger.run(&[&report[..], &["--lang", "nl"]].concat()).ok();
    for words in [
        "# Besluitenlijst van gs",
        "## 2017-12-05. Uitvoeringsagenda 2018-2019 vastgesteld",
        "1 × RevisionSealed",
        "mandaat: gs-agenda",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn who_may_decide_depends_on_the_date() {
    let ledger = Ledger::with_both_editions();
    let may = |kind, on| {
        let answer = ask(&ledger, &["mandate", "who-may", kind, "--on", on]);
        let bodies = answer["mandates"].as_array().expect("a list").iter();
        bodies.map(|held| held["mandate"]["body"].as_str().expect("a body").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(may("adopt-framework", "2016-06-14"), ["ps"]);
    assert_eq!(may("adopt-agenda", "2018-01-01"), ["gs"]);
    assert!(may("levitate", "2018-01-01").is_empty());

    // A ledger begins to grant; from then on mandates come and go by decision.
    ledger.run(&["mandate", "grant", "--id", "ps-verlenen", "--body", "ps", "--may", "grant-mandate"]).ok();
    ledger
        .run(&[
            "decision",
            "record",
            "--id",
            "ps-mandaat",
            "--body",
            "ps",
            "--kind",
            "grant-mandate",
            "--date",
            "2018-02-01",
        ])
        .ok();
    let grant = ["mandate", "grant", "--id", "sok-plan", "--body", "stuurgroep-onderwijs-krimp", "--may", "adopt-plan"];
    refused(&ledger, &grant, "MANDATE_NEEDS_DECISION", 1);
    ledger.run(&[&grant[..], &["--decision", "ps-mandaat", "--ceiling", "50000"]].concat()).ok();
    refused(&ledger, &grant, "ALREADY_THERE", 4);
    assert_eq!(may("adopt-plan", "2018-03-01"), ["stuurgroep-onderwijs-krimp"]);
    assert!(may("adopt-plan", "2018-01-01").is_empty());
    let withdraw = ["mandate", "withdraw", "sok-plan", "--effective", "2019-01-01", "--reason", "De groep stopt."];
    refused(&ledger, &withdraw, "MANDATE_NEEDS_DECISION", 1);
    ledger.run(&[&withdraw[..], &["--decision", "ps-mandaat"]].concat()).ok();
    assert_eq!(may("adopt-plan", "2018-12-31"), ["stuurgroep-onderwijs-krimp"]);
    assert!(may("adopt-plan", "2019-01-01").is_empty());
}

#[test]
fn registers_are_kept_with_their_history() {
    let ledger = Ledger::with_both_editions();
    let add = ["body", "add", "--id", "stuurgroep-zorg", "--name", "Stuurgroep Zorg", "--kind", "steering-group"];
    ledger.run(&[&add[..], &["--effective", "2018-01-01"]].concat()).ok();
    refused(&ledger, &add, "ALREADY_THERE", 4);
    ledger
        .run(&[
            "body",
            "change",
            "stuurgroep-zorg",
            "--set",
            "name=Stuurgroep Zorg en Welzijn",
            "--effective",
            "2019-01-01",
        ])
        .ok();
    let name = |day| {
        let bodies = ask(&ledger, &["body", "list", "--valid", day])["bodies"].clone();
        let of = bodies.as_array().expect("a list").iter().find(|body| body["id"] == "stuurgroep-zorg");
        of.map(|body| body["name"].clone())
    };
    assert_eq!(name("2017-12-31"), None);
    assert_eq!(name("2018-12-31"), Some("Stuurgroep Zorg".into()));
    assert_eq!(name("2019-01-01"), Some("Stuurgroep Zorg en Welzijn".into()));
    assert!(ledger.run(&["body", "change", "stuurgroep-zorg", "--set", "colour=red"]).refused(2).contains("--set"));

    let member = [
        "member",
        "add",
        "--id",
        "zetel",
        "--of",
        "stuurgroep-zorg",
        "--as",
        "gedeputeerde Zorg",
        "--since",
        "2018-01-01",
    ];
    ledger.run(&member).ok();
    ledger.run(&["member", "end", "zetel", "--effective", "2019-01-01", "--reason", "De zetel rouleert."]).ok();
    let seats = ask(&ledger, &["member", "list", "--of", "stuurgroep-zorg"]);
    assert_eq!(
        (&seats["memberships"][0]["capacity"], &seats["memberships"][0]["ended"]),
        (&json!("gedeputeerde Zorg"), &json!("2019-01-01"))
    );

    let merge = ["body", "merge", "stuurgroep-zorg", "--into", "stuurgroep-kknn", "--effective", "2020-01-01"];
    ledger.run(&[&merge[..], &["--reason", "De organisaties gaan samen verder."]].concat()).ok();
    let late = ["member", "add", "--id", "zetel-2", "--of", "stuurgroep-zorg", "--as", "lid", "--since", "2020-01-01"];
    let words = refused(&ledger, &late, "BODY_DISSOLVED", 1);
    assert!(words.contains("stuurgroep-kknn"), "{words}");

    ledger
        .run(&[
            "framework",
            "add",
            "--id",
            "sociale-agenda",
            "--title",
            "Sociale Agenda",
            "--from",
            "2020",
            "--adopted-by",
            "ps",
        ])
        .ok();
    ledger.run(&["framework", "end", "sociale-agenda", "--until", "2023", "--reason", "Opgevolgd."]).ok();
    let frameworks = ask(&ledger, &["framework", "list"])["frameworks"].clone();
    let agenda = frameworks.as_array().expect("a list").iter().find(|framework| framework["id"] == "sociale-agenda");
    assert_eq!(agenda.expect("listed")["period"], json!({"from": "2020", "to": "2023"}));
}

#[test]
fn a_sheet_tells_all_that_touches_a_partner() {
    let ledger = Ledger::with_both_editions();
    let sheet = ask(&ledger, &["sheet", "gemeente-coevorden", "--since", "2016-2017"]);
    assert_eq!(sheet["names"], json!([{"id": "gemeenten-anticipeerregio-oost-drenthe", "former": false}]));
    let revision = ask(&ledger, &["sheet", "gemeente-coevorden", "--since", "2016-2017@1"]);
    assert_eq!(revision["rows"], sheet["rows"], "it is the only revision of that edition");
    let row = |id: &str| {
        let rows = sheet["rows"].as_array().expect("a list");
        rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id}: {sheet}")).clone()
    };
    assert_eq!(row("pilot-anderhalvelijnszorg-coevorden")["via"], Value::Null);
    let through = row("praktijkleren-zuidoost");
    assert_eq!(
        (&through["via"], &through["since"]),
        (&json!("gemeenten-anticipeerregio-oost-drenthe"), &json!("came"))
    );
    let unstated = sheet["unstated"].as_array().expect("a list");
    assert!(unstated.contains(&json!("gemeenten")), "twelve municipalities, of which the source lists none: {sheet}");
    ledger.run(&["sheet", "nobody"]).refused(3);
}

#[test]
fn the_gaps_of_authority_stand_on_one_page() {
    let ledger = Ledger::with_both_editions();
    let audit = ask(&ledger, &["audit", AGENDA]);
    let gaps = audit["gaps"].as_array().expect("a list");
    let code = |code: &str| gaps.iter().filter(|gap| gap["code"] == code).collect::<Vec<_>>();
    assert_eq!(code("MANDATE_NOT_VERIFIABLE")[0]["id"], "2016-2017");
    assert!(code("DECISION_UNDATED").iter().any(|gap| gap["id"] == "gs-2016-uitvoeringsagenda"), "{audit}");
    assert!(!code("RESTS_ON_ADVICE").is_empty(), "{audit}");
    for gap in gaps {
        assert!(!gap["positions"].as_array().expect("events").is_empty(), "{gap}");
    }
}

#[test]
fn a_dossier_has_everything_on_one_decision() {
    let ledger = Ledger::with_both_editions();
    let file = ask(&ledger, &["dossier", "gs-2017-12-uitvoeringsagenda"]);
    let grounds: Vec<_> =
        file["grounds"].as_array().expect("a list").iter().map(|ground| ground["kind"].clone()).collect();
    assert_eq!(grounds[0], "advise", "advice comes first: {file}");
    assert_eq!(file["known_then"], Value::Null, "this ledger began long after the decision");
    assert_eq!((&file["authority"], &file["mandate"]), (&json!("held"), &json!("gs-agenda")));
    assert!(file["effects_count"].as_u64().expect("a count") > 40, "{file}");
    ledger.run(&["dossier", "nothing"]).refused(3);
}
