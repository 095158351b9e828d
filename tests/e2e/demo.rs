//! The first thing a newcomer sees, word for word.

use crate::fixture::program::run_in;
use crate::fixture::root;

#[test]
fn the_demo_is_the_golden_one_in_both_languages() {
    for lang in ["en", "nl"] {
        let golden = root().join(format!("tests/golden/demo.{lang}.txt"));
        let expected = std::fs::read_to_string(&golden).expect("the golden demo");
        let folder = tempfile::tempdir().expect("a temporary directory");
        let told = run_in(folder.path(), ["demo", "--lang", lang]).ok();
        for (n, (told, expected)) in (1..).zip(told.lines().zip(expected.lines())) {
            assert_eq!(told, expected, "line {n} of {}", golden.display());
        }
        assert_eq!(told, expected, "{}", golden.display());
        // A second demo does not touch the ledger of the first.
        let again = run_in(folder.path(), ["demo", "--lang", lang]).refused(4);
        assert!(again.contains("minutebook-data"), "{again}");
    }
}
