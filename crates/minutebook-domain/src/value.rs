//! The values that fields of records hold, and how each reads from and writes to the form of a document.
//!
//! A document's form is a [`Value`] (JSON, or YAML of the same shape). `null`, `""`, an empty list and an absent key
//! all mean "not stated"; what was written is kept all the same, because answers quote it.

use std::{fmt, io};

use serde::{Deserialize, Serialize};
pub use serde_json::Value;
use sha2::Digest as _;
use smol_str::SmolStr;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::dates::{DateFault, Edtf};
pub use crate::fault::{Expected, Fault, Nearest};
use crate::ids::Id;
use crate::refusal::listed;

/// The longest text of a field, in bytes.
pub const TEXT_MAX: usize = 8 * 1024;
/// The most entries in a list of a field.
pub const LIST_MAX: usize = 1_000;
/// The largest sum, in whole euros (10^15).
pub const EUR_MAX: u64 = 1_000_000_000_000_000;

/// A type that fields can have: the one place where its document form is read and written.
pub trait Field: Sized {
    /// Reads the value; `None` is an absent key.
    fn read(value: Option<&Value>) -> Result<Self, Fault>;
    /// Writes the value as it was written; `None` is an absent key.
    fn write(&self) -> Option<Value>;
    /// Does it say something? What [`is_unstated`] holds for its document form holds for the value.
    fn is_stated(&self) -> bool {
        true
    }
}

impl<T: Field> Field for Option<T> {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        match value {
            None | Some(Value::Null) => Ok(None),
            // "" and [] say nothing; they are kept where the type can hold them, because answers quote what was written.
            Some(unstated) if is_unstated(unstated) => Ok(T::read(value).ok()),
            some => T::read(some).map(Some),
        }
    }

    fn write(&self) -> Option<Value> {
        self.as_ref().and_then(Field::write)
    }

    fn is_stated(&self) -> bool {
        self.as_ref().is_some_and(Field::is_stated)
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        let list = required(value)?.as_array().ok_or(Fault::Type { expected: Expected::List })?;
        if list.len() > LIST_MAX {
            return Err(Fault::ListLength { entries: list.len() });
        }
        let entry = |(n, v)| T::read(Some(v)).map_err(|fault| Fault::Entry { number: n + 1, fault: Box::new(fault) });
        list.iter().enumerate().map(entry).collect()
    }

    fn write(&self) -> Option<Value> {
        Some(self.iter().filter_map(Field::write).collect())
    }

    fn is_stated(&self) -> bool {
        !self.is_empty()
    }
}

fn required(value: Option<&Value>) -> Result<&Value, Fault> {
    value.filter(|v| !v.is_null()).ok_or(Fault::Missing {})
}

fn text(value: Option<&Value>) -> Result<&str, Fault> {
    match required(value)? {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Err(Fault::Type { expected: Expected::Quoted }),
        _ => Err(Fault::Type { expected: Expected::Text }),
    }
}

/// Text that a person wrote: Unicode in NFC, no control characters but the line break, nor of direction, at most [`TEXT_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Text(SmolStr);

impl Text {
    /// Checks a text and brings it to NFC.
    pub fn new(text: &str) -> Result<Self, Fault> {
        if text.len() > TEXT_MAX {
            return Err(Fault::TextLength { bytes: text.len() });
        }
        // Nearly all texts are plain, and are looked at byte by byte: no control characters, and nothing above U+02FF,
        // below which NFC neither composes nor takes apart. The bytes 0xC3 to 0xCB begin the characters from U+00C0 on.
        let is_plain = |b: u8| matches!(b, b'\n' | b' '..=b'~' | 0x80..=0xBF | 0xC3..=0xCB);
        // Without a way out in the middle, the compiler looks at many bytes at once.
        if text.bytes().fold(true, |plain, b| plain & is_plain(b)) {
            return Ok(Self(text.into()));
        }
        // What turns the direction of a line makes it read as what it does not say.
        let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if let Some(c) = text.chars().find(|c| c.is_control() && *c != '\n' || turns(*c)) {
            return Err(Fault::Control { code: u32::from(c) });
        }
        Ok(Self(match is_nfc_quick(text.chars()) {
            IsNormalized::Yes => text.into(),
            _ => text.nfc().collect(),
        }))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Field for Text {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        Self::new(text(value)?)
    }

    fn write(&self) -> Option<Value> {
        Some(self.as_str().into())
    }

    fn is_stated(&self) -> bool {
        !self.as_str().is_empty()
    }
}

/// A text that says something: not empty, and more than white space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Name(Text);

impl Name {
    /// Checks a text as [`Text`] does, and that it is not blank.
    pub fn new(name: &str) -> Result<Self, Fault> {
        if name.trim().is_empty() { Err(Fault::Missing {}) } else { Text::new(name).map(Self) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Field for Name {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        Self::new(text(value)?)
    }

    fn write(&self) -> Option<Value> {
        self.0.write()
    }
}

impl Field for Id {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        let text = text(value)?;
        if text.is_empty() {
            Err(Fault::Missing {})
        } else {
            Self::any(text).ok_or_else(|| Fault::Id { text: text.to_owned() })
        }
    }

    fn write(&self) -> Option<Value> {
        Some(self.as_str().into())
    }
}

impl Field for Edtf {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        let (parsed, written) = match required(value)? {
            Value::String(text) => (Self::new(text), text.clone()),
            Value::Number(number) => (number.as_i64().map_or(Err(DateFault::Form {}), Self::year), number.to_string()),
            _ => return Err(Fault::Type { expected: Expected::Date }),
        };
        parsed.map_err(|fault| Fault::Date { text: written, fault })
    }

