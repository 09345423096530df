use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::model::{Id, LogTo, UrlId};

const PATIENCE: Duration = Duration::from_secs(10);

fn id(text: &str) -> Id {
    Id::Endpoint(text.parse().expect("an endpoint"))
}

fn redirect<'a>(at: &'a Id, server: &'a Id) -> Line<'a> {
    Line {
        at,
        client: "203.0.113.9".parse().expect("an address"),
        peer: "192.0.2.7:4711".parse().expect("an address"),
        method: b"GET",
        host: b"www.example.com",
        target: b"/a?b=c",
        version: "HTTP/1.1",
        status: 302,
        bytes_out: 345,
        bytes_in: 67,
        action: "redirect",
        reason: "predicted",
        server: Some(server),
        location: b"http://t.example/a?b=c",
        tries: 0,
        decide_us: 3,
        connect_us: None,
        first_byte_us: None,
        total_us: 12,
        referer: b"",
        user_agent: b"curl/8",
    }
}

/// 2026-11-21 17:31:00.123 UTC.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_282_260_123)
}

fn written(line: &Line<'_>, format: LogFormat, now: SystemTime) -> String {
    let mut out = Vec::new();
    let mut stamp = Stamp::default();
    stamp.set(now);
    match format {
        LogFormat::Json => line.json(&stamp, &mut out),
        LogFormat::Combined => line.combined(&stamp, &mut out),
    }
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn a_redirect_byte_for_byte() {
    let (at, url) = (id("1.1.1.1"), Id::Url(UrlId("t".into())));
    let line = redirect(&at, &url);
    assert_eq!(
        written(&line, LogFormat::Json, noon()),
        "{\"time\":\"2026-11-21T17:31:00.123Z\",\"virtual\":\"1.1.1.1\",\"client\":\"203.0.113.9\",\
         \"peer\":\"192.0.2.7:4711\",\"method\":\"GET\",\"host\":\"www.example.com\",\"target\":\"/a?b=c\",\
         \"version\":\"HTTP/1.1\",\"status\":302,\"bytes_out\":345,\"bytes_in\":67,\"action\":\"redirect\",\
         \"reason\":\"predicted\",\"server\":\"t\",\"location\":\"http://t.example/a?b=c\",\"tries\":0,\
         \"decide_us\":3,\"total_ms\":0.012,\"user_agent\":\"curl/8\"}\n"
    );
    assert_eq!(
        written(&line, LogFormat::Combined, noon()),
        "203.0.113.9 - - [21/Nov/2026:17:31:00 +0000] \"GET /a?b=c HTTP/1.1\" 302 345 \"-\" \"curl/8\" \
         peer=192.0.2.7:4711 virtual=1.1.1.1 host=\"www.example.com\" in=67 action=redirect reason=predicted \
         server=t location=\"http://t.example/a?b=c\" tries=0 decide_us=3 connect_ms=- first_byte_ms=- total_ms=0.012\n"
    );
}

#[test]
fn a_forward_and_a_fault_byte_for_byte() {
    let (at, server) = (id("[2001:db8::1]:81"), id("10.0.0.1"));
    let forward = Line {
        client: "2001:db8::7".parse().expect("an address"),
        peer: "[2001:db8::7]:5".parse().expect("an address"),
        action: "forward",
        reason: "reassigned",
        location: b"",
        tries: 2,
        connect_us: Some(1_234_567),
        first_byte_us: Some(2_000_001),
        total_us: 3_000_000,
        ..redirect(&at, &server)
    };
    let json = written(&forward, LogFormat::Json, noon());
    assert!(
        json.contains(
            "\"server\":\"10.0.0.1\",\"tries\":2,\"decide_us\":3,\"connect_ms\":1234.567,\
             \"first_byte_ms\":2000.001,\"total_ms\":3000.000,"
        ) && json.contains("\"client\":\"2001:db8::7\",\"peer\":\"[2001:db8::7]:5\""),
        "{json}"
    );
    let fault = Line {
        method: b"",
        host: b"",
        target: b"",
        version: "",
        status: 400,
        action: "fault",
        reason: "line-end",
        server: None,
        location: b"",
        user_agent: b"",
        ..redirect(&at, &server)
    };
    let combined = written(&fault, LogFormat::Combined, noon());
    assert!(
        combined.contains("] \"-\" 400 345 \"-\" \"-\" peer=")
            && combined.contains(" reason=line-end server=- location=\"-\" "),
        "{combined}"
    );
}

#[test]
fn days_are_those_of_the_calendar() {
    for (second, time, clf) in [
        (0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00"),
        (
            951_782_399,
            "2000-02-28T23:59:59.000Z",
            "28/Feb/2000:23:59:59",
        ),
        (
            951_782_400,
            "2000-02-29T00:00:00.000Z",
            "29/Feb/2000:00:00:00",
        ),
        (
            4_102_444_800,
            "2100-01-01T00:00:00.000Z",
            "01/Jan/2100:00:00:00",
        ),
        (
            4_107_542_400,
            "2100-03-01T00:00:00.000Z",
            "01/Mar/2100:00:00:00",
        ),
        (
            1_735_689_599,
            "2024-12-31T23:59:59.000Z",
            "31/Dec/2024:23:59:59",
        ),
    ] {
        let mut stamp = Stamp::default();
        stamp.set(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
        assert_eq!(&stamp.rfc3339, time.as_bytes());
        assert_eq!(&stamp.clf, clf.as_bytes());
    }
}

#[test]
fn hostile_text_stays_text() {
    let (at, server) = (id("1.1.1.1"), id("10.0.0.1"));
    let hostile = b"\"},\n{\\x\x1b[2J\xff\xc2\x9b\xf0\x9f\x98\x80\x7f";
    let line = Line {
        user_agent: hostile,
        ..redirect(&at, &server)
    };
    let json = written(&line, LogFormat::Json, noon());
    assert!(
        json.ends_with(
            "\"user_agent\":\"\\\"},\\u000a{\\\\x\\u001b[2J\\u00ff\\u009b\\ud83d\\ude00\\u007f\"}\n"
        ),
        "{json}"
    );
    let combined = written(&line, LogFormat::Combined, noon());
    assert!(
        combined.contains(
            " \"\\x22},\\x0A{\\x5Cx\\x1B[2J\\xFF\\xC2\\x9B\\xF0\\x9F\\x98\\x80\\x7F\" peer="
        ),
        "{combined}"
    );
    let long = vec![b'"'; 10_000];
    for format in [LogFormat::Json, LogFormat::Combined] {
        let line = Line {
            user_agent: &long,
            referer: &long,
            target: &long,
            host: &long,
            location: &long,
            ..redirect(&at, &server)
        };
        let text = written(&line, format, noon());
        assert!(text.len() < BATCH_BYTES * 2, "{} bytes", text.len());
        assert!(text.contains("...\""));
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_second_line_or_leaves_its_field(
        text in prop::collection::vec(any::<u8>(), 0..60),
        other in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let (at, server) = (id("1.1.1.1"), id("10.0.0.1"));
        let line = Line { user_agent: &text, referer: &other, target: &text, host: &other, ..redirect(&at, &server) };
        let json = written(&line, LogFormat::Json, noon());
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        prop_assert_eq!(value["action"].as_str(), Some("redirect"));
        let combined = written(&line, LogFormat::Combined, noon());
        prop_assert_eq!(combined.matches('"').count(), 10, "{}", combined);
        for line in [json, combined] {
            prop_assert!(line.ends_with('\n'));
            prop_assert!(line[..line.len() - 1].bytes().all(|b| (b' '..0x7f).contains(&b)), "{}", line);
        }
    }
}

fn log_to(path: &std::path::Path) -> AccessLog {
    AccessLog {
        to: LogTo::File(path.display().to_string().into()),
        format: LogFormat::Json,
    }
}

fn scribe(journal: Arc<Journal>) -> Scribe {
    let scribe = Scribe::default();
    scribe.follow(Some(journal));
    scribe
}

fn write(scribe: &Scribe, lines: usize) {
    let (at, server) = (id("1.1.1.1"), id("10.0.0.1"));
    for _ in 0..lines {
        scribe.write(&redirect(&at, &server), noon());
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn lines_reach_their_file_and_follow_to_the_next() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    let counts = Arc::new(LogCounts::default());
    let before = Journal::open(&log_to(&first), &counts).expect("it can be opened");
    let after = Journal::open(&log_to(&second), &counts).expect("it can be opened");
    let scribe = scribe(Arc::clone(&before));
    write(&scribe, 1000);
    scribe.follow(Some(Arc::clone(&after)));
    write(&scribe, 10);
    drop(scribe);
    before.finish(PATIENCE);
    after.finish(PATIENCE);
    let lines = |path| {
        std::fs::read_to_string(path)
            .expect("a file")
            .lines()
            .count()
    };
    assert_eq!((lines(&first), lines(&second)), (1000, 10));
    assert_eq!((counts.written(), counts.dropped()), (1010, 0));
}

#[test]
fn nothing_is_written_where_nothing_is_wanted() {
    let scribe = Scribe::default();
    assert!(!scribe.on());
    write(&scribe, 3);
    scribe.flush();
    let folder = tempfile::TempDir::new().expect("a folder");
    let counts = Arc::new(LogCounts::default());
    let journal = Journal::open(&log_to(&folder.path().join("1")), &counts).expect("opened");
    scribe.follow(Some(Arc::clone(&journal)));
    assert!(scribe.on());
    scribe.follow(None);
    write(&scribe, 3);
    scribe.flush();
    journal.finish(PATIENCE);
    assert_eq!(counts.written() + counts.dropped(), 0);
}

#[test]
fn a_full_disk_loses_lines_and_counts_them() {
    let counts = Arc::new(LogCounts::default());
    let full = std::path::Path::new("/dev/full");
    let journal = Journal::open(&log_to(full), &counts).expect("it can be opened");
    let scribe = scribe(journal);
    write(&scribe, 1000);
    scribe.flush();
    eventually("all are counted", || counts.dropped() == 1000);
    assert_eq!(counts.written(), 0);
}

#[test]
fn a_pipe_that_nobody_reads_blocks_nobody_and_half_a_line_is_ended() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()));
    let counts = Arc::new(LogCounts::default());
    let refused = Journal::open(&log_to(&path), &counts).expect_err("nobody reads");
    assert!(refused.to_string().contains("nobody reads"), "{refused}");

    // Opened for both, so that opening does not wait for the journal.
    let mut options = std::fs::OpenOptions::new();
    let mut reader = options.read(true).write(true).open(&path).expect("opened");
    let journal = Journal::open(&log_to(&path), &counts).expect("read");
    let scribe = scribe(Arc::clone(&journal));
    // The pipe, the batch under way and the batches that wait: more than that is lost.
    let most = (64 * 1024 + (BATCHES_WAITING + 2) * BATCH_BYTES * 2) / 300;
    let began = Instant::now();
    write(&scribe, most * 2);
    assert!(began.elapsed() < PATIENCE, "it waited");
    assert!(counts.dropped() > 0);
    scribe.follow(None);
    drop(journal);
    eventually("the thread gives up", || {
        counts.written() + counts.dropped() == most as u64 * 2
    });
    let mut some = vec![0; 4096];
    reader.read_exact(&mut some).expect("what was written");
    assert!(some.starts_with(b"{\"time\""));
}

#[test]
fn half_a_line_is_ended_before_the_next() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("log");
    std::fs::write(&path, "half").expect("written");
    let mut sink = Sink::open(&log_to(&path).to).expect("opened");
    let still = AtomicBool::new(false);
    sink.tear();
    assert_eq!(sink.write(b"one\ntwo\n", &still), 2);
    assert_eq!(sink.write(b"three\n", &still), 1);
    let text = std::fs::read_to_string(&path).expect("read");
    assert_eq!(text, "half\none\ntwo\nthree\n");
}

#[test]
fn what_cannot_be_opened_is_told_with_a_remedy() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let counts = Arc::new(LogCounts::default());
    for (path, remedy) in [
        (folder.path().join("no/such"), "mkdir -p "),
        (folder.path().to_owned(), "name a file in it"),
    ] {
        let error = Journal::open(&log_to(&path), &counts).expect_err("it cannot be");
        assert!(error.to_string().contains(remedy), "{error}");
    }
}

