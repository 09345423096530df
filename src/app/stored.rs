//! The startup file and the archive: what runs is stored there, and what stands there is shown.

use std::fs::DirBuilder;
use std::path::Path;
use std::sync::Arc;

use tracing::{info, warn};

use super::Director;
use crate::control::{Archive, Author, Kept, Which, named, save};
use crate::model::{self, Running};

impl Director {
    /// Puts texts into the archive; what there is to tell where that fails, as it hinders nothing.
    pub(super) async fn keep(
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

    pub(super) async fn save(&mut self, author: Author) -> Result<String, String> {
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

    pub(super) async fn erase(&mut self, author: Author) -> Result<String, String> {
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

    pub(super) async fn text(&mut self, which: Which, masked: bool) -> Result<String, String> {
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

    pub(super) async fn kept(&mut self) -> Result<Vec<Kept>, String> {
        let archive = self.life.archive()?;
        let listed = move || {
            let folder = archive.folder().display();
            archive
                .list()
                .map_err(|e| format!("`{folder}` cannot be read: {e}"))
        };
        self.meanwhile(listed).await?
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

pub(super) fn of_archive(number: usize, error: &std::io::Error) -> String {
    format!("configuration {number} of the archive cannot be read: {error}")
}
