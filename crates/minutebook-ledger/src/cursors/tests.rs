//! Cursors on a real disk: what was acknowledged is there again, a token that was taken over is good for nothing, and
//! what was damaged is refused by its name.

use std::thread::sleep;

use minutebook_domain::dates::Timestamp;
use tempfile::TempDir;

use super::*;

/// Long enough for every test.
const LONG: u32 = 600_000;
/// Over in a moment.
const SHORT: u32 = 20;

/// A data directory with cursors, in a ledger of a hundred events.
struct Fixture {
    data: TempDir,
    head: watch::Sender<Position>,
    cursors: Cursors,
}

impl Fixture {
    fn new() -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let head = watch::Sender::new(100);
        let cursors = open(data.path(), &head);
        Self { data, head, cursors }
    }

    /// Closes the ledger and opens it again.
    fn reopened(self) -> Self {
        self.cursors.close();
        let cursors = open(self.data.path(), &self.head);
        Self { cursors, ..self }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data.path().join(DIRECTORY).join(name)
    }
}

/// With a clock that stands still: tokens do not hang on it.
fn open(data: &Path, head: &watch::Sender<Position>) -> Cursors {
    let clock = Clock::new(|| Timestamp(1_559_340_000_000));
    let head = head.subscribe();
    Cursors::open(data, Head::new(move || *head.borrow()), clock).expect("opened")
}

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn holder(text: &str, lease_ms: u32) -> Holder {
    Holder { name: name(text), lease_ms }
}

fn acquired(cursors: &Cursors, cursor: &str, by: &str, lease_ms: u32) -> u64 {
    let acquired = cursors.acquire(&id(cursor), &holder(by, lease_ms), Some(Place::Beginning)).expect("acquired");
    assert_eq!(acquired.kept.holder, Some(holder(by, lease_ms)));
    acquired.kept.generation
}

/// What is kept of a cursor.
fn kept(cursors: &Cursors, cursor: &str) -> Kept {
    Kept::clone(&cursors.get(&id(cursor)).expect("there").kept)
}

fn lapse() {
    sleep(Duration::from_millis(2 * u64::from(SHORT)));
}

/// A cursor of every shape.
fn shapes() -> Vec<Kept> {
    let parked = |n: u64| (n, Parked { reason: name(&format!("\"{n}\"\nnéé \\ {n}")), at: Timestamp(n.cast_signed()) });
    let bare = Kept { name: id("c"), acknowledged: None, generation: 1, holder: None, parked: BTreeMap::new() };
    vec![
        bare.clone(),
        Kept { acknowledged: Some(0), generation: u64::MAX, ..bare.clone() },
        Kept { holder: Some(holder("pod-1 ⚙", LONG)), parked: (0..3).map(parked).collect(), ..bare },
    ]
}

#[test]
fn what_is_written_is_read_and_nothing_else_is() {
    for kept in shapes() {
        let bytes = kept::encode(&kept);
        assert_eq!(kept::decode(&bytes), Ok(kept.clone()));
        assert_eq!(bytes.split(|byte| *byte == b'\n').count(), 3, "{bytes:?}");
        for length in 0..bytes.len() {
            assert!(kept::decode(&bytes[..length]).is_err(), "the first {length} bytes of {kept:?}");
        }
        assert!(kept::decode(&[bytes.as_slice(), b"\n"].concat()).is_err());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(kept::decode(&flipped).is_err(), "bit {bit} of byte {at} of {kept:?}");
            }
        }
    }
}

#[test]
fn what_is_sealed_and_not_written_like_that_is_no_cursor() {
    let good = "{\"cursor\":\"c\",\"acknowledged\":7,\"generation\":1,\"holder\":null,\"parked\":[]}\n";
    assert_eq!(kept::decode(&kept::sealed(good)).expect("a cursor").acknowledged, Some(7));
    let others = [
        good.trim_end().to_owned(),
        good.replace(',', ", "),
        good.replace("\"c\"", "\"C\""),
        good.replace(":7", ":-7"),
        good.replace(":null", ":{\"name\":\" \",\"lease_ms\":1}"),
        good.replace("[]", "[{\"position\":1,\"reason\":\"\",\"at_ms\":0}]"),
        good.replace("[]", "[],\"more\":1"),
        good.replace("\"acknowledged\":7,", ""),
        String::new(),
        "null\n".to_owned(),
    ];
    for line in others {
        assert_eq!(kept::decode(&kept::sealed(&line)), Err(Damage::Content), "{line}");
    }
}

