//! Why a request has no answer, apart from what the rules refuse: each with its stable code and the words for people.

use std::collections::HashMap;
use std::fmt;

use minutebook_domain::dates::Day;
use minutebook_domain::history::Unreadable;
use minutebook_domain::ids::{Id, Key, Position};
use minutebook_domain::message::{Lang, messages};
use minutebook_domain::refusal::{Refusal, Rejection};
use minutebook_domain::value::Nearest;
use minutebook_ledger::{CursorError, LedgerNewer, ReadError, SignError, SubmitError};
use minutebook_proto::Violations;
use tonic::Code;

use crate::app::{QueryFault, Rebuilding, TimeFault};

messages! {
    /// Why a request has no answer.
    pub(crate) enum Trouble {
        /// There is no such agenda.
        AgendaUnknown { agenda: Id, nearest: Nearest } = "NOT_FOUND"
            nl "agenda `{agenda}` staat niet in dit grootboek{nearest:#}; `minutebook agenda list` noemt ze alle"
            en "there is no agenda `{agenda}` in this ledger{nearest}; `minutebook agenda list` names them all"
        /// There is no such record, or there was not then.
        RecordUnknown { key: Key, nearest: Nearest } = "NOT_FOUND"
            nl "{key:#} staat niet in het boek{nearest:#}"
            en "{key} is not in the book{nearest}"
        /// The record has no such field.
        FieldUnknown { key: Key, field: String, nearest: Nearest, fields: String } = "NOT_FOUND"
            nl "{key:#} heeft geen veld `{field}`{nearest:#}; er is {fields}"
            en "{key} has no field `{field}`{nearest}; there is {fields}"
        /// The agenda has no edition.
        NothingAdopted { agenda: Id } = "NOT_FOUND"
            nl "agenda `{agenda}` heeft nog geen vastgestelde editie; `minutebook import` legt er een vast"
            en "agenda `{agenda}` has no adopted edition yet; `minutebook import` records one"
        /// There is no such edition.
        EditionUnknown { edition: String, editions: String } = "NOT_FOUND"
            nl "er is geen editie `{edition}`; er is {editions}"
            en "there is no edition `{edition}`; there is {editions}"
        /// The edition was recorded later.
        EditionNotKnown { edition: String, position: Position, known: Position } = "NOT_FOUND"
            nl "editie `{edition}` was bij gebeurtenis {known} nog niet bekend; zij is vastgelegd bij gebeurtenis {position}"
            en "edition `{edition}` was not known then, at event {known}; it was recorded at event {position}"
        /// No edition held then.
        NotInForce { agenda: Id } = "NOT_FOUND"
            nl "er gold toen geen bekende editie van agenda `{agenda}`; `minutebook agenda list` noemt vanaf wanneer ze gelden"
            en "no edition of agenda `{agenda}` was in force and known then; `minutebook agenda list` tells from when they hold"

        /// No stretch of time to compare.
        SpanMissing {} = "INVALID_REQUEST"
            nl "noem een jaar (`--year`), of van welke editie tot welke (`--from` en `--to`)"
            en "say which year (`--year`), or from which edition to which (`--from` and `--to`)"
        /// Half a stretch of time.
        SpanHalf { side: &'static str } = "INVALID_REQUEST"
            nl "noem ook de andere editie om mee te vergelijken (`{side}`)"
            en "name the other edition to compare with as well (`{side}`)"
        /// The later edition first.
        SpanReversed { from: String, to: String } = "INVALID_REQUEST"
            nl "editie `{from}` is later vastgelegd dan `{to}`; draai `--from` en `--to` om"
            en "edition `{from}` was recorded later than `{to}`; swap `--from` and `--to`"
        /// The last day before the first.
        PeriodReversed { from: Day, to: Day } = "INVALID_REQUEST"
            nl "de eerste dag {from} ligt na de laatste dag {to}; draai ze om"
            en "the first day {from} is after the last day {to}; swap them"
        /// Not a year.
        YearForm { year: u32 } = "INVALID_REQUEST"
            nl "`{year}` is geen jaar van 0 tot en met 9999"
            en "`{year}` is not a year from 0 to 9999"
        /// No event has that name.
        EventUnknown { name: String, nearest: Nearest } = "EVENT_UNKNOWN"
            nl "`{name}` is geen naam van een gebeurtenis{nearest:#}; docs/json.md noemt ze alle"
            en "`{name}` is not the name of an event{nearest}; docs/json.md names them all"
        /// A batch without commands.
        BatchEmpty {} = "INVALID_REQUEST"
            nl "de reeks heeft geen opdrachten; noem er ten minste één"
            en "the batch has no commands; name at least one"
        /// An import that does not begin with its options.
        OptionsFirst {} = "INVALID_REQUEST"
            nl "de opties van een import komen één keer, en in het eerste bericht"
            en "the options of an import come once, and in the first message"

        /// Not a day.
        DayForm { text: String } = "DATE_FORM"
            nl "`{text}` is geen dag; gebruik bijvoorbeeld 2017-03-01"
            en "`{text}` is not a day; use for example 2017-03-01"
        /// Nothing was known then.
        BeforeFounding { began: String } = "BEFORE_FOUNDING"
            nl "het grootboek begon op {began}; vraag naar wat vanaf toen bekend was"
            en "the ledger began on {began}; ask for what was known from then on"
        /// There is no such event yet.
        Beyond { position: Position, newest: Position } = "BEYOND_HEAD"
            nl "gebeurtenis {position} is er nog niet; de nieuwste is {newest}"
            en "there is no event {position} yet; the newest is {newest}"

        /// What a query is to see was not recorded while it waited.
        PositionNotReached { position: Position, newest: Position } = "POSITION_NOT_REACHED"
            nl "gebeurtenis {position} kwam er niet op tijd; de nieuwste is {newest}; vraag het later nog eens, of vraag zonder te wachten"
            en "event {position} did not come in time; the newest is {newest}; ask again later, or ask without waiting"
        /// A subscription or a cursor that begins nowhere.
        StartMissing { field: &'static str } = "INVALID_REQUEST"
            nl "zeg in `{field}` waar het begint: `beginning`, `after` met een gebeurtenis, `now`, of bij een abonnement een `cursor`"
            en "say in `{field}` where it begins: `beginning`, `after` with an event, `now`, or for a subscription a `cursor`"
        /// A subscriber that takes nothing.
        SubscriberStalled { seconds: u64, on: Onward } = "SUBSCRIBER_STALLED"
            nl "er is {seconds} seconden niets afgenomen; ga verder {on:#}"
            en "nothing was taken for {seconds} seconds; go on {on}"
        /// A subscription ends because its connection does, or the ledger is closed.
        SubscriptionEnding { on: Onward } = "ENDING"
            nl "de server sluit deze verbinding of bouwt het grootboek opnieuw op; ga op een nieuwe verder {on:#}"
            en "the server closes this connection or rebuilds the ledger; go on with a new one {on}"

        /// There is no such cursor.
        CursorUnknown { name: Id, nearest: Nearest } = "NOT_FOUND"
            nl "er is geen cursor `{name}`{nearest:#}; `minutebook cursor list` noemt ze alle, en wie er een neemt met waar hij begint, maakt hem"
            en "there is no cursor `{name}`{nearest}; `minutebook cursor list` names them all, and acquiring it with a start makes it"
        /// Another has it.
        CursorHeld { name: Id, holder: String, left_ms: u64 } = "CURSOR_HELD"
            nl "cursor `{name}` is in handen van `{holder}`, nog ten minste {left_ms} ms; probeer het daarna"
            en "cursor `{name}` is held by `{holder}`, for {left_ms} ms at least; try again after that"
        /// The lease has ended.
        LeaseLapsed { name: Id } = "LEASE_LAPSED"
            nl "cursor `{name}` is niet meer in uw handen: de termijn is voorbij, of een ander nam hem over of zette hem terug; neem hem opnieuw"
            en "you do not hold cursor `{name}` any more: the lease has ended, or another took or reset it; acquire it again"
        /// Its file is not what was written.
        CursorDamaged { file: String, why: String } = "CURSOR_DAMAGED"
            nl "de cursor in `{file}` is beschadigd (melding: {why}); zet hem met `minutebook cursor reset` waar de verwerker was"
            en "the cursor in `{file}` is damaged: {why}; put it where its consumer was with `minutebook cursor reset`"
        /// An event that is not parked.
        NotParked { name: Id, position: Position } = "NOT_FOUND"
            nl "gebeurtenis {position} is bij cursor `{name}` niet terzijde gelegd"
            en "event {position} is not parked by cursor `{name}`"
        /// As many cursors as there may be.
        TooManyCursors { limit: usize } = "TOO_MANY_CURSORS"
            nl "er zijn al {limit} cursors; verwijder er een die niet meer nodig is"
            en "there are {limit} cursors already; delete one that is not needed any more"
        /// As many parked events as there may be.
        TooManyParked { name: Id, limit: usize } = "TOO_MANY_PARKED"
            nl "bij cursor `{name}` zijn al {limit} gebeurtenissen terzijde gelegd; handel er eerst een af"
            en "cursor `{name}` has {limit} parked events already; deal with one of them first"

        /// No tree has that size, or not in that order.
        SizeForm { size: u64, head: u64 } = "INVALID_REQUEST"
            nl "er is geen boom van {size} gebeurtenissen om dit in te bewijzen; het grootboek telt er {head}"
            en "there is no tree of {size} events to prove this in; the ledger has {head}"
        /// A ledger without checkpoints.
        NoCheckpoints {} = "NO_KEY"
            nl "dit grootboek is zonder sleutel begonnen en heeft geen controlepunten"
            en "this ledger was founded without a key and has no checkpoints"
        /// One rotation at a time.
        KeyUnfinished {} = "KEY_UNFINISHED"
            nl "de sleutel is net vervangen; probeer het opnieuw na het volgende controlepunt"
            en "the key was replaced a moment ago; try again when the next checkpoint is signed"
        /// Nothing is signed over what cannot be trusted.
        Unsigned { why: String } = "NOT_SIGNED"
            nl "er is geen controlepunt ondertekend (melding: {why}); controleer het grootboek met `minutebook verify`"
            en "no checkpoint was signed: {why}; check the ledger with `minutebook verify`"

        /// More than one write may give.
        RequestTooLarge { limit: usize } = "REQUEST_TOO_LARGE"
            nl "het verzoek geeft meer dan {limit} bytes aan gebeurtenissen; verdeel het"
            en "the request gives more than {limit} bytes of events; divide it"
        /// Too many writes at once.
        Overloaded {} = "OVERLOADED"
            nl "er wachten te veel verzoeken; stuur het later opnieuw"
            en "too many requests are waiting to be recorded; send it again later"
        /// Too much at once.
        Busy {} = "OVERLOADED"
            nl "de server heeft te veel tegelijk te doen en is er niet aan begonnen; stuur het later opnieuw"
            en "the server has too much to do at once and did not begin with it; send it again later"
        /// Too many streams at once.
        StreamsFull {} = "OVERLOADED"
            nl "de server heeft te veel open stromen; sluit er een, of probeer het later opnieuw"
            en "the server has too many open streams; close one, or try again later"
        /// A message over its limit.
        MessageTooLarge { limit: u64 } = "MESSAGE_TOO_LARGE"
            nl "het bericht is groter dan de {limit} bytes die hier mogen; verdeel het"
            en "the message is larger than the {limit} bytes that are allowed here; divide it"
        /// An answer over its limit.
        AnswerTooLarge { limit: u64 } = "ANSWER_TOO_LARGE"
            nl "het antwoord is groter dan {limit} bytes; vraag om minder"
            en "the answer is larger than {limit} bytes; ask for less"
        /// It took too long.
        DeadlinePassed {} = "DEADLINE_PASSED"
            nl "het antwoord kwam niet op tijd; wat werd vastgelegd, wordt vastgelegd: stuur het opnieuw onder hetzelfde request id"
            en "the answer was not there in time; what was being recorded is recorded: send it again with the same request id"
        /// A stream had the time that its client gave it.
        StreamDeadline {} = "DEADLINE_PASSED"
            nl "de tijd die u deze stroom gaf is voorbij; vraag het opnieuw, vanaf de laatste gebeurtenis die er was"
            en "the time that you gave this stream is over; ask again, after the last event that came"
        /// A message that is none.
        Malformed { why: String } = "MALFORMED"
            nl "het bericht is niet te lezen (melding: {why}); vergelijk het met de beschrijving van de dienst"
            en "the message cannot be read: {why}; compare it with the description of the service"
        /// The server ends, or the connection is old.
        Ending {} = "ENDING"
            nl "de server sluit deze verbinding; ga verder op een nieuwe, vanaf de laatste gebeurtenis die er was"
            en "the server closes this connection; go on with a new one, after the last event that came"
        /// No room.
        DiskFull {} = "DISK_FULL"
            nl "er is geen ruimte meer en er is niets vastgelegd; maak ruimte en stuur het opnieuw"
            en "no space is left and nothing was recorded; make space and send it again"
        /// Recorded or not.
        OutcomeUnknown {} = "OUTCOME_UNKNOWN"
            nl "of het is vastgelegd is onbekend; stuur het na de herstart opnieuw onder hetzelfde request id"
            en "the outcome is unknown; retry with the same request id after the restart"
        /// The writer has ended.
        Stopped {} = "STOPPED"
            nl "het grootboek neemt niets meer op tot het opnieuw is gestart; er is niets vastgelegd"
            en "the ledger takes no more writes until it is started again; nothing was recorded"
        /// A newer program's ledger.
        LedgerNewer { position: Position } = "LEDGER_NEWER"
            nl "gebeurtenis {position} vraagt een nieuwer programma; dit kan alleen lezen en controleren"
            en "the event at position {position} needs a newer program; this one can read and verify, but not query or write"
        /// An event cannot be read.
        EventUnreadable { position: Position, why: String } = "UNREADABLE"
            nl "gebeurtenis {position} is niet te lezen; zet de map terug vanaf een kopie (melding: {why})"
            en "the event at position {position} cannot be read: {why}; restore the directory from a copy"
        /// The journal cannot be read.
        Unreadable { why: String } = "UNREADABLE"
            nl "het journaal is niet te lezen (melding: {why})"
            en "the journal cannot be read: {why}"
        /// The ledger is being rebuilt.
        Rebuilding {} = "REBUILDING"
            nl "het grootboek wordt opnieuw opgebouwd; vraag het daarna nog eens"
            en "the ledger is being rebuilt; ask again when it is done"
        /// Something that should not have happened.
        Failed { why: String } = "FAILED"
            nl "het verzoek mislukte (melding: {why})"
            en "the request failed: {why}"
    }
}

/// Where whoever was cut off can go on: after an event, or with the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Onward(pub(super) Option<Position>);

/// In English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for Onward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, Lang::of(f)) {
            (Some(position), Lang::Nl) => write!(f, "na gebeurtenis {position}"),
            (Some(position), Lang::En) => write!(f, "after event {position}"),
            (None, Lang::Nl) => f.write_str("vanaf het begin"),
            (None, Lang::En) => f.write_str("from the beginning"),
        }
    }
}

