//! The command line: one file a subcommand, each with its `Args` and a `run`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod console;
pub mod demo;
pub mod explain;
pub mod import;
pub mod secret;
pub mod serve;
mod terminal;
pub mod upgrade;

/// A Layer-7 HTTP redirect load balancer.
#[derive(Debug, Parser)]
#[command(name = "signpost", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Serve(serve::Args),
    Demo(demo::Args),
    Explain(explain::Args),
    Console(console::Args),
    Secret(secret::Args),
    Import(import::Args),
    Upgrade(upgrade::Args),
}

impl Cli {
    /// Runs the chosen subcommand.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Check(args) => check::run(args),
            Command::Serve(args) => serve::run(args),
            Command::Demo(args) => demo::run(args),
            Command::Explain(args) => explain::run(args),
            Command::Console(args) => console::run(args),
            Command::Secret(args) => secret::run(args),
            Command::Import(args) => import::run(args),
            Command::Upgrade(args) => upgrade::run(args),
        }
    }
}
