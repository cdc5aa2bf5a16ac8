//! LZO1X: unpacking one block.
//!
//! A block is a row of instructions. Each copies bytes from what was unpacked before (a match), then a few bytes from
//! the block itself (literals); how many literals came last decides what the smallest instructions mean.

/// Literals that the instruction before copied, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// None.
    Nothing,
    /// One to three, behind a match.
    Few,
    /// A run of them.
    Run,
}

struct Block<'a> {
    packed: &'a [u8],
    at: usize,
}

impl Block<'_> {
    fn byte(&mut self) -> Option<usize> {
        let byte = *self.packed.get(self.at)?;
        self.at += 1;
        Some(usize::from(byte))
    }

    /// Two bytes, the smaller one first.
    fn pair(&mut self) -> Option<usize> {
        Some(self.byte()? | self.byte()? << 8)
    }

    /// A length: itself unless it is zero; else `most` and what the following bytes add, of which only the last is not
    /// zero.
    fn length(&mut self, short: usize, most: usize) -> Option<usize> {
        if short != 0 {
            return Some(short);
        }
        let mut length = most;
        loop {
            match self.byte()? {
                0 => length = length.checked_add(255)?,
                last => return length.checked_add(last),
            }
        }
    }
}

/// Where unpacked bytes go.
struct Out<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Out<'_> {
    fn literals(&mut self, block: &mut Block<'_>, count: usize) -> Option<()> {
        let end = block.at.checked_add(count)?;
        let from = block.packed.get(block.at..end)?;
        self.bytes.get_mut(self.len..self.len.checked_add(count)?)?.copy_from_slice(from);
        block.at = end;
        self.len += count;
        Some(())
    }

    /// Copies from `distance` bytes back; the copy may reach into itself.
    fn repeat(&mut self, distance: usize, count: usize) -> Option<()> {
        let from = self.len.checked_sub(distance)?;
        let end = self.len.checked_add(count)?;
        if end > self.bytes.len() {
            return None;
        }
        for index in 0..count {
            self.bytes[self.len + index] = self.bytes[from + index];
        }
        self.len = end;
        Some(())
    }
}

/// Unpacks a block, and says how many bytes that gave; none when the block is broken or does not fit.
pub(super) fn decompress(packed: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut block = Block { packed, at: 0 };
    let mut out = Out { bytes: out, len: 0 };
    let mut before = Before::Nothing;
    // Literals to begin with.
    if let first @ 18.. = usize::from(*packed.first()?) {
        block.at = 1;
        out.literals(&mut block, first - 17)?;
        before = if first - 17 < 4 { Before::Few } else { Before::Run };
    }
    loop {
        let code = block.byte()?;
        let (distance, length, literals) = match code {
            0..16 if before == Before::Nothing => {
                let length = block.length(code, 15)?.checked_add(3)?;
                out.literals(&mut block, length)?;
                before = Before::Run;
                continue;
            }
            0..16 => {
                let distance = block.byte()? << 2 | code >> 2;
                let (least, length) = if before == Before::Few { (1, 2) } else { (2049, 3) };
                (distance + least, length, code & 3)
            }
            16..32 => {
                let length = block.length(code & 7, 7)?.checked_add(2)?;
                let pair = block.pair()?;
                let distance = 16384 + ((code & 8) << 11) + (pair >> 2);
                if distance == 16384 {
                    return Some(out.len);
                }
                (distance, length, pair & 3)
            }
            32..64 => {
                let length = block.length(code & 31, 31)?.checked_add(2)?;
                let pair = block.pair()?;
                ((pair >> 2) + 1, length, pair & 3)
            }
            64..128 => ((block.byte()? << 3 | (code >> 2) & 7) + 1, 3 + ((code >> 5) & 1), code & 3),
            _ => ((block.byte()? << 3 | (code >> 2) & 7) + 1, 5 + ((code >> 5) & 3), code & 3),
        };
        out.repeat(distance, length)?;
        out.literals(&mut block, literals)?;
        before = if literals == 0 { Before::Nothing } else { Before::Few };
    }
}