#[test]
fn a_syslog_gets_a_datagram_a_line_and_may_be_started_anew() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("log");
    let host = UnixDatagram::bind(&path).expect("bound");
    host.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut sink = Sink::syslog(&path).expect("connected");
    let still = AtomicBool::new(false);
    assert_eq!(sink.write(b"one\ntwo\n", &still), 2);
    let mut room = [0; 200];
    for line in ["one", "two"] {
        let length = host.recv(&mut room).expect("a datagram");
        let text = std::str::from_utf8(&room[..length]).expect("ASCII");
        let tag = format!(" signpost[{}]: {line}", std::process::id());
        assert!(text.starts_with("<134>") && text.ends_with(&tag), "{text}");
        assert_eq!(text.len(), "<134>Nov 21 17:31:00".len() + tag.len());
    }
    drop(host);
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(sink.write(b"lost\n", &still), 0);
    let host = UnixDatagram::bind(&path).expect("bound");
    assert_eq!(sink.write(b"three\n", &still), 1);
    let length = host.recv(&mut room).expect("a datagram");
    assert!(room[..length].ends_with(b": three"));
}

fn ear(from: &str, room: usize) -> (Arc<Ear>, tokio::sync::mpsc::Receiver<String>) {
    let (lines, heard) = tokio::sync::mpsc::channel(room);
    let from = crate::model::Block {
        address: from.parse().expect("an address"),
        length: 24,
    };
    (Arc::new(Ear::new(from, lines)), heard)
}

