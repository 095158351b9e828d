//! YAML text as a tree: one document of the core schema, without what hides or repeats values elsewhere.

use minutebook_domain::value::Value;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use serde_json::Number;

use super::tree::{Budget, Entry, Node, Shape};
use super::{Defect, Violation};

/// The most characters with a meaning for YAML. The parser keeps what stands between outer brackets as tokens of
/// some hundred bytes before it hands out the first. An agenda has one such character in 17 bytes.
const MAX_MARKS: usize = 1_500_000;

/// Reads the one YAML document of a text.
pub(super) fn parse(text: &str) -> Result<Node, Violation> {
    if text.bytes().filter(|b| b",[]{}:\"'&*!?".contains(b)).count() > MAX_MARKS {
        return Err(Violation::of_file(0, Defect::TooManyValues {}));
    }
    let mut reader = Reader { parser: Parser::new_from_str(text), budget: Budget::new() };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return root.ok_or_else(|| Violation::of_file(1, Defect::FileEmpty {})),
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(_) if root.is_some() => {
                return Err(Violation::of_file(line(span), Defect::SecondDocument {}));
            }
            Event::DocumentStart(_) => {
                let (event, span) = reader.next()?;
                root = Some(reader.node(event, span)?);
            }
            _ => return Err(unreadable(line(span), UNEXPECTED)),
        }
    }
}

/// What the parser does not hand out: its events come in order, up to the end of the text.
const UNEXPECTED: &str = "unexpected event";

fn unreadable(line: u32, why: &str) -> Violation {
    Violation::of_file(line, Defect::YamlSyntax { why: why.to_owned() })
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Violation> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(fault)) => {
                let line = u32::try_from(fault.marker().line()).unwrap_or(0);
                let alias = fault.info().contains("unknown anchor");
                Err(if alias { Violation::of_file(line, Defect::Alias {}) } else { unreadable(line, fault.info()) })
            }
            None => Err(unreadable(0, UNEXPECTED)),
        }
    }

    /// Reads the value that starts with this event.
    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Violation> {
        let line = line(span);
        self.budget.value(line)?;
        let mut end = span.end.index();
        let (shape, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar(text.into_owned(), style), anchor, tag),
            Event::SequenceStart(anchor, tag) => (Shape::List(self.list(line, &mut end)?), anchor, tag),
            Event::MappingStart(anchor, tag) => (Shape::Map(self.map(line, &mut end)?), anchor, tag),
            Event::Alias(_) => (Shape::Refused(Defect::Alias {}), 0, None),
            _ => return Err(unreadable(line, UNEXPECTED)),
        };
        let shape = match tag {
            Some(_) => Shape::Refused(Defect::Tag {}),
            None if anchor != 0 => Shape::Refused(Defect::Alias {}),
            None => shape,
        };
        Ok(Node { line, span: span.start.index()..end, shape })
    }

    fn list(&mut self, line: u32, end: &mut usize) -> Result<Vec<Node>, Violation> {
        self.budget.enter(line)?;
        let mut list = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                self.budget.leave();
                *end = end_of(span);
                return Ok(list);
            }
            list.push(self.node(event, span)?);
        }
    }

    fn map(&mut self, line: u32, end: &mut usize) -> Result<Vec<Entry>, Violation> {
        self.budget.enter(line)?;
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                self.budget.leave();
                *end = end_of(span);
                return Ok(entries);
            }
            entries.push(self.entry(event, span)?);
        }
    }

    fn entry(&mut self, event: Event<'a>, span: Span) -> Result<Entry, Violation> {
        let (key, refused) = match event {
            Event::Scalar(key, ScalarStyle::Plain, 0, None) if key == "<<" => {
                (key.into_owned(), Some(Defect::MergeKey {}))
            }
            Event::Scalar(key, _, anchor, tag) => {
                let refused = tag.map(|_| Defect::Tag {}).or((anchor != 0).then_some(Defect::Alias {}));
                (key.into_owned(), refused)
            }
            other => {
                self.node(other, span)?;
                (String::new(), Some(Defect::KeyForm {}))
            }
        };
        let (event, value) = self.next()?;
        let mut node = self.node(event, value)?;
        if let Some(why) = refused {
            node = Node { line: line(span), shape: Shape::Refused(why), ..node };
        }
        Ok(Entry { key, line: line(span), node })
    }
}

fn line(span: Span) -> u32 {
    u32::try_from(span.start.line()).unwrap_or(0)
}

/// Where a list or map ends. The span of a closing bracket goes on over what follows it; that of a block is empty.
fn end_of(closing: Span) -> usize {
    closing.start.index() + usize::from(closing.start != closing.end)
}

fn scalar(text: String, style: ScalarStyle) -> Shape {
    match style {
        ScalarStyle::Plain => match resolve(&text) {
            Plain::Text => Shape::Scalar(Value::String(text)),
            Plain::Value(value) => Shape::Scalar(value),
            Plain::TooLarge => Shape::Refused(Defect::NumberTooLarge {}),
        },
        _ => Shape::Scalar(Value::String(text)),
    }
}

/// What a scalar without quotes means.
#[derive(Debug, PartialEq)]
pub(super) enum Plain {
    /// The text as it stands.
    Text,
    /// A number, true, false or null.
    Value(Value),
    /// A number that 64 bits do not hold.
    TooLarge,
}

/// Reads a scalar without quotes by the core schema of YAML 1.2.
pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Value(Value::Null),
        "true" | "True" | "TRUE" => return Plain::Value(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Plain::Value(Value::Bool(false)),
        _ => {}
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let based = [("0x", 16), ("0o", 8)].into_iter().find_map(|(prefix, base)| Some((text.strip_prefix(prefix)?, base)));
    if let Some((places, base)) = based.filter(|(places, base)| places.chars().all(|c| c.is_digit(*base))) {
        return if places.is_empty() { Plain::Text } else { number(u64::from_str_radix(places, base).ok()) };
    }
    if digits(unsigned) {
        return text.parse::<i64>().map_or_else(|_| number(text.parse::<u64>().ok()), |n| number(Some(n)));
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Plain::TooLarge;
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Plain::Text;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let is_float = digits(exponent) && digits(&format!("{whole}{part}")) && (mantissa.contains('.') || digits(whole));
    if is_float { number(text.parse::<f64>().ok().and_then(Number::from_f64)) } else { Plain::Text }
}

fn number(number: Option<impl Into<Number>>) -> Plain {
    number.map_or(Plain::TooLarge, |number| Plain::Value(Value::Number(number.into())))
}
