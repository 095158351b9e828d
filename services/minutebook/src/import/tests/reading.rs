//! The example documents, every refusal with its line, and that no input panics.

use minutebook_domain::document::Document;
use minutebook_domain::ids::Kind;
use serde_json::json;

use super::super::{Format, parse, parse_items, tree, with_changes};
use super::{EXAMPLES, crlf, document, example, read, refused, refused_once, shown, skeletons};

#[test]
fn the_example_documents_are_read() {
    let first = document(&example(EXAMPLES[0]));
    let count = |document: &Document, kind| document.of(kind).count();
    assert_eq!(count(&first, Kind::Action), 40);
    assert_eq!((count(&first, Kind::Theme), count(&first, Kind::Step)), (6, 13));
    assert!(!first.invented);
    let next = document(&example(EXAMPLES[1]));
    assert_eq!((count(&next, Kind::Action), count(&next, Kind::Change)), (39, 33));
    assert!(next.invented);
}

#[test]
fn lines_are_known_for_records_and_fields() {
    let text = "invented: true\nagenda:\n  id: a\n  title: T\nedition: {id: e, first_year: 2016, last_year: 2017, \
                adopted_by: b,\n  decision: d, effective: '2016'}\nthemes:\n- id: t\n  title: T\n  policy_items:\n  - id: p\n    \
                title: P\n    actions:\n    - id: x\n      title: X\nbodies: [{id: b,\n  name: B}]\n";
    for text in [text.to_owned(), crlf(text)] {
        let parsed = read(&text);
        let place = |kind| parsed.document.records.iter().position(|record| record.kind() == kind).unwrap();
        let of = |kind, field| parsed.line(place(kind), field);
        assert_eq!((of(Kind::Theme, None), of(Kind::PolicyItem, None)), (8, 11));
        assert_eq!((of(Kind::Action, None), of(Kind::Action, Some("title"))), (14, 15));
        assert_eq!(of(Kind::Action, Some("policy_item")), 14, "a field that is not stated has its record's line");
        assert_eq!((of(Kind::Body, None), of(Kind::Body, Some("name"))), (16, 17));
        assert_eq!((parsed.edition_line(None), parsed.edition_line(Some("decision"))), (5, 6));
        assert_eq!((parsed.agenda_line(None), parsed.line(99, None)), (3, 0));
    }
}

#[test]
fn nested_items_stand_flat_with_their_parents() {
    let text = "agenda: {id: a, title: A}\nedition: {id: e, first_year: 2016, last_year: 2017, adopted_by: b, \
                decision: d, effective: '2016'}\nthemes:\n- policy_items:\n  - {id: p, title: P, actions: [{id: x, title: X}]}\n  \
                subtasks: [{id: s, title: S}]\n  id: t\n  title: T\nprocess:\n- step: first\n- step: second\n";
    let document = document(text);
    let records: Vec<_> = document.records.iter().map(|r| format!("{} {}", r.kind().name(), r.id())).collect();
    assert_eq!(records, ["theme t", "subtask s", "policy_item p", "action x", "step 1", "step 2"]);
    assert_eq!(document.of(Kind::Action).next().unwrap().value("policy_item"), json!("p"));
    assert_eq!(document.of(Kind::Subtask).next().unwrap().value("theme"), json!("t"));
}

#[test]
fn items_stand_flat_in_a_file_of_their_own() {
    let text = "actions:\n- {id: a, title: A, policy_item: p, amounts: [geld]}\namounts: [{id: geld, what: Geld, eur: 5}]\n\
                policy_items: [{id: p, title: P, theme: t}]\n";
    let records = parse_items(text.as_bytes()).unwrap();
    let names: Vec<_> = records.iter().map(|record| (record.kind().name(), record.id().as_str())).collect();
    assert_eq!(names, [("action", "a"), ("amount", "geld"), ("policy_item", "p")]);
    let refused = |text: &str| shown(&parse_items(text.as_bytes()).unwrap_err()).join("\n");
    assert!(refused("action: [{id: a, title: A, policy_item: p}]").contains("did you mean `actions`"));
    assert!(refused("actions: [{id: a, title: A}]").contains("policy_item"));
    assert!(refused("parties: [{id: a, name: A}]").contains("parties"));
    assert!(!refused("- a").is_empty() && !refused("").is_empty());
}

