use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::*;
use crate::control::Live;
use crate::decide::{Facts, Snapshot};
use crate::model::Model;
use crate::proxy::http1::cases::GOOD;

const GRACE: std::time::Duration = std::time::Duration::from_secs(10);

struct Running {
    orders: mpsc::Sender<Order>,
    thread: JoinHandle<Counts>,
    to: SocketAddr,
    at: Endpoint,
}

/// A worker on its own thread that listens where nothing is configured: it answers 503 to all.
fn running() -> Running {
    let (snapshot, loads) = Snapshot::compile(&Model::default(), &Facts::default(), None);
    let loads = Arc::new(loads);
    let farm = Arc::new(Farm::new(Live { snapshot, loads }, mpsc::channel(1).0));
    let (orders, taken) = mpsc::channel(4);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = listener.local_addr().expect("its address");
    let at = to.to_string().parse().expect("an endpoint");
    let order = Order::Open { listener, at };
    orders.blocking_send(order).expect("room");
    let thread = std::thread::spawn(|| work(farm, "test".into(), taken));
    Running {
        orders,
        thread,
        to,
        at,
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(to).expect("a connection");
    client.set_read_timeout(Some(GRACE)).expect("a deadline");
    client
}

fn answer(mut client: &TcpStream) -> String {
    let mut answer = String::new();
    client
        .read_to_string(&mut answer)
        .expect("an answer and no reset");
    answer
}

#[test]
fn clients_get_their_answer_and_no_reset() {
    let running = running();
    for request in [
        GOOD.to_vec(),
        GOOD.repeat(3),
        b"BAD\r\n\r\n".repeat(1000),
        [
            &b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"[..],
            &[b'x'; 60_000],
        ]
        .concat(),
    ] {
        let mut client = connect(running.to);
        client.write_all(&request).expect("taken");
        let status = if request.starts_with(b"BAD") {
            "400"
        } else {
            "503"
        };
        assert!(answer(&client).starts_with(&format!("HTTP/1.1 {status} ")));
    }
    // One that says nothing at first becomes a task.
    let mut client = connect(running.to);
    client.write_all(&GOOD[..1]).expect("taken");
    let mut other = connect(running.to);
    other.write_all(GOOD).expect("taken");
    assert!(answer(&other).starts_with("HTTP/1.1 503 "));
    client.write_all(&GOOD[1..]).expect("taken");
    assert!(answer(&client).starts_with("HTTP/1.1 503 "));
    running.orders.blocking_send(Order::Drain).expect("room");
    running.thread.join().expect("no panic");
}

#[test]
fn a_listener_that_closes_takes_in_who_is_waiting() {
    let running = running();
    let mut clients: Vec<TcpStream> = (0..50).map(|_| connect(running.to)).collect();
    running
        .orders
        .blocking_send(Order::Close { at: running.at })
        .expect("room");
    let patience = std::time::Instant::now() + GRACE;
    while let Ok(late) = TcpStream::connect(running.to) {
        assert!(std::time::Instant::now() < patience, "still open");
        drop(late);
    }
    for client in &mut clients {
        client.write_all(GOOD).expect("taken");
        assert!(answer(client).starts_with("HTTP/1.1 503 "));
    }
}

#[test]
fn draining_closes_silent_connections_at_once() {
    let running = running();
    let silent = connect(running.to);
    let mut other = connect(running.to);
    other.write_all(GOOD).expect("taken");
    assert!(answer(&other).starts_with("HTTP/1.1 503 "));
    running.orders.blocking_send(Order::Drain).expect("room");
    // One that the kernel has not handed over yet is reset.
    let end = (&silent).read(&mut [0; 1]);
    let reset = |e: &std::io::Error| e.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(
        matches!(&end, Ok(0)) || end.as_ref().is_err_and(reset),
        "{end:?}"
    );
    running.thread.join().expect("no panic");
}
