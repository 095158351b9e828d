//! The rules of the house about the sources, held by reading them: who may know whom, and where what may stand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::fixture::program::files;
use crate::fixture::{root, text};

/// Which packages of the workspace a package may depend on, tests and all. An edge that is not here does not exist; a
/// package that is not here has no place yet.
const EDGES: [(&str, &[&str]); 9] = [
    ("minutebook-domain", &[]),
    ("minutebook-tlog", &[]),
    ("minutebook-proto", &["minutebook-domain"]),
    ("minutebook-ledger", &["minutebook-domain", "minutebook-proto", "minutebook-tlog"]),
    ("minutebook-client", &["minutebook-proto", "minutebook-tlog"]),
    (
        "minutebook",
        &["minutebook-client", "minutebook-domain", "minutebook-ledger", "minutebook-proto", "minutebook-tlog"],
    ),
    ("minutebook-e2e", &["minutebook-client", "minutebook-proto", "minutebook-tlog"]),
    ("minutebook-bench", &["minutebook-domain", "minutebook-ledger", "minutebook-proto", "minutebook-tlog"]),
    ("minutebook-faults", &["minutebook-proto"]),
];

/// Packages from elsewhere that only some may use. A name that ends with `*` means all that begin so.
const GUESTS: [(&str, &[&str]); 12] = [
    ("tlog_tiles", &["minutebook-tlog"]),
    ("signed_note", &["minutebook-tlog"]),
    ("sled", &["minutebook-ledger"]),
    // Of an example.
    ("rusqlite", &["minutebook-client"]),
    (
        "tonic*",
        &[
            "minutebook-proto",
            "minutebook-client",
            "minutebook",
            "minutebook-e2e",
            "minutebook-bench",
            "minutebook-faults",
        ],
    ),
    ("tower*", &["minutebook", "minutebook-bench"]),
    ("hyper*", &["minutebook", "minutebook-bench"]),
    // The settings of a server.
    ("toml", &["minutebook"]),
    // What the system does for a connection, of which the runtime's own sockets know too little.
    ("socket2", &["minutebook"]),
    // The ledger counts, the service tells.
    ("prometheus*", &["minutebook"]),
    ("clap", &["minutebook", "minutebook-bench", "minutebook-faults"]),
    ("anyhow", &["minutebook", "minutebook-bench", "minutebook-faults"]),
];

/// What the rules are built with: nothing that reads a clock, a disk or a network, and nothing that waits.
const DOMAIN: [&str; 10] = [
    "bincode",
    "edtf-core",
    "foldhash",
    "imbl",
    "serde",
    "serde_json",
    "sha2",
    "smol_str",
    "thiserror",
    "unicode-normalization",
];

/// The longest source file, in lines that are neither blank nor a comment.
const LINES: usize = 600;

/// The packages of the workspace.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().expect("cargo is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().expect("a name")
}

fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().expect("dependencies").iter()
}

/// The sources that are built into the program, and their text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    for folder in ["crates", "services"] {
        for path in files(&root().join(folder)) {
            let path = path.strip_prefix(root()).expect("below the root").to_owned();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if is_rust && !is_test(&path) && !path.starts_with("target") {
                let text = text(path.to_str().expect("UTF-8"));
                sources.push((path, text));
            }
        }
    }
    assert!(sources.len() > 60, "{}", sources.len());
    sources
}

fn is_test(path: &Path) -> bool {
    let named = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs" || part == "benches";
    path.iter().any(named)
}

/// A source without its tests and without its comments.
fn code(source: &str) -> impl Iterator<Item = &str> {
    let end = source.find("\n#[cfg(test)]\nmod ").unwrap_or(source.len());
    let lines = source[..end].lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//"))
}

#[test]
fn packages_know_only_those_below_them() {
    let packages = packages();
    let ours: BTreeSet<_> = packages.iter().map(name).collect();
    for package in &packages {
        let allowed = EDGES.iter().find(|(known, _)| *known == name(package));
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{} has no place in the table", name(package)));
        for dependency in dependencies(package).map(name).filter(|dependency| ours.contains(dependency)) {
            assert!(allowed.contains(&dependency), "{} may not know {dependency}", name(package));
        }
    }
    for (known, _) in &EDGES {
        assert!(ours.contains(known), "{known} is in the table and not in the workspace");
    }
}

