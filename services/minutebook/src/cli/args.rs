//! What people write on the command line for records, fields, points in time, editions and values.

use std::ffi::OsString;

use clap::Args;
use minutebook_domain::command::CorrectField;
use minutebook_domain::dates::{DateFault, Day, Edtf};
use minutebook_domain::event::Lines;
use minutebook_domain::ids::{Id, Key, Kind};
use minutebook_domain::message::{Lang, messages};
use minutebook_domain::record::Record;
use minutebook_domain::value::{Fault, Nearest, Value};
use minutebook_proto::{key_to_pb, pb};

messages! {
    /// What is wrong with an argument.
    pub(crate) enum Misread {
        /// Not an address.
        RecordMissing {} = "USAGE"
            nl "noem een gegeven: een actie, of KIND/ID"
            en "name a record: an action, or KIND/ID"
        /// Ids that are counted in something else.
        RecordForm { kind: Kind, form: String } = "USAGE"
            nl "schrijf een {kind:#} als {form}"
            en "write {kind} as {form}"
        /// Not an id.
        IdForm { text: String } = "USAGE"
            nl "`{text}` is geen id; een id is woorden van a-z en 0-9 met koppeltekens ertussen"
            en "`{text}` is not an id; ids are words of a-z and 0-9 joined by hyphens"
        /// Not a kind of record.
        KindUnknown { name: String, nearest: Nearest } = "USAGE"
            nl "`{name}` is geen soort gegeven{nearest:#}"
            en "`{name}` is not a kind of record{nearest}"
        /// No field.
        FieldMissing {} = "USAGE"
            nl "noem een veld, zoals in egpo-invoering.title"
            en "name a field, as in egpo-invoering.title"
        /// A field that the kind does not have.
        FieldUnknown { kind: Kind, field: String, nearest: Nearest, fields: String } = "USAGE"
            nl "een {kind:#} heeft geen veld `{field}`{nearest:#}; er is {fields}"
            en "no {kind} has a field `{field}`{nearest}; there is {fields}"
        /// Neither a position nor a day nor an instant.
        KnownForm {} = "USAGE"
            nl "gebruik een plaats (812), een dag (2017-07-01) of een moment (2017-07-01T12:00:00Z)"
            en "use a position (812), a day (2017-07-01) or an instant (2017-07-01T12:00:00Z)"
        /// Not a day.
        DayForm {} = "USAGE"
            nl "gebruik een dag, zoals 2017-03-01"
            en "use a day, as in 2017-03-01"
        /// Not a date.
        DateForm { fault: DateFault } = "USAGE"
            nl "de datum {fault:#}"
            en "the date {fault}"
        /// Not the number of a revision.
        RevisionForm {} = "USAGE"
            nl "een herziening is een getal vanaf 1"
            en "a revision is a number from 1"
        /// Not an edition.
        EditionForm {} = "USAGE"
            nl "een editie schrijft u als 2018-2019 of 2018-2019@2"
            en "an edition is written as 2018-2019 or 2018-2019@2"
        /// Not a field with its value.
        SettingForm {} = "USAGE"
            nl "schrijf FIELD=VALUE, zoals in date=2016-12-13"
            en "write FIELD=VALUE, as in date=2016-12-13"
        /// Not a value that fits.
        ValueForm { fault: Fault } = "USAGE"
            nl "de waarde {fault:#}"
            en "the value {fault}"
        /// Not years.
        YearsForm {} = "USAGE"
            nl "schrijf een jaar (2018) of het eerste en het laatste (2018-2019)"
            en "write a year (2018), or the first and the last (2018-2019)"
        /// Not lines.
        LinesForm {} = "USAGE"
            nl "schrijf een regel (384) of regels van laag naar hoog (384-390)"
            en "write a line (384), or lines from low to high (384-390)"
        /// A language that is not spoken.
        LangUnknown {} = "USAGE"
            nl "gebruik nl of en"
            en "use nl or en"
    }
}

impl std::error::Error for Misread {}

/// The language that a command line asks for, also where it does not make sense otherwise.
pub(crate) fn asked_lang(arguments: &[OsString]) -> Lang {
    let after = arguments.windows(2).find(|pair| pair.first().is_some_and(|name| name == "--lang"));
    let after = after.and_then(|pair| pair.last()?.to_str());
    let joined = || arguments.iter().find_map(|argument| argument.to_str()?.strip_prefix("--lang="));
    let named = after.or_else(joined).map(str::to_owned).or_else(|| std::env::var("MINUTEBOOK_LANG").ok());
    named.and_then(|text| lang(&text).ok()).unwrap_or_default()
}

