//! The commands that a session does not do itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::executor::{Desk, told};
use super::limits::{ANSWERS, LOG_LINES};
use super::registry::Word;
use super::{changes, look};
use crate::console::{Answer, Clear, Explain, Pressed, Question, Scene, View, What, monitor};
use crate::control::{Which, Wish};
use crate::language::{Command, FILE_BYTES};
use crate::model::{Block, Level};

/// From one picture of `monitor` to the next.
const MONITORED: Duration = Duration::from_secs(1);

/// How long `debug requests` goes on unless told otherwise, in seconds.
const DEBUGGED_SECONDS: u16 = 60;

/// How long it may be told to go on, in seconds.
const DEBUGGED_AT_MOST: u16 = 600;

/// How long a commit waits for its confirmation unless told otherwise, in minutes.
const CONFIRM_MINUTES: u16 = 10;

/// A command, and how its answer is wanted.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) command: Command,
    pub(super) json: bool,
    pub(super) columns: u16,
    pub(super) rows: u16,
    pub(super) secrets: bool,
}

/// Runs a command; its last answer.
pub(super) async fn run(desk: &mut Desk, asked: Asked) -> Answer {
    let command = &asked.command;
    match &*command.name {
        "monitor" => live(desk, &asked).await,
        "debug_requests" => debug(desk, command).await,
        _ => told(say(desk, &asked).await),
    }
}

async fn say(desk: &Desk, asked: &Asked) -> Result<String, String> {
    let Asked { command, json, .. } = asked;
    let room = &desk.room;
    let author = desk.author.clone();
    let named = |rules: &[&str]| -> Option<Box<str>> {
        rules
            .iter()
            .find_map(|rule| command.word(rule))
            .map(Into::into)
    };
    match &*command.name {
        "show_configuration" | "show_running_config" | "write_terminal" => {
            look::text(desk, Which::Running, asked).await
        }
        "show_startup_config" => look::text(desk, Which::Startup, asked).await,
        "show_archive" if command.has("number") => {
            let number = number(command, "number", 1, usize::MAX)?.unwrap_or(1);
            look::text(desk, Which::Archived(number), asked).await
        }
        name if name.starts_with("show_") || name == "who" => look::show(desk, asked).await,
        "explain" => {
            let from = named(&["address"]).map(|word| word.parse());
            let what = Explain {
                from: from.transpose().map_err(|_| "not an address")?,
                to: named(&["virtual_id", "id"]),
                method: named(&["method"]),
                url: named(&["url_asked"]).unwrap_or_default(),
                json: *json,
            };
            room.ask(|reply| Question::Explain { what, reply }).await
        }
        "ping" => {
            let address = named(&["address"]).unwrap_or_default();
            let address = address
                .parse()
                .map_err(|_| format!("`{address}` is no address; write one such as `192.0.2.1`"))?;
            room.ask(|reply| Question::Ping { address, reply }).await
        }
        "test_probe" => {
            let probe = named(&["probe_name"]).unwrap_or_default();
            let id = named(&["id"]);
            room.ask(|reply| Question::TestProbe { probe, id, reply })
                .await
        }
        "clear_statistics" => {
            let what = Clear::Statistics(named(&["id"]));
            room.ask(|reply| Question::Clear { what, reply }).await
        }
        "clear_sticky" => {
            let what = Clear::Sticky(named(&["virtual_id"]));
            room.ask(|reply| Question::Clear { what, reply }).await
        }
        "clear_bounced" => {
            let what = Clear::Bounced(named(&["virtual_id"]));
            room.ask(|reply| Question::Clear { what, reply }).await
        }
        "clear_log" => {
            room.source.log.clear();
            Ok(String::new())
        }
        "no_debug" => Ok("nothing is shown any more".to_owned()),
        "kill" => kill(desk, command),
        "write_memory" | "copy_running_startup" => {
            room.wish(|reply| Wish::Save { author, reply }).await
        }
        "write_erase" => room.wish(|reply| Wish::Erase { author, reply }).await,
        "copy_file" => copy(desk, command).await,
        // The startup file may name programs, whoever has it read.
        "reload" | "copy_startup_running" => {
            let applied = room.wish(|reply| Wish::Reload { author, reply }).await?;
            Ok(changes::committed(&applied, None))
        }
        "rollback" => {
            let number = number(command, "number", 1, usize::MAX)?.unwrap_or(1);
            let confirm_minutes = confirm_minutes(command)?;
            let wish = |reply| Wish::Rollback {
                number,
                confirm_minutes,
                author,
                reply,
            };
            let applied = room.wish(wish).await?;
            Ok(changes::committed(&applied, confirm_minutes))
        }
        "commit" if command.has("cancelled") => cancel(desk).await,
        "commit" => {
            let confirmed = room.wish(|reply| Wish::Confirm { author, reply }).await;
            confirmed.map_err(|why| {
                format!("there is nothing to commit: no line was gathered, and {why}")
            })
        }
        "confirm" => room.wish(|reply| Wish::Confirm { author, reply }).await,
        "diff" => difference(desk, command).await,
        other => Err(format!("`{}` is not done here", other.replace('_', " "))),
    }
}

