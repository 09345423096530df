//! What the director makes of wishes.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use signpost::control::{Which, Wish};
use signpost::decide::Millis;
use signpost::model::Running;

use crate::rig::{PATIENCE, Place, author, direct, free, life, live, read};

fn farm(at: std::net::SocketAddr) -> String {
    format!("virtual {at}\nurl u http://u.example/%d\nbind {at} u\n")
}

#[test]
fn a_newcomer_builds_a_farm_by_typing_and_finds_it_again() {
    let place = Place::new("");
    std::fs::remove_file(place.file()).expect("removed");
    let at = free();
    let printed = direct(&place, false, async |asker| {
        assert!(asker.state().await.saved);
        let lines = farm(at);
        for line in lines.lines() {
            let applied = asker.types(line).await.expect("it holds");
            assert!(applied.changed, "{line}");
            assert_eq!(applied.said, "", "{line}");
        }
        TcpStream::connect(at).expect("it listens");
        assert_eq!(asker.running().await, lines);
        assert!(!asker.state().await.saved);
        let said = asker.save().await.expect("it is stored");
        assert!(said.contains("3 lines"), "{said}");
        assert!(asker.state().await.saved);
        asker.running().await
    });
    assert_eq!(place.stored(), printed);
    direct(&place, false, async |asker| {
        assert_eq!(asker.running().await, printed);
        assert!(asker.state().await.saved);
        TcpStream::connect(at).expect("it listens");
    });
}

#[test]
fn what_holds_already_changes_nothing() {
    live(life(&farm(free())), async |asker| {
        let first = asker.types("weight u 5").await.expect("it holds");
        let again = asker.types("weight u 5\nurl u http://u.example/%d").await;
        let again = again.expect("it holds");
        assert!(first.changed && !again.changed);
        assert_eq!(first.generation, again.generation);
        let nothing = asker.types("no maxconns u").await.expect("a warning");
        assert!(!nothing.changed);
        assert!(
            nothing.said.contains("warning: nothing to undo"),
            "{}",
            nothing.said
        );
        let same = asker.running().await;
        let whole = asker.apply(&same, true, Some(5), "commit").await;
        assert!(!whole.expect("it holds").changed);
        assert_eq!(asker.state().await.confirm, None);
    });
}

#[test]
fn what_cannot_be_served_changes_nothing() {
    live(life(&farm(free())), async |asker| {
        let before = (asker.running().await, asker.state().await);
        for lines in [
            "virtual 192.0.2.77:8080",
            "nonsense",
            "weight u 7\nnonsense",
            "dip 127.0.0.1:8080",
            "weight v 1",
        ] {
            let why = asker.types(lines).await.expect_err(lines);
            assert!(!why.is_empty(), "{lines}");
        }
        assert_eq!((asker.running().await, asker.state().await), before);
    });
}

#[test]
fn a_farm_can_be_emptied_by_typing_but_not_by_a_file() {
    let at = free();
    let place = Place::new(&farm(at));
    direct(&place, true, async |asker| {
        std::fs::write(place.file(), "hostname empty\n").expect("written");
        let why = asker.reload().await.expect_err("nothing to serve");
        assert!(why.contains("neither a virtual nor a dip"), "{why}");
        TcpStream::connect(at).expect("it still listens");
        let lines = format!("no bind {at}\nno virtual {at}\nno url u");
        asker.types(&lines).await.expect("it may");
        assert_eq!(asker.running().await, "");
    });
}