impl Trouble {
    /// The status that programs tell it by.
    pub(super) fn status_code(&self) -> Code {
        match self.code() {
            "NOT_FOUND" => Code::NotFound,
            "INVALID_REQUEST" | "DATE_FORM" | "EVENT_UNKNOWN" | "REQUEST_TOO_LARGE" | "MALFORMED" => {
                Code::InvalidArgument
            }
            "BEFORE_FOUNDING" | "LEDGER_NEWER" | "NO_KEY" | "CURSOR_HELD" => Code::FailedPrecondition,
            "LEASE_LAPSED" => Code::Aborted,
            "BEYOND_HEAD" => Code::OutOfRange,
            "POSITION_NOT_REACHED" | "DEADLINE_PASSED" => Code::DeadlineExceeded,
            "OVERLOADED" | "OUTCOME_UNKNOWN" | "STOPPED" | "REBUILDING" | "KEY_UNFINISHED" | "ENDING" => {
                Code::Unavailable
            }
            "DISK_FULL" | "SUBSCRIBER_STALLED" | "MESSAGE_TOO_LARGE" | "ANSWER_TOO_LARGE" | "TOO_MANY_CURSORS"
            | "TOO_MANY_PARKED" => Code::ResourceExhausted,
            "UNREADABLE" | "NOT_SIGNED" | "CURSOR_DAMAGED" => Code::DataLoss,
            _ => Code::Internal,
        }
    }

