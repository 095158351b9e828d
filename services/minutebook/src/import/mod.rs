//! Agenda documents as files: YAML or JSON text in, a checked [`Document`] out, and back.
//!
//! A file is read in two steps. [`tree`] turns text into values that know their lines and refuses what no document
//! may hold (anchors, tags, deep nesting, …); [`read`] turns values into the records of the domain. Both report every
//! violation they find, so that one run shows all there is to repair. Whether a well-formed document may be recorded
//! is not decided here.

mod defect;
mod json;
mod read;
mod skeleton;
#[cfg(test)]
mod tests;
mod tree;
mod write;
mod yaml;

use minutebook_domain::document::Document;
use minutebook_domain::ids::Kind;
use minutebook_domain::message::Lang;
use minutebook_domain::record::Record;

pub(crate) use defect::Defect;
pub(crate) use skeleton::with_changes;
pub(crate) use write::{to_json, to_yaml};

/// The largest file that is read.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// The most violations of one file: whoever has more has handed in another kind of file.
const MAX_VIOLATIONS: usize = 1_000;
/// The longest message, in characters: it may quote what the file says.
const MAX_MESSAGE: usize = 300;

/// The two notations of an agenda document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// YAML 1.2, without anchors, aliases, tags and merge keys.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

impl Format {
    /// The notation of a text: what starts with `{` is JSON.
    pub(crate) fn of(text: &str) -> Self {
        if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') { Self::Json } else { Self::Yaml }
    }
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Violation {
    /// The key of the section; empty where the file as a whole is meant.
    pub(crate) section: String,
    /// The id of the record, or the number of a step; empty where it has none.
    pub(crate) id: String,
    /// The field; empty where the record as a whole is meant.
    pub(crate) field: String,
    /// The line, from 1; 0 where it is not known.
    pub(crate) line: u32,
    /// What is wrong.
    pub(crate) defect: Box<Defect>,
}

impl Violation {
    /// A violation of the file as a whole.
    pub(crate) fn of_file(line: u32, defect: Defect) -> Self {
        Self::new("", "", "", line, defect)
    }

    /// A violation at a place. Whatever text of the file the place quotes, it stays short and on one line.
    fn new(section: &str, id: &str, field: &str, line: u32, defect: Defect) -> Self {
        Self { section: section.to_owned(), id: one_line(id), field: one_line(field), line, defect: Box::new(defect) }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.defect.code()
    }

    /// What is wrong and what to do, in one short line.
    pub(crate) fn message(&self, lang: Lang) -> String {
        one_line(&self.defect.message(lang))
    }

    /// The whole of it: `section id.field (line N): message`.
    pub(crate) fn shown(&self, lang: Lang) -> String {
        let part = |mark, part: &str| if part.is_empty() { String::new() } else { format!("{mark}{part}") };
        let place = self.section.clone() + &part(" ", &self.id) + &part(".", &self.field);
        let on = if lang == Lang::Nl { "regel" } else { "line" };
        let message = self.message(lang);
        match (place.as_str(), self.line) {
            ("", 0) => message,
            ("", line) => format!("{on} {line}: {message}"),
            (place, 0) => format!("{place}: {message}"),
            (place, line) => format!("{place} ({on} {line}): {message}"),
        }
    }
}

fn one_line(text: &str) -> String {
    let mut line: String = text.chars().take(MAX_MESSAGE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MAX_MESSAGE).is_some() {
        line.push('…');
    }
    line
}

/// A document, and where its file states what.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    /// The document. Its records stand in the order of the sections, whatever the order in the file.
    pub(crate) document: Document,
    lines: Lines,
}

/// The lines of a document: of the agenda and edition, of each record in order, and of each section.
#[derive(Debug, Clone, Default)]
struct Lines {
    agenda: RecordLines,
    edition: RecordLines,
    records: Vec<RecordLines>,
    sections: Vec<(Kind, u32)>,
}

/// The line on which a record starts, and those of the fields that it states.
#[derive(Debug, Clone, Default)]
struct RecordLines {
    start: u32,
    fields: Vec<(&'static str, u32)>,
}

impl RecordLines {
    fn of(&self, field: Option<&str>) -> u32 {
        let stated = field.and_then(|name| self.fields.iter().find(|(f, _)| *f == name));
        stated.map_or(self.start, |(_, line)| *line)
    }
}

impl Parsed {
    /// The line of a record (by its place in `document.records`) or of one of its fields; of the record where the
    /// field is not stated, and 0 where there is no such record.
    pub(crate) fn line(&self, record: usize, field: Option<&str>) -> u32 {
        self.lines.records.get(record).map_or(0, |lines| lines.of(field))
    }

    /// The line of the agenda or of one of its fields; 0 where there is none.
    pub(crate) fn agenda_line(&self, field: Option<&str>) -> u32 {
        self.lines.agenda.of(field)
    }

    /// The line of the edition or of one of its fields; 0 where there is none.
    pub(crate) fn edition_line(&self, field: Option<&str>) -> u32 {
        self.lines.edition.of(field)
    }
}

/// Reads a file: its document, or every violation in the order of the lines.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, Vec<Violation>> {
    let text = decode(bytes).map_err(|violation| vec![violation])?;
    let root = tree::parse(text).map_err(|violation| vec![violation])?;
    let (document, lines) = read::document(&root)?;
    Ok(Parsed { document, lines })
}

/// Reads a file of items and amounts alone, each with what it stands under as a field: its records, or every violation.
pub(crate) fn parse_items(bytes: &[u8]) -> Result<Vec<Record>, Vec<Violation>> {
    let text = decode(bytes).map_err(|violation| vec![violation])?;
    let root = tree::parse(text).map_err(|violation| vec![violation])?;
    read::items(&root)
}

/// The text of a file, without the byte order mark that some editors write.
fn decode(bytes: &[u8]) -> Result<&str, Violation> {
    if bytes.len() > MAX_BYTES {
        return Err(Violation::of_file(0, Defect::FileTooLarge {}));
    }
    let text = std::str::from_utf8(bytes).map_err(|fault| {
        let good = bytes.get(..fault.valid_up_to()).unwrap_or_default();
        let line = good.split(|b| *b == b'\n').count();
        Violation::of_file(u32::try_from(line).unwrap_or(0), Defect::NotUtf8 {})
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
