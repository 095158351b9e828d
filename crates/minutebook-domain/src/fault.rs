//! Why a value does not fit its field.

use std::fmt;

use crate::dates::DateFault;
use crate::message::{Lang, messages, phrases};
use crate::value::{LIST_MAX, TEXT_MAX};

messages! {
    /// Why a value does not fit its field. The messages follow the name of the field and say what would fit.
    #[derive(Eq)]
    pub enum Fault {
        /// A required field is not stated.
        Missing {} = "FIELD_MISSING"
            nl "ontbreekt"
            en "is missing"
        /// Another type of value is expected.
        Type { expected: Expected } = "FIELD_TYPE"
            nl "moet {expected:#}"
            en "should be {expected}"
        /// Not an identifier.
        Id { text: String } = "ID_FORM"
            nl "`{text}` is geen id; gebruik woorden van a-z en 0-9 met koppeltekens ertussen, samen hoogstens 64 tekens, bijvoorbeeld `gemeente-emmen`"
            en "`{text}` is not an id; use words of a-z and 0-9 joined by hyphens, at most 64, for example `gemeente-emmen`"
        /// Not a date.
        Date { text: String, fault: DateFault } of fault
            nl "`{text}` {fault:#}"
            en "`{text}` {fault}"
        /// Not a word of a closed list.
        Choice { text: String, words: String } = "CHOICE_UNKNOWN"
            nl "`{text}` is hier niet mogelijk; kies uit {words}"
            en "`{text}` is not one of {words}"
        /// Too long.
        TextLength { bytes: usize } = "TEXT_TOO_LONG"
            nl "telt {bytes} bytes en mag er hoogstens {TEXT_MAX} tellen; zet lange tekst in een document en registreer dat als bron"
            en "has {bytes} bytes, and at most {TEXT_MAX} are kept; put long texts in a document and register it as a source"
        /// Holds a control character.
        Control { code: u32 } = "CONTROL_CHARACTER"
            nl "bevat het stuurteken U+{code:04X}; haal het weg, alleen regeleinden blijven bewaard"
            en "holds the control character U+{code:04X}; remove it, only line breaks are kept"
        /// Too many entries.
        ListLength { entries: usize } = "LIST_TOO_LONG"
            nl "telt {entries} onderdelen en mag er hoogstens {LIST_MAX} tellen; kort de lijst in"
            en "has {entries} entries, and at most {LIST_MAX} are kept; shorten the list"
        /// A sum outside of what is kept.
        Eur {} = "AMOUNT_RANGE"
            nl "moet een bedrag in hele euro's van 0 tot en met 10^15 zijn"
            en "should be whole euros from 0 to 10^15"
        /// Not a share of a whole.
        Share { text: String } = "SHARE_FORM"
            nl "{text} is geen aandeel; schrijf hoogstens het geheel, bijvoorbeeld 50% of 0,5"
            en "{text} is not a share; write no more than the whole, for example 50% or 0.5"
        /// Not SHA-256 in hexadecimal.
        Sha256 {} = "SHA256_FORM"
            nl "moet een SHA-256 zijn: 64 hexadecimale cijfers in kleine letters"
            en "should be a SHA-256: 64 hexadecimal digits in lower case"
        /// Not lines of a source.
        Lines { text: String } = "LINES_FORM"
            nl "`{text}` is geen regel; schrijf een regel (384) of regels van laag naar hoog (384-390)"
            en "`{text}` is not a line; write a line (384), or lines from low to high (384-390)"
        /// Lines after the last one of the source.
        LinesBeyond { text: String, all: u64 } = "LINES_BEYOND"
            nl "`{text}` gaat voorbij de laatste regel van de bron ({all}); verbeter de regels"
            en "`{text}` goes beyond the last line of the source ({all}); correct the lines"
        /// A key that the record does not have.
        Unknown { key: String, nearest: Nearest } = "KEY_UNKNOWN"
            nl "`{key}` is hier niet bekend{nearest:#}"
            en "`{key}` is not known here{nearest}"
        /// A field that is set more than once.
        Repeated {} = "KEY_REPEATED"
            nl "staat er meer dan één keer; geef één waarde"
            en "stands there more than once; give one value"
        /// An end is taken back whole.
        EndMoved {} = "END_MOVED"
            nl "is alleen terug te nemen (`null`); leg het juiste einde daarna opnieuw vast"
            en "can only be taken back (`null`); record the right end after that"
        /// An entry of a list does not fit.
        Entry { number: usize, fault: Box<Fault> } of fault
            nl "onderdeel {number}: {fault:#}"
            en "entry {number}: {fault}"
        /// A part of a record does not fit.
        Part { key: &'static str, fault: Box<Fault> } of fault
            nl "`{key}`: {fault:#}"
            en "`{key}`: {fault}"
    }
}

impl std::error::Error for Fault {}

phrases! {
    /// The type that a field has: what a value should be.
    pub enum Expected {
        /// Text.
        Text nl "tekst zijn" en "text"
        /// Text that was written as a number or truth value.
        Quoted nl "tekst zijn; zet er aanhalingstekens omheen" en "text; put quotes around it"
        /// A list.
        List nl "een lijst zijn" en "a list"
        /// A year or a date.
        Date nl "een jaartal of een datum zijn" en "a year or a date"
        /// A truth value.
        Truth nl "`true` (ja) of `false` (nee) zijn" en "`true` or `false`"
        /// A count.
        Count nl "een geheel getal vanaf 0 zijn" en "a whole number from 0"
        /// A number or a text.
        Scalar nl "een getal of tekst zijn" en "a number or text"
        /// A record inside a field.
        Record nl "een groep waarden met elk een naam zijn" en "a record of named values"
    }
}

/// The known name nearest to an unknown one, for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest(Option<String>);

impl Nearest {
    /// Finds the known name with the fewest edits to `name`, if it is near enough to be meant. A name that is known
    /// itself, where it is not what is asked for, needs no hint.
    pub fn of<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let best = known.into_iter().map(|k| (edits(name, k), k)).min();
        Self(best.filter(|(n, k)| (1..=k.len().div_ceil(2)).contains(n)).map(|(_, k)| k.to_owned()))
    }
}

/// The hint in English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asks = match Lang::of(f) {
            Lang::Nl => "bedoelt u",
            Lang::En => "did you mean",
        };
        self.0.as_ref().map_or(Ok(()), |name| write!(f, "; {asks} `{name}`?"))
    }
}

/// The Levenshtein distance of two short names, row by row.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().take(ID_CHARS).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (above, y) in row.iter().skip(1).zip(b.chars()) {
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// How much of an unknown name is compared.
const ID_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_gets_the_nearest_known_one() {
        let nearest = Nearest::of("partnrs", ["title", "partners"]);
        assert_eq!(nearest.to_string(), "; did you mean `partners`?");
        assert_eq!(format!("{nearest:#}"), "; bedoelt u `partners`?");
        assert_eq!(Nearest::of("zzzzzzzzzzz", ["title"]).to_string(), "");
        assert_eq!(Nearest::of("title", ["title", "tile"]).to_string(), "");
    }
}
