//! Messages to people, in Dutch and English, declared side by side with their stable code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A language that messages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Lang {
    /// Dutch, the language of the record.
    Nl,
    /// English.
    #[default]
    En,
}

impl Lang {
    /// The language that a format asks for: `{}` is English, the alternate form `{:#}` Dutch. So a message takes in
    /// another one in its own language.
    pub fn of(f: &fmt::Formatter<'_>) -> Self {
        if f.alternate() { Self::Nl } else { Self::En }
    }
}

/// A text on one line: what people wrote may hold line breaks and other control characters.
pub fn one_line(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

/// Declares an enum whose variants have a stable code and a message in each language.
///
/// The messages are format strings over the variant's fields; the Dutch one shows a field that is itself a message
/// with `{:#}`. A variant that only places another message has the code `of` the field that holds it.
#[macro_export]
macro_rules! messages {
    (
        $(#[$doc:meta])* $vis:vis enum $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident { $($field:ident: $type:ty),* $(,)? }
                $(= $code:literal)? $(of $inner:ident)? nl $nl:literal en $en:literal)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        $vis enum $name { $($(#[$variant_doc])* #[allow(missing_docs)] $variant { $($field: $type),* },)* }

        impl $name {
            /// Every code of its own, in the order of declaration.
            #[allow(dead_code, reason = "a binary's tests hold its messages against this list, the binary does not")]
            $vis const CODES: &[&str] = &[$($($code,)?)*];

            /// The stable code.
            $vis fn code(&self) -> &'static str {
                match self { $(Self::$variant { $($inner,)? .. } => { $($code)? $($inner.code())? })* }
            }

            /// The message in a language, one line.
            #[allow(unused_variables)]
            $vis fn message(&self, lang: $crate::message::Lang) -> String {
                match (self, lang) {
                    $((Self::$variant { $($field),* }, $crate::message::Lang::Nl) => $crate::message::one_line(format!($nl)),
                      (Self::$variant { $($field),* }, $crate::message::Lang::En) => $crate::message::one_line(format!($en)),)*
                }
            }
        }

        /// The message in English; in the alternate form (`{:#}`) in Dutch.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.message($crate::message::Lang::of(f)))
            }
        }
    };
}

/// Declares enums of wordings that messages take in: each in both languages, without a code.
macro_rules! phrases {
    ($(
        $(#[$doc:meta])* $vis:vis enum $name:ident {
            $($(#[$phrase_doc:meta])* $phrase:ident nl $nl:literal en $en:literal)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $($(#[$phrase_doc])* $phrase,)* }

        impl $name {
            /// Every phrase, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$phrase),*];
        }

        /// The phrase in English; in the alternate form (`{:#}`) in Dutch.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match (self, $crate::message::Lang::of(f)) {
                    $((Self::$phrase, $crate::message::Lang::Nl) => $nl,
                      (Self::$phrase, $crate::message::Lang::En) => $en,)*
                })
            }
        }
    )*};
}

pub use messages;
pub(crate) use phrases;
