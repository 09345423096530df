//! Runs what is due, one task a sounding, and sends what comes back.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::limits::TELL_MS;
use super::schedule::{Schedule, Start};
use super::sound::{Outcome, sound};
use super::tcp::Knocks;
use crate::control::{Farm, Sounded};
use crate::model::ProbeKind;

/// After so many connections are begun, what came of earlier ones is looked at.
const KNOCKS: usize = 16;

/// Runs the errands of `farm` until `stopped` comes or the farm is gone.
pub(super) async fn follow(farm: Arc<Farm>, mut stopped: oneshot::Receiver<()>) {
    let mut errands = farm.errands();
    let mut urgent = farm.urgent();
    let seed = RandomState::new().hash_one(std::process::id());
    let knocks = match Knocks::new() {
        Ok(knocks) => knocks,
        Err(e) => return error!("cannot probe: {e}; servers are watched by their traffic alone"),
    };
    // At most as many as may be under way, each once.
    let (bring, mut brought) = mpsc::unbounded_channel();
    let mut round = Round {
        farm,
        schedule: Schedule::new(seed),
        knocks,
        results: Vec::new(),
        bring,
        told: Told::default(),
    };
    errands.mark_changed();
    loop {
        round.start();
        round.report();
        let due = round.schedule_due();
        tokio::select! {
            biased;
            _ = &mut stopped => return,
            changed = errands.changed() => match changed {
                Ok(()) => {
                    let now = round.farm.now().0;
                    round.schedule.set(&errands.borrow_and_update(), now);
                }
                Err(_) => return,
            },
            errand = urgent.recv() => match errand {
                Ok(errand) => {
                    // Not the time at which the wait for it began, which may be long ago.
                    let now = round.farm.now().0;
                    round.schedule.urge(&errand, now);
                }
                // What was lost is probed soon anyway.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            Some(first) = brought.recv() => {
                round.take(first);
                while let Ok(next) = brought.try_recv() {
                    round.take(next);
                }
            }
            () = round.knocks.ready() => round.answers(),
            () = sleep_until(due, round.knocks.check_at()) => round.silent(),
        }
    }
}

async fn sleep_until(due: Option<Instant>, check_at: Option<Instant>) {
    match [due, check_at].into_iter().flatten().min() {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

struct Round {
    farm: Arc<Farm>,
    schedule: Schedule,
    knocks: Knocks,
    /// Goes to the writer in one go: one wake-up for all of it.
    results: Vec<Sounded>,
    bring: mpsc::UnboundedSender<Brought>,
    told: Told,
}

/// What was started, and what came of it: nothing where its task did not live to the end.
type Brought = (Start, Option<Outcome>);

/// Gives back what was started, whatever becomes of its task.
struct Way {
    brought: Option<Brought>,
    bring: mpsc::UnboundedSender<Brought>,
}

impl Drop for Way {
    fn drop(&mut self) {
        if let Some(brought) = self.brought.take() {
            // At the end nobody waits for it.
            let _ = self.bring.send(brought);
        }
    }
}

impl Round {
    fn start(&mut self) {
        let now = self.farm.now().0;
        let mut knocked = 0;
        while let Some(start) = self.schedule.next(now) {
            match (&start.errand.probe.kind, start.errand.to) {
                (ProbeKind::Tcp, Some(to)) => {
                    if let Some((start, outcome)) = self.knocks.begin(start, to) {
                        self.take((start, Some(outcome)));
                    }
                    knocked += 1;
                    // Who answered meanwhile shall not seem slow.
                    if knocked % KNOCKS == 0 {
                        self.answers();
                    }
                }
                _ => self.spawn(start),
            }
        }
        if knocked > 0 {
            self.answers();
        }
        let late = self.schedule.late();
        self.told.late(late, now);
    }

    fn report(&mut self) {
        for sounded in self.results.drain(..) {
            self.farm.sounded(sounded);
        }
    }

    fn spawn(&self, start: Start) {
        let mut way = Way {
            brought: Some((start, None)),
            bring: self.bring.clone(),
        };
        tokio::spawn(async move {
            if let Some((start, outcome)) = &mut way.brought {
                *outcome = Some(sound(&start.errand, &start.memory).await);
            }
        });
    }

    fn answers(&mut self) {
        let mut answers = Vec::new();
        self.knocks.answers(|answer| answers.push(answer));
        self.take_all(answers);
    }

    fn silent(&mut self) {
        let mut silent = Vec::new();
        self.knocks
            .silent(Instant::now(), |answer| silent.push(answer));
        self.take_all(silent);
    }

    fn take_all(&mut self, answers: Vec<(Start, Outcome)>) {
        for (start, outcome) in answers {
            self.take((start, Some(outcome)));
        }
    }

    fn schedule_due(&mut self) -> Option<Instant> {
        let wait = self.schedule.due()?.saturating_sub(self.farm.now().0);
        Some(Instant::now() + Duration::from_millis(wait))
    }

    fn take(&mut self, (start, outcome): Brought) {
        let now = self.farm.now();
        let silent = matches!(outcome, Some(Outcome::Sounded { silent: true, .. }));
        let wanted = self.schedule.done(&start, silent, now.0);
        match outcome {
            Some(Outcome::Sounded { sounding, .. }) if wanted => self.results.push(Sounded {
                id: start.errand.id.clone(),
                probe: Arc::clone(&start.errand.probe),
                sounding,
                now,
            }),
            Some(Outcome::NotAsked(why)) => self.told.not_asked(&start, &why, now.0),
            _ => {}
        }
    }
}

/// What went wrong here: counted, and told now and then.
#[derive(Debug, Default)]
struct Told {
    late: u64,
    late_at: Option<u64>,
    not_asked: u64,
    not_asked_at: Option<u64>,
}

impl Told {
    fn late(&mut self, late: u64, now: u64) {
        self.late += late;
        if self.late > 0 && tell(&mut self.late_at, now) {
            warn!(
                "soundings that began late: {}; too many servers are silent or programs slow; a longer interval or a shorter timeout helps",
                std::mem::take(&mut self.late)
            );
        }
    }

    fn not_asked(&mut self, start: &Start, why: &str, now: u64) {
        self.not_asked += 1;
        if tell(&mut self.not_asked_at, now) {
            warn!(
                "server {} could not be asked by probe {}: {why} ({} times in all since this was said)",
                start.errand.id,
                start.errand.probe.name,
                std::mem::take(&mut self.not_asked)
            );
        }
    }
}

/// Whether it is time to tell again.
fn tell(at: &mut Option<u64>, now: u64) -> bool {
    let tells = at.is_none_or(|at| now >= at + TELL_MS);
    if tells {
        *at = Some(now);
    }
    tells
}
