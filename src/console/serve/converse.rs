//! One session on one wire: what is heard goes into the session, what it says goes out, what it asks for is done beside that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};

use super::audit;
use super::executor::Executor;
use super::limits::{CHUNK, FULL, OVERFULL, PROVE_WITHIN, STALLED};
use super::places::Place;
use super::registry::{Seat, Word};
use super::room::{Ground, Room};
use super::wire::{Heard, Raw, Wire};
use crate::console::{Answer, Keys, Origin, Over, Session};
use crate::control::Author;

/// Whoever comes, on a wire.
pub(super) struct Guest {
    pub(super) origin: Origin,
    pub(super) wire: Wire,
    /// His place among those who have not logged in.
    pub(super) unproven: Option<Place>,
    /// He is a user of the configuration, and goes where it has him no more.
    pub(super) configured: bool,
}

/// Where nothing has to be waited for.
const NEVER: Duration = Duration::from_secs(24 * 3_600);

/// Serves a guest to the end; the exit status.
pub(super) async fn converse(room: Arc<Room>, guest: Guest) -> u8 {
    let Guest {
        origin,
        mut wire,
        unproven,
        configured,
    } = guest;
    let (seat, words) = room.registry.sit(origin.over, &origin.from);
    let author = Author {
        user: "-".into(),
        from: origin.from.clone(),
        session: seat.number(),
    };
    let mut ground = room.source.ground.clone();
    let setting = ground.borrow_and_update().setting();
    let (over, script) = (origin.over, !origin.terminal);
    // Where nobody has a name, whoever comes by telnet is no user who could go.
    let configured = configured && (origin.known.is_some() || setting.users);
    let session = Session::new(origin, setting, room.now());
    let mut talk = Talk {
        executor: Executor::new(Arc::clone(&room), author),
        outbox: BytesMut::from(&*wire.code.greet()),
        room,
        session,
        seat,
        over,
        unproven,
        configured,
        script,
        named: None,
        typed: VecDeque::new(),
        ended: false,
        log: None,
        last: None,
    };
    let status = talk.run(&mut wire, &mut ground, words).await;
    if talk.named.is_some() {
        audit::left(&talk.executor.author, talk.by_local_script());
    }
    talk.executor.release();
    status
}

struct Talk {
    room: Arc<Room>,
    session: Session,
    executor: Executor,
    seat: Seat,
    over: Over,
    unproven: Option<Place>,
    configured: bool,
    /// Nobody sits there.
    script: bool,
    named: Option<Box<str>>,
    /// What goes to the client and has not gone yet.
    outbox: BytesMut,
    /// What came from the client and has yet to be handed in.
    typed: VecDeque<Keys>,
    /// Nothing more will be typed.
    ended: bool,
    log: Option<broadcast::Receiver<Arc<str>>>,
    /// The exit status, where it was ended from outside.
    last: Option<u8>,
}