#[test]
fn packages_from_elsewhere_stay_where_they_belong() {
    for package in &packages() {
        for dependency in dependencies(package) {
            let is = |guest: &str| match guest.strip_suffix('*') {
                Some(start) => name(dependency).starts_with(start),
                None => name(dependency) == guest,
            };
            if let Some((guest, hosts)) = GUESTS.iter().find(|(guest, _)| is(guest)) {
                assert!(hosts.contains(&name(package)), "{} may not use {guest}", name(package));
            }
            let is_built_in = dependency["kind"].is_null();
            if name(package) == "minutebook-domain" && is_built_in {
                assert!(DOMAIN.contains(&name(dependency)), "the rules may not use {}", name(dependency));
            }
            // The messages alone do not drag in the network.
            if name(package) == "minutebook-proto" && name(dependency).starts_with("tonic") {
                assert_eq!(dependency["optional"], true, "{} must stand behind the feature", name(dependency));
            }
            if name(package) == "minutebook-ledger" && name(dependency) == "minutebook-proto" {
                assert_eq!(dependency["features"], serde_json::json!([]), "the ledger needs only the messages");
            }
            if name(dependency) == "sled" {
                assert_eq!(dependency["req"], "=0.34.7", "every figure was measured on that one");
            }
        }
    }
}

#[test]
fn every_package_keeps_the_lints_and_goes_nowhere() {
    for package in &packages() {
        let manifest = std::fs::read_to_string(package["manifest_path"].as_str().expect("a path")).expect("readable");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", name(package));
        assert_eq!(package["publish"], serde_json::json!([]), "{}", name(package));
        assert_eq!(package["license"], "MIT OR Apache-2.0", "{}", name(package));
    }
    let workspace = text("Cargo.toml");
    for lint in ["unsafe_code = \"forbid\"", "missing_docs = \"deny\"", "pedantic = ", "unwrap_used = ", "panic = "] {
        assert!(workspace.contains(lint), "{lint}");
    }
}

#[test]
fn the_store_stands_in_one_module_and_the_network_above_the_ledger() {
    for (path, source) in sources() {
        let says = |words: &str| code(&source).any(|line| line.contains(words));
        let stands = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
        if says("sled::") {
            assert!(stands(&["crates/minutebook-ledger/src/store"]), "{} uses sled", path.display());
        }
        if says("tonic::") {
            let places = ["services", "crates/minutebook-client", "crates/minutebook-proto/build.rs"];
            assert!(stands(&places), "{} uses tonic", path.display());
        }
        if says("anyhow") {
            let places = [
                "services/minutebook/src/main.rs",
                "services/minutebook/src/cli",
                "services/minutebook/src/app.rs",
                "services/minutebook/src/server.rs",
                "services/minutebook/src/grpc/mod.rs",
            ];
            assert!(stands(&places), "{} has errors without a type", path.display());
        }
    }
}

#[test]
fn the_rules_read_no_clock_no_disk_and_no_network_and_wait_for_nobody() {
    let words = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "std::time",
        "std::io::stdin",
        "SystemTime",
        "Instant::now",
        "async fn",
        ".await",
        "println!",
        "prost",
        "tonic",
        "rand::",
        "static mut",
        "Mutex",
        "RefCell",
    ];
    let rules = sources().into_iter().filter(|(path, _)| path.starts_with("crates/minutebook-domain/src"));
    for (path, source) in rules {
        for line in code(&source) {
            if let Some(word) = words.iter().find(|word| line.contains(*word)) {
                panic!("{} has `{word}`: {line}", path.display());
            }
        }
    }
}

#[test]
fn sources_are_short_say_what_they_are_and_are_finished() {
    for (path, source) in sources() {
        let shown = path.display();
        let lines = code(&source).count();
        assert!(lines <= LINES, "{shown} has {lines} lines of Rust, and may have {LINES}");
        assert!(source.starts_with("//! "), "{shown} does not say what it is");
        for word in ["todo!", "unimplemented!", "dbg!(", "TODO", "FIXME", "XXX"] {
            assert!(!source.contains(word), "{shown} has {word}");
        }
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for name in ["manager", "helper", "util", "common", "misc"] {
            assert!(!stem.contains(name), "{shown} is named after nothing");
        }
        // Only tests may stop the program, and generated code has its own rules.
        let stops = code(&source)
            .find(|line| line.contains(".unwrap()") || line.contains(".expect(\"") || line.contains("panic!("));
        assert!(stops.is_none() || stem == "build", "{shown} may stop the program: {stops:?}");
    }
}

#[test]
fn the_map_of_the_code_is_short_and_true() {
    let map = text("ARCHITECTURE.md");
    assert!(map.lines().count() < 200, "{}", map.lines().count());
    let named =
        map.split('`').skip(1).step_by(2).filter(|word| word.starts_with("crates/") || word.starts_with("services/"));
    let named: Vec<_> = named.collect();
    assert!(named.len() > 3, "{named:?}");
    for path in named {
        assert!(root().join(path).exists(), "ARCHITECTURE.md names `{path}`, which is not there");
    }
    for (path, _) in EDGES.iter().filter(|(name, _)| name.starts_with("minutebook-")) {
        let package = path.strip_prefix("minutebook-").expect("ours");
        assert!(map.contains(package), "ARCHITECTURE.md does not name {path}");
    }
}
