//! Who depends on whom, and in which order to settle it.

use std::ops::Range;

/// Users of every node, and the strongly connected components, those that others depend on first (Tarjan 1972).
#[derive(Debug)]
pub(super) struct Graph {
    users_from: Box<[u32]>,
    users: Box<[u32]>,
    /// All nodes, grouped by component.
    pub(super) order: Box<[u32]>,
    from: Box<[u32]>,
    /// The component of each node.
    pub(super) component: Box<[u32]>,
    /// Whether the node depends on itself, over however many others.
    looped: Box<[bool]>,
}

impl Graph {
    /// `depends(n, edges)` appends the nodes that `n` depends on.
    pub(super) fn new(count: usize, depends: impl Fn(u32, &mut Vec<u32>)) -> Graph {
        let mut starts = Vec::with_capacity(count + 1);
        let mut edges = Vec::new();
        let mut own = Vec::new();
        for n in 0..count as u32 {
            starts.push(edges.len() as u32);
            own.clear();
            depends(n, &mut own);
            edges.extend_from_slice(&own);
        }
        starts.push(edges.len() as u32);

        let mut users_from = vec![0u32; count + 1];
        for &e in &edges {
            users_from[e as usize + 1] += 1;
        }
        for i in 0..count {
            users_from[i + 1] += users_from[i];
        }
        let mut fill = users_from.clone();
        let mut users = vec![0u32; edges.len()];
        for n in 0..count {
            for &e in &edges[starts[n] as usize..starts[n + 1] as usize] {
                users[fill[e as usize] as usize] = n as u32;
                fill[e as usize] += 1;
            }
        }
        let (order, from, component) = components(count, &starts, &edges);
        let looped = (0..from.len() - 1)
            .map(|c| {
                let first = order[from[c] as usize] as usize;
                let own = &edges[starts[first] as usize..starts[first + 1] as usize];
                from[c + 1] - from[c] > 1 || own.contains(&(first as u32))
            })
            .collect();
        Graph {
            users_from: users_from.into(),
            users: users.into(),
            order: order.into(),
            from: from.into(),
            component: component.into(),
            looped,
        }
    }

    pub(super) fn components(&self) -> u32 {
        self.from.len() as u32 - 1
    }

    /// Where in `order` the nodes of a component stand.
    pub(super) fn members(&self, component: u32) -> Range<usize> {
        self.from[component as usize] as usize..self.from[component as usize + 1] as usize
    }

    pub(super) fn looped(&self, component: u32) -> bool {
        self.looped[component as usize]
    }

    /// Whether `node` depends on itself, over however many others.
    pub(super) fn is_looped(&self, node: u32) -> bool {
        self.looped(self.component[node as usize])
    }

    /// Those that depend on `node`.
    pub(super) fn users(&self, node: u32) -> &[u32] {
        &self.users
            [self.users_from[node as usize] as usize..self.users_from[node as usize + 1] as usize]
    }
}

/// Tarjan's algorithm without recursion: chains may be as long as the file.
fn components(count: usize, starts: &[u32], edges: &[u32]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    const NEW: u32 = u32::MAX;
    let mut number = vec![NEW; count];
    let mut low = vec![0u32; count];
    let mut component = vec![NEW; count];
    let (mut order, mut from) = (Vec::with_capacity(count), vec![0u32]);
    let (mut open, mut path): (Vec<u32>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
    let mut next = 0;
    for root in 0..count as u32 {
        if number[root as usize] != NEW {
            continue;
        }
        path.push((root, starts[root as usize]));
        while let Some(&mut (n, ref mut edge)) = path.last_mut() {
            let i = n as usize;
            if number[i] == NEW {
                number[i] = next;
                low[i] = next;
                next += 1;
                open.push(n);
            }
            if *edge < starts[i + 1] {
                let to = edges[*edge as usize];
                *edge += 1;
                if number[to as usize] == NEW {
                    path.push((to, starts[to as usize]));
                } else if component[to as usize] == NEW {
                    low[i] = low[i].min(number[to as usize]);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                low[parent as usize] = low[parent as usize].min(low[i]);
            }
            if low[i] == number[i] {
                while let Some(member) = open.pop() {
                    component[member as usize] = from.len() as u32 - 1;
                    order.push(member);
                    if member == n {
                        break;
                    }
                }
                from.push(order.len() as u32);
            }
        }
    }
    (order, from, component)
}
