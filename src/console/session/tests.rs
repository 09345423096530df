use super::*;
use crate::console::Over;

const NOW: Millis = Millis(1_000);

fn session(terminal: bool) -> Session {
    let origin = Origin {
        from: "unix".into(),
        over: Over::Unix,
        known: Some(("root".into(), Level::Configure)),
        terminal,
        columns: 80,
        rows: 0,
        command: None,
    };
    let setting = Setting {
        hostname: "signpost".into(),
        idle_minutes: 10,
        saved: true,
        ..Setting::default()
    };
    Session::new(origin, setting, NOW)
}

fn done(text: &str) -> Answer {
    Answer::Text {
        text: text.to_owned(),
        ok: true,
    }
}

/// All that it gives until it falls silent, answered by nothing.
fn drained(session: &mut Session) -> String {
    let mut all = Vec::new();
    loop {
        let output = session.output();
        if output.is_empty() {
            return String::from_utf8(all).expect("text");
        }
        all.extend(output);
    }
}

#[test]
fn so_much_is_kept_while_the_farm_is_asked_and_no_more() {
    let mut session = session(true);
    session.input(b"show version\r", NOW);
    assert!(matches!(session.request(), Some(Request::Run { .. })));
    drained(&mut session);
    session.input(&vec![b'x'; KEPT_BYTES], NOW);
    assert_eq!(session.room(), 0);
    assert_eq!(drained(&mut session), "");
    session.input(&vec![b'x'; 1_000_000], NOW);
    assert_eq!(drained(&mut session), "\x07");
    assert!(session.kept.capacity() <= 2 * KEPT_BYTES);
    session.input(b"\x03", NOW);
    assert_eq!(session.request(), Some(Request::Cancel));
    assert_eq!(session.room(), KEPT_BYTES);
    session.input(b"\x03\x03", NOW);
    assert_eq!(session.request(), None, "it is cancelled once");
}

#[test]
fn a_script_that_finds_no_room_ends() {
    let mut session = session(false);
    session.input(b"show version\n", NOW);
    session.input(&vec![b'!'; KEPT_BYTES + 1], NOW);
    assert_eq!(session.over(), Some(1));
    assert_eq!(drained(&mut session), "% Too much input at once\n");
}

#[test]
fn keys_wait_for_the_terminal_to_take_what_they_lead_to() {
    let mut session = session(true);
    drained(&mut session);
    session.input(&[b'?'; 4_000], NOW);
    let mut largest = 0;
    let mut turns = 0;
    loop {
        let output = session.output();
        if output.is_empty() {
            break;
        }
        largest = largest.max(output.len());
        turns += 1;
    }
    assert!(turns > 10, "{turns} pieces");
    assert!(largest < OUTPUT_BYTES + 8_192, "{largest} bytes at once");
}

#[test]
fn notices_wait_in_a_bounded_queue() {
    let mut session = session(true);
    session.resize(80, 5);
    session.input(b"show version\r", NOW);
    session.request();
    session.answer(done(&"line\n".repeat(100)), NOW);
    drained(&mut session);
    for n in 0..NOTICES + 2 {
        session.notice(&format!("notice {n}"));
    }
    assert_eq!(drained(&mut session), "");
    session.input(b"q", NOW);
    let shown = drained(&mut session);
    assert!(shown.contains(&format!("notice {}\r\n", NOTICES - 1)));
    assert!(!shown.contains(&format!("notice {NOTICES}")));
    assert!(shown.contains("% 2 more lines were not shown\r\n"));
}

#[test]
fn a_candidate_has_so_many_lines() {
    let mut session = session(true);
    session.input(b"enable\rconfigure candidate\r", NOW);
    session.request();
    session.answer(Answer::Begun(1), NOW);
    if let Mode::Candidate(candidate) = &mut session.mode {
        candidate.lines = vec!["weight 10.0.0.1 5".into(); CANDIDATE_LINES - 1];
    }
    session.input(b"weight 10.0.0.1 6\r", NOW);
    assert!(
        matches!(session.request(), Some(Request::Check { lines }) if lines.len() == CANDIDATE_LINES)
    );
    session.answer(done(""), NOW);
    session.input(b"weight 10.0.0.1 7\r", NOW);
    assert_eq!(session.request(), None);
    assert!(drained(&mut session).contains("% A candidate has at most 10000 lines"));
}

#[test]
fn keys_for_a_live_screen_wait_in_a_bounded_queue() {
    let mut session = session(true);
    session.input(b"monitor\r", NOW);
    session.request();
    session.answer(Answer::Screen("live".to_owned()), NOW);
    session.input(&[b's'; 10_000], NOW);
    let keys = std::iter::from_fn(|| session.request()).count();
    assert_eq!(keys, SCREEN_KEYS);
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut session = session(true);
    drained(&mut session);
    session.answer(done("late\n"), NOW);
    session.answer(Answer::Done, NOW);
    session.answer(Answer::Begun(1), NOW);
    assert_eq!(drained(&mut session), "");
}

