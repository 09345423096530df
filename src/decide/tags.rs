//! Which node has which tag.

use std::sync::Arc;

use super::Gauges;
use super::config::NONE;
use super::predictors::mix;

/// From tag to node: a hash table of nodes, at most half full, in which a place is followed by the next.
#[derive(Debug)]
pub(super) struct Tags(Box<[u32]>);

impl Tags {
    pub(super) fn new(gauges: &[Arc<Gauges>]) -> Tags {
        let mut tags = Tags(vec![NONE; (gauges.len() * 2).next_power_of_two()].into());
        for (node, gauge) in gauges.iter().enumerate() {
            let places = tags.places(gauge.tag);
            if let Some(free) = places.into_iter().find(|at| tags.0[*at] == NONE) {
                tags.0[free] = node as u32;
            }
        }
        tags
    }

    fn places(&self, tag: u32) -> impl Iterator<Item = usize> + use<> {
        let (count, first) = (self.0.len(), mix(tag.into()) as usize);
        (0..count).map(move |step| first.wrapping_add(step) & (count - 1))
    }

    /// The place in `gauges` (those that this was made of) of the one with this tag.
    pub(super) fn find(&self, tag: u32, gauges: &[Arc<Gauges>]) -> Option<u32> {
        let nodes = self.places(tag).map(|at| self.0[at]);
        let mut nodes = nodes.take_while(|node| *node != NONE);
        nodes.find(|node| gauges[*node as usize].tag == tag)
    }
}