#[test]
fn a_partial_document_needs_no_agenda() {
    assert_eq!(document("decisions:\n- {id: d, body: b, kind: advise}\nthemes: []\nagenda: ~\n").records.len(), 1);
    assert_eq!(document("\u{feff}bodies: [{id: b, name: B}]").records.len(), 1);
    assert_eq!(document("\u{feff}{\"bodies\": [{\"id\": \"b\", \"name\": \"B\"}]}").records.len(), 1);
}

#[test]
fn what_is_no_text_or_no_document_is_refused() {
    refused_once(b"a: 1\nb: \xff\n", "line 2: the file is not UTF-8 from here on; save it as UTF-8");
    let large = vec![b' '; (16 << 20) + 1];
    refused_once(
        large,
        "the file is over 16 MiB; divide it, or put long texts in documents and register them as sources",
    );
    let empty = "line 1: the file is empty; write sections such as `agenda:` and `themes:`";
    refused_once("", empty);
    refused_once("# nothing\n", empty);
    refused_once("text", "line 1: the file should hold sections such as `agenda:` and `themes:`");
    assert!(refused("bodies: [\n")[0].starts_with("line 2: not valid YAML: "));
}

#[test]
fn what_hides_values_elsewhere_is_refused() {
    let alias = "anchors and aliases (`&name`, `*name`) are not read; write the value out in each place";
    refused_once(
        "bodies:\n- {id: b, name: B}\n---\na: 1\n",
        "line 3: a second YAML document starts here; hand in one document per file",
    );
    refused_once("bodies:\n- id: b\n  name: &n B\n", &format!("bodies b.name (line 3): {alias}"));
    refused_once("bodies:\n- id: b\n  name: *n\n", &format!("line 3: {alias}"));
    let both = refused("bodies:\n- {id: b, name: &n B}\n- id: c\n  name: *n\n");
    assert_eq!(both, [format!("bodies b.name (line 2): {alias}"), format!("bodies c.name (line 4): {alias}")]);
    let tag = "tags (`!name`) are not read; leave the tag out, and put quotes around text";
    refused_once("bodies:\n- id: b\n  name: !!str B\n", &format!("bodies b.name (line 3): {tag}"));
    refused_once("bodies: !x\n- id: b\n", &format!("bodies (line 1): {tag}"));
    refused_once("--- !x\nbodies: []\n", &format!("line 1: {tag}"));
    let merge = "merge keys (`<<`) are not read; write the values out in each place";
    refused_once("bodies:\n- id: b\n  name: B\n  <<: {kind: k}\n", &format!("bodies b.<< (line 4): {merge}"));
    refused_once("<<: {bodies: []}\n", &format!("line 1: {merge}"));
    refused_once("? [a]\n: b\n", "line 1: a key should be a word, not a list or a record");
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let deep = "values stand more than 16 levels deep in one another; write them flatter";
    refused_once(format!("a:\n {}", "[".repeat(17)), &format!("line 2: {deep}"));
    refused_once(format!("{{\"a\":\n {}", "[".repeat(100_000)), &format!("line 2: {deep}"));
    let many = "the file holds more values than an agenda can; hand it in as several";
    refused_once(format!("a: [{}]", "1,".repeat(2_000_000)), many);
    refused_once(format!("{{\"a\": [\n{}1]}}", "1,".repeat(2_000_000)), &format!("line 2: {many}"));
    let records = "bodies:\n".to_owned()
        + &(0..=100_000).map(|n| format!("- {{id: b{n}, name: B}}\n")).collect::<Vec<_>>().concat();
    refused_once(records, "line 100002: the file has more than 100000 records; hand it in as several");
}

