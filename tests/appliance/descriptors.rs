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
