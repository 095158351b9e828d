//! The answers: the honest ones, and by class the hostile ones. Each hostile answer says something that is not so.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use minutebook_tlog::{Checkpoint, Hash, Proof, SigningKey};

use crate::answer::{Answer, Continued, Copied, HONEST, Said};
use crate::log::{self, Chance, Log};

/// How many entries the log has: more than one tile, the last of which is not full.
const SIZE: u64 = 300;
/// The position from which the forked log is another.
const FORK: u64 = 123;
/// Positions at the ends of the tree, its tiles and its halves, and one within.
const PLACES: [u64; 10] = [0, 1, 2, 99, 127, 128, 255, 256, 298, 299];
/// Earlier sizes and later ones.
const SIZES: [(u64, u64); 10] =
    [(1, 300), (2, 3), (3, 7), (7, 8), (100, 256), (128, 300), (255, 256), (256, 257), (257, 300), (299, 300)];
/// Sizes of copies.
const COPIES: [u64; 5] = [1, 7, 256, 257, 300];

/// The log that the answers are about, and those that are mistaken for it.
struct World {
    chance: Chance,
    ours: Log,
    /// Signed with the same key.
    fork: Log,
    /// Of another name, with the same entries.
    other: Log,
    /// Of the same name, with another key.
    stranger: Log,
    answers: Vec<Answer>,
}

/// All answers.
pub(crate) fn all() -> Vec<Answer> {
    let mut chance = Chance(20_240_607);
    let [key, other, stranger] =
        ["krimp", "other", "krimp"].map(|name| log::key(&mut chance, &format!("minutebook.example/{name}")));
    let entries: Vec<_> = (0..SIZE).map(|n| format!("entry {n}").into_bytes()).collect();
    let forked = (0..SIZE).map(|n| format!("{} {n}", if n < FORK { "entry" } else { "forged" }).into_bytes()).collect();
    let signed_by = |key: SigningKey| Log::new(key, entries.clone());
    let mut world = World {
        chance,
        fork: Log::new(key.clone(), forked),
        ours: signed_by(key),
        other: signed_by(other),
        stranger: signed_by(stranger),
        answers: Vec::new(),
    };
    world.honest();
    world.wrong_root();
    world.wrong_leaf();
    world.swapped();
    world.truncated();
    world.lengthened();
    world.other_origin();
    world.other_key();
    world.size_rollback();
    world.forked_tree();
    world.answers
}

impl World {
    fn say(&mut self, class: &'static str, said: Said) {
        self.answers.push(Answer { class, key: self.ours.key.public().clone(), said });
    }

    fn head(&mut self, class: &'static str, note: String) {
        self.say(class, Said::Head(note));
    }

    fn continued(&mut self, class: &'static str, continued: Continued) {
        self.say(class, Said::Continued(continued));
    }

    fn copied(&mut self, class: &'static str, copied: Copied) {
        self.say(class, Said::Copied(copied));
    }

    /// Every other proof is told as the one text that it is handed on as.
    fn included(&mut self, class: &'static str, proof: Proof) {
        let as_text = self.answers.len() % 2 == 1;
        self.say(class, if as_text { Said::Text(proof.to_string()) } else { Said::Included(proof) });
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        let at = self.chance.below(bytes.len());
        bytes[at] ^= 1 << self.chance.below(8);
    }

    /// The head with one bit of its root flipped, signed all the same.
    fn misrooted(&mut self, size: u64) -> String {
        let mut head = self.ours.head(size);
        self.flip(&mut head.root);
        self.ours.sign(&head)
    }

    fn honest(&mut self) {
        for place in PLACES {
            let proof = self.ours.included(place, SIZE);
            self.say(HONEST, Said::Text(proof.to_string()));
            self.say(HONEST, Said::Included(proof));
        }
        for (old, new) in SIZES {
            let continued = self.ours.continued(old, new);
            self.continued(HONEST, continued);
        }
        for size in COPIES {
            let copied = self.ours.copied(size);
            self.head(HONEST, copied.note.clone());
            self.copied(HONEST, copied);
        }
        // Signatures of others, whom nobody asked about, do no harm.
        let both = self.ours.head(SIZE).sign(&[&self.stranger.key, &self.ours.key]).unwrap();
        self.head(HONEST, both);
    }

    fn wrong_root(&mut self) {
        let class = "wrong root";
        for place in PLACES {
            let checkpoint = self.misrooted(SIZE);
            let proof = Proof { checkpoint, ..self.ours.included(place, SIZE) };
            self.included(class, proof);
        }
        for (old, new) in SIZES {
            let honest = self.ours.continued(old, new);
            let before = Continued { old: self.misrooted(old), ..honest.clone() };
            let after = Continued { new: self.misrooted(new), ..honest };
            self.continued(class, before);
            self.continued(class, after);
        }
        for size in COPIES {
            let copied = Copied { note: self.misrooted(size), ..self.ours.copied(size) };
            self.copied(class, copied);
        }
    }

