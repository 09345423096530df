//! A director in this process, asked as a console asks it.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use signpost::app::{self, Director, Event, Options};
use signpost::control::{Applied, Author, Life, LifeState, Reply, Which, Wish};
use signpost::language::Style;
use signpost::model::Running;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A loopback address of this test's own, with a port that is free there.
pub(crate) fn free() -> SocketAddr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let number =
        (std::process::id() << 8 | TAKEN.fetch_add(1, Ordering::Relaxed) & 0xff) & 0x3f_ffff;
    let ip = IpAddr::V4(Ipv4Addr::from(0x7f80_0000 + number));
    let free = TcpListener::bind((ip, 0)).expect("a free port on loopback");
    free.local_addr().expect("its address")
}

/// Reads what holds.
#[track_caller]
pub(crate) fn read(text: &str) -> Running {
    let (running, told) = Running::read("test", text.as_bytes());
    running.unwrap_or_else(|| panic!("it does not hold:\n{}", told.report(Style::Plain)))
}

/// A folder with a startup file in it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new(startup: &str) -> Place {
        let place = Place {
            folder: TempDir::new().expect("a folder"),
        };
        std::fs::write(place.file(), startup).expect("it can be written");
        place
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("startup-config")
    }

    pub(crate) fn stored(&self) -> String {
        std::fs::read_to_string(self.file()).expect("it can be read")
    }

    pub(crate) fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.expect("an entry").file_name();
        name.into_string().expect("UTF-8")
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Whoever asks.
#[derive(Clone)]
pub(crate) struct Asker {
    wishes: mpsc::Sender<Wish>,
    pub(crate) author: Author,
}

pub(crate) fn author(user: &str, session: u64) -> Author {
    Author {
        user: user.into(),
        from: "unix".into(),
        session,
    }
}

impl Asker {
    /// Another session.
    pub(crate) fn other(&self, user: &str, session: u64) -> Asker {
        Asker {
            author: author(user, session),
            ..self.clone()
        }
    }

    pub(crate) async fn ask<T>(
        &self,
        wish: impl FnOnce(Author, Reply<T>) -> Wish,
    ) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let wish = wish(self.author.clone(), reply);
        self.wishes.send(wish).await.expect("the director lives");
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        answer.expect("in time").expect("it answers")
    }

    /// What has no answer.
    pub(crate) async fn tell(&self, wish: Wish) {
        self.wishes.send(wish).await.expect("the director lives");
    }

    /// One typed line, or several that are pasted.
    pub(crate) async fn types(&self, lines: &str) -> Result<Applied, String> {
        self.apply(lines, false, None, "configure").await
    }

    pub(crate) async fn apply(
        &self,
        lines: &str,
        whole: bool,
        confirm_minutes: Option<u16>,
        why: &'static str,
    ) -> Result<Applied, String> {
        self.ask(|author, reply| Wish::Apply {
            lines: lines.to_owned(),
            whole,
            confirm_minutes,
            only: None,
            why,
            author,
            reply,
        })
        .await
    }

    pub(crate) async fn save(&self) -> Result<String, String> {
        self.ask(|author, reply| Wish::Save { author, reply }).await
    }

    pub(crate) async fn reload(&self) -> Result<Applied, String> {
        self.ask(|author, reply| Wish::Reload { author, reply })
            .await
    }

    pub(crate) async fn rollback(&self, number: usize) -> Result<Applied, String> {
        self.ask(|author, reply| Wish::Rollback {
            number,
            confirm_minutes: None,
            author,
            reply,
        })
        .await
    }

    pub(crate) async fn text(&self, which: Which, masked: bool) -> String {
        let text = self.ask(|_, reply| Wish::Text {
            which,
            masked,
            reply,
        });
        text.await.expect("there is one")
    }

    pub(crate) async fn running(&self) -> String {
        self.text(Which::Running, false).await
    }

    pub(crate) async fn state(&self) -> LifeState {
        let state = self.ask(|_, reply| Wish::State { reply });
        state.await.expect("it is told")
    }
}

fn options() -> Options {
    Options {
        workers: 1,
        grace: Duration::ZERO,
        console: None,
    }
}

/// Runs a director on what is at `place`, as `serve` does, while `asks` asks it.
pub(crate) fn direct<T, F: Future<Output = T>>(
    place: &Place,
    is_named: bool,
    asks: impl FnOnce(Asker) -> F,
) -> T {
    let life = app::open(&place.file(), is_named).expect("it begins");
    live(life, asks)
}

/// The same of a life that has begun.
pub(crate) fn live<T, F: Future<Output = T>>(life: Life, asks: impl FnOnce(Asker) -> F) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let director = Director::live(life, &options(), Default::default()).await;
        let mut director = director.expect("it starts");
        let asker = Asker {
            wishes: director.wishes(),
            author: author("ann", 1),
        };
        let served = async {
            loop {
                match director.watch().await {
                    Event::Ended => return,
                    event => director.answer(event).await,
                }
            }
        };
        let done = tokio::select! {
            done = asks(asker) => done,
            () = served => panic!("a worker ended"),
        };
        director.stop().await;
        done
    })
}

/// A life without files.
pub(crate) fn life(text: &str) -> Life {
    let running = Arc::new(read(text));
    Life::new(Arc::clone(&running), Some(running), None, None)
}
