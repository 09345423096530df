//! A farm that answers as it is told, around one session.
//!
//! | line | means |
//! | --- | --- |
//! | `: over telnet\|ssh\|unix` | how it came; telnet goes through [`Telnet`] |
//! | `: known NAME LEVEL` | who it is, as SSH and the Unix socket know |
//! | `: window COLUMNS ROWS` | the window; later on: its new size |
//! | `: script` | nobody sits at a terminal |
//! | `: command LINE` | `-c LINE`; several add up |
//! | `: users`, `: enable`, `: unsaved`, `: exec`, `: saved` | the setting; later on: it is so now |
//! | `: idle MINUTES` | how long a session may be without a key |
//! | `: hold`, `: go` | the farm does not answer, until it does |
//! | `: frame TEXT`, `: line TEXT`, `: done` | what comes while the farm holds an answer |
//! | `: notice TEXT` | a line of the log |
//! | `: wait SECONDS` | time passes |
//! | `: interrupt`, `: end` | the interrupt key; the end of a script |
//! | `: look` | the screen as it is now, from the row of the look before |

use signpost::console::{Answer, Keys, Origin, Over, Request, Session, Setting, Telnet};
use signpost::decide::Millis;
use signpost::model::Level;

use crate::screen::Screen;

struct Play {
    origin: Origin,
    setting: Setting,
    session: Option<Session>,
    telnet: Telnet,
    screen: Screen,
    now: u64,
    holds: bool,
    held: Option<Request>,
    generation: u64,
    log: Vec<String>,
    looks: String,
    seen: usize,
}

/// The screen that these keys lead to, and what was asked for.
pub(crate) fn play(input: &str) -> String {
    let mut play = Play::new();
    for line in input.lines() {
        match line.strip_prefix(": ") {
            Some(said) => play.said(said),
            None => play.typed(&keys(line)),
        }
    }
    play.turn();
    play.finish()
}

impl Play {
    fn new() -> Play {
        Play {
            origin: Origin {
                from: "192.0.2.7".into(),
                over: Over::Unix,
                known: Some(("root".into(), Level::Configure)),
                terminal: true,
                columns: 80,
                rows: 0,
                command: None,
            },
            setting: Setting {
                hostname: "signpost".into(),
                idle_minutes: 10,
                saved: true,
                ..Setting::default()
            },
            session: None,
            telnet: Telnet::new(),
            screen: Screen::new(80),
            now: 1_000,
            holds: false,
            held: None,
            generation: 7,
            log: vec![],
            looks: String::new(),
            seen: 0,
        }
    }

    fn said(&mut self, said: &str) {
        let (what, rest) = said.split_once(' ').unwrap_or((said, ""));
        let now = Millis(self.now);
        match what {
            "over" => {
                self.origin.over = match rest {
                    "telnet" => Over::Telnet,
                    "ssh" => Over::Ssh,
                    _ => Over::Unix,
                };
                self.origin.known = None;
            }
            "known" => {
                let (name, level) = rest.split_once(' ').expect("NAME LEVEL");
                self.origin.known = Some((name.into(), level_of(level)));
            }
            "window" => {
                let (columns, rows) = rest.split_once(' ').expect("COLUMNS ROWS");
                self.origin.columns = columns.parse().expect("columns");
                self.origin.rows = rows.parse().expect("rows");
                self.screen.resize(usize::from(self.origin.columns));
                if let Some(session) = &mut self.session {
                    session.resize(self.origin.columns, self.origin.rows);
                }
            }
            "script" => self.origin.terminal = false,
            "command" => {
                let before = self.origin.command.take().map(|c| format!("{c}\n"));
                self.origin.command = Some((before.unwrap_or_default() + rest).into());
            }
            "users" => self.setting.users = true,
            "enable" => self.setting.enable = true,
            "exec" => self.setting.exec = true,
            "idle" => self.setting.idle_minutes = rest.parse().expect("minutes"),
            "hostname" => self.setting.hostname = rest.into(),
            "unsaved" | "saved" => self.setting.saved = what == "saved",
            "hold" => self.holds = true,
            "go" => {
                self.holds = false;
                if let Some(request) = self.held.take() {
                    let answer = self.answer(request);
                    self.session().answer(answer, now);
                }
            }
            "frame" => {
                let frame = rest.replace("\\n", "\n");
                self.session().answer(Answer::Screen(frame), now);
            }
            "line" => self.session().answer(Answer::Line(rest.to_owned()), now),
            "done" => self.session().answer(Answer::Done, now),
            "notice" => self.session().notice(rest),
            "interrupt" => self.session().interrupt(now),
            "end" => self.session().input_end(now),
            "wait" => {
                self.now += rest.parse::<u64>().expect("seconds") * 1_000;
                let now = Millis(self.now);
                self.session().tick(now);
            }
            "look" => {
                self.turn();
                let text = self.screen.text(self.seen);
                self.seen = self.screen.row();
                self.looks += &format!("{text}---- so far\n");
            }
            other => panic!("`: {other}` says nothing"),
        }
        if matches!(
            what,
            "users" | "enable" | "exec" | "idle" | "hostname" | "unsaved" | "saved"
        ) {
            let setting = self.setting.clone();
            if let Some(session) = &mut self.session {
                session.heed(setting);
            }
        }
        if self.session.is_some() {
            self.turn();
        }
    }