#[test]
fn a_cursor_is_after_a_restart_where_it_was_and_its_holder_goes_on() {
    let fixture = Fixture::new();
    let token = acquired(&fixture.cursors, "warehouse", "pod-1", LONG);
    let warehouse = id("warehouse");
    fixture.cursors.acknowledge(&warehouse, token, 10).expect("acknowledged");
    fixture.cursors.park(&warehouse, token, 12, &name("unreadable")).expect("parked");
    fixture.cursors.acknowledge(&warehouse, token, 20).expect("acknowledged");
    let before = kept(&fixture.cursors, "warehouse");
    assert_eq!((before.acknowledged, before.parked.len()), (Some(20), 1));

    let fixture = fixture.reopened();
    assert_eq!(kept(&fixture.cursors, "warehouse"), before);
    let refused = fixture.cursors.acquire(&warehouse, &holder("pod-2", LONG), None);
    assert!(matches!(refused, Err(CursorError::Held { holder, .. }) if holder == name("pod-1")));
    fixture.cursors.acknowledge(&warehouse, token, 21).expect("its token is good");

    // A lease that had ended begins anew as well: who held the cursor last may go on, and nobody else has a good token.
    fixture.cursors.release(&warehouse, token).expect("released");
    let token = acquired(&fixture.cursors, "warehouse", "pod-3", SHORT);
    lapse();
    assert!(matches!(fixture.cursors.renew(&warehouse, token), Err(CursorError::Lapsed { .. })));
    let fixture = fixture.reopened();
    let left = fixture.cursors.get(&warehouse).expect("there").left;
    assert!(left.is_none_or(|left| left <= Duration::from_millis(SHORT.into())), "{left:?}");
    lapse();
    let next = acquired(&fixture.cursors, "warehouse", "pod-4", LONG);
    assert!(next > token);
    assert_eq!(kept(&fixture.cursors, "warehouse").acknowledged, Some(21));
}