#[test]
fn a_commit_that_is_not_confirmed_goes_back_by_itself() {
    let (old, new) = (free(), free());
    let mut life = life(&farm(old));
    // As if committed a minute ago, but for a moment.
    let changed: Arc<Running> = Arc::new(read(&farm(new)));
    life.accept(changed, &author("ann", 1), Some(1), Millis(0));
    life.put_off(Millis(1_500));
    live(life, async |asker| {
        TcpStream::connect(new).expect("the change is in force");
        let ben = asker.other("ben", 2);
        let why = ben.types("weight u 2").await.expect_err("ann's");
        assert!(why.contains("`ann` (unix)"), "{why}");
        assert!(asker.save().await.is_err());
        asker.types("weight u 2").await.expect("her own");
        let began = std::time::Instant::now();
        while asker.state().await.confirm.is_some() {
            assert!(began.elapsed().as_secs() < 20, "it does not go back");
            tokio::task::yield_now().await;
        }
        assert_eq!(asker.running().await, farm(old));
        TcpStream::connect(old).expect("it listens again");
        ben.types("weight u 2").await.expect("anybody may");
    });
}

#[test]
fn a_commit_goes_back_exactly_on_time_and_without_its_session() {
    let (old, new) = (free(), free());
    live(life(&farm(old)), async |asker| {
        let lines = farm(new);
        let applied = asker.apply(&lines, true, Some(5), "commit").await;
        assert!(applied.expect("it holds").changed);
        // The session that gave it goes.
        asker.tell(Wish::Unlock { session: 1 }).await;
        drop(asker);
        let listens = |at| TcpStream::connect(at).is_ok();
        // The workers are told in the time of this host.
        let moved = async |from, to| {
            let deadline = std::time::Instant::now() + PATIENCE;
            while listens(from) || !listens(to) {
                assert!(std::time::Instant::now() < deadline, "nothing moves");
                tokio::task::yield_now().await;
            }
        };
        moved(old, new).await;
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        let pass = async |time| {
            let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
        };
        pass(Duration::from_secs(298)).await;
        assert!(listens(new) && !listens(old), "it goes back too early");
        pass(Duration::from_millis(2_001)).await;
        moved(new, old).await;
        assert!(began.elapsed() < Duration::from_secs(302));
    });
}

#[test]
fn a_confirmed_commit_stays_whoever_confirms() {
    let place = Place::new(&farm(free()));
    direct(&place, true, async |asker| {
        let lines = "weight u 3";
        let applied = asker
            .apply(lines, false, Some(10), "commit confirmed")
            .await;
        assert!(applied.expect("it holds").changed);
        let (left, by) = asker.state().await.confirm.expect("it waits");
        assert!((590..=600).contains(&left) && by == asker.author, "{left}");
        let cut_off = asker.other("ann", 9);
        let said = cut_off.ask(|author, reply| Wish::Confirm { author, reply });
        assert!(said.await.expect("it stays").contains("`ann`"));
        asker.save().await.expect("it is stored");
        assert!(place.stored().contains("weight u 3"));
    });
}

#[test]
fn whoever_may_change_the_farm_undoes_early_what_waits_for_a_confirmation() {
    let at = free();
    live(life(&farm(at)), async |asker| {
        let nothing = asker.ask(|author, reply| Wish::Cancel { author, reply });
        assert!(
            nothing
                .await
                .expect_err("nothing")
                .contains("nothing waits")
        );
        let lines = "weight u 3";
        let applied = asker
            .apply(lines, false, Some(10), "commit confirmed")
            .await;
        assert!(applied.expect("it holds").changed);
        let ben = asker.other("ben", 2);
        let why = ben.types("weight u 2").await.expect_err("ann's");
        assert!(why.contains("`commit cancel` undoes it now"), "{why}");
        let said = ben.ask(|author, reply| Wish::Cancel { author, reply });
        let said = said.await.expect("it is undone");
        assert!(said.contains("`ann` (unix) is undone"), "{said}");
        assert_eq!(asker.running().await, farm(at));
        assert_eq!(asker.state().await.confirm, None);
        ben.types("weight u 2").await.expect("anybody may");
    });
}

