//! Messages to people, in Dutch and English, declared side by side with their stable code.

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

/// Declares an enum whose variants have a stable code and a message in each language.
///
/// The messages are format strings over the variant's fields.
macro_rules! messages {
    (
        $(#[$doc:meta])* $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident { $($field:ident: $type:ty),* $(,)? } = $code:literal
                nl $nl:literal en $en:literal)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $($(#[$variant_doc])* #[allow(missing_docs)] $variant { $($field: $type),* },)* }

        impl $name {
            /// Every code, in the order of declaration.
            pub const CODES: &[&str] = &[$($code),*];

            /// The stable code.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $code,)* }
            }

            /// The message in a language, one line.
            #[allow(unused_variables)]
            pub fn message(&self, lang: $crate::message::Lang) -> String {
                match (self, lang) {
                    $((Self::$variant { $($field),* }, $crate::message::Lang::Nl) => format!($nl),
                      (Self::$variant { $($field),* }, $crate::message::Lang::En) => format!($en),)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.message($crate::message::Lang::En))
            }
        }
    };
}

pub(crate) use messages;
