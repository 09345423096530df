//! `show`: a [`Scene`] as tables that fit a window, or as JSON.
//!
//! Enter at [`show`]; [`monitor`](super::monitor()) paints a whole screen of the same. Pure, and of a large farm not quick: to be called
//! where nobody waits.
//!
//! Deliberately unknown here: how a scene is gathered, and who looks at it.

mod bonds;
mod certificates;
mod counted;
mod director;
mod farm;
mod probes;
mod scene;
mod select;
pub(super) mod table;
mod targets;
pub(super) mod words;

#[cfg(test)]
pub(super) mod tests;

pub use scene::*;

use serde::Serialize;

use self::table::Table;
use crate::control::Kind;
use crate::language::Command;

const ALL: [Kind; 4] = Kind::ALL;

/// What `command`, one of `show` or `who`, says about `scene`: lines for a window of so many `columns` (0: no limit, nothing left out), or
/// as JSON: an array of objects.
///
/// What is no part of a scene (`show running-config` and the like) is not shown here.
///
/// # Errors
/// Where it names what is not there: a line for the operator.
pub fn show(command: &Command, scene: &Scene, json: bool, columns: u16) -> Result<String, String> {
    let form = Form { json, columns };
    let word = |rule: &str| command.word(rule);
    match &*command.name {
        "show_virtual" => {
            let some = select::select(scene, &[Kind::Virtual, Kind::Dip], word("virtual_id"))?;
            form.table(
                || farm::virtuals(scene, &some),
                || farm::virtuals_json(&some),
            )
        }
        "show_real" => {
            let some = select::select(scene, &[Kind::Real, Kind::Dip], word("real_id"))?;
            form.table(|| farm::reals(scene, &some), || farm::reals_json(&some))
        }
        "show_url" => {
            let some = select::select(scene, &[Kind::Url], word("url_id"))?;
            form.table(|| targets::urls(scene, &some), || targets::urls_json(&some))
        }
        "show_dip" => {
            let some = select::select(scene, &[Kind::Dip], word("dip_id"))?;
            form.table(|| targets::dips(scene, &some), || targets::dips_json(&some))
        }
        "show_bind" | "show_predictor" | "show_sticky" => {
            let some = select::select(scene, &[Kind::Virtual], word("virtual_id"))?;
            bonds_of_virtuals(&command.name, scene, &some, form)
        }
        "show_link" => {
            let some = select::select(scene, &[Kind::Url], word("url_id"))?;
            let rows = bonds::links(scene, &some);
            form.table(|| bonds::link_table(&rows), || &rows)
        }
        "show_backup" => {
            let some = select::select(scene, &ALL, word("id"))?;
            let rows = bonds::backups(scene, &some);
            form.table(|| bonds::backup_table(&rows), || &rows)
        }
        "show_connections" => {
            let some = select::select(scene, &ALL, word("id"))?;
            let rows = counted::connections(&some);
            let table = form.table(|| counted::connection_table(&rows), || &rows)?;
            Ok(match json || word("id").is_some() {
                true => table,
                false => counted::open_line(scene) + &table,
            })
        }
        "show_statistics" => {
            let some = select::select(scene, &ALL, word("id"))?;
            let rows = counted::statistics(scene, &some, word("id").is_none());
            let table = form.table(|| counted::statistics_table(&rows), || &rows)?;
            Ok(match json {
                true => table,
                false => counted::since_line(scene) + &table,
            })
        }
        "show_probe" => {
            let some = probes::named(scene, word("probe_name"))?;
            if json {
                return form.json(&probes::json(&some));
            }
            let results = probes::results(scene, &some);
            let mut text = form.fit(probes::probes(&some));
            if !results.is_empty() {
                text.push('\n');
                text.push_str(&results.render(columns));
            }
            Ok(text)
        }
        "show_certificate" => {
            let some = certificates::named(scene, word("certificate_name"))?;
            form.table(
                || certificates::table(scene, &some),
                || certificates::json(scene, &some),
            )
        }
        "show_tech_support" => tech_support(scene, form),
        name => of_the_director(name, command, scene, form),
    }
}

