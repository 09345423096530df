//! Named numbers of a server, each with its source, age and expiry.

use crate::decide::Millis;

/// How many figures are kept of one server.
pub const FIGURES: usize = 64;

/// A longer name is not kept.
const NAME_BYTES: usize = 64;

/// A named number.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it counts or measures.
    pub name: Box<str>,
    /// Finite.
    pub value: f64,
    /// Who said so: a probe's name, `agent` or `traffic`.
    pub source: Box<str>,
    /// When.
    pub at: Millis,
    /// From when on it counts for nothing.
    pub expires: Millis,
}

/// The figures of one server: at most [`FIGURES`], one a name and source.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// Notes a figure in place of an older one of its name and source. Says whether it was kept: not where it is no finite number,
    /// its name is empty or longer than 64 bytes, or there are [`FIGURES`] that have not expired.
    pub fn note(&mut self, figure: Figure) -> bool {
        let name = figure.name.len();
        if !figure.value.is_finite() || name == 0 || name > NAME_BYTES {
            return false;
        }
        let same = |f: &&mut Figure| f.name == figure.name && f.source == figure.source;
        if let Some(older) = self.0.iter_mut().find(same) {
            *older = figure;
            return true;
        }
        if self.0.len() == FIGURES {
            self.0.retain(|f| f.expires > figure.at);
        }
        let room = self.0.len() < FIGURES;
        if room {
            self.0.push(figure);
        }
        room
    }

    /// Those that count at `now`, in the order in which their names came first.
    pub fn at(&self, now: Millis) -> impl Iterator<Item = &Figure> {
        self.0.iter().filter(move |f| f.expires > now)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
