//! Numbers in the headers of an executable, read and written in place.

/// Reads and writes that say `None` where the file has no such bytes.
pub(super) trait Fields {
    fn half(&self, at: usize) -> Option<u16>;
    fn word(&self, at: usize) -> Option<u32>;
    fn long(&self, at: usize) -> Option<u64>;
    fn put(&mut self, at: usize, bytes: &[u8]) -> Option<()>;
}

impl Fields for [u8] {
    fn half(&self, at: usize) -> Option<u16> {
        self.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn word(&self, at: usize) -> Option<u32> {
        self.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn long(&self, at: usize) -> Option<u64> {
        self.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        self.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
        Some(())
    }
}
