//! The commands of the LocalDirector that Signpost has no statement for (software 1.6 to 4.2).

use super::Hint;

/// The command of `table` that `line` begins with, behind a `no` perhaps: the one of most words.
pub(super) fn find(table: &[Hint], line: &str) -> Option<Hint> {
    let mut words = line.split_ascii_whitespace().peekable();
    if words
        .peek()
        .is_some_and(|word| word.eq_ignore_ascii_case("no"))
    {
        words.next();
    }
    let begins = |command: &str| {
        let mut found = words.clone();
        command.split(' ').all(|word| {
            found
                .next()
                .is_some_and(|said| said.eq_ignore_ascii_case(word))
        })
    };
    let fitting = table.iter().filter(|hint| begins(hint.command));
    fitting
        .max_by_key(|hint| hint.command.split(' ').count())
        .copied()
}

const fn hint(command: &'static str, was: &'static str, today: &'static str) -> Hint {
    Hint {
        command,
        was,
        today,
    }
}

const NETWORK: &str =
    "today that is the host's network configuration (systemd-networkd, ifupdown or NetworkManager)";
const KEEPALIVED: &str = "today keepalived moves the virtuals' addresses between two hosts that run Signpost with the same configuration";
const PROMETHEUS: &str =
    "today `metrics` shows the figures to Prometheus, and the host's own snmpd speaks for the host";
const BRIDGE: &str = "Signpost is no bridge: what has to pass between the wires, the host's routing or bridge passes";
const AGENTS: &str = "today `probe NAME agent port N` asks an agent on the server (HAProxy's agent-check) for its weight and state, and `watch` says which servers";
const TCP: &str =
    "today the host's kernel keeps the connections, and `timeout` ends silent bodies and tunnels";
const UPDATE: &str = "today the binary is updated by the package manager, and `--config` names the file to start from";
const STORED: &str =
    "today `write memory` stores it in a file of the host, to be copied as any other";
const DNS: &str = "Signpost does not answer DNS: it redirects by HTTP instead, with a `url` a site";

