//! What is stored, and what is found again.

use std::io::{BufRead, Write};
use std::os::unix::fs::{PermissionsExt, symlink};

use signpost::app;
use signpost::control::{Archive, save, tidy};

use crate::rig::{Place, author, direct, free, names, read};

fn mode(place: &Place) -> u32 {
    let found = std::fs::metadata(place.file()).expect("it is there");
    found.permissions().mode() & 0o7777
}

#[test]
fn a_new_file_is_its_owners_alone_and_an_old_one_stays_as_it_is() {
    let place = Place::new("old");
    std::fs::set_permissions(place.file(), PermissionsExt::from_mode(0o640)).expect("set");
    save(&place.file(), b"new").expect("stored");
    assert_eq!((place.stored().as_str(), mode(&place)), ("new", 0o640));
    std::fs::remove_file(place.file()).expect("removed");
    save(&place.file(), b"newer").expect("stored");
    assert_eq!((place.stored().as_str(), mode(&place)), ("newer", 0o600));
    assert_eq!(place.names(), ["startup-config"]);
}

#[test]
fn a_link_is_written_through() {
    let place = Place::new("old");
    let link = place.folder.path().join("link");
    symlink("startup-config", &link).expect("linked");
    save(&link, b"new").expect("stored");
    assert_eq!(place.stored(), "new");
    assert!(
        std::fs::symlink_metadata(&link)
            .expect("it is there")
            .is_symlink()
    );
    let circle = place.folder.path().join("circle");
    symlink("circle", &circle).expect("linked");
    save(&circle, b"new").expect_err("it leads nowhere");
}

#[test]
fn what_a_crash_left_is_cleared_away_and_hinders_nothing() {
    let place = Place::new("old");
    let left = place.folder.path().join(".startup-config.new");
    std::fs::write(&left, "hal").expect("written");
    save(&place.file(), b"new").expect("stored");
    assert_eq!(place.names(), ["startup-config"]);
    std::fs::write(&left, "hal").expect("written");
    tidy(&place.file());
    assert_eq!(place.names(), ["startup-config"]);
    assert_eq!(place.stored(), "new");
}

#[test]
fn a_folder_that_is_gone_or_a_name_that_is_a_folder_is_told() {
    let place = Place::new("old");
    save(&place.folder.path().join("no/file"), b"new").expect_err("no such folder");
    save(place.folder.path(), b"new").expect_err("a folder");
    save("/".as_ref(), b"new").expect_err("a folder");
}

#[test]
fn the_archive_keeps_the_newest_fifty() {
    let place = Place::new("");
    let archive = Archive::beside(&place.file());
    let ann = author("ann b\u{1b}", 1);
    for n in 0..60 {
        let text = format!("hostname h{n}\n");
        assert!(archive.put(&text, &ann, "commit").expect("kept"));
        assert!(!archive.put(&text, &ann, "commit").expect("the same"));
    }
    let list = archive.list().expect("it can be read");
    assert_eq!(list.len(), 50);
    assert_eq!((list[0].number, &*list[0].user), (1, "ann_b_"));
    assert_eq!(archive.text(1).expect("there"), "hostname h59\n");
    assert_eq!(archive.text(50).expect("there"), "hostname h10\n");
    archive.text(51).expect_err("gone");
    archive.text(0).expect_err("there is none");
    assert_eq!(names(archive.folder()).len(), 50);
}

#[test]
fn an_archive_that_cannot_be_written_is_told_and_hinders_nothing() {
    let at = free();
    let place = Place::new(&format!("virtual {at}\n"));
    std::fs::write(place.folder.path().join("archive"), "no folder").expect("written");
    direct(&place, true, async |asker| {
        asker.types("hostname here").await.expect("it holds");
        let said = asker.save().await.expect("it is stored");
        assert!(said.contains("could not be kept in the archive"), "{said}");
        assert!(asker.state().await.saved);
    });
    assert!(place.stored().contains("hostname here"));
}

#[test]
fn a_startup_file_that_does_not_hold_is_stood_in_for_by_the_archive() {
    let at = free();
    let place = Place::new("virtual 10.0.0.1\nnonsense\n");
    assert!(
        app::open(&place.file(), false).is_err(),
        "there is no archive"
    );
    let archive = Archive::beside(&place.file());
    let ann = author("ann", 1);
    let good = format!("virtual {at}\n");
    archive.put(&good, &ann, "write memory").expect("kept");
    archive
        .put("nonsense\n", &ann, "write memory")
        .expect("kept");
    direct(&place, false, async |asker| {
        assert_eq!(asker.running().await, good);
        let state = asker.state().await;
        assert!(!state.saved);
        let why = state.recovered.expect("it is told");
        assert!(why.contains("configuration 2 of the archive"), "{why}");
        asker.save().await.expect("it is stored");
        assert_eq!(asker.state().await.recovered, None);
    });
    assert_eq!(place.stored(), good);
    std::fs::write(place.file(), "nonsense\n").expect("written");
    assert!(app::open(&place.file(), true).is_err(), "it was named");
}

#[test]
fn a_named_file_has_to_be_there_and_to_serve_something() {
    let place = Place::new("hostname here\n");
    assert!(app::open(&place.file(), true).is_err(), "nothing to serve");
    let life = app::open(&place.file(), false).expect("it may begin so");
    assert_eq!(**life.running(), read("hostname here\n"));
    assert!(life.is_saved());
    std::fs::write(place.file(), "").expect("written");
    assert!(app::open(&place.file(), false).expect("erased").is_saved());
    std::fs::remove_file(place.file()).expect("removed");
    assert!(app::open(&place.file(), true).is_err(), "it is missing");
}

/// What tests/long/save-faults breaks: a director on the file that the environment names. Each line of standard input is typed, `save`
/// stores; the answers go to standard output. Without that environment: the same, once, on a file of its own.
#[test]
fn saves_on_command() {
    let Some(file) = std::env::var_os("SIGNPOST_SAVES") else {
        let place = Place::new("virtual 127.0.0.1:1\nhostname old\n");
        let life = app::open(&place.file(), false).expect("it holds");
        assert!(life.is_saved());
        return;
    };
    let life = app::open(file.as_ref(), false).expect("it begins");
    crate::rig::live(life, async |asker| {
        let mut out = std::io::stdout();
        let mut answer = |text: String| {
            let line = format!("answer: {}\n", text.replace('\n', " "));
            // Who asked may be gone.
            let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        };
        answer("begun".to_owned());
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let done = match line.as_str() {
                "save" => asker.save().await,
                line => asker.types(line).await.map(|applied| applied.said),
            };
            answer(match done {
                Ok(said) => format!("ok {said}"),
                Err(why) => format!("failed {why}"),
            });
        }
    });
}
