//! Days, instants and EDTF dates (ISO 8601-2, levels 0 to 2, by `edtf-core`), with their earliest and latest day.

use std::fmt;
use std::str::FromStr;

use edtf_core::{Bound, Edtf as Parsed};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::message::messages;

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
        if date.earliest == date.latest { Ok(date.earliest) } else { Err(DateFault::NotADay {}) }
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

messages! {
    /// Why a text is not a date that the book can keep. The messages follow the text and show a form that would fit.
    #[derive(Copy, Eq)]
    pub enum DateFault {
        /// Not EDTF at all.
        Form {} = "DATE_FORM"
            nl "is geen datum; gebruik bijvoorbeeld 2019, 2019-06, 2019-06-14, 2019-21 (voorjaar), ../2018-12-31 of 2016/2017"
            en "is not a date; use for example 2019, 2019-06, 2019-06-14, 2019-21 (spring), ../2018-12-31 or 2016/2017"
        /// EDTF, but outside of the years 0000 to 9999 or of unknown bounds.
        Bounds {} = "DATE_BOUNDS"
            nl "heeft geen bekende eerste en laatste dag in de jaren 0000 tot en met 9999; gebruik bijvoorbeeld 2016/2017"
            en "has no known first and last day between the years 0000 and 9999; use for example 2016/2017"
        /// An interval that ends before it starts.
        Reversed {} = "DATE_REVERSED"
            nl "eindigt voordat het begint; zet de vroegste datum voorop, bijvoorbeeld 2016/2017"
            en "ends before it starts; write the earlier date first, for example 2016/2017"
        /// A day was asked for.
        NotADay {} = "DATE_NOT_A_DAY"
            nl "is niet één dag; gebruik bijvoorbeeld 2017-03-01"
            en "is not one day; use for example 2017-03-01"
    }
}

impl std::error::Error for DateFault {}

/// A date as it was written, with its first and last day.
///
/// A year may be written as a number (`2017`) or as text (`"2017"`): both mean the same and compare as equal by
/// [`Edtf::means`], but each comes back as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edtf {
    text: SmolStr,
    number: bool,
    earliest: Day,
    latest: Day,
}

impl Edtf {
    /// Parses EDTF text of levels 0 to 2.
    pub fn new(text: &str) -> Result<Self, DateFault> {
        if text.len() > 64 {
            return Err(DateFault::Form {});
        }
        if let Some((earliest, latest)) = plain(text) {
            return Ok(Self { text: text.into(), number: false, earliest, latest });
        }
        let bounds = Parsed::parse(text).map_err(|_| malformed(text))?.bounds();
        let earliest = day(bounds.earliest)?;
        let latest = day(bounds.latest)?;
        if earliest > latest {
            return Err(DateFault::Reversed {});
        }
        Ok(Self { text: text.into(), number: false, earliest, latest })
    }

    /// A year written as a number.
    pub fn year(year: i64) -> Result<Self, DateFault> {
        if !(0..=9999).contains(&year) {
            return Err(DateFault::Bounds {});
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

/// The first and last day of a plain year, month or day: `2019`, `2019-06`, `2019-06-14`. Most dates are, and every
/// event that is read back has some; everything else, and every day that is not, is left to the parser.
fn plain(text: &str) -> Option<(Day, Day)> {
    let number =
        |digits: &[u8]| digits.iter().try_fold(0_i32, |n, b| b.is_ascii_digit().then(|| n * 10 + i32::from(b - b'0')));
    let (year, rest) = text.as_bytes().split_first_chunk::<4>()?;
    let year = number(year)?;
    let of = |month: i32, day: i32| Day(year * 10_000 + month * 100 + day);
    let (month, rest) = match rest {
        [] => return Some((of(1, 1), of(12, 31))),
        [b'-', a, b, rest @ ..] => (number(&[*a, *b])?, rest),
        _ => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    match rest {
        [] => Some((of(month, 1), of(month, days))),
        [b'-', a, b] => {
            let day = number(&[*a, *b]).filter(|day| (1..=days).contains(day))?;
            Some((of(month, day), of(month, day)))
        }
        _ => None,
    }
}

/// Why the parser refuses a text: it takes an interval the wrong way round for no date at all.
fn malformed(text: &str) -> DateFault {
    match text.split_once('/').map(|(from, to)| (Edtf::new(from), Edtf::new(to))) {
        Some((Ok(from), Ok(to))) if from.earliest > to.latest => DateFault::Reversed {},
        _ => DateFault::Form {},
    }
}

fn day(bound: Bound) -> Result<Day, DateFault> {
    match bound {
        Bound::NegativeInfinity => Ok(Day::EVER),
        Bound::PositiveInfinity => Ok(Day::NEVER),
        Bound::Unknown => Err(DateFault::Bounds {}),
        Bound::Date(date) => {
            let year = i32::try_from(date.year).ok().filter(|year| (0..=9999).contains(year));
            let year = year.ok_or(DateFault::Bounds {})?;
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
    fn plain_dates_mean_what_the_parser_says() {
        let parsed = |text: &str| {
            let bounds = Parsed::parse(text).ok()?.bounds();
            Some((super::day(bounds.earliest).ok()?, super::day(bounds.latest).ok()?))
        };
        for year in (0..=9999).step_by(7).chain([1900, 2000, 2016, 2100]) {
            let text = format!("{year:04}");
            assert_eq!(plain(&text), parsed(&text), "{text}");
            for month in 0..=13 {
                let text = format!("{year:04}-{month:02}");
                assert_eq!(plain(&text), parsed(&text), "{text}");
                for day in [0, 1, 28, 29, 30, 31, 32] {
                    let text = format!("{year:04}-{month:02}-{day:02}");
                    assert_eq!(plain(&text), parsed(&text), "{text}");
                }
            }
        }
        for text in ["", "201", "20160", "2016-", "2016-6", "2016-06-1", "2016-06-14T", "2016/2017", "+016", "2016-+6"]
        {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in ["2017-02-29", "2017-13", "2017-06-31", "juni 2017", "", "14-06-2016", "2016-06-14T"] {
            assert_eq!(Edtf::new(text), Err(DateFault::Form {}), "{text}");
        }
        assert_eq!(Edtf::new("2018/2016"), Err(DateFault::Reversed {}));
        assert_eq!(Edtf::year(12_345), Err(DateFault::Bounds {}));
        assert_eq!("2016".parse::<Day>(), Err(DateFault::NotADay {}));
    }

    #[test]
    fn a_year_comes_back_as_it_was_written() {
        let number = Edtf::year(2017).unwrap();
        let text = Edtf::new("2017").unwrap();
        assert!(number.means(&text) && number != text);
        assert!(number.is_number() && !text.is_number());
    }
}
