//! The modes, and what each shows before a line.

use super::Setting;
use super::plain::is_shown;

/// How far in an operator is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Commands.
    #[default]
    Commands,
    /// Statements that take effect at once.
    Config,
    /// Statements that are gathered.
    Candidate(Candidate),
}

/// Statements that were gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Nobody else may change anything meanwhile.
    pub(super) exclusive: bool,
    /// What runs when it was begun.
    pub(super) generation: u64,
    /// In order.
    pub(super) lines: Vec<Box<str>>,
}

impl Mode {
    /// Whether statements are typed.
    pub(super) fn is_config(&self) -> bool {
        *self != Mode::Commands
    }

    /// The prompt: `HOST[*]>`, `#`, `(config)#` …; `*`: what runs differs from the startup file.
    pub(super) fn prompt(&self, setting: &Setting, enabled: bool) -> String {
        let host: String = setting
            .hostname
            .chars()
            .filter(|c| is_shown(*c))
            .take(64)
            .collect();
        let host = if host.is_empty() { "signpost" } else { &host };
        let star = if setting.saved { "" } else { "*" };
        let tail = match self {
            Mode::Commands if enabled => "#",
            Mode::Commands => ">",
            Mode::Config => "(config)#",
            Mode::Candidate(Candidate {
                exclusive: true, ..
            }) => "(config-exclusive)#",
            Mode::Candidate(_) => "(config-candidate)#",
        };
        format!("{host}{star}{tail} ")
    }
}