/// As of when.
#[derive(Debug, Args)]
pub(crate) struct Moment {
    /// What held on this day (2017-03-01)
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) valid: Option<String>,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = known)]
    pub(crate) known: Option<pb::Known>,
}

/// The address of a record: `egpo-invoering` is an action, others name their kind (`amount/kknn-leerstoel-jaarlijks`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordName(Key);

impl RecordName {
    /// The address as the wire has it.
    pub(crate) fn to_pb(&self) -> pb::RecordKey {
        key_to_pb(&self.0)
    }

    /// Whether the record is one that only a decision changes.
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }
}

/// Reads the address of a record.
pub(crate) fn record(text: &str) -> Result<RecordName, Misread> {
    let parts: Vec<_> = text.split('/').collect();
    let (kind, within, id) = match parts.as_slice() {
        [id] => (Kind::Action, Vec::new(), *id),
        [kind, within @ .., id] => (self::kind(kind)?, within.to_vec(), *id),
        [] => return Err(Misread::RecordMissing {}),
    };
    let scope = scope_of(kind);
    if within.len() != scope.len() {
        let form = [&[kind.name()], scope, &["ID"]].concat().join("/");
        return Err(Misread::RecordForm { kind, form });
    }
    let whole = |part: &&str| Id::any(part).is_some();
    if let Some(bad) = within.iter().chain([&id]).find(|part| !whole(part)) {
        return Err(Misread::IdForm { text: (*bad).to_owned() });
    }
    let id = Id::any(id).ok_or(Misread::RecordMissing {})?;
    Ok(RecordName(Key { within: within.join("/").into(), ..Key::new(kind, &id) }))
}

/// What the id of a record is counted in.
fn scope_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Edition | Kind::Explanation => &["AGENDA"],
        Kind::Change | Kind::Step => &["AGENDA", "EDITION"],
        _ => &[],
    }
}

fn kind(name: &str) -> Result<Kind, Misread> {
    let nearest = || Nearest::of(name, Kind::ALL.map(Kind::name));
    let unknown = || Misread::KindUnknown { name: name.to_owned(), nearest: nearest() };
    Kind::parse(&name.replace('-', "_")).ok_or_else(unknown)
}

/// A field of a record: `egpo-invoering.title`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldName {
    /// The record.
    pub(crate) record: RecordName,
    /// The field.
    pub(crate) field: String,
}

/// Reads a record and one of its fields.
pub(crate) fn field(text: &str) -> Result<FieldName, Misread> {
    let named = named(text)?;
    check_field(named.record.kind(), &named.field)?;
    Ok(named)
}

/// Reads a record and what an erratum may correct of it: one of its fields, or its end.
pub(crate) fn correctable(text: &str) -> Result<FieldName, Misread> {
    named(text).ok().filter(|named| named.field == CorrectField::ENDED).map_or_else(|| field(text), Ok)
}

fn named(text: &str) -> Result<FieldName, Misread> {
    // Section numbers hold full stops too, names of fields never do.
    let (record, field) = text.rsplit_once('.').ok_or(Misread::FieldMissing {})?;
    Ok(FieldName { record: self::record(record)?, field: field.to_owned() })
}

/// Checks that records of a kind have a field.
pub(crate) fn check_field(kind: Kind, field: &str) -> Result<(), Misread> {
    let known = Record::fields(kind);
    if known.contains(&field) {
        return Ok(());
    }
    let nearest = Nearest::of(field, known.iter().copied());
    Err(Misread::FieldUnknown { kind, field: field.to_owned(), nearest, fields: known.join(", ") })
}

/// Reads what was known: a position, a day, or an instant.
pub(crate) fn known(text: &str) -> Result<pb::Known, Misread> {
    use pb::known::Known;
    let instant = || text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    let known = text.parse().ok().map(Known::Position);
    let known = known.or_else(|| day(text).ok().map(Known::Date));
    let known = known.or_else(|| instant().map(Known::InstantMs));
    known.map(|known| pb::Known { known: Some(known) }).ok_or(Misread::KnownForm {})
}