    /// The field of the request that it is about, where it is about one.
    pub(super) fn field(&self) -> Option<&'static str> {
        match self {
            Self::StartMissing { field } => Some(field),
            Self::YearForm { .. } => Some("year"),
            Self::BatchEmpty {} => Some("commands"),
            _ => None,
        }
    }

    /// What a program needs to know of it, by name.
    pub(super) fn facts(&self) -> HashMap<String, String> {
        let fact = match self {
            Self::Beyond { position: _, newest } | Self::PositionNotReached { position: _, newest } => {
                ("newest", newest.to_string())
            }
            Self::MessageTooLarge { limit } | Self::AnswerTooLarge { limit } => ("limit", limit.to_string()),
            Self::CursorHeld { name: _, holder, left_ms: _ } => ("holder", holder.clone()),
            _ => return HashMap::new(),
        };
        HashMap::from([(fact.0.to_owned(), fact.1)])
    }

    /// What should not have happened.
    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed { why: error.to_string() }
    }
}

impl From<&Unreadable> for Trouble {
    fn from(error: &Unreadable) -> Self {
        Self::EventUnreadable { position: error.position, why: error.reason.clone() }
    }
}

impl From<LedgerNewer> for Trouble {
    fn from(newer: LedgerNewer) -> Self {
        Self::LedgerNewer { position: newer.position }
    }
}

