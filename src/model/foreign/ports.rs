//! Ports that are for something else than HTTP.

/// Ports at which nobody speaks HTTP in the clear, and what they are for.
const OTHERS: [(u16, &str); 22] = [
    (20, "FTP"),
    (21, "FTP"),
    (22, "SSH"),
    (23, "telnet"),
    (25, "SMTP"),
    (53, "DNS"),
    (70, "gopher"),
    (79, "finger"),
    (110, "POP3"),
    (119, "NNTP"),
    (143, "IMAP"),
    (389, "LDAP"),
    (443, "HTTPS"),
    (465, "SMTP"),
    (554, "RTSP"),
    (563, "NNTP"),
    (636, "LDAP"),
    (993, "IMAP"),
    (995, "POP3"),
    (1433, "a database"),
    (1521, "a database"),
    (3306, "a database"),
];

/// Why nothing at `port` can be taken over; `None`: it may be HTTP.
pub(super) fn not_http(port: u16) -> Option<String> {
    let (_, what) = OTHERS.iter().find(|(other, _)| *other == port)?;
    Some(format!(
        "port {port} is for {what}, and Signpost balances HTTP in the clear: today IPVS (keepalived) or HAProxy in `mode tcp` pass such connections on"
    ))
}
