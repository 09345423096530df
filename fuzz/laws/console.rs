//! The law of the `console` target: the first bytes say how the session came about, the rest is what the client sends.

use signpost::console::{
    Answer, KEPT_BYTES, Keys, NOTICES, OUTPUT_BYTES, Origin, Over, Request, Session, Setting,
    Telnet,
};
use signpost::decide::Millis;
use signpost::model::Level;

/// The longest answer below, a help text or a `--More--` page, with room to spare.
const PIECE_BYTES: usize = 64 * 1024;

/// Panics where the law is broken.
pub(crate) fn check(bytes: &[u8]) {
    let [how, step, sent @ ..] = bytes else {
        return;
    };
    let bit = |n: u8| how >> n & 1 == 1;
    let origin = Origin {
        from: "192.0.2.7".into(),
        over: if bit(0) { Over::Telnet } else { Over::Unix },
        known: bit(1).then(|| {
            (
                "root".into(),
                if bit(2) {
                    Level::Configure
                } else {
                    Level::Operate
                },
            )
        }),
        terminal: !bit(3),
        columns: if bit(4) { 40 } else { 0 },
        rows: if bit(5) { 10 } else { 0 },
        command: None,
    };
    let setting = Setting {
        hostname: "signpost".into(),
        idle_minutes: 10,
        users: bit(6),
        enable: true,
        saved: bit(7),
        exec: false,
    };
    let terminal = origin.terminal;
    let mut session = Session::new(origin, setting.clone(), Millis(0));
    let mut telnet = Telnet::new();
    let mut replied = telnet.greet().len();
    let mut reads = 1;
    settle(&mut session, terminal, 0);
    for (turn, piece) in sent.chunks(usize::from(*step) + 1).enumerate() {
        let now = Millis(turn as u64 * 1_000);
        let mut keys = vec![];
        telnet.feed(piece, &mut keys);
        assert!(keys.len() <= piece.len() + 1);
        replied += telnet.reply().len();
        reads += 1;
        for key in keys {
            match key {
                Keys::Bytes(bytes) => session.input(&bytes, now),
                Keys::Window { columns, rows } => session.resize(columns, rows),
                Keys::Interrupt => session.interrupt(now),
            }
        }
        match turn % 7 {
            3 => session.notice("real 10.0.0.1 \x1b[2J: FAILED"),
            5 => session.heed(Setting {
                saved: turn % 2 == 0,
                ..setting.clone()
            }),
            _ => {}
        }
        settle(&mut session, terminal, turn);
        assert!(session.room() <= KEPT_BYTES);
    }
    assert!(
        replied <= sent.len() + 32 * reads,
        "{replied} bytes replied"
    );
    for _ in 0..=NOTICES {
        session.notice("more");
    }
    session.input_end(Millis(0));
    settle(&mut session, terminal, 0);
    session.tick(Millis(u64::MAX));
    settle(&mut session, terminal, 0);
    assert!(session.over().is_some(), "it ends");
}

/// Does what a carrier does, until the session falls silent.
fn settle(session: &mut Session, terminal: bool, seed: usize) {
    let mut rounds = 0;
    loop {
        let mut quiet = true;
        while let Some(request) = session.request() {
            quiet = false;
            if let Some(answer) = answer(&request, seed) {
                session.answer(answer, Millis(0));
            }
        }
        let output = session.output();
        shows_nothing_raw(&output, terminal);
        assert!(
            output.len() <= OUTPUT_BYTES + PIECE_BYTES,
            "{} bytes at once",
            output.len()
        );
        session.audited();
        rounds += 1;
        assert!(rounds < 1_000_000, "it goes on for ever");
        if quiet && output.is_empty() {
            return;
        }
    }
}

fn answer(request: &Request, seed: usize) -> Option<Answer> {
    let ok = !seed.is_multiple_of(5);
    Some(match request {
        Request::Key(_) | Request::Abandon => return None,
        Request::Cancel => Answer::Done,
        Request::Login { .. } if !ok => Answer::Denied("no".to_owned()),
        Request::Login { user, .. } => Answer::Allowed {
            user: user.clone(),
            level: Level::Configure,
        },
        Request::Enable { .. } => Answer::Allowed {
            user: "x".into(),
            level: Level::Configure,
        },
        Request::Words { .. } => Answer::Words(vec![
            ("10.0.0.1".to_owned(), String::new()),
            ("10.0.0.2\x1b[2J".to_owned(), "\x07".to_owned()),
        ]),
        Request::Begin { .. } => Answer::Begun(1),
        // The live screen goes on until it is cancelled; a line is followed by nothing, as by a slow farm.
        Request::Run { command, .. } if &*command.name == "monitor" => {
            Answer::Screen("live\n".repeat(5))
        }
        Request::Run { command, .. } if &*command.name == "debug_requests" => {
            Answer::Line("a\x1bb".to_owned())
        }
        _ => Answer::Text {
            text: "line\x1b[2J\u{202e}\n".repeat(30),
            ok,
        },
    })
}

/// Control bytes and escape sequences are the session's own, and few.
fn shows_nothing_raw(output: &[u8], terminal: bool) {
    let text = std::str::from_utf8(output).expect("the terminal gets UTF-8");
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() || c == '\u{202e}') {
        rest = &rest[at..];
        let c = rest.chars().next().unwrap_or_default();
        match c {
            '\n' | '\t' => {}
            '\r' | '\x07' | '\x08' => assert!(terminal, "{c:?} in plain output"),
            '\x1b' => {
                assert!(terminal, "an escape in plain output");
                let body = rest.strip_prefix("\x1b[").expect("a sequence");
                let end = body
                    .find(|c: char| c.is_ascii_alphabetic())
                    .expect("its end");
                let known = matches!(
                    &body[..=end],
                    "K" | "J" | "2J" | "H" | "?1049h" | "?1049l" | "?25h" | "?25l"
                );
                let moves = body[..end].bytes().all(|b| b.is_ascii_digit())
                    && matches!(body.as_bytes()[end], b'C' | b'D');
                assert!(known || moves, "{:?}", &body[..=end]);
            }
            other => panic!("{other:?} reached the terminal"),
        }
        rest = &rest[c.len_utf8()..];
    }
}