impl From<Rebuilding> for Trouble {
    fn from(_: Rebuilding) -> Self {
        Self::Rebuilding {}
    }
}

impl From<&ReadError> for Trouble {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Beyond { position, head } => {
                Self::Beyond { position: *position, newest: head.saturating_sub(1) }
            }
            ReadError::Newer(newer) => (*newer).into(),
            ReadError::Decode { position, source } => {
                Self::EventUnreadable { position: *position, why: source.to_string() }
            }
            ReadError::Log(_) | ReadError::Memory { .. } => Self::Unreadable { why: error.to_string() },
        }
    }
}

impl From<&SignError> for Trouble {
    fn from(error: &SignError) -> Self {
        match error {
            SignError::NoKey => Self::NoCheckpoints {},
            SignError::Io(failure) if failure.is_full_disk() => Self::DiskFull {},
            SignError::Log(_) | SignError::Io(_) | SignError::Differs { .. } | SignError::Unfit(_) => {
                Self::Unsigned { why: error.to_string() }
            }
        }
    }
}

impl From<CursorError> for Trouble {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Unknown { name, nearest } => Self::CursorUnknown { name, nearest },
            CursorError::Held { name, holder, left } => {
                let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                Self::CursorHeld { name, holder: holder.to_string(), left_ms }
            }
            CursorError::Lapsed { name } => Self::LeaseLapsed { name },
            CursorError::Damaged { file, why } => Self::CursorDamaged { file: file.display().to_string(), why },
            CursorError::Beyond { position, head } => Self::Beyond { position, newest: head.saturating_sub(1) },
            CursorError::NotParked { name, position } => Self::NotParked { name, position },
            CursorError::TooMany { limit } => Self::TooManyCursors { limit },
            CursorError::TooManyParked { name, limit } => Self::TooManyParked { name, limit },
            CursorError::Io(failure) if failure.is_full_disk() => Self::DiskFull {},
            CursorError::Io(failure) => Self::failed(failure),
            CursorError::Closed => Self::Rebuilding {},
        }
    }
}

