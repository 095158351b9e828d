//! Protobuf's wire format, read in place: the fields of a message as they stand in its bytes, without copies.
//!
//! Replaying a ledger decodes every event. The generated types would first copy each text into a string of its own,
//! only to have the domain copy it again; reading in place saves the first copy. What is known of the format is
//! here; which field means what stands beside the types. Of a field that may stand once, the last occurrence counts;
//! fields that this program does not know are passed over.

use std::str;

use crate::violation::{Violations, WireFault};

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoded<'a> {
    /// A number, a truth value or a word of a closed list.
    Number(u64),
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
}

impl<'a> Encoded<'a> {
    /// The number; other values are refused.
    #[inline]
    pub(crate) fn number(self) -> Result<u64, Violations> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Bytes(_) => Err(Violations::of(WireFault::ShouldBeNumber {})),
        }
    }

    /// The bytes; a number is refused.
    #[inline]
    pub(crate) fn bytes(self) -> Result<&'a [u8], Violations> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err(Violations::of(WireFault::ShouldBeBytes {})),
        }
    }

    /// The text; bytes that are not UTF-8 are refused.
    #[inline]
    pub(crate) fn text(self) -> Result<&'a str, Violations> {
        str::from_utf8(self.bytes()?).map_err(|_| Violations::of(WireFault::NotUtf8 {}))
    }
}

/// The fields of a message, one after the other, each with its number.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields in these bytes.
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field, without its value where that has a fixed width; `None` where the bytes make no sense.
    #[inline]
    fn field(&mut self) -> Option<(u64, Option<Encoded<'a>>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Some(Encoded::Bytes(self.split(length)?))
            }
            0 => Some(Encoded::Number(self.varint()?)),
            1 => self.split(8).map(|_| None)?,
            5 => self.split(4).map(|_| None)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    #[inline]
    fn varint(&mut self) -> Option<u64> {
        match self.rest.split_first() {
            // Nearly all tags and lengths have one byte.
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Some(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    fn split(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }
}

/// The bytes are not those of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl From<Broken> for Violations {
    fn from(_: Broken) -> Self {
        Self::of("is not a protobuf message")
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Encoded<'a>), Broken>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.field() {
                Some((number, Some(value))) => return Some(Ok((number, value))),
                // No field of ours has a fixed width: these are of newer programs.
                Some((_, None)) => {}
                None => {
                    self.rest = &[];
                    return Some(Err(Broken));
                }
            }
        }
        None
    }
}

/// The fields of a message by their numbers, below `N`.
#[derive(Debug)]
pub(crate) struct Message<'a, const N: usize> {
    values: [Option<Encoded<'a>>; N],
}

impl<'a, const N: usize> Message<'a, N> {
    /// Looks through the bytes once.
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, Broken> {
        Self::read_with_last(message).map(|(message, _)| message)
    }

    /// Looks through the bytes once, and gives the last field of another number as well.
    pub(crate) fn read_with_last(message: &'a [u8]) -> Result<(Self, Option<(u64, Encoded<'a>)>), Broken> {
        let (mut values, mut last) = ([None; N], None);
        for field in Fields::of(message) {
            let (number, value) = field?;
            match usize::try_from(number).ok().and_then(|number| values.get_mut(number)) {
                Some(place) => *place = Some(value),
                None => last = Some((number, value)),
            }
        }
        Ok((Self { values }, last))
    }

    /// The value of the field of that number, if it is there.
    #[inline]
    pub(crate) fn get(&self, number: usize) -> Option<Encoded<'a>> {
        self.values.get(number).copied().flatten()
    }
}

/// All occurrences of a repeated field, in their order.
pub(crate) fn repeated(message: &[u8], number: u64) -> impl Iterator<Item = Result<Encoded<'_>, Broken>> {
    let wanted = move |field: &Result<(u64, _), _>| field.as_ref().map_or(true, |(n, _)| *n == number);
    Fields::of(message).filter(wanted).map(|field| field.map(|(_, value)| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_unknown_widths_passed_over() {
        // 1: 300; 2: fixed 64 bits; 3: "ab"; 4: fixed 32 bits; 1 again: 1.
        let bytes = [8, 0xac, 2, 17, 1, 2, 3, 4, 5, 6, 7, 8, 26, 2, b'a', b'b', 37, 1, 2, 3, 4, 8, 1];
        let message = Message::<4>::read(&bytes).unwrap();
        assert_eq!(message.get(1), Some(Encoded::Number(1)));
        assert_eq!((message.get(2), message.get(9)), (None, None));
        assert_eq!(message.get(3).unwrap().text(), Ok("ab"));
        assert_eq!(
            repeated(&bytes, 1).collect::<Result<Vec<_>, _>>(),
            Ok(vec![Encoded::Number(300), Encoded::Number(1)])
        );
    }

    #[test]
    fn bytes_that_break_off_are_refused() {
        for bytes in [&[8][..], &[26, 2, b'a'], &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[11]]
        {
            assert!(Message::<4>::read(bytes).is_err(), "{bytes:?}");
            assert!(repeated(bytes, 9).any(|entry: Result<_, _>| entry.is_err()), "{bytes:?}");
        }
    }
}
