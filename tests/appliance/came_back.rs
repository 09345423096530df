//! Clients that come back from where they were sent (issue 3, 8).

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::support::{Client, Director, PATIENCE, free};

fn location(from: u8, at: SocketAddr) -> String {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 7, from), 0));
    socket.bind(&address.into()).expect("bound");
    socket
        .connect_timeout(&at.into(), PATIENCE)
        .expect("connected");
    let mut client = Client::to(at);
    client.stream = TcpStream::from(socket);
    client.stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let request = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(request).answer().location().to_owned()
}

#[test]
fn clients_that_come_back_are_counted_and_enough_of_them_make_a_server_suspect() {
    let at = free();
    let director = Director::start_with(
        &format!(
            "virtual {at}\nurl one http://one.example/%d\nurl two http://two.example/%d\nbind {at} one two\n\
             predictor {at} hash path\nbounceback {at} on 60 3\n"
        ),
        &["--workers", "1"],
    );
    for client in 1..=3 {
        let first = location(client, at);
        assert_ne!(location(client, at), first, "it is sent elsewhere");
    }
    director.counts_until(&["came-back", "3"]);
    director.counts_until(&["suspected", "1"]);
    director.counts_until(&["bounce-back", "3"]);
}