impl Talk {
    async fn run(
        &mut self,
        wire: &mut Wire,
        ground: &mut watch::Receiver<Ground>,
        mut words: mpsc::Receiver<Word>,
    ) -> u8 {
        let prove_by = Instant::now() + PROVE_WITHIN;
        let mut stalled_at = Instant::now() + STALLED;
        let mut chunk = Vec::with_capacity(CHUNK);
        // Frames may have come with the client's first line.
        if !self.take(wire, Raw::Bytes(0), &[]) {
            return 1;
        }
        loop {
            let was_empty = self.outbox.is_empty();
            self.settle(wire, ground);
            if was_empty {
                stalled_at = Instant::now() + STALLED;
            }
            let over = self.last.or_else(|| self.session.over());
            if let Some(status) = over {
                self.part(wire, status).await;
                return status;
            }
            let full = self.outbox.len() >= FULL;
            let due = self.session.due().map_or(NEVER, |due| {
                Duration::from_millis(due.0.saturating_sub(self.room.now().0))
            });
            tokio::select! {
                biased;
                word = words.recv() => self.hear_word(word),
                written = wire.mouth.write(&self.outbox), if !self.outbox.is_empty() => match written {
                    Ok(0) | Err(_) => return 1,
                    Ok(written) => {
                        // A large answer is not moved up for each piece of it that goes.
                        self.outbox.advance(written);
                        stalled_at = Instant::now() + STALLED;
                    }
                },
                () = sleep_until(stalled_at), if !self.outbox.is_empty() => return 1,
                () = sleep_until(prove_by), if self.named.is_none() => {
                    self.session.dismiss("% nobody logged in in time");
                }
                changed = ground.changed() => {
                    if changed.is_err() {
                        self.hear_word(Some(Word::End("% the director ends".into())));
                    }
                    self.heed(&ground.borrow_and_update());
                }
                answer = self.executor.next(), if !full => {
                    let answer = filtered(&mut self.session, answer).await;
                    self.session.answer(answer, self.room.now());
                }
                raw = wire.ear.hear(&mut chunk), if !full && !self.ended && self.typed.is_empty() => {
                    let is_flow = matches!(raw, Raw::Bytes(_));
                    if !self.take(wire, raw, &chunk) {
                        return 1;
                    }
                    if is_flow {
                        // A client that sends without end lets others have their turn.
                        tokio::task::yield_now().await;
                    }
                }
                line = watched(&mut self.log) => self.hear_line(&line),
                () = tokio::time::sleep(due) => self.session.tick(self.room.now()),
            }
        }
    }

    /// Whether this is a script of this host.
    fn by_local_script(&self) -> bool {
        self.script && self.over == Over::Unix
    }

    /// Takes what was read; whether the client is still there.
    fn take(&mut self, wire: &mut Wire, raw: Raw, chunk: &[u8]) -> bool {
        let (heard, reply) = wire.code.take(raw, chunk);
        self.outbox.extend_from_slice(&reply);
        match heard {
            Heard::Keys(keys) => {
                self.typed.extend(keys);
                self.seat.touch();
            }
            #[cfg(feature = "ssh")]
            Heard::Ended => self.ended = true,
            Heard::Gone => return false,
        }
        self.ended |= wire.code.has_ended();
        true
    }

    /// Hands in what was typed, has done what is asked for, and gathers what is said, until nothing more comes of it.
    fn settle(&mut self, wire: &Wire, ground: &watch::Receiver<Ground>) {
        loop {
            let full = self.outbox.len() >= FULL;
            let handed = !full && self.hand_in();
            self.take_place(ground);
            for line in self.session.audited() {
                audit::ran(&self.executor.author, &line, self.by_local_script());
            }
            let mut asked = false;
            while let Some(request) = self.session.request() {
                asked = true;
                if let Some(answer) = self.executor.begin(request, self.session.user()) {
                    self.session.answer(answer, self.room.now());
                }
            }
            self.executor.resize(self.session.size());
            // Of a long answer there is more once this has gone.
            let said = match full && self.session.is_pouring() {
                true => Vec::new(),
                false => self.session.output(),
            };
            if !said.is_empty() {
                self.outbox.extend_from_slice(&wire.code.give(&said));
            }
            if full || (!handed && !asked && said.is_empty()) {
                break;
            }
        }
        if !self.session.wants_log() {
            self.log = None;
        } else if self.log.is_none() {
            self.log = Some(self.room.source.log.watch());
        }
    }

    /// Hands in what was typed as far as the session has room for it; whether there was something.
    fn hand_in(&mut self) -> bool {
        let now = self.room.now();
        match self.typed.pop_front() {
            Some(Keys::Window { columns, rows }) => self.session.resize(columns, rows),
            Some(Keys::Interrupt) => self.session.interrupt(now),
            // Nothing to wait with: no room is ever asked for it.
            Some(Keys::Bytes(bytes)) if bytes.is_empty() => {}
            Some(Keys::Bytes(mut bytes)) => {
                // Of a person's keys the session drops what is too much; a script has to wait.
                let room = if self.script {
                    self.session.room()
                } else {
                    bytes.len()
                };
                if room == 0 {
                    self.typed.push_front(Keys::Bytes(bytes));
                    return false;
                }
                let rest = bytes.split_off(bytes.len().min(room));
                if !rest.is_empty() {
                    self.typed.push_front(Keys::Bytes(rest));
                }
                self.session.input(&bytes, now);
            }
            None if self.ended => {
                self.ended = false;
                self.session.input_end(now);
                return true;
            }
            None => return false,
        }
        true
    }

