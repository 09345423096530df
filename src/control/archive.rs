//! The configurations of the past: the newest of them, with who, when and from where.

use std::fs::{self, DirBuilder};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::save::{save, tidy};
use super::{Author, Kept};

/// How many configurations are kept.
pub const ARCHIVED: usize = 50;
/// How many bytes they may have together, the newest left out.
pub const ARCHIVE_BYTES: u64 = 256 * 1024 * 1024;

/// A folder of configurations, a file each: `! at TIME by USER from PLACE for OCCASION` and the text below.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// The archive of the startup file at `startup`: `archive` beside `startup-config`, `NAME.archive` beside a file of another name.
    pub fn beside(startup: &Path) -> Archive {
        let name = startup.file_name().and_then(|name| name.to_str());
        let folder = match name {
            Some("startup-config") | None => "archive".to_owned(),
            Some(name) => format!("{name}.archive"),
        };
        Archive {
            folder: startup.with_file_name(folder),
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what a crash left.
    pub fn tidy(&self) {
        for number in self.numbers().into_iter().flatten().take(1) {
            tidy(&self.file(number));
            tidy(&self.file(number + 1));
        }
    }

    /// Puts `text` there as the newest, and lets go of the oldest. Returns whether it did: what is the newest already is not put
    /// there twice.
    ///
    /// # Errors
    /// Where the folder cannot be made or the file not be stored.
    pub fn put(&self, text: &str, author: &Author, why: &str) -> io::Result<bool> {
        let mut private = DirBuilder::new();
        match private.mode(0o700).create(&self.folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        let numbers = self.numbers()?;
        let newest = numbers.first().copied().unwrap_or(0);
        if newest > 0 && self.text_of(newest).is_ok_and(|held| held == text) {
            return Ok(false);
        }
        let (user, from) = (word(&author.user), word(&author.from));
        let now = Timestamp::now();
        let head = format!("! at {now:.0} by {user} from {from} for {why}\n");
        save(
            &self.file(newest + 1),
            [head.as_str(), text].concat().as_bytes(),
        )?;
        self.let_go(&numbers);
        Ok(true)
    }

    /// What is there, newest first. A file that cannot be read is left out.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<Kept>> {
        let numbers = self.numbers()?;
        let kept = (1..).zip(numbers);
        Ok(kept
            .filter_map(|(place, number)| self.kept(place, number))
            .collect())
    }

    /// The text of entry `place`, 1 the newest.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub fn text(&self, place: usize) -> io::Result<String> {
        let numbers = self.numbers()?;
        let number = place.checked_sub(1).and_then(|nth| numbers.get(nth));
        match number {
            Some(number) => self.text_of(*number),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("the archive has {} configurations", numbers.len()),
            )),
        }
    }

    /// The file of entry `place`, 1 the newest; `None`: there is none.
    pub fn path(&self, place: usize) -> Option<PathBuf> {
        let numbers = self.numbers().ok()?;
        let number = numbers.get(place.checked_sub(1)?)?;
        Some(self.file(*number))
    }

    /// The place of the newest entry that is `text`, 1 the newest of all; `None`: none is.
    pub fn place(&self, text: &str) -> Option<usize> {
        let numbers = self.numbers().ok()?;
        let held = |number: &u64| self.text_of(*number).is_ok_and(|held| held == text);
        numbers.iter().position(held).map(|at| at + 1)
    }

    /// Whether one of them is `text`; what cannot be read is not.
    pub fn holds(&self, text: &str) -> bool {
        let numbers = self.numbers().unwrap_or_default();
        numbers
            .into_iter()
            .any(|number| self.text_of(number).is_ok_and(|held| held == text))
    }

    fn file(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:08}"))
    }

    /// The numbers of its files, newest first.
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut numbers: Vec<u64> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                let name = name.to_str()?;
                let digits = name.len() >= 8 && name.bytes().all(|b| b.is_ascii_digit());
                name.parse().ok().filter(|_| digits)
            })
            .collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    fn text_of(&self, number: u64) -> io::Result<String> {
        let whole = fs::read_to_string(self.file(number))?;
        let behind_head = whole.split_once('\n').map(|(_, text)| text.to_owned());
        Ok(behind_head.unwrap_or_default())
    }

    fn kept(&self, place: usize, number: u64) -> Option<Kept> {
        let mut lines = BufReader::new(fs::File::open(self.file(number)).ok()?).lines();
        let head = lines.next()?.ok()?;
        let (at, rest) = head.strip_prefix("! at ")?.split_once(" by ")?;
        let (user, rest) = rest.split_once(" from ")?;
        let (from, why) = rest.split_once(" for ")?;
        Some(Kept {
            number: place,
            at: at.parse().ok()?,
            user: user.to_owned(),
            from: from.to_owned(),
            why: why.to_owned(),
            lines: lines.map_while(Result::ok).count(),
        })
    }

    /// Removes the oldest beyond the limits, where one came before `numbers`. What cannot be removed is tried again with the next.
    fn let_go(&self, numbers: &[u64]) {
        let mut bytes = 0;
        for (place, number) in (1..).zip(numbers) {
            let file = self.file(*number);
            bytes += fs::metadata(&file).map_or(0, |found| found.len());
            if place >= ARCHIVED || bytes > ARCHIVE_BYTES {
                let _ = fs::remove_file(file);
            }
        }
    }
}

/// `text` as one word that can be shown.
fn word(text: &str) -> String {
    let fits = |c: char| !c.is_whitespace() && !c.is_control();
    let word: String = text
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    if word.is_empty() {
        "-".to_owned()
    } else {
        word
    }
}
