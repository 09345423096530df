//! SSH: the same sessions, over channels of russh. Only what is new enough is spoken, and only sessions are served: no forwarding,
//! no agent, no subsystem.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::{Algorithm, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{
    Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Preferred, SshId, cipher,
    compression, kex, mac,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::error;

use super::audit;
use super::converse::{Guest, converse};
use super::host_key::host_key;
use super::limits::{CHANNELS, PROVE_WITHIN, TRIES};
use super::places::Place;
use super::room::Room;
use super::telnet::Gate;
use super::wire::{Code, Ear, Wire};
use crate::console::{Origin, Over};
use crate::model::{Level, User};

/// A refused login takes at least so long.
const REFUSED_AFTER: Duration = Duration::from_millis(500);

/// From one sign of life that is asked of a silent client to the next.
const ALIVE: Duration = Duration::from_secs(30);

/// How long the end of a connection may take.
const PARTING: Duration = Duration::from_secs(2);

const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];
const KEYS: &[Algorithm] = &[Algorithm::Ed25519];
const CIPHERS: &[cipher::Name] = &[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM];
const MACS: &[mac::Name] = &[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM];
const COMPRESSION: &[compression::Name] = &[compression::NONE];

const METHODS: &[MethodKind] = &[MethodKind::PublicKey, MethodKind::Password];

fn config(key: PrivateKey) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-Signpost")),
        methods: MethodSet::from(METHODS),
        auth_rejection_time: REFUSED_AFTER,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            key: Cow::Borrowed(KEYS),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            compression: Cow::Borrowed(COMPRESSION),
        },
        max_auth_attempts: TRIES + 1,
        inactivity_timeout: None,
        keepalive_interval: Some(ALIVE),
        keepalive_max: 3,
        nodelay: true,
        ..Config::default()
    }
}

/// Serves a listener until it is aborted.
pub(super) async fn accept(room: Arc<Room>, listener: TcpListener) {
    let key = match host_key(&room.source.host_key) {
        Ok(key) => key,
        Err(e) => return error!("the console speaks no SSH: {e}"),
    };
    let config = Arc::new(config(key));
    let mut gate = Gate::default();
    loop {
        let (stream, from, unproven) = gate.let_in(&room, &listener, "ssh").await;
        let sitting = sit(
            Arc::clone(&room),
            Arc::clone(&config),
            stream,
            from,
            unproven,
        );
        tokio::spawn(sitting);
    }
}

async fn sit(
    room: Arc<Room>,
    config: Arc<Config>,
    stream: TcpStream,
    from: SocketAddr,
    unproven: Place,
) {
    let _ = stream.set_nodelay(true);
    // By this the connection is cut off whatever the client reads or not.
    let Ok(socket) = stream.as_fd().try_clone_to_owned() else {
        return;
    };
    let (proven, known) = oneshot::channel();
    let (over, parted) = oneshot::channel();
    let client = Client {
        room,
        from,
        proven: Some(proven),
        unproven: Some(unproven),
        user: None,
        channel: None,
        opened: 0,
        terminal: None,
        over: Some(over),
    };
    let begun = timeout(
        PROVE_WITHIN,
        russh::server::run_stream(config, stream, client),
    );
    let Ok(Ok(running)) = begun.await else {
        return;
    };
    let mut end = tokio::spawn(running);
    let in_time = tokio::select! {
        _ = &mut end => return,
        known = timeout(PROVE_WITHIN, known) => known.is_ok(),
    };
    if in_time {
        tokio::select! {
            _ = &mut end => return,
            // The client has been told; its own end may take a moment.
            _ = parted => {}
        }
        if timeout(PARTING, &mut end).await.is_ok() {
            return;
        }
    }
    let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Both);
    let _ = end.await;
}

/// A client, from its first byte on.
struct Client {
    room: Arc<Room>,
    from: SocketAddr,
    /// Told once its session begins.
    proven: Option<oneshot::Sender<()>>,
    unproven: Option<Place>,
    user: Option<(Box<str>, Level)>,
    channel: Option<Channel<Msg>>,
    opened: usize,
    /// The size of the terminal it has.
    terminal: Option<(u16, u16)>,
    /// Told once its session is over.
    over: Option<oneshot::Sender<()>>,
}

