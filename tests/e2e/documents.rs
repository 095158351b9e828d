//! Documents that cannot be recorded: each is refused with the place and the remedy, and nothing of it is recorded.

use crate::fixture::document::edited;
use crate::fixture::program::Ledger;
use crate::fixture::{FIRST, text};

const SMALL: &str = "examples/riverside-2024.yaml";
const SMALL_NEXT: &str = "examples/riverside-2025.yaml";

/// A document that is refused.
struct Row {
    /// What is wrong with it.
    what: &'static str,
    /// The document.
    document: Vec<u8>,
    /// What the complaint has: the place, what is there, and what to do.
    says: Vec<String>,
}

fn row(what: &'static str, document: impl Into<Vec<u8>>, says: &[&str]) -> Row {
    Row { what, document: document.into(), says: says.iter().map(|words| (*words).to_owned()).collect() }
}

/// How the line is named on which something stands that stands there once.
fn line(text: &str, part: &str) -> String {
    let (before, _) = text.split_once(part).expect("it stands there");
    format!("(line {})", before.lines().count() + usize::from(before.ends_with('\n')))
}

/// Hands in every row, with the exit code of a refusal, and finds the ledger as it was.
fn refuse(ledger: &Ledger, rows: Vec<Row>) {
    let before = ledger.journal();
    let status = ledger.status();
    let mut wrong = Vec::new();
    for Row { what, document, says } in rows {
        let told = ledger.hand_in(&document);
        let missing: Vec<_> = says.into_iter().filter(|words| !told.err.contains(words.as_str())).collect();
        if told.code != 1 || !told.out.is_empty() || !missing.is_empty() {
            wrong.push(format!("{what}: exit {}, does not say {missing:?}: {}{}", told.code, told.out, told.err));
        }
        assert!(ledger.journal() == before, "{what}: something was recorded");
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(ledger.status()["digest"], status["digest"]);
}

#[test]
#[rustfmt::skip] // One row a line.
fn files_that_are_no_documents() {
    let deep = |levels| format!("agenda: {}{}", "[".repeat(levels), "]".repeat(levels));
    let whole = text(SMALL);
    let huge = whole.clone() + &"# room for nothing but a comment\n".repeat(600_000);
    refuse(&Ledger::found(), vec![
        row("nothing", "", &[]),
        row("an empty record", "{}", &["empty"]),
        row("blank", "\n# nothing\n", &[]),
        row("not YAML", "agenda: [unclosed\nedition: }", &["line"]),
        row("a text", "just words", &[]),
        row("a list", "- agenda\n- edition", &[]),
        row("several documents", format!("{whole}\n---\n{whole}"), &[]),
        row("an anchor", edited(&whole, "title: Warm homes\n", "title: &warm Warm homes\n"), &["line"]),
        row("a tag", edited(&whole, "title: Warm homes\n", "title: !!str Warm homes\n"), &["line"]),
        row("not UTF-8", [whole.as_bytes(), b"\n# caf\xe9\n"].concat(), &["UTF-8", "line"]),
        row("broken JSON", "{\"agenda\": {\"id\": \"a\",}}", &["line"]),
        row("JSON with a key twice", "{\"agenda\": {\"id\": \"a\", \"id\": \"b\"}}", &["id"]),
        row("nested too deep", deep(20), &["16 levels", "flatter", "line 1"]),
        row("nested without end", deep(5_000), &["line 1"]),
        row("over 16 MiB", huge, &["16 MiB"]),
        row("a key twice", edited(&whole, "  owner: riverside\n", "  owner: riverside\n  owner: riverside-homes\n"), &["owner", "line"]),
        row("a section twice", whole.clone() + "\nroles:\n  - {id: watch, name: watch}\n", &["roles", "line"]),
        row("a section of another name", edited(&whole, "\nmilestones:", "\nmilestone:"), &["`milestone`", "`milestones`"]),
        row("a field of another name", edited(&whole, "goal: Every home", "gaol: Every home"), &["`gaol`", "`goal`", "warm-homes", "line"]),
    ]);
}

#[test]
#[rustfmt::skip] // One row a line.
fn statements_that_do_not_fit() {
    let whole = text(SMALL);
    let with = |from: &str, to: &str| edited(&whole, from, to);
    let long = |length: usize| with("summary: Plant trees where the heat map is red.", &format!("summary: \"{}\"", "x".repeat(length)));
    refuse(&Ledger::found(), vec![
        row("a capital in an id", with("- id: street-trees\n", "- id: Street-Trees\n"), &["`Street-Trees`", "a-z", &line(&whole, "- id: street-trees\n")]),
        row("a space in an id", with("{id: riverside-schools,", "{id: riverside schools,"), &["`riverside schools`", "parties", "line"]),
        row("an id that is too long", with("{id: river-road-open,", &format!("{{id: {},", "x".repeat(65))), &["64", "milestones", "line"]),
        row("an id that is a number", with("{id: river-road-open,", "{id: 17,"), &["milestones", "line"]),
        row("no id", with("{id: river-road-open, what", "{what"), &["milestones", "id", "line"]),
        row("an id twice", with("{id: riverside-homes, name: Riverside Homes,", "{id: riverside-schools, name: Riverside Homes,"), &["riverside-schools", "twice", "parties"]),
        row("an action twice", with("- id: bus-stop-shade\n", "- id: school-rain-gardens\n"), &["school-rain-gardens", "twice", "actions"]),
        row("a day that is none", with("date: \"2023-12-12\"", "date: \"2023-02-29\""), &["`2023-02-29`", "riverside-2023-12-agenda.date", &line(&whole, "date: \"2023-12-12\"")]),
        row("a month that is none", with("due: \"2024-11\"", "due: \"2024-13\""), &["`2024-13`", "river-road-open.due", "line"]),
        row("words for a date", with("due: \"2024-11\"", "due: before winter"), &["`before winter`", "river-road-open.due", "line"]),
        row("years that are reversed", with("  last_year: 2024", "  last_year: 2023"), &["2024", "2023"]),
        row("an amount below zero", with("eur: 400000", "eur: -1"), &["insulation-grants-yearly.eur", "0 to 10^15", "line"]),
        row("an amount over 10^15", with("eur: 400000", "eur: 1000000000000001"), &["insulation-grants-yearly.eur", "0 to 10^15", "line"]),
        row("half a euro", with("eur: 400000", "eur: 0.5"), &["insulation-grants-yearly.eur", "whole euros", "line"]),
        row("words for an amount", with("eur: 400000", "eur: a lot"), &["insulation-grants-yearly.eur", "whole euros", "line"]),
        row("a bell", with("title: Warm homes\n", "title: \"Warm \\a homes\"\n"), &["U+0007", "warm-homes.title", "line"]),
        row("a null", with("title: Warm homes\n", "title: \"Warm \\0 homes\"\n"), &["U+0000", "warm-homes.title", "line"]),
        row("a text that is too long", long(8_193), &["8193", "8192", "street-trees.summary", "line"]),
        row("a word that is not in a closed list", with("per: once", "per: month"), &["`month`", "street-trees-once.per", "line"]),
        row("a number for a text", with("title: Warm homes\n", "title: 2024\n"), &["quotes", "warm-homes.title", "line"]),
        row("a text for a list", with("partners: [valley-transit]", "partners: valley-transit"), &["list", "bus-stop-shade.partners", "line"]),
        row("a digest that is none", with("lines: 412}", "lines: 412, sha256: abc}"), &["64 hexadecimal", "sha256", "line"]),
        row("a personal address", with("goal: Every home is warm for a price that people can pay.", "goal: Ask jan@example.nl."), &["warm-homes", "capacity"]),
    ]);
    // At its limit each of them fits.
    let ledger = Ledger::found();
    ledger.hand_in(edited(&long(8_192), "eur: 400000", "eur: 1000000000000000").as_bytes()).ok();
}

#[test]
#[rustfmt::skip] // One row a line.
fn references_to_what_is_not_there() {
    let whole = text(SMALL);
    let with = |from: &str, to: &str| edited(&whole, from, to);
    refuse(&Ledger::found(), vec![
        row("a partner", with("partners: [valley-transit]", "partners: [valley-transport]"), &["`valley-transport`", "`valley-transit`", "bus-stop-shade.partners", &line(&whole, "partners: [valley-transit]")]),
        row("a role", with("roles: [fund]", "roles: [pay]"), &["`pay`", "insulated-homes.roles", "line"]),
        row("an amount", with("amounts: [insulation-grants-yearly]", "amounts: [insulation-grants]"), &["`insulation-grants`", "insulation-grants.amounts", "line"]),
        row("a motion", with("motions: [riverside-m-2023-07]", "motions: [riverside-m-2023-08]"), &["`riverside-m-2023-08`", "`riverside-m-2023-07`", "line"]),
        row("an explanation", with("explained_in: \"1.1\"", "explained_in: \"1.2\""), &["1.2", "insulation-grants.explained_in", "line"]),
        row("the subtask of a policy item", with("subtask: other-heat", "subtask: more-heat"), &["`more-heat`", "gas-free-heating.subtask", "line"]),
        row("a body", with("may: advise}", "may: advise, decision: never-taken}"), &["`never-taken`", "riverside-forum-advice.decision", "line"]),
        row("the action of a milestone", with("action: river-road-cycle-lane}", "action: river-road-cycle-path}"), &["`river-road-cycle-path`", "`river-road-cycle-lane`", "river-road-open.action"]),
        row("the decision of the edition", with("  decision: riverside-2023-12-agenda\n", "  decision: riverside-2023-12-vote\n"), &["`riverside-2023-12-vote`", "decision", "line"]),
        row("the owner of the agenda", with("  owner: riverside\n", "  owner: riverland\n"), &["`riverland`", "owner", "line"]),
    ]);
}

#[test]
fn everything_that_is_wrong_is_told_in_one_run() {
    let ledger = Ledger::found();
    let before = ledger.journal();
    let broken = edited(&text(SMALL), "per: once", "per: month");
    let broken = edited(&broken, "eur: 400000", "eur: -1");
    let broken = edited(&broken, "due: \"2024-11\"", "due: \"2024-13\"");
    let complaint = ledger.hand_in(broken.as_bytes()).refused(1);
    for place in ["street-trees-once.per", "insulation-grants-yearly.eur", "river-road-open.due"] {
        assert!(complaint.contains(place), "{place}: {complaint}");
    }
    let broken = edited(&text(SMALL), "partners: [valley-transit]", "partners: [valley-transport]");
    let broken = edited(&broken, "roles: [fund]", "roles: [pay]");
    let complaint = ledger.hand_in(broken.as_bytes()).refused(1);
    for place in ["bus-stop-shade.partners", "insulated-homes.roles"] {
        assert!(complaint.contains(place), "{place}: {complaint}");
    }
    // Programs get the same, in a form that they can read.
    let file = ledger.file("broken.yaml", broken.as_bytes());
    let complaint = ledger.run(&["import", file.to_str().expect("UTF-8"), "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&complaint.err).expect("JSON");
    assert_eq!((complaint.code, &json["error"], &json["exit"]), (1, &"INVALID_DOCUMENT".into(), &1.into()));
    assert_eq!(json["details"].as_array().expect("details").len(), 2, "{json}");
    // A plan finds the same: it tells the whole of it, and ends as the import would.
    let planned = ledger.run(&["plan", file.to_str().expect("UTF-8"), "--format", "json"]);
    assert!(planned.code == 1 && planned.err.contains("INVALID_DOCUMENT"), "{}", planned.err);
    let plan: serde_json::Value = serde_json::from_str(&planned.out).expect("JSON");
    let codes: Vec<_> = plan["problems"].as_array().expect("problems").iter().map(|p| p["code"].clone()).collect();
    assert_eq!(codes, ["ROLE_UNKNOWN", "UNKNOWN_REFERENCE"], "{plan}");
    assert!(ledger.journal() == before, "something was recorded");
}

#[test]
#[rustfmt::skip] // One row a line.
fn next_editions_without_authority_or_reasons() {
    let ledger = Ledger::found();
    ledger.import(SMALL).ok();
    let whole = text(SMALL_NEXT);
    let with = |from: &str, to: &str| edited(&whole, from, to);
    let adopting = "{id: riverside-2024-12-agenda, body: riverside-council, kind: adopt-agenda, date: \"2024-12-10\",";
    let forum = "{id: riverside-2024-12-agenda, body: riverside-climate-forum, kind: adopt-agenda, date: \"2024-12-10\",";
    let change = |n: u32| {
        let (before, rest) = whole.split_once(&format!("  - id: change-{n}\n")).expect("a change");
        let after = rest.find("  - id: change-").map_or("", |next| &rest[next..]);
        format!("{before}{after}")
    };
    let surplus = "  - {id: change-6, kind: changed, action: street-trees, reason: None., decided_by: riverside-council, decision: riverside-2024-12-agenda}\n";
    let twice = "  - {id: change-6, kind: changed, action: insulation-grants, reason: Twice., decided_by: riverside-council, decision: riverside-2024-12-agenda}\n";
    refuse(&ledger, vec![
        row("an adopting decision without a date", with(adopting, "{id: riverside-2024-12-agenda, body: riverside-council, kind: adopt-agenda,"), &["riverside-2024-12-agenda", "date"]),
        row("an adopting decision without a mandate", with(adopting, forum), &["adopt-agenda", "only", "riverside-council"]),
        row("an adopting decision of another kind", with(adopting, &adopting.replace("adopt-agenda", "adopt-budget")), &["riverside-2024-12-agenda", "adopt-agenda"]),
        row("no changes", whole.split_once("\nchanges:\n").expect("changes").0, &["changes", "heat-advice-desk", "insulation-grants", "plan --write"]),
        row("a change that is missing", change(4), &["river-road-cycle-lane", "plan --write"]),
        row("a change that is surplus", format!("{whole}{surplus}"), &["street-trees"]),
        row("a change twice", format!("{whole}{twice}"), &["insulation-grants"]),
        row("a change without a reason", with("    reason: Work on the sewer comes first.\n", ""), &["change-4", "reason"]),
        row("a change without a ground", with("    reason: Work on the sewer comes first.\n    decided_by: riverside-council\n    decision: riverside-2024-12-agenda\n", "    reason: Work on the sewer comes first.\n"), &["change-4", "decision"]),
        row("a change on a ground of another body", with("    reason: Work on the sewer comes first.\n    decided_by: riverside-council\n", "    reason: Work on the sewer comes first.\n    decided_by: riverside-climate-forum\n"), &["riverside-2024-12-agenda", "riverside-council"]),
        row("a change of other fields", with("    fields: [medium_term]\n", "    fields: [title]\n"), &["gas-free-heating", "title", "medium_term"]),
        row("an edition before the current one", with("  effective: \"2025-01-01\"\n  horizon", "  effective: \"2023-01-01\"\n  horizon"), &["2025", "2023-01-01", "2024"]),
        row("a decision that says something else now", with("decisions:\n", "decisions:\n  - {id: riverside-2023-12-agenda, body: riverside-council, kind: adopt-agenda, date: \"2023-12-19\", effective: \"2024-01-01\", what: Climate agenda 2024 adopted}\n"), &["riverside-2023-12-agenda", "date", "erratum"]),
        row("a mandate that nobody granted", with("mandates:\n", "mandates:\n  - {id: forum-agenda, body: riverside-climate-forum, may: adopt-agenda, agenda: riverside-climate}\n"), &["forum-agenda", "grant-mandate"]),
    ]);
    ledger.import(SMALL_NEXT).ok();
}

#[test]
fn a_first_edition_with_changes() {
    let whole = text(SMALL);
    let change = "\nchanges:\n  - {id: change-1, kind: added, action: street-trees, reason: New., decided_by: riverside-council, decision: riverside-2023-12-agenda}\n";
    refuse(
        &Ledger::found(),
        vec![row("changes in a first edition", format!("{whole}{change}"), &["first edition", "changes"])],
    );
}

#[test]
fn an_event_over_60_kib() {
    let fact = format!("      - \"{}\"\n", "x".repeat(8_000));
    let whole = edited(&text(SMALL), "    facts:\n", &format!("    facts:\n{}", fact.repeat(8)));
    refuse(&Ledger::found(), vec![row("an event over 60 KiB", whole, &["ExplanationWritten", "61440", "source"])]);
}

#[test]
fn arguments_that_make_no_sense() {
    let ledger = Ledger::with_both_editions();
    let before = ledger.journal();
    for arguments in [
        &["chagnes", "krimp-en-leefbaarheid"][..],
        &["changes", "krimp-en-leefbaarheid"],
        &["changes", "krimp-en-leefbaarheid", "--year", "soon"],
        &["changes", "krimp-en-leefbaarheid", "--year", "2018", "--known", "once"],
        &["changes", "Krimp", "--year", "2018"],
        &["agenda", "show", "krimp-en-leefbaarheid", "--valid", "2017-02-30"],
        &["agenda", "show", "krimp-en-leefbaarheid", "--edition", "2018-2019@0"],
        &["history", "NotAnId"],
        &["history", "parti/ocw"],
        &["blame", "egpo-invoering.titel"],
        &["import", "/no/such/file.yaml"],
        &["status", "--format", "csv"],
        &["status", "--lang", "fr"],
        &["erratum", "egpo-invoering.title", "--to", "x"],
        &["serve", "--listen", "here"],
    ] {
        let told = ledger.run(arguments);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{told:#?}");
        assert!(!told.err.is_empty());
    }
    for (arguments, says) in [
        (&["changes", "krimp-en-leefbaarhied", "--year", "2018"][..], "krimp-en-leefbaarheid"),
        (&["changes", "krimp-en-leefbaarheid", "--from", "2016-2017", "--to", "2020-2021"], "2018-2019"),
        (&["export", "krimp-en-leefbaarheid", "--edition", "2018-2019@2"], "2018-2019"),
        (&["history", "egpo-invoring"], "egpo-invoering"),
        (&["history", "decision/no-such-decision"], "no-such-decision"),
        (&["findings", "no-such-agenda"], "no-such-agenda"),
        (&["erratum", "egpo-invoring.title", "--to", "x", "--reason", "y"], "egpo-invoring"),
    ] {
        let complaint = ledger.run(arguments).refused(3);
        assert!(complaint.contains(says), "{complaint}");
    }
    assert!(ledger.journal() == before, "something was recorded");
}

#[test]
fn complaints_are_in_the_language_that_was_asked_for() {
    let ledger = Ledger::with_both_editions();
    let agenda = "krimp-en-leefbaarheid";
    for (arguments, code, dutch, english) in [
        (&["changes", "krimp-en-leefbaarhied", "--year", "2018"][..], 3, "staat niet in dit grootboek", "no agenda"),
        (&["agenda", "show", agenda, "--edition", "2020"], 3, "er is geen editie", "no edition"),
        (&["agenda", "show", agenda, "--valid", "2001-01-01"], 3, "er gold toen geen", "in force"),
        (
            &["changes", agenda, "--year", "2018", "--known", "1999-01-01"],
            3,
            "het grootboek begon op",
            "the ledger began",
        ),
        (&["changes", agenda, "--year", "2018", "--known", "99999"], 3, "is er nog niet", "there is no event"),
        (&["changes", agenda, "--from", "2018-2019", "--to", "2016-2017"], 2, "draai `--from`", "swap `--from`"),
        (&["changes", agenda, "--year", "20180"], 2, "is geen jaar", "is not a year"),
        (&["changes", "Krimp", "--year", "2018"], 2, "is geen id", "is not an id"),
        (&["history", "Not An Id"], 2, "is geen id", "is not an id"),
        (&["history", "besluit/x"], 2, "is geen soort", "is not a kind"),
        (&["history", "party/nope"], 3, "partij nope staat niet", "party nope is not"),
        (&["history", "nope"], 3, "actie nope staat niet", "action nope is not"),
        (&["blame", "egpo-invoering.titel"], 2, "een actie heeft geen veld", "no action has a field"),
        (&["status", "--format", "csv"], 2, "alleen `changes`", "only `changes`"),
        (&["events", "--type", "ItemsChanged"], 2, "bedoelt u `ItemChanged`", "did you mean `ItemChanged`"),
        (&["erratum", "nope.title", "--to", "x", "--reason", "y"], 3, "actie nope staat niet", "action nope is not"),
        (&["serve", "--listen", "0.0.0.0:0"], 1, "andere machines", "other machines"),
        (&["changes", agenda], 2, "`--from` en `--to`", "`--from` and `--to`"),
        (&["init", "elsewhere"], 2, "noem de map één keer", "name the directory once"),
        (
            &["late-fact", "pod-sport", "--set", "titel=x", "--effective", "2017", "--reason", "y"],
            2,
            "geen veld",
            "a field",
        ),
        (
            &["late-fact", "pod-sport", "--set", "place=x", "--set", "place=y", "--effective", "2017", "--reason", "y"],
            2,
            "twee keer",
            "twice",
        ),
        (
            &[
                "late-fact",
                "pod-sport",
                "--set",
                "place=x",
                "--effective",
                "2017",
                "--reason",
                "y",
                "--decision",
                "nope",
            ],
            1,
            "niet bekend als besluit",
            "not a known decision",
        ),
        (
            &["erratum", "amount/dorpsinitiatieven-totaal.eur", "--to", "-5", "--reason", "y"],
            1,
            "klopt niet",
            "does not fit",
        ),
        (&["init", "--zone", "Europa/Assen"], 4, "er is al een grootboek", "already a ledger"),
    ] {
        for (lang, says) in [("nl", dutch), ("en", english)] {
            let complaint = ledger.run(&[arguments, &["--lang", lang]].concat()).refused(code);
            assert!(complaint.contains(says), "{complaint}");
        }
    }
    let folder = ledger.data().with_file_name("other");
    let told = crate::fixture::program::run(["init", folder.to_str().expect("UTF-8"), "--zone", "Europa/Assen"]);
    assert!(told.refused(2).contains("Europe/Amsterdam"));
}

#[test]
fn a_request_id_that_was_used_for_something_else() {
    let ledger = Ledger::found();
    let file = ledger.file("first.yaml", text(FIRST).as_bytes());
    let import = ["import", file.to_str().expect("UTF-8"), "--request-id", "import-1"];
    ledger.run(&import).ok();
    let before = ledger.journal();
    assert!(ledger.run(&import).ok().contains("same answer"));
    let small = ledger.file("small.yaml", text(SMALL).as_bytes());
    let other = ["import", small.to_str().expect("UTF-8"), "--request-id", "import-1"];
    let complaint = ledger.run(&other).refused(4);
    assert!(complaint.contains("`import-1`") && complaint.contains("choose a new one"), "{complaint}");
    ledger.run(&["import", small.to_str().expect("UTF-8"), "--request-id", "two words\n"]).refused(2);
    assert!(ledger.journal() == before, "something was recorded");
}

#[test]
fn hundreds_of_problems_are_all_named() {
    let ledger = Ledger::found();
    let parties: Vec<_> = (0..900).map(|n| format!("  - {{id: p-{n}, name: P, members: [nobody-{n}]}}\n")).collect();
    let before = ledger.journal();
    let file = ledger.file("parties.yaml", format!("parties:\n{}", parties.concat()).as_bytes());
    for command in [&["import"][..], &["import", "--dry-run"]] {
        let arguments = [command, &[file.to_str().expect("UTF-8")]].concat();
        let complaint = ledger.run(&arguments).refused(1);
        assert!(complaint.contains("problems: 900"), "{complaint:.300}");
        for n in [0, 450, 899] {
            assert!(complaint.contains(&format!("`nobody-{n}`")), "{n}");
        }
    }
    assert!(ledger.journal() == before, "something was recorded");
}

#[test]
fn what_was_typed_far_too_long_comes_back_short() {
    let ledger = Ledger::with_both_editions();
    let long = "x".repeat(9_000);
    let partners = format!("[\"{}\"]", "y".repeat(7_000));
    for (arguments, code) in [
        (&["erratum", "sport-jij-ook.explained_in", "--reason", "y", "--to", &long][..], 1),
        (&["erratum", "sport-jij-ook.partners", "--reason", "y", "--to", &partners], 1),
        (&["erratum", "sport-jij-ook.title", "--reason", "y", "--to", "z", "--from", &long[..8_000]], 1),
        (&["changes", &long, "--year", "2018"], 2),
    ] {
        for lang in ["nl", "en"] {
            let complaint = ledger.run(&[arguments, &["--lang", lang]].concat()).refused(code);
            assert!(complaint.len() < 2_000, "{} bytes: {complaint:.200}", complaint.len());
        }
    }
}
