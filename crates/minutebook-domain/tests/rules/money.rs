//! Money: sums are lower bounds, a part is never added to its whole, and rules say whether they can be verified.

use std::collections::BTreeSet;

use minutebook_domain::dates::Day;
use minutebook_domain::event::DeedStep;
use minutebook_domain::history::Cut;
use minutebook_domain::ids::Kind;
use minutebook_domain::money::{Money, ShareReading, Sum, SumBy, SumOf, UnitRule, Units, Unverifiable};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::findings::{about, of};
use crate::minutes::{Asked as _, Doc as _, because, deed, edition_after, first, given, import, state, state_from};
use crate::properties::check;
use crate::support::{Ledger, id};

pub(crate) const COVERS: &[(&str, fn())] =
    &[("AMOUNT_END_BEFORE_START", an_amount_ends_after_it_begins), ("PART_OF_ITSELF", an_amount_is_no_part_of_itself)];

pub(crate) const FOUND: &[(&str, fn())] = &[("COFIN_BELOW", a_contribution_under_the_agreed_share_is_a_finding)];

fn money(ledger: &Ledger, by: SumBy, day: &str) -> Money {
    let day: Day = day.parse().unwrap();
    ledger.book.money(&id("agenda"), by, &Cut { valid: day, ..Cut::NOW }, day, &ledger.events).unwrap()
}

fn sums(ledger: &Ledger, by: SumBy) -> Vec<Sum> {
    money(ledger, by, "2017-06-01").sums
}

fn theme(name: &str) -> SumOf {
    SumOf::Record(id(name))
}

/// What is stated for each year and once, and how much is not stated.
fn told(sum: &Sum) -> (Option<u64>, Option<u64>, usize) {
    (sum.per_year, sum.once, sum.not_stated.len())
}

#[test]
fn a_sum_is_at_least_what_is_stated_and_names_what_is_not() {
    let document = first()
        .add("amounts", json!({"id": "bomen", "what": "Bomen", "per": "once", "eur": 5, "action": "meting"}))
        .add("amounts", json!({"id": "onbekend", "what": "Iets", "per": "year", "action": "lobby"}));
    let sums = sums(&given([import(document)]), SumBy::Theme);
    assert_eq!(sums.len(), 1);
    assert_eq!((&sums[0].of, sums[0].label.as_deref()), (&theme("zorg"), Some("Zorg")));
    assert_eq!(told(&sums[0]), (Some(600_000), Some(5), 2), "the amount of the lobby, and the pilot has none");
    let missing: Vec<_> = sums[0].not_stated.iter().map(|key| key.id.to_string()).collect();
    assert_eq!(missing, ["onbekend", "pilot"]);
}

#[test]
fn a_part_is_never_added_to_its_whole() {
    let part = |part_of: &str| {
        let deel = json!({"id": "deel", "what": "Deel", "eur": 50_000, "per": "year", "part_of": part_of, "action": "website"});
        let deeltje = json!({"id": "deeltje", "what": "Deeltje", "eur": 1, "per": "year", "part_of": "deel", "action": "website"});
        let document = first().add("amounts", deel).add("amounts", deeltje);
        let sums = sums(&given([import(document)]), SumBy::Theme);
        (told(&sums[0]), sums[0].amounts.len())
    };
    assert_eq!(part("geld"), ((Some(600_000), None, 3), 1));
    // Of amounts that are parts of each other one stands for all.
    assert_eq!(part("deeltje"), ((Some(650_000), None, 3), 2));
}