#[test]
fn a_rollback_says_where_what_ran_before_is_now() {
    let place = Place::new(&farm(free()));
    direct(&place, true, async |asker| {
        for weight in [2, 3] {
            let lines = format!("weight u {weight}");
            let applied = asker.apply(&lines, false, None, "commit").await;
            applied.expect("it holds");
        }
        let applied = asker.rollback(2).await.expect("it is there");
        assert!(
            applied
                .said
                .contains("what ran before is configuration 2 of the archive now"),
            "{}",
            applied.said
        );
        assert!(asker.running().await.contains("weight u 2"));
        // What runs already changes nothing, and moves no number.
        assert!(!asker.rollback(1).await.expect("it is there").changed);
        assert!(asker.rollback(2).await.expect("it is there").changed);
        assert!(asker.running().await.contains("weight u 3"));
    });
}

#[test]
fn an_erased_file_that_was_named_is_refused_and_the_way_out_is_said() {
    let place = Place::new(&farm(free()));
    direct(&place, true, async |asker| {
        let said = asker.ask(|author, reply| Wish::Erase { author, reply });
        let said = said.await.expect("it is empty");
        assert!(said.contains("`write memory` stores it again"), "{said}");
    });
    let why = signpost::app::open(&place.file(), true).expect_err("nothing to serve");
    let why = why.to_string();
    let kept = place.folder.path().join("archive/00000001");
    let way = format!("`cp {} {}`", kept.display(), place.file().display());
    assert!(why.contains(&way), "{why}");
    std::fs::copy(kept, place.file()).expect("copied");
    direct(&place, true, async |asker| {
        assert!(asker.running().await.contains("url u "));
    });
}

#[test]
fn an_exclusive_session_keeps_others_and_signals_out() {
    let place = Place::new(&farm(free()));
    direct(&place, true, async |asker| {
        let lock = asker.ask(|author, reply| Wish::Lock { author, reply });
        lock.await.expect("hers");
        let ben = asker.other("ben", 2);
        assert!(ben.types("weight u 2").await.is_err());
        assert!(ben.rollback(1).await.is_err());
        let hang_up = asker.other("SIGHUP", 0);
        let why = hang_up.reload().await.expect_err("ann's");
        assert!(why.contains("`ann` (unix)"), "{why}");
        asker.types("weight u 2").await.expect("hers");
        let reply = |session| Wish::Unlock { session };
        asker.tell(reply(1)).await;
        ben.types("weight u 3").await.expect("anybody's");
    });
}

#[test]
fn lines_of_an_older_generation_are_refused() {
    live(life(&farm(free())), async |asker| {
        let begun = asker.state().await.generation;
        asker.types("weight u 2").await.expect("it holds");
        let late = asker.ask(|author, reply| Wish::Apply {
            lines: "weight u 3".into(),
            whole: false,
            confirm_minutes: None,
            only: Some(begun),
            why: "commit",
            author,
            reply,
        });
        let why = late.await.expect_err("it was changed");
        assert!(why.contains("was changed by `ann`"), "{why}");
    });
}