/// Undoes what waits to be confirmed, and tells everybody else: it may have been theirs.
async fn cancel(desk: &Desk) -> Result<String, String> {
    let author = desk.author.clone();
    let said = desk
        .room
        .wish(|reply| Wish::Cancel { author, reply })
        .await?;
    let notice = format!("% {said} (`commit cancel` by {})", desk.author.user);
    let others = desk
        .room
        .registry
        .all()
        .into_iter()
        .map(|sitting| sitting.number);
    for number in others.filter(|number| *number != desk.author.session) {
        desk.room
            .registry
            .tell(number, Word::Notice(notice.as_str().into()));
    }
    Ok(said)
}

/// The minutes of `confirmed [MINUTES]`, where it is said.
fn confirm_minutes(command: &Command) -> Result<Option<u16>, String> {
    if !command.has("confirmed") && !command.has("minutes") {
        return Ok(None);
    }
    let minutes = number(command, "minutes", 1, 1_440)?;
    Ok(Some(
        minutes.map_or(CONFIRM_MINUTES, |minutes| minutes as u16),
    ))
}

/// The number that plays the part `rule`, where there is one.
fn number(
    command: &Command,
    rule: &str,
    least: usize,
    most: usize,
) -> Result<Option<usize>, String> {
    let Some(word) = command.word(rule) else {
        return Ok(None);
    };
    match word.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ if most == usize::MAX => Err(format!("`{word}` is no number from {least} on")),
        _ => Err(format!("`{word}` is no number from {least} to {most}")),
    }
}

fn kill(desk: &Desk, command: &Command) -> Result<String, String> {
    let number = number(command, "session", 1, usize::MAX)?.unwrap_or(0) as u64;
    let by = format!("% ended by {}, from {}", desk.author.user, desk.author.from);
    if desk.room.registry.tell(number, Word::End(by.into())) {
        Ok(format!("session {number} ends"))
    } else {
        Err(format!("there is no session {number}; `who` shows all"))
    }
}

/// Reads a file of the director's host and puts it into force.
async fn copy(desk: &Desk, command: &Command) -> Result<String, String> {
    let path = command.word("file").unwrap_or_default().to_owned();
    // What is wrong in a file is shown: from afar nobody reads so what else is on this host.
    let only = match &*desk.author.from {
        "unix" => None,
        _ => desk.room.source.host_key.parent().map(Path::to_owned),
    };
    let read = spawn_blocking(move || {
        let path = Path::new(&path);
        only.map_or(Ok(()), |folder| stands_in(path, &folder))?;
        read(path)
    });
    let text = read
        .await
        .unwrap_or_else(|_| Err("reading ended early".to_owned()))?;
    if command.has("replace") {
        changes::replace(desk, text, "copy FILE running-config replace").await
    } else {
        changes::add(desk, text, "copy FILE running-config").await
    }
}

/// That `path` leads to a file in `folder`.
fn stands_in(path: &Path, folder: &Path) -> Result<(), String> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let stands = || Ok(path.canonicalize()?.parent() == Some(&*folder.canonicalize()?));
    if matches!(stands(), Ok::<bool, std::io::Error>(true)) {
        return Ok(());
    }
    Err(format!(
        "over the network only files of `{}` can be copied; `{}` is none",
        folder.display(),
        path.display()
    ))
}

fn read(path: &Path) -> Result<String, String> {
    use std::io::Read;
    let named = path.display();
    let failed = |e: std::io::Error| format!("cannot read `{named}`: {e}");
    // A pipe would hold whoever opens it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("`{named}` is no file"));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(FILE_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() > FILE_BYTES {
        return Err(format!("`{named}` has more than {FILE_BYTES} bytes"));
    }
    Ok(text)
}

/// What differs: of the startup file, or of a configuration of the archive, from what runs.
async fn difference(desk: &Desk, command: &Command) -> Result<String, String> {
    let (which, named) = match number(command, "number", 1, usize::MAX)? {
        Some(number) => (Which::Archived(number), format!("archive {number}")),
        None => (Which::Startup, "the startup file".to_owned()),
    };
    let before = changes::text(desk, which, true).await?;
    let running = changes::text(desk, Which::Running, true).await?;
    let told = changes::differ(before, running).await?;
    if told.is_empty() {
        Ok(format!("what runs is what {named} says"))
    } else {
        Ok(told)
    }
}