#[test]
fn an_amount_counts_in_each_year_of_its_term() {
    let document = first()
        .patch("amounts", "geld", json!({"from": "2016-07", "through": 2017}))
        .add(
            "amounts",
            json!({"id": "eens", "what": "Eens", "eur": 5, "per": "once", "from": 2017, "action": "meting"}),
        )
        .add("amounts", json!({"id": "open", "what": "Open", "eur": 7, "per": "year", "from": 2017, "action": "lobby"}))
        .add(
            "amounts",
            json!({"id": "ooit", "what": "Ooit", "eur": 9, "per": "year", "through": 2018, "action": "pilot"}),
        );
    let sums = sums(&given([import(document)]), SumBy::Year);
    let all: Vec<_> = sums.iter().map(|sum| (&sum.of, sum.per_year, sum.once)).collect();
    assert_eq!(
        all,
        [
            (&SumOf::Year(2016), Some(600_000), None),
            (&SumOf::Year(2017), Some(600_007), Some(5)),
            (&SumOf::BeginNotStated, Some(9), None),
        ]
    );
}

#[test]
fn amounts_are_summed_by_who_pays() {
    let document = first()
        .patch("amounts", "geld", json!({"source": "provincie"}))
        .add("amounts", json!({"id": "eens", "what": "Eens", "eur": 5, "action": "meting"}));
    let sums = sums(&given([import(document)]), SumBy::Source);
    assert_eq!((&sums[0].of, told(&sums[0])), (&theme("provincie"), (Some(600_000), None, 0)));
    assert_eq!((&sums[1].of, sums[1].unspecified, sums[1].not_stated.len()), (&SumOf::NotStated, Some(5), 2));
}

#[test]
fn an_amount_of_an_action_does_not_end_by_itself() {
    let end = || deed(Kind::Amount, "geld", DeedStep::Ended(None)).from("2017-01-01");
    given([import(first())]).when(end()).then_refused("DECISION_REQUIRED");
}

#[test]
fn an_amount_counts_until_it_ended() {
    let bare =
        json!({"id": "los", "what": "Los", "eur": 5, "per": "year", "from": 2016, "through": 2019, "action": "lobby"});
    let ledger = given([import(first().add("amounts", bare.clone()))]);
    let end = || deed(Kind::Amount, "los", DeedStep::Ended(None)).from("2018-01-01");
    ledger.clone().when(end().unexplained()).then_refused("REASON_MISSING");
    let ledger = ledger.when(end()).then(&["AmountEnded"]);
    ledger.clone().when(end()).then_refused("ALREADY_ENDED");
    ledger.clone().when(state(Kind::Amount, bare.patch_eur(6))).then_refused("ALREADY_ENDED");
    let on = |day| money(&ledger, SumBy::Theme, day).sums[0].per_year;
    assert_eq!((on("2017-12-31"), on("2018-01-01")), (Some(600_005), Some(600_000)));
    let years: Vec<_> = sums(&ledger, SumBy::Year).into_iter().map(|sum| sum.of).collect();
    assert_eq!(years, [SumOf::Year(2016), SumOf::Year(2017), SumOf::BeginNotStated, SumOf::NotStated]);
}

trait Patched {
    fn patch_eur(self, eur: u64) -> Self;
}

impl Patched for Value {
    fn patch_eur(mut self, eur: u64) -> Self {
        self["eur"] = eur.into();
        self
    }
}

#[test]
fn an_amount_ends_after_it_begins() {
    let reversed = json!({"id": "los", "what": "Los", "from": 2018, "through": "2017-12"});
    given([import(first())]).when(state(Kind::Amount, reversed)).then_refused("AMOUNT_END_BEFORE_START");
    let whole = json!({"id": "los", "what": "Los", "from": 2018, "through": 2018});
    given([import(first())]).when(state(Kind::Amount, whole)).then(&["AmountRecorded"]);
}

#[test]
fn sums_are_answered_for_a_day_and_as_known_then() {
    let restated = edition_after(first(), "2018-2019", "2018-01-01")
        .patch("amounts", "geld", json!({"eur": 500_000}))
        .change("changed", json!({"action": "website"}));
    let ledger = given([import(first()), import(restated)]);
    let on = |day| money(&ledger, SumBy::Theme, day).sums[0].per_year;
    assert_eq!((on("2017-12-31"), on("2018-01-01")), (Some(600_000), Some(500_000)));
    let left_out = edition_after(first(), "2018-2019", "2018-01-01")
        .patch("actions", "website", json!({"amounts": null}))
        .without("amounts", "geld")
        .change("changed", json!({"action": "website"}));
    let ledger = given([import(first()), import(left_out)]);
    assert_eq!(told(&money(&ledger, SumBy::Theme, "2018-01-01").sums[0]), (None, None, 4));
}

