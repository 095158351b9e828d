//! Why the book refuses, with the stable code and the words for people. A refusal says what to do, and who may.

use std::cmp::Ordering;
use std::fmt;

use crate::dates::{Day, Edtf};
use crate::event::ControlTotal;
use crate::history::Unreadable;
use crate::ids::{Id, Key, Kind, Position};
use crate::message::{Lang, messages, phrases};
use crate::value::{ChangeKind, Fault, Nearest, Value};

messages! {
    /// Why the book refuses.
    pub enum Refusal {
        /// The ledger has begun already.
        AlreadyFounded { name: String } = "ALREADY_FOUNDED"
            nl "dit grootboek bestaat al: `{name}`; kies een andere map"
            en "this ledger has been founded already: `{name}`; choose another directory"
        /// The key is not the one that signs, or not any more.
        KeyReplaced { key: String } = "KEY_REPLACED"
            nl "`{key}` ondertekent dit grootboek niet of niet meer; probeer het opnieuw met de sleutel van nu"
            en "`{key}` does not sign this ledger, or does not any more; try again with the key of now"
        /// Nothing can be recorded before the founding.
        NotFounded {} = "NOT_FOUNDED"
            nl "dit grootboek is nog niet begonnen; doe eerst `minutebook init`"
            en "this ledger has not been founded; run `minutebook init` first"
        /// The time zone is not known.
        ZoneUnknown { zone: String } = "ZONE_UNKNOWN"
            nl "`{zone}` is geen tijdzone; gebruik een IANA-naam zoals Europe/Amsterdam"
            en "`{zone}` is not a time zone; use an IANA name such as Europe/Amsterdam"
        /// The body may not take this kind of decision on that date.
        NoMandate { body: String, on: Box<On>, kind: Id, who: Box<Holders> } = "NO_MANDATE"
            nl "{body} had {on:#} geen bevoegdheid voor `{kind}`; {who:#}"
            en "{body} had no mandate for `{kind}` {on}; {who}"
        /// The agenda changes only by a decision that adopts it.
        DecisionRequired { item: Key } = "DECISION_REQUIRED"
            nl "{item:#} kan alleen met een gedateerd besluit van de soort `adopt-agenda` wijzigen; stel het voor in een herijking, of leg het met dat besluit vast als laat bekend geworden feit"
            en "{item} changes only by a dated decision of kind `adopt-agenda`; propose it in a review, or record it as a late fact with that decision"
        /// A decision taken with the book must be complete.
        DecisionIncomplete { decision: Id, missing: String } = "DECISION_INCOMPLETE"
            nl "vul bij besluit `{decision}` nog in: {missing}"
            en "decision `{decision}` is incomplete; fill in: {missing}"
        /// A decision of the future decides nothing yet.
        DecisionNotTaken { decision: Id, date: String } = "DECISION_NOT_TAKEN"
            nl "besluit `{decision}` is van {date} en dus nog niet genomen; leg dit vast als het genomen is"
            en "decision `{decision}` is of {date} and has not been taken yet; record this once it has"
        /// More than the mandate of the ground covers.
        MandateCeiling { amount: Id, eur: u64, mandate: Id, ceiling: u64 } = "MANDATE_CEILING"
            nl "bedrag `{amount}` (€ {eur}) gaat boven mandaat `{mandate}` (€ {ceiling}); noem een besluit onder een ruimer mandaat"
            en "amount `{amount}` (€{eur}) exceeds mandate `{mandate}` (€{ceiling}); name a decision under a wider mandate"
        /// It would hold before it was decided.
        EffectBeforeAllowed { effective: String, decided: String } = "EFFECT_BEFORE_ALLOWED"
            nl "de ingangsdatum {effective} ligt vóór de besluitdatum {decided}; geef de grond voor terugwerkende kracht (`--grounds`, bij een mandaat of een vaststelling `--reason`), of leg dit vast als laat bekend geworden feit"
            en "the effective date {effective} is before the decision's date {decided}; give the grounds for holding from before (`--grounds`, of a mandate or an adoption `--reason`), or record it as a late fact"
        /// What was stated of a decision stays.
        DecisionDiffers { decision: Id, fields: String } = "DECISION_DIFFERS"
            nl "besluit `{decision}` staat al anders in het boek ({fields}); vul alleen aan wat ontbrak of leg een erratum vast"
            en "decision `{decision}` reads differently in the book ({fields}); only fill in what was missing, or record an erratum"
        /// An older edition cannot change any more.
        RevisionSealed { edition: Id, current: Id } = "REVISION_SEALED"
            nl "editie `{edition}` is vastgesteld en opgevolgd door `{current}`; leg een erratum of een laat feit vast"
            en "edition `{edition}` is sealed and was followed by `{current}`; record an erratum or a late fact"
        /// Editions follow each other in time.
        EditionEarlier { edition: Id, effective: String, current: Id, since: Day } = "EDITION_EARLIER"
            nl "editie `{edition}` gaat in op {effective}, vóór de huidige editie `{current}` ({since}); kies een latere ingangsdatum"
            en "edition `{edition}` takes effect on {effective}, before the current edition `{current}` ({since}); choose a later date"
        /// The years of an edition are reversed.
        EditionYears { first: String, last: String } = "EDITION_YEARS"
            nl "het eerste jaar {first} ligt na het laatste jaar {last}; draai ze om"
            en "the first year {first} is after the last year {last}; swap them"
        /// An edition that would hold when its years are over.
        EditionOver { effective: String, last: String } = "EDITION_OVER"
            nl "de uitgave zou gelden vanaf {effective}, na haar laatste jaar {last}; verbeter een van beide"
            en "the edition would hold from {effective}, after its last year {last}; correct one of them"
        /// The client wrote against an older state.
        StaleBase { what: Subject, yours: Position, current: Position } = "STALE_BASE"
            nl "iemand anders wijzigde {what:#} intussen (gebeurtenis {current}, u had {yours}); bekijk het verschil en dien opnieuw in"
            en "someone else changed {what} in the meantime (event {current}, yours {yours}); look at the difference and submit again"
        /// The client knows an event that is not there.
        RevisionUnknown { what: Subject, yours: Position, current: Position } = "REVISION_UNKNOWN"
            nl "{what:#} heeft geen gebeurtenis {yours}; de nieuwste is {current}, noem die"
            en "{what} has no event {yours}; its newest is {current}, name that one"
        /// The old value is not the current one.
        OldValueMismatch { field: String, yours: String, current: String } = "OLD_VALUE_MISMATCH"
            nl "u wijzigt `{field}` van {yours}, maar de huidige waarde is {current}"
            en "you change `{field}` from {yours}, but the current value is {current}"
        /// Nothing would change.
        NoChange { item: Key } = "NO_CHANGE"
            nl "er verandert niets aan {item:#}; laat het staan zoals het is"
            en "nothing would change in {item}; leave it as it is"
        /// A reason is needed.
        ReasonMissing { what: Subject } = "REASON_MISSING"
            nl "geef bij {what:#} een reden in één of meer zinnen; die komt in het jaaroverzicht"
            en "give a reason for {what} in one or more sentences; it is printed in the yearly report"
        /// A change rests on a decision.
        GroundMissing { what: String } = "GROUND_MISSING"
            nl "noem bij {what} het besluit (`decision`) waar de wijziging op rust"
            en "name for {what} the decision (`decision`) that the change rests on"
        /// The body of the ground is another one.
        GroundBody { decision: Id, stated: Id, body: Id, field: &'static str } = "GROUND_BODY"
            nl "besluit `{decision}` is genomen door `{body}`, niet door `{stated}`; verbeter `{field}`"
            en "decision `{decision}` was taken by `{body}`, not by `{stated}`; correct `{field}`"
        /// Differences without an entry, or an entry without a difference.
        ChangesMismatch { what: Mismatch } = "CHANGES_MISMATCH"
            nl "{what:#}"
            en "{what}"
        /// An item has two entries.
        ReviewConflict { item: Key } = "REVIEW_CONFLICT"
            nl "voor {item:#} staan meer wijzigingen, of de keuze daaruit is achterhaald; kies er één"
            en "there are several changes for {item}, or the choice among them was overtaken; choose one"
        /// The entry does not say what happened to the item.
        ChangeForm { change: Id, should: ChangeShould } = "CHANGE_FORM"
            nl "wijziging `{change}` is niet goed ingevuld: {should:#}"
            en "change `{change}` is not filled in correctly: {should}"
        /// The first edition has no changes.
        FirstEdition {} = "FIRST_EDITION"
            nl "een eerste editie heeft geen `changes`: alles erin is nieuw; haal de sectie weg"
            en "a first edition has no `changes`: all in it is new; remove the section"
        /// The fields given are not those that differ.
        FieldsDiffer { item: Key, given: String, computed: String } = "FIELDS_DIFFER"
            nl "bij {item:#} noemt de wijziging de velden {given}, maar anders zijn {computed}"
            en "the change of {item} names the fields {given}, but those that differ are {computed}"
        /// The control total does not balance.
        ControlTotal { control: ControlTotal, after: u32 } = "CONTROL_TOTAL"
            nl "de telling sluit niet: {control:#}, maar de nieuwe stand telt {after}; controleer de wijzigingen"
            en "the control total does not balance: {control}, but the new state counts {after}; check the changes"
        /// A split needs two parts.
        SplitNeedsTwo { change: Id } = "SPLIT_NEEDS_TWO"
            nl "splitsen (`{change}`) vraagt één bestaande actie in `from` en ten minste twee nieuwe in `into`"
            en "a split (`{change}`) needs one existing action in `from` and at least two new ones in `into`"
        /// A merge needs two sources.
        MergeNeedsTwo { change: Id } = "MERGE_NEEDS_TWO"
            nl "samenvoegen (`{change}`) vraagt ten minste twee bestaande acties in `from` en één nieuwe in `into`"
            en "a merge (`{change}`) needs at least two existing actions in `from` and one new one in `into`"
        /// A reference resolves neither in the document nor in the ledger.
        UnknownReference { kind: Kind, id: Id, nearest: Nearest } = "UNKNOWN_REFERENCE"
            nl "`{id}` is niet bekend als {kind:#}; voeg toe wat ontbreekt of verbeter de verwijzing{nearest:#}"
            en "`{id}` is not a known {kind}; add it or correct the reference{nearest}"
        /// A role word outside the vocabulary.
        RoleUnknown { word: Id, nearest: Nearest } = "ROLE_UNKNOWN"
            nl "`{word}` staat niet in de rollenlijst; kies een rol of breid `roles` uit{nearest:#}"
            en "`{word}` is not in the role vocabulary; choose a role or extend `roles`{nearest}"
        /// The id is taken twice in one document.
        DuplicateId { key: Key } = "DUPLICATE_ID"
            nl "{key:#} staat twee keer in het document; geef elk een eigen id"
            en "{key} stands twice in the document; give each its own id"
        /// What should be new is there.
        AlreadyThere { key: Key } = "ALREADY_THERE"
            nl "{key:#} staat al in het boek; kies een ander id, of wijzig wat er staat"
            en "{key} is in the book already; choose another id, or change what is there"
        /// The id belongs to another agenda.
        IdTaken { key: Key, agenda: Id } = "ID_TAKEN"
            nl "{key:#} hoort al bij agenda `{agenda}`; kies een ander id"
            en "{key} belongs to agenda `{agenda}` already; choose another id"
        /// The document is not of one edition of one agenda.
        DocumentForm { should: DocumentShould } = "DOCUMENT_FORM"
            nl "dit document is geen hele editie en ook geen deel: {should:#}"
            en "this document is neither a whole edition nor a partial one: {should}"
        /// A mandate after the first document needs a decision.
        MandateNeedsDecision { mandate: Id, may: Id } = "MANDATE_NEEDS_DECISION"
            nl "mandaat `{mandate}` voor `{may}` vraagt een gedateerd besluit van de soort `grant-mandate` door een orgaan dat dat mag"
            en "mandate `{mandate}` for `{may}` needs a dated decision of kind `grant-mandate` by a body that may take it"
        /// The adopting decision is of another kind.
        NotAdopting { decision: Id, kind: Id } = "NOT_ADOPTING"
            nl "besluit `{decision}` is van de soort `{kind}`; een editie wordt vastgesteld met een besluit van de soort `adopt-agenda`"
            en "decision `{decision}` is of kind `{kind}`; an edition is adopted by a decision of kind `adopt-agenda`"
        /// The document has faults, each in its place.
        Document { problems: Problems } = "INVALID_DOCUMENT"
            nl "zo kan het niet worden vastgelegd: {problems:#}"
            en "it cannot be recorded like this: {problems}"
        /// There is no such record.
        NotFound { what: Subject, nearest: Nearest } = "NOT_FOUND"
            nl "{what:#} staat niet in het boek{nearest:#}"
            en "{what} is not in the book{nearest}"
        /// The field does not fit.
        FieldInvalid { field: String, fault: Fault } = "FIELD_INVALID"
            nl "`{field}` klopt niet: {fault:#}"
            en "`{field}` does not fit: {fault}"
        /// This kind of record is recorded otherwise.
        KindNotStated { kind: Kind } = "KIND_NOT_STATED"
            nl "een {kind:#} is niet los vast te leggen; gebruik een agendadocument (`minutebook import`)"
            en "no {kind} is recorded by itself; use an agenda document (`minutebook import`)"
        /// An erratum that changes meaning.
        ErratumSubstantive { field: String } = "ERRATUM_SUBSTANTIVE"
            nl "`{field}` wijzigen is meer dan een schrijffout verbeteren; gebruik een wijziging met besluit of een laat feit"
            en "changing `{field}` is more than correcting a slip of the pen; use a change with a decision or a late fact"
        /// An erratum on an older writing.
        ErratumOnErratum { corrects: Position, newest: Position } = "ERRATUM_ON_ERRATUM"
            nl "gebeurtenis {corrects} zegt dit niet, of niet meer; verwijs naar gebeurtenis {newest}"
            en "event {corrects} does not say this, or no more; refer to event {newest}"
        /// The quote does not hold the new value.
        CitationNotFound { value: String } = "CITATION_NOT_FOUND"
            nl "een erratum op een bedrag of datum vraagt een citaat uit een geregistreerde bron waarin {value} staat"
            en "an erratum on an amount or date needs a quote from a registered source that holds {value}"
        /// A late fact of the future.
        NotLate { effective: String } = "NOT_LATE"
            nl "{effective} is niet voorbij; een laat feit gaat over wat al gold"
            en "{effective} is not past; a late fact is about what held already"
        /// There is no doubt to settle.
        NoDoubt { key: Key } = "NO_DOUBT"
            nl "{key:#} heeft geen open twijfel"
            en "{key} has no open doubt"
        /// Text that looks like personal data.
        PersonalData { what: Personal } = "PERSONAL_DATA_IN_TEXT"
            nl "de tekst lijkt {what:#} te bevatten; persoonsgegevens horen niet in het boek: noem een hoedanigheid"
            en "the text seems to hold {what}; personal data does not belong in the book: name a capacity"
        /// A decision that holds no more.
        Superseded { decision: Id, by: Id, since: Day } = "SUPERSEDED"
            nl "besluit `{decision}` is per {since} vervangen of ingetrokken met `{by}`; verwijs naar het geldende besluit"
            en "decision `{decision}` was superseded or revoked by `{by}` from {since}; refer to the decision that holds"
        /// A decision would take its own place.
        SupersedeCycle { decision: Id, by: Id } = "SUPERSEDE_CYCLE"
            nl "`{by}` is zelf, rechtstreeks of via een keten, vervangen door `{decision}`; noem een ander besluit"
            en "`{by}` was itself superseded by `{decision}`, directly or through a chain; name another decision"
        /// A decision in its own place.
        SupersedeSelf { decision: Id } = "SUPERSEDE_SELF"
            nl "besluit `{decision}` neemt niet zijn eigen plaats in; noem een ander besluit"
            en "decision `{decision}` does not take its own place; name another decision"
        /// A body that may not undo what another decided.
        SupersedeOwnRank { body: String, decision: Id, who: Box<Holders> } = "SUPERSEDE_OWN_RANK"
            nl "{body} kan besluit `{decision}` niet vervangen of intrekken; {who:#}"
            en "{body} cannot supersede or revoke decision `{decision}`; {who}"
        /// An advice has no effect by itself.
        AdviceOnly { decision: Id } = "ADVICE_ONLY"
            nl "`{decision}` is een advies en heeft zelf geen gevolg; noem het besluit dat op het advies is genomen"
            en "`{decision}` is an advice and has no effect by itself; name the decision that was taken on it"
        /// A party that is no more.
        PartyEnded { party: String, since: Day, successor: Successor } = "PARTY_ENDED"
            nl "{party} is geen partij meer sinds {since}{successor:#}; noem een partij die er nog is"
            en "{party} has not been a party since {since}{successor}; name one that still is"
        /// A body that is no more.
        BodyDissolved { body: String, since: Day, successor: Successor } = "BODY_DISSOLVED"
            nl "{body} bestaat niet meer sinds {since}{successor:#}; noem een orgaan dat er nog is"
            en "{body} was dissolved on {since}{successor}; name a body that still is there"
        /// It ended before.
        AlreadyEnded { key: Key, since: Day } = "ALREADY_ENDED"
            nl "{key:#} is al geëindigd per {since}; wat daarna geldt legt u onder een nieuw id vast, en een foutief einde neemt u terug met `minutebook erratum` (`.ended --to null`)"
            en "{key} ended already on {since}; record what holds after that under a new id, or take a mistaken end back with `minutebook erratum` (`.ended --to null`)"
        /// It would end before it began.
        EndBeforeStart { key: Key, end: String, start: String } = "END_BEFORE_START"
            nl "{key:#} zou eindigen op {end}, voordat het begint ({start}); verbeter een van beide"
            en "{key} would end on {end}, before it starts ({start}); correct one of them"
        /// What cannot be done with records of this kind.
        DeedUnfit { key: Key } = "DEED_UNFIT"
            nl "dit kan niet met {key:#}; kies een handeling die bij dit gegeven hoort"
            en "this cannot be done with {key}; choose what fits such a record"
        /// A role in nothing, or in several items.
        RoleItem { assignment: Id } = "ROLE_ITEM"
            nl "noem bij `{assignment}` precies één van `action`, `policy_item`, `subtask` of `theme`"
            en "name for `{assignment}` exactly one of `action`, `policy_item`, `subtask` or `theme`"
        /// Another item or an earlier day for a role that was assigned.
        RoleFixed { assignment: Id, item: Key, since: Day } = "ROLE_FIXED"
            nl "`{assignment}` is een rol bij {item:#} vanaf {since}; beëindig die, en ken de andere onder een eigen id toe"
            en "`{assignment}` is a role in {item} from {since} on; end it, and assign the other under an id of its own"
        /// An item that is not on the agenda.
        NotOnAgenda { item: Key } = "NOT_ON_AGENDA"
            nl "{item:#} staat niet op die agenda; noem een onderdeel dat erop staat"
            en "{item} does not stand on that agenda; name an item that does"
        /// The same role twice.
        RoleOverlap { holder: String, word: Id, item: Box<Key>, since: String } = "ROLE_OVERLAP"
            nl "`{holder}` heeft bij {item:#} al de rol `{word}` sinds {since}; kies een andere tijd of beëindig die eerst"
            en "`{holder}` has the role `{word}` in {item} already since {since}; choose another time, or end that one first"
        /// A role that ends before it starts.
        RoleEndBeforeStart { since: String, until: String } = "ROLE_END_BEFORE_START"
            nl "de rol zou eindigen op {until}, voordat zij begint ({since}); verbeter een van beide"
            en "the role would end on {until}, before it starts ({since}); correct one of them"
        /// An agreement of one.
        AgreementParties { agreement: Id } = "AGREEMENT_PARTIES"
            nl "afspraak `{agreement}` noemt geen twee partijen; noem ten minste twee verschillende"
            en "agreement `{agreement}` does not name two parties; name at least two different ones"
        /// Who is no party cannot sign.
        NotAParty { agreement: Id, party: Id, parties: String } = "NOT_A_PARTY"
            nl "`{party}` is geen partij bij afspraak `{agreement}`; noem een van {parties}"
            en "`{party}` is not a party to agreement `{agreement}`; name one of {parties}"
        /// A party signs once.
        AlreadySigned { agreement: Id, party: Id, on: String } = "ALREADY_SIGNED"
            nl "`{party}` tekende afspraak `{agreement}` al op {on}; laat dat zo"
            en "`{party}` signed agreement `{agreement}` already on {on}; leave it at that"
        /// The signer does not speak for the party.
        AgreementPartyMandate { membership: Id, party: Id, on: String } = "AGREEMENT_PARTY_MANDATE"
            nl "wie tekent onder `{membership}` spreekt op {on} niet voor `{party}`; noem een lidmaatschap van die partij dat dan geldt"
            en "who signs under `{membership}` does not speak for `{party}` on {on}; name a membership of that party that holds then"
        /// Not in force yet.
        AgreementUnsigned { agreement: Id, parties: String } = "AGREEMENT_UNSIGNED"
            nl "afspraak `{agreement}` is nog niet getekend door {parties}; laat die eerst tekenen"
            en "agreement `{agreement}` has not been signed by {parties} yet; let them sign first"
        /// Nothing is agreed any more.
        AmendEnded { agreement: Id, since: Day } = "AMEND_ENDED"
            nl "afspraak `{agreement}` is geëindigd per {since}; sluit een nieuwe afspraak"
            en "agreement `{agreement}` ended on {since}; propose a new one"
        /// Who agreed does not change.
        PartiesFixed { agreement: Id } = "PARTIES_FIXED"
            nl "de partijen bij afspraak `{agreement}` wijzigen niet; beëindig haar en stel een nieuwe voor"
            en "the parties to agreement `{agreement}` do not change; end it and propose a new one"
        /// What was proposed or signed is not merely stated otherwise.
        AgreementBound { agreement: Id } = "AGREEMENT_BOUND"
            nl "afspraak `{agreement}` is voorgesteld of getekend; wijzig haar met `minutebook agreement amend`"
            en "agreement `{agreement}` was proposed or signed; change it with `minutebook agreement amend`"
        /// An amount that is its own part.
        PartOfItself { amount: Id } = "PART_OF_ITSELF"
            nl "bedrag `{amount}` zou een deel van zichzelf zijn; noem in `part_of` het geheel"
            en "amount `{amount}` would be a part of itself; name the whole in `part_of`"
        /// A sum that would end before it starts.
        AmountEndBeforeStart { amount: Id, from: String, through: String } = "AMOUNT_END_BEFORE_START"
            nl "bedrag `{amount}` zou eindigen op {through}, voordat het begint ({from}); verbeter een van beide"
            en "amount `{amount}` would end on {through}, before it starts ({from}); correct one of them"
        /// Nothing shows that a motion was carried out.
        MotionNoEvidence { motion: Id } = "MOTION_SETTLED_NO_EVIDENCE"
            nl "koppel aan motie `{motion}` een besluit, actie of bron waarmee zij is afgedaan"
            en "name a decision, action or source that shows that motion `{motion}` was settled"
        /// Done with before.
        AlreadySettled { key: Key, since: Day } = "ALREADY_SETTLED"
            nl "{key:#} is al afgedaan per {since}; laat dat zo"
            en "{key} was settled already on {since}; leave it at that"
        /// What is still to come did not happen yet.
        StillToCome { date: String } = "STILL_TO_COME"
            nl "{date} moet nog komen; leg dit vast als het zover is"
            en "{date} is still to come; record this once it is there"
        /// An event over its size.
        EventTooLarge { event: &'static str, item: String, bytes: usize, limit: usize } = "EVENT_TOO_LARGE"
            nl "{event} van {item} wordt {bytes} bytes en mag er {limit} zijn; zet lange tekst in een document en registreer het als bron"
            en "{event} of {item} comes to {bytes} bytes and may have {limit}; put long text in a document and register it as a source"
        /// More events than one request may give.
        TooManyEvents { events: usize, limit: usize } = "TOO_MANY_EVENTS"
            nl "dit verzoek geeft {events} gebeurtenissen en mag er {limit} geven; verdeel het"
            en "this request gives {events} events and may give {limit}; divide it"
        /// The same request id with another body.
        RequestIdReused { request_id: String } = "REQUEST_ID_REUSED"
            nl "verzoek `{request_id}` is al gebruikt voor een ander verzoek; kies een nieuw id"
            en "request id `{request_id}` was used for another request; choose a new one"

        /// A review starts from what was adopted.
        NothingToReview { agenda: Id } = "NOTHING_TO_REVIEW"
            nl "agenda `{agenda}` heeft nog geen vastgestelde editie om te herzien; leg de eerste vast met `minutebook import`"
            en "agenda `{agenda}` has no adopted edition to review; record the first one with `minutebook import`"
        /// Neither the label nor the request says which years an edition is for.
        YearsMissing { edition: Id } = "YEARS_MISSING"
            nl "het label `{edition}` zegt niet voor welke jaren het is; noem die met `--years`"
            en "the label `{edition}` does not say which years it is for; name them with `--years`"
        /// The review of this edition is open, on this base.
        ReviewAlreadyOpen { edition: Id, base: String } = "REVIEW_ALREADY_OPEN"
            nl "er loopt al een herziening `{edition}` op stand `{base}`; doe daarin een voorstel of breek haar af"
            en "a review `{edition}` is open already on `{base}`; propose in that one, or abandon it"
        /// No such review is open.
        ReviewNotOpen { agenda: Id, open: OpenReviews } = "REVIEW_NOT_OPEN"
            nl "zo'n herziening van agenda `{agenda}` loopt niet ({open:#}); open er een met `minutebook review open`"
            en "agenda `{agenda}` has no such review open ({open}); open one with `minutebook review open`"
        /// Several are open, and none was named.
        ReviewAmbiguous { agenda: Id, open: String } = "REVIEW_AMBIGUOUS"
            nl "van agenda `{agenda}` lopen meer herzieningen ({open}); noem er één met `--edition`"
            en "agenda `{agenda}` has several reviews open ({open}); name one with `--edition`"
        /// The item is not where the proposal needs it.
        ItemStanding { item: Key, standing: Standing } = "ITEM_STANDING"
            nl "{item:#} {standing:#}"
            en "{item} {standing}"
        /// The proposal was taken back.
        ProposalWithdrawn { change: Id } = "PROPOSAL_WITHDRAWN"
            nl "voorstel `{change}` is ingetrokken; doe zo nodig een nieuw voorstel"
            en "proposal `{change}` was withdrawn; propose it again if it is needed"
        /// A proposal for more than one event can hold.
        TooManyItems { items: usize, limit: usize } = "TOO_MANY_ITEMS"
            nl "dit voorstel noemt {items} onderdelen en bedragen en mag er {limit} noemen; verdeel het"
            en "this proposal has {items} items and amounts and may have {limit}; divide it"
        /// Actions without a proposal.
        ReviewIncomplete { missing: usize, actions: usize, ids: String } = "REVIEW_INCOMPLETE"
            nl "{missing} van de {actions} acties hebben nog geen voorstel: {ids}; doe een voorstel of laat de rest staan met `review keep-rest`"
            en "{missing} of {actions} have no proposal: {ids}; propose, or leave the rest as it is with `review keep-rest`"
        /// The base has a newer revision.
        BaseMoved { edition: Id, base: String, current: String, changes: usize } = "BASE_MOVED"
            nl "de agenda kreeg na `{base}` intussen stand `{current}` ({changes} wijzigingen); open herziening `{edition}` opnieuw om die als basis te nemen"
            en "after `{base}` the agenda got revision `{current}` ({changes} changes); open review `{edition}` again to take that as its base"
        /// What was proposed cannot be adopted, in several places.
        Review { problems: Problems } = "INVALID_REVIEW"
            nl "de herziening kan zo niet worden vastgesteld: {problems:#}"
            en "the review cannot be adopted like this: {problems}"
    }
}

phrases! {
    /// What a document should hold.
    pub enum DocumentShould {
        /// An edition is of an agenda.
        NameAgenda
            nl "een editie en haar `themes` horen bij een agenda; voeg `agenda` toe, met `id` en `title`"
            en "an edition and its `themes` belong to an agenda; add `agenda`, with `id` and `title`"
        /// An edition has items.
        StateItems
            nl "een editie noemt haar onderdelen; voeg `themes` toe, of laat `edition` weg uit een deeldocument"
            en "an edition states its items; add `themes`, or leave `edition` out of a partial document"
        /// Items are of an edition.
        PlaceItems
            nl "onderdelen horen bij een editie; voeg `edition` toe, of laat `themes` weg uit een deeldocument"
            en "items belong to an edition; add `edition`, or leave `themes` out of a partial document"
        /// Changes are of an edition.
        PlaceChanges
            nl "wijzigingen horen bij een editie; voeg `edition` toe, of laat `changes` weg uit een deeldocument"
            en "changes belong to an edition; add `edition`, or leave `changes` out of a partial document"
    }

    /// What an entry of `changes` should hold.
    pub enum ChangeShould {
        /// What became of an item that was dropped.
        StateDisposition
            nl "geef met `disposition` aan wat ervan werd: `completed`, `discontinued`, `handed-over` of `absorbed`"
            en "say in `disposition` what became of it: `completed`, `discontinued`, `handed-over` or `absorbed`"
        /// Only what was dropped has one.
        OmitDisposition
            nl "alleen bij `dropped` hoort een `disposition`; haal die weg"
            en "only `dropped` has a `disposition`; remove it"
        /// One item.
        NameOneItem
            nl "noem precies één `action`, `policy_item`, `subtask` of `theme`, zonder `from` en `into`; een bedrag hoort bij de actie die het noemt"
            en "name exactly one `action`, `policy_item`, `subtask` or `theme`, without `from` and `into`; an amount belongs to the action that names it"
    }

    /// Why no difference fits an entry of `changes`, and what to do about it.
    pub enum Unfit {
        /// It reads the same before and after.
        Unchanged
            nl "het luidt in beide edities gelijk; haal de wijziging weg of pas het onderdeel aan"
            en "it reads the same in both editions; remove the entry, or change the item"
        /// Only notes differ.
        NotesOnly
            nl "alleen aantekeningen zijn anders, en die vragen geen wijziging; haal de wijziging weg"
            en "only notes differ, and those need no entry; remove the entry"
        /// Nobody knows it.
        Absent
            nl "het staat in geen van beide edities; haal de wijziging weg of verbeter het id"
            en "it is in neither edition; remove the entry, or correct the id"
        /// It would have left, but it is there.
        Stands
            nl "het staat nog in het document; haal de wijziging weg, of haal het onderdeel weg"
            en "it still stands in the document; remove the entry, or remove the item"
        /// It would be new, but it was there.
        Stood
            nl "het stond er al; gebruik `changed` of haal de wijziging weg"
            en "it was there already; use `changed`, or remove the entry"
        /// It would read differently, but it is gone.
        Left
            nl "het staat niet meer in het document; gebruik `dropped` of `suspended`, of zet het onderdeel terug"
            en "it is not in the document any more; use `dropped` or `suspended`, or put the item back"
        /// It would read differently or come back, but it was never there.
        IsNew
            nl "het stond nooit eerder op de agenda; gebruik `added`"
            en "it was never on the agenda before; use `added`"
        /// It would read differently, but it was away.
        Returns
            nl "het komt terug op de agenda; gebruik `reinstated` of `added`"
            en "it comes back to the agenda; use `reinstated` or `added`"
        /// A split or merge of what stays, or into what was there.
        Lineage
            nl "alles in `from` moet van de agenda gaan en alles in `into` moet nieuw zijn; verbeter de wijziging of haal haar weg"
            en "all in `from` must leave and all in `into` must be new; correct the entry, or remove it"
    }

    /// Where an item stands that a proposal needs elsewhere, and what to do about it.
    pub enum Standing {
        /// It is not there any more.
        Left
            nl "staat niet meer op de agenda; stel voor het terug te nemen (`--reinstate`)"
            en "has left the agenda; propose to take it back (`--reinstate`)"
        /// It is there.
        Here
            nl "staat op de agenda; stel een wijziging voor (`--set`) of kies een ander id"
            en "stands on the agenda; propose a change (`--set`), or choose another id"
        /// It left for a while.
        Away
            nl "is opgeschort; stel voor het terug te nemen (`--reinstate`)"
            en "is suspended; propose to take it back (`--reinstate`)"
        /// It was there once.
        Once
            nl "stond eerder op de agenda; kies voor een nieuw onderdeel een ander id"
            en "was on the agenda before; choose another id for what is new"
    }

    /// Personal data that a text seems to hold.
    pub enum Personal {
        /// An e-mail address.
        Email nl "een e-mailadres" en "an e-mail address"
        /// A citizen service number.
        Bsn nl "een burgerservicenummer" en "a citizen service number"
    }
}

/// What a refusal is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A record.
    Record(Key),
    /// A record as it was on a date.
    On(Key, Box<Edtf>),
    /// A field that records of a kind may have.
    Field(Kind, String),
    /// An event that set a field.
    Event(Position, Kind, String),
    /// An entry of `changes`.
    Entry(Id),
    /// The review of an edition.
    Review(Id),
}

impl From<&Key> for Subject {
    fn from(key: &Key) -> Self {
        Self::Record(key.clone())
    }
}

impl Subject {
    /// Its newest event is the one that the client knows.
    pub(crate) fn check_known_state(self, yours: Position, current: Position) -> Result<(), Refusal> {
        match yours.cmp(&current) {
            Ordering::Less => Err(Refusal::StaleBase { what: self, yours, current }),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(Refusal::RevisionUnknown { what: self, yours, current }),
        }
    }
}

/// In English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lang = Lang::of(f);
        match (self, lang) {
            (Self::Record(key), _) => key.fmt(f),
            (Self::On(key, date), Lang::Nl) => write!(f, "{key:#} op {date}"),
            (Self::On(key, date), Lang::En) => write!(f, "{key} on {date}"),
            (Self::Field(kind, field), Lang::Nl) => write!(f, "veld `{field}` ({kind:#})"),
            (Self::Field(kind, field), Lang::En) => write!(f, "field `{field}` ({kind})"),
            (Self::Event(position, kind, field), Lang::Nl) => {
                write!(f, "gebeurtenis {position} bij `{field}` ({kind:#})")
            }
            (Self::Event(position, kind, field), Lang::En) => write!(f, "event {position} on `{field}` ({kind})"),
            (Self::Entry(id), _) => write!(f, "`{id}`"),
            (Self::Review(edition), Lang::Nl) => write!(f, "herziening `{edition}`"),
            (Self::Review(edition), Lang::En) => write!(f, "review `{edition}`"),
        }
    }
}

