//! The static table of RFC 7541 Appendix A, and a dynamic one (§2.3.2).

use std::collections::VecDeque;

use super::super::limits::TABLE_BYTES;
use super::Known;

/// What an entry counts beside its text (RFC 7541 §4.1).
pub(super) const OVERHEAD: usize = 32;

/// An entry as it is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy::http2) struct Entry<'a> {
    pub(in crate::proxy::http2) known: Known,
    pub(in crate::proxy::http2) name: &'a [u8],
    pub(in crate::proxy::http2) value: &'a [u8],
    /// Whether the octets of both were found good before.
    pub(in crate::proxy::http2) good: bool,
}

/// Names and values at 1 to 61.
pub(super) static STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The names of [`STATIC`] that mean something here.
fn known(index: usize) -> Known {
    match index {
        1 => Known::Authority,
        2 | 3 => Known::Method,
        4 | 5 => Known::Path,
        6 | 7 => Known::Scheme,
        8..=14 => Known::Status,
        28 => Known::ContentLength,
        32 => Known::Cookie,
        35 => Known::Expect,
        38 => Known::Host,
        57 => Known::TransferEncoding,
        _ => Known::Other,
    }
}

/// Where a piece of the dynamic table's text is.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    name: u16,
    value: u16,
    known: Known,
    good: bool,
}

impl Place {
    fn length(&self) -> usize {
        usize::from(self.name) + usize::from(self.value)
    }
}

/// A dynamic table. Holds at most three times its size, and after `rest` no more than its entries.
#[derive(Debug)]
pub(super) struct Table {
    /// Texts from the oldest to the newest entry, behind some that are gone.
    text: Vec<u8>,
    /// The newest at the end.
    places: VecDeque<Place>,
    size: usize,
    most: usize,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            text: Vec::new(),
            places: VecDeque::new(),
            size: 0,
            most: TABLE_BYTES,
        }
    }
}

impl Table {
    /// The entry at an index as a block has it (RFC 7541 §2.3.3).
    pub(super) fn entry(&self, index: usize) -> Option<Entry<'_>> {
        if let Some((name, value)) = STATIC.get(index.checked_sub(1)?) {
            let (name, value) = (name.as_bytes(), value.as_bytes());
            let known = known(index);
            return Some(Entry {
                known,
                name,
                value,
                good: true,
            });
        }
        let back = index - STATIC.len();
        let place = self.places.get(self.places.len().checked_sub(back)?)?;
        let text = &self.text[place.start as usize..][..place.length()];
        let (name, value) = text.split_at(usize::from(place.name));
        let Place { known, good, .. } = *place;
        Some(Entry {
            known,
            name,
            value,
            good,
        })
    }

    /// Adds an entry, for which as many old ones as must go do (RFC 7541 §4.4).
    pub(super) fn insert(&mut self, entry: Entry<'_>) {
        let length = entry.name.len() + entry.value.len();
        let size = length + OVERHEAD;
        if size > self.most {
            self.evict(0);
            return;
        }
        self.evict(self.most - size);
        self.make_room(length);
        self.places.push_back(Place {
            start: self.text.len() as u32,
            // No longer than the table.
            name: entry.name.len() as u16,
            value: entry.value.len() as u16,
            known: entry.known,
            good: entry.good,
        });
        self.text.extend_from_slice(entry.name);
        self.text.extend_from_slice(entry.value);
        self.size += size;
    }

    /// Changes the size that its entries may have. No more than [`TABLE_BYTES`].
    pub(super) fn resize(&mut self, most: usize) {
        self.most = most;
        self.evict(most);
    }

    fn evict(&mut self, most: usize) {
        while self.size > most {
            let Some(place) = self.places.pop_front() else {
                break;
            };
            self.size -= place.length() + OVERHEAD;
        }
        if self.places.is_empty() {
            self.text.clear();
        }
    }

    /// Moves the texts to the front where those gone take a third of what there may be.
    fn make_room(&mut self, length: usize) {
        if self.text.len() + length <= TABLE_BYTES * 3 / 2 {
            return;
        }
        let gone = self.places.front().map_or(0, |p| p.start);
        self.text.drain(..gone as usize);
        for place in &mut self.places {
            place.start -= gone;
        }
    }

    /// Gives back what the entries do not take.
    pub(super) fn rest(&mut self) {
        let gone = self.places.front().map_or(0, |p| p.start);
        if gone > 0 {
            self.text.drain(..gone as usize);
            for place in &mut self.places {
                place.start -= gone;
            }
        }
        self.text.shrink_to_fit();
        self.places.shrink_to_fit();
    }

    /// How many bytes it holds on the heap.
    pub(super) fn held(&self) -> usize {
        self.text.capacity() + self.places.capacity() * size_of::<Place>()
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.places.len()
    }
}