/// What can be done with a token, each with its name.
type Deed = (&'static str, fn(&Cursors, u64) -> Result<Cursor, CursorError>);

const DEEDS: [Deed; 5] = [
    ("renew", |cursors, token| cursors.renew(&id("c"), token)),
    ("acknowledge", |cursors, token| cursors.acknowledge(&id("c"), token, 50)),
    ("park", |cursors, token| cursors.park(&id("c"), token, 51, &name("why"))),
    ("release", |cursors, token| cursors.release(&id("c"), token)),
    ("hold", |cursors, token| cursors.hold(&id("c"), token).and_then(|_| cursors.get(&id("c")))),
];

/// How a cursor came to be where it is, and the tokens that its holders had.
type Story = (&'static str, fn(&Cursors) -> Vec<u64>, &'static str);

#[test]
fn only_the_holder_changes_a_cursor_and_only_while_its_lease_is() {
    let stories: [Story; 6] = [
        ("held", |cursors| vec![acquired(cursors, "c", "a", LONG)], "done"),
        (
            "lapsed",
            |cursors| {
                let token = acquired(cursors, "c", "a", SHORT);
                lapse();
                vec![token]
            },
            "lapsed",
        ),
        (
            "taken over",
            |cursors| {
                let token = acquired(cursors, "c", "a", SHORT);
                lapse();
                acquired(cursors, "c", "b", LONG);
                vec![token, 0, u64::MAX]
            },
            "held by b",
        ),
        (
            "taken over by one of the same name",
            |cursors| {
                let token = acquired(cursors, "c", "a", SHORT);
                lapse();
                acquired(cursors, "c", "a", LONG);
                vec![token]
            },
            "held by a",
        ),
        (
            "taken over and given back",
            |cursors| {
                let token = acquired(cursors, "c", "a", SHORT);
                lapse();
                let other = acquired(cursors, "c", "b", LONG);
                cursors.release(&id("c"), other).expect("released");
                vec![token, 0, u64::MAX]
            },
            "lapsed",
        ),
        (
            "reset",
            |cursors| {
                let token = acquired(cursors, "c", "a", LONG);
                let reset = cursors.reset(&id("c"), Place::After(7)).expect("reset");
                // Nor is the token good that nobody has.
                vec![token, reset.kept.generation + 1]
            },
            "lapsed",
        ),
    ];
    for (story, begin, expected) in stories {
        for (deed, act) in DEEDS {
            let fixture = Fixture::new();
            for token in begin(&fixture.cursors) {
                let before = kept(&fixture.cursors, "c");
                let outcome = act(&fixture.cursors, token);
                // Who lets go of a lease that has ended is not told off.
                let expected = if (story, deed) == ("lapsed", "release") { "done" } else { expected };
                let is = match &outcome {
                    Ok(_) => "done".to_owned(),
                    Err(CursorError::Lapsed { .. }) => "lapsed".to_owned(),
                    Err(CursorError::Held { holder, .. }) => format!("held by {holder}"),
                    Err(other) => panic!("{story}, {deed}: {other}"),
                };
                assert_eq!(is, expected, "{story}, {deed} with {token}");
                if expected != "done" {
                    assert_eq!(kept(&fixture.cursors, "c"), before, "{story}, {deed}");
                }
            }
        }
    }
}

#[test]
fn a_cursor_never_moves_backwards_by_itself_and_never_beyond_the_newest_event() {
    let fixture = Fixture::new();
    let (cursors, c) = (&fixture.cursors, id("c"));
    let token = acquired(cursors, "c", "a", LONG);
    let position = |seen: Cursor| seen.kept.acknowledged;
    assert_eq!(position(cursors.acknowledge(&c, token, 0).expect("the first event")), Some(0));
    assert_eq!(position(cursors.acknowledge(&c, token, 40).expect("on")), Some(40));
    assert_eq!(position(cursors.acknowledge(&c, token, 39).expect("again")), Some(40));
    for beyond in [100, u64::MAX] {
        let refused = [cursors.acknowledge(&c, token, beyond), cursors.park(&c, token, beyond, &name("why"))];
        assert!(refused.into_iter().all(|refused| matches!(refused, Err(CursorError::Beyond { head: 100, .. }))));
        assert!(matches!(cursors.reset(&c, Place::After(beyond)), Err(CursorError::Beyond { .. })));
    }
    assert_eq!(position(cursors.acknowledge(&c, token, 99).expect("the newest")), Some(99));
    // One that is there already begins where it is, wherever somebody says.
    cursors.release(&c, token).expect("released");
    assert_eq!(position(cursors.acquire(&c, &holder("b", LONG), Some(Place::Beginning)).expect("acquired")), Some(99));
    assert_eq!(position(cursors.reset(&c, Place::Beginning).expect("reset")), None);
    assert_eq!(position(cursors.reset(&c, Place::Now).expect("reset")), Some(99));
}

#[test]
fn parked_events_are_those_that_were_parked_until_they_are_dealt_with() {
    let fixture = Fixture::new();
    let (cursors, c) = (&fixture.cursors, id("c"));
    let token = acquired(cursors, "c", "a", LONG);
    let park = |position, reason| cursors.park(&c, token, position, &name(reason)).expect("parked").kept;
    assert_eq!(park(10, "first").acknowledged, Some(10), "parking goes on after it");
    assert_eq!(park(20, "second").acknowledged, Some(20));
    assert_eq!(park(20, "again").parked[&20].reason, name("second"));
    assert_eq!(park(15, "late").acknowledged, Some(20));
    let parked = |cursors: &Cursors| kept(cursors, "c").parked.into_keys().collect::<Vec<_>>();
    assert_eq!(parked(cursors), [10, 15, 20]);
    // By whomever.
    cursors.unpark(&c, 15).expect("dealt with");
    assert!(matches!(cursors.unpark(&c, 15), Err(CursorError::NotParked { position: 15, .. })));
    assert_eq!(parked(cursors), [10, 20]);
    // What comes again is not parked any more.
    cursors.reset(&c, Place::After(10)).expect("reset");
    assert_eq!(parked(cursors), [10]);
    assert_eq!(parked(&fixture.reopened().cursors), [10]);
}

#[test]
fn a_damaged_cursor_is_refused_by_name_and_begins_nowhere_until_it_is_reset() {
    let fixture = Fixture::new();
    let token = acquired(&fixture.cursors, "bad", "a", LONG);
    acquired(&fixture.cursors, "good", "a", LONG);
    fixture.cursors.acknowledge(&id("bad"), token, 50).expect("acknowledged");
    let good = fs::read(fixture.file("bad")).expect("readable");
    let torn = &good[..good.len() / 2];
    let other = fs::read(fixture.file("good")).expect("readable");
    let mut fixture = fixture;
    for damage in [torn, other.as_slice(), b""] {
        fs::write(fixture.file("bad"), damage).expect("written");
        fixture = fixture.reopened();
        let (cursors, bad) = (&fixture.cursors, id("bad"));
        let outcomes = [
            cursors.acquire(&bad, &holder("b", LONG), Some(Place::Beginning)),
            cursors.renew(&bad, token),
            cursors.acknowledge(&bad, token, 60),
            cursors.unpark(&bad, 1),
            cursors.get(&bad),
        ];
        for outcome in outcomes {
            let Err(CursorError::Damaged { file, .. }) = outcome else { panic!("{outcome:?}") };
            assert_eq!(file, fixture.file("bad"));
        }
        assert_eq!(fs::read(fixture.file("bad")).expect("readable"), damage, "it is left as it is");
        let list = cursors.list();
        let [(first, Err(CursorError::Damaged { .. })), (second, Ok(_))] = list.as_slice() else { panic!("{list:?}") };
        assert_eq!((first, second), (&bad, &id("good")));
        acquired(cursors, "another", "a", LONG);
        cursors.delete(&id("another")).expect("deleted");
    }
    let mended = fixture.cursors.reset(&id("bad"), Place::After(50)).expect("mended");
    assert!(mended.kept.generation > token && mended.left.is_none());
    assert_eq!(kept(&fixture.reopened().cursors, "bad"), *mended.kept);
}

#[test]
fn a_cursor_that_cannot_be_written_stays_where_it_was() {
    let fixture = Fixture::new();
    let (cursors, c) = (&fixture.cursors, id("c"));
    let token = acquired(cursors, "c", "a", LONG);
    cursors.acknowledge(&c, token, 5).expect("acknowledged");
    let before = kept(cursors, "c");
    // A directory is where the next content would be written.
    let in_the_way = fixture.file("c.tmp");
    fs::create_dir(&in_the_way).expect("made");
    assert!(matches!(cursors.acknowledge(&c, token, 6), Err(CursorError::Io(_))));
    assert!(matches!(cursors.park(&c, token, 6, &name("why")), Err(CursorError::Io(_))));
    assert!(matches!(cursors.reset(&c, Place::Now), Err(CursorError::Io(_))));
    assert_eq!(kept(cursors, "c"), before);
    cursors.renew(&c, token).expect("nothing to write");
    fs::remove_dir(&in_the_way).expect("removed");
    cursors.acknowledge(&c, token, 6).expect("acknowledged");
    // What was cut off while it was being written is not taken for a cursor.
    fs::write(fixture.file("d.tmp"), "minutebook").expect("written");
    fs::write(fixture.file("Not an id"), "").expect("written");
    let fixture = fixture.reopened();
    assert_eq!(kept(&fixture.cursors, "c").acknowledged, Some(6));
    assert_eq!(fixture.cursors.list().len(), 1);
}

#[test]
fn a_token_of_a_deleted_cursor_is_not_one_of_the_next_of_that_name() {
    let fixture = Fixture::new();
    let (cursors, c) = (&fixture.cursors, id("c"));
    let first = acquired(cursors, "c", "a", LONG);
    cursors.release(&c, first).expect("released");
    let second = acquired(cursors, "c", "a", LONG);
    cursors.delete(&c).expect("deleted");
    assert!(!fixture.file("c").exists());
    assert!(matches!(cursors.acknowledge(&c, second, 5), Err(CursorError::Unknown { .. })));
    assert!(matches!(cursors.delete(&c), Err(CursorError::Unknown { .. })));
    let third = acquired(cursors, "c", "b", LONG);
    assert!(third > second, "{third} after {second}");
    assert!(matches!(cursors.acknowledge(&c, second, 5), Err(CursorError::Held { .. })));
    assert_eq!(kept(cursors, "c").acknowledged, None);
}

#[test]
fn a_cursor_is_made_by_who_says_where_it_begins_and_there_are_so_many() {
    let fixture = Fixture::new();
    let cursors = &fixture.cursors;
    acquired(cursors, "warehouse", "a", LONG);
    let unknown = cursors.acquire(&id("warehose"), &holder("a", LONG), None).expect_err("there is none");
    assert_eq!(unknown.to_string(), "there is no cursor `warehose`; did you mean `warehouse`?");
    let start = |place| {
        cursors.acquire(
            &id(&format!("c-{place:?}").to_lowercase().replace(['(', ')'], "")),
            &holder("a", LONG),
            Some(place),
        )
    };
    assert_eq!(start(Place::After(7)).expect("acquired").kept.acknowledged, Some(7));
    assert_eq!(start(Place::Now).expect("acquired").kept.acknowledged, Some(99));
    assert!(matches!(start(Place::After(100)), Err(CursorError::Beyond { .. })));
    for n in cursors.list().len()..CURSORS {
        let more = Kept { name: id(&format!("cursor-{n}")), ..kept(cursors, "warehouse") };
        fs::write(fixture.file(more.name.as_str()), kept::encode(&more)).expect("written");
    }
    let fixture = fixture.reopened();
    assert_eq!(fixture.cursors.list().len(), CURSORS);
    let make = |name| fixture.cursors.acquire(&id(name), &holder("a", LONG), Some(Place::Now));
    assert!(matches!(make("more"), Err(CursorError::TooMany { limit: CURSORS })));
    fixture.cursors.delete(&id("warehouse")).expect("deleted");
    make("more").expect("there is room");
}

#[test]
fn so_many_events_are_parked_and_fit_in_the_file() {
    let fixture = Fixture::new();
    fixture.head.send_replace(10_000);
    let (cursors, c) = (&fixture.cursors, id("c"));
    let token = acquired(cursors, "c", "a", LONG);
    let full = Kept {
        // Written in the longest way.
        parked: (0..1000).map(|n| (n, Parked { reason: name(&"\"\n".repeat(400)), at: Timestamp(i64::MIN) })).collect(),
        ..kept(cursors, "c")
    };
    fs::write(fixture.file("c"), kept::encode(&full)).expect("written");
    let fixture = fixture.reopened();
    let (cursors, seen) = (&fixture.cursors, kept(&fixture.cursors, "c"));
    assert_eq!(seen.parked.len(), PARKED);
    let refused = cursors.park(&c, token, 5000, &name("why"));
    assert!(matches!(refused, Err(CursorError::TooManyParked { limit: PARKED, .. })));
    assert_eq!(kept(cursors, "c").acknowledged, None, "nor does it go on");
    cursors.park(&c, token, 7, &name("why")).expect("parked already");
    cursors.unpark(&c, 7).expect("dealt with");
    cursors.park(&c, token, 5000, &name("why")).expect("there is room");
}

#[test]
fn a_closed_ledger_changes_no_cursor() {
    let fixture = Fixture::new();
    let (cursors, c) = (&fixture.cursors, id("c"));
    let token = acquired(cursors, "c", "a", LONG);
    cursors.close();
    let outcomes = [
        cursors.acquire(&id("d"), &holder("b", LONG), Some(Place::Now)),
        cursors.acquire(&c, &holder("b", LONG), None),
        cursors.acknowledge(&c, token, 5),
        cursors.reset(&c, Place::Now),
        cursors.get(&c),
    ];
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(CursorError::Closed))), "{outcomes:?}");
    assert!(matches!(cursors.delete(&c), Err(CursorError::Closed)));
    assert_eq!(kept(&fixture.reopened().cursors, "c").acknowledged, None);
}