/// The editions of an agenda whose reviews are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReviews(pub Vec<Id>);

/// In English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for OpenReviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_slice(), Lang::of(f)) {
            ([], Lang::Nl) => f.write_str("er loopt er geen"),
            ([], Lang::En) => f.write_str("there is none"),
            (open, Lang::Nl) => write!(f, "er loopt {}", listed(open)),
            (open, Lang::En) => write!(f, "there is {}", listed(open)),
        }
    }
}

/// Who holds the mandate that a body lacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holders {
    /// Other bodies.
    Others(String),
    /// The body itself, but at another time.
    Itself(Id, Option<Edtf>, Option<Edtf>),
    /// The body itself, but for another agenda.
    ForAgenda(Id, Id),
    /// Nobody.
    Nobody,
}

/// In English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lang = Lang::of(f);
        let end = |word: &str, date: &Option<Edtf>| date.as_ref().map(|d| format!(" {word} {d}")).unwrap_or_default();
        match (self, lang) {
            (Self::Others(names), Lang::Nl) => write!(f, "alleen {names} kan dit"),
            (Self::Others(names), Lang::En) => write!(f, "only {names} can"),
            (Self::Itself(mandate, since, until), Lang::Nl) => {
                let term = end("vanaf", since) + &end("t/m", until);
                write!(f, "mandaat `{mandate}` geldt{term}: noem een besluit uit die tijd of verbeter het mandaat")
            }
            (Self::Itself(mandate, since, until), Lang::En) => {
                let term = end("from", since) + &end("until", until);
                write!(f, "mandate `{mandate}` holds{term}: name a decision of that time, or correct the mandate")
            }
            (Self::ForAgenda(mandate, agenda), Lang::Nl) => {
                write!(f, "mandaat `{mandate}` geldt alleen voor agenda `{agenda}`: noem die erbij (`agenda`)")
            }
            (Self::ForAgenda(mandate, agenda), Lang::En) => {
                write!(f, "mandate `{mandate}` holds for agenda `{agenda}` only: name that one with it (`agenda`)")
            }
            (Self::Nobody, Lang::Nl) => f.write_str("niemand heeft die: leg eerst een mandaat vast (`mandate grant`)"),
            (Self::Nobody, Lang::En) => f.write_str("nobody has one: record a mandate first (`mandate grant`)"),
        }
    }
}

