//! A change of configuration as a transaction: prepared whole, then applied whole.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use super::hold::opened;
use super::listeners::{BindError, RIGHT_WANTED, Reach, bind, may_be_transparent, may_turn, turn};
use super::{KeyError, TrustFault};
use crate::model::{Endpoint, Model};
use crate::telemetry::OpenError;

/// What a listener speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// A virtual server.
    Virtual,
    /// A directed IP.
    Dip,
    /// A port that a directed IP passes on (`pass`).
    Pass,
    /// The admin listener (`metrics`).
    Admin,
    /// The console over telnet.
    Telnet,
    /// The console over SSH.
    Ssh,
}

impl Door {
    /// Who serves it: workers serve virtuals, dips and what they pass on alike, so that such a listener stays whichever of them it is for.
    pub(super) fn behind(self) -> Door {
        match self {
            Door::Virtual | Door::Dip | Door::Pass => Door::Virtual,
            room => room,
        }
    }
}

/// The sockets of a listener: one a worker, or one where it is not the workers'.
#[derive(Debug)]
pub struct Listener {
    /// Where it listens.
    pub at: Endpoint,
    /// For whom.
    pub door: Door,
    /// One socket a worker, or the only one.
    pub sockets: Vec<TcpListener>,
    /// A copy of each that is one of its own, for whoever takes over from this process.
    pub held: Vec<TcpListener>,
}

/// Every endpoint that a model listens on, in the order of its definition, and for what.
pub fn doors(model: &Model) -> Vec<(Endpoint, Door)> {
    let virtuals = model
        .virtuals
        .iter()
        .map(|v| (v.id, &v.listens, Door::Virtual));
    let dips = model.dips.iter().map(|d| (d.id, &d.listens, Door::Dip));
    virtuals
        .chain(dips)
        .flat_map(|(id, listens, door)| {
            std::iter::once(id)
                .chain(listens.iter().copied())
                .map(move |at| (at, door))
        })
        .chain(
            model
                .dips
                .iter()
                .flat_map(|dip| dip.passed().map(|at| (at, Door::Pass))),
        )
        .chain(model.globals.metrics.map(|at| (at, Door::Admin)))
        .chain(model.globals.console.telnet.map(|at| (at, Door::Telnet)))
        .chain(model.globals.console.ssh.map(|at| (at, Door::Ssh)))
        .collect()
}

/// Whether a model has a virtual or a dip: something to serve.
pub fn serves(model: &Model) -> bool {
    !(model.virtuals.is_empty() && model.dips.is_empty())
}

/// Why a configuration that holds cannot be served here and now.
#[derive(Debug)]
pub enum PrepareError {
    /// It has no virtual and no dip, which a file must not: who writes one forgot them.
    Empty,
    /// These dips' reals have the very address that the dip listens at.
    NeedsInline(Vec<Endpoint>),
    /// These addresses cannot be bound.
    Bind(Vec<BindError>),
    /// Clients' addresses cannot be kept towards servers.
    Transparent(io::Error),
    /// The access log cannot be opened.
    Log(OpenError),
    /// These certificates cannot be used.
    Keys(Vec<KeyError>),
    /// Servers cannot be checked as they are to be.
    Trust(Vec<TrustFault>),
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrepareError::Empty => f.write_str(
                "the configuration has neither a virtual nor a dip, so there is nothing to listen on; add one, such as `virtual 192.0.2.1`",
            ),
            PrepareError::NeedsInline(dips) => {
                for (i, dip) in dips.iter().enumerate() {
                    if i > 0 {
                        writeln!(f)?;
                    }
                    write!(
                        f,
                        "dip `{dip}` and its real have the very same address and port, which needs the director in the path of the packets; write `inline INTERFACE` where clients' packets pass through this host, or else where the real server is: `dip {dip} REAL-ADDRESS:PORT`"
                    )?;
                }
                Ok(())
            }
            PrepareError::Bind(errors) => lines(errors, f),
            PrepareError::Keys(errors) => lines(errors, f),
            PrepareError::Transparent(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "`transparent` keeps clients' addresses, {RIGHT_WANTED}")
            }
            PrepareError::Transparent(error) => write!(
                f,
                "`transparent` keeps clients' addresses, which this kernel does not let sockets have: {error}; take those lines out"
            ),
            PrepareError::Log(error) => error.fmt(f),
            PrepareError::Trust(faults) => lines(faults, f),
        }
    }
}

