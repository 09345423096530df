use proptest::prelude::*;

use super::super::show::tests::scene;
use super::*;

/// What a terminal of that size shows: it knows no more than `monitor` uses. Bytes that stand outside the window are an error.
fn screen(painted: &str, (columns, rows): (usize, usize)) -> Vec<String> {
    let mut lines = vec![String::new(); rows];
    for part in painted.split("\x1b[").skip(1) {
        let end = part
            .find(|c: char| c.is_ascii_alphabetic())
            .expect("an end");
        let (code, text) = part.split_at(end);
        if text.starts_with('H') {
            let row = code
                .split(';')
                .next()
                .and_then(|row| row.parse::<usize>().ok());
            let row = row.expect("a row");
            assert!(row <= rows, "row {row} of {rows}");
            lines.push(row.to_string());
        }
        let row: usize = lines[rows..]
            .last()
            .and_then(|row| row.parse().ok())
            .expect("a place");
        lines[row - 1].push_str(&text[1..]);
    }
    lines.truncate(rows);
    for line in &lines {
        assert!(
            unicode_width::UnicodeWidthStr::width(line.as_str()) <= columns,
            "{line:?}"
        );
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    lines
}

fn machines(view: &mut View, scene: &Scene) -> Vec<String> {
    let painted = monitor(scene, None, view, (80, 24));
    let lines = screen(&painted, (80, 24));
    let rows = lines[2..23].iter().filter(|line| !line.is_empty());
    rows.map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_screen_to_the_letter() {
    let mut view = View::new(true);
    let lines = screen(&monitor(&scene(), None, &mut view, (80, 8)), (80, 8));
    assert_eq!(
        lines,
        [
            "10:14:03 edge  120/s  13 open  1 of 4 as configured",
            "Machine        State   Rate/s  Connect  Resp ms  Promises  Kind     Why",
            "1.1.1.1        IS         123       12        -         3  virtual  set at the …",
            "10.0.0.1:8080  FAILED     3.0       12      1.2         0  real     connect ref…",
            "1.1.1.2        OOS        0.0        0        -         0  dip      set at the …",
            "coyote         OOS        0.0        0        -         0  url      1.1.1.2: se…",
            "",
            "s sort  j k select  o out  i in  q quit",
        ]
    );
}

#[test]
fn keys_sort_select_and_take_out_of_service() {
    let scene = scene();
    let mut view = View::new(true);
    assert_eq!(
        view.key(b'j', &scene),
        Pressed::Nothing,
        "nothing is painted yet"
    );
    let order = ["1.1.1.1", "10.0.0.1:8080", "1.1.1.2", "coyote"];
    assert_eq!(machines(&mut view, &scene), order);
    assert_eq!(view.key(b'o', &scene), Pressed::Paint);
    assert_eq!(view.said, "select a row first: j, k");
    for (keys, statement) in [
        ("jo", "out-of-service virtual 1.1.1.1"),
        ("ji", "in-service real 10.0.0.1:8080"),
        ("\x1b[B\x1bOBo", "out-of-service url coyote"),
        ("jo", "out-of-service url coyote"),
        ("\x1b[Ao", "out-of-service dip 1.1.1.2"),
        ("go", "out-of-service virtual 1.1.1.1"),
        ("\x1b[6~o", "out-of-service url coyote"),
        ("\x1b[1;5D\x1bxio", "out-of-service url coyote"),
    ] {
        let pressed = keys.bytes().map(|key| view.key(key, &scene)).last();
        assert_eq!(
            pressed,
            Some(Pressed::Statement(statement.to_owned())),
            "{keys:?}"
        );
    }
    for sorted in [
        ["1.1.1.1", "10.0.0.1:8080", "1.1.1.2", "coyote"],
        ["1.1.1.1", "10.0.0.1:8080", "1.1.1.2", "coyote"],
        ["10.0.0.1:8080", "1.1.1.2", "coyote", "1.1.1.1"],
        ["10.0.0.1:8080", "1.1.1.1", "1.1.1.2", "coyote"],
    ] {
        assert_eq!(view.key(b's', &scene), Pressed::Paint);
        assert_eq!(machines(&mut view, &scene), sorted, "{:?}", view.sort);
    }
    assert_eq!(
        view.selected,
        Some(scene.servers[3].id.clone()),
        "it stays selected"
    );
    assert_eq!(view.key(b'q', &scene), Pressed::Leave);
    assert_eq!(view.key(3, &scene), Pressed::Leave);
}

#[test]
fn who_may_only_look_changes_nothing() {
    let scene = scene();
    let mut view = View::new(false);
    machines(&mut view, &scene);
    assert_eq!(view.key(b'j', &scene), Pressed::Paint);
    assert_eq!(view.key(b'o', &scene), Pressed::Paint);
    assert_eq!(view.said, "this user may only look");
}

#[test]
fn rates_are_those_since_the_frame_before() {
    let before = scene();
    let mut now = scene();
    now.now += jiff::SignedDuration::from_secs(2);
    now.servers[0].came.redirects += 50;
    now.totals.requests += 50;
    let mut view = View::new(true);
    let lines = screen(&monitor(&now, Some(&before), &mut view, (80, 8)), (80, 8));
    assert!(lines[0].contains(" 25.0/s "), "{}", lines[0]);
    assert!(lines[2].contains(" 25.0 "), "{}", lines[2]);
    assert!(lines[3].contains(" 0.0 "), "{}", lines[3]);
}

#[test]
fn the_selected_row_is_always_in_sight() {
    for (first, selected, rows, wanted) in [
        (0, None, 100, 0),
        (0, Some(4), 100, 0),
        (0, Some(5), 100, 1),
        (50, Some(49), 100, 49),
        (50, None, 100, 50),
        (98, None, 100, 95),
        (7, None, 3, 0),
    ] {
        assert_eq!(scrolled(first, selected, 5, rows), wanted);
    }
}

proptest! {
    #[test]
    fn any_keys_in_any_window(keys in prop::collection::vec(any::<u8>(), 0..200), columns in 0u16..200, rows in 0u16..60) {
        let scene = scene();
        let mut view = View::new(true);
        let seen = |size: u16, usual: u16, least: u16| usize::from(if size == 0 { usual } else { size }.max(least));
        for key in keys {
            let painted = monitor(&scene, Some(&scene), &mut view, (columns, rows));
            let size = (seen(columns, 80, 20), seen(rows, 24, 5));
            prop_assert_eq!(screen(&painted, size).len(), size.1);
            let _ = view.key(key, &scene);
            prop_assert!(view.escape.len() < ESCAPE_BYTES);
        }
    }
}
