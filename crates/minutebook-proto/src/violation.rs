//! What is wrong with a message: every bad field at once, each by its path.

use std::fmt;

/// A field that the domain does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The path from the message, such as `party.aliases[2]`.
    pub path: String,
    /// What is wrong with the field, and what would be right.
    pub message: String,
}

/// The bad fields of a message; never empty where it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations(pub Vec<FieldViolation>);

impl Violations {
    /// One violation, of the value itself.
    ///
    /// Messages quote what was written; its line breaks and other control characters are escaped, so that a message
    /// stays one line and cannot write to a terminal.
    pub(crate) fn of(problem: impl fmt::Display) -> Self {
        let mut message = String::new();
        for c in problem.to_string().chars() {
            if c.is_control() { message.extend(c.escape_default()) } else { message.push(c) }
        }
        Self(vec![FieldViolation { path: String::new(), message }])
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

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, FieldViolation { path, message }) in self.0.iter().enumerate() {
            let (comma, colon) = (if n == 0 { "" } else { "; " }, if path.is_empty() { "" } else { ": " });
            write!(f, "{comma}{path}{colon}{message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