fn bonds_of_virtuals(
    name: &str,
    scene: &Scene,
    some: &[&Server],
    form: Form,
) -> Result<String, String> {
    match name {
        "show_bind" => {
            let rows = bonds::binds(scene, some);
            form.table(|| bonds::bind_table(&rows), || &rows)
        }
        "show_predictor" => {
            let rows = bonds::predictors(some);
            form.table(|| bonds::predictor_table(&rows), || &rows)
        }
        _ => {
            let rows = bonds::stickies(scene, some);
            form.table(|| bonds::sticky_table(&rows), || &rows)
        }
    }
}

fn of_the_director(
    name: &str,
    command: &Command,
    scene: &Scene,
    form: Form,
) -> Result<String, String> {
    match name {
        "show_version" if form.json => form.json(&director::version_json(scene)),
        "show_version" => Ok(director::version(scene)),
        "show_who" | "who" => form.table(|| director::who(scene), || director::who_json(scene)),
        "show_users" => form.table(|| director::users(scene), || director::users_json(scene)),
        "show_archive" => {
            let table = || director::archive(scene);
            form.table(table, || director::archive_json(scene))
        }
        "show_history" => form.lines(&scene.history),
        "show_log" => form.lines(director::last(scene, command.word("lines"))?),
        _ => Err(format!("there is nothing to show of `{name}` here")),
    }
}

/// How it is shown.
#[derive(Clone, Copy)]
struct Form {
    json: bool,
    columns: u16,
}

impl Form {
    fn table<J: Serialize>(
        self,
        table: impl FnOnce() -> Table,
        json: impl FnOnce() -> J,
    ) -> Result<String, String> {
        match self.json {
            true => self.json(&json()),
            false => Ok(self.fit(table())),
        }
    }

    fn json(self, value: &impl Serialize) -> Result<String, String> {
        let text = serde_json::to_string_pretty(value);
        let text = text.map_err(|e| format!("it cannot be written as JSON: {e}"))?;
        Ok(table::plain_json(text + "\n"))
    }

    fn lines(self, lines: &[String]) -> Result<String, String> {
        match self.json {
            true => self.json(&director::lines_json(lines)),
            false => Ok(director::lines(lines)),
        }
    }

    fn fit(self, table: Table) -> String {
        match table.is_empty() {
            true => "there is none\n".to_owned(),
            false => table.render(self.columns),
        }
    }
}

/// What `show tech-support` is made of, in its order.
const TECH_SUPPORT: [(&str, &str); 16] = [
    ("show version", "show_version"),
    ("show running-config", ""),
    ("show virtual", "show_virtual"),
    ("show real", "show_real"),
    ("show url", "show_url"),
    ("show dip", "show_dip"),
    ("show bind", "show_bind"),
    ("show link", "show_link"),
    ("show backup", "show_backup"),
    ("show sticky", "show_sticky"),
    ("show connections", "show_connections"),
    ("show statistics", "show_statistics"),
    ("show probe", "show_probe"),
    ("show certificate", "show_certificate"),
    ("show archive", "show_archive"),
    ("show log", "show_log"),
];

#[derive(Serialize)]
struct Section {
    command: &'static str,
    output: serde_json::Value,
}

fn tech_support(scene: &Scene, form: Form) -> Result<String, String> {
    let mut text = String::new();
    let mut sections = Vec::new();
    for (said, name) in TECH_SUPPORT {
        let output = match name {
            "" if form.json => serde_json::to_string(&scene.running).unwrap_or_default(),
            "" => scene
                .running
                .lines()
                .map(|l| table::plain(l.to_owned()) + "\n")
                .collect(),
            _ => {
                let command = Command {
                    name: name.into(),
                    words: Vec::new(),
                };
                show(&command, scene, form.json, form.columns)?
            }
        };
        if form.json {
            let output = serde_json::from_str(&output);
            sections.push(Section {
                command: said,
                output: output.unwrap_or_default(),
            });
        } else {
            text.push_str(&format!("---------- {said} ----------\n{output}\n"));
        }
    }
    match form.json {
        true => form.json(&sections),
        false => Ok(text),
    }
}
