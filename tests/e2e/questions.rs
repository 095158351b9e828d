//! The questions of `docs/questions.md`: every answer that the page shows is the real one, and it forgets no question.

use std::collections::BTreeSet;

use minutebook_proto::pb;

use crate::fixture::client::{client, connect};
use crate::fixture::console::{Block, blocks, follow};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::{AGENDA, root, text};

/// The page.
const PAGE: &str = "docs/questions.md";
/// How many questions there are.
const QUESTIONS: usize = 37;

/// What the answer to a question must not lack, however it is shortened.
const ESSENTIAL: &[(usize, &[&str])] = &[
    (1, &["period: until 2018 → until 2019", "decision: ps-2017-11-begroting-2018 (ps)", "40 + 7 added - 8 dropped"]),
    (2, &["2016-2017@1", "Stapsgewijze invoering van eGPO", "action 40", "error: the ledger began on"]),
    (3, &["What was known then Not verifiable", "Grounds and advice (5)"]),
    (4, &["title: Stapsgewijze invoering van eGPO → Uitrol van eGPO naar alle Drentse huisartsen"]),
    (5, &["until 2019 event 528 ItemChanged", "until 2018 event 334 ItemAdded"]),
    (6, &["source_line: 848", "Where it is stated not stated"]),
    (7, &["from 2016-2017 to 2018-2019"]),
    (8, &["adopt-agenda: Gedeputeerde Staten (`gs`)", "adopt-framework: Provinciale Staten (`ps`)"]),
    (9, &["ps-2016-06-visie", "effect: 6 × ItemAdded"]),
    (10, &["superseded by: gs-2018-06 (einde van regelingen-dorpsinitiatieven), from 2018-07-01"]),
    (11, &["MANDATE_ASSERTED", "RESTS_ON_ADVICE"]),
    (12, &["stimuleren 12", "regisseren 3", "Without any role: aangepast-sporten, leader-zuidoost, meedoen-sport."]),
    (13, &["organisatievermogen, stimuleren remark focus-drenthe-beweegt: regievoering"]),
    (14, &["action (10)", "trendbureau-opdracht", "werkconferentie-zorglandschap", "period: 2017 to 2019"]),
    (15, &["huisartsenzorg-drenthe", "+ kknn-leerstoel-kennisagenda", "− werkconferentie-zorglandschap"]),
    (16, &["bijdrage-dorpsinitiatieven", "samenwerkingsagenda-rijk", "period: 2015 to 2019"]),
    (17, &["integrale-aanpak: at least €637,500 a year", "fonds-vitaal-platteland: at least €637,500 a year"]),
    (18, &["12 × €50,000 = €600,000", "a share of the total costs, or on top of the contribution"]),
    (19, &["status_in_source: gevraagd", "decision: ps-2017-11-begroting-2018 (ps)", "Effects (0)"]),
    (20, &["m-2016-17: Drenthe regenboogprovincie (adopted, linked to no action)", "m-2016-23: Toegankelijk Drenthe"]),
    (21, &["2019, planned: Evaluatie", "(voorjaar 2019), planned: Breedband", "not stated, planned: Bijeenkomst"]),
    (22, &["Promises (22) 2016-23 (najaar 2016), overdue"]),
    (23, &["consultation 8"]),
    (24, &["2017, overdue: Uitvoeringsagenda 2018-2019 vastgesteld", "step 13"]),
    (26, &["`explained_in` for 17 of 39", "`roles` for 3 of 22"]),
    (27, &["from fonds-vitaal-platteland) action: regelingen-dorpsinitiatieven"]),
    (28, &["pilot-anderhalvelijnszorg-coevorden", "leader-los", "via gemeenten-anticipeerregio-oost-drenthe"]),
    (
        29,
        &["doubt about the reading", "doubt: roles: geen rol genoemd in deze cel", "doubt: rij met lege cellen links"],
    ),
    (31, &["Carried over (58)", "outcome: handed over", "outcome: absorbed into other work"]),
    (32, &["As known at event 560.", "\"sha256\""]),
    (33, &["recorded by: secretaris on behalf of gs", "decision: rdb-2017-09-sportprojecten"]),
    (35, &["560 … RevisionSealed"]),
    (36, &["38 of 39 have no proposal", "the control total balances", "[NOT_ADOPTING]"]),
    (37, &["561 events replayed.", "Equal."]),
];

