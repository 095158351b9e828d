//! Why something is not proved.

/// Why something is not proved. Each is one line that says what does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not have the form that it should have.
    #[error("{0}")]
    Form(&'static str),
    /// It is of another log.
    #[error("it is of the log `{found}`, not of `{expected}`")]
    Origin {
        /// The log that it names.
        found: String,
        /// The log of the key.
        expected: String,
    },
    /// None of the keys that count signed it.
    #[error("it is not signed by `{0}`")]
    Unsigned(String),
    /// A key that counts is named, and did not sign this.
    #[error("the signature of `{0}` is not of this text")]
    Signature(String),
    /// A position that the tree does not have.
    #[error("a tree of {size} entries has no entry {index}")]
    Beyond {
        /// The position.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A size that no log here has.
    #[error("a tree of {0} entries is larger than any log")]
    Size(u64),
    /// A tree that shrank.
    #[error("a tree of {new} entries does not continue one of {old}")]
    Shrunk {
        /// The size of the earlier tree.
        old: u64,
        /// The size of the later one.
        new: u64,
    },
    /// The proof does not lead from the entry to the root.
    #[error("the entry is not at position {0} of the tree")]
    NotIncluded(u64),
    /// The proof does not lead from the earlier root to the later one.
    #[error("the tree of {new} entries does not begin with that of {old}: the history was changed")]
    NotConsistent {
        /// The size of the earlier tree.
        old: u64,
        /// The size of the later one.
        new: u64,
    },
}
