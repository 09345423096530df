//! What is asked about the configuration, carried out: read, put into force, stored, brought back.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::{Director, Error, boot, bounds};
use crate::console::serve::Caller;
use crate::control::{
    Applied, Archive, Author, CONSOLE, Kept, PrepareError, Which, Wish, named, rendered, save,
    seal, serves,
};
use crate::decide::Millis;
use crate::language::Style;
use crate::model::{self, Running};

/// What could not go back is tried again after so long, in milliseconds.
const GO_BACK_AGAIN_MS: u64 = 5_000;

/// What a director that is watched comes back with.
#[derive(Debug)]
pub enum Event {
    /// Something is asked of it: to be given to [`Director::answer`].
    Wish(Box<Wish>),
    /// Another process is wanted in the place of this one: to be given to [`Director::launch`] or [`Director::hand_over`].
    Call(Box<Caller>),
    /// A change was not confirmed in time: to be given to [`Director::answer`].
    Due,
    /// A worker ended by itself: nothing is served any more.
    Ended,
}

/// A configuration that could come into force.
struct Proposal {
    running: Arc<Running>,
    said: String,
    /// Goes into the archive, and on what occasion.
    archived: Option<&'static str>,
    confirm_minutes: Option<u16>,
}

impl Director {
    /// Where wishes are taken: the way to change the configuration.
    pub fn wishes(&self) -> mpsc::Sender<Wish> {
        self.wishes.0.clone()
    }

    /// Keeps watch over the servers; returns where something is to be done that takes its time. Cancel safe.
    pub async fn watch(&mut self) -> Event {
        if self.over {
            return Event::Ended;
        }
        let due = self.life.confirm_due();
        let left = due.map(|due| due.0.saturating_sub(self.now().0));
        let (tending, wishes, callers) = self.tended();
        tokio::select! {
            biased;
            () = tokio::time::sleep(Duration::from_millis(left.unwrap_or(0))), if left.is_some() => return Event::Due,
            Some(wish) = wishes.recv() => return Event::Wish(Box::new(wish)),
            Some(caller) = callers.recv() => return Event::Call(Box::new(caller)),
            () = tending => {}
        }
        self.over = true;
        Event::Ended
    }

    /// Keeps watch over servers and workers until one of those ends by itself, cancel safe; and beside it, where wishes come.
    fn tended(
        &mut self,
    ) -> (
        impl Future<Output = ()> + '_,
        &mut mpsc::Receiver<Wish>,
        &mut mpsc::Receiver<Caller>,
    ) {
        let Director {
            writer,
            reports,
            unlinked,
            questions,
            asked,
            ended,
            wishes,
            callers,
            ..
        } = self;
        let tending = async move {
            tokio::select! {
                biased;
                Some((number, _)) = ended.recv() => error!("worker {number} ended by itself"),
                () = super::attend(writer, reports, unlinked, (questions, asked)) => {}
            }
        };
        (tending, &mut wishes.1, &mut callers.1)
    }

    /// Does what an event asks for. To be awaited to its end, as a change is whole or nothing.
    pub async fn answer(&mut self, event: Event) {
        match event {
            Event::Wish(wish) => {
                let looks = matches!(
                    *wish,
                    Wish::Text { .. } | Wish::Archive { .. } | Wish::State { .. }
                );
                self.grant(*wish).await;
                if looks {
                    return;
                }
            }
            Event::Due => self.go_back("was not confirmed in time").await,
            Event::Call(_) | Event::Ended => return,
        }
        self.publish();
    }

    /// Reads the startup file again and puts it into force, as one transaction.
    ///
    /// # Errors
    /// Where nothing has changed; why has been logged.
    pub async fn reload(&mut self, author: Author) -> Result<Applied, String> {
        let path = self.life.startup().map(Path::to_owned);
        let result = match &path {
            Ok(path) => self.try_reload(path.clone(), &author).await,
            Err(why) => Err(why.clone()),
        };
        self.writer.farm().ledger().reloaded(result.is_ok());
        match &result {
            Ok(_) => {
                let path = path.unwrap_or_default();
                info!("reloaded `{}`", path.display());
            }
            Err(e) => error!("reload refused, nothing has changed: {e}"),
        }
        result
    }