    /// Takes a place among the sessions once it is known whose this is.
    fn take_place(&mut self, ground: &watch::Receiver<Ground>) {
        let Some((user, level)) = self.session.user() else {
            return;
        };
        let user: Box<str> = user.into();
        if self.named.as_ref() == Some(&user) {
            self.seat.rise(level);
            return;
        }
        self.executor.author.user = user.clone();
        let most = ground.borrow().console.sessions;
        if !self.seat.name(&user, level, most) {
            let text = format!(
                "% all {most} sessions are taken (`console-sessions`); `who` on another shows by whom"
            );
            return self.session.dismiss(&text);
        }
        self.unproven = None;
        if self.named.is_none() {
            audit::came(
                &self.executor.author,
                carried(self.over),
                self.by_local_script(),
            );
        }
        self.named = Some(user);
    }

    fn heed(&mut self, ground: &Ground) {
        self.session.heed(ground.setting());
        let Some(name) = self.named.as_ref().filter(|_| self.configured) else {
            return;
        };
        let mut users = ground.console.users.iter();
        let text = match users.find(|user| user.name == *name) {
            None => format!("% the user `{name}` is configured no more"),
            Some(user) if self.session.own_level() > Some(user.level) => {
                format!(
                    "% the user `{name}` has the privilege `{}` now: log in again",
                    user.level.as_str()
                )
            }
            Some(_) => return,
        };
        self.session.dismiss(&text);
    }

    fn hear_word(&mut self, word: Option<Word>) {
        match word {
            Some(Word::Notice(text)) => self.notice(&text),
            Some(Word::End(why)) => self.session.dismiss(&why),
            None => self.last = Some(1),
        }
    }

    fn hear_line(&mut self, line: &str) {
        if self.outbox.len() < OVERFULL {
            self.notice(line);
        }
    }

    fn notice(&mut self, text: &str) {
        self.session.notice(text);
    }

    /// Says the last words.
    async fn part(&mut self, wire: &mut Wire, status: u8) {
        // A client that reads nothing keeps nobody from changing anything meanwhile.
        self.executor.release();
        let said = wire.code.give(&self.session.output());
        self.outbox.extend_from_slice(&said);
        self.outbox.extend_from_slice(&wire.code.end(status));
        // Whoever goes on reading hears all of it, however long that takes.
        while !self.outbox.is_empty() {
            match timeout(STALLED, wire.mouth.write(&self.outbox)).await {
                Ok(Ok(written)) if written > 0 => self.outbox.advance(written),
                _ => return,
            }
        }
        let _ = timeout(STALLED, wire.mouth.flush()).await;
    }
}

/// The answer as its filters leave it: a costly pattern is matched on a thread where nobody waits.
async fn filtered(session: &mut Session, answer: Answer) -> Answer {
    let Answer::Text { text, ok: true } = answer else {
        return answer;
    };
    let Some(mut filter) = session.take_filter() else {
        return Answer::Text { text, ok: true };
    };
    let left = spawn_blocking(move || filter.all(&text)).await;
    match left {
        Ok(text) => Answer::Text { text, ok: true },
        Err(_) => Answer::Text {
            text: "filtering ended early".to_owned(),
            ok: false,
        },
    }
}

/// The next line of the log; never where nobody watches it.
async fn watched(log: &mut Option<broadcast::Receiver<Arc<str>>>) -> Arc<str> {
    let Some(receiver) = log else {
        return std::future::pending().await;
    };
    match receiver.recv().await {
        Ok(line) => line,
        Err(RecvError::Lagged(lost)) => format!("% {lost} lines of the log were left out").into(),
        Err(RecvError::Closed) => {
            *log = None;
            std::future::pending().await
        }
    }
}

/// The word for what carries a session.
pub(super) fn carried(over: Over) -> &'static str {
    match over {
        Over::Telnet => "telnet",
        Over::Ssh => "ssh",
        Over::Unix => "unix",
    }
}
