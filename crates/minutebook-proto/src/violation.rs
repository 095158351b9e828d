//! What is wrong with a message: every bad field at once, each by its path.

use std::fmt;

use minutebook_domain::message::{Lang, messages};

messages! {
    /// Why a value of a message does not fit, where the domain has no word for it.
    pub(crate) enum WireFault {
        /// Not the name of a write.
        RequestId {} = "REQUEST_ID_FORM"
            nl "moet 1 tot 64 afdrukbare ASCII-tekens zijn zonder spaties, bijvoorbeeld een UUID"
            en "should be 1 to 64 printable ASCII characters without spaces, for example a UUID"
        /// A number that no word has.
        Word { number: String } = "UNKNOWN_VALUE"
            nl "heeft de onbekende waarde {number}; gebruik een waarde uit de beschrijving van de dienst"
            en "has the unknown value {number}; use one of the service's description"
        /// Not 32 bytes.
        Sha256 {} = "SHA256_FORM"
            nl "moet een SHA-256 zijn: 32 bytes"
            en "should be a SHA-256: 32 bytes"
        /// Not a number.
        Number { text: String } = "NUMBER_FORM"
            nl "`{text}` is geen getal; schrijf het zoals JSON, bijvoorbeeld 0.5"
            en "`{text}` is not a number; write it as JSON does, for example 0.5"
        /// Not what ids are counted in.
        Within { text: String } = "WITHIN_FORM"
            nl "`{text}` is geen `agenda` of `agenda/editie`"
            en "`{text}` is not `agenda` or `agenda/edition`"
        /// A field that records of the kind do not have.
        Field { kind: &'static str } = "FIELD_UNKNOWN"
            nl "is geen veld van `{kind}`"
            en "is not a field of `{kind}`"
        /// A record of another kind where an item belongs.
        NotItem { kind: &'static str } = "NOT_AN_ITEM"
            nl "is een `{kind}`; hier past een thema, deelopgave, beleidsonderdeel of actie"
            en "is a `{kind}`; only a theme, sub-task, policy item or action fits here"
        /// A list that is too long.
        TooMany { count: usize, most: usize } = "TOO_MANY"
            nl "heeft {count} waarden, en er passen er {most}"
            en "has {count} entries, and {most} fit"
        /// A text that is longer than it may be here.
        TooLong { bytes: usize, most: usize } = "TOO_LONG"
            nl "heeft {bytes} bytes, en er passen er {most}"
            en "has {bytes} bytes, and {most} fit"
        /// A number that is too small or too large.
        NotBetween { least: u32, most: u32 } = "NOT_BETWEEN"
            nl "moet van {least} tot en met {most} zijn"
            en "should be from {least} to {most}"
        /// Registers are of no agenda.
        OnlyWithAgendas {} = "ONLY_WITH_AGENDAS"
            nl "zegt iets over agenda's; noem die ook, in `agendas`"
            en "says something about agendas; name them as well, in `agendas`"
        /// Bytes where a number belongs.
        ShouldBeNumber {} = "WIRE_TYPE"
            nl "moet een getal zijn"
            en "should be a number"
        /// A number where bytes belong.
        ShouldBeBytes {} = "WIRE_TYPE"
            nl "moet tekst, bytes of een bericht zijn"
            en "should be text, bytes or a message"
        /// Bytes that are no text.
        NotUtf8 {} = "NOT_UTF8"
            nl "is geen UTF-8"
            en "is not UTF-8"
    }
}

/// A field that the domain does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The path from the message, such as `party.aliases[2]`.
    pub path: String,
    /// What is wrong with the field, and what would be right.
    pub message: String,
    /// The same in Dutch.
    pub message_nl: String,
}

impl FieldViolation {
    /// What is wrong with the field, in a language.
    pub fn said(&self, lang: Lang) -> &str {
        match lang {
            Lang::Nl => &self.message_nl,
            Lang::En => &self.message,
        }
    }
}

/// The bad fields of a message; never empty where it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations(pub Vec<FieldViolation>);

impl Violations {
    /// One violation, of the value itself; its alternate form is Dutch.
    ///
    /// Messages quote what was written; its line breaks and other control characters are escaped, so that a message
    /// stays one line and cannot write to a terminal.
    pub(crate) fn of(problem: impl fmt::Display) -> Self {
        let escaped = |text: String| {
            let mut line = String::with_capacity(text.len());
            for c in text.chars() {
                if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
            }
            line
        };
        let (message, message_nl) = (escaped(problem.to_string()), escaped(format!("{problem:#}")));
        Self(vec![FieldViolation { path: String::new(), message, message_nl }])
    }

    /// The same violations, seen from the message that holds the value in this field.
    #[must_use]
    pub(crate) fn within(mut self, field: &str) -> Self {
        for FieldViolation { path, .. } in &mut self.0 {
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            *path = format!("{field}{dot}{path}");
        }
        self
    }

    /// The value of a field, or its violations kept for the report.
    #[inline]
    pub(crate) fn keep<T>(&mut self, field: &str, read: Result<T, Self>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(violations) => {
                self.0.extend(violations.within(field).0);
                None
            }
        }
    }
}

/// In English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lang = Lang::of(f);
        for (n, violation) in self.0.iter().enumerate() {
            let (path, message) = (&violation.path, violation.said(lang));
            let (comma, colon) = (if n == 0 { "" } else { "; " }, if path.is_empty() { "" } else { ": " });
            write!(f, "{comma}{path}{colon}{message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