    async fn try_reload(&mut self, path: PathBuf, author: &Author) -> Result<Applied, String> {
        self.life.admits(author, None, self.now())?;
        let before = Arc::clone(self.life.running());
        // Reading and resolving a large file takes its time; neither requests nor what is learnt of the servers wait for it.
        let loading = move || -> Result<(Arc<Running>, String), Error> {
            let (running, said) = boot::load(&path, &before)?;
            if !serves(running.model()) {
                return Err(Error::Prepare(PrepareError::Empty));
            }
            Ok((Arc::new(running), said))
        };
        let (running, said) = self.meanwhile(loading).await?.map_err(|e| e.to_string())?;
        if running.model() == self.life.running().model() {
            // Nothing else would have their files read.
            let (reader, model) = (self.writer.reader(), self.writer.configured());
            let files = self.meanwhile(move || reader.read(&model)).await?;
            self.writer
                .take_files(files.map_err(|e| e.to_string())?)
                .await;
        }
        let applied = self
            .put(
                Proposal {
                    running: Arc::clone(&running),
                    said,
                    archived: Some("reload"),
                    confirm_minutes: None,
                },
                author,
            )
            .await?;
        self.life.stored(Some(running));
        self.publish();
        Ok(applied)
    }

    /// Takes what certificate authorities issued into use.
    async fn read_issued(&mut self) -> Result<(), String> {
        let (reader, model) = (self.writer.reader(), self.writer.configured());
        let keys = self.meanwhile(move || reader.issued(&model)).await?;
        let keys = keys.map_err(|e| e.to_string())?;
        self.writer.take_keys(keys).await;
        Ok(())
    }

    async fn grant(&mut self, wish: Wish) {
        // Who asked may have given up.
        match wish {
            Wish::Apply {
                lines,
                whole,
                confirm_minutes,
                only,
                why,
                author,
                reply,
            } => {
                let change = (lines, whole, why, confirm_minutes);
                let result = self.change(change, only, &author).await;
                drop(reply.send(result));
            }
            Wish::Rollback {
                number,
                confirm_minutes,
                author,
                reply,
            } => drop(reply.send(self.roll_back(number, confirm_minutes, &author).await)),
            Wish::Reload { author, reply } => drop(reply.send(self.reload(author).await)),
            Wish::ReadIssued { author, reply } => {
                let read = self.read_issued().await;
                let read = read.map_err(|e| format!("the certificates in use go on: {e}"));
                match &read {
                    Ok(()) => info!("{} had what authorities issued read anew", named(&author)),
                    Err(why) => error!("{why}"),
                }
                let told = read.map(|()| "what authorities issued was read anew".to_owned());
                drop(reply.send(told));
            }
            Wish::Confirm { author, reply } => drop(reply.send(self.confirm(&author))),
            Wish::Cancel { author, reply } => drop(reply.send(self.cancel(&author).await)),
            Wish::Save { author, reply } => drop(reply.send(self.save(author).await)),
            Wish::Erase { author, reply } => drop(reply.send(self.erase(author).await)),
            Wish::Text {
                which,
                masked,
                reply,
            } => drop(reply.send(self.text(which, masked).await)),
            Wish::Archive { reply } => drop(reply.send(self.kept().await)),
            Wish::Lock { author, reply } => {
                let now = self.now();
                let locked = self.life.lock(&author, now);
                drop(reply.send(locked.map(|()| "nobody else can change it now".to_owned())));
            }
            Wish::Unlock { session } => self.life.unlock(session),
            Wish::State { reply } => drop(reply.send(Ok(self.life.state(self.now())))),
        }
    }

