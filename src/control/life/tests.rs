//! Who may change what runs, and what it goes back to.

use std::sync::Arc;

use super::*;

fn author(user: &str, session: u64) -> Author {
    Author {
        user: user.into(),
        from: "unix".into(),
        session,
    }
}

fn running(text: &str) -> Arc<Running> {
    let (running, told) = Running::read("test", text.as_bytes());
    Arc::new(running.unwrap_or_else(|| panic!("{}", told.report(Style::Plain))))
}

fn life(text: &str) -> Life {
    let running = running(text);
    Life::new(Arc::clone(&running), Some(running), None, None)
}

const MINUTE: u64 = 60_000;

#[test]
fn a_commit_that_waits_goes_back_to_what_ran_before_all_of_it() {
    let mut life = life("virtual 10.0.0.1\n");
    let first = Arc::clone(life.running());
    let ann = author("ann", 1);
    life.accept(running("virtual 10.0.0.2\n"), &ann, Some(10), Millis(0));
    assert_eq!(life.confirm_due(), Some(Millis(10 * MINUTE)));
    life.accept(running("virtual 10.0.0.3\n"), &ann, None, Millis(MINUTE));
    assert_eq!(life.confirm_due(), Some(Millis(10 * MINUTE)));
    life.accept(
        running("virtual 10.0.0.4\n"),
        &ann,
        Some(10),
        Millis(5 * MINUTE),
    );
    assert_eq!(life.confirm_due(), Some(Millis(15 * MINUTE)));
    let (before, by) = life.before().expect("something waits");
    assert!(Arc::ptr_eq(&before, &first) && by == ann);
    life.gone_back(before);
    assert!(life.is_saved() && life.confirm_due().is_none());
    assert_eq!(life.generation(), 5);
}

#[test]
fn nobody_else_changes_what_waits_and_anybody_confirms_it() {
    let mut life = life("virtual 10.0.0.1\n");
    let (ann, ben) = (author("ann", 1), author("ben", 2));
    life.accept(running("virtual 10.0.0.2\n"), &ann, Some(2), Millis(0));
    let why = life.admits(&ben, None, Millis(61_000)).expect_err("ann's");
    assert!(
        why.contains("`ann` (unix)") && why.contains("59 seconds"),
        "{why}"
    );
    // Who was cut off and comes again has a session of another number.
    assert!(life.admits(&author("ann", 3), None, Millis(0)).is_err());
    assert!(life.admits(&ann, None, Millis(0)).is_ok());
    assert_eq!(life.confirm(), Ok(ann));
    assert!(life.admits(&ben, None, Millis(0)).is_ok());
    assert!(life.confirm().is_err());
    assert!(!life.is_saved());
}

#[test]
fn a_session_that_holds_the_configuration_keeps_others_out_until_it_ends() {
    let mut life = life("virtual 10.0.0.1\n");
    let (ann, ben) = (author("ann", 1), author("ben", 2));
    assert!(life.lock(&ann, Millis(0)).is_ok());
    assert!(life.lock(&ann, Millis(0)).is_ok());
    assert!(life.lock(&ben, Millis(0)).is_err());
    let why = life.admits(&ben, None, Millis(0)).expect_err("ann's");
    assert!(why.contains("`ann` (unix)"), "{why}");
    life.unlock(2);
    assert_eq!(life.state(Millis(0)).holder, Some(ann));
    life.unlock(1);
    assert!(life.lock(&ben, Millis(0)).is_ok());
}

#[test]
fn lines_that_were_begun_before_another_change_are_refused() {
    let mut life = life("virtual 10.0.0.1\n");
    let (ann, ben) = (author("ann", 1), author("ben", 2));
    let begun = life.generation();
    assert!(life.admits(&ben, Some(begun), Millis(0)).is_ok());
    life.accept(running("virtual 10.0.0.2\n"), &ann, None, Millis(0));
    let why = life
        .admits(&ben, Some(begun), Millis(0))
        .expect_err("changed");
    assert!(why.contains("by `ann`"), "{why}");
}