    fn wrong_leaf(&mut self) {
        let class = "wrong leaf";
        for place in PLACES {
            let honest = self.ours.included(place, SIZE);
            let neighbour = self.ours.entry((place + 1) % SIZE);
            self.included(class, Proof { entry: neighbour, ..honest.clone() });
            let mut entry = honest.entry.clone();
            self.flip(&mut entry);
            self.included(class, Proof { entry, ..honest.clone() });
            let entry = [honest.entry.as_slice(), b"\0"].concat();
            self.included(class, Proof { entry, ..honest.clone() });
            // The node above two entries, as if it were one.
            if place % 2 == 0 {
                let pair = [place, place + 1].map(|index| self.ours.tree.leaf(index).unwrap());
                let path = honest.path[1..].to_vec();
                self.included(class, Proof { entry: pair.concat(), index: place / 2, path, ..honest });
            }
        }
        for size in COPIES {
            for name in self.ours.copied(size).files.into_keys() {
                let mut copied = self.ours.copied(size);
                let file = copied.files.get_mut(&name).unwrap();
                // Not the length of an entry: the bytes of one.
                let bytes = if name.contains("entries") { &mut file[2..9] } else { file.as_mut_slice() };
                self.flip(bytes);
                self.copied(class, copied);
            }
        }
    }

    fn swapped(&mut self) {
        let class = "swapped";
        for place in PLACES {
            let honest = self.ours.included(place, SIZE);
            let mut exchanged = honest.clone();
            let at = self.chance.below(exchanged.path.len() - 1);
            exchanged.path.swap(at, at + 1);
            self.included(class, exchanged);
            self.included(class, Proof { index: place ^ 1, ..honest.clone() });
            let path = self.ours.path(place ^ 1, SIZE);
            self.included(class, Proof { path, ..honest });
        }
        for (old, new) in SIZES {
            let honest = self.ours.continued(old, new);
            if honest.path.len() > 1 {
                let mut exchanged = honest.clone();
                exchanged.path.reverse();
                self.continued(class, exchanged);
            }
            let path = self.ours.path(old - 1, new);
            if path != honest.path {
                self.continued(class, Continued { path, ..honest });
            }
        }
        // The signature of another size.
        for (old, new) in SIZES {
            let (old, new) = (self.ours.note(old), self.ours.note(new));
            let (text, signature) = (old.split_once("\n\n").unwrap().0, new.split_once("\n\n").unwrap().1);
            self.head(class, format!("{text}\n\n{signature}"));
        }
        for size in [7, 256, 300] {
            for kind in ["entries", "0"] {
                let mut copied = self.ours.copied(size);
                let place =
                    copied.files.keys().find(|name| name.starts_with(&format!("tile/{kind}/"))).unwrap().clone();
                let file = copied.files.get_mut(&place).unwrap();
                // Two neighbours: entries of seven bytes, each after its length, or hashes.
                let width = if kind == "entries" { 2 + 7 } else { 32 };
                file[..2 * width].rotate_left(width);
                self.copied(class, copied);
            }
        }
    }

    fn truncated(&mut self) {
        let class = "truncated";
        for place in PLACES {
            let honest = self.ours.included(place, SIZE);
            let (all, last) = (&honest.path, honest.path.len() - 1);
            let paths = [all[1..].to_vec(), all[..last].to_vec(), Vec::new()];
            for path in paths {
                self.included(class, Proof { path, ..honest.clone() });
            }
            let text = honest.to_string();
            let end = 1 + self.chance.below(text.len() - 1);
            // A mark of three bytes stands before a signature.
            self.say(class, Said::Text(String::from_utf8_lossy(&text.as_bytes()[..end]).into_owned()));
        }
        for (old, new) in SIZES {
            let honest = self.ours.continued(old, new);
            let last = honest.path.len() - 1;
            let path = honest.path[..last].to_vec();
            self.continued(class, Continued { path, ..honest.clone() });
            if last > 0 {
                self.continued(class, Continued { path: honest.path[1..].to_vec(), ..honest.clone() });
            }
            let end = 1 + self.chance.below(honest.new.len() - 1);
            self.head(class, String::from_utf8_lossy(&honest.new.as_bytes()[..end]).into_owned());
        }
        for size in COPIES {
            for name in self.ours.copied(size).files.into_keys() {
                let mut copied = self.ours.copied(size);
                copied.files.get_mut(&name).unwrap().pop();
                self.copied(class, copied.clone());
                copied.files.remove(&name);
                self.copied(class, copied);
            }
        }
    }

