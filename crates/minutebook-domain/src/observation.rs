//! What can be remarked of an agenda, in words for people: each observation with its stable code.

use crate::dates::Day;
use crate::ids::{Id, Key};
use crate::message::{messages, phrases};
use crate::role::RoleSource;

messages! {
    /// What can be remarked.
    pub enum Observation {
        /// A reading that a person must settle.
        Doubt { doubt: String } = "DOUBT"
            nl "twijfel over de lezing: {doubt}"
            en "doubt about the reading: {doubt}"
        /// When it was decided is not stated.
        DecisionUndated { decision: Id } = "DECISION_UNDATED"
            nl "van besluit `{decision}` is geen datum vermeld"
            en "no date is stated for decision `{decision}`"
        /// The mandate cannot be checked against a date.
        MandateNotVerifiable { decision: Id, mandate: Id } = "MANDATE_NOT_VERIFIABLE"
            nl "of mandaat `{mandate}` gold toen `{decision}` werd genomen is niet na te gaan: de datum ontbreekt"
            en "whether mandate `{mandate}` held when `{decision}` was taken cannot be verified: the date is missing"
        /// The mandate held on some of the days that the date may mean.
        DecisionImprecise { decision: Id, mandate: Id, date: String } = "DECISION_IMPRECISE"
            nl "of mandaat `{mandate}` gold toen `{decision}` werd genomen is niet na te gaan: {date} is te ruim"
            en "whether mandate `{mandate}` held when `{decision}` was taken cannot be verified: {date} is too coarse"
        /// A decision that no mandate covers.
        MandateNotStated { decision: Id, kind: Id, body: String } = "MANDATE_NOT_STATED"
            nl "voor besluit `{decision}` (`{kind}`) gold geen vastgelegd mandaat van {body}"
            en "no recorded mandate of {body} held for decision `{decision}` (`{kind}`)"
        /// A decision of which nothing came.
        DecisionWithoutEffect { decision: Id } = "DECISION_WITHOUT_EFFECT"
            nl "van besluit `{decision}` is niets gekomen: geen vastgestelde stand, geen mandaat"
            en "nothing came of decision `{decision}`: no adopted revision, no mandate"
        /// A mandate that was read from practice.
        MandateInferred { mandate: Id } = "MANDATE_INFERRED"
            nl "mandaat `{mandate}` is afgeleid uit wie wat besloot; de grondslag is niet vermeld"
            en "mandate `{mandate}` was inferred from who decided what; its basis is not stated"
        /// A mandate without a decision.
        MandateAsserted { mandate: Id } = "MANDATE_ASSERTED"
            nl "mandaat `{mandate}` is gesteld, zonder besluit"
            en "mandate `{mandate}` was asserted, without a decision"
        /// A change whose ground is an advice.
        RestsOnAdvice { decision: Id, body: String } = "RESTS_ON_ADVICE"
            nl "rust op een advies (`{decision}` van {body}); vastgesteld is het door de editie"
            en "rests on an advice (`{decision}` of {body}); the edition adopted it"
        /// It holds from before it was decided.
        EffectBeforeDecision { what: Key, effective: String, decided: String } = "EFFECT_BEFORE_DECISION"
            nl "{what:#} geldt vanaf {effective}, vóór het besluit van {decided}"
            en "{what} holds from {effective}, before the decision of {decided}"
        /// It ended before that was decided.
        EndBeforeDecision { what: Key, by: Id, end: Day, decided: String } = "END_BEFORE_DECISION"
            nl "{what:#} geldt niet meer vanaf {end}, vóór besluit `{by}` van {decided}"
            en "{what} holds no more from {end}, before decision `{by}` of {decided}"
        /// An edition whose decision holds no more.
        AdoptionEnded { edition: Id, decision: Id, since: Day } = "ADOPTION_ENDED"
            nl "editie `{edition}` rust op besluit `{decision}`, dat vanaf {since} niet meer geldt; stel een volgende vast"
            en "edition `{edition}` rests on decision `{decision}`, which holds no more from {since}; adopt a next one"
        /// A mandate whose decision holds no more.
        MandateGroundEnded { mandate: Id, decision: Id, since: Day } = "MANDATE_GROUND_ENDED"
            nl "mandaat `{mandate}` rust op besluit `{decision}`, dat vanaf {since} niet meer geldt; trek het in of verleen het opnieuw"
            en "mandate `{mandate}` rests on decision `{decision}`, which holds no more from {since}; withdraw it, or grant it again"
        /// One decision adopted two revisions.
        DecisionReused { decision: Id, revision: String } = "DECISION_REUSED"
            nl "besluit `{decision}` stelde ook `{revision}` vast; elke stand vraagt een eigen besluit"
            en "decision `{decision}` adopted `{revision}` as well; each revision needs a decision of its own"
        /// The edition's date is imprecise.
        EffectiveImprecise { edition: Id, effective: String } = "EFFECTIVE_IMPRECISE"
            nl "van welke dag editie `{edition}` geldt is niet vermeld, alleen {effective}"
            en "from which day edition `{edition}` holds is not stated, only {effective}"
        /// The term of the edition has passed.
        HorizonPassed { edition: Id, horizon: String } = "HORIZON_PASSED"
            nl "looptijd verstreken: editie `{edition}` was voor {horizon}; zij geldt tot een volgende"
            en "term has passed: edition `{edition}` was for {horizon}; it holds until a next one"
        /// Two sides of a statement disagree.
        SidesDiffer { one: Key, other: Key } = "SIDES_DIFFER"
            nl "{one} noemt {other}, maar andersom staat het er niet"
            en "{one} names {other}, but not the other way round"
        /// A motion without an action.
        MotionUnlinked { motion: Id } = "MOTION_UNLINKED"
            nl "motie `{motion}` is aan geen actie gekoppeld"
            en "motion `{motion}` is linked to no action"
        /// A reference to what has left the agenda.
        LeftReference { field: &'static str, id: Id } = "LEFT_REFERENCE"
            nl "`{field}` verwijst naar actie `{id}`, die van de agenda af is"
            en "`{field}` refers to action `{id}`, which has left the agenda"
        /// It names a party or amount that ended, and whose place none took.
        EndedReference { other: Key, since: Day } = "ENDED_REFERENCE"
            nl "noemt {other:#}, geëindigd per {since} en zonder opvolger"
            en "names {other}, which ended on {since} without a successor"
        /// Two statements of a role disagree.
        RolesContradict { item: Id, one: RoleSource, stated: String, two: RoleSource, other: String } = "ROLES_CONTRADICT"
            nl "rol bij `{item}`: {one:#} zegt {stated}, {two:#} zegt {other}"
            en "role for `{item}`: {one} says {stated}, {two} says {other}"
        /// A role that nobody decided on.
        RoleWithoutDecision { role: Id, item: Key } = "ROLE_WITHOUT_DECISION"
            nl "de rol `{role}` bij {item:#} is gesteld, zonder besluit"
            en "the role `{role}` in {item} is stated, without a decision"
        /// A per-unit amount does not add up.
        UnitRule { amount: Id, units: u32, each: u64, total: u64 } = "MONEY_RULE"
            nl "{units} × € {each} (`{amount}`) is niet € {total}"
            en "{units} × € {each} (`{amount}`) is not € {total}"
        /// A share of what?
        CofinancingBase { agreement: Id } = "COFIN_AMBIGUOUS"
            nl "cofinanciering `{agreement}`: van welk bedrag het aandeel is, is niet vermeld"
            en "co-financing `{agreement}`: what the share is a share of is not stated"
        /// Less than was agreed.
        CofinancingBelow { agreement: Id, paid: u64, of: u64, share: String } = "COFIN_BELOW"
            nl "cofinanciering `{agreement}`: partners dragen € {paid} bij op € {of}, minder dan het afgesproken aandeel {share}"
            en "co-financing `{agreement}`: partners contribute € {paid} to € {of}, less than the agreed share {share}"
        /// A term that ends before it starts.
        PeriodReversed { field: &'static str, from: String, to: String } = "PERIOD_REVERSED"
            nl "`{field}` eindigt ({to}) voordat het begint ({from})"
            en "`{field}` ends ({to}) before it starts ({from})"
        /// An amount that is its own part.
        PartOfItself { amount: Id } = "PART_OF_ITSELF"
            nl "bedrag `{amount}` is volgens `part_of` een deel van zichzelf"
            en "by `part_of`, amount `{amount}` is a part of itself"
        /// A policy item and its sub-task stand under different themes.
        SubtaskElsewhere { subtask: Id, theme: Id, other: Id } = "SUBTASK_ELSEWHERE"
            nl "staat onder thema `{theme}`, maar zijn deelopgave `{subtask}` onder `{other}`"
            en "stands under theme `{theme}`, but its sub-task `{subtask}` under `{other}`"
        /// A split or merge that no event tells of.
        LineageNotRecorded { field: &'static str, from: Id } = "LINEAGE_NOT_RECORDED"
            nl "`{field}` noemt `{from}`, maar geen splitsing of samenvoeging zegt dat"
            en "`{field}` names `{from}`, but no split or merge says so"
        /// An action runs beyond its framework, or beyond its money.
        TargetEnded { to: String, what: Bound, end: String } = "TARGET_ENDED"
            nl "de looptijd (t/m {to}) gaat voorbij {what:#} (t/m {end})"
            en "its term (to {to}) goes beyond {what} (to {end})"
        /// An id that came back as new.
        LineageLost { item: Id, other: Id } = "LINEAGE_LOST"
            nl "`{item}` kwam als nieuw, maar lijkt op `{other}`, dat eerder van de agenda ging; is `reinstated` bedoeld?"
            en "`{item}` came as new, but looks like `{other}`, which had left the agenda; was `reinstated` meant?"
        /// What was promised of an action that is gone.
        EvaluationPromised { milestone: Id, action: Id } = "EVALUATION_PROMISED"
            nl "mijlpaal `{milestone}` hoort bij `{action}`, die van de agenda af is"
            en "milestone `{milestone}` belongs to `{action}`, which has left the agenda"
        /// How much is not stated.
        NotStated { what: &'static str, count: usize, of: usize, ids: String } = "NOT_STATED"
            nl "niet vermeld: `{what}` bij {count} van {of} ({ids})"
            en "not stated: `{what}` for {count} of {of} ({ids})"
    }
}

phrases! {
    /// What an action may run beyond.
    pub enum Bound {
        /// The frameworks of its agenda.
        Framework nl "het kader" en "the framework"
        /// The sums that it names.
        Money nl "zijn geld" en "its money"
    }
}
