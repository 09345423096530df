//! `monitor`: a live table of virtuals and servers that fills the screen.

use std::cmp::Reverse;
use std::fmt::Write;

use super::show::table::{Column, Table, cut, numbers, plain, texts, words};
use super::show::words::{ms, rate};
use super::show::{Own, Scene, Server};
use crate::health::State;
use crate::model::Id;

/// What a terminal is sent before the first screen, and after the last.
pub const SCREEN: (&str, &str) = ("\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l");

/// The smallest window that is painted; a smaller one shows a part of it.
const LEAST: (u16, u16) = (20, 5);

/// Where a window's size is not known.
const USUAL: (u16, u16) = (80, 24);

/// No escape sequence of a key is longer.
const ESCAPE_BYTES: usize = 8;

/// By which column rows are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// As they are configured.
    #[default]
    Order,
    /// The most requests a second first.
    Rate,
    /// The most connections first.
    Connections,
    /// Who keeps most clients away first.
    State,
    /// The slowest first.
    Response,
}

impl Sort {
    const fn next(self) -> Sort {
        match self {
            Sort::Order => Sort::Rate,
            Sort::Rate => Sort::Connections,
            Sort::Connections => Sort::State,
            Sort::State => Sort::Response,
            Sort::Response => Sort::Order,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Sort::Order => "as configured",
            Sort::Rate => "by rate",
            Sort::Connections => "by connections",
            Sort::State => "by state",
            Sort::Response => "by response time",
        }
    }
}

/// What of a scene is looked at, and which row is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// By what rows are sorted.
    pub sort: Sort,
    /// The row that is selected, by what it shows, so that it stays selected where rows move.
    pub selected: Option<Id>,
    /// Whether servers may be taken out of and put into service here.
    pub may_operate: bool,
    /// What the last key came to: one line.
    pub said: String,
    /// All rows in the order of the last screen.
    rows: Vec<Id>,
    /// The first row that the last screen showed, and how many.
    shown: (usize, usize),
    escape: Vec<u8>,
}

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// Paint anew.
    Paint,
    /// Nothing.
    Nothing,
    /// Put this statement into force, then paint anew.
    Statement(String),
    /// It is over.
    Leave,
}

impl View {
    /// A view for somebody who may take servers out of service, or not.
    pub fn new(may_operate: bool) -> View {
        View {
            may_operate,
            ..View::default()
        }
    }

    /// Takes a key: `s` sorts by the next column, arrows or `j` and `k` select, `o` takes out of service, `i` puts into service, `q` leaves.
    /// An escape sequence may come byte by byte.
    pub fn key(&mut self, byte: u8, scene: &Scene) -> Pressed {
        if byte == 0x1b || !self.escape.is_empty() {
            return self.escaped(byte);
        }
        self.said.clear();
        match byte {
            b'q' | b'Q' | 3 | 4 => Pressed::Leave,
            b's' | b'S' => {
                self.sort = self.sort.next();
                Pressed::Paint
            }
            b'j' | b'J' | 14 => self.select(|at, _| at + 1),
            b'k' | b'K' | 16 => self.select(|at, _| at.saturating_sub(1)),
            b'g' => self.select(|_, _| 0),
            b'G' => self.select(|_, last| last),
            b'o' | b'O' => self.service("out-of-service", scene),
            b'i' | b'I' => self.service("in-service", scene),
            _ => Pressed::Nothing,
        }
    }

    fn escaped(&mut self, byte: u8) -> Pressed {
        self.escape.push(byte);
        let page = self.shown.1.max(1);
        match self.escape[..] {
            [0x1b] | [0x1b, b'[' | b'O'] => return Pressed::Nothing,
            [0x1b, b'[' | b'O', .., b'@'..=b'~'] => {}
            [0x1b, b'[' | b'O', ..] if self.escape.len() < ESCAPE_BYTES => return Pressed::Nothing,
            _ => {}
        }
        match &std::mem::take(&mut self.escape)[1..] {
            b"[A" | b"OA" => self.select(|at, _| at.saturating_sub(1)),
            b"[B" | b"OB" => self.select(|at, _| at + 1),
            b"[5~" => self.select(|at, _| at.saturating_sub(page)),
            b"[6~" => self.select(|at, _| at + page),
            b"[H" | b"OH" | b"[1~" => self.select(|_, _| 0),
            b"[F" | b"OF" | b"[4~" => self.select(|_, last| last),
            _ => Pressed::Nothing,
        }
    }

