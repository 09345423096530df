//! `signpost check FILE…`: tells what is wrong with configurations.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::app;
use crate::control;
use crate::language::{Diagnostic, Style};
use crate::model::{self, Loaded, Model};

/// Check configuration files and tell every mistake in them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print each configuration that holds in its canonical form
    #[arg(long)]
    print: bool,
    /// The files to check, each on its own
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Checks each file. Diagnostics go to standard error, canonical forms to standard output; failure if one of the files does not hold,
/// cannot be read or cannot be printed.
pub fn run(args: Args) -> ExitCode {
    let mut holds = true;
    for path in &args.files {
        let loaded = load(path);
        holds &= loaded.model.is_some();
        // A standard error that is gone leaves nobody to tell.
        let _ = io::stderr()
            .lock()
            .write_all(loaded.report(style()).as_bytes());
        if let Some(model) = &loaded.model {
            tell_certificates(model, path);
        }
        if let (true, Some(model)) = (args.print, &loaded.model) {
            let text = model::print(model);
            let mut out = io::stdout().lock();
            holds &= out
                .write_all(text.as_bytes())
                .and_then(|()| out.flush())
                .is_ok();
        }
    }
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Warns of certificates that `serve` would refuse here, that end soon or that do not fit their urls.
fn tell_certificates(model: &Model, path: &Path) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut told = String::new();
    for remark in control::certificate_remarks(model, folder) {
        told += &format!("warning: {}: {remark}\n", path.display());
    }
    // A standard error that is gone leaves nobody to tell.
    let _ = io::stderr().lock().write_all(told.as_bytes());
}

/// Loads the file at `path`; one that cannot be read is a configuration that does not hold.
pub fn load(path: &Path) -> Loaded {
    let name = path.display().to_string();
    match app::read(path) {
        Ok(bytes) => model::load(&name, &bytes),
        Err(error) => Loaded {
            source: name.into(),
            model: None,
            diagnostics: vec![Diagnostic::of_file(format!(
                "the file cannot be read: {error}"
            ))],
        },
    }
}

/// Colours for a terminal, unless the user wants none (no-color.org).
pub fn style() -> Style {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && io::stderr().is_terminal() {
        Style::Coloured
    } else {
        Style::Plain
    }
}
