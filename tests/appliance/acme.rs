//! Certificates issued and renewed by an authority, Debian's `pebble` with `pebble-challtestsrv` as its resolver (issue 5, 1; RFC 8555).

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::support::{Certificates, Director, der, eventually, free, get, shown_by};

/// An authority takes its time: it looks at the proofs as it pleases.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is ended with the test.
struct Program(Child);

impl Program {
    fn start(program: &str, arguments: &[&str]) -> Program {
        let child = Command::new(program)
            .args(arguments)
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "30")
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Program(child.unwrap_or_else(|e| panic!("{program}: {e}")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running authority whose resolver calls every name 127.0.0.1.
struct Authority {
    directory: String,
    root: PathBuf,
    http: SocketAddr,
    tls: SocketAddr,
    api: SocketAddr,
    arguments: Vec<String>,
    _folder: TempDir,
    programs: [Program; 2],
}

impl Authority {
    /// Issues certificates that hold for `seconds`.
    fn start(seconds: u32) -> Authority {
        let folder = TempDir::new().expect("a folder");
        let root = certificates(folder.path());
        let [api, management, names, resolver, http, tls] = [(); 6].map(|()| local());
        let config = format!(
            r#"{{"pebble":{{"listenAddress":"{api}","managementListenAddress":"{management}","certificate":"{0}/api.crt","privateKey":"{0}/api.key","httpPort":{1},"tlsPort":{2},"ocspResponderURL":"","externalAccountBindingRequired":false,"certificateValidityPeriod":{seconds}}}}}"#,
            folder.path().display(),
            http.port(),
            tls.port()
        );
        let file = folder.path().join("pebble.json");
        fs::write(&file, config).expect("a configuration");
        let resolving = Program::start(
            "pebble-challtestsrv",
            &[
                "-defaultIPv4",
                "127.0.0.1",
                "-defaultIPv6",
                "",
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
                "-dns01",
                &names.to_string(),
                "-management",
                &resolver.to_string(),
            ],
        );
        let file = file.display().to_string();
        let arguments = ["-config", &file, "-dnsserver", &names.to_string()].map(str::to_owned);
        let pebble = Authority::serve(&arguments, api);
        Authority {
            api,
            arguments: arguments.to_vec(),
            directory: format!("https://localhost:{}/dir", api.port()),
            root,
            http,
            tls,
            _folder: folder,
            programs: [resolving, pebble],
        }
    }

    fn serve(arguments: &[String], api: SocketAddr) -> Program {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let pebble = Program::start("pebble", &arguments);
        eventually("the authority listens", || {
            std::net::TcpStream::connect(api).is_ok()
        });
        pebble
    }

    /// Another one in its place, which knows nothing of what this one did.
    fn forget(&mut self) {
        let pebble = &mut self.programs[1];
        let _ = pebble.0.kill();
        let _ = pebble.0.wait();
        *pebble = Authority::serve(&self.arguments, self.api);
    }

    /// A redirecting virtual in cleartext and one with TLS, and what is to be issued for them.
    fn config(&self, statements: &str) -> String {
        let Authority {
            directory,
            http,
            tls,
            ..
        } = self;
        format!(
            "virtual {http}\nvirtual {tls}\nurl away http://elsewhere.example/%d\nbind {http} away\nbind {tls} away\nacme {directory} contact ops@shop.example ca {}\n{statements}",
            self.root.display()
        )
    }
}

/// A port that is free on 127.0.0.1, where the resolver leads.
fn local() -> SocketAddr {
    let port = free().port();
    std::net::TcpListener::bind(("127.0.0.1", port))
        .or_else(|_| std::net::TcpListener::bind("127.0.0.1:0"))
        .expect("a free port")
        .local_addr()
        .expect("its address")
}

/// The certificate of the authority's own server; the file of its root.
fn certificates(folder: &Path) -> PathBuf {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let root = CertifiedIssuer::self_signed(params, key).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &root).expect("a certificate");
    fs::write(folder.join("api.crt"), certificate.pem()).expect("written");
    fs::write(folder.join("api.key"), key.serialize_pem()).expect("written");
    let file = folder.join("root.pem");
    fs::write(&file, root.pem()).expect("written");
    file
}

/// How many certificates a handshake as a client of `name` is shown, and the first one of them.
fn shown(at: SocketAddr, name: &str) -> Option<(usize, Vec<u8>)> {
    let chain = shown_by(at, name)?;
    Some((chain.len(), chain.first()?.clone()))
}

/// Comes back with what `of` gives once it gives something.
#[track_caller]
fn at_last<T>(what: &str, director: &Director, mut of: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = of() {
            return found;
        }
        assert!(
            Instant::now() < end,
            "not within {PATIENCE:?}: {what}\n{}",
            director.log()
        );
        std::thread::yield_now();
    }
}

fn stored(director: &Director, name: &str) -> PathBuf {
    let folder = director.file().parent().expect("a folder").join("acme");
    folder.join(format!("{name}.pem"))
}

/// The stand-in is alone; what the authority issues comes with its chain.
fn issued(at: SocketAddr, name: &str) -> Option<Vec<u8>> {
    shown(at, name).and_then(|(count, first)| (count > 1).then_some(first))
}

#[test]
fn names_are_proven_by_the_listener_with_tls_and_certificates_renewed_without_a_pause() {
    let authority = Authority::start(12);
    let director = Director::start(&authority.config(&format!(
        "certificate shop acme shop.example www.shop.example\ntls {} shop\n",
        authority.tls
    )));
    let first = at_last("it is issued", &director, || {
        issued(authority.tls, "www.shop.example")
    });
    let file = stored(&director, "shop");
    let mode = |path: &Path| fs::metadata(path).expect("stored").permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().expect("a folder")), 0o700);
    // Each answer until then and after it comes over TLS that holds.
    let second = at_last("it is renewed", &director, || {
        let now = issued(authority.tls, "shop.example").expect("a handshake");
        (now != first).then_some(now)
    });
    assert_ne!(first, second);
    // Another director with the same files shows what is there, and keeps the account.
    let accounts = || {
        let entries = fs::read_dir(file.parent().expect("a folder")).expect("entries");
        let names = entries.map(|e| e.expect("an entry").file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("account-")).count()
    };
    assert_eq!(accounts(), 1);
    let director = director.restart();
    assert!(
        issued(authority.tls, "shop.example").is_some(),
        "{}",
        director.log()
    );
}

