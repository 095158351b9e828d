//! The guides in `docs/`, run word for word, so that none of them tells what the program no longer does.
//!
//! Each guide has a directory of its own with a copy of `examples/`. Its fenced blocks are followed in their order:
//!
//! - a block whose first line is `console` is run. Lines that begin with `$ ` are commands (one that ends with `\` goes
//!   on in the next line); what follows a command is all that it prints, answers and complaints alike;
//! - a block that has a `title="FILE"` is written to that file;
//! - a block that has an `rpc="Service.Rpc"` is a request in JSON, and is checked against the interface;
//! - any other block is only shown.
//!
//! `…` stands for what is left out: alone on a line for any number of lines, within a line for any run of characters
//! (positions of no interest, instants, the long middle of a line). A command that the program refuses prints a line
//! that begins with `error: `, or with `{"error":` for programs; every other command ends well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto};
use serde_json::Value;

use crate::fixture::program::{run, shell};
use crate::fixture::{root, text};

/// What stands for what is left out.
const GAP: &str = "…";
/// The guide that goes through the commands.
const SECRETARY: &str = "docs/guide-secretary.md";
/// The guide to what can be established.
const AUDITOR: &str = "docs/guide-auditor.md";
/// The guide to the interface.
const INTEGRATOR: &str = "docs/guide-integrator.md";
/// Where the guide of the secretary lists the commands that it leaves out, each with a reason.
const LEFT_OUT: &str = "## Not in this guide";

/// A fenced block of a guide.
#[derive(Debug)]
struct Block {
    /// The line of the guide on which it begins.
    line: usize,
    /// What stands after the opening fence.
    info: String,
    /// What stands between the fences.
    content: String,
}

impl Block {
    /// What the opening fence says of this name.
    fn attribute(&self, name: &str) -> Option<&str> {
        let (_, value) = self.info.split_once(&format!("{name}=\""))?;
        Some(value.split_once('"').expect("an attribute ends").0)
    }
}

/// The fenced blocks of a guide, in their order.
fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (line, words) in (1..).zip(guide.lines()) {
        match (open.as_mut(), words.strip_prefix("```")) {
            (None, Some(info)) => open = Some(Block { line, info: info.to_owned(), content: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.content.push_str(words);
                block.content.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that does not end: {open:?}");
    blocks
}

/// The commands of a block, each with the lines that it is to print.
fn commands(content: &str) -> Vec<(String, Vec<&str>)> {
    let mut commands: Vec<(String, Vec<&str>)> = Vec::new();
    let mut goes_on = false;
    for line in content.lines() {
        match commands.last_mut() {
            Some((command, _)) if goes_on => {
                command.push('\n');
                command.push_str(line);
            }
            last => match (line.strip_prefix("$ "), last) {
                (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
                (None, Some((_, told))) => told.push(line),
                (None, None) => panic!("a block begins with a command, not with {line:?}"),
            },
        }
        goes_on = commands.last().is_some_and(|(command, told)| told.is_empty() && command.ends_with('\\'));
    }
    commands
}

/// Whether a list of pieces reads as the pattern says, in which some pieces are gaps for any number of pieces.
fn fits<P, T>(pattern: &[P], told: &[T], gap: &dyn Fn(&P) -> bool, same: &dyn Fn(&P, &T) -> bool) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return told.is_empty() };
    if gap(first) {
        return (0..=told.len()).any(|skipped| fits(rest, &told[skipped..], gap, same));
    }
    told.split_first().is_some_and(|(piece, others)| same(first, piece) && fits(rest, others, gap, same))
}

/// Whether a line reads as shown.
fn line_fits(shown: &str, told: &str) -> bool {
    let (shown, told): (Vec<_>, Vec<_>) = (shown.chars().collect(), told.chars().collect());
    fits(&shown, &told, &|shown| GAP.contains(*shown), &|shown, told| shown == told)
}

/// Whether an answer reads as shown.
fn answer_fits(shown: &[&str], told: &[&str]) -> bool {
    fits(shown, told, &|line| line.trim() == GAP, &|shown, told| line_fits(shown, told))
}

/// Follows a guide from its first block to its last, in a new directory.
fn follow(path: &str) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(folder.path().join("examples")).expect("a directory");
    for entry in fs::read_dir(root().join("examples")).expect("the examples") {
        let from = entry.expect("readable").path();
        let to = folder.path().join("examples").join(from.file_name().expect("a name"));
        fs::copy(from, to).expect("a copy");
    }
    for block in blocks(&text(path)) {
        if let Some(name) = block.attribute("title") {
            fs::write(folder.path().join(name), &block.content).expect("a file");
        } else if block.info == "console" {
            for (command, shown) in commands(&block.content) {
                try_out(folder.path(), &format!("{path}, block at line {}", block.line), &command, &shown);
            }
        }
    }
}

/// Runs a command of a guide and compares.
fn try_out(folder: &Path, place: &str, command: &str, shown: &[&str]) {
    let told = shell(folder, command);
    let lines: Vec<_> = told.out.lines().collect();
    let refusal = shown.iter().any(|line| line.starts_with("error: ") || line.starts_with("{\"error\":"));
    assert!(
        answer_fits(shown, &lines) && refusal == (told.code != 0),
        "{place}\n$ {command}\n--- the guide shows\n{}\n--- the program prints (exit code {})\n{}",
        shown.join("\n"),
        told.code,
        told.out,
    );
}

#[test]
fn the_guide_of_the_secretary_is_what_the_program_does() {
    follow(SECRETARY);
}

#[test]
fn the_guide_of_the_auditor_is_what_the_program_does() {
    follow(AUDITOR);
}

#[test]
fn the_guide_of_the_integrator_is_what_the_program_does() {
    follow(INTEGRATOR);
}

#[test]
fn the_secretary_meets_every_command_or_is_told_why_not() {
    let guide = text(SECRETARY);
    let (body, left_out) = guide.split_once(LEFT_OUT).expect("a list of what the guide leaves out");
    let used: BTreeSet<_> = blocks(body)
        .iter()
        .filter(|block| block.info == "console")
        .flat_map(|block| commands(&block.content))
        .filter_map(|(command, _)| command.split_whitespace().nth(1).map(str::to_owned))
        .collect();
    let left_out: BTreeSet<_> =
        left_out.lines().filter_map(|line| line.strip_prefix("- `")?.split_once("`: ")).map(|(name, _)| name).collect();
    let help = run(["--help"]).ok();
    let (_, listed) = help.split_once("\nCommands:\n").expect("the list of commands");
    let listed = listed.split("\n\n").next().unwrap_or_default();
    let names: Vec<_> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in &names {
        assert!(
            used.contains(*name) != left_out.contains(name),
            "`{name}` is used in {SECRETARY} or listed under {LEFT_OUT:?} with a reason, and not both"
        );
    }
    assert!(left_out.iter().all(|name| names.contains(name)), "{left_out:?} names what is no command");
}

/// The interface, as it is described to programs: what `proto/` says.
fn interface() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(minutebook_proto::DESCRIPTOR_SET).expect("descriptors");
    set.file.into_iter().filter(|file| file.package() == "minutebook.v1").collect()
}