impl From<CursorError> for Fault {
    fn from(error: CursorError) -> Self {
        Trouble::from(error).into()
    }
}

impl From<&QueryFault> for Trouble {
    fn from(fault: &QueryFault) -> Self {
        match fault {
            QueryFault::Time(TimeFault::Day(text)) => Self::DayForm { text: text.clone() },
            QueryFault::Time(TimeFault::BeforeFounding { began }) => Self::BeforeFounding { began: began.clone() },
            QueryFault::Time(TimeFault::Beyond { position, newest }) => {
                Self::Beyond { position: *position, newest: *newest }
            }
            QueryFault::Read(error) => error.into(),
        }
    }
}

/// What keeps a write from being durable; what the rules refuse is told apart.
impl From<&SubmitError> for Trouble {
    fn from(error: &SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => Self::failed(refusal),
            SubmitError::TooLarge { limit } => Self::RequestTooLarge { limit: *limit },
            SubmitError::Unreadable(unreadable) => unreadable.into(),
            SubmitError::Unremembered(error) => error.as_ref().into(),
            SubmitError::Overloaded => Self::Overloaded {},
            SubmitError::Full => Self::DiskFull {},
            SubmitError::OutcomeUnknown => Self::OutcomeUnknown {},
            SubmitError::Stopped => Self::Stopped {},
            SubmitError::Newer(newer) => (*newer).into(),
        }
    }
}

/// Why a query has no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Fields of the request do not fit.
    Invalid(Violations),
    /// The rules refuse what it asks about.
    Refused(Box<Refusal>),
    /// All else.
    Trouble(Box<Trouble>),
}

impl From<Violations> for Fault {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused(refusal) => refusal.into(),
            Rejection::Unreadable(error) => error.into(),
        }
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl From<Unreadable> for Fault {
    fn from(error: Unreadable) -> Self {
        Trouble::from(&error).into()
    }
}

impl From<QueryFault> for Fault {
    fn from(fault: QueryFault) -> Self {
        Trouble::from(&fault).into()
    }
}
