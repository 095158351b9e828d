//! Text as a tree of values that know their lines, whichever notation it is in.

use std::collections::{HashMap, hash_map};
use std::ops::Range;

use minutebook_domain::value::Value;
use serde_json::Map;

use super::{Defect, Format, MAX_VIOLATIONS, Violation, json, yaml};

/// How deep values may stand inside one another. An agenda document goes eight levels deep.
pub(super) const MAX_DEPTH: usize = 16;
/// The most values of a file, so that its tree stays far below a gigabyte.
const MAX_VALUES: usize = 2_000_000;

/// A value, the line that it starts on, from 1, and, in YAML, the characters of the text that it takes.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: u32,
    pub(super) span: Range<usize>,
    pub(super) shape: Shape,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Shape {
    /// Text, a number, true, false or null.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// Named values in their order; a key may still stand here twice.
    Map(Vec<Entry>),
    /// A value that no document may hold, and why. It does not keep the rest of the file from being read.
    Refused(Defect),
}

/// A named value and the line of its name.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: u32,
    pub(super) node: Node,
}

/// A fault inside a value: its line, and what is wrong.
pub(super) type Fault = (u32, Defect);

impl Node {
    /// The value without its lines. What cannot be a value is noted as a fault and reads as null, and so is all that
    /// follows as many faults as are reported.
    pub(super) fn to_value(&self, faults: &mut Vec<Fault>) -> Value {
        match &self.shape {
            _ if faults.len() >= MAX_VIOLATIONS => Value::Null,
            Shape::Scalar(value) => value.clone(),
            Shape::List(list) => list.iter().map(|node| node.to_value(faults)).collect(),
            Shape::Map(entries) => {
                let (mut map, mut keys) = (Map::new(), Keys::default());
                for entry in entries {
                    match keys.repeated(entry) {
                        Some(_) if faults.len() >= MAX_VIOLATIONS => break,
                        Some(why) => faults.push((entry.line, why)),
                        None => _ = map.insert(entry.key.clone(), entry.node.to_value(faults)),
                    }
                }
                Value::Object(map)
            }
            Shape::Refused(why) => {
                faults.push((self.line, why.clone()));
                Value::Null
            }
        }
    }

    /// Does it say nothing: null, an empty text or an empty list?
    pub(super) fn is_unstated(&self) -> bool {
        match &self.shape {
            Shape::Scalar(value) => minutebook_domain::value::is_unstated(value),
            Shape::List(list) => list.is_empty(),
            Shape::Map(_) | Shape::Refused(_) => false,
        }
    }
}

/// The keys of a map so far, with their lines.
#[derive(Default)]
pub(super) struct Keys<'a>(HashMap<&'a str, u32>);

impl<'a> Keys<'a> {
    /// Notes the key of an entry; that it stands here twice, if it does.
    pub(super) fn repeated(&mut self, entry: &'a Entry) -> Option<Defect> {
        let Entry { key, line, .. } = entry;
        let first = match self.0.entry(key) {
            hash_map::Entry::Occupied(first) => *first.get(),
            hash_map::Entry::Vacant(place) => {
                place.insert(*line);
                return None;
            }
        };
        Some(Defect::KeyRepeated { key: key.clone(), first, line: *line })
    }
}

/// What may still be read of a file: each value takes one, each level of nesting is counted.
pub(super) struct Budget {
    values: usize,
    depth: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { values: MAX_VALUES, depth: 0 }
    }

    /// Counts one value.
    pub(super) fn value(&mut self, line: u32) -> Result<(), Violation> {
        let left = self.values.checked_sub(1);
        self.values = left.ok_or_else(|| Violation::of_file(line, Defect::TooManyValues {}))?;
        Ok(())
    }

    /// Goes one level deeper; [`Budget::leave`] comes back.
    pub(super) fn enter(&mut self, line: u32) -> Result<(), Violation> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Violation::of_file(line, Defect::TooDeep {}));
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

/// Reads a text in its notation. Only what makes the rest unreadable is an error.
pub(super) fn parse(text: &str) -> Result<Node, Violation> {
    match Format::of(text) {
        Format::Yaml => yaml::parse(text),
        Format::Json => json::parse(text),
    }
}
