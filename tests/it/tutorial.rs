//! `docs/tutorial.md`, in both languages, is the example `keras_tutorial` from its first line to its last, with all that it
//! prints and draws. `cargo run -p cnn --example keras_tutorial` prints and draws it anew.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

thread_local! {
    static PRINTED: RefCell<String> = const { RefCell::new(String::new()) };
}

fn keep(text: &str) {
    PRINTED.with_borrow_mut(|printed| printed.push_str(text));
}

/// What the tutorial prints is kept, in place of the standard library's macros.
macro_rules! print {
    ($($text:tt)*) => { super::keep(&format!($($text)*)) };
}
macro_rules! println {
    ($($text:tt)*) => { super::keep(&(format!($($text)*) + "\n")) };
}

#[allow(dead_code, reason = "the example's main")]
#[path = "../../crates/cnn/examples/keras_tutorial.rs"]
mod keras_tutorial;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of a document of one language, `rust` or `text`.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let parts = document.split(&begin).skip(1);
    parts.map(|part| part.split_once("```\n").expect("a block has an end").0.to_string()).collect()
}

/// The pictures that a document shows.
fn shown(document: &str) -> BTreeSet<String> {
    let parts = document.split("](tutorial/").skip(1);
    parts.map(|part| part.split_once(')').expect("a link has an end").0.to_string()).collect()
}

/// The names of the files in a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_tutorial_is_what_it_prints_and_draws() {
    let drawn = tempfile::tempdir().unwrap();
    keras_tutorial::tutorial(drawn.path()).unwrap();
    let printed = PRINTED.take();
    let example = read("crates/cnn/examples/keras_tutorial.rs");
    for name in ["docs/tutorial.md", "docs/tutorial.ko.md"] {
        let document = read(name);
        assert_eq!(blocks(&document, "rust").join("\n"), example, "{name} and the example");
        assert_eq!(blocks(&document, "text").concat(), printed, "{name} and what the example prints");
        assert_eq!(shown(&document), files(drawn.path()), "{name} and what the example draws");
    }
    let kept = repository().join("docs/tutorial");
    assert_eq!(files(&kept), files(drawn.path()));
    for name in files(&kept) {
        let [old, new] = [&kept, drawn.path()].map(|folder| image::open(folder.join(&name)).unwrap().into_rgb8());
        assert!(old == new, "docs/tutorial/{name} is another picture than the example draws");
    }
}