    /// Selects the row that `to` makes of the selected one's place and the last one's; from none, the first one shown.
    fn select(&mut self, to: impl FnOnce(usize, usize) -> usize) -> Pressed {
        let Some(last) = self.rows.len().checked_sub(1) else {
            return Pressed::Nothing;
        };
        let at = self.selected.as_ref();
        let at = at.and_then(|id| self.rows.iter().position(|row| row == id));
        let at = match at {
            Some(at) => to(at, last).min(last),
            None => self.shown.0.min(last),
        };
        self.selected = Some(self.rows[at].clone());
        Pressed::Paint
    }

    fn service(&mut self, verb: &str, scene: &Scene) -> Pressed {
        if !self.may_operate {
            self.said = "this user may only look".to_owned();
            return Pressed::Paint;
        }
        let selected = self.selected.as_ref();
        let server = selected.and_then(|id| scene.servers.iter().find(|s| s.id == *id));
        let Some(server) = server else {
            self.said = "select a row first: j, k".to_owned();
            return Pressed::Paint;
        };
        let statement = format!("{verb} {} {}", server.kind.as_str(), server.id);
        self.said.clone_from(&statement);
        Pressed::Statement(statement)
    }
}

/// A whole screen for a window of `(columns, rows)`, with what it takes to paint it over the one before. `before`: the scene of the frame before
/// this one, for rates.
pub fn monitor(scene: &Scene, before: Option<&Scene>, view: &mut View, size: (u16, u16)) -> String {
    let known = |size: u16, usual| if size == 0 { usual } else { size };
    let columns = known(size.0, USUAL.0).max(LEAST.0);
    let rows = known(size.1, USUAL.1).max(LEAST.1);
    let rates = Rates::of(scene, before);
    let mut order: Vec<usize> = (0..scene.servers.len()).collect();
    sort(&mut order, scene, &rates, view.sort);
    view.rows = order.iter().map(|n| scene.servers[*n].id.clone()).collect();
    let selected = view.selected.as_ref();
    let selected = selected.and_then(|id| view.rows.iter().position(|row| row == id));
    // A line above, the heads, a line below.
    let room = usize::from(rows) - 3;
    let first = scrolled(view.shown.0, selected, room, order.len());
    view.shown = (first, room);
    let some: Vec<usize> = order.into_iter().skip(first).take(room).collect();
    let mut lines = vec![title(scene, &rates, view)];
    let body = body(scene, &rates, &some).render(columns);
    lines.extend(body.lines().map(str::to_owned));
    let marked = selected.map(|at| at - first + 2);
    lines.resize(usize::from(rows) - 1, String::new());
    lines.push(match view.said.is_empty() {
        true => "s sort  j k select  o out  i in  q quit".to_owned(),
        false => view.said.clone(),
    });
    paint(&lines, marked, columns.into())
}

/// The first row to be shown so that the selected one is among them, and as little moves as may be.
fn scrolled(first: usize, selected: Option<usize>, room: usize, rows: usize) -> usize {
    let first = first.min(rows.saturating_sub(room));
    match selected {
        Some(at) if at < first => at,
        Some(at) if at >= first + room => at + 1 - room,
        _ => first,
    }
}

/// What tells requests a second.
struct Rates<'s> {
    scene: &'s Scene,
    /// The scene before it, and how many seconds before.
    before: Option<(&'s Scene, f64)>,
}

