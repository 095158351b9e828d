//! Roles, agreements, money, motions and promises on the real agenda, by the command line and by gRPC.

use minutebook_proto::pb;
use serde_json::{Value, json};
use tonic::Code;

use crate::fixture::client::{assert_refused, client, connect, head, write};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::{AGENDA, FIRST};

/// A ledger with the first edition.
fn first() -> Ledger {
    let ledger = Ledger::found();
    ledger.import(FIRST).ok();
    ledger
}

/// Asks for JSON.
#[track_caller]
fn ask(ledger: &Ledger, arguments: &[&str]) -> Value {
    ledger.run(&[arguments, &["--format", "json"]].concat()).json()
}

/// The stable code of a refusal, which ends with this exit code.
#[track_caller]
fn refusal(ledger: &Ledger, code: i32, arguments: &[&str]) -> String {
    let told = ledger.run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(told.code, code, "{told:#?}");
    let complaint: Value = serde_json::from_str(&told.err).unwrap_or_else(|error| panic!("{error}: {told:#?}"));
    complaint["error"].as_str().expect("a code").to_owned()
}

/// The values of a key, in the order of a list.
fn each<'a>(list: &'a Value, path: &str) -> Vec<&'a str> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(|entry| entry.pointer(path).and_then(Value::as_str).unwrap_or("-")).collect()
}

#[test]
fn the_roles_of_the_real_agenda_are_counted_and_contradict_each_other() {
    let ledger = first();
    let answer = ask(&ledger, &["role", "list", "--matrix"]);
    let total = |word: &str| {
        let totals = answer["totals"].as_array().expect("totals");
        totals.iter().find(|total| total["word"] == word).map_or(0, |total| total["items"].as_u64().expect("a number"))
    };
    let words =
        ["stimuleren", "regisseren", "signaleren", "agenderen", "coordineren", "organisatievermogen", "organiseren"];
    assert_eq!(words.map(total), [12, 3, 3, 3, 3, 2, 1]);
    assert_eq!(answer["unnamed"], json!(["aangepast-sporten", "leader-zuidoost", "meedoen-sport"]));
    let told = ledger.run(&["--lang", "nl", "role", "list", "--matrix"]).ok();
    assert!(told.contains("stimuleren 12") && told.contains("Zonder enige rol: aangepast-sporten"), "{told}");

    let answer = ask(&ledger, &["role", "list", "--contradictions"]);
    let found =
        answer["items"].as_array().expect("items").iter().find(|item| item["id"] == "drenthe-beweegt-programma");
    let found = &found.expect("the programme")["contradictions"][0];
    assert_eq!(found["one"]["source"], json!({"kind": "edition", "id": "2016-2017", "within": AGENDA}));
    assert_eq!(found["one"]["words"], json!(["organisatievermogen", "stimuleren"]));
    assert_eq!(
        found["other"],
        json!({"source": {"kind": "remark", "id": "focus-drenthe-beweegt"}, "words": ["regievoering"]})
    );
}

