//! Does what a session asks for: each request becomes a wish of the one writer or a question to whoever looks.
//!
//! One request is under way at a time, in a task of its own, so that the session goes on hearing keys meanwhile.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::limits::ANSWERS;
use super::room::Room;
use super::{changes, commands, doors};
use crate::console::{Answer, Question, Request};
use crate::control::Author;
use crate::model::Level;

/// Keys that may wait for a live screen; more are lost on it.
const KEYS_WAITING: usize = 64;

/// Does what a session asks for.
#[derive(Debug)]
pub(super) struct Executor {
    room: Arc<Room>,
    /// Whose session it is.
    pub(super) author: Author,
    work: Option<Work>,
    size: watch::Sender<(u16, u16)>,
    /// It may keep others from changing anything.
    holds: bool,
}

/// What is under way.
#[derive(Debug)]
struct Work {
    task: JoinHandle<()>,
    answers: mpsc::Receiver<Answer>,
    keys: mpsc::Sender<u8>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // However the session ended.
        self.release();
    }
}

/// What a task has at hand.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) room: Arc<Room>,
    pub(super) author: Author,
    /// What its user may do.
    pub(super) level: Level,
    /// Keys that are pressed meanwhile.
    pub(super) keys: mpsc::Receiver<u8>,
    /// The window's size, as it changes.
    pub(super) size: watch::Receiver<(u16, u16)>,
    answers: mpsc::Sender<Answer>,
}

impl Desk {
    /// Answers; whether anybody waits for more.
    pub(super) async fn answer(&self, answer: Answer) -> bool {
        self.answers.send(answer).await.is_ok()
    }
}

impl Executor {
    pub(super) fn new(room: Arc<Room>, author: Author) -> Executor {
        Executor {
            room,
            author,
            work: None,
            size: watch::Sender::new((0, 0)),
            holds: false,
        }
    }

    /// The window's size, for what is painted live.
    pub(super) fn resize(&self, size: (u16, u16)) {
        self.size
            .send_if_modified(|before| std::mem::replace(before, size) != size);
    }

    /// Begins what is asked for; its answer, where that is there at once.
    pub(super) fn begin(
        &mut self,
        request: Request,
        user: Option<(&str, Level)>,
    ) -> Option<Answer> {
        match request {
            Request::Key(key) => {
                if let Some(work) = &self.work {
                    // One key more or less where so many wait.
                    let _ = work.keys.try_send(key);
                }
                None
            }
            Request::Cancel => self.work.take().map(|_| Answer::Done),
            Request::Abandon => {
                self.release();
                None
            }
            request => {
                self.holds |= matches!(request, Request::Begin { exclusive: true });
                let (answer, answers) = mpsc::channel(ANSWERS);
                let (keys, pressed) = mpsc::channel(KEYS_WAITING);
                let desk = Desk {
                    room: Arc::clone(&self.room),
                    author: self.author.clone(),
                    level: user.map_or(Level::View, |(_, level)| level),
                    keys: pressed,
                    size: self.size.subscribe(),
                    answers: answer,
                };
                let task = tokio::spawn(run(desk, request));
                self.work = Some(Work {
                    task,
                    answers,
                    keys,
                });
                None
            }
        }
    }

    /// Lets others change the configuration again.
    pub(super) fn release(&mut self) {
        if std::mem::take(&mut self.holds) {
            self.room.release(self.author.session);
        }
    }

    /// The next answer of what is under way. Cancel safe.
    pub(super) async fn next(&mut self) -> Answer {
        let Some(work) = &mut self.work else {
            return std::future::pending().await;
        };
        match work.answers.recv().await {
            Some(answer) => {
                let more = matches!(answer, Answer::Screen(_) | Answer::Line(_));
                if !more {
                    self.work = None;
                }
                answer
            }
            None => {
                self.work = None;
                Answer::Done
            }
        }
    }
}

/// A text as an answer.
pub(super) fn told(result: Result<String, String>) -> Answer {
    let ok = result.is_ok();
    let (Ok(text) | Err(text)) = result;
    Answer::Text { text, ok }
}

async fn run(mut desk: Desk, request: Request) {
    let answer = match request {
        Request::Login { user, password } => doors::login(&desk, &user, &password).await,
        Request::Enable { password } => doors::enable(&desk, &password).await,
        Request::Hash { password } => told(desk.room.login.hash(&password).await),
        Request::Words { rule, begun } => words(&desk, rule, begun).await,
        Request::Configure { line } => told(changes::configure(&desk, &line).await),
        Request::Check { lines } => told(changes::check(&desk, lines).await),
        Request::Diff { lines } => told(changes::candidate(&desk, lines).await),
        Request::Begin { exclusive } => changes::begin(&desk, exclusive).await,
        Request::Commit {
            lines,
            generation,
            confirm_minutes,
        } => told(changes::commit(&desk, &lines, generation, confirm_minutes).await),
        Request::Run {
            command,
            json,
            columns,
            rows,
            secrets,
        } => {
            let asked = commands::Asked {
                command,
                json,
                columns,
                rows,
                secrets,
            };
            commands::run(&mut desk, asked).await
        }
        Request::Key(_) | Request::Abandon | Request::Cancel => Answer::Done,
    };
    desk.answer(answer).await;
}

/// The words that are configured.
async fn words(desk: &Desk, rule: Box<str>, begun: Box<str>) -> Answer {
    let (reply, answer) = tokio::sync::oneshot::channel();
    let question = Question::Words { rule, begun, reply };
    if desk.room.source.questions.send(question).await.is_err() {
        return Answer::Words(Vec::new());
    }
    Answer::Words(answer.await.unwrap_or_default())
}
