//! Reading fixed and counted parts off the front of a byte slice. It knows no format: the frame, the segment header,
//! the store's chunk and the snapshot each say what their parts are. A part that is not there is `None`, never a panic.

use std::ops::Range;

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The bytes not read yet, and how far into the whole they begin.
#[derive(Debug, Clone)]
pub(crate) struct Parts<'a> {
    whole: &'a [u8],
    at: usize,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(whole: &'a [u8]) -> Self {
        Self { whole, at: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.whole.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.whole.get(self.at..).unwrap_or_default()
    }

    /// Where the next `count` bytes lie in the whole.
    pub(crate) fn span(&mut self, count: usize) -> Option<Range<usize>> {
        let end = self.at.checked_add(count)?;
        if end > self.whole.len() {
            return None;
        }
        let span = self.at..end;
        self.at = end;
        Some(span)
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let span = self.span(count)?;
        self.whole.get(span)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        self.take(N)?.first_chunk()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| *byte)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// The span of a part that carries its own length in front, as a `u32`.
    pub(crate) fn counted_span(&mut self) -> Option<Range<usize>> {
        let count = usize::try_from(self.u32()?).ok()?;
        self.span(count)
    }
}