#[test]
fn names_are_proven_by_the_listener_without_tls_where_no_other_shows_them() {
    let authority = Authority::start(86_400);
    let config = authority.config("certificate spare acme spare.example\n");
    let root = authority.root.display().to_string();
    let director = Director::start(&config.replace(&root, "root.pem"));
    // Like any path that is not absolute it is taken from the folder of the startup file.
    let beside = director.file().with_file_name("root.pem");
    fs::copy(&authority.root, beside).expect("copied");
    director.reload(&config.replace(&root, "./root.pem"));
    let file = stored(&director, "spare");
    at_last("it is issued", &director, || {
        let text = fs::read_to_string(&file).ok()?;
        (text.contains("PRIVATE KEY") && text.contains("BEGIN CERTIFICATE")).then_some(())
    });
    // What is no proof is redirected like anything else.
    let at = authority.http;
    let answer = get(at, "/.well-known/acme-challenge/no-such-token");
    assert_eq!(answer.status, 302);
}

#[test]
fn an_authority_that_cannot_be_reached_is_told_and_asked_again() {
    let nobody = local();
    let (http, tls) = (free(), free());
    let director = Director::start(&format!(
        "virtual {http}\nvirtual {tls}\nurl away http://elsewhere.example/%d\nbind {http} away\nbind {tls} away\nacme https://{nobody}/dir\ncertificate shop acme shop.example\ntls {tls} shop\n"
    ));
    at_last("it says so", &director, || {
        let log = director.log();
        (log.contains("certificate shop: not issued") && log.contains("next try in")).then_some(())
    });
    // Whoever looks is told, without advice that does not fit.
    let seen = director.typed(&["show certificate shop"]);
    assert!(
        seen.contains("Not issued") && seen.contains("next try"),
        "{seen}"
    );
    let seen = director.typed(&["show certificate shop | json"]);
    assert!(
        seen.contains("not_issued") && seen.contains("next_try"),
        "{seen}"
    );
    assert!(!director.log().contains("has to reach this host"));
    // Meanwhile a stand-in is shown.
    let (count, _) = shown(tls, "shop.example").expect("a handshake");
    assert_eq!(count, 1);
}

#[test]
fn what_another_process_stored_is_shown_though_the_operators_own_files_are_broken() {
    let (nobody, tls, asking) = (local(), free(), free());
    let files = Certificates::new();
    let own = files.make("own", &["own.example"]);
    let director = Director::start(&format!(
        "virtual {tls}\nvirtual {asking}\nurl away http://elsewhere.example/%d\nbind {tls} away\nbind {asking} away\nacme https://{nobody}/dir\n{own}certificate shop acme shop.example\ntls {tls} own shop\ntls {asking} own\nclient-certificates {asking} {}\n",
        files.authority().display()
    ));
    let before = der(&files.file("own.crt"));
    for broken in ["own.crt", "ca.crt"] {
        fs::write(files.file(broken), "-----BEGIN CERTIFICATE-----\nMIIB").expect("written");
    }
    files.make("new", &["shop.example"]);
    let text = |name: &str| fs::read_to_string(files.file(name)).expect("made");
    let file = stored(&director, "shop");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(&file, text("new.key") + &text("new.crt")).expect("written");
    let found = at_last("it is shown", &director, || issued(tls, "shop.example"));
    assert_eq!(found, der(&files.file("new.crt")));
    let (_, kept) = shown(tls, "own.example").expect("a handshake");
    assert_eq!(kept, before);
}

#[test]
fn an_authority_that_forgot_the_account_is_given_a_new_one() {
    let mut authority = Authority::start(86_400);
    let config = authority.config("");
    let one = format!("{config}certificate one acme one.example\n");
    let director = Director::start(&one);
    let issued = |name: &str| {
        let file = stored(&director, name);
        at_last("it is issued", &director, || fs::read(&file).ok())
    };
    issued("one");
    authority.forget();
    director.reload(&format!("{one}certificate two acme two.example\n"));
    issued("two");
    assert!(director.log().contains("does not know the account"));
}

#[test]
fn another_contact_is_told_to_the_authority_with_the_next_order() {
    let authority = Authority::start(86_400);
    let one = authority.config("certificate one acme one.example\n");
    let director = Director::start(&one);
    let issued = |name: &str| {
        let file = stored(&director, name);
        at_last("it is issued", &director, || fs::read(&file).ok())
    };
    issued("one");
    let told = || {
        director
            .log()
            .matches("was told the account's contact")
            .count()
    };
    let two = one.replace("ops@shop.example", "new@shop.example");
    director.reload(&format!("{two}certificate two acme two.example\n"));
    issued("two");
    assert_eq!(told(), 1, "{}", director.log());
    director.reload(&format!("{two}certificate three acme three.example\n"));
    issued("three");
    assert_eq!(told(), 1, "once is enough");
}
