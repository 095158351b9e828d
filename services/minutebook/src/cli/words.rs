//! The words of both languages that answers are built from, and values as people read them.

use minutebook_domain::ids::Kind;
use minutebook_domain::message::Lang;
use minutebook_domain::value::{Value, is_unstated};
use minutebook_proto::{kind_from_pb, pb};

/// How many characters of before and after stand on one line.
const LONG: usize = 70;

/// Words in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Lang);

impl Words {
    /// The one of the two that is in this language.
    pub(crate) fn pick<T>(self, nl: T, en: T) -> T {
        match self.0 {
            Lang::Nl => nl,
            Lang::En => en,
        }
    }

    /// What nobody may overlook of made-up data, in both languages.
    pub(crate) fn invented(self) -> &'static str {
        self.pick("VERZONNEN TESTGEGEVENS / INVENTED TEST DATA", "INVENTED TEST DATA / VERZONNEN TESTGEGEVENS")
    }

    /// What stands for an absent value.
    pub(crate) fn not_stated(self) -> &'static str {
        self.pick("niet vermeld", "not stated")
    }

    /// A kind of record.
    pub(crate) fn kind(self, kind: Kind) -> &'static str {
        kind.word(self.0)
    }

    /// The address of a record, such as `action pod-sport`.
    pub(crate) fn key(self, key: Option<&pb::RecordKey>) -> String {
        let Some(key) = key else { return self.pick("de agenda als geheel", "the agenda as a whole").to_owned() };
        let kind = kind_from_pb(key.kind).map_or("?", |kind| self.kind(kind));
        let slash = if key.within.is_empty() { "" } else { "/" };
        format!("{kind} {}{slash}{}", key.within, key.id)
    }

    /// What stood in a field before and after; where that is long, each on a line of its own.
    pub(crate) fn difference(self, field: &str, before: &Value, after: &Value) -> String {
        let (before, after) = (self.value(field, before), self.value(field, after));
        let long = before.chars().count() + after.chars().count() > LONG;
        format!("{before}{}→ {after}", if long { '\n' } else { ' ' })
    }

    /// What became of an item that was dropped.
    pub(crate) fn disposition(self, disposition: pb::Disposition) -> &'static str {
        let (nl, en) = match disposition {
            pb::Disposition::Unspecified => return self.not_stated(),
            pb::Disposition::Completed => ("afgerond", "completed"),
            pb::Disposition::Discontinued => ("gestopt", "discontinued"),
            pb::Disposition::HandedOver => ("overgedragen", "handed over"),
            pb::Disposition::Absorbed => ("opgegaan in ander werk", "absorbed into other work"),
        };
        self.pick(nl, en)
    }

    /// A finding in this language.
    pub(crate) fn finding(self, finding: &pb::Finding) -> &str {
        self.pick(&finding.message_nl, &finding.message_en)
    }

    /// A date as it was written.
    pub(crate) fn date(self, date: Option<&pb::Date>) -> String {
        match date.and_then(|date| date.date.as_ref()) {
            Some(pb::date::Date::Year(year)) => year.to_string(),
            Some(pb::date::Date::Edtf(text)) => text.clone(),
            None => self.not_stated().to_owned(),
        }
    }

    /// The value of a field as people read it.
    pub(crate) fn value(self, field: &str, value: &Value) -> String {
        match value {
            _ if is_unstated(value) => self.not_stated().to_owned(),
            Value::String(text) if field == "per" => self.per(text).to_owned(),
            Value::String(text) => text.clone(),
            Value::Number(number) if is_money(field) => self.euros(&number.to_string()),
            Value::Bool(true) => self.pick("ja", "yes").to_owned(),
            Value::Bool(false) => self.pick("nee", "no").to_owned(),
            Value::Array(list) => {
                // Entries of several words may have commas of their own.
                let plain = |entry: &Value| entry.is_number() || entry.as_str().is_some_and(|text| !text.contains(' '));
                let mark = if list.iter().all(plain) { ", " } else { "; " };
                list.iter().map(|entry| self.value(field, entry)).collect::<Vec<_>>().join(mark)
            }
            Value::Object(map) if field == "amounts" && map.contains_key("id") => self.amount(map),
            Value::Object(map) if map.keys().all(|key| key == "from" || key == "to") => {
                let end = |name| map.get(name).filter(|v| !is_unstated(v)).map(|v| self.value(name, v));
                self.period(end("from"), end("to"))
            }
            Value::Object(map) => {
                let parts = map.iter().map(|(name, part)| format!("{name} {}", self.value(name, part)));
                parts.collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        }
    }

    fn period(self, from: Option<String>, to: Option<String>) -> String {
        match (from, to) {
            (Some(from), Some(to)) if from == to => from,
            (Some(from), Some(to)) => format!("{from} {} {to}", self.pick("t/m", "to")),
            (Some(from), None) => format!("{} {from}", self.pick("vanaf", "from")),
            (None, Some(to)) => format!("{} {to}", self.pick("t/m", "until")),
            (None, None) => self.not_stated().to_owned(),
        }
    }

    /// A sum of money on one line: `€ 37.500 per jaar (fonds)`.
    pub(crate) fn amount(self, map: &serde_json::Map<String, Value>) -> String {
        let stated = |name: &str| map.get(name).filter(|v| !is_unstated(v)).map(|v| self.value(name, v));
        let eur = stated("eur").unwrap_or_else(|| self.pick("bedrag niet vermeld", "sum not stated").to_owned());
        let (from, through) = (stated("from"), stated("through"));
        let term = (from.is_some() || through.is_some()).then(|| self.period(from, through));
        let terms: Vec<_> = [Some(eur), stated("per"), stated("unit"), term].into_iter().flatten().collect();
        let source = stated("source").map(|source| format!("{} {source}", self.pick("uit", "from")));
        let part = stated("part_of").map(|whole| format!("{} {whole}", self.pick("deel van", "part of")));
        let notes: Vec<_> = [stated("id"), source, part].into_iter().flatten().collect();
        format!("{} ({})", terms.join(" "), notes.join(", "))
    }

    fn per(self, per: &str) -> &str {
        match per {
            "year" => self.pick("per jaar", "a year"),
            "once" => self.pick("eenmalig", "once"),
            other => other,
        }
    }

    /// A sum of whole euros.
    pub(crate) fn euros(self, digits: &str) -> String {
        let mark = self.pick('.', ',');
        let mut text = String::new();
        for (n, digit) in digits.chars().enumerate() {
            if n > 0 && (digits.len() - n).is_multiple_of(3) {
                text.push(mark);
            }
            text.push(digit);
        }
        self.pick(format!("€ {text}"), format!("€{text}"))
    }

    /// Who recorded something. Nobody has established that it is so, and the words say that.
    pub(crate) fn actor(self, actor: Option<&pb::Actor>) -> String {
        let capacity = actor.and_then(|actor| actor.capacity.clone().or_else(|| actor.subject.clone()));
        let body = actor.and_then(|actor| actor.on_behalf_of.clone());
        let behalf = body.map(|body| format!(" {} {body}", self.pick("namens", "on behalf of"))).unwrap_or_default();
        if capacity.is_none() && behalf.is_empty() {
            return self.not_stated().to_owned();
        }
        let claimed = self.pick("opgegeven, niet vastgesteld", "stated, not established");
        let who = format!("{}{behalf}", capacity.unwrap_or_default());
        format!("{} ({claimed})", who.trim_start())
    }

    /// Where something is stated: the source, its lines and its words.
    pub(crate) fn citation(self, citation: &pb::Citation) -> String {
        let lines = citation.lines.as_ref().map(|lines| format!(", {} {lines}", self.pick("regel", "line")));
        let quote = citation.quote.as_ref().map(|quote| format!(": “{quote}”"));
        format!("{}{}{}", citation.source, lines.unwrap_or_default(), quote.unwrap_or_default())
    }
}