#[test]
fn violations_are_bounded_and_short() {
    let list = refused(format!("bodies:\n{}", "- 1\n".repeat(5_000)));
    assert_eq!(list.len(), 1_001);
    assert_eq!(list[1_000], "the file has 1000 violations or more; repair these, then read it again");
    let long = refused(format!("bodies:\n- name: B\n  id: \"{}\\n\"\n", "x\\t".repeat(9_000)));
    assert!(long[0].chars().count() < 700 && !long[0].contains(['\n', '\t']), "{}", long[0]);
}

#[test]
fn unknown_sections_and_keys_are_refused_with_the_nearest() {
    refused_once("bodys: []\n", "line 1: `bodys` is not a section of an agenda document; did you mean `bodies`?");
    refused_once("actions: []\n", "line 1: `actions` is not a section of its own; it stands inside `themes`");
    let record = "bodies:\n- id: b\n  name: B\n  knd: k\n";
    refused_once(record, "bodies b.knd (line 4): `knd` is not known here; did you mean `kind`?");
    let theme = "agenda: {id: a, title: A}\nedition: {id: e, first_year: 1, last_year: 2, adopted_by: b, decision: d, \
                 effective: 1}\nthemes:\n- id: t\n  title: T\n  subtaks: []\n";
    refused_once(theme, "themes t.subtaks (line 6): `subtaks` is not known here; did you mean `subtasks`?");
}

#[test]
fn sections_and_records_of_the_wrong_type_are_refused() {
    refused_once("bodies:\n  id: b\n", "bodies (line 2): should be a list of records; start each with `- `");
    refused_once("bodies:\n- b\n", "bodies (line 2): should be a record of named values such as `id: …`");
    refused_once("agenda:\n- {id: a}\n", "agenda (line 2): should be a record of named values such as `id: …`");
    refused_once("invented: yes\n", "invented (line 1): should be `true`, or left out");
    refused_once("invented: false\n", "invented (line 1): should be `true`, or left out");
}

#[test]
fn keys_that_stand_twice_are_refused_at_every_level() {
    refused_once(
        "bodies: []\nroles: []\nbodies: []\n",
        "line 3: `bodies` stands here twice, on lines 1 and 3; keep one",
    );
    let text = "bodies:\n- id: b\n  name: B\n  name: C\n";
    refused_once(text, "bodies b.name (line 4): `name` stands here twice, on lines 3 and 4; keep one");
    let text = "frameworks:\n- id: f\n  title: F\n  period:\n    from: 1\n    from: 2\n";
    refused_once(text, "frameworks f.period (line 6): `from` stands here twice, on lines 5 and 6; keep one");
    let text = "{\"bodies\": [{\"id\": \"b\",\n\"name\": \"B\",\n\"name\": \"B\"}]}";
    refused_once(text, "bodies b.name (line 3): `name` stands here twice, on lines 2 and 3; keep one");
}

#[test]
fn ids_are_checked() {
    refused_once("bodies:\n- name: B\n", "bodies.id (line 2): is missing");
    refused_once("bodies:\n- name: B\n  id: ''\n", "bodies.id (line 3): is missing");
    let text = "bodies:\n- name: B\n  id: De Raad\n";
    refused_once(
        text,
        "bodies De Raad.id (line 3): `De Raad` is not an id; use words of a-z and 0-9 joined by hyphens, at most 64, for example `gemeente-emmen`",
    );
    let twice = "bodies:\n- {id: b, name: B}\n- name: C\n  id: b\nparties: [{id: b, name: B}]\n";
    refused_once(
        twice,
        "bodies b.id (line 4): the id `b` stands twice in this section, on lines 2 and 4; give each record its own id",
    );
    let quotes = "should be text; put quotes around it";
    refused_once("explanations:\n- id: 3.1\n  title: T\n", &format!("explanations 3.1.id (line 2): {quotes}"));
    let text = "explanations:\n- id: intro\n  title: T\n";
    refused_once(
        text,
        "explanations intro.id (line 2): `intro` is not a section number; use digits joined by full stops, such as `3.1`",
    );
    refused_once("process:\n- step: s\n- step: t\n  id: '2'\n", "process 2.id (line 4): `id` is not known here");
}