impl<'s> Rates<'s> {
    fn of(scene: &'s Scene, before: Option<&'s Scene>) -> Rates<'s> {
        let seconds = |before: &Scene| scene.now.duration_since(before.now).as_secs_f64();
        let before = before.map(|before| (before, seconds(before)));
        Rates {
            scene,
            before: before.filter(|(_, seconds)| *seconds > 0.1),
        }
    }

    /// Of one of them; where the configuration changed in between, what the scene itself tells.
    fn each(&self, n: usize) -> Option<f64> {
        let server = &self.scene.servers[n];
        let was = self.before.and_then(|(before, seconds)| {
            let same = before.servers.get(n).filter(|was| was.id == server.id);
            same.map(|was| (asked(was), seconds))
        });
        match was {
            Some((was, seconds)) => Some(asked(server).saturating_sub(was) as f64 / seconds),
            None => server.rate,
        }
    }

    fn all(&self) -> Option<f64> {
        let totals = &self.scene.totals;
        match self.before {
            Some((before, seconds)) => {
                let more = totals.requests.saturating_sub(before.totals.requests);
                Some(more as f64 / seconds)
            }
            None => totals.rate,
        }
    }
}

/// How often it was asked, or picked.
fn asked(server: &Server) -> u64 {
    match server.own {
        Own::Virtual(_) | Own::Dip(_) => server.came.all(),
        Own::Real(_) | Own::Url(_) => server.numbers.picked(),
    }
}

fn sort(order: &mut [usize], scene: &Scene, rates: &Rates<'_>, by: Sort) {
    let server = |n: &usize| &scene.servers[*n];
    // Each of these sorts keeps the order of the configuration among equals.
    match by {
        Sort::Order => {}
        Sort::Rate => order.sort_by_cached_key(|n| {
            // A thousandth of a request a second is told from none.
            Reverse((rates.each(*n).unwrap_or(0.0) * 1000.0) as u64)
        }),
        Sort::Connections => order.sort_by_key(|n| Reverse(server(n).connections)),
        Sort::State => order.sort_by_key(|n| badness(server(n).state)),
        Sort::Response => order.sort_by_key(|n| Reverse(server(n).response_us)),
    }
}

const fn badness(state: State) -> u8 {
    match state {
        State::Failed => 0,
        State::OutOfService => 1,
        State::Maintenance => 2,
        State::Testing => 3,
        State::Sticky => 4,
        State::Maxconns => 5,
        State::InService => 6,
    }
}

fn title(scene: &Scene, rates: &Rates<'_>, view: &View) -> String {
    let time = scene.now.to_zoned(scene.zone.0.clone());
    format!(
        "{} {}  {}/s  {} open  {} of {} {}",
        time.strftime("%H:%M:%S"),
        scene.director.hostname,
        rate(rates.all()),
        scene.totals.open,
        (view.shown.0 + 1).min(view.rows.len()),
        view.rows.len(),
        view.sort.as_str(),
    )
}

const COLUMNS: [Column; 8] = [
    texts("Machine", 9),
    words("State"),
    numbers("Rate/s"),
    numbers("Connect"),
    numbers("Resp ms"),
    numbers("Promises"),
    words("Kind"),
    texts("Why", 12),
];

fn body(scene: &Scene, rates: &Rates<'_>, some: &[usize]) -> Table {
    let mut table = Table::new(&COLUMNS);
    for n in some {
        let server = &scene.servers[*n];
        table.row([
            server.id.to_string(),
            server.state.as_str().to_owned(),
            rate(rates.each(*n)),
            server.connections.to_string(),
            ms(server.response_us),
            server.promises.to_string(),
            server.kind.as_str().to_owned(),
            server.why.to_string(),
        ]);
    }
    table
}

/// Each line in its place, so that nothing scrolls; the selected one in reverse.
fn paint(lines: &[String], marked: Option<usize>, columns: usize) -> String {
    let mut screen = String::new();
    for (n, line) in lines.iter().enumerate() {
        let line = cut(&plain(line.clone()), columns);
        let row = n + 1;
        // Writing to a text cannot fail.
        let _ = match n {
            _ if marked == Some(n) => write!(screen, "\x1b[{row};1H\x1b[7m{line}\x1b[0m\x1b[K"),
            1 => write!(screen, "\x1b[{row};1H\x1b[1m{line}\x1b[0m\x1b[K"),
            _ => write!(screen, "\x1b[{row};1H{line}\x1b[K"),
        };
    }
    screen
}

#[cfg(test)]
#[path = "monitor_tests.rs"]
mod tests;
