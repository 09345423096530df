//! What is wrong with a text, and how it is shown.

use std::borrow::Cow;
use std::fmt;

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Place, Source, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration does not hold.
    Error,
    /// It holds, but perhaps not as meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// For whom a diagnostic is rendered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// A file, a pipe, a log.
    #[default]
    Plain,
    /// A terminal with colours.
    Coloured,
}

/// One mistake or doubt, at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, the thing named: a lower-case fragment.
    pub message: Cow<'static, str>,
    /// Said right at the marked word: what was expected, or what it does.
    pub label: Cow<'static, str>,
    /// What may have been meant, or what to write instead.
    pub help: Option<Cow<'static, str>>,
    /// Where; `None`: the file as a whole.
    pub place: Option<Place>,
    pub(crate) span: Span,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(
        source: &Source<'_>,
        span: Span,
        message: impl Into<Cow<'static, str>>,
    ) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            label: Cow::Borrowed(""),
            help: None,
            place: Some(source.place(span)),
            span,
        }
    }

    /// A warning at `span`.
    pub fn warning(
        source: &Source<'_>,
        span: Span,
        message: impl Into<Cow<'static, str>>,
    ) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(source, span, message)
        }
    }

    /// An error of the file as a whole: it cannot be read, or is too large.
    pub fn of_file(message: impl Into<Cow<'static, str>>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            label: Cow::Borrowed(""),
            help: None,
            place: None,
            span: Span { start: 0, end: 0 },
        }
    }

    /// With `label` at the marked word.
    #[must_use]
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Diagnostic {
        self.label = label.into();
        self
    }

    /// With a hint below.
    #[must_use]
    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Whether the configuration does not hold for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `FILE:LINE:COLUMN: error: message`, then the line with the marked word, then the hint; no line end at the end.
    pub fn render(&self, file: &str, style: Style) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let head = match &self.place {
            Some(place) => format!("{file}:{}:{}: {}", place.line, place.column, self.severity),
            None => format!("{file}: {}", self.severity),
        };
        let title = level.with_name(head).primary_title(self.message.as_ref());
        let mut group = Group::with_title(title);
        if let Some(place) = &self.place {
            let mut mark = AnnotationKind::Primary.span(place.marked.clone());
            if !self.label.is_empty() {
                mark = mark.label(self.label.as_ref());
            }
            let line = Snippet::source(place.text.as_ref())
                .line_start(place.line as usize)
                .annotation(mark);
            group = group.element(line);
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_ref()));
        }
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Coloured => Renderer::styled(),
        };
        renderer.term_width(DEFAULT_TERM_WIDTH).render(&[group])
    }
}
