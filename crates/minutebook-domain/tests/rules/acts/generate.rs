//! Acts drawn from a small world, so that what they name is often there, and often not.

use minutebook_domain::ids::Kind;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::Union;

use crate::acts::act::{Act, Doing, Proposal, Step, What, Word};

/// What may be asked next: the first of these that is allowed, or the first of all.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) choices: Vec<Act>,
    pub(crate) keen: bool,
}

const ACTORS: &[(Word, Word)] = &[
    ("gs", "secretaris"),
    ("ps", "griffier"),
    ("stuurgroep", "voorzitter"),
    ("emmen", "wethouder"),
    ("gs", "gedeputeerde"),
];
const STRANGERS: &[(Word, Word)] = &[("niemand", "secretaris"), ("gs", "jan@voorbeeld.nl")];
const DATES: &[Word] = &["2016-05-01", "2017", "2018-01-01", "2018-07-01", "2019-05-01", "2020-03-01", "2021-01-01"];
const BODIES: &[Word] = &["gs", "ps", "stuurgroep", "commissie", "emmen"];
const PARTIES: &[Word] = &["provincie", "emmen", "coevorden", "assen"];
const ACTIONS: &[Word] = &["website", "meting", "lobby", "pilot", "nieuw", "deel-a", "deel-b", "samen"];
const DECISIONS: &[Word] = &["d-2016", "d-1", "d-2", "d-3", "d-4", "d-5"];
const MANDATES: &[Word] = &["m-gs", "m-ps", "m-advies", "m-1", "m-2", "m-3"];
const KINDS: &[Word] = &["adopt-agenda", "adopt-framework", "advise", "grant-mandate"];
const AGREEMENTS: &[Word] = &["oud", "a-1", "a-2"];
const ASSIGNMENTS: &[Word] = &["r-1", "r-2", "r-3", "r-4"];
const AMOUNTS: &[Word] = &["los", "geld", "extra"];
const MOTIONS: &[Word] = &["armoede", "sport"];
const PROMISES: &[Word] = &["oplevering", "evaluatie"];
const SEATS: &[Word] = &["s-1", "s-2"];
const CHANGES: &[Word] = &["change-01", "change-02", "change-03", "change-04", "change-05", "change-06"];
const EDITIONS: &[Word] = &["2018-2019", "2020-2021", "2016-2017"];

/// A word of the world, or now and then one that nobody knows.
fn word(words: &'static [Word]) -> impl Strategy<Value = Word> + Clone {
    prop_oneof![24 => select(words), 1 => Just("onbekend")]
}

fn day() -> impl Strategy<Value = Word> + Clone {
    select(DATES)
}

