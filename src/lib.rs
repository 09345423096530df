//! Signpost, a Layer-7 HTTP redirect load balancer: the map of the house.
//!
//! ```text
//! text → Statements → Model          language, model
//! Model + Facts → Snapshot           decide (compile), health (facts)
//! Ask × Snapshot → Decision          decide
//! Decision → response                proxy
//! ```
//!
//! Every arrow is a pure function; sockets, clocks and threads stand around them.
//!
//! # Rooms, and who may know whom
//!
//! `main → cli → app → {proxy, admin, console, probes, acme} → control → {tls, telemetry} → health → decide → model → language`: a room may
//! know any to its right, none to its left nor beside it. [`telemetry`] is known by `app`, `proxy`, `admin`, `console` and `control` only.
//! [`tls`] alone knows rustls; [`acme`] has certificates issued, `control` holds what is shown of them, `proxy` shows it.
//! `language`, `model`, `decide` and `health` are pure: no tokio, hyper, socket, file, thread,
//! clock, random source, metric or log; they take `now`, a drawn number and bytes as arguments.
//! `tests/architecture.rs` reads the imports and fails where this is broken.
//!
//! # Glossary: one word a thing
//!
//! | word | means |
//! | --- | --- |
//! | virtual | a virtual server: Signpost listens there and decides |
//! | real | a real server, forwarded to |
//! | dip | a directed IP: a virtual and a real bound 1-to-1 |
//! | url | a redirect target |
//! | target | what a virtual is bound to: a real, url, dip or virtual |
//! | node | any virtual, real, dip or url, once compiled |
//! | slot | one bound target's place at a virtual, filled by it or by a backup |
//! | chain | an id, its backup, that one's backup … |
//! | predictor | the rule that picks among the filled slots |
//! | intent | what the operator wants of a server (`in-service`, `out-of-service`) |
//! | health | what was measured of it |
//! | state | both combined |
//! | ward | all that was measured of one server: what its traffic, its probes and its agent showed |
//! | figure | a named number of a server, with source, age and expiry |
//! | probe | a way of asking servers how they are |
//! | errand | one probe of one server, run as often as its interval says |
//! | sounding | what one run of an errand came to |
//! | ask | what a decision is asked about |
//! | decision | redirect, forward or refuse, with its reason |
//! | snapshot | model and facts compiled into what a decision reads |
//! | loads | live atomics beside the snapshot: connections, turns, trials |
//! | walk | the way of one ask through slots, chains and virtuals |
//! | running | a configuration as it runs, with the comments of its statements |
//! | ground | the text of what runs, behind which typed lines are read |
//! | wish | something asked of the one writer about the configuration, with its author |
//! | archive | the configurations of the past |
//! | certificate | key and chain that listeners show, by a name: from files, or from an authority |
//! | authority | who issues certificates, by ACME |
//! | proof | what an authority asks a listener to show, so that it issues one (a challenge of ACME's) |
//! | stand-in | the self-signed certificate that is shown until the authority has issued one |
//! | shield | how a listener shakes hands: its certificates, versions, protocols, and what it asks of clients |
//! | secure | what a client's handshake settled; none is plain |
//! | trust | the authorities that a server's certificate is checked by |
//! | tongue | how a server is spoken to that speaks TLS or HTTP/2. In `language` and `console`: statements, or commands |
//! | engine | the protocol of one connection of HTTP/2, without its socket |
//! | hub | what the task of a connection of HTTP/2 and those of its streams share |
//! | lane | a stream of HTTP/2 that is forwarded, as a byte stream that speaks HTTP/1 |
//! | pass | a further port of a dip, joined unread to its real: a joint |
//! | limit | what bounds clients and servers and is the operator's to set; a worker's are its bounds |
//! | strain | how near what all clients have is to its limit, and what is done about it |
//! | heir | the new process of an upgrade, which takes over from the running one |

#[cfg(feature = "tls")]
pub mod acme;
pub mod admin;
pub mod app;
pub mod cli;
pub mod console;
pub mod control;
pub mod decide;
pub mod health;
pub mod language;
pub mod model;
pub mod probes;
pub mod proxy;
pub mod telemetry;
pub mod tls;

// Measured beside glibc's and mimalloc in small forwards: docs/front.md.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