    fn session(&mut self) -> &mut Session {
        let (origin, setting, now) = (&self.origin, &self.setting, Millis(self.now));
        self.session
            .get_or_insert_with(|| Session::new(origin.clone(), setting.clone(), now))
    }

    /// Each byte on its own, as slow fingers do; telnet takes its own way.
    fn typed(&mut self, bytes: &[u8]) {
        self.session();
        self.turn();
        for byte in bytes {
            let now = Millis(self.now);
            if self.origin.over == Over::Telnet {
                let mut keys = vec![];
                self.telnet.feed(&[*byte], &mut keys);
                for key in keys {
                    match key {
                        Keys::Bytes(bytes) => self.session().input(&bytes, now),
                        Keys::Window { columns, rows } => {
                            self.screen.resize(usize::from(columns));
                            self.session().resize(columns, rows);
                        }
                        Keys::Interrupt => self.session().interrupt(now),
                    }
                }
            } else {
                self.session().input(&[*byte], now);
            }
            self.turn();
        }
        if !self.origin.terminal {
            let now = Millis(self.now);
            self.session().input(b"\n", now);
            self.turn();
        }
    }

    /// Requests are answered and output is shown until there is neither.
    fn turn(&mut self) {
        self.session();
        loop {
            let mut quiet = true;
            while let Some(request) = self.session().request() {
                quiet = false;
                self.log.push(short(&request));
                let beside = matches!(
                    request,
                    Request::Key(_) | Request::Abandon | Request::Cancel
                );
                if matches!(request, Request::Cancel) && self.held.take().is_some() {
                    self.holds = false;
                    let now = Millis(self.now);
                    self.session().answer(Answer::Done, now);
                } else if self.holds && !beside {
                    self.held = Some(request);
                } else if !beside {
                    let answer = self.answer(request);
                    let now = Millis(self.now);
                    self.session().answer(answer, now);
                }
            }
            let output = self.session().output();
            quiet &= output.is_empty();
            // A script's text is no terminal's.
            if self.origin.terminal {
                self.screen.feed(&output);
            } else {
                assert!(!output.contains(&b'\r') && !output.contains(&0x1b));
                self.screen.feed(
                    String::from_utf8(output)
                        .expect("text")
                        .replace('\n', "\r\n")
                        .as_bytes(),
                );
            }
            if quiet {
                return;
            }
        }
    }

    fn answer(&mut self, request: Request) -> Answer {
        let text = |text: &str| Answer::Text {
            text: text.to_owned(),
            ok: true,
        };
        let wrong = |text: &str| Answer::Text {
            text: text.to_owned(),
            ok: false,
        };
        match request {
            Request::Login { user, password } => match (&*user, &*password) {
                ("ann", "correct horse") => Answer::Allowed {
                    user,
                    level: Level::Configure,
                },
                ("otto", "correct horse") => Answer::Allowed {
                    user,
                    level: Level::Operate,
                },
                ("vera", "correct horse") => Answer::Allowed {
                    user,
                    level: Level::View,
                },
                _ => Answer::Denied("No such user, or another password".to_owned()),
            },
            Request::Enable { password } if &*password == "open sesame" => Answer::Allowed {
                user: "telnet".into(),
                level: Level::Configure,
            },
            Request::Enable { .. } => Answer::Denied("Another password".to_owned()),
            Request::Hash { .. } => text("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA\n"),
            Request::Words { rule, begun } => words(&rule, &begun),
            Request::Run {
                command,
                json: true,
                ..
            } => text(&format!("{{\"command\":\"{}\"}}\n", command.name)),
            Request::Run { command, .. } => match &*command.name {
                "show_real" if command.has("real_id") => text("(one real)\n"),
                "show_real" => text(&reals()),
                "show_version" => text("Signpost 0.1.0\n"),
                "show_log" => text("a name with \x1b[2Jcontrol\x07 bytes\n"),
                "show_dip" => wrong("% There is no dip of this id\n"),
                "write_memory" => text("Stored: 12 lines.\n"),
                _ => text(&format!("({})\n", command.name)),
            },
            Request::Configure { line } if line.contains("10.8.8.8") => {
                wrong("`ben` (unix) has the configuration exclusively (`configure exclusive`)")
            }
            Request::Configure { line } if line.contains("10.9.9.9") => wrong(
                "error: the real `10.9.9.9` is defined nowhere\n  weight 10.9.9.9 5\n         ^^^^^^^^\n",
            ),
            Request::Check { lines } if lines.iter().any(|line| line.contains("10.9.9.9")) => {
                wrong("error: the real `10.9.9.9` is defined nowhere\n")
            }
            Request::Configure { .. } | Request::Check { .. } => text(""),
            Request::Diff { lines } => text(
                &lines
                    .iter()
                    .map(|line| format!("+ {line}\n"))
                    .collect::<String>(),
            ),
            Request::Begin { .. } if self.setting.hostname.contains("busy") => {
                Answer::Denied("`ben` (session 4) holds the configuration for himself".to_owned())
            }
            Request::Begin { .. } => Answer::Begun(self.generation),
            Request::Commit { lines, .. }
                if lines.iter().any(|line| line.contains("10.0.0.13")) =>
            {
                wrong("error: `10.0.0.13`: what runs has changed since\n")
            }
            Request::Commit { .. } => {
                self.generation += 1;
                text("Committed.\n")
            }
            Request::Key(_) | Request::Abandon | Request::Cancel => Answer::Done,
        }
    }