/// Reads a day.
pub(crate) fn day(text: &str) -> Result<String, Misread> {
    // A time of the day, or a day that is doubted, is more than a day.
    let day = text.parse::<Day>().ok().map(|day| day.to_string()).filter(|day| day == text);
    day.ok_or(Misread::DayForm {})
}

/// Reads a date from which on something is asked for: its first day.
pub(crate) fn first_day(text: &str) -> Result<String, Misread> {
    bound(text, Edtf::earliest)
}

/// Reads a date up to which something is asked for: its last day.
pub(crate) fn last_day(text: &str) -> Result<String, Misread> {
    bound(text, Edtf::latest)
}

fn bound(text: &str, end: fn(&Edtf) -> Day) -> Result<String, Misread> {
    let date = Edtf::new(text).map_err(|fault| Misread::DateForm { fault })?;
    end(&date).parts().map(|_| end(&date).to_string()).ok_or(Misread::DayForm {})
}

/// Reads an EDTF date.
pub(crate) fn date(text: &str) -> Result<pb::Date, Misread> {
    let date = Edtf::new(text).map_err(|fault| Misread::DateForm { fault })?;
    Ok(pb::Date { date: Some(pb::date::Date::Edtf(date.as_str().to_owned())) })
}

/// Reads an edition, `2018-2019`, or one of its revisions, `2018-2019@2`.
pub(crate) fn edition(text: &str) -> Result<pb::EditionName, Misread> {
    let (label, revision) = match text.split_once('@') {
        Some((label, number)) => (label, Some(number)),
        None => (text, None),
    };
    let number = |text: &str| text.parse().ok().filter(|n| *n > 0).ok_or(Misread::RevisionForm {});
    let revision = revision.map(number).transpose()?;
    let label = Id::new(label).ok_or(Misread::EditionForm {})?;
    Ok(pb::EditionName { edition: label.to_string(), revision })
}

/// Reads the value of a field. What is JSON is taken as such; all else is text.
///
/// Quotes (`'"2017"'`) make text of what would be read as a number.
pub(crate) fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Reads a field and its value: `date=2016-12-13`.
pub(crate) fn setting(text: &str) -> Result<(String, Value), Misread> {
    let (field, value) = text.split_once('=').ok_or(Misread::SettingForm {})?;
    Ok((field.trim().to_owned(), self::value(value)))
}

/// A field of a record and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assignment {
    /// The record and the field.
    pub(crate) field: FieldName,
    /// The value.
    pub(crate) value: Value,
}

/// Reads a field of a record and its value: `pod-sport.title=Sport`.
pub(crate) fn assignment(text: &str) -> Result<Assignment, Misread> {
    let (name, value) = text.split_once('=').ok_or(Misread::SettingForm {})?;
    Ok(Assignment { field: field(name.trim())?, value: self::value(value) })
}

/// Reads a year, or the first and the last: `2018-2019`.
pub(crate) fn years(text: &str) -> Result<(pb::Date, pb::Date), Misread> {
    let digits = |text: &str| text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    let year = |text: &str| text.parse().ok().filter(|_| digits(text)).ok_or(Misread::YearsForm {});
    let date = |year: i32| pb::Date { date: Some(pb::date::Date::Year(year)) };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Ok((date(year(first)?), date(year(last)?)))
}

/// Reads lines of a source: `384`, or `384-390`.
pub(crate) fn lines(text: &str) -> Result<String, Misread> {
    Lines::read(text).map(|_| text.to_owned()).ok_or(Misread::LinesForm {})
}