#[test]
fn actions_of_one_document_share_their_ids() {
    let item = |p: &str| format!("  - id: {p}\n    title: P\n    actions:\n    - {{id: x, title: X}}\n");
    let text = format!(
        "agenda: {{id: a, title: A}}\nedition: {{id: e, first_year: 1, last_year: 2, adopted_by: b, decision: d, \
         effective: 2016}}\nthemes:\n- id: t\n  title: T\n  policy_items:\n{}{}",
        item("p"),
        item("q")
    );
    refused_once(
        text,
        "actions x.id (line 14): the id `x` stands twice in this section, on lines 10 and 14; give each record its own id",
    );
}

#[test]
fn parents_are_not_written_out() {
    let text = "agenda: {id: a, title: A}\nedition: {id: e, first_year: 1, last_year: 2, adopted_by: b, decision: d, \
                effective: 2016}\nthemes:\n- id: t\n  title: T\n  policy_items:\n  - id: p\n    title: P\n    theme: t\n    actions:\n    \
                - {id: x, title: X,\n       policy_item: p}\n  subtasks:\n  - {id: s, title: S, theme: t}\n";
    let message = "is given by the place in the file; leave it out";
    assert_eq!(
        refused(text),
        [
            format!("policy_items p.theme (line 9): {message}"),
            format!("actions x.policy_item (line 12): {message}"),
            format!("subtasks s.theme (line 14): {message}"),
        ]
    );
    let changes = "changes:\n- {id: c, kind: added, policy_item: p}\n- {id: d, kind: dropped, theme: t}\n";
    assert_eq!(document(changes).records.len(), 2);
}

#[test]
fn a_document_is_whole_or_partial() {
    let edition = "edition: {id: e, first_year: 1, last_year: 2, adopted_by: b, decision: d, effective: 2016}\n";
    let themes = "themes: [{id: t, title: T}]\n";
    let agenda = "agenda: {id: a, title: A}\n";
    let no_themes =
        "edition (line 2): an edition states its items; add `themes`, or leave `edition` out of a partial document";
    refused_once(format!("{agenda}{edition}"), no_themes);
    let no_edition =
        "themes (line 2): items belong to an edition; add `edition`, or leave `themes` out of a partial document";
    refused_once(format!("{agenda}{themes}"), no_edition);
    let no_agenda = "agenda: an edition and its `themes` belong to an agenda; add `agenda`, with `id` and `title`";
    refused_once(format!("{edition}{themes}"), no_agenda);
    assert!(parse(format!("{agenda}{edition}{themes}").as_bytes()).is_ok());
}

#[test]
fn scalars_are_read_by_the_core_schema() {
    let values =
        "[2016, 2016-06, '2017', null, ~, , true, False, yes, 0x1F, 0o17, -3, +4, 1.50, 1e3, 2016-2017, 12:30, .5, '']";
    let parsed = tree::parse(&format!("a: {}", values.replace(", ,", ",")));
    let value = parsed.unwrap().to_value(&mut Vec::new());
    let expected = json!([
        2016,
        "2016-06",
        "2017",
        null,
        null,
        true,
        false,
        "yes",
        31,
        15,
        -3,
        4,
        1.5,
        1000.0,
        "2016-2017",
        "12:30",
        0.5,
        ""
    ]);
    assert_eq!(value["a"], expected);
    assert_eq!(tree::parse("a:\nb:").unwrap().to_value(&mut Vec::new()), json!({"a": null, "b": null}));
}

#[test]
fn numbers_that_would_lose_digits_are_refused() {
    let message = "is a number too large to be kept exactly; write a smaller one, or text in quotes";
    for number in ["18446744073709551616", "-9223372036854775809", "0xFFFFFFFFFFFFFFFFF", "1e999", ".inf", ".nan"] {
        refused_once(
            format!("amounts:\n- id: a\n  what: A\n  eur: {number}\n"),
            &format!("amounts a.eur (line 4): {message}"),
        );
    }
    for number in ["18446744073709551616", "-9223372036854775809", "1e999"] {
        let text = format!("{{\"amounts\": [{{\"id\": \"a\", \"what\": \"A\",\n\"eur\": {number}}}]}}");
        refused_once(text, &format!("amounts a.eur (line 2): {message}"));
    }
}