/// A row of the table: what it names between backticks, column by column.
#[derive(Debug)]
struct Row<'a> {
    number: usize,
    commands: Vec<&'a str>,
    calls: Vec<&'a str>,
    answered: &'a str,
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of the table.
fn rows(page: &str) -> Vec<Row<'_>> {
    let lines = page.lines().filter(|line| line.starts_with("| Q"));
    let row = |line| {
        let columns: Vec<&str> = str::split(line, '|').map(str::trim).collect();
        let [_, id, question, asker, commands, calls, answered, _] = columns.as_slice() else { panic!("{line}") };
        assert!(question.ends_with('?') && !asker.is_empty(), "{line}");
        let number = id.strip_prefix('Q').and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{line}"));
        Row { number, commands: quoted(commands), calls: quoted(calls), answered }
    };
    lines.map(row).collect()
}

/// The section below the table that answers a question.
fn section(page: &str, number: usize) -> &str {
    let heading = format!("\n## Q{number}\n");
    let (_, rest) = page.split_once(&heading).unwrap_or_else(|| panic!("no section{heading}"));
    assert!(!rest.contains(&heading), "two sections{heading}");
    rest.split("\n## ").next().unwrap_or(rest)
}

/// The calls that the services offer, such as `AgendaService.GetChanges`.
fn offered() -> BTreeSet<String> {
    let mut offered = BTreeSet::new();
    for file in std::fs::read_dir(root().join("proto/minutebook/v1")).expect("the interface") {
        let text = std::fs::read_to_string(file.expect("readable").path()).expect("text");
        let mut service = "";
        for line in text.lines() {
            let mut words = line.trim_start().split([' ', '(']);
            match (words.next(), words.next()) {
                (Some("service"), Some(name)) => service = name,
                (Some("rpc"), Some(call)) => assert!(offered.insert(format!("{service}.{call}"))),
                _ => {}
            }
        }
    }
    offered
}

/// A text with one space between its words.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_answer_of_the_page_is_the_real_one() {
    follow(PAGE);
}

#[test]
fn the_table_has_every_question_once_and_names_what_there_is() {
    let page = text(PAGE);
    let rows = rows(&page);
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=QUESTIONS).collect::<Vec<_>>());
    let offered = offered();
    for row in &rows {
        let section = section(&page, row.number);
        let asked: Vec<String> = blocks(section).iter().flat_map(Block::commands).collect();
        assert_eq!(row.answered, format!("[{}](#q{})", answered(section), row.number));
        for command in &row.commands {
            let named = |asked: &String| format!("{asked} ").starts_with(&format!("minutebook {command} "));
            assert!(asked.iter().any(named), "Q{}: `{command}` is not shown", row.number);
        }
        let told = ESSENTIAL.iter().find(|(number, _)| *number == row.number);
        let cannot = row.commands.is_empty();
        assert_eq!((row.calls.is_empty(), asked.is_empty(), told.is_none()), (cannot, cannot, cannot), "{row:?}");
        for essential in told.iter().flat_map(|(_, essentials)| essentials.iter()) {
            assert!(flowing(section).contains(essential), "the answer to Q{} lacks: {essential}", row.number);
        }
    }
    let calls: BTreeSet<_> = quoted(&page).into_iter().filter(|name| name.contains("Service.")).collect();
    assert!(rows.iter().flat_map(|row| &row.calls).all(|call| calls.contains(call)), "{calls:?}");
    for call in calls {
        assert!(offered.contains(call), "there is no {call}");
    }
}

/// What the table says of a question, by how its section begins and whether it says what is missing.
fn answered(section: &str) -> &'static str {
    match (section.trim_start().starts_with("Not yet."), flowing(section).contains("What is missing: ")) {
        (true, _) => "no",
        (false, true) => "in part",
        (false, false) => "yes",
    }
}

#[tokio::test]
async fn records_that_no_command_lists_are_listed_by_kind() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut directory = client!(directory_service_client::DirectoryServiceClient, channel);
    for (kind, count) in [(pb::Kind::Consultation, 8), (pb::Kind::Step, 13)] {
        let asked = pb::ListRecordsRequest {
            kind: kind.into(),
            agenda: Some(AGENDA.into()),
            valid: Some("2017-03-01".into()),
            ..Default::default()
        };
        let answer = directory.list_records(asked).await.expect("records").into_inner();
        assert_eq!(answer.records.len(), count, "{kind:?}");
    }
}