#[test]
fn whoever_types_is_not_idle_and_whoever_waits_in_a_script_is_not_either() {
    let mut terminal = session(true);
    assert_eq!(terminal.due(), Some(Millis(601_000)));
    terminal.input(b"x", Millis(500_000));
    terminal.tick(Millis(601_000));
    assert_eq!(terminal.over(), None);
    terminal.tick(Millis(1_100_000));
    assert_eq!(terminal.over(), Some(1));
    let mut script = session(false);
    script.input(b"show version\n", NOW);
    assert_eq!(script.due(), None);
    script.answer(done(""), Millis(5_000));
    assert_eq!(script.due(), Some(Millis(605_000)));
}

#[test]
fn what_is_under_way_is_stopped_when_the_session_ends() {
    let mut session = session(true);
    session.input(b"show version\r", NOW);
    session.request();
    session.tick(Millis(10_000_000));
    assert_eq!(session.request(), Some(Request::Cancel));
    assert_eq!(session.request(), None);
}

#[test]
fn a_script_s_last_line_needs_no_end() {
    let mut session = session(false);
    session.input(b"show version", NOW);
    assert_eq!(session.request(), None);
    session.input_end(NOW);
    assert!(matches!(session.request(), Some(Request::Run { .. })));
    assert_eq!(session.over(), None);
    session.answer(done("Signpost\n"), NOW);
    assert_eq!(drained(&mut session), "Signpost\n");
    assert_eq!(session.over(), Some(0));
}

#[test]
fn a_line_of_a_script_has_4096_bytes_and_no_more() {
    for (bytes, over) in [(4_096, None), (4_097, Some(1)), (100_000, Some(1))] {
        let mut session = session(false);
        let line = [b"!".repeat(bytes), b"\n".to_vec()].concat();
        for piece in line.chunks(KEPT_BYTES) {
            session.input(piece, NOW);
        }
        assert_eq!(session.over(), over, "{bytes} bytes");
        assert!(session.script.capacity() <= 16 * 1024);
    }
}

#[test]
fn a_lock_that_was_granted_while_it_was_given_up_is_let_go() {
    let mut session = session(true);
    session.input(b"enable\rconfigure exclusive\r", NOW);
    assert_eq!(session.request(), Some(Request::Begin { exclusive: true }));
    session.input(b"\x03", NOW);
    assert_eq!(session.request(), Some(Request::Cancel));
    session.answer(Answer::Done, NOW);
    assert_eq!(session.request(), Some(Request::Abandon));
    assert_eq!(session.mode, Mode::Commands);
}

#[test]
fn whoever_carries_the_session_may_filter_in_its_place() {
    let mut session = session(false);
    session.input(b"show version | include up | count up\n", NOW);
    let mut filter = session.take_filter().expect("there are filters");
    assert!(session.take_filter().is_none());
    let left = filter.all("down\nup 1\nup 2\n");
    session.answer(done(&left), NOW);
    assert_eq!(drained(&mut session), "2\n");
}

#[test]
fn whoever_is_sent_away_is_told_why_and_has_a_terminal_as_it_was() {
    let mut terminal = session(true);
    terminal.input(b"monitor\r", NOW);
    terminal.request();
    terminal.answer(Answer::Screen("live".to_owned()), NOW);
    drained(&mut terminal);
    terminal.dismiss("% ended by root");
    let shown = drained(&mut terminal);
    assert_eq!(shown, "\x1b[?25h\x1b[?1049l% ended by root\r\n");
    assert_eq!(terminal.over(), Some(1));
    let mut script = session(false);
    script.input(b"write erase\n", NOW);
    script.dismiss("% all sessions are taken");
    assert!(matches!(script.request(), Some(Request::Run { .. })));
    assert_eq!(script.request(), Some(Request::Cancel));
    assert_eq!(drained(&mut script), "% all sessions are taken\n");
}

#[test]
fn a_long_answer_is_made_as_it_is_taken_and_the_next_line_waits_for_its_end() {
    let mut session = session(false);
    session.input(b"show real\nshow version\n", NOW);
    session.request();
    let line = format!("{}\n", "x".repeat(99));
    let (lines, long) = (3_000, "y".repeat(2 * OUTPUT_BYTES));
    session.answer(done(&format!("{}{long}\n", line.repeat(lines))), NOW);
    let mut shown = String::new();
    let mut largest = 0;
    while session.is_pouring() {
        assert_eq!(session.request(), None, "not before the end");
        let piece = session.output();
        largest = largest.max(piece.len());
        shown.push_str(std::str::from_utf8(&piece).expect("text"));
    }
    assert_eq!(shown, format!("{}{long}\n", line.repeat(lines)));
    assert_eq!(largest, long.len() + 1, "a line goes as one");
    assert!(matches!(session.request(), Some(Request::Run { .. })));
}

#[test]
fn a_long_answer_is_given_up_by_the_interrupt_key() {
    let mut session = session(true);
    session.input(b"enable\rno pager\rshow real\r", NOW);
    drained(&mut session);
    session.request();
    session.answer(done(&"x\n".repeat(OUTPUT_BYTES * 4)), NOW);
    let first = session.output();
    assert!(first.len() <= 2 * OUTPUT_BYTES && session.is_pouring());
    session.input(b"show who\x03", NOW);
    assert!(!session.is_pouring());
    assert!(drained(&mut session).ends_with("signpost# "));
    assert_eq!(session.request(), None);
}
