//! What runs, what is stored, who may change it, and when it goes back by itself: no file is touched here.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Archive, Author, LifeState};
use crate::decide::Millis;
use crate::language::{Diagnostic, Style};
use crate::model::Running;

/// What the lines that were typed are called in messages.
pub const CONSOLE: &str = "console";

/// The longest time until a change that is not confirmed goes back, in minutes.
pub const CONFIRM_MINUTES: u16 = 1_440;

/// A change that goes back by itself unless it is confirmed.
#[derive(Clone, Debug)]
struct Pending {
    author: Author,
    before: Arc<Running>,
    due: Millis,
}

/// The configuration that runs, over its life.
#[derive(Debug)]
pub struct Life {
    running: Arc<Running>,
    /// What the startup file says; nothing: it says nothing, or nothing that holds.
    saved: Option<Arc<Running>>,
    startup: Option<PathBuf>,
    /// Why another configuration than the startup file's was started with.
    recovered: Option<String>,
    generation: u64,
    changed_by: Option<Author>,
    pending: Option<Pending>,
    holder: Option<Author>,
}

impl Life {
    /// A life that begins with `running`, `saved` being what the file at `startup` says.
    pub fn new(
        running: Arc<Running>,
        saved: Option<Arc<Running>>,
        startup: Option<PathBuf>,
        recovered: Option<String>,
    ) -> Life {
        Life {
            running,
            saved,
            startup,
            recovered,
            generation: 1,
            changed_by: None,
            pending: None,
            holder: None,
        }
    }

    /// The same where another process began it: its generation, who changed it last, and the change that waits: whose, what comes
    /// back, and when.
    pub fn resumed(
        self,
        generation: u64,
        changed_by: Option<Author>,
        pending: Option<(Author, Arc<Running>, Millis)>,
    ) -> Life {
        Life {
            generation,
            changed_by,
            pending: pending.map(|(author, before, due)| Pending {
                author,
                before,
                due,
            }),
            ..self
        }
    }

    /// Who changed it last.
    pub fn changed_by(&self) -> Option<&Author> {
        self.changed_by.as_ref()
    }

    /// Why another configuration than the startup file's was started with.
    pub fn recovered(&self) -> Option<&str> {
        self.recovered.as_deref()
    }

    /// What runs.
    pub fn running(&self) -> &Arc<Running> {
        &self.running
    }

    /// What the startup file says, as far as is known.
    pub fn saved(&self) -> Option<&Running> {
        self.saved.as_deref()
    }

    /// The same, to be looked at for as long as it takes.
    pub fn known_saved(&self) -> Option<Arc<Running>> {
        self.saved.clone()
    }

    /// The startup file's path.
    ///
    /// # Errors
    /// Where there is none, in words.
    pub fn startup(&self) -> Result<&Path, String> {
        let none = || "this director was started without a startup file".to_owned();
        self.startup.as_deref().ok_or_else(none)
    }

    /// The archive beside the startup file.
    ///
    /// # Errors
    /// Where there is no startup file, in words.
    pub fn archive(&self) -> Result<Archive, String> {
        self.startup().map(Archive::beside)
    }

    /// One more with each change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the startup file says what runs.
    pub fn is_saved(&self) -> bool {
        match &self.saved {
            Some(saved) => Arc::ptr_eq(saved, &self.running) || **saved == *self.running,
            None => *self.running == Running::default(),
        }
    }

    /// Whether `author` may change what runs now, `only` where it is of that generation.
    ///
    /// # Errors
    /// Why not, in words: somebody else holds it, or it waits for somebody else's confirmation.
    pub fn admits(&self, author: &Author, only: Option<u64>, now: Millis) -> Result<(), String> {
        if let Some(holder) = self
            .holder
            .as_ref()
            .filter(|holder| !is_same(holder, author))
        {
            return Err(format!(
                "{} has the configuration exclusively (`configure exclusive`)",
                named(holder)
            ));
        }
        if let Some(pending) = &self.pending
            && !is_same(&pending.author, author)
        {
            return Err(format!(
                "{} has committed a change that goes back in {} unless it is confirmed; nothing else can be changed until then: `confirm` keeps it, `commit cancel` undoes it now",
                named(&pending.author),
                wait(pending.due, now),
            ));
        }
        match only {
            Some(made_from) if made_from != self.generation => {
                let by = self.changed_by.as_ref();
                let by = by.map_or(String::new(), |by| format!(" by {}", named(by)));
                Err(format!(
                    "the running configuration was changed{by} since these lines were begun; look at it and begin again"
                ))
            }
            _ => Ok(()),
        }
    }

