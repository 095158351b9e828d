//! Values as text: YAML that reads well and always the same, and JSON.
//!
//! YAML comes out in block style; lists of short values stand on one line. Text is quoted where a YAML reader, also
//! one of version 1.1, would read something else.

use std::fmt::Write;

use minutebook_domain::value::Value;
use serde_json::Map;

use super::yaml::{Plain, resolve};

/// How many characters a list on one line may have.
const WIDTH: usize = 100;

/// A value as YAML.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (n, (key, value)) in map.iter().enumerate() {
                // An empty line sets the sections apart; within text it would be read.
                if n > 0 && !is_scalar(value) {
                    out.push('\n');
                }
                entry(&mut out, key, value, 0);
            }
        }
        Value::Array(list) if !list.is_empty() => items(&mut out, list, 0),
        _ => {
            out.push_str(&flow(value));
            out.push('\n');
        }
    }
    out
}

/// A value as JSON, indented.
pub(crate) fn to_json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Entries of a list of records as lines of YAML, each dash in this column.
pub(super) fn entries(list: &[Value], column: usize) -> String {
    let mut out = String::new();
    items(&mut out, list, column);
    out
}

/// A value on one line of YAML, as it may stand between brackets.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => text_between_brackets(text),
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", text_between_brackets(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// One named value in this column, with the line breaks that follow it.
fn entry(out: &mut String, key: &str, value: &Value, column: usize) {
    indent(out, column);
    let key = if is_plain(key) { key.to_owned() } else { quoted(key) };
    out.push_str(&key);
    out.push(':');
    match value {
        Value::Array(list) if !on_one_line(value, column + key.chars().count()) => {
            out.push('\n');
            items(out, list, column + 2);
        }
        Value::Object(map) if !on_one_line(value, column + key.chars().count()) => {
            out.push('\n');
            record(out, map, column + 2);
        }
        _ => {
            out.push(' ');
            leaf(out, value, column + 2);
        }
    }
}

fn record(out: &mut String, map: &Map<String, Value>, column: usize) {
    map.iter().for_each(|(key, value)| entry(out, key, value, column));
}

fn items(out: &mut String, list: &[Value], column: usize) {
    for item in list {
        indent(out, column);
        out.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                // The first entry stands beside the dash: its indentation is one character short of the dash's place.
                let mut inner = String::new();
                record(&mut inner, map, column + 2);
                out.push(' ');
                out.push_str(inner.trim_start_matches(' '));
            }
            Value::Array(inner) if !on_one_line(item, column) => {
                out.push('\n');
                items(out, inner, column + 2);
            }
            _ => {
                out.push(' ');
                leaf(out, item, column + 2);
            }
        }
    }
}

/// A value that starts on the line of its key or dash; further lines are indented to the column.
fn leaf(out: &mut String, value: &Value, column: usize) {
    match value {
        Value::String(text) if is_literal(text) => {
            out.push_str("|-\n");
            for line in text.split('\n') {
                if !line.is_empty() {
                    indent(out, column);
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        Value::String(text) if is_plain(text) => {
            out.push_str(text);
            out.push('\n');
        }
        _ => {
            out.push_str(&flow(value));
            out.push('\n');
        }
    }
}

fn indent(out: &mut String, column: usize) {
    out.extend(std::iter::repeat_n(' ', column));
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

/// Is this a list or record of scalars that is short enough for one line?
fn on_one_line(value: &Value, column: usize) -> bool {
    let flat = match value {
        Value::Array(list) => list.iter().all(is_scalar),
        Value::Object(map) => map.values().all(is_scalar),
        _ => true,
    };
    flat && column + flow(value).chars().count() <= WIDTH
}

/// Text that reads well as lines of its own: broken, and without what indented lines would lose.
fn is_literal(text: &str) -> bool {
    let readable = text.chars().all(|c| c == '\n' || !needs_escape(c));
    let lines = text.split('\n').all(|line| line.is_empty() || !line.trim().is_empty());
    text.contains('\n') && readable && lines && !text.starts_with([' ', '\n']) && !text.ends_with('\n')
}

fn text_between_brackets(text: &str) -> String {
    // Some readers take a dash before a comma or bracket for the start of an entry.
    let plain = is_plain(text) && !text.contains([',', '[', ']', '{', '}']) && !text.ends_with('-');
    if plain { text.to_owned() } else { quoted(text) }
}

/// Does text without quotes read as this very text?
fn is_plain(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| !",[]{}#&*!|>'\"%@`=".contains(c));
    // A dash, question mark or colon is text only where a word follows.
    let word = text.trim_start_matches(['-', '?', ':']);
    let dashes = text.len() - word.len();
    first
        && (dashes == 0 || dashes == 1 && word.starts_with(char::is_alphanumeric))
        && !text.chars().any(needs_escape)
        && text.trim() == text
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.starts_with("...")
        && !text.starts_with("<<")
        && !reads_as_something_else(text)
}

/// Would YAML 1.2 or 1.1 read a number, date, truth value or null?
fn reads_as_something_else(text: &str) -> bool {
    let starts_as_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let has_digit = text.contains(|c: char| c.is_ascii_digit());
    let number_or_date =
        starts_as_number && has_digit && text.chars().all(|c| c.is_ascii_digit() || "+-.:_/eEtTzZxob~".contains(c));
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
    number_or_date || words.iter().any(|word| word.eq_ignore_ascii_case(text)) || resolve(text) != Plain::Text
}

/// Characters that YAML reads only as an escape, or that editors take for a line break.
fn needs_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if needs_escape(c) => _ = write!(out, "\\u{:04x}", u32::from(c)),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