    fn write(&self) -> Option<Value> {
        if self.is_number() { self.as_str().parse::<i64>().ok().map(Value::from) } else { Some(self.as_str().into()) }
    }
}

impl Field for bool {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        required(value)?.as_bool().ok_or(Fault::Type { expected: Expected::Truth })
    }

    fn write(&self) -> Option<Value> {
        Some((*self).into())
    }
}

impl Field for u32 {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        let number = required(value)?.as_u64().and_then(|n| Self::try_from(n).ok());
        number.ok_or(Fault::Type { expected: Expected::Count })
    }

    fn write(&self) -> Option<Value> {
        Some((*self).into())
    }
}

/// A sum in whole euros, from 0 to [`EUR_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Eur(u64);

impl Eur {
    /// Checks a sum.
    pub fn new(euros: u64) -> Result<Self, Fault> {
        if euros > EUR_MAX { Err(Fault::Eur {}) } else { Ok(Self(euros)) }
    }

    /// The whole euros.
    pub fn euros(self) -> u64 {
        self.0
    }
}

impl Field for Eur {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        required(value)?.as_u64().ok_or(Fault::Eur {}).and_then(Self::new)
    }

    fn write(&self) -> Option<Value> {
        Some(self.0.into())
    }
}

/// A number or a short text, kept as written: a share (`0.5`, `"50%"`), line numbers (`12`, `"384-390"`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scalar {
    /// A number, in JSON's notation.
    Number(Box<str>),
    /// A text.
    Text(Text),
}

impl Field for Scalar {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        match required(value)? {
            Value::Number(number) => Ok(Self::Number(number.to_string().into())),
            Value::String(text) => Text::new(text).map(Self::Text),
            _ => Err(Fault::Type { expected: Expected::Scalar }),
        }
    }

    fn write(&self) -> Option<Value> {
        match self {
            Self::Number(number) => number.parse::<serde_json::Number>().ok().map(Value::Number),
            Self::Text(text) => text.write(),
        }
    }

    fn is_stated(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Text(text) => text.is_stated(),
        }
    }
}

/// Takes the SHA-256 of what is written into it.
#[derive(Default)]
pub(crate) struct Hasher(sha2::Sha256);

impl Hasher {
    pub(crate) fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A SHA-256, written as 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Reads 64 hexadecimal digits in lower case.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if hex.len() != 64 || hex.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Field for Sha256 {
    fn read(value: Option<&Value>) -> Result<Self, Fault> {
        Self::parse(text(value)?).ok_or(Fault::Sha256 {})
    }

    fn write(&self) -> Option<Value> {
        Some(self.to_string().into())
    }
}

/// Declares a record that stands inside a field: its keys, and how it reads and writes.
macro_rules! part {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),+ }

        impl Field for $name {
            fn read(value: Option<&Value>) -> Result<Self, Fault> {
                let map = required(value)?.as_object().ok_or(Fault::Type { expected: Expected::Record })?;
                let known = [$(stringify!($field)),+];
                if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
                    return Err(Fault::Unknown { key: key.clone(), nearest: Nearest::of(key, known) });
                }
                Ok(Self { $($field: Field::read(map.get(stringify!($field)))
                    .map_err(|fault| Fault::Part { key: stringify!($field), fault: Box::new(fault) })?),+ })
            }

            fn write(&self) -> Option<Value> {
                let mut map = serde_json::Map::new();
                $(if let Some(value) = self.$field.write() { map.insert(stringify!($field).to_owned(), value); })+
                Some(Value::Object(map))
            }
        }
    };
}

part! {
    /// From when until when, each in years or EDTF; either end may be not stated.
    Period {
        /// The start: counts from its earliest day.
        from: Option<Edtf>,
        /// The end: counts to its latest day.
        to: Option<Edtf>,
    }
}

part! {
    /// A rule of co-financing.
    Cofinancing {
        /// The share, as written.
        share: Scalar,
        /// What it is a share of, where stated.
        base: Option<Text>,
    }
}

part! {
    /// A document that belongs to a decision, known by its digest.
    Attachment {
        /// What it is called.
        title: Name,
        /// The SHA-256 of its bytes.
        sha256: Sha256,
    }
}

