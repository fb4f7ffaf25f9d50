use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Memory for messages, cut from blocks: a message costs no allocation of its own, and a block
/// that nobody holds anything of is used again before another is allocated.
#[derive(Debug)]
pub(super) struct Blocks {
    /// The size of a block, at most.
    most: usize,
    /// The size of the next block: small blocks first, so that a connection which sends little
    /// holds little.
    size: usize,
    /// What is left of the block under way.
    free: BytesMut,
    /// A handle on each block that was cut up, oldest first.
    spent: VecDeque<BytesMut>,
}

const LEAST: usize = 16 << 10;

/// Blocks that are kept while nobody holds anything of them: media is let go of in whole segments,
/// and comes by the message.
const SPARE: usize = 16;

/// Blocks that are remembered. Those beyond are freed by whoever drops the last piece of them.
const REMEMBERED: usize = 1024;

/// Spent blocks that are looked at, from the oldest on, when a block is wanted: where the first is
/// still held, that may be for one last piece.
const LOOKED_AT: usize = 4;

impl Blocks {
    /// Blocks of at most `most` bytes; 0 for none at all.
    pub(super) fn new(most: usize) -> Self {
        Self { most, size: LEAST.min(most), free: BytesMut::new(), spent: VecDeque::new() }
    }

    /// Whether something of `size` bytes is cut from a block: not where there would be little left
    /// of it.
    pub(super) fn fits(&self, size: usize) -> bool {
        size <= self.most / 2
    }

    /// An empty buffer with room for `size` bytes, of which [`fits`](Self::fits) is true.
    pub(super) fn cut(&mut self, size: usize) -> BytesMut {
        if size > self.free.capacity() {
            self.renew(size);
        }
        let rest = self.free.split_off(size);
        std::mem::replace(&mut self.free, rest)
    }

    /// A copy of `bytes`.
    pub(super) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if !self.fits(bytes.len()) {
            return Bytes::copy_from_slice(bytes);
        }
        let mut copy = self.cut(bytes.len());
        copy.extend_from_slice(bytes);
        copy.freeze()
    }

    /// Bytes set aside for messages to come.
    pub(super) fn held(&self) -> usize {
        self.free.capacity()
    }

    fn renew(&mut self, size: usize) {
        let wanted = self.size.max(2 * size).min(self.most);
        self.size = (self.size * 2).min(self.most);
        self.free = BytesMut::new();
        while self.spent.get_mut(SPARE).is_some_and(is_free) {
            self.spent.pop_front();
        }
        let mut block = self.spare(wanted).unwrap_or_else(|| BytesMut::with_capacity(wanted));
        self.spent.push_back(block.split_to(0));
        if self.spent.len() > REMEMBERED {
            self.spent.pop_front();
        }
        self.free = block;
    }

    /// A block of `size` bytes of which nobody holds anything any more.
    fn spare(&mut self, size: usize) -> Option<BytesMut> {
        let free = self.spent.iter_mut().take(LOOKED_AT).position(is_free)?;
        // Those before it are older, and somebody means to keep them.
        self.spent.drain(..free);
        let mut block = self.spent.pop_front()?;
        // The first blocks were smaller.
        block.try_reclaim(size).then_some(block)
    }
}

/// Whether nobody holds anything of a spent block.
fn is_free(block: &mut BytesMut) -> bool {
    block.try_reclaim(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 64 << 10;

    fn filled(blocks: &mut Blocks, byte: u8, size: usize) -> Bytes {
        blocks.copy(&vec![byte; size])
    }

    #[test]
    fn pieces_keep_what_was_written_into_them() {
        let mut blocks = Blocks::new(BLOCK);
        let pieces: Vec<_> =
            (0..200).map(|n| filled(&mut blocks, n, 1 + usize::from(n) * 90)).collect();
        for (n, piece) in (0..).zip(&pieces) {
            assert_eq!(piece.len(), 1 + usize::from(n) * 90);
            assert!(piece.iter().all(|byte| *byte == n));
        }
    }

    #[test]
    fn a_block_that_nobody_holds_is_used_again() {
        let mut blocks = Blocks::new(BLOCK);
        let mut seen = std::collections::HashSet::new();
        let mut window = VecDeque::new();
        for n in 0..2000_u32 {
            let piece = filled(&mut blocks, n as u8, 10_000);
            seen.insert(piece.as_ptr() as usize);
            window.push_back(piece);
            // Let go of in heaps, as segments are.
            if window.len() > 60 {
                window.drain(..30);
            }
        }
        // Sixty pieces are ten blocks of six; one is half let go of, one under way, and the first
        // were smaller.
        assert!(seen.len() <= 15 * 6, "{} places", seen.len());
    }

    #[test]
    fn one_piece_kept_for_long_keeps_its_block_and_no_other() {
        let mut blocks = Blocks::new(BLOCK);
        let kept = filled(&mut blocks, 1, 10);
        for n in 0..500_u32 {
            filled(&mut blocks, n as u8, 10_000);
        }
        assert!(kept.iter().all(|byte| *byte == 1));
        assert!(blocks.spent.len() <= LOOKED_AT, "{} blocks", blocks.spent.len());
    }

    #[test]
    fn what_is_spare_after_a_crowd_has_left_is_given_back() {
        let mut blocks = Blocks::new(BLOCK);
        let crowd: Vec<_> = (0..600).map(|_| filled(&mut blocks, 1, 10_000)).collect();
        assert!(blocks.spent.len() > 90);
        drop(crowd);
        for _ in 0..6 {
            filled(&mut blocks, 1, 10_000);
        }
        assert!(blocks.spent.len() <= SPARE + 1, "{} blocks", blocks.spent.len());
    }

    #[test]
    fn large_messages_and_no_blocks_at_all() {
        let mut blocks = Blocks::new(BLOCK);
        assert!(blocks.fits(BLOCK / 2) && !blocks.fits(BLOCK / 2 + 1));
        assert_eq!(filled(&mut blocks, 3, BLOCK).len(), BLOCK);
        assert_eq!(blocks.held(), 0);
        let mut none = Blocks::new(0);
        assert!(!none.fits(1));
        assert_eq!(filled(&mut none, 3, 1), [3][..]);
    }
}
