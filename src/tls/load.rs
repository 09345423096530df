//! A certificate's files, read and checked.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::{Names, standin};

/// The largest file that is read, in bytes.
const FILE_BYTES: u64 = 1 << 20;
/// The longest chain.
const CHAIN: usize = 16;
/// The fewest bits of an RSA key.
const RSA_BITS: usize = 2_048;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Why it cannot be used, and what would help.
    pub why: String,
    /// It is not there.
    pub missing: bool,
}

impl Problem {
    pub(super) fn of(path: &Path, why: String) -> Problem {
        Problem {
            path: path.to_owned(),
            why,
            missing: false,
        }
    }

    pub(super) fn pem(path: &Path, error: &pem::Error) -> Problem {
        Problem::of(path, pem_fault(error))
    }
}

/// What is wrong with a text that is to be PEM.
pub(super) fn pem_fault(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            let label = String::from_utf8_lossy(end_marker);
            let label = label.trim().trim_matches('-').trim_start_matches("END ");
            format!("the line `-----END {label}-----` is missing in it; was it written half?")
        }
        pem::Error::IllegalSectionStart { line } => format!(
            "it is no PEM: `{}` begins nothing",
            String::from_utf8_lossy(line).trim().escape_debug()
        ),
        error => format!("it is no PEM: {error}"),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for Problem {}

/// A certificate with its chain and key, checked.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    /// The names that it is for.
    pub names: Arc<Names>,
    /// From when on it holds, in seconds since 1970.
    pub not_before_s: i64,
    /// Until when it holds, in seconds since 1970: the earliest end of its chain.
    pub not_after_s: i64,
    /// Who issued it.
    pub issuer: Box<str>,
    /// What its key is: `ECDSA P-256`, `RSA 2048` …
    pub algorithm: Box<str>,
    /// Its BLAKE3 hash: what tells it from any other.
    pub fingerprint: [u8; 32],
    /// It stands in for one that an authority has yet to give.
    pub stands_in: bool,
    /// What should be looked at, in words.
    pub remarks: Vec<String>,
}

impl Loaded {
    /// Reads and checks a chain and its key, both in PEM: the key fits, the chain is in order, clients take keys of this kind. Whether it holds now is for the
    /// caller to judge.
    ///
    /// # Errors
    /// With the file and what is wrong with it.
    pub fn read(chain: &Path, key: &Path) -> Result<Loaded, Problem> {
        let (chain_text, key_text) = (bytes(chain)?, bytes(key)?);
        let mut loaded = check((chain, &chain_text), (key, &key_text))?;
        let open = std::fs::metadata(key).is_ok_and(|m| m.permissions().mode() & 0o004 != 0);
        if open {
            loaded.remarks.push(format!(
                "everybody on this host can read the key `{0}`; `chmod o-r {0}`",
                key.display()
            ));
        }
        Ok(loaded)
    }

    /// One that nobody trusts, for `domains`, until an authority gives its own.
    ///
    /// # Errors
    /// Where none can be made.
    pub fn stand_in(domains: &[Box<str>]) -> Result<Loaded, Problem> {
        let here = Path::new("(stand-in)");
        let made = standin::made(domains);
        let (chain, key) = made.map_err(|e| Problem::of(here, format!("cannot be made: {e}")))?;
        let mut loaded = check((here, chain.as_bytes()), (here, key.as_bytes()))?;
        loaded.stands_in = true;
        Ok(loaded)
    }

    /// Whether it is too late or too early for it at `now_s`, in seconds since 1970, in words.
    pub fn out_of_time(&self, now_s: i64) -> Option<&'static str> {
        if now_s > self.not_after_s {
            Some("it has expired")
        } else if now_s < self.not_before_s {
            Some("it does not hold yet; is the clock right?")
        } else {
            None
        }
    }
}

/// The bytes of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    regular(path).map_err(|e| Problem {
        missing: e.kind() == io::ErrorKind::NotFound,
        ..Problem::of(path, format!("it cannot be read: {e}"))
    })
}