/// The rule of a part of the website's amount, with these partners and parties.
fn rule(partners: &[&str], parties: Vec<Value>, fields: Value) -> Option<UnitRule> {
    let part = json!({"amounts": [{"id": "deel", "what": "Deel", "eur": 50_000, "unit": "gemeente", "part_of": "geld",
        "action": "website"}]});
    let part = part.patch("amounts", "deel", fields)["amounts"][0].clone();
    let document = first().add("amounts", part).patch("actions", "website", json!({"partners": partners}));
    let document = parties.into_iter().fold(document, |document, party| document.add("parties", party));
    let money = money(&given([import(document)]), SumBy::Theme, "2017-01-01");
    money.amounts.into_iter().find(|standing| standing.amount.id == id("deel")).unwrap().rule
}

#[test]
fn a_rule_by_unit_is_verified_or_says_why_it_cannot_be() {
    let group = |name: &str, fields: Value| {
        let base = json!({"parties": [{"id": name, "name": "Groep"}]});
        base.patch("parties", name, fields)["parties"][0].clone()
    };
    let twelve = || vec![group("gemeenten", json!({"count": 12, "members": ["emmen"]}))];
    let units = |units| Units { units, each: 50_000, total: 600_000 };
    assert_eq!(rule(&["gemeenten", "emmen"], twelve(), json!({})), Some(UnitRule::Verified(units(12))));
    let two = vec![group("twee", json!({"members": ["emmen", "coevorden"]}))];
    assert_eq!(rule(&["twee"], two.clone(), json!({})), Some(UnitRule::Differs(units(2))));
    let why = |partners: &[&str], parties, fields| match rule(partners, parties, fields) {
        Some(UnitRule::NotVerifiable(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(&["emmen"], twelve(), json!({})), Unverifiable::NoGroup);
    let both = twelve().into_iter().chain(two).collect();
    assert_eq!(why(&["twee", "gemeenten"], both, json!({})), Unverifiable::SeveralGroups);
    assert_eq!(why(&["gemeenten"], twelve(), json!({"eur": null})), Unverifiable::NoSum);
    assert_eq!(why(&["gemeenten"], twelve(), json!({"part_of": null})), Unverifiable::NoWhole);
    assert_eq!(why(&["gemeenten"], twelve(), json!({"action": null})), Unverifiable::NoAction);
    assert_eq!(rule(&["gemeenten"], twelve(), json!({"unit": null})), None);
}

fn shared(fields: Value) -> Value {
    let base = json!({"agreements": [{"id": "deal", "what": "Deal", "parties": ["provincie", "emmen"],
        "actions": ["website"]}]});
    first().add("agreements", base.patch("agreements", "deal", fields)["agreements"][0].clone())
}

#[test]
fn a_share_without_a_base_keeps_both_readings() {
    let readings = |fields| {
        let rules = money(&given([import(shared(fields))]), SumBy::Theme, "2017-01-01").cofinancing;
        rules.into_iter().map(|rule| rule.readings().to_vec()).collect::<Vec<_>>()
    };
    let both = vec![ShareReading::OfTotal, ShareReading::OnTop];
    assert_eq!(readings(json!({"cofinancing": {"share": 0.5}})), std::slice::from_ref(&both));
    assert_eq!(readings(json!({"kind": "co-financing"})), [both]);
    assert_eq!(readings(json!({"cofinancing": {"share": 0.5, "base": "totale kosten"}})), [vec![]]);
    assert!(readings(json!({})).is_empty());
}

#[test]
fn a_contribution_under_the_agreed_share_is_a_finding() {
    let found = |share: Value, base: Option<&str>, eur: u64| {
        let paid = json!({"id": "emmer-deel", "what": "Bijdrage", "eur": eur, "per": "year", "source": "emmen", "action": "website"});
        let document = shared(json!({"cofinancing": {"share": share, "base": base}})).add("amounts", paid);
        of(document.patch("amounts", "geld", json!({"source": "provincie"})), "COFIN_BELOW")
    };
    assert_eq!(found(json!(0.5), Some("totale kosten"), 599_999), ["deal"]);
    assert!(found(json!("50%"), Some("totale kosten"), 600_000).is_empty());
    // Without a clear base only what is under either reading.
    assert_eq!(found(json!("50 %"), None, 299_999), ["deal"]);
    assert!(found(json!(0.5), None, 300_000).is_empty());
    assert!(found(json!("de helft"), None, 1).is_empty());
    let nothing_recorded = shared(json!({"cofinancing": {"share": 0.5}}));
    assert!(of(nothing_recorded, "COFIN_BELOW").is_empty());
}

/// The amounts that count: of those that hang together by being parts, exactly one whole.
fn counted(wholes: &[(usize, u64)]) -> BTreeSet<usize> {
    let next = |n: usize| Some(wholes[n].0).filter(|whole| *whole < wholes.len() && *whole != n);
    let root = |n: usize| {
        let mut seen = vec![n];
        while let Some(whole) = next(seen[seen.len() - 1]) {
            if let Some(start) = seen.iter().position(|s| *s == whole) {
                return seen[start..].iter().copied().min().unwrap();
            }
            seen.push(whole);
        }
        seen[seen.len() - 1]
    };
    (0..wholes.len()).map(root).collect()
}

#[test]
fn a_whole_and_its_parts_are_counted_once_whatever_the_order() {
    // Each amount names at most one whole, earlier or later in the list; some chains come back to where they started.
    let wholes = (prop::collection::vec((0..12_usize, 1..1000_u64), 1..9), any::<bool>());
    check(&wholes, |(wholes, backwards)| {
        let name = |n: usize| format!("a-{n}");
        let record = |(n, (whole, eur)): (usize, &(usize, u64))| {
            let part_of = (*whole < wholes.len() && *whole != n).then(|| name(*whole));
            json!({"id": name(n), "what": "Iets", "eur": eur, "per": "year", "part_of": part_of, "action": "lobby"})
        };
        let mut amounts: Vec<Value> = wholes.iter().enumerate().map(record).collect();
        if backwards {
            amounts.reverse();
        }
        let document = amounts.into_iter().fold(first(), |document, amount| document.add("amounts", amount));
        let sum = sums(&given([import(document)]), SumBy::Theme).remove(0);
        let counted = counted(&wholes);
        let expected: u64 = counted.iter().map(|n| wholes[*n].1).sum();
        prop_assert_eq!(sum.per_year, Some(600_000 + expected));
        prop_assert_eq!(sum.amounts.len(), counted.len() + 1);
        Ok(())
    });
}

#[test]
fn what_was_recorded_since_counts_too() {
    let amount = json!({"id": "later", "what": "Later", "eur": 5, "per": "year", "action": "lobby"});
    let ledger = given([import(first()), state_from(Some("2019-01-01"), Kind::Amount, amount)]);
    let on = |day| money(&ledger, SumBy::Theme, day).sums[0].per_year;
    assert_eq!((on("2018-12-31"), on("2019-01-01")), (Some(600_000), Some(600_005)));
    assert!(about(&ledger, "SIDES_DIFFER").contains(&"later".to_owned()));
}

#[test]
fn a_part_counts_by_itself_once_its_whole_is_over() {
    let whole = json!({"id": "heel", "what": "Heel", "eur": 2_000, "per": "year", "from": 2016, "through": 2018});
    let part = json!({"id": "deel", "what": "Deel", "eur": 500, "per": "year", "from": 2016, "through": 2018,
        "part_of": "heel"});
    let once = json!({"id": "eens", "what": "Eens", "eur": 7, "per": "once", "from": 2018});
    let document = first().add("amounts", whole).add("amounts", part).add("amounts", once);
    let end = |name| deed(Kind::Amount, name, DeedStep::Ended(None)).from("2017-06-01");
    let ledger = given([import(document), end("heel").into(), end("eens").into()]);
    let years: Vec<_> = sums(&ledger, SumBy::Year).iter().map(|sum| (sum.of.clone(), sum.per_year, sum.once)).collect();
    let of = |year, sum| (SumOf::Year(year), Some(sum), None);
    assert_eq!(years[..3], [of(2016, 2_000), of(2017, 2_000), of(2018, 500)], "and nothing once in 2018");
}

#[test]
fn a_part_of_a_part_counts_with_any_whole_that_is_paid_that_year() {
    let of = |name: &str, eur: u32, from: u16, part_of: Option<&str>| json!({"id": name, "what": name, "eur": eur, "per": "year", "from": from, "through": 2018, "part_of": part_of});
    let document = first()
        .add("amounts", of("heel", 2_000, 2016, None))
        .add("amounts", of("deel", 500, 2018, Some("heel")))
        .add("amounts", of("deeltje", 100, 2016, Some("deel")))
        .add("amounts", json!({"id": "ooit", "what": "Ooit", "eur": 50, "per": "year", "part_of": "heel"}));
    let sums = sums(&given([import(document)]), SumBy::Year);
    let years: Vec<_> =
        sums.iter().filter(|sum| sum.of != SumOf::NotStated).map(|sum| (&sum.of, sum.per_year)).collect();
    let all = [SumOf::Year(2016), SumOf::Year(2017), SumOf::Year(2018), SumOf::BeginNotStated];
    let paid = [2_000, 2_000, 2_000, 600_000].map(Some);
    assert_eq!(years, all.iter().zip(paid).collect::<Vec<_>>());
}

#[test]
fn an_amount_counts_in_a_hundred_years_at_most() {
    let long = json!({"id": "lang", "what": "Lang", "eur": 1, "per": "year", "from": "0001", "through": "9999"});
    let sums = sums(&given([import(first().add("amounts", long))]), SumBy::Year);
    assert_eq!(sums.iter().filter(|sum| matches!(sum.of, SumOf::Year(_))).count(), 100);
}

#[test]
fn an_amount_is_no_part_of_itself() {
    let of = |name: &str, whole: &str| {
        because("Zo is het afgesproken.", state(Kind::Amount, json!({"id": name, "what": "Deel", "part_of": whole})))
    };
    given([import(first())]).when(of("lus", "lus")).then_refused("PART_OF_ITSELF");
    let ledger = given([import(first()), of("deel", "geld"), of("deeltje", "deel")]);
    ledger.when(of("deel", "deeltje")).then_refused("PART_OF_ITSELF");
}

#[test]
fn money_that_its_action_dropped_counts_no_more() {
    let document = first().patch("amounts", "geld", json!({"source": "emmen"}));
    let without = edition_after(document.clone(), "2018-2019", "2018-01-01")
        .patch("actions", "website", json!({"amounts": []}))
        .change("changed", json!({"action": "website"}));
    let ledger = given([import(document), import(without)]);
    let amounts = |day| money(&ledger, SumBy::Theme, day).amounts.len();
    assert_eq!((amounts("2017-06-01"), amounts("2018-06-01")), (1, 0));
    // What the action never named counts with it.
    let loose = state_from(Some("2016-06-01"), Kind::Amount, json!({"id": "los", "what": "Los", "action": "meting"}));
    let ledger = given([import(first()), loose]);
    assert_eq!(money(&ledger, SumBy::Theme, "2017-06-01").amounts.len(), 2);
}