#[test]
fn a_role_without_a_decision_is_a_finding_and_nothing_else() {
    let ledger = Ledger::with_both_editions();
    let changes = |ledger: &Ledger| ledger.run(&["changes", AGENDA, "--year", "2018", "--format", "json"]).json();
    let export = |ledger: &Ledger| ledger.run(&["export", AGENDA, "--edition", "2018-2019"]).ok();
    let (before, edition) = (changes(&ledger), export(&ledger));
    let assign =
        ["role", "assign", "--item", "policy_item/leader-zuidoost", "--role", "stimuleren", "--from", "2018-01-01"];
    assert_eq!(refusal(&ledger, 1, &assign), "REASON_MISSING");
    let because = |more: &[&'static str]| [&assign[..], &["--reason", "afgesproken met de partners"], more].concat();
    let dry = ask(&ledger, &because(&["--dry-run"]));
    assert_eq!(dry["dry_run"], true);
    assert_eq!(ask(&ledger, &["role", "list"])["unnamed"].as_array().expect("ids").len(), 3, "nothing was recorded");
    let id = ask(&ledger, &because(&["--request-id", "r-1"]))["id"].as_str().expect("an id").to_owned();
    assert_eq!(ask(&ledger, &because(&["--request-id", "r-1"]))["receipt"]["repeated"], true);
    assert_eq!(refusal(&ledger, 1, &because(&[])), "ROLE_OVERLAP");

    let findings = ask(&ledger, &["findings", AGENDA])["findings"].clone();
    let mine = findings.as_array().expect("findings").iter().find(|finding| finding["code"] == "ROLE_WITHOUT_DECISION");
    assert_eq!(mine.expect("a finding")["id"], id.as_str());
    let mut after = changes(&ledger);
    after["position"] = before["position"].clone();
    assert_eq!(after, before);
    assert_eq!(export(&ledger), edition);

    let end = ["role", "end", &id, "--effective", "2019-01-01"];
    assert_eq!(refusal(&ledger, 1, &end), "REASON_MISSING");
    ledger.run(&[&end[..], &["--reason", "voorbij"]].concat()).ok();
    let row = |day| {
        let answer = ask(&ledger, &["role", "list", "--valid", day]);
        let items = answer["items"].as_array().expect("items").clone();
        items.into_iter().find(|item| item["id"] == "leader-zuidoost").expect("the item")["statements"].clone()
    };
    assert_eq!(row("2018-06-01")[0]["source"], json!({"kind": "assignment", "id": id}));
    assert_eq!(row("2019-01-01"), json!([]));
}

#[test]
fn an_agreement_is_in_force_when_all_have_signed() {
    let ledger = first();
    let propose = [
        "agreement",
        "propose",
        "--id",
        "convenant",
        "--what",
        "Zorg dichtbij",
        "--kind",
        "convenant",
        "--party",
        "provincie-drenthe",
        "--party",
        "gemeente-emmen",
        "--until",
        "2020",
        "--agenda",
        AGENDA,
        "--effective",
        "2018-01-01",
    ];
    ledger.run(&propose).ok();
    assert_eq!(refusal(&ledger, 4, &propose), "ALREADY_THERE");
    let sign = |party, date| ["agreement", "sign", "convenant", "--party", party, "--date", date];
    assert_eq!(refusal(&ledger, 1, &sign("gemeente-assen", "2018-02-01")), "NOT_A_PARTY");
    ledger.run(&sign("gemeente-emmen", "2018-02-01")).ok();
    let show = |day| ask(&ledger, &["agreement", "show", "convenant", "--valid", day]);
    let early = ask(&ledger, &["agreement", "show", "convenant"]);
    assert_eq!(early["not_signed"], json!(["provincie-drenthe"]));
    assert_eq!(each(&early["signed"], "/party"), ["gemeente-emmen"]);
    let amend = ["agreement", "amend", "convenant", "--set", "period={\"to\": 2022}", "--effective", "2019-06-01"];
    let unsigned =
        ledger.run(&["agreement", "amend", "convenant", "--set", "what=Anders", "--reason", "zo is het"]).refused(1);
    assert!(unsigned.contains("`provincie-drenthe`"), "{unsigned}");
    ledger.run(&sign("provincie-drenthe", "2018-03-01")).ok();
    let now = ask(&ledger, &["agreement", "show", "convenant"]);
    assert_eq!((&now["in_force"], &now["not_signed"]), (&json!("2018-03-01"), &json!([])));

    assert_eq!(refusal(&ledger, 1, &amend), "REASON_MISSING");
    ledger.run(&[&amend[..], &["--reason", "twee jaar verlengd"]].concat()).ok();
    let amended = ask(&ledger, &["agreement", "show", "convenant"]);
    assert_eq!(amended["amendments"][0]["fields"], json!({"period": [{"to": "2020"}, {"to": 2022}]}));
    assert_eq!(amended["amendments"][0]["reason"], "twee jaar verlengd");
    let late = ["agreement", "amend", "convenant", "--set", "what=Anders", "--effective", "2023-06-01"];
    assert_eq!(refusal(&ledger, 1, &late), "AMEND_ENDED", "it has run out by then");
    let parties = ["agreement", "amend", "convenant", "--set", "parties=[\"rijk\"]", "--effective", "2019-07-01"];
    assert_eq!(refusal(&ledger, 1, &parties), "PARTIES_FIXED");
    ledger.run(&["agreement", "end", "convenant", "--reason", "het werk is klaar"]).ok();
    assert_eq!(refusal(&ledger, 1, &[&amend[..], &["--reason", "toch"]].concat()), "AMEND_ENDED");
    assert_eq!(show("2999-01-01")["state"], "ended");
}

#[test]
fn the_agreements_of_the_real_agenda_are_as_stated_and_some_run_out() {
    let ledger = first();
    let all = ask(&ledger, &["agreement", "list", "--valid", "2018-12-01"]);
    assert_eq!(all["agreements"].as_array().expect("a list").len(), 24);
    let list = |more: &[&'static str]| {
        let answer = ask(&ledger, &[&["agreement", "list", "--valid", "2018-12-01"], more].concat());
        each(&answer["agreements"], "/agreement/id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(list(&["--ends-before", "2020-01-01"]), ["bijdrage-dorpsinitiatieven", "samenwerkingsagenda-rijk"]);
    assert!(list(&["--state", "in-force"]).is_empty(), "signatures are not invented");
    assert!(list(&["--party", "rijk"]).contains(&"samenwerkingsagenda-rijk".to_owned()));
    // A municipality takes part through the group that it is a member of.
    let through = ask(&ledger, &["agreement", "list", "--party", "gemeente-coevorden"]);
    let leader =
        through["agreements"].as_array().expect("a list").iter().find(|a| a["agreement"]["id"] == "leader-los");
    assert_eq!(leader.expect("listed")["via"], "gemeenten-anticipeerregio-oost-drenthe");
    assert_eq!(list(&["--state", "expired"]), ["besteding-onderdeel-b", "tegemoetkoming-mbo-reiskosten"]);
}

#[test]
fn the_money_of_the_real_agenda_is_at_least_what_is_stated() {
    let ledger = first();
    let by = |by: &str| ask(&ledger, &["amount", "list", "--by", by]);
    let sums = by("theme")["sums"].clone();
    let integral = sums.as_array().expect("sums").iter().find(|sum| sum["theme"] == "integrale-aanpak").expect("T0");
    assert_eq!(
        (&integral["per_year"], &integral["once"], &integral["not_stated_count"]),
        (&json!(637_500), &json!(null), &json!(7))
    );
    assert_eq!(integral["amounts"], json!(["dorpsinitiatieven-totaal", "kknn-leerstoel-jaarlijks"]), "not the part");
    let source = &by("source")["sums"][0];
    assert_eq!((&source["source"], &source["per_year"]), (&json!("fonds-vitaal-platteland"), &json!(637_500)));
    let year = &by("year")["sums"][0];
    assert_eq!(
        (&year["begin_not_stated"], &year["year"], &year["per_year"]),
        (&json!(true), &json!(null), &json!(637_500))
    );
    let told = ledger.run(&["--lang", "nl", "amount", "list", "--by", "theme"]).ok();
    assert!(
        told.contains("ten minste € 637.500 per jaar; 7 posten niet") && told.contains("geen bedrag vermeld"),
        "{told}"
    );

    let all = by("theme");
    let part =
        all["amounts"].as_array().expect("amounts").iter().find(|view| view["is_part"] == true).expect("the part");
    assert_eq!((&part["rule"]["verdict"], &part["rule"]["units"]), (&json!("verified"), &json!(12)));
    let rule = &all["cofinancing"][0];
    assert_eq!(rule["agreement"], "cofinanciering-vitaal-platteland");
    assert_eq!(rule["readings_en"], json!(["a share of the total costs", "on top of the contribution"]));
    let told = ledger.run(&["amount", "list"]).ok();
    assert!(told.contains("12 × €50,000 = €600,000"), "{told}");
}

#[test]
fn an_amount_is_recorded_changed_and_ended() {
    let ledger = first();
    let record = [
        "amount",
        "record",
        "--id",
        "subsidie",
        "--what",
        "Subsidie leefbaarheid",
        "--eur",
        "500000",
        "--per",
        "year",
        "--from",
        "2018",
        "--through",
        "2019",
        "--agenda",
        AGENDA,
    ];
    ledger.run(&record).ok();
    ledger.run(&["amount", "change", "subsidie", "--set", "eur=400000", "--reason", "verlaagd"]).ok();
    let shorter = ["amount", "change", "subsidie", "--set", "through=2017"];
    assert_eq!(refusal(&ledger, 1, &shorter), "REASON_MISSING");
    let explained = [&shorter[..], &["--reason", "korter"]].concat();
    assert_eq!(refusal(&ledger, 1, &explained), "AMOUNT_END_BEFORE_START");
    assert_eq!(refusal(&ledger, 2, &["amount", "change", "subsidie", "--set", "bedrag=1"]), "USAGE");
    let years = || {
        let sums = ask(&ledger, &["amount", "list", "--by", "year"])["sums"].clone();
        let sums = sums.as_array().expect("sums").clone();
        sums.iter()
            .filter(|sum| sum["year"].is_number())
            .map(|sum| (sum["year"].clone(), sum["per_year"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(years(), [(json!(2018), json!(400_000)), (json!(2019), json!(400_000))]);
    assert_eq!(refusal(&ledger, 1, &["amount", "end", "subsidie"]), "REASON_MISSING");
    let named = ["amount", "end", "kknn-leerstoel-jaarlijks", "--reason", "op"];
    assert_eq!(refusal(&ledger, 1, &named), "DECISION_REQUIRED");
    ledger.run(&["amount", "end", "subsidie", "--reason", "op"]).ok();
}

#[test]
fn what_a_list_is_narrowed_to_has_to_be_there() {
    let ledger = first();
    for area in ["decision", "mandate", "agreement", "motion", "promise"] {
        assert_eq!(refusal(&ledger, 3, &[area, "list", "--agenda", "krimp"]), "NOT_FOUND", "{area}");
    }
    for area in [["decision", "list"], ["decision", "report"], ["mandate", "list"]] {
        assert_eq!(refusal(&ledger, 3, &[&area[..], &["--body", "g-s"]].concat()), "NOT_FOUND", "{area:?}");
    }
    assert_eq!(refusal(&ledger, 3, &["agreement", "list", "--party", "emen"]), "NOT_FOUND");
    let decision = ["--id", "besluit", "--body", "gs", "--kind", "adopt-agenda", "--date", "2016-05-02", "--what", "X"];
    ledger.run(&[&["decision", "record", "--agenda", AGENDA], &decision[..]].concat()).ok();
    let taken = |from, to| ask(&ledger, &["decision", "list", "--from", from, "--to", to])["decisions"].clone();
    assert_eq!(each(&taken("2016-05", "2016-05"), "/decision/id"), ["besluit"]);
    assert_eq!(each(&taken("2016-04", "2016-04"), "/decision/id"), Vec::<&str>::new());
    let reversed = ["decision", "report", "--body", "gs", "--from", "2018", "--to", "2017"];
    assert_eq!(refusal(&ledger, 2, &reversed), "INVALID_REQUEST");
    ledger.run(&["review", "open", AGENDA, "--edition", "2018-2019", "--effective", "2018-01-01"]).ok();
    let other = ["review", "propose", AGENDA, "--set", "pod-sport.title=Sport", "--was", "pod-sport.place=Drenthe"];
    assert_eq!(refusal(&ledger, 2, &[&other[..], &["--reason", "het heet zo"]].concat()), "USAGE");
}

#[test]
fn motions_without_an_action_are_linked_and_settled() {
    let ledger = first();
    let unlinked = || each(&ask(&ledger, &["motion", "list", "--unlinked"])["motions"], "/motion/id").join(" ");
    assert_eq!(unlinked(), "m-2016-17 m-2016-23");
    let link = ["motion", "link", "m-2016-23", "--action", "anders-benutten", "--how", "ook toegankelijk vervoer"];
    ledger.run(&link).ok();
    assert_eq!(refusal(&ledger, 1, &link), "NO_CHANGE");
    assert_eq!(unlinked(), "m-2016-17");
    let states = each(&ask(&ledger, &["motion", "list"])["motions"], "/state").join(" ");
    assert_eq!(states, "adopted being-carried-out being-carried-out");
    assert_eq!(refusal(&ledger, 1, &["motion", "settle", "m-2016-20"]), "MOTION_SETTLED_NO_EVIDENCE");
    ledger.run(&["motion", "settle", "m-2016-20", "--evidence", "action/leergeld-regelingen"]).ok();
    let settled = &ask(&ledger, &["motion", "list"])["motions"][1];
    assert_eq!(
        (&settled["state"], &settled["settled"]["evidence"]),
        (&json!("settled"), &json!([{"kind": "action", "id": "leergeld-regelingen"}]))
    );
    assert_eq!(each(&ask(&ledger, &["motion", "list", "--open"])["motions"], "/motion/id"), ["m-2016-17", "m-2016-23"]);
    let remove = ["motion", "link", "m-2016-23", "--action", "anders-benutten", "--remove"];
    assert_eq!(refusal(&ledger, 1, &remove), "REASON_MISSING");
    ledger.run(&[&remove[..], &["--reason", "past er niet bij"]].concat()).ok();
    ledger.run(&["motion", "record", "--id", "m-2018-01", "--title", "Drenthe leest", "--body", "ps"]).ok();
}

#[test]
fn promises_come_due_and_are_met_moved_or_missed() {
    let ledger = first();
    let list = |more: &[&'static str]| ask(&ledger, &[&["promise", "list", "--valid", "2018-06-01"], more].concat());
    let all = list(&[]);
    let ids = each(&all["promises"], "/promise/id");
    assert_eq!((ids.len(), ids[0], ids[16]), (17, "pod-monitoring-gedeeld", "bijeenkomst-regeling-dorpsinitiatieven"));
    assert_eq!(all["open_motions"], 3);
    assert_eq!(all["promises"][0]["decision"], "gs-2016-uitvoeringsagenda");
    let due = list(&["--due", "2019"]);
    let evaluation =
        due["promises"].as_array().expect("promises").iter().find(|p| p["promise"]["id"] == "evaluatie-trendbureau");
    assert_eq!(evaluation.expect("the evaluation of 2019")["state"], "planned");
    let overdue = list(&["--overdue"]);
    assert!(each(&overdue["promises"], "/promise/id").contains(&"vierde-werkconferentie"));
    assert!(each(&overdue["promises"], "/state").iter().all(|state| *state == "overdue"));

    ledger
        .run(&[
            "promise",
            "meet",
            "vierde-werkconferentie",
            "--evidence",
            "werkconferentie-zorglandschap",
            "--effective",
            "2017-11-02",
        ])
        .ok();
    assert_eq!(
        refusal(&ledger, 1, &["promise", "miss", "vierde-werkconferentie", "--reason", "nee"]),
        "ALREADY_SETTLED"
    );
    assert_eq!(
        refusal(&ledger, 1, &["promise", "move", "evaluatie-trendbureau", "--due", "2020-06"]),
        "REASON_MISSING"
    );
    let moved = ["promise", "move", "evaluatie-trendbureau", "--due", "2020-06", "--reason", "de cijfers komen later"];
    ledger.run(&[&moved[..], &["--effective", "2018-05-01"]].concat()).ok();
    ledger
        .run(&["promise", "miss", "start-trendbureau", "--reason", "er was geen geld", "--effective", "2018-01-01"])
        .ok();
    let state = |id: &str| {
        let all = list(&[]);
        let promises = all["promises"].as_array().expect("promises").clone();
        promises.into_iter().find(|p| p["promise"]["id"] == id).expect("a promise")["state"].clone()
    };
    assert_eq!(
        ["vierde-werkconferentie", "evaluatie-trendbureau", "start-trendbureau"].map(state),
        ["met", "moved", "missed"]
    );
    let told = ledger.run(&["promise", "list"]).ok();
    assert!(told.trim_end().ends_with("Motions not settled: 3 (`minutebook motion list --open`)."), "{told}");
}

#[tokio::test]
async fn all_of_it_is_asked_over_grpc() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let newest = head(&channel).await - 1;
    let agenda = || AGENDA.to_owned();
    let mut roles = client!(role_service_client::RoleServiceClient, channel);
    let mut agreements = client!(agreement_service_client::AgreementServiceClient, channel);
    let mut agendas = client!(agenda_service_client::AgendaServiceClient, channel);

    let asked = pb::ListRoleStatementsRequest { agenda: agenda(), ..Default::default() };
    let answer = roles.list_role_statements(asked).await.expect("roles").into_inner();
    assert_eq!((answer.position, answer.totals[0].word.as_str()), (newest, "stimuleren"));
    let asked = pb::SumAmountsRequest { agenda: agenda(), by: pb::SumBy::Source.into(), ..Default::default() };
    let answer = agreements.sum_amounts(asked).await.expect("sums").into_inner();
    let sum = answer.sums.iter().find(|sum| sum.of == Some(pb::amount_sum::Of::Id("fonds-vitaal-platteland".into())));
    let sum = sum.expect("the fund");
    assert_eq!((answer.position, sum.per_year, sum.once), (newest, Some(510_000), Some(150_000)));
    let answer = agendas.list_promises(pb::ListPromisesRequest::default()).await.expect("promises").into_inner();
    assert_eq!((answer.position, answer.open_motions), (newest, 3));
    let asked = pb::GetAgreementRequest { agreement: "opdracht-trendbureau".into(), ..Default::default() };
    let answer = agreements.get_agreement(asked).await.expect("an agreement").into_inner();
    assert_eq!((answer.position, answer.amendments.len()), (newest, 1), "the second edition states it otherwise");
    let asked = pb::GetAgreementRequest { agreement: "no-such-agreement".into(), ..Default::default() };
    assert_refused(agreements.get_agreement(asked).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn all_of_it_is_recorded_over_grpc() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let newest = head(&channel).await - 1;
    let mut roles = client!(role_service_client::RoleServiceClient, channel);
    let mut agreements = client!(agreement_service_client::AgreementServiceClient, channel);
    let mut decisions = client!(decision_service_client::DecisionServiceClient, channel);

    let assignment = pb::Assignment {
        id: "r-1".into(),
        policy_item: Some("leader-zuidoost".into()),
        role: "stimuleren".into(),
        ..Default::default()
    };
    let assign = |header, reason: Option<&str>| pb::AssignRoleRequest {
        write: Some(header),
        assignment: Some(assignment.clone()),
        reason: reason.map(str::to_owned),
        ..Default::default()
    };
    let refused = roles.assign_role(assign(write("bare"), None)).await;
    assert_refused(refused, Code::FailedPrecondition, "REASON_MISSING");
    let trial = pb::Write { validate_only: true, ..write("trial") };
    roles.assign_role(assign(trial, Some("zo is het"))).await.expect("it may be");
    assert_eq!(head(&channel).await - 1, newest, "nothing was recorded");
    roles.assign_role(assign(write("assign"), Some("zo is het"))).await.expect("recorded");

    let link = |request: &str, motion: &str| pb::LinkMotionRequest {
        write: Some(write(request)),
        motion: motion.into(),
        action: "breedband-burgerinitiatieven".into(),
        ..Default::default()
    };
    decisions.link_motion(link("link", "m-2016-23")).await.expect("recorded");
    // The same request again has the first answer, whatever became of the motion.
    let again = decisions.link_motion(link("link", "m-2016-23")).await.expect("answered").into_inner();
    assert!(again.receipt.expect("a receipt").repeated);
    assert_refused(decisions.link_motion(link("other", "no-such-motion")).await, Code::NotFound, "NOT_FOUND");

    let sign = pb::SignAgreementRequest {
        write: Some(write("sign")),
        agreement: "opdracht-trendbureau".into(),
        party: "cmo-stamm".into(),
        ..Default::default()
    };
    agreements.sign_agreement(sign).await.expect("recorded");
    let asked = pb::GetAgreementRequest { agreement: "opdracht-trendbureau".into(), ..Default::default() };
    let view = agreements.get_agreement(asked).await.expect("an agreement").into_inner().agreement.expect("a view");
    assert_eq!((view.signatures.len(), view.unsigned), (1, vec!["provincie-drenthe".to_owned()]));
}