    fn lengthened(&mut self) {
        let class = "lengthened";
        let longer = |path: &[Hash], by: Hash| [path, &[by]].concat();
        for place in PLACES {
            let honest = self.ours.included(place, SIZE);
            let path = longer(&honest.path, self.ours.tree.root());
            self.included(class, Proof { path, ..honest });
        }
        for (old, new) in SIZES {
            let honest = self.ours.continued(old, new);
            let path = longer(&honest.path, honest.path[0]);
            self.continued(class, Continued { path, ..honest });
        }
        for size in COPIES {
            let mut copied = self.ours.copied(size);
            let file = copied.files.values_mut().last().unwrap();
            file.extend([0; 9]);
            self.copied(class, copied);
        }
    }

    /// Answers that would be right if the notes were.
    fn renoted(&mut self, class: &'static str, note: impl Fn(&Self, u64) -> String) {
        for place in PLACES {
            let proof = Proof { checkpoint: note(self, SIZE), ..self.ours.included(place, SIZE) };
            self.included(class, proof);
        }
        for (old, new) in SIZES {
            let honest = self.ours.continued(old, new);
            let after = Continued { new: note(self, new), ..honest.clone() };
            let before = Continued { old: note(self, old), ..honest };
            self.continued(class, after);
            self.continued(class, before);
        }
        for size in COPIES {
            let note = note(self, size);
            self.head(class, note.clone());
            let files = self.ours.copied(size).files;
            self.copied(class, Copied { note, files });
        }
    }

    fn other_origin(&mut self) {
        self.renoted("other origin", |world, size| world.other.note(size));
        // Our own key, under the name of another log.
        self.renoted("other origin", |world, size| world.ours.sign(&world.other.head(size)));
    }

    fn other_key(&mut self) {
        self.renoted("other key", |world, size| world.stranger.note(size));
        // With the id of our key in front of a signature that is not ours.
        let id = self.ours.key.public().id().to_be_bytes();
        self.renoted("other key", |world, size| {
            resigned(&world.stranger.note(size), |bytes| bytes[..4].copy_from_slice(&id))
        });
        for (_, new) in SIZES {
            let bit = self.chance.below(512);
            let note = resigned(&self.ours.note(new), |bytes| bytes[4 + bit / 8] ^= 1 << (bit % 8));
            self.head("other key", note);
        }
    }

    fn size_rollback(&mut self) {
        let class = "size rollback";
        for (old, new) in SIZES {
            let Continued { old: before, new: after, path } = self.ours.continued(old, new);
            let back = Continued { old: after.clone(), new: before, path };
            self.continued(class, Continued { path: Vec::new(), ..back.clone() });
            self.continued(class, back.clone());
            // An earlier size with the root of now.
            let shorter = Checkpoint { size: old, ..self.ours.head(new) };
            let shorter = self.ours.sign(&shorter);
            self.continued(class, Continued { new: shorter, ..back });
            // The size without a new signature.
            self.head(class, after.replacen(&format!("\n{new}\n"), &format!("\n{old}\n"), 1));
        }
        for place in PLACES {
            // The log as it was before that entry.
            let size = place.max(1);
            let proof = Proof { checkpoint: self.ours.note(size), ..self.ours.included(place, SIZE) };
            self.included(class, proof);
        }
    }

    fn forked_tree(&mut self) {
        let class = "forked tree";
        for (old, new) in SIZES.into_iter().filter(|(old, _)| *old > FORK) {
            let (ours, fork) = (self.ours.continued(old, new), self.fork.continued(old, new));
            for path in [&ours.path, &fork.path] {
                self.continued(class, Continued { new: fork.new.clone(), path: path.clone(), ..ours.clone() });
                self.continued(class, Continued { new: ours.new.clone(), path: path.clone(), ..fork.clone() });
            }
        }
        for place in PLACES {
            let (ours, fork) = (self.ours.included(place, SIZE), self.fork.included(place, SIZE));
            self.included(class, Proof { checkpoint: fork.checkpoint.clone(), ..ours.clone() });
            if place >= FORK {
                self.included(class, Proof { entry: ours.entry, ..fork });
            }
        }
        for size in COPIES.into_iter().filter(|size| *size > FORK) {
            let (ours, fork) = (self.ours.copied(size), self.fork.copied(size));
            // Two trees of one size.
            let (old, new) = (ours.note.clone(), fork.note.clone());
            self.continued(class, Continued { old, new, path: Vec::new() });
            self.copied(class, Copied { note: fork.note.clone(), ..ours.clone() });
            self.copied(class, Copied { note: ours.note.clone(), ..fork.clone() });
            // The entries of one, the tree of the other.
            let mut mixed = ours;
            mixed.files.extend(fork.files.into_iter().filter(|(name, _)| name.contains("entries")));
            self.copied(class, mixed);
        }
    }
}

/// The note with something else in the place of its signature (the id of the key, and 64 bytes).
fn resigned(note: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let (text, signature) = note.trim_end().rsplit_once(' ').unwrap();
    let mut bytes = BASE64_STANDARD.decode(signature).unwrap();
    change(&mut bytes);
    format!("{text} {}\n", BASE64_STANDARD.encode(bytes))
}