#[tokio::test]
async fn whoever_reads_on_is_told_when_the_lease_is_lost_and_not_before() {
    let fixture = Fixture::new();
    let (cursors, c) = (&fixture.cursors, id("c"));
    let token = acquired(cursors, "c", "a", LONG);
    cursors.acknowledge(&c, token, 9).expect("acknowledged");
    let holding = cursors.hold(&c, token).expect("held");
    assert_eq!(holding.acknowledged(), Some(9));
    let mut lost = std::pin::pin!(holding.lost());
    for position in 10..20 {
        cursors.acknowledge(&c, token, position).expect("acknowledged");
        tokio::select! {
            biased;
            error = &mut lost => panic!("{error}"),
            () = tokio::task::yield_now() => {}
        }
    }
    cursors.reset(&c, Place::Beginning).expect("reset");
    assert!(matches!(lost.await, CursorError::Lapsed { .. }));

    let holding = loop {
        // On a machine that is slow it may have ended by then.
        if let Ok(holding) = cursors.hold(&c, acquired(cursors, "c", "a", SHORT)) {
            break holding;
        }
        lapse();
    };
    assert!(matches!(holding.lost().await, CursorError::Lapsed { .. }), "nobody says so");
    let token = acquired(cursors, "c", "a", LONG);
    let holdings = [cursors.hold(&c, token).expect("held"), cursors.hold(&c, token).expect("held")];
    cursors.release(&c, token).expect("released");
    acquired(cursors, "c", "b", LONG);
    for holding in holdings {
        assert!(matches!(holding.lost().await, CursorError::Held { holder, .. } if holder == name("b")));
    }
}