    fn finish(mut self) -> String {
        let mut out = self.looks.clone();
        out += &self.screen.text(self.seen);
        if let Some(last) = self.screen.last_alternate.take() {
            out += &format!("---- live\n{last}");
        }
        if self.screen.bells > 0 {
            out += &format!("---- bells: {}\n", self.screen.bells);
        }
        if !self.log.is_empty() {
            out += &format!("---- asked\n{}\n", self.log.join("\n"));
        }
        let audited = self.session().audited();
        if !audited.is_empty() {
            out += &format!("---- audited\n{}\n", audited.join("\n"));
        }
        if let Some(status) = self.session().over() {
            out += &format!("---- over: {status}\n");
        }
        out
    }
}

fn level_of(word: &str) -> Level {
    match word {
        "view" => Level::View,
        "operate" => Level::Operate,
        _ => Level::Configure,
    }
}

fn reals() -> String {
    let mut text = String::from("Machine      State  Connect\n");
    for n in 1..=30 {
        let state = if n % 10 == 0 { "OOS" } else { "IS" };
        text += &format!("{:<12} {state:<6} {:>7}\n", format!("10.0.0.{n}"), n * 3);
    }
    text
}

fn words(rule: &str, begun: &str) -> Answer {
    let all: &[&str] = match rule {
        "real_id" | "id" | "target" => &["10.0.0.11", "10.0.0.12", "10.0.0.21:8080"],
        "virtual_id" => &["192.0.2.10"],
        "url_id" => &["coyote", "roadrunner"],
        _ => &[],
    };
    let found = all.iter().filter(|word| word.starts_with(begun));
    Answer::Words(
        found
            .map(|word| ((*word).to_owned(), rule.replace('_', " ")))
            .collect(),
    )
}

/// A request in one line.
fn short(request: &Request) -> String {
    match request {
        Request::Run {
            command,
            json,
            columns,
            rows,
            secrets,
        } => {
            let words: Vec<String> = command
                .words
                .iter()
                .map(|(rule, text)| format!("{rule}={text}"))
                .collect();
            let json = if *json { " json" } else { "" };
            let secrets = if *secrets { " secrets" } else { "" };
            format!(
                "run {} [{}] {columns}x{rows}{json}{secrets}",
                command.name,
                words.join(" ")
            )
        }
        Request::Key(byte) => format!("key {}", char::from(*byte).escape_default()),
        other => format!("{other:?}"),
    }
}

/// Keys by their names.
fn keys(line: &str) -> Vec<u8> {
    let mut bytes = vec![];
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some(named) = rest.strip_prefix('<') {
            let (name, behind) = named.split_once('>').expect("a key ends with >");
            bytes.extend_from_slice(&key(name));
            rest = behind;
        } else if let Some(hex) = rest.strip_prefix("\\x") {
            bytes.push(u8::from_str_radix(&hex[..2], 16).expect("two hexadecimal digits"));
            rest = &hex[2..];
        } else {
            bytes.extend_from_slice(c.to_string().as_bytes());
            rest = &rest[c.len_utf8()..];
        }
    }
    bytes
}

fn key(name: &str) -> Vec<u8> {
    let (name, times) = match name.split_once('*') {
        Some((name, times)) => (name, times.parse().expect("a number")),
        None => (name, 1),
    };
    let once: Vec<u8> = match name {
        "Enter" => b"\r".to_vec(),
        "CRLF" => b"\r\n".to_vec(),
        "CRNUL" => b"\r\0".to_vec(),
        "LF" => b"\n".to_vec(),
        "Tab" => b"\t".to_vec(),
        "Back" => vec![0x7f],
        "Esc" => vec![0x1b],
        "Up" => b"\x1b[A".to_vec(),
        "Down" => b"\x1b[B".to_vec(),
        "Right" => b"\x1b[C".to_vec(),
        "Left" => b"\x1b[D".to_vec(),
        "Home" => b"\x1bOH".to_vec(),
        "End" => b"\x1b[4~".to_vec(),
        "Delete" => b"\x1b[3~".to_vec(),
        "lt" => b"<".to_vec(),
        _ if name.chars().count() == 1 => name.as_bytes().to_vec(),
        _ => match name.split_at(2) {
            ("C-", letter) => vec![letter.as_bytes()[0] & 0x1f],
            ("A-", letter) => vec![0x1b, letter.as_bytes()[0]],
            _ => panic!("no key is called {name}"),
        },
    };
    once.repeat(times)
}