#[test]
fn json_is_strict() {
    let cases = [
        ("{\"bodies\": [],\n}", "line 2: nothing follows the `,` before this `}`; remove the comma"),
        ("{\"bodies\": [1\n2]}", "line 2: a `,` or `]` should stand here"),
        ("{\n// no\n}", "line 2: a key in double quotes should stand here"),
        ("{\"a\"\n1}", "line 2: a `:` should follow the key `a`"),
        ("{\"a\": 'x'}", "line 1: a value should stand here; JSON has no comments and no other quotes than `\"`"),
        ("{\"a\": nul}", "line 1: `nul` is not a value; put double quotes around text"),
        ("{\"a\": 01}", "line 1: `01` is not a number as JSON writes it; write for example 12 or 0.5"),
        (
            "{\"a\": \"\n\"}",
            "line 1: this text is not as JSON writes it; use \\n for a line break and \\\\ for a backslash",
        ),
        (
            "{\"a\": \"\\ud800\"}",
            "line 1: this text is not as JSON writes it; use \\n for a line break and \\\\ for a backslash",
        ),
        ("{\"a\": \"x", "line 1: this text has no closing double quote; add it"),
        ("{\"a\":\n", "line 2: the text ends where a value should stand; is the file complete?"),
        ("{}\n{}", "line 2: the document ends before this; remove what follows its last `}`"),
    ];
    for (text, message) in cases {
        refused_once(text, message);
    }
}

#[test]
fn every_violation_is_reported_in_one_run() {
    let text = "agnda: {}\nbodies:\n- id: B\n  nme: x\n- {id: c}\nprocess:\n- step: ''\ndecisions:\n- id: d\n  kind: advise\n  \
                body: c\n  date: 2017-02-30\n";
    let places: Vec<_> = parse(text.as_bytes())
        .map(|_| ())
        .unwrap_err()
        .into_iter()
        .map(|v| (v.section, v.id, v.field, v.line))
        .collect();
    let place =
        |section: &str, id: &str, field: &str, line| (section.to_owned(), id.to_owned(), field.to_owned(), line);
    assert_eq!(
        places,
        [
            place("", "", "", 1),
            place("bodies", "B", "id", 3),
            place("bodies", "B", "name", 3),
            place("bodies", "B", "nme", 4),
            place("bodies", "c", "name", 5),
            place("process", "1", "step", 7),
            place("decisions", "d", "date", 12),
        ]
    );
}

#[test]
fn the_notation_is_told_by_the_first_character() {
    assert_eq!(
        ["\u{feff} \n{}", "a: {}", "", "[]"].map(Format::of),
        [Format::Json, Format::Yaml, Format::Yaml, Format::Yaml]
    );
}

/// A generator of small pseudo-random numbers (xorshift) with a fixed seed: the same mutations in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }
}

#[test]
fn no_mutation_of_a_document_panics() {
    let whole = example(EXAMPLES[1]).into_bytes();
    let pieces = [
        "[", "]", "{", "}", "\"", "'", ": ", "- ", "\n", "\n  ", "|\n", "&a ", "*a", "!t ", "? ", "#", "\t", "\0",
        "<<: ", "---\n", "é",
    ];
    let mut dice = Dice(2018);
    for _ in 0..2_000 {
        let from = dice.roll(whole.len());
        let to = (from + 1 + dice.roll(6_000)).min(whole.len());
        let mut bytes = whole[from..to].to_vec();
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(bytes.len());
            match dice.roll(3) {
                0 => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
                1 => drop(bytes.drain(at..(at + dice.roll(40)).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, pieces[dice.roll(pieces.len())].bytes())),
            }
            if bytes.is_empty() {
                break;
            }
        }
        drop(parse(&bytes));
        if let Ok(text) = std::str::from_utf8(&bytes) {
            drop(with_changes(text, &skeletons()));
        }
    }
}
