//! What is to be probed, worked out from the model.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

use tracing::info;

use super::Errand;
use crate::model::{Endpoint, Id, Model, Probe, ProbeKind, Template};

/// What a suspect server without probes is asked by; no configured probe can be called so.
pub(super) const SUSPICION: &str = "(suspect)";

/// One probe of one server each, in the order of the model.
pub(super) fn errands(model: &Model, probes: &[Arc<Probe>]) -> Vec<Errand> {
    let mut errands = Vec::new();
    for (id, at, watched_by) in servers(model) {
        for probe in watched_by.iter().filter_map(|&n| probes.get(n as usize)) {
            match errand(id.clone(), at, Arc::clone(probe)) {
                Some(errand) => errands.push(errand),
                None => info!(
                    "url {id}: not watched by probe {}, as its host is known only from a request; give the probe an address",
                    probe.name
                ),
            }
        }
    }
    errands
}

/// A tcp connection to a server that nobody watches.
pub(super) fn suspicion(model: &Model, id: &Id) -> Option<Errand> {
    let (id, at, _) = servers(model).find(|(of, _, _)| of == id)?;
    errand(id, at, Arc::new(suspicious()))
}

/// One failure is enough, as clients failed before; one success clears it.
fn suspicious() -> Probe {
    Probe {
        rise: 1,
        fall: 1,
        settle: 1,
        ..Probe::new(SUSPICION.into(), ProbeKind::Tcp)
    }
}

/// Where a server is asked unless the probe says otherwise.
#[derive(Clone, Copy)]
enum At<'a> {
    Server(Endpoint),
    Url(&'a Template),
}

/// Every real, dip and url with the indices of its probes.
fn servers(model: &Model) -> impl Iterator<Item = (Id, At<'_>, &[u32])> {
    let reals = model.reals.iter().map(|r| (r.id, r.id, &r.serving.probes));
    let dips = model.dips.iter().map(|d| (d.id, d.real, &d.serving.probes));
    let servers = reals
        .chain(dips)
        .map(|(id, at, probes)| (Id::Endpoint(id), At::Server(at), probes.as_slice()));
    let urls = model.urls.iter().map(|u| {
        (
            Id::Url(u.id.clone()),
            At::Url(&u.template),
            u.probes.as_slice(),
        )
    });
    servers.chain(urls)
}

/// `None` where a url's host or port depends on the request and the probe has no address of its own.
fn errand(id: Id, at: At<'_>, probe: Arc<Probe>) -> Option<Errand> {
    let (host, address, port): (&str, Option<IpAddr>, u16) = match at {
        At::Server(at) => ("", Some(at.address), at.port.get()),
        At::Url(template) => match template.fixed_authority() {
            Some((host, port)) => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                (host, host.parse().ok(), port)
            }
            None => ("", None, template.scheme.default_port()),
        },
    };
    let address = probe.address.or(address);
    let port = probe.port.map_or(port, NonZeroU16::get);
    let host: Box<str> = match (host, at, address) {
        ("", At::Server(server), _) => server.address.to_string().into(),
        ("", At::Url(_), Some(address)) => address.to_string().into(),
        ("", At::Url(_), None) => return None,
        (host, _, _) => host.into(),
    };
    Some(Errand {
        id,
        probe,
        to: address.map(|address| SocketAddr::new(address, port)),
        host,
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Dip, Real, Serving, Url, UrlId};

    fn endpoint(text: &str) -> Endpoint {
        text.parse().expect("an endpoint")
    }

    fn url(id: &str, text: &str, probes: &[u32]) -> Url {
        let template = Template::parse(text).expect("a template");
        Url {
            probes: probes.to_vec(),
            ..Url::new(UrlId(id.into()), template)
        }
    }

    fn asked(errands: &[Errand]) -> Vec<String> {
        let line = |e: &Errand| {
            let to =
                e.to.map_or_else(|| format!("? {}", e.port), |to| to.to_string());
            format!("{} {} {to} {}", e.id, e.probe.name, e.host)
        };
        errands.iter().map(line).collect()
    }

    /// A real, a dip, and urls of every kind of host.
    fn model() -> Model {
        let serving = |probes: &[u32]| Serving {
            probes: probes.to_vec(),
            ..Serving::default()
        };
        let at = endpoint("192.0.2.2");
        Model {
            reals: vec![Real {
                id: endpoint("192.0.2.1:8080"),
                intent: Default::default(),
                serving: serving(&[0, 1]),
            }],
            dips: vec![Dip {
                serving: serving(&[0]),
                ..Dip::new(at, endpoint("[2001:db8::2]:81"))
            }],
            urls: vec![
                url("named", "https://www.example.com/%d", &[0, 1]),
                url("numbered", "http://[2001:db8::3]:99/", &[0]),
                url("macro", "http://%h/", &[0, 1]),
                url("port", "http://www.example.com:%s/", &[0]),
                url("unwatched", "http://192.0.2.9/", &[]),
            ],
            ..Model::default()
        }
    }

    #[test]
    fn each_probe_of_each_server_is_an_errand() {
        let probes = [
            Arc::new(Probe::new("plain".into(), ProbeKind::Tcp)),
            Arc::new(Probe {
                address: Some("192.0.2.77".parse().expect("an address")),
                port: NonZeroU16::new(7),
                ..Probe::new("elsewhere".into(), ProbeKind::Tcp)
            }),
        ];
        assert_eq!(
            asked(&errands(&model(), &probes)),
            [
                "192.0.2.1:8080 plain 192.0.2.1:8080 192.0.2.1",
                "192.0.2.1:8080 elsewhere 192.0.2.77:7 192.0.2.1",
                "192.0.2.2 plain [2001:db8::2]:81 2001:db8::2",
                "named plain ? 443 www.example.com",
                "named elsewhere 192.0.2.77:7 www.example.com",
                "numbered plain [2001:db8::3]:99 2001:db8::3",
                "macro elsewhere 192.0.2.77:7 192.0.2.77",
            ]
        );
    }

    #[test]
    fn a_suspect_that_nobody_watches_gets_a_connection() {
        let model = model();
        let of = |id: &str| suspicion(&model, &Id::Url(UrlId(id.into())));
        let errand = of("unwatched").expect("its address is known");
        assert_eq!(
            asked(&[errand]),
            ["unwatched (suspect) 192.0.2.9:80 192.0.2.9"]
        );
        assert_eq!(of("macro"), None);
        assert_eq!(of("nobody"), None);
    }
}
