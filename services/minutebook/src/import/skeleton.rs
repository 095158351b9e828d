//! Adding entries to the `changes` of a file that a person keeps: all else stays as it was written.

use minutebook_domain::value::Value;

use super::tree::{self, Entry, Node, Shape};
use super::write::{entries, flow};
use super::{Defect, Format, Violation, to_json};

const CHANGES: &str = "changes";

/// Adds entries to the `changes` of a document's text. YAML keeps every byte of what was there, comments included,
/// save that an empty `changes: []` makes place for the entries; JSON is written anew, in the same order.
pub(crate) fn with_changes(text: &str, added: &[Value]) -> Result<String, Vec<Violation>> {
    if added.is_empty() {
        return Ok(text.to_owned());
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = text.strip_suffix(body).unwrap_or_default();
    let root = tree::parse(body).map_err(|violation| vec![violation])?;
    let wanted = wanted(&root, added)?;
    if Format::of(body) == Format::Json {
        return Ok(format!("{mark}{}", to_json(&wanted)));
    }
    let changed = insert(body, &root, added);
    // Whatever a file looks like: it is changed only to one that reads as wanted.
    if tree::parse(&changed).is_ok_and(|root| root.to_value(&mut Vec::new()) == wanted) {
        return Ok(format!("{mark}{changed}"));
    }
    Err(vec![of_changes(&root, Defect::ChangesNotAdded {})])
}

/// What the changed text should read as.
fn wanted(root: &Node, added: &[Value]) -> Result<Value, Vec<Violation>> {
    let mut faults = Vec::new();
    let mut value = root.to_value(&mut faults);
    if !faults.is_empty() {
        return Err(faults.into_iter().map(|(line, why)| Violation::of_file(line, why)).collect());
    }
    let Some(map) = value.as_object_mut() else {
        return Err(vec![Violation::of_file(root.line, Defect::SectionsMissing {})]);
    };
    let changes = map.entry(CHANGES).or_insert(Value::Null);
    if minutebook_domain::value::is_unstated(changes) {
        *changes = Value::Array(Vec::new());
    }
    let Some(list) = changes.as_array_mut() else {
        return Err(vec![of_changes(root, Defect::SectionForm {})]);
    };
    list.extend_from_slice(added);
    Ok(value)
}

fn of_changes(root: &Node, defect: Defect) -> Violation {
    Violation::new(CHANGES, "", "", section(root).map_or(0, |entry| entry.line), defect)
}

fn section(root: &Node) -> Option<&Entry> {
    let Shape::Map(entries) = &root.shape else { return None };
    entries.iter().find(|entry| entry.key == CHANGES)
}

fn insert(text: &str, root: &Node, added: &[Value]) -> String {
    let Some(entry) = section(root) else {
        let column = indentation(lines(text).nth(to_place(root.line)).unwrap_or_default());
        let section = format!("{:column$}{CHANGES}:\n{}", "", entries(added, column + 2));
        return insert_lines(text, end_of_document(text), &section);
    };
    let bytes = byte_range(text, &entry.node);
    let written = text.get(bytes.clone()).unwrap_or_default();
    if entry.node.is_unstated() {
        let head = text.get(..bytes.start).unwrap_or_default();
        let head = if bytes.is_empty() { head } else { head.trim_end_matches(' ') };
        let kept = [head, text.get(bytes.end..).unwrap_or_default()].concat();
        let column = indentation(lines(text).nth(to_place(entry.line)).unwrap_or_default());
        return insert_lines(&kept, to_place(entry.line) + 1, &entries(added, column + 2));
    }
    if let Some(list) = written.strip_suffix(']') {
        let entries = added.iter().map(|entry| format!(", {}", flow(entry))).collect::<Vec<_>>().concat();
        let end = bytes.start + list.trim_end().len();
        let (head, tail) = text.split_at_checked(end).unwrap_or((text, ""));
        return format!("{head}{entries}{tail}");
    }
    append_to_block(text, root, entry, added)
}

/// Adds entries below the last one of a list in block style, in its column and, if that one is, between braces.
fn append_to_block(text: &str, root: &Node, section: &Entry, added: &[Value]) -> String {
    let start = to_place(section.line) + 1;
    let Shape::Map(sections) = &root.shape else { return text.to_owned() };
    let next = sections.iter().map(|entry| entry.line).filter(|line| *line > section.line).min();
    let end = next.map_or_else(|| end_of_document(text), to_place);
    let block: Vec<&str> = lines(text).skip(start).take(end.saturating_sub(start)).collect();
    let is_entry = |line: &&&str| line.trim_start().starts_with('-');
    let column = block.iter().find(is_entry).map_or(2, |line| indentation(line));
    // Comments that stand no deeper than the list belong to what follows.
    let outside = |line: &&&str| {
        let content = line.trim();
        content.is_empty() || content.starts_with('#') && indentation(line) <= column
    };
    let trailing = block.iter().rev().take_while(outside).count();
    let last = block.iter().rev().find(|line| is_entry(line) && indentation(line) == column);
    let in_braces = last.is_some_and(|line| line.trim_start_matches(['-', ' ']).starts_with('{'));
    let entries = if in_braces {
        added.iter().map(|entry| format!("{:column$}- {}\n", "", flow(entry))).collect::<Vec<_>>().concat()
    } else {
        entries(added, column)
    };
    insert_lines(text, end - trailing, &entries)
}

/// The text with further lines before the line of this place, with the line ends that the text has.
fn insert_lines(text: &str, place: usize, added: &str) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let at = lines(text).take(place).map(str::len).sum();
    let (head, tail) = text.split_at_checked(at).unwrap_or((text, ""));
    let gap = if head.is_empty() || head.ends_with('\n') { "" } else { end };
    format!("{head}{gap}{}{tail}", added.replace('\n', end))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
}

/// The place of a line number in [`lines`].
fn to_place(line: u32) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1)
}

/// The place after the last line of the document, which three full stops may end.
fn end_of_document(text: &str) -> usize {
    lines(text).position(|line| line.trim_end() == "...").unwrap_or_else(|| lines(text).count())
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The bytes that a value takes: its span counts characters.
fn byte_range(text: &str, node: &Node) -> std::ops::Range<usize> {
    let mut bytes = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
    let start = bytes.nth(node.span.start).unwrap_or(text.len());
    let further = node.span.end.saturating_sub(node.span.start);
    let end = if further == 0 { start } else { bytes.nth(further - 1).unwrap_or(text.len()) };
    start..end
}
