//! Acts drawn from a small world, so that what they name is often there, and often not.

use minutebook_domain::ids::Kind;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

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
const ACTIONS: &[Word] = &["meting", "website", "lobby", "pilot", "nieuw", "deel-a", "deel-b", "samen"];
const DECISIONS: &[Word] = &["d-2016", "d-1", "d-2", "d-3", "d-4", "d-5"];
const MANDATES: &[Word] = &["m-gs", "m-ps", "m-advies", "m-1", "m-2", "m-3"];
const KINDS: &[Word] = &["adopt-agenda", "adopt-framework", "advise", "grant-mandate"];
const AGREEMENTS: &[Word] = &["oud", "a-1", "a-2"];
const ASSIGNMENTS: &[Word] = &["r-1", "r-2", "r-3", "r-4"];
const CHANGES: &[Word] = &["change-01", "change-02", "change-03", "change-04", "change-05", "change-06"];
const EDITIONS: &[Word] = &["2018-2019", "2020-2021", "2016-2017"];

/// A word of the world, or now and then one that nobody knows.
fn word(words: &'static [Word]) -> impl Strategy<Value = Word> + Clone {
    prop_oneof![24 => select(words), 1 => Just("onbekend")]
}

fn day() -> impl Strategy<Value = Word> + Clone {
    select(DATES)
}

