//! Blocks to fields.

use super::super::fields::{Fields, Kind};
use super::super::limits::{LIST_BYTES, LIST_FIELDS, TABLE_BYTES, TABLE_CHANGES};
use super::table::{Entry, Table};
use super::{Damage, Known, huffman};

/// What a connection remembers of the blocks that came.
#[derive(Debug, Default)]
pub(in crate::proxy::http2) struct Decoder {
    table: Table,
}

impl Decoder {
    /// Reads a whole block into `fields`, which judge what they get; the table is kept whatever they say.
    pub(in crate::proxy::http2) fn decode(
        &mut self,
        block: &[u8],
        fields: &mut Fields,
    ) -> Result<(), Damage> {
        let mut input = Input { rest: block };
        let mut changes = 0;
        let mut begun = false;
        while let Some(first) = input.rest.first().copied() {
            if first & 0xe0 == 0x20 {
                let size = input.integer(5)?;
                changes += 1;
                if begun || changes > TABLE_CHANGES || size > TABLE_BYTES {
                    return Err(Damage::TableSize);
                }
                self.table.resize(size);
                continue;
            }
            begun = true;
            match first {
                0x80.. => {
                    let entry = self.table.entry(input.integer(7)?);
                    fields.add(entry.ok_or(Damage::Index)?);
                }
                0x40.. => self.literal(&mut input, 6, fields)?,
                _ => self.literal(&mut input, 4, fields)?,
            }
        }
        Ok(())
    }

    fn literal(
        &mut self,
        input: &mut Input<'_>,
        prefix: u32,
        fields: &mut Fields,
    ) -> Result<(), Damage> {
        let text = &mut fields.text;
        let start = text.len();
        let known = match input.integer(prefix)? {
            0 => {
                input.string(text)?;
                Known::of(&text[start..])
            }
            index => {
                let entry = self.table.entry(index).ok_or(Damage::Index)?;
                text.extend_from_slice(entry.name);
                entry.known
            }
        };
        let middle = text.len();
        input.string(text)?;
        let good = fields.octets_good(known, start, middle);
        if prefix == 6 {
            let (name, value) = fields.text[start..].split_at(middle - start);
            self.table.insert(Entry {
                known,
                name,
                value,
                good,
            });
        }
        fields.accept(known, start, middle, good);
        Ok(())
    }

    /// Reads a block as trailers; whether it is one. For what must hold of any.
    pub(in crate::proxy::http2) fn trailers(&mut self, block: &[u8], fields: &mut Fields) -> bool {
        fields.begin(Kind::Trailers, (LIST_BYTES, LIST_FIELDS));
        self.decode(block, fields).is_ok()
    }

    /// Gives back what the entries do not take.
    pub(in crate::proxy::http2) fn rest(&mut self) {
        self.table.rest();
    }

    /// How many bytes it holds on the heap.
    pub(in crate::proxy::http2) fn held(&self) -> usize {
        self.table.held()
    }

    #[cfg(test)]
    pub(super) fn table(&mut self) -> &mut Table {
        &mut self.table
    }
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, Damage> {
        let (byte, rest) = self.rest.split_first().ok_or(Damage::Short)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// RFC 7541 §5.1. No number that is of use has more than four bytes behind its first.
    fn integer(&mut self, prefix: u32) -> Result<usize, Damage> {
        let most = (1 << prefix) - 1;
        let mut value = usize::from(self.byte()?) & most;
        if value < most {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damage::Integer)
    }

    /// RFC 7541 §5.2.
    fn string(&mut self, text: &mut Vec<u8>) -> Result<(), Damage> {
        let coded = self.rest.first().is_some_and(|b| b & 0x80 != 0);
        let length = self.integer(7)?;
        let (string, rest) = self.rest.split_at_checked(length).ok_or(Damage::Short)?;
        self.rest = rest;
        if coded {
            huffman::decode(string, text)
        } else {
            text.extend_from_slice(string);
            Ok(())
        }
    }
}