    /// Lines behind what runs, or in its place.
    async fn change(
        &mut self,
        (lines, whole, why, confirm_minutes): (String, bool, &'static str, Option<u16>),
        only: Option<u64>,
        author: &Author,
    ) -> Result<Applied, String> {
        self.life.admits(author, only, self.now())?;
        let before = Arc::clone(self.life.running());
        let (running, said) = self
            .meanwhile(move || propose(&before, &lines, whole))
            .await??;
        if author.session != 0 {
            bounds::admit(self.life.running(), self.life.saved(), &running, author)?;
        }
        // What is typed line by line goes there when it is saved.
        let is_commit = whole || confirm_minutes.is_some();
        let archived = is_commit || why.starts_with("commit") || why.starts_with("copy");
        let proposal = Proposal {
            running: Arc::new(running),
            said,
            archived: archived.then_some(why),
            confirm_minutes,
        };
        self.put(proposal, author).await
    }

    async fn roll_back(
        &mut self,
        number: usize,
        confirm_minutes: Option<u16>,
        author: &Author,
    ) -> Result<Applied, String> {
        self.life.admits(author, None, self.now())?;
        let archive = self.life.archive()?;
        let before = Arc::clone(self.life.running());
        let (kept, was) = (archive.clone(), Arc::clone(&before));
        let reading = move || -> Result<(Running, String), String> {
            let text = archive.text(number).map_err(|e| of_archive(number, &e))?;
            let (running, told) = Running::read(&format!("archive {number}"), text.as_bytes());
            let told = told.report(Style::Plain);
            match running {
                Some(running) => Ok((seal(running, &before)?, told)),
                None => Err(told),
            }
        };
        let (running, said) = self.meanwhile(reading).await??;
        if author.session != 0 {
            // What the startup file has ceased to allow does not come back by way of the archive.
            bounds::admit(self.life.running(), self.life.saved(), &running, author)?;
        }
        let proposal = Proposal {
            running: Arc::new(running),
            said,
            archived: Some("rollback"),
            confirm_minutes,
        };
        let mut applied = self.put(proposal, author).await?;
        if applied.changed {
            // The numbers have moved on: with the same one again it would go elsewhere.
            let place = self.meanwhile(move || kept.place(&was.print())).await?;
            if let Some(place) = place {
                applied.said.push_str(&format!(
                    "what ran before is configuration {place} of the archive now\n"
                ));
            }
        }
        Ok(applied)
    }

    /// Puts a proposal into force, and what ran before into the archive.
    async fn put(&mut self, proposal: Proposal, author: &Author) -> Result<Applied, String> {
        let Proposal {
            running,
            mut said,
            archived,
            confirm_minutes,
        } = proposal;
        let before = Arc::clone(self.life.running());
        if *running == *before {
            return Ok(Applied {
                said,
                changed: false,
                generation: self.life.generation(),
            });
        }
        if running.model() != before.model() {
            let model = Arc::clone(running.model());
            self.replace(model).await?;
        }
        let now = self.now();
        self.life
            .accept(Arc::clone(&running), author, confirm_minutes, now);
        // Sessions know before they are answered: their prompts say it.
        self.publish();
        let generation = self.life.generation();
        if let Some(why) = archived {
            info!(
                "{why} by {}: generation {generation} is in force",
                named(author)
            );
            let texts = move || vec![(before.print(), "before"), (running.print(), "")];
            if let Some(failed) = self.keep(texts, author, why).await {
                said.push_str(&failed);
            }
        }
        Ok(Applied {
            said,
            changed: true,
            generation,
        })
    }

    /// Puts texts into the archive; what there is to tell where that fails, as it hinders nothing.
    async fn keep(
        &mut self,
        texts: impl FnOnce() -> Vec<(String, &'static str)> + Send + 'static,
        author: &Author,
        why: &'static str,
    ) -> Option<String> {
        let archive = self.life.archive().ok()?;
        let by = author.clone();
        let kept = move || keep(&archive, &texts(), &by, why);
        match self.meanwhile(kept).await {
            Ok(Ok(())) => None,
            Ok(Err(why)) | Err(why) => {
                warn!("{why}");
                Some(format!("{why}\n"))
            }
        }
    }

    fn confirm(&mut self, author: &Author) -> Result<String, String> {
        let whose = self.life.confirm()?;
        self.publish();
        info!(
            "{} confirmed the change of {}",
            named(author),
            named(&whose)
        );
        Ok(format!("the change of {} stays", named(&whose)))
    }

    /// Goes back before its time to what ran before a commit that waits to be confirmed, whoever had given it.
    async fn cancel(&mut self, author: &Author) -> Result<String, String> {
        let (_, whose) = (self.life.before()).ok_or("nothing waits for a confirmation")?;
        self.go_back(&format!("was cancelled by {}", named(author)))
            .await;
        if self.life.confirm_due().is_some() {
            return Err("what ran before cannot be served; the log says why".to_owned());
        }
        self.publish();
        Ok(format!(
            "the change of {} is undone: what ran before is in force again",
            named(&whose)
        ))
    }

    /// Goes back to what ran before a commit that was not confirmed.
    pub(super) async fn go_back(&mut self, why: &str) {
        let Some((before, by)) = self.life.before() else {
            return;
        };
        let model = Arc::clone(before.model());
        match self.replace(model).await {
            Ok(()) => {
                self.life.gone_back(before);
                warn!(
                    "the change of {} {why}: what ran before is in force again",
                    named(&by)
                );
            }
            Err(e) => {
                error!(
                    "the change of {} {why}, but what ran before cannot be served: {e}",
                    named(&by)
                );
                self.life.put_off(Millis(self.now().0 + GO_BACK_AGAIN_MS));
            }
        }
    }

    async fn save(&mut self, author: Author) -> Result<String, String> {
        if self.life.confirm_due().is_some() {
            return Err("a change waits to be confirmed: confirm it first".to_owned());
        }
        let path = self.life.startup()?.to_owned();
        let running = Arc::clone(self.life.running());
        let stored = Arc::clone(&running);
        let named_path = path.display().to_string();
        let storing = move || {
            let before = read_text(&path).ok().filter(|text| !text.is_empty());
            store(&path, &stored).map(|text| (before, text))
        };
        let (before, text) = self.meanwhile(storing).await??;
        self.life.stored(Some(running));
        self.publish();
        info!(
            "{} stored the configuration in `{named_path}`",
            named(&author)
        );
        let mut said = format!("stored in `{named_path}`, {} lines\n", text.lines().count());
        // Somebody may have written the file by hand since it was read.
        let texts = move || {
            let before = before.map(|before| (before, "before"));
            before.into_iter().chain([(text, "")]).collect()
        };
        let failed = self.keep(texts, &author, "write memory").await;
        said.extend(failed);
        Ok(said)
    }

    async fn erase(&mut self, author: Author) -> Result<String, String> {
        let path = self.life.startup()?.to_owned();
        let named_path = path.display().to_string();
        let erasing = move || -> Result<Option<String>, String> {
            let before = read_text(&path).ok().filter(|text| !text.is_empty());
            save(&path, b"").map_err(|e| not_stored(&path, &e))?;
            Ok(before)
        };
        let before = self.meanwhile(erasing).await??;
        self.life.stored(None);
        self.publish();
        warn!("{} emptied `{named_path}`", named(&author));
        let mut said = format!(
            "`{named_path}` is empty; what runs goes on, and `write memory` stores it again; where the file is named with `--config`, a start without it is refused\n"
        );
        if let Some(before) = before {
            let texts = move || vec![(before, "before")];
            said.extend(self.keep(texts, &author, "write erase").await);
        }
        Ok(said)
    }

    async fn text(&mut self, which: Which, masked: bool) -> Result<String, String> {
        let running = Arc::clone(self.life.running());
        let startup = self.life.startup().map(Path::to_owned);
        let archive = self.life.archive();
        let reading = move || -> Result<String, String> {
            let text = match which {
                Which::Running => running.print(),
                Which::Startup => {
                    let path = startup?;
                    read_text(&path)
                        .map_err(|e| format!("`{}` cannot be read: {e}", path.display()))?
                }
                Which::Archived(number) => {
                    archive?.text(number).map_err(|e| of_archive(number, &e))?
                }
            };
            Ok(if masked { model::mask(&text) } else { text })
        };
        self.meanwhile(reading).await?
    }

    async fn kept(&mut self) -> Result<Vec<Kept>, String> {
        let archive = self.life.archive()?;
        let listed = move || {
            let folder = archive.folder().display();
            archive
                .list()
                .map_err(|e| format!("`{folder}` cannot be read: {e}"))
        };
        self.meanwhile(listed).await?
    }

    /// Keeps watch over the servers while `work` is done on a thread of its own.
    pub(super) async fn meanwhile<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let mut task = tokio::task::spawn_blocking(work);
        let (tending, ..) = self.tended();
        let done = tokio::select! {
            biased;
            done = &mut task => Some(done),
            () = tending => None,
        };
        let done = match done {
            Some(done) => done,
            None => {
                self.over = true;
                task.await
            }
        };
        done.map_err(|e| format!("it ended early: {e}"))
    }

    fn now(&self) -> Millis {
        self.writer.farm().now()
    }
}

/// A wish's answer that nobody but this process waits for.
pub fn unanswered<T>() -> oneshot::Sender<T> {
    oneshot::channel().0
}

/// Lines behind `before`, or in its place, with what there is to tell of them.
fn propose(before: &Running, lines: &str, whole: bool) -> Result<(Running, String), String> {
    if whole {
        let (running, told) = Running::read(CONSOLE, lines.as_bytes());
        let told = told.report(Style::Plain);
        return match running {
            Some(running) => Ok((seal(running, before)?, told)),
            None => Err(told),
        };
    }
    match before.with(lines) {
        Ok((running, told)) => Ok((seal(running, before)?, rendered(CONSOLE, &told))),
        Err(told) => Err(rendered(CONSOLE, &told)),
    }
}

/// Stores what runs, once it is sure that it can be read back.
fn store(path: &Path, running: &Running) -> Result<String, String> {
    let text = running.print();
    let (read, _) = Running::read("startup", text.as_bytes());
    if read.as_ref() != Some(running) {
        return Err("what runs could not be read back as it is, so that it was not stored; this is a fault of Signpost's".to_owned());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        let made = DirBuilder::new().recursive(true).create(folder);
        made.map_err(|e| format!("`{}` cannot be made: {e}", folder.display()))?;
    }
    save(path, text.as_bytes()).map_err(|e| not_stored(path, &e))?;
    Ok(text)
}

fn keep(
    archive: &Archive,
    texts: &[(String, &'static str)],
    author: &Author,
    why: &str,
) -> Result<(), String> {
    for (text, when) in texts {
        let why = if when.is_empty() {
            why.to_owned()
        } else {
            format!("{when} {why}")
        };
        archive.put(text, author, &why).map_err(|e| {
            let folder = archive.folder().display();
            format!("it could not be kept in the archive `{folder}`: {e}")
        })?;
    }
    Ok(())
}

fn read_text(path: &Path) -> std::io::Result<String> {
    super::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn not_stored(path: &Path, error: &std::io::Error) -> String {
    format!("`{}` cannot be stored: {error}", path.display())
}

fn of_archive(number: usize, error: &std::io::Error) -> String {
    format!("configuration {number} of the archive cannot be read: {error}")
}
