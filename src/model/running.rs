//! A configuration as it runs: what it says, and the comments of its statements.

use std::sync::{Arc, OnceLock};

use super::comments::{self, Comments};
use super::print::print_without_names;
use super::{Loaded, Model, Secret, print, resolve};
use crate::language::{Diagnostic, Ground, parse};

/// A configuration as it runs: what it says, and the comments of its statements.
#[derive(Clone, Debug, Default)]
pub struct Running {
    model: Arc<Model>,
    comments: Comments,
    /// The model's text without names, for lines to be read behind it; `None` within: it cannot be read back.
    ground: OnceLock<Option<Arc<Ground>>>,
}

impl PartialEq for Running {
    fn eq(&self, other: &Running) -> bool {
        self.comments == other.comments
            && (Arc::ptr_eq(&self.model, &other.model) || self.model == other.model)
    }
}

impl Eq for Running {}

impl From<Model> for Running {
    fn from(model: Model) -> Running {
        Running {
            model: Arc::new(model),
            ..Running::default()
        }
    }
}

impl Running {
    /// Reads a whole configuration with its comments, as [`load`](super::load) does; the second has no model, only what there is to
    /// tell.
    pub fn read(source: &str, bytes: &[u8]) -> (Option<Running>, Loaded) {
        let (statements, mut diagnostics) = parse(bytes);
        let (model, more) = resolve(&statements);
        let holds = !diagnostics.iter().any(Diagnostic::is_error);
        diagnostics.extend(more);
        diagnostics.sort_by_key(|diagnostic| diagnostic.span);
        let running = model.filter(|_| holds).map(|model| {
            let mut running = Running::from(model);
            running.comments =
                Comments::gather(&Comments::default(), &statements, &running.model, || {
                    running.keys()
                });
            running
        });
        let told = Loaded {
            source: source.into(),
            model: None,
            diagnostics,
        };
        (running, told)
    }

    /// With these lines behind it, and what there is to tell of them: places and numbers are of the lines alone. What the lines
    /// override is not told, nor that something is used nowhere, as more lines may come.
    ///
    /// # Errors
    /// Where the whole does not hold with them.
    pub fn with(&self, lines: &str) -> Result<(Running, Vec<Diagnostic>), Vec<Diagnostic>> {
        let Some(ground) = self.ground() else {
            let why = "what runs cannot be read back, so that nothing can be added to it";
            return Err(vec![Diagnostic::of_file(why)]);
        };
        let lines = lines.trim_start_matches('\u{feff}');
        let whole = [ground.text(), lines].concat();
        let (statements, mut diagnostics) = ground.parse_behind(whole.as_bytes());
        let (model, more) = resolve(&statements);
        let holds = !diagnostics.iter().any(Diagnostic::is_error);
        let edge = ground.text().len() as u32;
        diagnostics.extend(more.into_iter().filter_map(|told| of_lines(told, edge)));
        diagnostics.sort_by_key(|diagnostic| diagnostic.span);
        let Some(model) = model.filter(|_| holds) else {
            diagnostics.retain(Diagnostic::is_error);
            return Err(diagnostics);
        };
        let mut running = Running::from(model);
        let text = print_without_names(&running.model);
        let ground = Ground::read(text, ground).map(Arc::new);
        running.ground = OnceLock::from(ground);
        running.comments = Comments::gather(&self.comments, &statements, &running.model, || {
            running.keys()
        });
        Ok((running, diagnostics))
    }

    /// The same with a hash in the place of each plain secret: `hash` yields it for the secret and, where the same user or password
    /// has one in `before`, that.
    ///
    /// # Errors
    /// Those of `hash`.
    pub fn sealed<E>(
        mut self,
        before: &Running,
        mut hash: impl FnMut(&str, Option<&str>) -> Result<Box<str>, E>,
    ) -> Result<Running, E> {
        let console = &self.model.globals.console;
        let mut secrets = console.users.iter().filter_map(|user| user.secret.as_ref());
        let is_plain = |secret: &Secret| matches!(secret, Secret::Plain(_));
        if !secrets.any(is_plain) && !console.enable.as_ref().is_some_and(is_plain) {
            return Ok(self);
        }
        let old = &before.model.globals.console;
        let mut seal = |secret: &mut Option<Secret>, known: Option<&Secret>| {
            if let Some(Secret::Plain(plain)) = secret {
                let known = match known {
                    Some(Secret::Hash(hash)) => Some(&**hash),
                    Some(Secret::Plain(_)) | None => None,
                };
                *secret = Some(Secret::Hash(hash(plain, known)?));
            }
            Ok(())
        };
        let console = &mut Arc::make_mut(&mut self.model).globals.console;
        for user in &mut console.users {
            let known = old.users.iter().find(|known| known.name == user.name);
            let known = known.and_then(|known| known.secret.as_ref());
            seal(&mut user.secret, known)?;
        }
        seal(&mut console.enable, old.enable.as_ref())?;
        let text = print_without_names(&self.model);
        if let Some(ground) = self.ground.take().flatten() {
            self.ground = OnceLock::from(Ground::read(text, &ground).map(Arc::new));
        }
        Ok(self)
    }

    /// What it says.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The canonical text with the comments. To read it yields this again.
    pub fn print(&self) -> String {
        self.comments.weave(print(&self.model), &self.model)
    }

    /// The same with `********` in the place of each secret.
    pub fn masked(&self) -> String {
        super::mask(&self.print())
    }

    fn ground(&self) -> Option<&Ground> {
        let read = || {
            let text = print_without_names(&self.model);
            Ground::read(text, &Ground::default()).map(Arc::new)
        };
        self.ground.get_or_init(read).as_deref()
    }

    fn keys(&self) -> Option<std::collections::HashSet<(Box<str>, Box<str>)>> {
        self.ground()
            .map(|ground| comments::keys(&ground.statements()))
    }
}

/// What of a diagnostic is told where the text's lines from `edge` on are new.
fn of_lines(mut told: Diagnostic, edge: u32) -> Option<Diagnostic> {
    if told.span.start >= edge {
        return Some(told);
    }
    if !told.is_error() {
        return None;
    }
    // A line that runs already does not fit the new ones: it is named, as it has no number here.
    if let Some(place) = told.place.take() {
        let message = std::mem::take(&mut told.message);
        let label = std::mem::take(&mut told.label);
        let colon = if label.is_empty() { "" } else { ": " };
        told.message = format!(
            "`{}` would no longer hold: {message}{colon}{label}",
            place.text
        )
        .into();
    }
    Some(told)
}