/// The bytes of a regular file: anything else could keep its reader waiting for ever.
pub(super) fn regular(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::options()
        .read(true)
        // A FIFO that nobody writes to is opened at once.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES {
        let why = format!("it has more than {FILE_BYTES} bytes");
        return Err(io::Error::other(why));
    }
    Ok(bytes)
}

fn check(
    (chain, chain_text): (&Path, &[u8]),
    (key, key_text): (&Path, &[u8]),
) -> Result<Loaded, Problem> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain_text)
        .collect::<Result<_, _>>()
        .map_err(|e| Problem::pem(chain, &e))?;
    if certificates.is_empty() {
        let why =
            "no certificate is in it; a chain in PEM begins with `-----BEGIN CERTIFICATE-----`";
        return Err(Problem::of(chain, why.to_owned()));
    }
    if certificates.len() > CHAIN {
        let why = format!("its chain has more than {CHAIN} certificates");
        return Err(Problem::of(chain, why));
    }
    let mut parsed = Vec::with_capacity(certificates.len());
    for (nth, der) in (1..).zip(&certificates) {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|e| {
            Problem::of(chain, format!("its certificate {nth} cannot be read: {e}"))
        })?;
        parsed.push(certificate);
    }
    // Before the key is loaded, which knows no better word for one that is too weak than that it cannot.
    let algorithm = algorithm(&parsed[0]).map_err(|why| Problem::of(chain, why))?;
    let private = private_key(key, key_text)?;
    let signing = super::provider().key_provider.load_private_key(private);
    let signing =
        signing.map_err(|e| Problem::of(key, format!("the key in it cannot be used: {e}")))?;
    let certified = Arc::new(CertifiedKey::new(certificates.clone(), signing));
    fits(&certified, &parsed, chain, key)?;
    in_order(&parsed, chain)?;
    Ok(seen((&parsed, chain), algorithm, certified))
}