/// The RPCs, as `Service.Rpc`, each with the name of its request.
fn rpcs() -> BTreeMap<String, String> {
    let files = interface();
    let services = files.iter().flat_map(|file| &file.service);
    services
        .flat_map(|service| {
            let named = |method: &MethodDescriptorProto| format!("{}.{}", service.name(), method.name());
            service.method.iter().map(move |method| (named(method), method.input_type().to_owned()))
        })
        .collect()
}

/// Panics where a request has what its message has not.
fn check_request(files: &[FileDescriptorProto], message: &str, value: &Value, place: &str) {
    let short = message.trim_start_matches(".minutebook.v1.");
    let mut all = files.iter().flat_map(|file| &file.message_type);
    let found = all.find(|candidate| candidate.name() == short).unwrap_or_else(|| panic!("{place}: {message}"));
    for (name, value) in value.as_object().unwrap_or_else(|| panic!("{place}: {value} is no {short}")) {
        let place = format!("{place}.{name}");
        let field = found.field.iter().find(|field| field.name() == name);
        let field = field.unwrap_or_else(|| panic!("{place}: {short} has no such field"));
        let values = if field.label() == Label::Repeated {
            value.as_array().expect("a list").iter().collect()
        } else {
            vec![value]
        };
        for value in values {
            match field.r#type() {
                Type::Message if field.type_name().starts_with(".minutebook.v1.") => {
                    check_request(files, field.type_name(), value, &place);
                }
                Type::Message => {}
                Type::Enum => {
                    let kind = field.type_name().trim_start_matches(".minutebook.v1.");
                    let mut enums = files.iter().flat_map(|file| &file.enum_type);
                    let values = &enums.find(|found| found.name() == kind).expect("an enum").value;
                    assert!(values.iter().any(|known| value == known.name()), "{place}: {value} is no {kind}");
                }
                Type::String => assert!(value.is_string(), "{place}: {value}"),
                Type::Bool => assert!(value.is_boolean(), "{place}: {value}"),
                _ => assert!(value.is_number(), "{place}: {value}"),
            }
        }
    }
}

#[test]
fn the_integrator_is_told_of_every_rpc_and_of_no_other() {
    let guide = text(INTEGRATOR);
    let mut told = BTreeSet::new();
    for row in guide.lines().filter(|line| line.starts_with("| `") && line.contains("Service` |")) {
        let mut names = row.split('`').skip(1).step_by(2);
        let service = names.next().expect("a service");
        for rpc in names {
            assert!(told.insert(format!("{service}.{rpc}")), "{service}.{rpc} is told twice");
        }
    }
    assert_eq!(told, rpcs().into_keys().collect());
}

#[test]
fn the_requests_that_the_integrator_is_shown_can_be_made() {
    let (files, rpcs) = (interface(), rpcs());
    let blocks = blocks(&text(INTEGRATOR));
    let requests: Vec<_> = blocks.iter().filter_map(|block| Some((block.attribute("rpc")?, block))).collect();
    assert!(!requests.is_empty(), "there are none");
    for (rpc, block) in requests {
        let request = serde_json::from_str(&block.content).unwrap_or_else(|error| panic!("{rpc}: {error}"));
        let message = rpcs.get(rpc).unwrap_or_else(|| panic!("there is no {rpc}"));
        check_request(&files, message, &request, rpc);
    }
}

#[test]
fn no_line_of_a_guide_is_longer_than_a_page_is_wide() {
    for path in [SECRETARY, AUDITOR, INTEGRATOR] {
        for (n, line) in (1..).zip(text(path).lines()) {
            assert!(line.chars().count() <= 120, "{path}, line {n}");
        }
    }
}

#[test]
fn what_is_left_out_of_an_answer_is_any_run_of_it() {
    assert!(answer_fits(&["a", "…", "d"], &["a", "b", "c", "d"]));
    assert!(answer_fits(&["a", "…"], &["a"]));
    assert!(!answer_fits(&["a", "…", "d"], &["a", "b"]));
    assert!(line_fits("event 3, …Z.", "event 3, 2017-01-01T00:00:00.000Z."));
    assert!(!line_fits("event 3, …Z.", "event 4, 2017-01-01T00:00:00.000Z."));
}
