//! Descriptors run out: accepting pauses, serving goes on (RELIABILITY.md E).

use crate::support::{After, Client, Director, Origin, answer, eventually, free, get};

#[test]
fn accepting_pauses_and_serving_goes_on() {
    // Each request needs a connection of its own to the server.
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        exchange.send(answer(200, "served"))?;
        Ok(After::Close)
    });
    let (front, behind, real) = (free(), free(), origin.address);
    let director = Director::start_limited(
        &format!(
            "virtual {front}\nurl t http://t.example/%d\nbind {front} t\nkeepalive {front}\n\
             virtual {behind}\nreal {real}\nbind {behind} {real}\n"
        ),
        100,
    );
    let mut redirected = Client::to(front);
    let mut forwarded = Client::to(behind);
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(redirected.send(request).answer().status, 302);
    assert_eq!(forwarded.send(request).answer().status, 200);
    let flood: Vec<Client> = (0..120).map(|_| Client::to(front)).collect();
    eventually("it says so", || director.log().contains("accepting pauses"));
    // Who does nothing has to make room for others.
    for _ in 0..20 {
        eventually("others are served", || get(front, "/").status == 302);
        eventually("others are served", || get(behind, "/").status == 200);
    }
    drop(flood);
    eventually("it accepts again", || get(behind, "/").status == 200);
}

#[test]
fn a_limit_that_is_corrected_ends_the_pause() {
    // So many that what is kept back leaves none for clients: each listens with two workers, twice.
    let many: Vec<_> = (0..25).map(|_| free()).collect();
    let base: String = many
        .iter()
        .map(|at| format!("virtual {at}\nbind {at} t\n"))
        .collect();
    let base = format!("url t http://t.example/%d\n{base}");
    let director = Director::start_limited(&format!("{base}limit descriptors-kept 199\n"), 200);
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    eventually("it says so", || {
        drop(Client::to(many[0]));
        director.log().contains("accepting pauses")
    });
    // Some of them come to the worker that pauses.
    let mut waiting: Vec<Client> = (0..16).map(|_| Client::to(many[0])).collect();
    for client in &mut waiting {
        client.send(request);
    }
    director.reload(&base);
    for client in &mut waiting {
        assert_eq!(client.answer().status, 302);
    }
    for at in many {
        assert_eq!(get(at, "/").status, 302);
    }
}
