//! Counting by code, up to a limit of codes.

use std::sync::Arc;
use std::thread;

use prometheus::Opts;

use super::*;

fn family() -> IntCounterVec {
    IntCounterVec::new(Opts::new("a_total", "help"), &["code"]).unwrap()
}

#[test]
fn each_code_has_its_own_counter() {
    let family = family();
    let counter = CodeCounter::new(family.clone());
    for code in ["a", "b", "a", "c", "a"] {
        counter.count(code);
    }
    let counted = |code| family.with_label_values(&[code]).get();
    assert_eq!((counted("a"), counted("b"), counted("c")), (3, 1, 1));
}

#[test]
fn codes_beyond_the_limit_are_counted_as_other() {
    let family = family();
    let counter = CodeCounter::new(family.clone());
    let codes: Vec<&'static str> = (0..MAX_CODES + 2).map(|n| &*format!("code{n}").leak()).collect();
    for code in &codes {
        counter.count(code);
    }
    assert_eq!(family.with_label_values(&["other"]).get(), 2);
    assert_eq!(family.with_label_values(&[codes[MAX_CODES - 1]]).get(), 1);
}

#[test]
fn concurrent_new_codes_lose_no_count() {
    const CODES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let family = family();
    let counter = Arc::new(CodeCounter::new(family.clone()));
    let threads: Vec<_> = (0..8)
        .map(|start| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                for step in 0..800 {
                    counter.count(CODES[(start + step) % CODES.len()]);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    for code in CODES {
        assert_eq!(family.with_label_values(&[code]).get(), 800, "{code}");
    }
}