impl Client {
    fn known(&self, name: &str) -> Option<User> {
        let console = self.room.source.ground.borrow().console.clone();
        console
            .users
            .iter()
            .find(|user| *user.name == *name)
            .cloned()
    }

    fn admit(&mut self, user: &User) -> Auth {
        self.user = Some((user.name.clone(), user.level));
        Auth::Accept
    }

    fn refuse(&self, name: &str) -> Auth {
        let from = self.from.ip().to_canonical().to_string();
        let known = self.known(name);
        audit::refused(known.as_ref().map(|user| &*user.name), &from, "ssh");
        // The library offers a method that has failed once no more, unless it is named again.
        Auth::Reject {
            proceed_with_methods: Some(MethodSet::from(METHODS)),
            partial_success: false,
        }
    }

    /// Begins the session on the channel that was opened.
    fn begin(&mut self, command: Option<Box<str>>) -> bool {
        let (Some(channel), Some(user)) = (self.channel.take(), self.user.clone()) else {
            return false;
        };
        // Only now: who logs in and begins nothing would keep connections without end.
        self.unproven = None;
        if let Some(proven) = self.proven.take() {
            let _ = proven.send(());
        }
        let terminal = self.terminal;
        let (columns, rows) = terminal.unwrap_or_default();
        let origin = Origin {
            from: self.from.ip().to_canonical().to_string().into(),
            over: Over::Ssh,
            known: Some(user),
            terminal: terminal.is_some(),
            columns,
            rows,
            command,
        };
        let (ear, mouth) = channel.split();
        let wire = Wire {
            ear: Ear::Channel(ear),
            mouth: Box::pin(mouth.make_writer()),
            code: Code::Plain,
        };
        let guest = Guest {
            origin,
            wire,
            unproven: None,
            configured: true,
        };
        let (room, over) = (Arc::clone(&self.room), self.over.take());
        tokio::spawn(async move {
            // Dropped with the last word.
            let _over = over;
            let status = converse(room, guest).await;
            // A client that is gone need not be told.
            let last = async {
                let _ = mouth.exit_status(u32::from(status)).await;
                let _ = mouth.eof().await;
                let _ = mouth.close().await;
            };
            let _ = timeout(PARTING, last).await;
        });
        true
    }
}

/// Whether one of a user's keys is this one.
fn has_key(user: &User, key: &PublicKey) -> bool {
    user.keys.iter().any(|known| {
        PublicKey::from_openssh(known).is_ok_and(|known| known.key_data() == key.key_data())
    })
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let known = self.known(user);
        let secret = known.as_ref().and_then(|known| known.secret.as_ref());
        let from = Some(self.from.ip());
        let right = self.room.login.check(from, secret, password).await;
        Ok(match known.filter(|_| right) {
            Some(known) => self.admit(&known),
            None => self.refuse(user),
        })
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        let known = self.known(user);
        let has = known.is_some_and(|known| has_key(&known, offer.public_key));
        Ok(if has { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let known = self.known(user);
        Ok(match known.filter(|known| has_key(known, key.public_key)) {
            Some(known) => self.admit(&known),
            None => self.refuse(user),
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.opened == CHANNELS {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        self.opened += 1;
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        columns: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let cells = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        self.terminal = Some((cells(columns), cells(rows)));
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.begin(None) {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(data).into_owned();
        if self.begin(Some(command.into())) {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single_connection: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}

#[cfg(test)]
mod tests {
    use super::super::host_key::new_key;
    use super::*;

    #[test]
    fn a_key_is_known_by_its_bytes_and_not_by_its_comment() {
        let key = new_key().expect("made");
        let line = key.public_key().to_openssh().expect("written");
        let bare: Vec<&str> = line.split(' ').take(2).collect();
        let mut user = User {
            name: "ann".into(),
            level: Level::View,
            secret: None,
            keys: vec!["ssh-ed25519 torn".into(), bare.join(" ").into()],
        };
        assert!(has_key(&user, key.public_key()));
        user.keys.pop();
        assert!(!has_key(&user, key.public_key()));
    }
}
