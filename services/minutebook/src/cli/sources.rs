//! Source files on this machine: their digests, and the quotes that are said to stand in them.

use std::fs;
use std::path::Path;

use minutebook_domain::event::Lines;
use minutebook_domain::ids::Kind;
use minutebook_domain::record::Record;
use minutebook_proto::pb;
use sha2::{Digest as _, Sha256};

use super::connect::Session;
use super::failure::{Exit, Failure};
use super::json::hex;
use super::words::Words;
use crate::import::Parsed;

/// A source file that is not the one the document means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Differs {
    /// The source.
    pub(crate) source: String,
    /// Its file.
    pub(crate) file: String,
    /// The digest that the document states.
    pub(crate) stated: String,
    /// The digest of the file.
    pub(crate) found: String,
}

impl Differs {
    /// What a reader should know.
    pub(crate) fn message(&self, w: Words) -> String {
        let Self { source, file, stated, found } = self;
        w.pick(
            format!(
                "bestand `{file}` van bron `{source}` is niet wat het document noemt: SHA-256 {found}, vermeld {stated}"
            ),
            format!(
                "file `{file}` of source `{source}` is not what the document states: SHA-256 {found}, stated {stated}"
            ),
        )
    }
}

/// Compares the sources whose files lie beside a document with what it states of them. A file that is not there, or
/// that cannot be read, is passed over: an import does not need it.
pub(crate) fn differing(parsed: &Parsed, document: &Path) -> Vec<Differs> {
    let beside = document.parent().unwrap_or(Path::new("."));
    let sources = parsed.document.of(Kind::Source).filter_map(|record| match record {
        Record::Source(source) => Some((&source.id, source.file.as_ref()?, source.sha256.as_ref()?)),
        _ => None,
    });
    let differs = sources.filter_map(|(id, file, stated)| {
        let name = Path::new(file.as_str());
        // Only a bare name is a file beside the document; a path could lead anywhere.
        let bare = name.file_name().is_some_and(|last| last == name.as_os_str());
        let bytes = fs::read(beside.join(name)).ok().filter(|_| bare)?;
        let (stated, found) = (stated.to_string(), digest(&bytes));
        let (source, file) = (id.to_string(), file.to_string());
        (stated != found).then_some(Differs { source, file, stated, found })
    });
    differs.collect()
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Checks that a file is the registered source of a citation and that the quote stands in it, and notes on which
/// lines.
pub(crate) async fn check_quote(
    session: &Session,
    w: Words,
    citation: &mut pb::Citation,
    file: &Path,
) -> Result<(), Failure> {
    let bytes = fs::read(file).map_err(|error| Failure::of_file(file, &error))?;
    let request = pb::GetRecordRequest {
        kind: pb::Kind::Source.into(),
        id: citation.source.clone(),
        ..pb::GetRecordRequest::default()
    };
    let answer = session.directory().get_record(request).await?.into_inner();
    let stated = match answer.record.and_then(|record| record.record) {
        Some(pb::record::Record::Source(source)) => source.sha256,
        _ => None,
    };
    let (name, source) = (file.display(), &citation.source);
    let Some(stated) = stated.map(|digest| hex(&digest)) else {
        let nl = format!("van bron `{source}` is geen SHA-256 vastgelegd, dus `{name}` is niet te controleren");
        let en = format!("no SHA-256 is recorded for source `{source}`, so `{name}` cannot be checked");
        return Err(Failure::new(Exit::Refused, "SOURCE_DIGEST_MISSING", w.pick(nl, en)));
    };
    let found = digest(&bytes);
    if stated != found {
        let nl = format!("`{name}` is niet bron `{source}`: SHA-256 {found}, vastgelegd {stated}");
        let en = format!("`{name}` is not source `{source}`: SHA-256 {found}, recorded {stated}");
        return Err(Failure::new(Exit::Refused, "SOURCE_DIFFERS", w.pick(nl, en)));
    }
    let quote = citation.quote.clone().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let found = lines_of(&text, &quote);
    let written = found.map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    let (nl, en) = match (&citation.lines, written) {
        (None, Some(lines)) => {
            citation.lines = Some(lines);
            return Ok(());
        }
        (Some(lines), Some(_)) if lines_of(&part_of(&text, lines), &quote).is_some() => return Ok(()),
        (Some(lines), Some(found)) => (
            format!("het citaat staat niet op regel {lines} van `{name}`, wel op {found}; verbeter --lines"),
            format!("the quote does not stand on lines {lines} of `{name}`, but on {found}; correct --lines"),
        ),
        (_, None) => (
            format!("het citaat staat niet in `{name}`; neem het letterlijk over"),
            format!("the quote does not stand in `{name}`; copy it word for word"),
        ),
    };
    Err(Failure::new(Exit::Refused, "CITATION_NOT_FOUND", w.pick(nl, en)))
}

/// The lines of a text that a citation names.
fn part_of(text: &str, lines: &str) -> String {
    let Some(Lines { first, last }) = Lines::read(lines) else { return String::new() };
    let numbered = text.lines().zip(1_u32..).filter(|(_, n)| (first..=last).contains(n));
    numbered.flat_map(|(line, _)| [line, "\n"]).collect()
}

/// The first and last line, from 1, of the first place where the quote stands. White space counts as one space.
fn lines_of(text: &str, quote: &str) -> Option<(usize, usize)> {
    let quote = quote.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut folded = String::with_capacity(text.len());
    // Where each line's words begin in the folded text.
    let mut starts = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in line.split_whitespace() {
            if !folded.is_empty() {
                folded.push(' ');
            }
            starts.push((folded.len(), number + 1));
            folded.push_str(word);
        }
    }
    let at = folded.find(&quote).filter(|_| !quote.is_empty())?;
    let line = |place: usize| starts.iter().rev().find(|(start, _)| *start <= place).map(|(_, line)| *line);
    Some((line(at)?, line(at + quote.len() - 1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "De bijdrage is\n  € 600.000 per\njaar, tot en met 2018.\n";

    #[test]
    fn a_quote_is_found_over_line_ends_and_gets_its_lines() {
        assert_eq!(lines_of(TEXT, "€ 600.000 per jaar"), Some((2, 3)));
        assert_eq!(lines_of(TEXT, "bijdrage   is"), Some((1, 1)));
        assert_eq!(lines_of(TEXT, "€ 500.000"), None);
        assert_eq!(lines_of(TEXT, " "), None);
        assert!(lines_of(&part_of(TEXT, "2-3"), "€ 600.000 per jaar").is_some());
        assert!(lines_of(&part_of(TEXT, "1-2"), "€ 600.000 per jaar").is_none());
    }

    #[test]
    fn only_files_beside_the_document_are_compared() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.txt"), "changed").unwrap();
        fs::write(dir.path().join("b.txt"), "same").unwrap();
        let same = digest(b"same");
        let zero = "0".repeat(64);
        let yaml = format!(
            "sources:\n  - {{id: a, title: A, file: a.txt, sha256: \"{zero}\"}}\n  \
             - {{id: b, title: B, file: b.txt, sha256: \"{same}\"}}\n  \
             - {{id: c, title: C, file: gone.txt, sha256: \"{zero}\"}}\n  \
             - {{id: d, title: D, file: ../a.txt, sha256: \"{zero}\"}}\n"
        );
        let parsed = crate::import::parse(yaml.as_bytes()).unwrap();
        let differs = differing(&parsed, &dir.path().join("document.yaml"));
        assert_eq!(differs.iter().map(|d| d.source.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(differs[0].found, digest(b"changed"));
    }
}