/// Each error on a line of its own.
fn lines(errors: &[impl fmt::Display], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (i, error) in errors.iter().enumerate() {
        if i > 0 {
            writeln!(f)?;
        }
        error.fmt(f)?;
    }
    Ok(())
}

impl std::error::Error for PrepareError {}

/// A change whose every step that can fail has been taken. Dropped, nothing happened.
#[derive(Debug)]
pub struct Prepared {
    pub(super) model: Arc<Model>,
    /// Listeners that are new.
    pub(super) open: Vec<Listener>,
    /// Listeners that end.
    pub(super) close: Vec<(Endpoint, Door)>,
    /// Listeners that stay, and take packets from elsewhere than before.
    pub(super) turns: Vec<(Endpoint, Reach)>,
    /// All that will be open, in the order of the model.
    pub(super) doors: Vec<(Endpoint, Door)>,
}

/// Whose addresses the listener at `at` may be at.
fn reach(model: &Model) -> impl Fn(Endpoint, Door) -> Reach + use<> {
    let in_path: HashSet<_> = model.in_path().collect();
    let freebind = model.globals.freebind;
    move |at, door| match door.behind() {
        Door::Virtual if in_path.contains(&at) => Reach::InPath,
        Door::Virtual if freebind => Reach::Coming,
        Door::Virtual => Reach::Own,
        _ => Reach::Here,
    }
}

/// Prepares `model` in place of `old`, of which `open_now` are the listeners. `handed` are sockets that
/// somebody else bound (a test's on port 0, systemd's, an older binary's): taken instead of binding.
///
/// # Errors
/// Where it cannot be served; nothing has changed then.
pub fn prepare(
    model: Arc<Model>,
    (old, open_now): (&Model, &[(Endpoint, Door)]),
    mut handed: HashMap<Endpoint, Vec<TcpListener>>,
    workers: usize,
) -> Result<Prepared, PrepareError> {
    let doors = doors(&model);
    let inline: Vec<_> = model
        .dips
        .iter()
        .filter(|d| model.globals.inline.is_empty() && d.id.socket() == d.real.socket())
        .map(|d| d.id)
        .collect();
    if !inline.is_empty() {
        return Err(PrepareError::NeedsInline(inline));
    }
    if model.transparent().next().is_some() {
        may_be_transparent().map_err(PrepareError::Transparent)?;
    }
    let (reach, reach_before) = (reach(&model), reach(old));
    let kept = |&(at, door): &(Endpoint, Door)| (at, door.behind());
    let before: HashSet<_> = open_now.iter().map(kept).collect();
    let wanted: HashSet<_> = doors.iter().map(kept).collect();
    let mut open = Vec::new();
    let mut errors = Vec::new();
    for &(at, door) in doors.iter().filter(|door| !before.contains(&kept(door))) {
        let sockets = match door.behind() {
            Door::Virtual => workers,
            _ => 1,
        };
        let reach = reach(at, door);
        let bound = match handed.remove(&at) {
            Some(bound) => taken(at, reach, bound),
            None => bind(at, reach, sockets),
        };
        match bound.and_then(|bound| opened(at, door, bound, sockets)) {
            Ok(listener) => open.push(listener),
            Err(error) => errors.push(error),
        }
    }
    let mut turns = Vec::new();
    for &(at, door) in doors.iter().filter(|door| before.contains(&kept(door))) {
        let reach = reach(at, door);
        if reach != reach_before(at, door) {
            errors.extend(may_turn(at, reach).err());
            turns.push((at, reach));
        }
    }
    if !errors.is_empty() {
        return Err(PrepareError::Bind(errors));
    }
    let close = open_now.iter().filter(|door| !wanted.contains(&kept(door)));
    let close = close.copied().collect();
    Ok(Prepared {
        model,
        open,
        close,
        turns,
        doors,
    })
}

/// Sockets that were handed over: bound already, but perhaps for addresses of this host alone.
fn taken(
    at: Endpoint,
    reach: Reach,
    bound: Vec<TcpListener>,
) -> Result<Vec<TcpListener>, BindError> {
    if reach == Reach::InPath {
        for socket in &bound {
            turn(socket, at, reach).map_err(|source| BindError { at, reach, source })?;
        }
    }
    Ok(bound)
}
