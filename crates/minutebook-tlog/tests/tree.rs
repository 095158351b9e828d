//! The tree and its proofs agree with another implementation of RFC 6962, and nothing else is proved.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // as in any test

use std::num::NonZeroUsize;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use minutebook_tlog::{
    Fault, Frontier, Hash, MAX_SIZE, Tile, TileKind, Tree, check_consistency, check_inclusion, leaf_hash,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

fn entry(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::default();
    (0..size).for_each(|n| tree.push(leaf_hash(&entry(n))));
    tree
}

fn oracle(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|n| tree.push(entry(n)));
    tree
}

/// Sizes where the tree or its tiles take another shape, and those beside them.
fn sizes() -> impl Iterator<Item = u64> {
    (0..20).chain([31, 32, 33, 255, 256, 257, 511, 512, 513, 767, 1000])
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.concat()
}

#[test]
fn an_empty_tree_has_the_hash_of_nothing() {
    let nothing: Hash = Sha256::digest([]).into();
    assert_eq!((Tree::default().root(), Frontier::default().root()), (nothing, nothing));
    // A leaf and a node are told apart by a byte in front.
    assert_eq!(leaf_hash(b"a"), <Hash>::from(Sha256::digest(b"\0a")));
    let pair = [[1].as_slice(), &leaf_hash(&entry(0)), &leaf_hash(&entry(1))].concat();
    assert_eq!(tree(2).root(), <Hash>::from(Sha256::digest(pair)));
}

#[test]
fn roots_and_proofs_are_those_of_another_implementation() {
    let all = tree(1000);
    let mut frontier = Frontier::default();
    let mut pushed = 0;
    for size in sizes() {
        let other = oracle(size);
        let root = all.root_at(size).unwrap();
        (pushed..size).for_each(|n| frontier.push(leaf_hash(&entry(n))));
        pushed = size;
        assert_eq!((tree(size).root(), frontier.root(), frontier.size()), (root, root, size));
        assert_eq!(all.frontier(size), Some(frontier.clone()));
        if size == 0 {
            continue;
        }
        assert_eq!(root.as_slice(), other.root().as_bytes().as_slice(), "{size}");
        for index in (0..size).step_by(usize::try_from(size / 40 + 1).unwrap()) {
            let path = all.prove_inclusion(index, size).unwrap();
            let index_there = usize::try_from(index).unwrap();
            assert_eq!(bytes(&path), other.prove_inclusion(index_there).as_bytes(), "{index} of {size}");
            assert_eq!(check_inclusion(&path, leaf_hash(&entry(index)), index, size, root), Ok(()));
        }
        for old in sizes().filter(|old| (1..size).contains(old)) {
            let path = all.prove_consistency(old, size).unwrap();
            let added = NonZeroUsize::new(usize::try_from(size - old).unwrap()).unwrap();
            assert_eq!(bytes(&path), other.prove_consistency(added.get()).as_bytes(), "{old} to {size}");
            let old = (old, all.root_at(old).unwrap());
            assert_eq!(check_consistency(&path, old, (size, root)), Ok(()));
        }
    }
}

#[test]
fn what_is_not_in_the_tree_has_no_proof() {
    let tree = tree(10);
    assert_eq!(tree.prove_inclusion(10, 10), None);
    assert_eq!(tree.prove_inclusion(3, 11), None);
    assert_eq!(tree.prove_inclusion(3, 3), None);
    assert_eq!(tree.prove_consistency(5, 11), None);
    assert_eq!(tree.prove_consistency(6, 5), None);
    assert_eq!((tree.root_at(11), tree.leaf(10), tree.frontier(11)), (None, None, None));
    assert_eq!(tree.leaf(9), Some(leaf_hash(&entry(9))));
}

#[test]
fn sizes_that_no_log_has_are_refused_before_anything_is_computed() {
    let root = tree(3).root();
    for size in [MAX_SIZE + 1, u64::MAX / 2 + 1, u64::MAX] {
        assert_eq!(check_inclusion(&[], root, 0, size, root), Err(Fault::Size(size)));
        assert_eq!(check_consistency(&[], (1, root), (size, root)), Err(Fault::Size(size)));
    }
    let long = vec![root; 100_000];
    assert!(matches!(check_inclusion(&long, root, 0, 3, root), Err(Fault::Form(_))));
    assert!(matches!(check_consistency(&long, (1, root), (3, root)), Err(Fault::Form(_))));
    assert!(check_inclusion(&long[..128], root, 0, MAX_SIZE, root).is_err());
}

