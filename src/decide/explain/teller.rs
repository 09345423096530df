//! The notes of a walk in words.

use crate::decide::config::{Config, Kind, NONE};
use crate::decide::predictors::Pick;
use crate::decide::settle::View;
use crate::decide::walk::{How, Knows, Lost, Note, Ratio, Trace, Why};
use crate::decide::{Action, Decision, Health, Loads, NotTaken, Readiness, Reason, Snapshot, Step};
use crate::model::{Id, Intent};

/// Keeps what happens on a walk.
#[derive(Default)]
pub(super) struct Notes(pub(super) Vec<Note>);

impl Trace for Notes {
    const ON: bool = true;
    fn note(&mut self, note: Note) {
        self.0.push(note);
    }
}

/// Tells notes in words.
pub(super) struct Teller<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) config: &'a Config,
    pub(super) loads: &'a Loads,
    pub(super) notes: &'a [Note],
    pub(super) reason: Reason,
}

impl Teller<'_> {
    fn id(&self, node: u32) -> &Id {
        &self.config.ids[node as usize]
    }

    pub(super) fn step(&self, note: Note) -> Step {
        let (node, event) = match note {
            Note::Asked(node) | Note::Entered(node) => (node, self.asked(node)),
            Note::Slot { of, target, how } => (target, self.slot_step(of, target, how)),
            Note::Rejected { node, why } => (node, format!("not usable: {}", self.why(node, why))),
            Note::Backup { node, backup } => (backup, format!("stands in for {}", self.id(node))),
            Note::Taken { node, trial } => {
                let trial = if trial {
                    ", as the one client on trial"
                } else {
                    ""
                };
                (node, format!("usable: taken{trial}"))
            }
            Note::Promised { server, others } => (server, self.promised(server, others)),
            Note::Own { of, node, how } => (node, format!("{} at {}", own(how), self.id(of))),
            Note::Lost { of, node, lost } => (node, self.lost(of, node, lost)),
            Note::Second { of, node, primary } => (node, self.second(of, primary)),
            Note::Assigned {
                of,
                node,
                alternate,
            } => (node, self.assigned(of, alternate)),
            Note::Spared { node, percent } => (node, format!("passed over: {}", ramping(percent))),
            Note::Over { node, ratio } => (node, format!("passes the client on: {}", over(ratio))),
            Note::CameBack {
                url,
                ago_ms,
                observe,
            } => (url, came_back(ago_ms, observe)),
            Note::AllDown { of, url: NONE } => {
                let event = "all servers are down: on to those that were usable last";
                (of, event.to_owned())
            }
            Note::AllDown { of, url } => {
                let event = format!("all servers are down: on to {}", self.id(url));
                (of, event)
            }
            Note::Priority { of, priority } => {
                let letter = priority.letter();
                let event = format!("nothing of a higher priority serves: on to priority {letter}");
                (of, event)
            }
        };
        Step {
            id: self.id(node).clone(),
            event,
        }
    }

    fn slot_step(&self, of: u32, target: u32, how: How) -> String {
        let how = match how {
            How::Predictor => "the predictor names its slot",
            How::Trial => "on trial: tried first",
            How::Retry => "the next try",
            How::Scan => "looked at in order, as the predictor found nothing",
            How::Bounced => "it has the lowest ratio",
            How::Ramping => "ramping up, but there is no other",
            How::LastGood => "it was filled before all went down",
        };
        let front = self.config.front(target);
        match front == target {
            true => format!("bound to {}: {how}", self.id(of)),
            false => format!(
                "bound to {}: {how}, taken by its url {}",
                self.id(of),
                self.id(front)
            ),
        }
    }

    fn promised(&self, server: u32, others: u32) -> String {
        match self.config.kind(server) {
            Kind::Url => format!("its redirects are taken to have caused a load of {others}"),
            _ => format!(
                "promised {others} {}, and this one",
                plural(others as usize, "client")
            ),
        }
    }

    fn lost(&self, of: u32, node: u32, lost: Lost) -> String {
        let stays = match lost.kept {
            true => "which stays the client's",
            false => "which the client leaves",
        };
        let why = self.why(node, lost.why);
        format!("the client's own server at {}, {stays}: {why}", self.id(of))
    }

    fn second(&self, of: u32, primary: u32) -> String {
        let of = self.id(of);
        match primary {
            NONE => format!("the client's alternate at {of}, as its own server is gone"),
            primary => format!(
                "the client's alternate at {of}, as {} is not taken",
                self.id(primary)
            ),
        }
    }

    fn assigned(&self, of: u32, alternate: u32) -> String {
        let of = self.id(of);
        match alternate {
            NONE => format!("the client's own server at {of} from now on; there is no alternate"),
            alternate => format!(
                "the client's own server at {of} from now on; its alternate is {}",
                self.id(alternate)
            ),
        }
    }

    fn asked(&self, node: u32) -> String {
        let Some(settings) = self.config.virtuals.get(node as usize) else {
            return "dip, asked at its own address".to_owned();
        };
        let plan = &self.snapshot.marks.plans[node as usize];
        let (filled, all) = (plan.slots.len(), settings.targets.len());
        let turn = match plan.pick {
            _ if filled == 0 => String::new(),
            Pick::Turn | Pick::Fastest => {
                format!(", turn {}", self.loads.of(node).turns() % filled as u64 + 1)
            }
            Pick::Schedule(ref table) => {
                format!(
                    ", turn {} of {}",
                    self.loads.of(node).turns() % table.len() as u64 + 1,
                    table.len()
                )
            }
            _ => String::new(),
        };
        let name = settings.predictor.as_str();
        let class = match settings.priorities.len() > 1 && filled > 0 {
            true => format!(" of priority {}", plan.priority.letter()),
            false => String::new(),
        };
        format!(
            "virtual, {name} over {filled} filled{class} of {all} {}{turn}",
            plural(all, "slot")
        )
    }

    fn why(&self, node: u32, why: Why) -> String {
        let linked = |what: &str| match self.config.link[node as usize] {
            NONE => what.to_owned(),
            link => format!("{}, to which it is linked, {what}", self.id(link)),
        };
        match why {
            Why::State => self.state(node, 0),
            Why::Full
                if self.config.kind(node) == Kind::Url
                    && self.config.link[node as usize] == NONE =>
            {
                "its redirects are taken to fill its maxconns".to_owned()
            }
            Why::OnTrial => linked("is on trial, and another client tries it"),
            Why::Full => linked("is at its maxconns"),
            Why::Tried => linked("did not take the connection"),
            Why::CameBack => linked("was just tried by the client, which came back"),
            Why::Gone => "it is not configured any more".to_owned(),
            Why::Unbound => "it is not bound there any more".to_owned(),
            Why::Visited => linked("was asked already on this walk"),
            Why::TooDeep => "virtuals are nested too deep".to_owned(),
            Why::LeadsBack => "its Location leads back to where the client just asked".to_owned(),
            Why::NoUrl => "its host cannot be made of the address that was asked for".to_owned(),
            Why::Empty => "nothing within it is usable".to_owned(),
        }
    }

    /// Why a node is not usable by intent and health.
    fn state(&self, node: u32, depth: u32) -> String {
        let n = node as usize;
        let intent = match self.config.intent[n] {
            Intent::InService => None,
            Intent::OutOfService => Some("out of service"),
            Intent::Maintenance => Some("in maintenance"),
            Intent::Sticky => Some("open to its own clients only"),
            Intent::Failed => Some("failed, says the operator"),
        };
        if let Some(intent) = intent {
            return format!("it is {intent}");
        }
        let measured = &self.snapshot.marks.measured[n];
        match (measured.health, measured.readiness) {
            (Health::Failed, _) => return "it has failed".to_owned(),
            (Health::Testing, _) => return "it has failed and is on trial".to_owned(),
            (_, Readiness::Maint) => return "it says that it is in maintenance".to_owned(),
            (_, Readiness::Drain) => {
                return "it says that it is open to its own clients only".to_owned();
            }
            (Health::Up, Readiness::Ready) if measured.share == 0 => {
                return "it says that it takes no new clients".to_owned();
            }
            (Health::Up, Readiness::Ready) => {}
        }
        match self.config.link[n] {
            _ if self.config.kind(node) == Kind::Virtual => "no slot of it is filled".to_owned(),
            NONE => "it is in service".to_owned(),
            link if depth == 0 => {
                format!(
                    "of {}, to which it is linked: {}",
                    self.id(link),
                    self.state(link, 1)
                )
            }
            _ => "it is not usable".to_owned(),
        }
    }

    /// The bound targets and backups around the walk that were not the answer.
    pub(super) fn not_taken(&self, decision: Decision) -> Vec<NotTaken> {
        let taken = match decision.action {
            Action::Redirect { url, .. } => url.0,
            Action::Forward { server } => server.0,
            Action::Refuse => NONE,
        };
        let mut list = Vec::new();
        let mut seen = vec![false; self.config.ids.len()];
        for note in self.notes {
            let node = match *note {
                Note::Asked(node) | Note::Entered(node) => node,
                _ => continue,
            };
            if let Some(settings) = self.config.virtuals.get(node as usize) {
                for &target in &settings.targets {
                    self.slot(node, target, taken, &mut seen, &mut list);
                }
            }
            self.chain(node, taken, &mut seen, &mut list);
        }
        list
    }

    fn slot(&self, of: u32, target: u32, taken: u32, seen: &mut [bool], list: &mut Vec<NotTaken>) {
        let front = self.config.front(target);
        let inside = self.notes.contains(&Note::Entered(front));
        if front != taken && !inside && !std::mem::replace(&mut seen[front as usize], true) {
            let because = self.passed_over(of, target, front);
            list.push(self.entry(front, of, because));
        }
        if self.snapshot.marks.weight_at(self.config, of, target) > 0 {
            self.chain(target, taken, seen, list);
        }
    }

    fn chain(&self, node: u32, taken: u32, seen: &mut [bool], list: &mut Vec<NotTaken>) {
        let mut of = node;
        loop {
            let at = self.config.backup[of as usize];
            if at == NONE || std::mem::replace(&mut seen[at as usize], true) {
                return;
            }
            let inside =
                self.notes.contains(&Note::Entered(at)) || self.notes.contains(&Note::Asked(at));
            if at != taken && !inside {
                let because = match self.rejection(at) {
                    Some(because) => because,
                    None if !self.snapshot.marks.alive(at, View::Possible) => self.state(at, 0),
                    None if self
                        .snapshot
                        .marks
                        .alive(self.config.front(of), View::Steady) =>
                    {
                        format!("it only stands in while {} is not usable", self.id(of))
                    }
                    None => "another one was taken before it".to_owned(),
                };
                list.push(self.entry(at, of, because));
            }
            of = at;
        }
    }

    fn entry(&self, node: u32, of: u32, because: String) -> NotTaken {
        NotTaken {
            id: self.id(node).clone(),
            of: self.id(of).clone(),
            because,
        }
    }

    fn rejection(&self, node: u32) -> Option<String> {
        self.notes.iter().find_map(|note| match *note {
            Note::Rejected { node: n, why } if n == node => Some(self.why(node, why)),
            Note::Lost { node: n, lost, .. } if n == node => Some(self.why(node, lost.why)),
            Note::Spared { node: n, percent } if n == node => Some(ramping(percent)),
            Note::Over { node: n, ratio } if self.config.bearer(n) == self.config.bearer(node) => {
                Some(over(ratio))
            }
            _ => None,
        })
    }

    /// Whether the client was known at `v`.
    fn knows(&self, v: u32) -> bool {
        self.notes.iter().any(|note| match *note {
            Note::Own { of, .. } | Note::Second { of, .. } => of == v,
            _ => false,
        })
    }

    fn passed_over(&self, of: u32, target: u32, front: u32) -> String {
        if self.config.weight_at(of, target, &self.config.nominal) == 0 {
            return "its weight is 0".to_owned();
        }
        if let Some(because) = self.rejection(front) {
            return because;
        }
        if self.config.intent[of as usize] != Intent::InService {
            return format!("{} itself is not asked: {}", self.id(of), self.state(of, 0));
        }
        if !self.snapshot.marks.alive(front, View::Possible) {
            return self.state(front, 0);
        }
        if !self.snapshot.marks.alive(front, View::Steady) {
            return "it is on trial: one client at a time".to_owned();
        }
        let plan = &self.snapshot.marks.plans[of as usize];
        let priority = self.config.priority_of(target);
        if !plan.slots.is_empty() && priority > plan.priority {
            return format!(
                "its priority is {}, and there are servers of priority {}",
                priority.letter(),
                plan.priority.letter()
            );
        }
        match self.reason {
            Reason::Sticky | Reason::Referer | Reason::Alternate if self.knows(of) => {
                return "usable: the client has a server of its own".to_owned();
            }
            Reason::Bounced => return "usable: another one has a lower ratio".to_owned(),
            _ => {}
        }
        match plan.pick {
            Pick::Turn | Pick::Schedule(_) | Pick::Spread(_) => "usable: it is another one's turn",
            Pick::Even | Pick::Random(_) => "usable: the dice fell on another one",
            Pick::Least(_) => "usable: another one has fewer connections, or as few and the turn",
            Pick::Fastest => "usable: another one answers faster, or has the turn",
            Pick::Hash(..) => "usable: this client's hash falls on another one",
        }
        .to_owned()
    }
}

fn plural(count: usize, word: &str) -> String {
    format!("{word}{}", if count == 1 { "" } else { "s" })
}

fn own(how: Knows) -> &'static str {
    match how {
        Knows::Table => "the client's own server, by the table,",
        Knows::Cookie => "the client's own server, by its cookie,",
        Knows::Referer => "the client comes from here, by its Referer,",
    }
}

fn ramping(percent: u8) -> String {
    format!("it takes {percent} % of its share by now, and this client is not in it")
}

fn over(ratio: Ratio) -> String {
    let Ratio {
        used,
        limit,
        clients,
    } = ratio;
    let what = match clients {
        true => "clients",
        false => "connections",
    };
    format!("it has {used:.0} of {limit} {what}")
}

fn came_back(ago_ms: u64, observe: bool) -> String {
    let (s, tenths) = (ago_ms / 1_000, ago_ms / 100 % 10);
    let then = match observe {
        true => "which is only counted",
        false => "so it is left out",
    };
    format!("the client was sent here {s}.{tenths} s ago and came back, {then}")
}
