//! Days, instants and EDTF dates (ISO 8601-2, levels 0 to 2, by `edtf-core`), with their earliest and latest day.

use std::fmt;
use std::str::FromStr;

use edtf_core::{Bound, Edtf as Parsed};
use serde::{Deserialize, Serialize};

/// A calendar day between the years 0000 and 9999, or one of the two open ends.
///
/// Kept as the number `yyyymmdd`, so that days order as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(i32);

impl Day {
    /// Before every day: the start of `../2018`.
    pub const EVER: Self = Self(i32::MIN);
    /// After every day: the end of `2017/..`.
    pub const NEVER: Self = Self(i32::MAX);

    /// The day of a year, month and day of the month; `None` where the calendar has no such day.
    pub fn new(year: i16, month: u8, day: u8) -> Option<Self> {
        let text = format!("{year:04}-{month:02}-{day:02}");
        text.parse().ok()
    }

    /// The first of January of a year.
    pub fn first_of(year: i16) -> Option<Self> {
        Self::new(year, 1, 1)
    }

    /// The last of December of a year.
    pub fn last_of(year: i16) -> Option<Self> {
        Self::new(year, 12, 31)
    }

    /// The year, month and day of the month; `None` for an open end.
    pub fn parts(self) -> Option<(i16, u8, u8)> {
        if self == Self::EVER || self == Self::NEVER {
            return None;
        }
        let part = |n: i32| u8::try_from(n).ok();
        Some((i16::try_from(self.0 / 10_000).ok()?, part(self.0 / 100 % 100)?, part(self.0 % 100)?))
    }
}

impl FromStr for Day {
    type Err = DateFault;

    fn from_str(text: &str) -> Result<Self, DateFault> {
        let date = Edtf::new(text)?;
        if date.earliest == date.latest { Ok(date.earliest) } else { Err(DateFault::NotADay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some((year, month, day)) => write!(f, "{year:04}-{month:02}-{day:02}"),
            None => f.write_str(".."),
        }
    }
}

/// An instant of the server's clock: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// Why a text is not a date that the book can keep. The messages show a form that would be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DateFault {
    /// Not EDTF at all.
    #[error("not a date; use for example 2019, 2019-06, 2019-06-14, 2019-21 (spring), ../2018-12-31 or 2016/2017")]
    Form,
    /// EDTF, but outside of the years 0000 to 9999 or of unknown bounds.
    #[error("this date has no known first and last day between the years 0000 and 9999; use for example 2016/2017")]
    Bounds,
    /// An interval that ends before it starts.
    #[error("this interval ends before it starts; write the earlier date first, for example 2016/2017")]
    Reversed,
    /// A day was asked for.
    #[error("not one day; use for example 2017-03-01")]
    NotADay,
}

/// A date as it was written, with its first and last day.
///
/// A year may be written as a number (`2017`) or as text (`"2017"`): both mean the same and compare as equal by
/// [`Edtf::means`], but each comes back as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edtf {
    text: Box<str>,
    number: bool,
    earliest: Day,
    latest: Day,
}

impl Edtf {
    /// Parses EDTF text of levels 0 to 2.
    pub fn new(text: &str) -> Result<Self, DateFault> {
        if text.len() > 64 {
            return Err(DateFault::Form);
        }
        let bounds = Parsed::parse(text).map_err(|_| DateFault::Form)?.bounds();
        let earliest = day(bounds.earliest)?;
        let latest = day(bounds.latest)?;
        if earliest > latest {
            return Err(DateFault::Reversed);
        }
        Ok(Self { text: text.into(), number: false, earliest, latest })
    }

    /// A year written as a number.
    pub fn year(year: i64) -> Result<Self, DateFault> {
        if !(0..=9999).contains(&year) {
            return Err(DateFault::Bounds);
        }
        Self::new(&format!("{year:04}")).map(|date| Self { number: true, text: year.to_string().into(), ..date })
    }

    /// The date of one day.
    pub fn on(day: Day) -> Self {
        Self { text: day.to_string().into(), number: false, earliest: day, latest: day }
    }

    /// The text, as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Was it written as a number?
    pub fn is_number(&self) -> bool {
        self.number
    }

    /// The first day that it can mean: from when a start counts.
    pub fn earliest(&self) -> Day {
        self.earliest
    }

    /// The last day that it can mean: until when an end counts.
    pub fn latest(&self) -> Day {
        self.latest
    }

    /// Are the two the same date, whichever way a year was written?
    pub fn means(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Edtf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn day(bound: Bound) -> Result<Day, DateFault> {
    match bound {
        Bound::NegativeInfinity => Ok(Day::EVER),
        Bound::PositiveInfinity => Ok(Day::NEVER),
        Bound::Unknown => Err(DateFault::Bounds),
        Bound::Date(date) => {
            let year = i32::try_from(date.year).ok().filter(|year| (0..=9999).contains(year));
            let year = year.ok_or(DateFault::Bounds)?;
            Ok(Day(year * 10_000 + i32::from(date.month) * 100 + i32::from(date.day)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(text: &str) -> (String, String) {
        let date = Edtf::new(text).unwrap();
        (date.earliest().to_string(), date.latest().to_string())
    }

    #[test]
    fn the_forms_of_the_source_agenda_have_bounds() {
        assert_eq!(bounds("2016"), ("2016-01-01".into(), "2016-12-31".into()));
        assert_eq!(bounds("2016-06"), ("2016-06-01".into(), "2016-06-30".into()));
        assert_eq!(bounds("2016/2017"), ("2016-01-01".into(), "2017-12-31".into()));
        assert_eq!(bounds("../2018"), ("..".into(), "2018-12-31".into()));
        assert_eq!(bounds("2017/.."), ("2017-01-01".into(), "..".into()));
        assert_eq!(bounds("2019-21").0, "2019-03-01");
        assert_eq!(bounds("2016~").1, "2016-12-31");
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in ["2017-02-29", "2017-13", "2017-06-31", "juni 2017", "", "14-06-2016", "2016-06-14T"] {
            assert_eq!(Edtf::new(text), Err(DateFault::Form), "{text}");
        }
        assert!(Edtf::new("2018/2016").is_err());
        assert_eq!(Edtf::year(12_345), Err(DateFault::Bounds));
        assert_eq!("2016".parse::<Day>(), Err(DateFault::NotADay));
    }

    #[test]
    fn a_year_comes_back_as_it_was_written() {
        let number = Edtf::year(2017).unwrap();
        let text = Edtf::new("2017").unwrap();
        assert!(number.means(&text) && number != text);
        assert!(number.is_number() && !text.is_number());
    }
}