/// What `hint` answers.
pub(super) const COMMANDS: &[Hint] = &[
    hint(
        "alias ip address",
        "gave the box further addresses",
        NETWORK,
    ),
    hint(
        "arp",
        "set how long or to whom ARP entries were kept",
        "today the host's kernel does that (`ip neigh`)",
    ),
    hint(
        "assign",
        "kept a group of clients at a virtual of its own bind-id",
        "that cannot be kept: give the group a virtual at an address of its own, or divide clients by `predictor VIRTUAL hash source`",
    ),
    hint(
        "boomerang",
        "raced the answers of several sites to a DNS query",
        DNS,
    ),
    hint(
        "boot",
        "chose the image or configuration to boot from",
        UPDATE,
    ),
    hint("bridge", "set up the box as a bridge", BRIDGE),
    hint(
        "buddy",
        "let several virtuals share the servers that their clients are stuck to",
        "today `listen VIRTUAL ENDPOINT` lets one virtual listen at all of these addresses and ports, and its `sticky` holds at each",
    ),
    hint(
        "casa",
        "let a service manager and forwarding agents share the work (MultiNode Load Balancing)",
        "today redirects take the payload off the director: bind urls instead of reals",
    ),
    hint(
        "channel",
        "joined interfaces into one Fast EtherChannel",
        "today that is a bond of the host's network configuration",
    ),
    hint("color", "told bridged groups of interfaces apart", BRIDGE),
    hint(
        "configuration",
        "chose where a configuration was read from",
        UPDATE,
    ),
    hint(
        "content",
        "picked a virtual's servers by what the request's content was",
        "Signpost tells virtuals by address and port: give each kind of content a virtual of its own",
    ),
    hint(
        "data",
        "watched whether a server answered with data after it had taken the connection",
        "today a server without an answer within 60 s counts as failing, and a `probe` with `watch` asks before clients do",
    ),
    hint(
        "default",
        "put a setting back to its default",
        "today `no SETTING ID` does",
    ),
    hint("delay", "kept closed connections for late packets", TCP),
    hint(
        "dfp",
        "took weights from agents on the servers (Dynamic Feedback Protocol)",
        AGENTS,
    ),
    hint("dns", "answered or probed DNS", DNS),
    hint(
        "dynamic-feedback",
        "took weights from agents on the servers (Dynamic Feedback Protocol)",
        AGENTS,
    ),
    hint(
        "dynamic-feedback-pw",
        "was the password of the agents on the servers",
        AGENTS,
    ),
    hint(
        "failover",
        "let a second box take over by a cable or the network",
        KEEPALIVED,
    ),
    hint(
        "failover alias ip address",
        "gave the standby box further addresses",
        KEEPALIVED,
    ),
    hint(
        "failover hellotime",
        "set how often the two boxes said hello",
        "today that is `advert_int` in keepalived's configuration",
    ),
    hint(
        "failover ip address",
        "was the address of the standby box",
        KEEPALIVED,
    ),
    hint("interface", "set an interface's speed and duplex", NETWORK),
    hint("ip address", "gave the box its address", NETWORK),
    hint("mtu", "set the largest packet of an interface", NETWORK),
    hint(
        "multiring",
        "let source-routed frames of FDDI and token ring pass",
        "these networks are gone",
    ),
    hint(
        "password",
        "was the password of the telnet console",
        "today `username NAME privilege LEVEL secret SECRET` makes a user of the console",
    ),
    hint(
        "ping-allow",
        "let clients ping the box or through it",
        "today the host's firewall says who may ping it (nftables)",
    ),
    hint("port", "set up a port of the box", NETWORK),
    hint(
        "reassign",
        "set how many attempts to connect went unanswered before the next server was tried",
        "Signpost needs no such setting: a connection that fails goes on to the next server at once, one without an answer after 3 s",
    ),
    hint(
        "redirection",
        "chose how packets reached the servers: `directed` wrote the server's address into them, `dispatched` its hardware address only, `assisted` by forwarding agents",
        "Signpost makes a connection of its own to a `real`, or redirects the client to a `url`; a server that took `dispatched` packets has to listen at its own address too",
    ),
    hint(
        "replicate",
        "told the standby box of connections and sticky clients",
        "today nothing has to be told where `sticky VIRTUAL MINUTES cookie` is used with the same `ticket-key` on both hosts; open connections begin anew",
    ),
    hint(
        "rip",
        "took part in the RIP routing protocol",
        "today that is the host's routing (static routes, FRR or BIRD)",
    ),
    hint("route", "was a static route", NETWORK),
    hint(
        "secure",
        "let nothing through an interface but traffic to virtuals",
        "today the host's firewall does that (nftables); Signpost passes nothing on but requests to its virtuals and dips",
    ),
    hint(
        "service",
        "set up services of the box itself",
        "today the host's services are its own matter",
    ),
    hint(
        "show arp",
        "showed the ARP table",
        "today `ip neigh` on the host does",
    ),
    hint(
        "show failover",
        "showed how the two boxes stood",
        KEEPALIVED,
    ),
    hint(
        "show interface",
        "showed the interfaces and what they carried",
        "today `ip -s link` on the host does, and `show connections` what Signpost serves",
    ),
    hint(
        "show ip",
        "showed the box's addresses",
        "today `ip address` on the host does, and `show version` where Signpost listens",
    ),
    hint(
        "show route",
        "showed the routes",
        "today `ip route` on the host does",
    ),
    hint(
        "show syslog",
        "showed the last messages",
        "today `show log` does",
    ),
    hint("shutdown", "switched an interface off", NETWORK),
    hint("snmp-server", "answered SNMP and sent traps", PROMETHEUS),
    hint(
        "sntp",
        "set the box's clock",
        "today chrony or systemd-timesyncd sets the host's clock",
    ),
    hint(
        "static",
        "let a server's own connections leave with a virtual's address",
        "today the host that routes them does that (nftables `snat`)",
    ),
    hint(
        "synguard",
        "guarded a virtual against floods of SYN",
        "today the host's kernel does (`net.ipv4.tcp_syncookies`, on by default)",
    ),
    hint(
        "syslog",
        "sent messages to a host or the console",
        "today the log goes to standard error and so to the journal, and `access-log` writes a line for each request",
    ),
    hint(
        "tftp-server",
        "said where configurations were kept by TFTP",
        "today the configuration is a file of the host: keep it under version control and copy it as any other",
    ),
    hint(
        "unbind",
        "undid a `bind`",
        "today `no bind VIRTUAL-ID TARGET` does",
    ),
    hint(
        "wildcard",
        "was a part of the work with forwarding agents",
        "today the host's routing decides what comes to it",
    ),
    hint(
        "write floppy",
        "stored the configuration on a floppy disk",
        STORED,
    ),
    hint("write net", "stored the configuration by TFTP", STORED),
    hint("write network", "stored the configuration by TFTP", STORED),
];

/// What only `import` explains: the console has commands of these names, or will.
pub(super) const IMPORTED: &[Hint] = &[
    hint(
        "disable",
        "left the privileged mode",
        "it is no part of a configuration",
    ),
    hint(
        "enable",
        "held the password of the privileged mode",
        "hashes of old cannot be checked: `username NAME privilege configure secret SECRET` makes a user of the console",
    ),
    hint(
        "names",
        "let names be shown in place of addresses",
        "Signpost always does where `name` gives one",
    ),
    hint(
        "pager",
        "broke the console's output into pages",
        "today each session has its `terminal length`",
    ),
    hint(
        "probe",
        "asked servers how they are",
        "today `probe NAME http` and `watch ID NAME` do; their words differ",
    ),
    hint(
        "telnet",
        "said who might reach the console",
        "today the console listens to this host alone until `console ADDRESS`, `telnet ADDRESS MASK` and a user with a secret are written",
    ),
    hint(
        "username",
        "was a user of the console",
        "make users anew by `username NAME privilege LEVEL secret SECRET`",
    ),
    hint("write", "saved the configuration", "it is no part of one"),
];
