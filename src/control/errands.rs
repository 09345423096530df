//! What is to be probed, worked out from the model.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

use tracing::info;

use super::Errand;
use crate::health::SUSPICION;
use crate::model::{Endpoint, Id, Model, Probe, ProbeKind, Ref, Template};

/// One probe of one server each, in the order of the model.
pub(super) fn errands(model: &Model, probes: &[Arc<Probe>]) -> Vec<Errand> {
    every(model).flat_map(|at| of(model, at, probes)).collect()
}

/// One probe of one server, whether it watches it or not. `None` of a virtual, and where a url's host or port depends on the request
/// and the probe has no address of its own.
pub fn errand_for(model: &Model, at: Ref, probe: &Probe) -> Option<Errand> {
    if matches!(at, Ref::Virtual(_)) {
        return None;
    }
    let (place, _) = place(model, at);
    errand(model.id(at), place, Arc::new(probe.clone()))
}

/// All of one server; a tcp connection where nobody watches it.
pub(super) fn at_once(model: &Model, at: Ref, probes: &[Arc<Probe>]) -> Vec<Errand> {
    let mut errands = of(model, at, probes);
    if errands.is_empty() {
        let (place, _) = place(model, at);
        errands.extend(errand(model.id(at), place, Arc::new(suspicious())));
    }
    errands
}

fn of(model: &Model, at: Ref, probes: &[Arc<Probe>]) -> Vec<Errand> {
    let (place, watched_by) = place(model, at);
    let mut errands = Vec::new();
    for probe in watched_by.iter().filter_map(|&n| probes.get(n as usize)) {
        let id = model.id(at);
        match errand(id, place, Arc::clone(probe)) {
            Some(errand) => errands.push(errand),
            None => info!(
                "url {}: not watched by probe {}, as its host is known only from a request; give the probe an address",
                model.id(at),
                probe.name
            ),
        }
    }
    errands
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

/// Every real, dip and url.
fn every(model: &Model) -> impl Iterator<Item = Ref> + use<> {
    let reals = (0..model.reals.len() as u32).map(Ref::Real);
    let dips = (0..model.dips.len() as u32).map(Ref::Dip);
    let urls = (0..model.urls.len() as u32).map(Ref::Url);
    reals.chain(dips).chain(urls)
}

/// Where a real, dip or url is asked, and the indices of its probes.
fn place(model: &Model, at: Ref) -> (At<'_>, &[u32]) {
    match at {
        Ref::Virtual(n) => (At::Server(model.virtuals[n as usize].id), &[]),
        Ref::Real(n) => {
            let real = &model.reals[n as usize];
            (At::Server(real.id), &real.serving.probes)
        }
        Ref::Dip(n) => {
            let dip = &model.dips[n as usize];
            (At::Server(dip.real), &dip.serving.probes)
        }
        Ref::Url(n) => {
            let url = &model.urls[n as usize];
            (At::Url(&url.template), &url.probes)
        }
    }
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
        let of = |n: u32| asked(&at_once(&model, Ref::Url(n), &[]));
        assert_eq!(of(4), ["unwatched (suspect) 192.0.2.9:80 192.0.2.9"]);
        assert!(of(2).is_empty(), "where it is depends on the request");
    }
}