/// Reads a language.
pub(crate) fn lang(text: &str) -> Result<Lang, Misread> {
    match text {
        "nl" => Ok(Lang::Nl),
        "en" => Ok(Lang::En),
        _ => Err(Misread::LangUnknown {}),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(text: &str) -> (String, String, String) {
        let RecordName(key) = record(text).unwrap();
        (key.kind.name().to_owned(), key.within.to_string(), key.id.to_string())
    }

    #[test]
    fn a_bare_id_is_an_action_and_other_kinds_are_named() {
        assert_eq!(parts("pod-sport"), ("action".into(), String::new(), "pod-sport".into()));
        assert_eq!(parts("policy-item/breedband").0, "policy_item");
        assert_eq!(parts("explanation/krimp/3.1"), ("explanation".into(), "krimp".into(), "3.1".into()));
        assert_eq!(parts("change/krimp/2018-2019/c-1").1, "krimp/2018-2019");
    }

    #[test]
    fn what_is_no_address_is_explained() {
        for (text, words) in [
            ("explanation/3.1", "explanation/AGENDA/ID"),
            ("amount/a/b", "amount/ID"),
            ("actoin/a", "did you mean `action`"),
            ("Pod Sport", "not an id"),
            ("", "not an id"),
        ] {
            let fault = record(text).unwrap_err().to_string();
            assert!(fault.contains(words), "{text}: {fault}");
        }
    }

    #[test]
    fn years_are_one_or_the_first_and_the_last() {
        let year = |year| pb::Date { date: Some(pb::date::Date::Year(year)) };
        assert_eq!(years("2018"), Ok((year(2018), year(2018))));
        assert_eq!(years("2018-2019"), Ok((year(2018), year(2019))));
        assert!(["", "18", "2018-", "2018/2019", "+018", "2018-2019-2020"].iter().all(|text| years(text).is_err()));
    }

    #[test]
    fn a_period_may_be_named_by_its_years() {
        assert_eq!((first_day("2017"), last_day("2017-02")), (Ok("2017-01-01".into()), Ok("2017-02-28".into())));
        assert_eq!((first_day("2017-03-01"), last_day("2017-03-01")), (day("2017-03-01"), day("2017-03-01")));
        assert!(first_day("../2017").is_err() && last_day("2017/..").is_err() && last_day("ooit").is_err());
    }

    #[test]
    fn the_field_stands_after_the_last_full_stop() {
        let name = field("explanation/krimp/3.1.title").unwrap();
        assert_eq!((name.record, name.field.as_str()), (record("explanation/krimp/3.1").unwrap(), "title"));
        assert!(field("pod-sport").is_err());
        assert!(field("pod-sport.titel").unwrap_err().to_string().contains("did you mean `title`"));
    }

    #[test]
    fn what_was_known_is_a_position_a_day_or_an_instant() {
        use pb::known::Known;
        let known = |text| known(text).map(|known| known.known.unwrap());
        assert_eq!(known("812"), Ok(Known::Position(812)));
        assert_eq!(known("2017-07-01"), Ok(Known::Date("2017-07-01".into())));
        assert_eq!(known("1970-01-01T01:00:01+01:00"), Ok(Known::InstantMs(1000)));
        for text in ["2017-02-30", "2017-07", "2017-07-01T12:00", "-1", ""] {
            assert!(known(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_edition_may_name_its_revision() {
        assert_eq!(edition("2018-2019").unwrap().revision, None);
        assert_eq!(edition("2018-2019@2").unwrap().revision, Some(2));
        assert!(["2018-2019@", "2018-2019@0", "@2", "2018/2019"].iter().all(|text| edition(text).is_err()));
    }

    #[test]
    fn values_are_json_where_they_can_be_and_else_text() {
        assert_eq!(value("2017"), json!(2017));
        assert_eq!(value(r#"{"from": 2017}"#), json!({"from": 2017}));
        assert_eq!(value("null"), json!(null));
        assert_eq!(value("2016-12"), json!("2016-12"));
        assert_eq!(value("heel Drenthe"), json!("heel Drenthe"));
        assert_eq!(value(r#""2017""#), json!("2017"));
        assert_eq!(setting("what=a=b"), Ok(("what".into(), json!("a=b"))));
        assert!(setting("what").is_err());
        let title = assignment("pod-sport.title=Sport = leuk").unwrap();
        assert_eq!((title.field, title.value), (field("pod-sport.title").unwrap(), json!("Sport = leuk")));
        assert!(assignment("pod-sport.titel=x").is_err() && assignment("pod-sport.title").is_err());
    }

    #[test]
    fn what_cannot_be_read_is_told_in_the_language_that_was_asked_for() {
        let asked = |arguments: &[&str]| asked_lang(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(asked(&["minutebook", "--lang", "nl", "history", "X"]), Lang::Nl);
        assert_eq!(asked(&["minutebook", "history", "X", "--lang=nl"]), Lang::Nl);
        assert_eq!(
            record("Pod Sport").unwrap_err().message(Lang::Nl).split(';').next(),
            Some("`Pod Sport` is geen id")
        );
        assert!(field("pod-sport.titel").unwrap_err().message(Lang::Nl).starts_with("een actie heeft geen veld"));
    }
}