#[test]
fn who_listens_hears_the_clients_of_its_block_alone() {
    let scribe = Scribe::default();
    let (mine, mut heard) = ear("203.0.113.0", 8);
    let (other, mut nothing) = ear("203.0.112.0", 8);
    scribe.listen(Arc::clone(&mine));
    scribe.listen(other);
    assert!(scribe.on(), "requests are timed");
    write(&scribe, 1);
    assert_eq!(
        heard.try_recv().as_deref(),
        Ok(
            "17:31:00.123Z 203.0.113.9 GET www.example.com/a?b=c at 1.1.1.1: redirect (predicted) to 10.0.0.1, 302 http://t.example/a?b=c, 0.0 ms"
        )
    );
    assert!(nothing.try_recv().is_err());
    mine.close();
    drop(nothing);
    scribe.flush();
    assert!(!scribe.on(), "nobody listens any more");
    write(&scribe, 1);
    assert!(heard.try_recv().is_err());
}

#[test]
fn lines_beyond_the_limit_of_a_second_are_counted() {
    let scribe = Scribe::default();
    let most = LINES_PER_SECOND as usize;
    let (mine, mut heard) = ear("203.0.113.0", 2 * most);
    scribe.listen(Arc::clone(&mine));
    write(&scribe, most);
    assert_eq!(mine.take_lost(), 0);
    write(&scribe, 1);
    assert_eq!((mine.take_lost(), mine.take_lost()), (1, 0));
    let (at, server) = (id("1.1.1.1"), id("10.0.0.1"));
    scribe.write(&redirect(&at, &server), noon() + Duration::from_secs(1));
    let mut lines = 0;
    while heard.try_recv().is_ok() {
        lines += 1;
    }
    assert_eq!(lines, most + 1, "another second, another hundred");
}