fn maybe<T: std::fmt::Debug + Clone>(
    some: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Option<T>> + Clone {
    prop::option::weighted(0.5, some)
}

fn rarely<T: std::fmt::Debug + Clone>(
    some: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Option<T>> + Clone {
    prop::option::weighted(0.2, some)
}

fn mostly() -> impl Strategy<Value = bool> + Clone {
    prop::bool::weighted(0.85)
}

/// A record that may show that something was done.
fn evidence() -> impl Strategy<Value = Vec<(Kind, Word)>> + Clone {
    let one = prop_oneof![
        3 => word(DECISIONS).prop_map(|id| (Kind::Decision, id)),
        2 => word(ACTIONS).prop_map(|id| (Kind::Action, id)),
        1 => Just((Kind::Motion, "armoede")),
    ];
    prop::collection::vec(one, 0..3)
}

/// The acts of one sort, and how often they are asked.
type Sort = (u32, BoxedStrategy<What>);

/// Everything that may be asked.
fn sorts() -> Vec<Sort> {
    [registers(), decisions(), roles(), areas(), deeds(), reviews()].concat()
}

fn registers() -> Vec<Sort> {
    let name = prop_oneof![8 => select(&["Eerste naam", "Tweede naam"][..]), 1 => Just("jan@voorbeeld.nl")];
    let kinds = prop_oneof![
        word(PARTIES).prop_map(|id| (Kind::Party, id)),
        select(&["commissie", "stuurgroep"][..]).prop_map(|id| (Kind::Body, id)),
    ];
    let register = (kinds, name, maybe(day()));
    let register = register.prop_map(|((kind, id), name, from)| What::Register { kind, id, name, from });
    let seat = (word(SEATS), word(BODIES), maybe(word(PARTIES)), maybe(day()), rarely(day()));
    let seat = seat.prop_map(|(id, body, party, since, until)| What::Seat { id, body, party, since, until });
    vec![(1, register.boxed()), (1, seat.boxed())]
}

fn decisions() -> Vec<Sort> {
    let date = prop::option::weighted(0.9, day());
    let decide = (word(DECISIONS), word(BODIES), select(KINDS), date, rarely(day()), any::<bool>());
    let decide = decide.prop_map(|(id, body, kind, date, effective, grounds)| What::Decide {
        id,
        body,
        kind,
        date,
        effective,
        grounds,
    });
    let grant = (word(MANDATES), word(BODIES), select(KINDS), maybe(word(DECISIONS)), maybe(day()), rarely(day()));
    let grant = grant.prop_map(|(id, body, may, by, since, until)| What::Grant { id, body, may, by, since, until });
    vec![(6, decide.boxed()), (3, grant.boxed())]
}

fn roles() -> Vec<Sort> {
    let item = prop_oneof![
        3 => select(&["kwaliteit", "pilots"][..]).prop_map(|id| (Kind::PolicyItem, id)),
        1 => word(ACTIONS).prop_map(|id| (Kind::Action, id)),
    ];
    let item = (word(ASSIGNMENTS), item);
    let (word_of, term) = (word(&["stimuleren", "regisseren"]), (maybe(day()), rarely(day())));
    let all = (item, word_of, maybe(word(PARTIES)), term, rarely(word(DECISIONS)), mostly());
    let all = all.prop_map(|((id, item), role, holder, term, by, why)| What::Assign {
        id,
        item,
        role,
        holder,
        term,
        by,
        why,
    });
    vec![(3, all.boxed())]
}

fn areas() -> Vec<Sort> {
    let parties = prop_oneof![6 => subsequence(PARTIES, 1..4), 1 => Just(vec!["emmen", "onbekend"])];
    let agree = (word(AGREEMENTS), prop::bool::weighted(0.3), parties, rarely(day()), maybe(day()));
    let agree = agree.prop_map(|(id, stated, parties, begins, from)| What::Agree { id, stated, parties, begins, from });
    let pay = (word(AMOUNTS), 1..4_u32, maybe(day()), any::<bool>());
    let pay = pay.prop_map(|(id, eur, from, why)| What::Pay { id, eur, from, why });
    let promise = (word(PROMISES), day(), maybe(day()));
    let promise = promise.prop_map(|(id, due, from)| What::Promise { id, due, from });
    let link = (word(MOTIONS), word(ACTIONS), prop::bool::weighted(0.4), maybe(day()), mostly());
    let link = link.prop_map(|(motion, action, remove, from, why)| What::Link { motion, action, remove, from, why });
    vec![(2, agree.boxed()), (1, pay.boxed()), (1, promise.boxed()), (2, link.boxed())]
}

fn deeds() -> Vec<Sort> {
    let of = |kind, words| word(words).prop_map(move |id| (kind, id)).boxed();
    let end = || Just(Doing::End(None));
    let superseded = prop_oneof![3 => any::<bool>().prop_map(|part| Doing::Supersede { part }), 1 => end()];
    let merged = prop_oneof![rarely(word(PARTIES)).prop_map(Doing::End), word(PARTIES).prop_map(Doing::Merge)];
    let dissolved = rarely(word(BODIES)).prop_map(Doing::End);
    let signed = (word(PARTIES), rarely(word(SEATS))).prop_map(|(party, seat)| Doing::Sign(party, seat));
    let agreed = prop_oneof![
        2 => select(&["Anders", "Weer anders"][..]).prop_map(Doing::Reword),
        1 => word(PARTIES).prop_map(Doing::Reparty),
        1 => end(),
    ];
    let promised = prop_oneof![
        1 => evidence().prop_map(Doing::Meet),
        1 => Just(Doing::Miss),
        2 => day().prop_map(Doing::Move),
    ];
    let any_record = prop_oneof![
        of(Kind::Party, PARTIES),
        of(Kind::Motion, MOTIONS),
        of(Kind::Mandate, MANDATES),
        of(Kind::Agreement, AGREEMENTS),
        of(Kind::Milestone, PROMISES),
    ];
    let any_deed = prop_oneof![evidence().prop_map(Doing::Settle), Just(Doing::Supersede { part: false })];
    let sort = |weight, records: BoxedStrategy<(Kind, Word)>, deed: BoxedStrategy<Doing>| {
        let asked = ((records, deed), maybe(word(DECISIONS)), maybe(day()), mostly());
        let asked = asked.prop_map(|(((kind, id), deed), by, from, why)| What::Do { kind, id, deed, by, from, why });
        (weight, asked.boxed())
    };
    vec![
        sort(4, of(Kind::Decision, DECISIONS), superseded.boxed()),
        sort(1, of(Kind::Mandate, MANDATES), end().boxed()),
        sort(2, of(Kind::Party, PARTIES), merged.boxed()),
        sort(1, of(Kind::Body, BODIES), dissolved.boxed()),
        sort(1, of(Kind::Membership, SEATS), end().boxed()),
        sort(1, of(Kind::Assignment, ASSIGNMENTS), end().boxed()),
        sort(1, of(Kind::Amount, AMOUNTS), end().boxed()),
        sort(5, of(Kind::Agreement, AGREEMENTS), signed.boxed()),
        sort(2, of(Kind::Agreement, AGREEMENTS), agreed.boxed()),
        sort(1, of(Kind::Motion, MOTIONS), evidence().prop_map(Doing::Settle).boxed()),
        sort(2, of(Kind::Milestone, PROMISES), promised.boxed()),
        sort(1, any_record.boxed(), any_deed.boxed()),
    ]
}

fn proposals() -> impl Strategy<Value = Proposal> {
    let action = || word(ACTIONS);
    let fresh = || select(&["nieuw", "deel-a", "deel-b", "samen"][..]);
    prop_oneof![
        5 => (action(), select(&["Titel een", "Titel twee"][..])).prop_map(|(id, title)| Proposal::Retitle(id, title)),
        2 => (word(AMOUNTS), 1..4_u32).prop_map(|(id, eur)| Proposal::Repay(id, eur)),
        3 => (action(), mostly()).prop_map(|(id, said)| Proposal::Drop(id, said)),
        2 => action().prop_map(Proposal::Suspend),
        1 => action().prop_map(Proposal::Reinstate),
        3 => select(&["website", "lobby"][..]).prop_map(Proposal::Reinstate),
        2 => fresh().prop_map(Proposal::Add),
        3 => (select(&ACTIONS[..4]), prop_oneof![4 => Just(vec!["deel-a", "deel-b"]), 1 => Just(vec!["deel-a"])])
            .prop_map(|(from, into)| Proposal::Split(from, into)),
        1 => (subsequence(&ACTIONS[..4], 1..4), fresh()).prop_map(|(from, into)| Proposal::Merge(from, into)),
        2 => (Just(vec!["meting", "pilot"]), fresh()).prop_map(|(from, into)| Proposal::Merge(from, into)),
    ]
}

fn reviews() -> Vec<Sort> {
    let effective = prop_oneof![
        1 => select(&["2016-01-01", "2017", "2018-01-01", "2018-07-01"][..]),
        1 => Just("2020-01-01"),
    ];
    let edition = prop_oneof![9 => select(EDITIONS), 1 => Just("binnenkort")];
    let open = (edition, effective.clone()).prop_map(|(edition, effective)| What::Open { edition, effective });
    let step = |weight, step: BoxedStrategy<Step>| {
        let asked = (rarely(select(EDITIONS)), step, mostly());
        (weight, asked.prop_map(|(edition, step, why)| What::Review { edition, step, why }).boxed())
    };
    let propose = (proposals(), rarely(word(DECISIONS))).prop_map(|(asked, ground)| Step::Propose(asked, ground));
    let judge = prop_oneof![1 => word(CHANGES).prop_map(Step::Withdraw), 3 => word(CHANGES).prop_map(Step::Select)];
    let by = prop_oneof![2 => select(&["d-1", "d-2016", "d-5"][..]), 1 => word(DECISIONS)];
    let adopt = (rarely(select(EDITIONS)), by, rarely(effective), any::<bool>())
        .prop_map(|(edition, by, from, why)| What::Review { edition, step: Step::Adopt(by, from), why });
    vec![
        (4, open.boxed()),
        step(18, propose.boxed()),
        step(5, judge.boxed()),
        (10, adopt.boxed()),
        step(4, prop_oneof![1 => Just(Step::Abandon), 9 => Just(Step::KeepRest)].boxed()),
    ]
}

/// What is often asked first, so that much else may be asked after it.
fn begun() -> Vec<What> {
    let decide =
        |id, body, kind, date| What::Decide { id, body, kind, date: Some(date), effective: None, grounds: false };
    let grant = |id, body, may, by| What::Grant { id, body, may, by, since: None, until: None };
    let agree = |id, parties| What::Agree { id, stated: false, parties, begins: None, from: Some("2018-01-01") };
    let review = |step| What::Review { edition: None, step, why: true };
    vec![
        grant("m-1", "ps", "grant-mandate", None),
        decide("d-1", "gs", "adopt-agenda", "2017"),
        What::Open { edition: "2018-2019", effective: "2018-01-01" },
        review(Step::Propose(Proposal::Suspend("lobby"), None)),
        review(Step::Propose(Proposal::Drop("website", true), None)),
        review(Step::KeepRest),
        review(Step::Adopt("d-1", None)),
        decide("d-2", "ps", "grant-mandate", "2018-01-01"),
        decide("d-3", "stuurgroep", "advise", "2018-07-01"),
        grant("m-2", "ps", "adopt-agenda", Some("d-2")),
        agree("a-1", vec!["emmen", "provincie"]),
        What::Open { edition: "2020-2021", effective: "2020-01-01" },
        decide("d-5", "gs", "adopt-agenda", "2020-03-01"),
    ]
}

fn acts(what: impl Strategy<Value = What> + 'static, count: usize) -> BoxedStrategy<Vec<Act>> {
    let actor = prop_oneof![60 => select(ACTORS), 1 => select(STRANGERS)];
    let act = (actor, what).prop_map(|(actor, what)| Act { actor, what });
    prop::collection::vec(act, count).boxed()
}

/// A sequence of turns. Those that are left out do not happen, so that a failure comes down to few of them.
pub(crate) fn turns() -> impl Strategy<Value = Turns> {
    let begin =
        |what| prop::option::weighted(0.9, acts(Just(what), 1).prop_map(|choices| Turn { choices, keen: false }));
    // What of one sort is not allowed makes way for what of any other is.
    let one = Union::new_weighted(sorts().into_iter().map(|(weight, what)| (weight, acts(what, 5))).collect());
    let any = acts(Union::new_weighted(sorts()), 2);
    let turn =
        (one, any, prop::bool::weighted(0.75)).prop_map(|(one, any, keen)| Turn { choices: [one, any].concat(), keen });
    let turns = prop::collection::vec(prop::option::weighted(0.98, turn), 10..46);
    (begun().into_iter().map(begin).collect::<Vec<_>>(), turns)
        .prop_map(|(begun, on)| Turns([begun, on].concat()))
        .boxed()
}

/// A sequence of turns. What they come to is told by the test.
#[derive(Clone)]
pub(crate) struct Turns(pub(crate) Vec<Option<Turn>>);

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} turns", self.0.iter().flatten().count())
    }
}
