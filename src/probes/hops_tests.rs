//! Two routers in network namespaces, where these are permitted.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

/// Set for the copy of this test that runs in namespaces of its own.
const INSIDE: &str = "SIGNPOST_TEST_INSIDE";

/// Its folder is not in everybody's PATH.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// This namespace — r1 — r2 — server.
const LINKS: &str = r#"
set -e
mount -t tmpfs none /run
mkdir /run/netns
for name in r1 r2 server; do ip netns add $name; ip -n $name link set lo up; done
ip link add out type veth peer name in netns r1
ip -n r1 link add out type veth peer name in netns r2
ip -n r2 link add out type veth peer name in netns server
net() { ip -n $1 address add 10.9.$3/24 dev $2; ip -n $1 address add fd09:$4/64 dev $2 nodad; ip -n $1 link set $2 up; }
ip link set lo up
ip address add 10.9.1.1/24 dev out; ip address add fd09:1::1/64 dev out nodad; ip link set out up
net r1 in 1.2 1::2; net r1 out 2.1 2::1
net r2 in 2.2 2::2; net r2 out 3.1 3::1
net server in 3.2 3::2
ip route add default via 10.9.1.2; ip route add default via fd09:1::2
ip -n r1 route add 10.9.3.0/24 via 10.9.2.2; ip -n r1 route add fd09:3::/64 via fd09:2::2
ip -n r2 route add 10.9.1.0/24 via 10.9.2.1; ip -n r2 route add fd09:1::/64 via fd09:2::1
ip -n server route add default via 10.9.3.1; ip -n server route add default via fd09:3::1
for name in r1 r2; do
    ip netns exec $name sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
done
"#;

const SERVER: &str = r#"
import socket
server = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
print("up", flush=True)
while True:
    server.accept()
"#;

fn unshared(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["-rnm", "--kill-child", "--", program])
        .env("PATH", PATH);
    command
}

#[test]
fn routers_are_counted() {
    if std::env::var_os(INSIDE).is_some() {
        return count_routers();
    }
    let permitted = unshared("ip").arg("-V").output();
    if !permitted.is_ok_and(|output| output.status.success()) {
        return;
    }
    let own = std::env::current_exe().expect("a test is a program");
    let name = "probes::hops::tests::routers_are_counted";
    let output = unshared(own.to_str().expect("a path is text"))
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare runs");
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn count_routers() {
    let laid = Command::new("sh").args(["-c", LINKS]).status();
    assert!(laid.expect("sh runs").success());
    let server = Command::new("ip")
        .args(["netns", "exec", "server", "/usr/bin/python3", "-c", SERVER])
        .stdout(Stdio::piped())
        .spawn();
    let mut server = Server(server.expect("ip runs"));
    let mut said = String::new();
    let output = server.0.stdout.take().expect("piped");
    BufReader::new(output)
        .read_line(&mut said)
        .expect("it says that it is up");
    assert_eq!(said, "up\n");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .expect("a runtime")
        .block_on(async { tokio::time::timeout(Duration::from_secs(30), ask_across()).await })
        .expect("in time");
}

async fn ask_across() {
    for (to, routers) in [("10.9.3.2:8080", 2.0), ("[fd09:3::2]:8080", 2.0)] {
        let to = to.parse().expect("an address");
        let memory = Memory::default();
        for _ in 0..2 {
            let found = ask(to, &memory).await.expect("it is reached");
            assert_eq!(found.figures, [("hops".into(), routers)]);
        }
        assert_eq!(memory.ttl.load(Ordering::Relaxed), 3);
        // The way was another one.
        for other in [2, 5] {
            memory.ttl.store(other, Ordering::Relaxed);
            let found = ask(to, &memory).await.expect("it is reached");
            assert_eq!(found.why, "2 routers away");
        }
    }
    let nobody = "10.9.3.2:8081".parse().expect("an address");
    let refused = ask(nobody, &Memory::default()).await;
    assert_eq!(refused, Err(Fault::server("connect refused")));
    let ping = crate::probes::ping::ask([10, 9, 3, 2].into()).await;
    assert_eq!(ping.expect("root of a namespace may").why, "echo came back");
}
