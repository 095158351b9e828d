//! Keys, checkpoints, proofs and tiles in their written forms: read back as they were, and refused when they are not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // as in any test

use minutebook_tlog::{
    Checkpoint, Fault, Handover, Proof, SigningKey, Tile, TileKind, Tree, VerifierKey, bundle, leaf_hash, unbundle,
};
use proptest::prelude::*;

const ORIGIN: &str = "minutebook.example/krimp";

fn key() -> SigningKey {
    SigningKey::generate(ORIGIN).unwrap()
}

fn tree(size: u8) -> Tree {
    let mut tree = Tree::default();
    (0..size).for_each(|n| tree.push(leaf_hash(&[n])));
    tree
}

fn head(tree: &Tree) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: tree.size(), root: tree.root() }
}

fn proof(key: &SigningKey, index: u8) -> Proof {
    let tree = tree(9);
    let path = tree.prove_inclusion(index.into(), 9).unwrap();
    Proof { entry: vec![index], index: index.into(), path, checkpoint: head(&tree).sign(&[key]).unwrap() }
}

#[test]
fn a_key_is_read_back_and_its_public_half_fits() {
    let key = key();
    let again: SigningKey = key.secret_text().parse().unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(key.public().to_string().parse::<VerifierKey>().unwrap(), *key.public());
    assert_eq!(key.public().origin(), ORIGIN);
    assert!(!format!("{key:?}").contains("PRIVATE"), "a private key is not shown");
    assert!(SigningKey::generate("two words").is_err() && SigningKey::generate("").is_err());
    for text in ["", "x", "a+b+c", key.secret_text(), &"x".repeat(10_000)] {
        assert!(text.parse::<VerifierKey>().is_err(), "{text}");
    }
    for text in ["", "PRIVATE+KEY+a+b+c", &key.public().to_string()] {
        assert!(text.parse::<SigningKey>().is_err(), "{text}");
    }
}

/// The keys and the note that the documentation of Go's `note` package shows.
#[test]
fn notes_of_other_programs_are_read() {
    let key: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    assert_eq!((key.origin(), key.id()), ("PeterNeumann", 0xc74f_20a3));
    let private: SigningKey =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz".parse().unwrap();
    assert_eq!(*private.public(), key);
}

#[test]
fn a_checkpoint_is_opened_with_its_key_and_no_other() {
    let (key, head) = (key(), head(&tree(5)));
    let note = head.sign(&[&key]).unwrap();
    assert_eq!(Checkpoint::open(&note, key.public()).unwrap(), head);
    let lines: Vec<_> = note.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), (ORIGIN, "5", ""));
    assert!(lines[4].starts_with(&format!("— {ORIGIN} ")) && note.ends_with('\n'), "{note}");

    let stranger = self::key();
    assert_eq!(Checkpoint::open(&note, stranger.public()), Err(Fault::Unsigned(stranger.public().to_string())));
    let elsewhere = SigningKey::generate("minutebook.example/other").unwrap();
    let refused = Checkpoint::open(&note, elsewhere.public());
    let expected = "minutebook.example/other".to_owned();
    assert_eq!(refused, Err(Fault::Origin { found: ORIGIN.to_owned(), expected }));
    let larger = note.replacen("\n5\n", "\n6\n", 1);
    assert_eq!(Checkpoint::open(&larger, key.public()), Err(Fault::Signature(key.public().to_string())));
    // Signatures of keys that nobody asked about neither help nor harm.
    let both = head.sign(&[&stranger, &key]).unwrap();
    for known in [&key, &stranger] {
        assert_eq!(Checkpoint::open(&both, known.public()).unwrap(), head);
    }
    let huge = Checkpoint { size: u64::MAX, ..head };
    assert_eq!(Checkpoint::open(&huge.sign(&[&key]).unwrap(), key.public()), Err(Fault::Size(u64::MAX)));
}

#[test]
fn a_checkpoint_of_another_form_is_refused() {
    let key = key();
    let note = head(&tree(5)).sign(&[&key]).unwrap();
    let body = note.split("\n\n").next().unwrap();
    let others = [
        String::new(),
        body.to_owned(),
        note.trim_end().to_owned(),
        note.replacen("\n5\n", "\n05\n", 1),
        note.replacen("\n5\n", "\n-5\n", 1),
        note.replace('\n', "\r\n"),
        note.replacen('—', "-", 1),
        note.repeat(5_000),
    ];
    for other in others {
        assert!(Checkpoint::open(&other, key.public()).is_err(), "{other:.80}");
    }
}

