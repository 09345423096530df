//! A checked draft to a model.

use super::draft::{Down, Draft, Kind, Node, Value};
use super::{AllDown, Dip, Endpoint, Id, Model, Real, Ref, Serving, Tls, Url, Virtual, path};

/// Builds the model. The draft has been checked: what does not fit together any more is left out.
pub(super) fn build(draft: Draft<'_>) -> Model {
    let Draft {
        hostname,
        names,
        mut nodes,
        probes,
        certificates,
        whole,
        ..
    } = draft;
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(_, name)| name.first);
    let mut order: Vec<u32> = (0..nodes.len() as u32)
        .filter(|at| nodes[*at as usize].definition.is_some())
        .collect();
    order.sort_by_key(|at| {
        nodes[*at as usize]
            .definition
            .as_ref()
            .map(|definition| definition.first)
    });
    let refs = refs(&nodes, &order);
    let (probes, watching) = probes.done();
    let (certificates, showing) = certificates.done();
    let mut model = Model {
        probes,
        certificates,
        globals: whole.done(),
        hostname: hostname.map(|(_, name)| name),
        names: names
            .into_iter()
            .map(|(address, name)| (name.name, address))
            .collect(),
        ..Model::default()
    };
    for at in order {
        let node = &mut nodes[at as usize];
        match node.kind() {
            Some(Kind::Virtual) => model.virtuals.extend(virtual_server(node, &refs, &showing)),
            Some(Kind::Real) => model.reals.extend(real(node, &refs, &watching)),
            Some(Kind::Dip) => model.dips.extend(dip(node, &refs, (&watching, &showing))),
            Some(Kind::Url) => model.urls.extend(url(node, &refs, &watching)),
            None => {}
        }
    }
    model
}

/// Each node's place in the model's tables.
fn refs(nodes: &[Node], order: &[u32]) -> Vec<Option<Ref>> {
    let mut refs = vec![None; nodes.len()];
    let [mut virtuals, mut reals, mut dips, mut urls] =
        [0..u32::MAX, 0..u32::MAX, 0..u32::MAX, 0..u32::MAX];
    for at in order {
        refs[*at as usize] = match nodes[*at as usize].kind() {
            Some(Kind::Virtual) => virtuals.next().map(Ref::Virtual),
            Some(Kind::Real) => reals.next().map(Ref::Real),
            Some(Kind::Dip) => dips.next().map(Ref::Dip),
            Some(Kind::Url) => urls.next().map(Ref::Url),
            None => None,
        };
    }
    refs
}

fn endpoint(node: &Node) -> Option<Endpoint> {
    match node.id {
        Id::Endpoint(endpoint) => Some(endpoint),
        Id::Url(_) => None,
    }
}

fn listens(node: &Node) -> Vec<Endpoint> {
    node.listens.iter().map(|(endpoint, _)| *endpoint).collect()
}

/// How a listener speaks TLS.
fn tls(node: &Node, showing: &[Option<u32>]) -> Tls {
    let shown = node.certificates.iter();
    let mut tls = Tls {
        certificates: shown
            .filter_map(|shown| showing[shown.of as usize])
            .collect(),
        ..Tls::default()
    };
    for setting in &node.settings {
        match &setting.value {
            Value::TlsVersions(least) => tls.least = *least,
            Value::ClientCertificates(clients) => tls.clients = Some(clients.clone()),
            _ => {}
        }
    }
    tls
}

fn virtual_server(
    node: &mut Node,
    refs: &[Option<Ref>],
    showing: &[Option<u32>],
) -> Option<Virtual> {
    let mut server = Virtual {
        tls: tls(node, showing),
        listens: listens(node),
        intent: node.virtual_half.intent,
        targets: node
            .targets
            .iter()
            .filter_map(|(target, _)| refs[*target as usize])
            .collect(),
        ..Virtual::new(endpoint(node)?)
    };
    for setting in std::mem::take(&mut node.settings) {
        match setting.value {
            Value::Predictor(predictor, slowstart_s) => {
                server.predictor = predictor;
                server.slowstart_s = slowstart_s;
            }
            Value::Sticky(sticky) => server.sticky = sticky,
            Value::Keepalive => server.keepalive = true,
            Value::Returns => server.returns = true,
            Value::Bounce(bounce) => server.bounce = Some(bounce),
            Value::AllDown(down) => server.all_down = all_down(down, refs),
            Value::BounceBack(back) => server.bounceback = back,
            Value::Queue(queue) => server.queue = Some(queue),
            Value::ProxyProtocol => server.proxy_protocol = true,
            Value::NoHttp2 => server.http2 = false,
            Value::Backup(by) => server.backup = refs[by as usize],
            Value::Description(text) => server.description = Some(text),
            _ => {}
        }
    }
    Some(server)
}