    /// Takes over what is in force now. With `confirm_minutes` what ran before comes back after so many minutes; a wait that is
    /// under way begins again, and leads back to what ran before all of it.
    pub fn accept(
        &mut self,
        running: Arc<Running>,
        author: &Author,
        confirm_minutes: Option<u16>,
        now: Millis,
    ) {
        let before = std::mem::replace(&mut self.running, running);
        self.generation += 1;
        self.changed_by = Some(author.clone());
        if let Some(minutes) = confirm_minutes {
            let minutes = minutes.clamp(1, CONFIRM_MINUTES);
            let before = self.pending.take().map_or(before, |p| p.before);
            self.pending = Some(Pending {
                author: author.clone(),
                before,
                due: Millis(now.0 + u64::from(minutes) * 60_000),
            });
        }
    }

    /// Takes over what the startup file says now; whether it runs is another matter.
    pub fn stored(&mut self, saved: Option<Arc<Running>>) {
        self.saved = saved;
        self.recovered = None;
    }

    /// Lets what was committed stay; who had committed it.
    ///
    /// # Errors
    /// Where nothing waits, in words.
    pub fn confirm(&mut self) -> Result<Author, String> {
        let pending = self.pending.take();
        pending
            .map(|pending| pending.author)
            .ok_or_else(|| "nothing waits for a confirmation".to_owned())
    }

    /// When a change goes back by itself.
    pub fn confirm_due(&self) -> Option<Millis> {
        self.pending.as_ref().map(|pending| pending.due)
    }

    /// What to go back to, and whose change it undoes.
    pub fn before(&self) -> Option<(Arc<Running>, Author)> {
        let pending = self.pending.as_ref()?;
        Some((Arc::clone(&pending.before), pending.author.clone()))
    }

    /// Has gone back.
    pub fn gone_back(&mut self, to: Arc<Running>) {
        self.pending = None;
        self.running = to;
        self.generation += 1;
        self.changed_by = None;
    }

    /// Could not go back: tries again at `due`.
    pub fn put_off(&mut self, due: Millis) {
        if let Some(pending) = &mut self.pending {
            pending.due = due;
        }
    }

    /// Keeps everybody but `author` from changing anything.
    ///
    /// # Errors
    /// Where somebody else holds it or waits for a confirmation, in words.
    pub fn lock(&mut self, author: &Author, now: Millis) -> Result<(), String> {
        self.admits(author, None, now)?;
        self.holder = Some(author.clone());
        Ok(())
    }

    /// Lets go of what `session` holds, if it does.
    pub fn unlock(&mut self, session: u64) {
        self.holder.take_if(|holder| holder.session == session);
    }

    /// How it stands.
    pub fn state(&self, now: Millis) -> LifeState {
        let confirm = self.pending.as_ref().map(|pending| {
            let left = pending.due.0.saturating_sub(now.0).div_ceil(1_000);
            (left, pending.author.clone())
        });
        LifeState {
            saved: self.is_saved(),
            generation: self.generation,
            confirm,
            holder: self.holder.clone(),
            startup: self.startup.clone(),
            recovered: self.recovered.clone(),
        }
    }
}

/// Whether two are one: the same session, or without sessions the same user from the same place.
fn is_same(one: &Author, other: &Author) -> bool {
    if one.session != 0 || other.session != 0 {
        return one.session == other.session;
    }
    (&one.user, &one.from) == (&other.user, &other.from)
}

/// Somebody in a message.
pub fn named(author: &Author) -> String {
    format!("`{}` ({})", author.user, author.from)
}

fn wait(due: Millis, now: Millis) -> String {
    match due.0.saturating_sub(now.0).div_ceil(1_000) {
        1 => "1 second".to_owned(),
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Diagnostics as text, each followed by a line end.
pub fn rendered(source: &str, diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", diagnostic.render(source, Style::Plain));
    }
    text
}

#[cfg(test)]
mod tests;
