//! JSON text as a tree: strictly RFC 8259, with the line of every value.
//!
//! No JSON library at hand gives both strictness and lines. Texts, the intricate part, are read by `serde_json`; what
//! is left is brackets, commas, numbers and words.

use minutebook_domain::value::Value;

use super::tree::{Budget, Entry, Node, Shape};
use super::yaml::{Plain, resolve};
use super::{Defect, Violation};

/// Reads one JSON value that fills the text.
pub(super) fn parse(text: &str) -> Result<Node, Violation> {
    let mut reader = Reader { rest: text, line: 1, budget: Budget::new() };
    let node = reader.value()?;
    if reader.peek().is_some() {
        return Err(reader.refusal(Defect::JsonSurplus {}));
    }
    Ok(node)
}

struct Reader<'a> {
    rest: &'a str,
    line: u32,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn refusal(&self, defect: Defect) -> Violation {
        Violation::of_file(self.line, defect)
    }

    /// The next character that is not white space, which stays to be read.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let breaks = self.take(self.rest.len() - rest.len()).bytes().filter(|b| *b == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.rest.chars().next()
    }

    /// Takes so many bytes of the text.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Takes the character if it comes next.
    fn skip(&mut self, c: char) -> bool {
        let next = self.peek() == Some(c);
        if next {
            self.take(c.len_utf8());
        }
        next
    }

    fn value(&mut self) -> Result<Node, Violation> {
        let next = self.peek();
        let line = self.line;
        self.budget.value(line)?;
        let shape = match next {
            Some('{') => Shape::Map(self.entries('}', Self::entry)?),
            Some('[') => Shape::List(self.entries(']', Self::value)?),
            Some('"') => Shape::Scalar(Value::String(self.text()?)),
            Some('-' | '0'..='9') => self.number()?,
            Some(_) => Shape::Scalar(self.word()?),
            None => return Err(self.refusal(Defect::JsonIncomplete {})),
        };
        Ok(Node { line, span: 0..0, shape })
    }

    /// Reads what stands between a pair of brackets, the comma between.
    fn entries<T>(&mut self, close: char, read: fn(&mut Self) -> Result<T, Violation>) -> Result<Vec<T>, Violation> {
        self.budget.enter(self.line)?;
        self.take(1);
        let mut entries = Vec::new();
        while !self.skip(close) {
            if !entries.is_empty() && !self.skip(',') {
                return Err(self.refusal(Defect::JsonCommaMissing { close }));
            }
            if !entries.is_empty() && self.peek() == Some(close) {
                return Err(self.refusal(Defect::JsonCommaSurplus { close }));
            }
            entries.push(read(self)?);
        }
        self.budget.leave();
        Ok(entries)
    }

    fn entry(&mut self) -> Result<Entry, Violation> {
        if self.peek() != Some('"') {
            return Err(self.refusal(Defect::JsonKeyMissing {}));
        }
        let line = self.line;
        let key = self.text()?;
        if !self.skip(':') {
            return Err(self.refusal(Defect::JsonColonMissing { key }));
        }
        Ok(Entry { key, line, node: self.value()? })
    }

    fn text(&mut self) -> Result<String, Violation> {
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|b| {
            let ends = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            ends
        });
        let end = end.ok_or_else(|| self.refusal(Defect::JsonTextOpen {}))?;
        serde_json::from_str(self.take(end + 2)).map_err(|_| self.refusal(Defect::JsonTextForm {}))
    }

    fn number(&mut self) -> Result<Shape, Violation> {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let written = self.take(self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len()));
        let unsigned = written.strip_prefix('-').unwrap_or(written);
        let (mantissa, _) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, ""));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let is_json = !whole.is_empty() && !part.is_empty() && (whole == "0" || !whole.starts_with('0'));
        // What JSON allows, YAML reads alike; and, unlike `serde_json`, without rounding.
        match resolve(written) {
            Plain::Value(number) if is_json => Ok(Shape::Scalar(number)),
            Plain::TooLarge if is_json => Ok(Shape::Refused(Defect::NumberTooLarge {})),
            _ => Err(self.refusal(Defect::JsonNumberForm { written: written.to_owned() })),
        }
    }

    fn word(&mut self) -> Result<Value, Violation> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(self.rest.len());
        match self.take(end) {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            "" => Err(self.refusal(Defect::JsonValueMissing {})),
            word => Err(self.refusal(Defect::JsonWordUnknown { word: word.to_owned() })),
        }
    }
}