#[test]
fn a_tree_continues_itself_and_the_empty_one() {
    let tree = tree(7);
    let (empty, all) = ((0, Tree::default().root()), (7, tree.root()));
    assert_eq!(check_consistency(&[], empty, all), Ok(()));
    assert_eq!(check_consistency(&[], all, all), Ok(()));
    assert!(check_consistency(&[], (0, tree.root()), all).is_err(), "nothing has another root");
    assert_eq!(check_consistency(&[], all, (6, tree.root())), Err(Fault::Shrunk { old: 7, new: 6 }));
}

#[test]
fn tiles_hold_the_hashes_of_the_tree() {
    let tree = tree(70_000);
    let mut width = 0;
    for tile in Tile::all(70_000).filter(|tile| tile.kind() == TileKind::Hashes(0)) {
        let hashes = tree.tile(&tile).unwrap();
        assert_eq!(hashes.len(), usize::from(tile.width()) * 32);
        assert_eq!(hashes[..32], tree.leaf(tile.first()).unwrap());
        width += u64::from(tile.width());
    }
    assert_eq!(width, 70_000);
    // The hash of a full tile stands in the level above.
    let above = tree.tile(&"tile/1/000".parse().unwrap()).unwrap();
    let whole = self::tree(256).root();
    assert_eq!(above[..32], whole);
    let widths =
        |kind| Tile::all(70_000).filter(|tile| tile.kind() == kind).map(|tile| tile.width()).collect::<Vec<_>>();
    assert_eq!((widths(TileKind::Entries).len(), widths(TileKind::Hashes(0)).len()), (274, 274));
    assert_eq!((widths(TileKind::Hashes(1)), widths(TileKind::Hashes(2))), (vec![256, 17], vec![1]));
    assert_eq!(tree.tile(&"tile/0/273.p/113".parse().unwrap()), None, "the tree has only 112 of them");
    assert_eq!(Tile::all(0).count(), 0);
    for (size, other) in [(70_000, 70_001), (255, 256), (65_536, 65_535), (1, 0)] {
        let both = |tile: &Tile| Tile::all(other).any(|found| found == *tile);
        assert!(Tile::all(size).all(|tile| tile.is_of(size) && tile.is_of(other) == both(&tile)), "{size}");
    }
}

proptest! {
    #[test]
    fn nothing_else_is_included(size in 1_u64..600, index in 0_u64..600, at in 0_usize..12, bit in 0_usize..256) {
        let tree = tree(size);
        let index = index % size;
        let (leaf, root) = (leaf_hash(&entry(index)), tree.root());
        let path = tree.prove_inclusion(index, size).unwrap();
        let refused = |path: &[Hash], leaf, index, size, root| check_inclusion(path, leaf, index, size, root).is_err();
        prop_assert!(refused(&path, leaf_hash(&entry(size)), index, size, root), "another entry");
        prop_assert!(refused(&path, leaf, (index + 1) % size, size, root) || size == 1, "another position");
        prop_assert!(refused(&path, leaf, index, size, flipped(root, bit)), "another root");
        prop_assert!(refused(&[path.as_slice(), &[root]].concat(), leaf, index, size, root), "a longer path");
        if !path.is_empty() {
            let at = at % path.len();
            let mut other = path.clone();
            other[at] = flipped(path[at], bit);
            prop_assert!(refused(&other, leaf, index, size, root), "another path");
            prop_assert!(refused(&path[1..], leaf, index, size, root), "a shorter path");
            prop_assert!(refused(&path[..path.len() - 1], leaf, index, size, root), "a cut path");
        }
    }

    #[test]
    fn nothing_else_is_consistent(old in 1_u64..400, more in 1_u64..400, at in 0_usize..16, bit in 0_usize..256) {
        let new = old + more;
        let tree = tree(new);
        let before = (old, tree.root_at(old).unwrap());
        let after = (new, tree.root());
        let path = tree.prove_consistency(old, new).unwrap();
        prop_assert!(check_consistency(&path, (old, flipped(before.1, bit)), after).is_err());
        prop_assert!(check_consistency(&path, before, (new, flipped(after.1, bit))).is_err());
        prop_assert!(check_consistency(&[path.as_slice(), &[after.1]].concat(), before, after).is_err());
        prop_assert!(!path.is_empty());
        let at = at % path.len();
        let mut other = path.clone();
        other[at] = flipped(path[at], bit);
        prop_assert!(check_consistency(&other, before, after).is_err());
        prop_assert!(check_consistency(&path[..path.len() - 1], before, after).is_err());
        // A tree that parted from this one before the old size does not continue it.
        let mut forked = Tree::default();
        (0..new).for_each(|n| forked.push(leaf_hash(&entry(if n + 1 == old { n + new } else { n }))));
        let path = forked.prove_consistency(old, new).unwrap();
        prop_assert!(check_consistency(&path, before, (new, forked.root())).is_err());
    }
}

fn flipped(mut hash: Hash, bit: usize) -> Hash {
    hash[bit / 8] ^= 1 << (bit % 8);
    hash
}