fn all_down(down: Down, refs: &[Option<Ref>]) -> AllDown {
    match down {
        Down::Refuse => AllDown::Refuse,
        Down::LastGood => AllDown::LastGood,
        Down::Url(url) => refs[url as usize].map_or(AllDown::Refuse, AllDown::Url),
    }
}

fn watched(node: &Node, watching: &[Option<u32>]) -> Vec<u32> {
    let probes = node.watches.iter();
    probes
        .filter_map(|watch| watching[watch.of as usize])
        .collect()
}

fn serving(node: &mut Node, refs: &[Option<Ref>], watching: &[Option<u32>]) -> Serving {
    let mut serving = Serving {
        probes: watched(node, watching),
        ..Serving::default()
    };
    for setting in std::mem::take(&mut node.settings) {
        match setting.value {
            Value::Weight(weight) => serving.weight = weight,
            Value::Maxconns(most) => serving.maxconns = Some(most),
            Value::Threshold(threshold) => serving.watching.threshold = threshold,
            Value::Retry(seconds) => serving.watching.retry_s = seconds,
            Value::Autounfail(on) => serving.watching.autounfail = on,
            Value::Timeout(seconds) => serving.timeout_s = seconds,
            Value::Transparent => serving.transparent = true,
            Value::Errors(number) => serving.watching.errors = Some(number),
            Value::Capacity(clients) => serving.capacity = Some(clients),
            Value::Priority(priority) => serving.priority = priority,
            Value::Promise(seconds) => serving.promise_s = seconds,
            Value::Tls(verify) => serving.speech.tls = Some(verify),
            Value::Http2 => serving.speech.http2 = true,
            Value::Backup(by) => serving.backup = refs[by as usize],
            Value::Description(text) => serving.description = Some(text),
            _ => {}
        }
    }
    serving
}

fn real(node: &mut Node, refs: &[Option<Ref>], watching: &[Option<u32>]) -> Option<Real> {
    Some(Real {
        id: endpoint(node)?,
        intent: node.real_half.intent,
        serving: serving(node, refs, watching),
    })
}

fn dip(
    node: &mut Node,
    refs: &[Option<Ref>],
    (watching, showing): (&[Option<u32>], &[Option<u32>]),
) -> Option<Dip> {
    let id = endpoint(node)?;
    let real = node.definition.as_ref()?.real.unwrap_or(id);
    let proxy_protocol = node
        .settings
        .iter()
        .any(|s| s.value == Value::ProxyProtocol);
    let http2 = node.settings.iter().all(|s| s.value != Value::NoHttp2);
    let queue = node.settings.iter().find_map(|s| match s.value {
        Value::Queue(queue) => Some(queue),
        _ => None,
    });
    Some(Dip {
        queue,
        proxy_protocol,
        tls: tls(node, showing),
        http2,
        passes: path::passes(node),
        listens: listens(node),
        virtual_intent: node.virtual_half.intent,
        real_intent: node.real_half.intent,
        serving: serving(node, refs, watching),
        ..Dip::new(id, real)
    })
}

fn url(node: &mut Node, refs: &[Option<Ref>], watching: &[Option<u32>]) -> Option<Url> {
    let Id::Url(id) = &node.id else { return None };
    let (template, code) = *node.definition.as_mut()?.url.take()?;
    let mut url = Url {
        code,
        probes: watched(node, watching),
        intent: node.real_half.intent,
        ..Url::new(id.clone(), template)
    };
    for setting in std::mem::take(&mut node.settings) {
        match setting.value {
            Value::Weight(weight) => url.weight = weight,
            Value::Maxconns(most) => url.maxconns = Some(most),
            Value::Capacity(clients) => url.capacity = Some(clients),
            Value::Priority(priority) => url.priority = priority,
            Value::Decay(seconds) => url.decay_s = seconds,
            Value::Link(to) => url.link = refs[to as usize],
            Value::Backup(by) => url.backup = refs[by as usize],
            Value::Description(text) => url.description = Some(text),
            _ => {}
        }
    }
    Some(url)
}