fn maybe<T: std::fmt::Debug + Clone>(some: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = Option<T>> + Clone {
    prop::option::weighted(0.5, some)
}

fn rarely<T: std::fmt::Debug + Clone>(some: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = Option<T>> + Clone {
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

fn registers() -> impl Strategy<Value = What> {
    let name = || prop_oneof![8 => select(&["Eerste naam", "Tweede naam"][..]), 1 => Just("jan@voorbeeld.nl")];
    let kinds = prop_oneof![
        word(PARTIES).prop_map(|id| (Kind::Party, id)),
        Just("commissie").prop_map(|id| (Kind::Body, id)),
    ];
    let register = (kinds, name(), maybe(day()));
    let register = register.prop_map(|((kind, id), name, from)| What::Register { kind, id, name, from });
    let seat = (select(&["s-1", "s-2"][..]), word(BODIES), maybe(word(PARTIES)), maybe(day()), rarely(day()));
    let seat = seat.prop_map(|(id, body, party, since, until)| What::Seat { id, body, party, since, until });
    prop_oneof![2 => register, 3 => seat]
}

fn decisions() -> impl Strategy<Value = What> {
    let decide = (word(DECISIONS), word(BODIES), select(KINDS), prop::option::weighted(0.9, day()), rarely(day()), any::<bool>());
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
    prop_oneof![4 => decide, 2 => grant]
}

fn roles() -> impl Strategy<Value = What> {
    // Each keeps to one kind of item: which it is in when it moves from one kind to another is another matter.
    let item = prop_oneof![
        3 => (word(&["r-1", "r-2", "r-3"]), select(&["kwaliteit", "pilots"][..]).prop_map(|id| (Kind::PolicyItem, id))),
        1 => (Just("r-4"), word(ACTIONS).prop_map(|id| (Kind::Action, id))),
    ];
    let word_of = word(&["stimuleren", "regisseren"]);
    let all = (item, word_of, maybe(word(PARTIES)), (maybe(day()), rarely(day())), rarely(word(DECISIONS)), mostly());
    all.prop_map(|((id, item), role, holder, term, by, why)| What::Assign { id, item, role, holder, term, by, why })
}

fn areas() -> impl Strategy<Value = What> {
    let parties = prop_oneof![6 => subsequence(PARTIES, 1..4), 1 => Just(vec!["emmen", "onbekend"])];
    let agree = (word(AGREEMENTS), prop::bool::weighted(0.3), parties, rarely(day()), maybe(day()));
    let agree =
        agree.prop_map(|(id, stated, parties, begins, from)| What::Agree { id, stated, parties, begins, from });
    let pay = (select(&["los", "geld", "extra"][..]), 1..4_u32, maybe(day())).prop_map(|(id, eur, from)| What::Pay { id, eur, from });
    let promise = (select(&["oplevering", "evaluatie"][..]), day(), maybe(day()));
    let promise = promise.prop_map(|(id, due, from)| What::Promise { id, due, from });
    let link = (word(&["armoede", "sport"]), word(ACTIONS), prop::bool::weighted(0.4), mostly());
    let link = link.prop_map(|(motion, action, remove, why)| What::Link { motion, action, remove, why });
    prop_oneof![3 => agree, 2 => pay, 2 => promise, 4 => link]
}

fn deeds() -> impl Strategy<Value = What> {
    let of = |kind, words| word(words).prop_map(move |id| (kind, id)).boxed();
    let parties = || word(PARTIES);
    let end = || Just(Doing::End(None)).boxed();
    let signed = (parties(), rarely(word(&["s-1", "s-2"]))).prop_map(|(party, seat)| Doing::Sign(party, seat));
    let promised = prop_oneof![
        evidence().prop_map(Doing::Meet),
        Just(Doing::Miss),
        day().prop_map(Doing::Move),
    ];
    let agreed = prop_oneof![
        2 => select(&["Anders", "Weer anders"][..]).prop_map(Doing::Reword),
        1 => parties().prop_map(Doing::Reparty),
        2 => end(),
    ];
    let any_deed = prop_oneof![evidence().prop_map(Doing::Settle), end(), Just(Doing::Supersede { part: false })];
    let any_record = prop_oneof![of(Kind::Party, PARTIES), of(Kind::Motion, &["armoede"]), of(Kind::Mandate, MANDATES), of(Kind::Agreement, AGREEMENTS)];
    let fitting = prop_oneof![
        6 => (of(Kind::Decision, DECISIONS), prop_oneof![
            3 => any::<bool>().prop_map(|part| Doing::Supersede { part }), 1 => end()]),
        2 => (of(Kind::Mandate, MANDATES), end()),
        1 => (of(Kind::Party, PARTIES), prop_oneof![rarely(parties()).prop_map(Doing::End), parties().prop_map(Doing::Merge)]),
        1 => (of(Kind::Body, BODIES), rarely(word(BODIES)).prop_map(Doing::End)),
        1 => (of(Kind::Membership, &["s-1", "s-2"]), end()),
        2 => (of(Kind::Assignment, ASSIGNMENTS), end()),
        1 => (of(Kind::Amount, &["los", "geld", "extra"]), end()),
        8 => (of(Kind::Agreement, AGREEMENTS), signed),
        3 => (of(Kind::Agreement, AGREEMENTS), agreed),
        2 => (of(Kind::Motion, &["armoede", "sport"]), evidence().prop_map(Doing::Settle)),
        4 => (of(Kind::Milestone, &["oplevering", "evaluatie"]), promised),
        1 => (any_record, any_deed),
    ];
    (fitting, maybe(word(DECISIONS)), maybe(day()), mostly()).prop_map(|(((kind, id), deed), by, from, why)| {
        What::Do { kind, id, deed, by, from, why }
    })
}

fn proposals() -> impl Strategy<Value = Proposal> {
    let action = || word(ACTIONS);
    let fresh = || select(&["nieuw", "deel-a", "deel-b", "samen"][..]);
    prop_oneof![
        4 => (action(), select(&["Titel een", "Titel twee"][..])).prop_map(|(id, title)| Proposal::Retitle(id, title)),
        2 => (select(&["geld", "los"][..]), 1..4_u32).prop_map(|(id, eur)| Proposal::Repay(id, eur)),
        3 => (action(), mostly()).prop_map(|(id, said)| Proposal::Drop(id, said)),
        2 => action().prop_map(Proposal::Suspend),
        3 => action().prop_map(Proposal::Reinstate),
        2 => fresh().prop_map(Proposal::Add),
        2 => (action(), prop_oneof![4 => Just(vec!["deel-a", "deel-b"]), 1 => Just(vec!["deel-a"])])
            .prop_map(|(from, into)| Proposal::Split(from, into)),
        2 => (subsequence(ACTIONS, 1..3), fresh()).prop_map(|(from, into)| Proposal::Merge(from, into)),
    ]
}

fn reviews() -> impl Strategy<Value = What> {
    let effective = select(&["2016-01-01", "2017", "2018-01-01", "2018-07-01", "2020-01-01"][..]);
    let edition = prop_oneof![9 => select(EDITIONS), 1 => Just("binnenkort")];
    let open = (edition, effective).prop_map(|(edition, effective)| What::Open { edition, effective });
    let asked = prop_oneof![
        8 => (proposals(), rarely(word(DECISIONS))).prop_map(|(proposal, ground)| Step::Propose(proposal, ground)),
        1 => word(CHANGES).prop_map(Step::Withdraw),
        3 => word(CHANGES).prop_map(Step::Select),
        2 => Just(Step::KeepRest),
        4 => word(DECISIONS).prop_map(Step::Adopt),
    ];
    let asked = prop_oneof![60 => asked, 1 => Just(Step::Abandon)];
    let step = (maybe(select(EDITIONS)), asked, mostly()).prop_map(|(edition, step, why)| What::Review { edition, step, why });
    prop_oneof![1 => open, 5 => step]
}

fn act() -> impl Strategy<Value = Act> {
    let what = prop_oneof![
        1 => registers(),
        4 => decisions(),
        3 => roles(),
        4 => areas(),
        6 => deeds(),
        8 => reviews(),
    ];
    let actor = prop_oneof![60 => select(ACTORS), 1 => select(STRANGERS)];
    (actor, what).prop_map(|(actor, what)| Act { actor, what })
}

/// A sequence of turns. Those that are left out do not happen, so that a failure comes down to few of them.
pub(crate) fn turns() -> impl Strategy<Value = Turns> {
    let turn = (prop::collection::vec(act(), 6), prop::bool::weighted(0.5));
    let turn = turn.prop_map(|(choices, keen)| Turn { choices, keen });
    prop::collection::vec(prop::option::weighted(0.98, turn), 20..60).prop_map(Turns).boxed()
}

/// A sequence of turns. What they come to is told by the test.
#[derive(Clone)]
pub(crate) struct Turns(pub(crate) Vec<Option<Turn>>);

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} turns", self.0.iter().flatten().count())
    }
}