/// Shows virtuals and servers live.
async fn live(desk: &mut Desk, asked: &Asked) -> Answer {
    let mut view = View::new(desk.level >= Level::Operate);
    let mut before: Option<Arc<Scene>> = None;
    let mut ticks = interval(MONITORED);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let asked_size = (asked.columns, asked.rows);
    loop {
        let what = What::Farm;
        let scene = match desk.room.ask(|reply| Question::Scene { what, reply }).await {
            Ok(scene) => Arc::new(scene),
            Err(why) => return told(Err(why)),
        };
        loop {
            let now = *desk.size.borrow_and_update();
            let size = if now.0 == 0 { asked_size } else { now };
            // Of a large farm it takes its time, and all sessions share this thread.
            let (shown, old) = (Arc::clone(&scene), before.clone());
            let painting = spawn_blocking(move || {
                let painted = monitor(&shown, old.as_deref(), &mut view, size);
                (painted, view)
            });
            let Ok((painted, painter)) = painting.await else {
                return told(Err("painting ended early".to_owned()));
            };
            view = painter;
            if !desk.answer(Answer::Screen(painted)).await {
                return Answer::Done;
            }
            tokio::select! {
                _ = ticks.tick() => break,
                changed = desk.size.changed() => if changed.is_err() {
                    return Answer::Done;
                },
                key = desk.keys.recv() => {
                    let Some(key) = key else {
                        return Answer::Done;
                    };
                    match view.key(key, &scene) {
                        Pressed::Leave => return Answer::Done,
                        Pressed::Paint | Pressed::Nothing => {}
                        Pressed::Statement(line) => {
                            super::audit::ran(&desk.author, &line, false);
                            let result = changes::configure(desk, &line).await;
                            let (Ok(said) | Err(said)) = result;
                            view.said = match said.lines().next() {
                                Some(first) => first.to_owned(),
                                None => line,
                            };
                            break;
                        }
                    }
                }
            }
        }
        before = Some(scene);
    }
}

/// Shows each request of some clients.
async fn debug(desk: &Desk, command: &Command) -> Answer {
    let (lines, mut shown) = mpsc::channel(LOG_LINES.max(ANSWERS));
    let question = || -> Result<Question, String> {
        let block = command.word("block").unwrap_or_default();
        let seconds = number(command, "seconds", 1, usize::from(DEBUGGED_AT_MOST))?;
        Ok(Question::Debug {
            from: block_of(block)?,
            seconds: seconds.map_or(DEBUGGED_SECONDS, |seconds| seconds as u16),
            lines,
        })
    };
    let question = match question() {
        Ok(question) => question,
        Err(why) => return told(Err(why)),
    };
    if desk.room.source.questions.send(question).await.is_err() {
        return told(Err(super::room::SILENT.to_owned()));
    }
    while let Some(line) = shown.recv().await {
        if !desk.answer(Answer::Line(line)).await {
            break;
        }
    }
    Answer::Done
}

/// A block of addresses: `ADDRESS[/LENGTH]`.
fn block_of(word: &str) -> Result<Block, String> {
    let why = || format!("`{word}` is no block of addresses such as `192.0.2.0/24`");
    let (address, length) = match word.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (word, None),
    };
    let address: std::net::IpAddr = address.parse().map_err(|_| why())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Ok(most), str::parse).map_err(|_| why())?;
    if length > most {
        return Err(why());
    }
    Ok(Block { address, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read() {
        let read = |word| block_of(word).map(|block| (block.address.to_string(), block.length));
        assert_eq!(read("192.0.2.7"), Ok(("192.0.2.7".to_owned(), 32)));
        assert_eq!(read("2001:db8::/32"), Ok(("2001:db8::".to_owned(), 32)));
        for wrong in ["", "192.0.2.0/33", "::/129", "192.0.2.0/-1", "farm"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_have_their_bounds() {
        let command = |word: &str| Command {
            name: "debug_requests".into(),
            words: vec![("seconds".into(), word.into())],
        };
        assert_eq!(number(&command("600"), "seconds", 1, 600), Ok(Some(600)));
        assert_eq!(number(&command("600"), "lines", 1, 600), Ok(None));
        for wrong in ["0", "601", "-1", "x", ""] {
            assert!(
                number(&command(wrong), "seconds", 1, 600).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn from_afar_only_files_of_the_folder_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let other = tempfile::tempdir().expect("a folder");
        for path in [folder.path().join("farm"), other.path().join("shadow")] {
            std::fs::write(path, "x").expect("written");
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(other.path().join("shadow"), &link).expect("made");
        let stands = |path: &Path| stands_in(path, folder.path()).is_ok();
        assert!(stands(&folder.path().join("farm")));
        for wrong in [
            other.path().join("shadow"),
            folder.path().join("../shadow"),
            folder.path().join("missing"),
            link,
        ] {
            assert!(!stands(&wrong), "{}", wrong.display());
        }
    }

    #[test]
    fn only_files_are_read() {
        assert!(read(Path::new("/dev/zero")).is_err());
        assert!(read(Path::new("/")).is_err());
        assert!(read(Path::new("/nowhere")).is_err());
    }
}