/// When something was decided, where that is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct On(pub Option<Edtf>);

/// In English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, Lang::of(f)) {
            (Some(date), Lang::Nl) => write!(f, "op {date}"),
            (Some(date), Lang::En) => write!(f, "on {date}"),
            (None, Lang::Nl) => f.write_str("op de dag die niet vermeld is"),
            (None, Lang::En) => f.write_str("on the day that is not stated"),
        }
    }
}

/// What took the place of something that ended, where that is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor(pub Option<Id>);

/// In brackets, in English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Successor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, Lang::of(f)) {
            (Some(id), Lang::Nl) => write!(f, " (opvolger: `{id}`)"),
            (Some(id), Lang::En) => write!(f, " (successor: `{id}`)"),
            (None, _) => Ok(()),
        }
    }
}

/// Where the entries of `changes` and the differences part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// Differences without an entry.
    Missing(Vec<(ChangeKind, Key)>),
    /// An entry, of this item unless it splits or merges, without a difference.
    Surplus(ChangeKind, Option<Key>, Unfit),
}

/// In English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lang = Lang::of(f);
        let name = |key: &Key| if lang == Lang::Nl { format!("{key:#}") } else { key.to_string() };
        match self {
            Self::Missing(entries) => {
                let names: Vec<_> = entries.iter().map(|(kind, key)| format!("`{kind}` {}", name(key))).collect();
                let names = names.join(", ");
                match lang {
                    Lang::Nl => write!(f, "in `changes` ontbreekt {names}; `minutebook plan --write` zet dat klaar"),
                    Lang::En => write!(f, "`changes` lacks {names}; `minutebook plan --write` adds what is missing"),
                }
            }
            Self::Surplus(kind, key, why) => {
                let item = key.as_ref().map(|key| format!(" {}", name(key))).unwrap_or_default();
                match lang {
                    Lang::Nl => write!(f, "`{kind}`{item} past bij geen verschil: {why:#}"),
                    Lang::En => write!(f, "`{kind}`{item} fits no difference: {why}"),
                }
            }
        }
    }
}

/// Where in a document a fault is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The record's index in the document's list; absent for the agenda, the edition and the whole.
    pub index: Option<usize>,
    /// The record, where there is one.
    pub key: Option<Key>,
    /// The field, where there is one.
    pub field: Option<String>,
}

/// A refusal at its place in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// Why.
    pub refusal: Refusal,
}

/// All refusals of one document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Problems(pub Vec<Problem>);

/// The first problem, in English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.first() else {
            return f.write_str("-");
        };
        if let Some(key) = &first.place.key {
            key.fmt(f)?;
            f.write_str(": ")?;
        }
        f.write_str(&first.refusal.message(Lang::of(f)))?;
        match self.0.len() {
            1 => Ok(()),
            n => write!(f, " (1/{n})"),
        }
    }
}

/// What comes of a command that is not recorded: a refusal, or a ledger that cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The rules refuse it.
    #[error("{0}")]
    Refused(Refusal),
    /// An event needed for the decision cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A value in a message: text in backticks, what is not stated in words.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// Names in a message: in backticks, joined by commas; a dash for none.
pub(crate) fn listed<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    let all: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}