fn is_money(field: &str) -> bool {
    matches!(field, "eur" | "ceiling")
}

/// An instant in RFC 3339, in UTC.
pub(crate) fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |instant| format!("{instant:.3}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        let amounts = json!([{"id": "leerstoel", "eur": 37500, "per": "year", "source": "fonds"}]);
        let (nl, en) = (Words(Lang::Nl), Words(Lang::En));
        assert_eq!(nl.value("amounts", &amounts), "€ 37.500 per jaar (leerstoel, uit fonds)");
        assert_eq!(en.value("amounts", &amounts), "€37,500 a year (leerstoel, from fonds)");
        assert_eq!(nl.value("period", &json!({"from": 2017, "to": 2019})), "2017 t/m 2019");
        assert_eq!(en.value("period", &json!({"to": 2018})), "until 2018");
        assert_eq!(en.value("partners", &json!(["gs", "ps"])), "gs, ps");
        assert_eq!(nl.value("partners", &json!([])), "niet vermeld");
        assert_eq!(en.value("eur", &json!(2_000_000)), "€2,000,000");
    }

    #[test]
    fn who_recorded_something_is_stated_and_not_established() {
        let actor = |capacity: Option<&str>, body: Option<&str>| pb::Actor {
            capacity: capacity.map(str::to_owned),
            on_behalf_of: body.map(str::to_owned),
            ..pb::Actor::default()
        };
        let words = Words(Lang::En);
        let secretary = actor(Some("secretary"), Some("gs"));
        assert_eq!(words.actor(Some(&secretary)), "secretary on behalf of gs (stated, not established)");
        assert_eq!(words.actor(Some(&actor(None, Some("gs")))), "on behalf of gs (stated, not established)");
        assert_eq!(words.actor(Some(&actor(None, None))), "not stated");
    }
}