fn private_key(path: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>, Problem> {
    PrivateKeyDer::from_pem_slice(text).map_err(|e| {
        let locked = memchr::memmem::find(text, b"ENCRYPTED").is_some();
        let why = match e {
            _ if locked => format!(
                "the key in it is locked by a password; unlock it: `openssl pkey -in {} -out FILE`",
                path.display()
            ),
            pem::Error::NoItemsFound => {
                "no private key is in it; one in PEM begins with `-----BEGIN PRIVATE KEY-----`"
                    .to_owned()
            }
            e => pem_fault(&e),
        };
        Problem::of(path, why)
    })
}

/// Whether the key is the first certificate's.
fn fits(
    certified: &CertifiedKey,
    parsed: &[X509Certificate<'_>],
    chain: &Path,
    key: &Path,
) -> Result<(), Problem> {
    if certified.keys_match().is_ok() {
        return Ok(());
    }
    let own = certified.key.public_key();
    let own = own.as_ref().map(|spki| spki.as_ref());
    let found = parsed.iter().position(|c| Some(c.public_key().raw) == own);
    Err(match found {
        Some(nth) if nth > 0 => Problem::of(
            chain,
            format!(
                "its certificate {} is the server's own and has to be the first",
                nth + 1
            ),
        ),
        _ => Problem::of(
            key,
            format!(
                "the key in it is not that of the certificate `{}`",
                chain.display()
            ),
        ),
    })
}

fn in_order(parsed: &[X509Certificate<'_>], chain: &Path) -> Result<(), Problem> {
    for (nth, pair) in parsed.windows(2).enumerate() {
        let (of, by) = (&pair[0], &pair[1]);
        if of.issuer().as_raw() != by.subject().as_raw() {
            let why = format!(
                "its chain is out of order: certificate {} was issued by `{}`, and certificate {} is `{}`",
                nth + 1,
                of.issuer(),
                nth + 2,
                by.subject(),
            );
            return Err(Problem::of(chain, why));
        }
        if !is_signed(of, by) {
            let why = format!(
                "its certificate {} was not signed by the key of certificate {}, though that is called `{}`: the issuer has another by now, which belongs there",
                nth + 1,
                nth + 2,
                by.subject(),
            );
            return Err(Problem::of(chain, why));
        }
    }
    Ok(())
}

/// Whether the key of `by` signed `of`; also where that cannot be told, as the algorithm is unknown here.
fn is_signed(of: &X509Certificate<'_>, by: &X509Certificate<'_>) -> bool {
    let name = of.signature_algorithm.algorithm.as_bytes();
    let provider = super::provider();
    let known = provider.signature_verification_algorithms.all.iter();
    // An identifier is the name in DER (tag, length, octets), then its parameters.
    let mut known = known
        .filter(|known| known.signature_alg_id().as_ref().get(2..2 + name.len()) == Some(name))
        .peekable();
    let key = &by.public_key().subject_public_key.data;
    let (said, signature) = (of.tbs_certificate.as_ref(), &of.signature_value.data);
    known.peek().is_none()
        || known.any(|known| known.verify_signature(key, said, signature).is_ok())
}

/// What is known of a chain that fits its key.
fn seen(
    (parsed, chain): (&[X509Certificate<'_>], &Path),
    algorithm: Box<str>,
    key: Arc<CertifiedKey>,
) -> Loaded {
    let own = &parsed[0];
    let names = names(own);
    let mut remarks = Vec::new();
    if names.is_empty() {
        remarks.push(format!(
            "the certificate `{}` is for no name: clients look at subject alternative names alone, and it has none",
            chain.display()
        ));
    }
    let usage = own.extended_key_usage().ok().flatten();
    if usage.is_some_and(|usage| !usage.value.server_auth && !usage.value.any) {
        remarks.push(format!(
            "the certificate `{}` is not for servers: its extended key usage lacks serverAuth, and clients turn away",
            chain.display()
        ));
    }
    let self_signed = own.issuer().as_raw() == own.subject().as_raw();
    if parsed.len() == 1 && !self_signed {
        remarks.push(format!(
            "the chain `{}` has the server's own certificate alone: where its issuer is not a root, clients need that one's behind it",
            chain.display()
        ));
    }
    let end = |c: &X509Certificate<'_>| c.validity().not_after.timestamp();
    let begin = |c: &X509Certificate<'_>| c.validity().not_before.timestamp();
    Loaded {
        fingerprint: *blake3::hash(&key.cert[0]).as_bytes(),
        key,
        names: Arc::new(names),
        not_before_s: parsed.iter().map(begin).max().unwrap_or(i64::MAX),
        not_after_s: parsed.iter().map(end).min().unwrap_or(i64::MIN),
        issuer: own.issuer().to_string().into(),
        algorithm,
        stands_in: false,
        remarks,
    }
}

/// What kind of key the certificate is for; an error where it is too weak or clients do not take it.
fn algorithm(own: &X509Certificate<'_>) -> Result<Box<str>, String> {
    let key = own.public_key();
    if key.algorithm.algorithm == OID_SIG_ED25519 {
        return Ok("Ed25519".into());
    }
    let wanted = "give it one of ECDSA P-256 or P-384, Ed25519, or RSA with 2,048 bits or more";
    match key.parsed() {
        Ok(PublicKey::EC(point)) => match point.key_size() {
            256 => Ok("ECDSA P-256".into()),
            384 => Ok("ECDSA P-384".into()),
            bits => Err(format!(
                "its elliptic curve of {bits} bits is not taken by clients; {wanted}"
            )),
        },
        Ok(PublicKey::RSA(rsa)) => match rsa.key_size() {
            bits if bits < RSA_BITS => {
                Err(format!("its RSA key of {bits} bits is too weak; {wanted}"))
            }
            bits => Ok(format!("RSA {bits}").into()),
        },
        _ => Err(format!(
            "its key is of a kind that clients do not take; {wanted}"
        )),
    }
}

fn names(own: &X509Certificate<'_>) -> Names {
    let Ok(Some(alternatives)) = own.subject_alternative_name() else {
        return Names::default();
    };
    let all = &alternatives.value.general_names;
    let addresses = all.iter().filter_map(|name| match name {
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets).ok().map(Into::into),
            16 => <[u8; 16]>::try_from(*octets).ok().map(Into::into),
            _ => None,
        },
        _ => None,
    });
    let dns = all.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    Names::new(dns, addresses.collect())
}
