//! The guides in `docs/`, run word for word. A block that has an `rpc="Service.Rpc"` is a request in JSON, and is checked
//! against the interface.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto};
use serde_json::Value;

use crate::fixture::console::{Block, blocks, follow};
use crate::fixture::program::run;
use crate::fixture::text;

/// The guide that goes through the commands.
const SECRETARY: &str = "docs/guide-secretary.md";
/// The guide to what can be established.
const AUDITOR: &str = "docs/guide-auditor.md";
/// The guide to the interface.
const INTEGRATOR: &str = "docs/guide-integrator.md";
/// Where the guide of the secretary lists the commands that it leaves out, each with a reason.
const LEFT_OUT: &str = "## Not in this guide";

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
        .flat_map(Block::commands)
        .filter_map(|command| command.split_whitespace().nth(1).map(str::to_owned))
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