#[test]
fn a_proof_is_one_text_that_says_all() {
    let key = key();
    let proof = proof(&key, 6);
    let text = proof.to_string();
    assert_eq!(text.parse::<Proof>().unwrap(), proof);
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra Bg==\nindex 6\n"), "{text}");
    assert_eq!(proof.check(key.public()).unwrap().size, 9);
    let alone = Proof { path: vec![], index: 0, entry: vec![0], checkpoint: head(&tree(1)).sign(&[&key]).unwrap() };
    assert_eq!(alone.to_string().parse::<Proof>().unwrap().check(key.public()).unwrap().size, 1);

    let refused = |proof: Proof| proof.check(key.public()).unwrap_err();
    assert_eq!(refused(Proof { entry: vec![7], ..proof.clone() }), Fault::NotIncluded(6));
    assert_eq!(refused(Proof { index: 7, ..proof.clone() }), Fault::NotIncluded(7));
    assert_eq!(refused(Proof { index: 9, ..proof.clone() }), Fault::Beyond { index: 9, size: 9 });
    let stranger = self::key();
    assert_eq!(proof.check(stranger.public()).unwrap_err(), Fault::Unsigned(stranger.public().to_string()));
}

#[test]
fn tiles_have_the_paths_of_the_specification() {
    for (path, kind, first, width) in [
        ("tile/0/000", TileKind::Hashes(0), 0, 256),
        ("tile/0/x001/x234/067", TileKind::Hashes(0), 1_234_067 * 256, 256),
        ("tile/63/001.p/255", TileKind::Hashes(63), 256, 255),
        ("tile/entries/x001/000.p/1", TileKind::Entries, 256_000, 1),
    ] {
        let tile: Tile = path.parse().unwrap();
        assert_eq!((tile.kind(), tile.first(), tile.width()), (kind, first, width));
        assert_eq!(tile.to_string(), path);
    }
    let wrong = [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/64/000",
        "tile/00/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/1000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/data/000",
        "tile/8/0/000",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/..",
        "tile/0/٣٣٣",
        "tile/0/000.p/+7",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ];
    for path in wrong {
        assert!(path.parse::<Tile>().is_err(), "{path}");
    }
}

#[test]
fn a_bundle_holds_whole_entries() {
    let entries: [&[u8]; 3] = [b"", b"a", &vec![7; 60_000]];
    let bytes = bundle(entries).unwrap();
    assert_eq!(unbundle(&bytes).unwrap(), entries);
    assert_eq!(bytes[..5], [0, 0, 0, 1, b'a']);
    for cut in [1, 3, 6, bytes.len() - 1] {
        assert!(unbundle(&bytes[..cut]).is_err(), "{cut}");
    }
    assert!(bundle([vec![0; 65_536].as_slice()]).is_err());
    assert_eq!(unbundle(&[0; 512]).unwrap().len(), 256);
    assert!(unbundle(&[0; 514]).is_err(), "no tile has more than 256");
}

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
        let key = key();
        prop_assert!(Checkpoint::open(&text, key.public()).is_err());
        prop_assert!(text.parse::<Proof>().is_err());
        prop_assert!(text.parse::<VerifierKey>().is_err() && text.parse::<SigningKey>().is_err());
        let _ = text.parse::<Tile>();
        let _ = unbundle(text.as_bytes());
    }

    #[test]
    fn a_proof_with_one_other_byte_proves_nothing_else(at in 0_usize..2_000, with in any::<u8>()) {
        let key = key();
        let whole = proof(&key, 3);
        let mut bytes = whole.to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let Ok(other) = text.parse::<Proof>() else { return Ok(()) };
        if other.check(key.public()).is_ok() {
            prop_assert_eq!((other.entry, other.index), (whole.entry, whole.index));
        }
    }
}

#[test]
fn a_key_hands_over_to_the_next_of_its_log_alone() {
    let [first, second, third] = std::array::from_fn(|_| SigningKey::generate(ORIGIN).expect("a key"));
    let note = Handover::sign(&first, &second).expect("signed");
    let opened = Handover::open(&note).expect("by both");
    assert_eq!((&opened.previous, &opened.next), (first.public(), second.public()));
    let later = Handover::sign(&second, &third).expect("signed");
    let follow = |key: &SigningKey, notes: &[&str]| Handover::follow(key.public(), notes.iter().copied());
    assert_eq!(&follow(&first, &[&note, &later]), third.public());
    assert_eq!(&follow(&second, &[&note, &later]), third.public());
    assert_eq!(&follow(&third, &[&note, &later]), third.public());
    assert_eq!(&follow(&first, &[&later, &note, "nothing"]), second.public(), "in their order");

    // Somebody who has only one of the two keys makes none.
    let lines: Vec<_> = note.lines().collect();
    let without = |n: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, line)| format!("{line}\n"));
        kept.collect::<String>()
    };
    let swapped = note.replacen(&first.public().to_string(), &third.public().to_string(), 1);
    let other = note.replacen("handover/1", "handover/2", 1);
    for hostile in [
        without(5),
        without(6),
        without(1),
        without(2),
        swapped,
        other,
        note.clone() + "x",
        String::new(),
        "x".repeat(1 << 20),
    ] {
        assert!(Handover::open(&hostile).is_err(), "{hostile}");
        assert_eq!(&follow(&first, &[&hostile]), first.public());
    }
    let elsewhere = SigningKey::generate("elsewhere").expect("a key");
    assert!(Handover::sign(&first, &elsewhere).is_err() && Handover::sign(&first, &first).is_err());
}