/// Declares a closed list of words.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$word_doc])* $variant),+ }

        impl $name {
            /// The word, as documents write it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl Field for $name {
            fn read(value: Option<&Value>) -> Result<Self, Fault> {
                match text(value)? {
                    "" => Err(Fault::Missing {}),
                    $($word => Ok(Self::$variant),)+
                    other => Err(Fault::Choice { text: other.to_owned(), words: listed([$($word),+]) }),
                }
            }

            fn write(&self) -> Option<Value> {
                Some(self.word().into())
            }
        }
    };
}

choice! {
    /// How sure a reading of a source is.
    Confidence {
        /// No other reading.
        Certain = "certain",
        /// The likely reading.
        Probable = "probable",
        /// A person must say.
        Ambiguous = "ambiguous",
    }
}

choice! {
    /// The term of an action.
    Horizon {
        /// The term of the edition.
        Short = "short",
        /// Beyond the edition.
        Medium = "medium",
    }
}

choice! {
    /// How often a sum is paid.
    Per {
        /// Each year.
        Year = "year",
        /// Once.
        Once = "once",
    }
}

choice! {
    /// What became of an item that left the agenda.
    Disposition {
        /// Done.
        Completed = "completed",
        /// Stopped.
        Discontinued = "discontinued",
        /// Goes on with someone else.
        HandedOver = "handed-over",
        /// Became part of something else.
        Absorbed = "absorbed",
    }
}

choice! {
    /// How an edition differs from the one before it, for one item.
    ChangeKind {
        /// The item is new.
        Added = "added",
        /// The item leaves.
        Dropped = "dropped",
        /// The item reads differently.
        Changed = "changed",
        /// One action becomes several.
        Split = "split",
        /// Several actions become one.
        Merged = "merged",
        /// The item leaves for a while.
        Suspended = "suspended",
        /// The item comes back.
        Reinstated = "reinstated",
    }
}

/// Does the value say nothing: `null`, `""` or an empty list?
pub fn is_unstated(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Do two values mean the same? Unstated forms are equal, and so are a number and its text (`2017`, `"2017"`); lists
/// compare in order, records key by key.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            number.to_string() == *text
        }
        _ => alike(a, b, same),
    }
}

/// Are two values written the same, unstated forms aside? A number and its text differ.
pub fn same_form(a: &Value, b: &Value) -> bool {
    alike(a, b, same_form)
}

fn alike(a: &Value, b: &Value, entries: fn(&Value, &Value) -> bool) -> bool {
    match (a, b) {
        _ if is_unstated(a) && is_unstated(b) => true,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| entries(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys());
            keys.into_iter().all(|k| entries(a.get(k).unwrap_or(&Value::Null), b.get(k).unwrap_or(&Value::Null)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unstated_forms_are_equal_and_years_compare_in_both_forms() {
        for (a, b) in [(json!(null), json!([])), (json!(""), json!(null)), (json!({"to": 2017}), json!({"to": "2017"}))]
        {
            assert!(same(&a, &b), "{a} {b}");
        }
        assert!(!same(&json!(["a", "b"]), &json!(["b", "a"])));
        assert!(!same_form(&json!(2017), &json!("2017")));
        assert!(same_form(&json!({"from": null, "to": 1}), &json!({"to": 1})));
    }

    #[test]
    fn text_is_bounded_and_normalised() {
        assert_eq!(Text::new("cafe\u{301}").unwrap().as_str(), "café");
        assert_eq!(Text::new("a\tb"), Err(Fault::Control { code: 9 }));
        assert_eq!(Text::new("é\u{85}"), Err(Fault::Control { code: 0x85 }));
        assert_eq!(Text::new("é\u{7f}"), Err(Fault::Control { code: 0x7f }));
        assert_eq!(Text::new("€ \u{202e}000.6"), Err(Fault::Control { code: 0x202e }));
        assert_eq!(Text::new("\u{2066}a\u{2069}"), Err(Fault::Control { code: 0x2066 }));
        // Every character by itself is kept or refused as the tables of Unicode say.
        for c in (0..=0x3ff).filter_map(char::from_u32) {
            let kept = Text::new(c.encode_utf8(&mut [0; 4]));
            assert_eq!(kept.is_err(), c.is_control() && c != '\n', "{c:?}");
            let nfc: String = [c].into_iter().nfc().collect();
            assert!(kept.is_err() || kept.is_ok_and(|text| text.as_str() == nfc), "{c:?}");
        }
        assert_eq!(Text::new(&"x".repeat(TEXT_MAX + 1)), Err(Fault::TextLength { bytes: TEXT_MAX + 1 }));
        assert!(Text::new("line\nline").is_ok());
    }

    #[test]
    fn sums_are_whole_euros_in_bounds() {
        assert_eq!(Eur::read(Some(&json!(EUR_MAX))).unwrap().euros(), EUR_MAX);
        for bad in [json!(-1), json!(0.5), json!(EUR_MAX + 1), json!("600000")] {
            assert_eq!(Eur::read(Some(&bad)), Err(Fault::Eur {}), "{bad}");
        }
    }
}