#[test]
fn what_was_is_kept_and_comes_back() {
    let place = Place::new(&farm(free()));
    direct(&place, true, async |asker| {
        let first = asker.running().await;
        asker.types("weight u 2").await.expect("it holds");
        asker.save().await.expect("it is stored");
        asker.save().await.expect("again, to no effect");
        let ben = asker.other("ben", 2);
        ben.apply("weight u 3", false, None, "commit")
            .await
            .expect("it holds");
        let list = asker.ask(|_, reply| Wish::Archive { reply });
        let list = list.await.expect("there is one");
        let told: Vec<_> = list
            .iter()
            .map(|kept| {
                (
                    kept.number,
                    &*kept.user,
                    &*kept.from,
                    &*kept.why,
                    kept.lines,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (1, "ben", "unix", "commit", 4),
                (2, "ann", "unix", "write memory", 4),
                // What the file said that was there at the start.
                (3, "ann", "unix", "before write memory", 3)
            ]
        );
        assert_eq!(asker.text(Which::Archived(3), false).await, first);
        assert!(
            asker
                .text(Which::Archived(2), false)
                .await
                .contains("weight u 2")
        );
        let applied = asker.rollback(2).await.expect("it is there");
        assert!(applied.changed);
        assert!(asker.running().await.contains("weight u 2"));
        assert!(asker.state().await.saved);
        asker.rollback(9).await.expect_err("there are not so many");
        std::fs::write(place.file(), &first).expect("written");
        asker.reload().await.expect("it holds");
        assert_eq!(asker.running().await, first);
        let said = asker.ask(|author, reply| Wish::Erase { author, reply });
        said.await.expect("it is empty");
        assert_eq!(place.stored(), "");
        assert!(!asker.state().await.saved);
        assert_eq!(asker.text(Which::Archived(1), false).await, first);
    });
}

#[test]
fn passwords_are_kept_as_hashes_and_repeating_them_changes_nothing() {
    let place = Place::new(&farm(free()));
    direct(&place, true, async |asker| {
        let line = "username ann privilege configure secret correct-horse";
        assert!(asker.types(line).await.expect("it holds").changed);
        let running = asker.running().await;
        assert!(
            running.contains(
                "username ann privilege configure secret $argon2id$v=19$m=19456,t=2,p=1$"
            ),
            "{running}"
        );
        assert!(!asker.types(line).await.expect("it holds").changed);
        let other = "username ann privilege configure secret battery-staple";
        assert!(asker.types(other).await.expect("it holds").changed);
        assert_ne!(asker.running().await, running);
        asker.save().await.expect("it is stored");
        assert!(!place.stored().contains("battery"));
        let masked = asker.text(Which::Running, true).await;
        assert!(masked.contains("secret ********\n"), "{masked}");
        let why = asker
            .types("username ben privilege view secret short")
            .await;
        assert!(!why.expect_err("too short").contains("short\""));
    });
}

#[test]
fn comments_live_through_the_director() {
    let at = free();
    let text = format!(
        "! the shop\n\n! in the hall\nvirtual {at}\n! u\nurl u http://u.example/%d\nbind {at} u\n"
    );
    let place = Place::new(&text);
    direct(&place, true, async |asker| {
        assert_eq!(asker.running().await, text);
        asker.types("weight u 2").await.expect("it holds");
        asker.types("no weight u").await.expect("it holds");
        asker.save().await.expect("it is stored");
    });
    assert_eq!(place.stored(), text);
}

#[test]
fn a_startup_file_that_was_written_by_hand_is_kept_where_it_is_replaced() {
    let place = Place::new(&farm(free()));
    direct(&place, true, async |asker| {
        asker.save().await.expect("it is stored");
        let by_hand = "! to be loaded tonight\nhostname night\n";
        std::fs::write(place.file(), by_hand).expect("written");
        asker.types("weight u 2").await.expect("it holds");
        asker.save().await.expect("it is stored");
        assert!(place.stored().contains("weight u 2"));
        assert_eq!(asker.text(Which::Archived(2), false).await, by_hand);
    });
}

#[test]
fn programs_that_the_startup_file_has_ceased_to_allow_do_not_come_back_from_the_archive() {
    let text = farm(free());
    let place = Place::new(&format!("{text}console-exec\n"));
    direct(&place, true, async |asker| {
        asker
            .types("probe p exec \"/bin/true\"")
            .await
            .expect("it is allowed");
        asker.save().await.expect("it is stored");
        std::fs::write(place.file(), &text).expect("written");
        asker.reload().await.expect("it holds");
        let why = asker.rollback(2).await.expect_err("it runs a program");
        assert!(why.contains("would run a program"), "{why}");
        assert_eq!(asker.running().await, text);
        // What the startup file itself names may go and come.
        let named = format!("{text}probe p exec \"/bin/true\"\n");
        std::fs::write(place.file(), &named).expect("written");
        asker.reload().await.expect("it holds");
        asker.types("no probe p").await.expect("it holds");
        asker.rollback(1).await.expect("the startup file names it");
        assert!(asker.running().await.contains("probe p exec"));
    });
}
