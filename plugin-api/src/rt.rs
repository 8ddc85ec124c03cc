//! What a component needs on `wasm32-unknown-unknown`, where nothing else brings it: an allocator made for calls that begin with a fresh
//! instance and end with its removal, and a panic hook that says what happened before the trap makes it unsayable.
//!
//! Unsafe code lives here and nowhere else in the crate.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr;

/// Bytes at hand without growing the memory. Enough for a usual call, and no more: the host writes all of the memory anew after each call, which also
/// drives what others need out of the processor's caches. With stack and data it is two pages.
const HEAP: usize = 24 * 1024;
const PAGE: usize = 64 * 1024;

#[repr(align(16))]
struct Heap(UnsafeCell<[u8; HEAP]>);

/// Gives out memory from front to back and takes back only the last block. An instance lives for one call, so what is not taken
/// back goes with it; growing the last block (a string or vector being built, the usual case) happens in place.
///
/// Beginning in memory that the module has already, it spares each fresh instance the `memory.grow` with which the standard
/// allocator begins (about 6 µs per call when measured).
pub struct Bump {
    heap: Heap,
    /// Address of the next free byte; 0 before the first allocation.
    next: Cell<usize>,
    /// Address after the last usable byte.
    end: Cell<usize>,
    /// By how many pages the memory has grown.
    grown: Cell<usize>,
}

// SAFETY: only used on wasm32 without threads, where there is one thread of execution.
unsafe impl Sync for Bump {}

impl Bump {
    pub const fn new() -> Self {
        Self {
            heap: Heap(UnsafeCell::new([0; HEAP])),
            next: Cell::new(0),
            end: Cell::new(0),
            grown: Cell::new(0),
        }
    }

    /// Reserves `size` bytes at `align`; `None` when the memory cannot grow.
    fn reserve(&self, size: usize, align: usize) -> Option<usize> {
        if self.next.get() == 0 {
            let start = self.heap.0.get() as usize;
            self.next.set(start);
            self.end.set(start + HEAP);
        }
        loop {
            let start = self.next.get().checked_add(align - 1)? & !(align - 1);
            let end = start.checked_add(size)?;
            if end <= self.end.get() {
                self.next.set(end);
                return Some(start);
            }
            self.grow(size.checked_add(align)?)?;
        }
    }

    /// Adds at least `bytes` of new memory: behind the present end where that is where it is, else in its place. Twice as much each time, since each
    /// growth is a trip to the host.
    fn grow(&self, bytes: usize) -> Option<()> {
        let pages = bytes.div_ceil(PAGE).max(self.grown.get()).max(1);
        let start = memory_grow(pages)? * PAGE;
        self.grown.set(self.grown.get() + pages);
        if start != self.end.get() {
            self.next.set(start);
        }
        self.end.set(start + pages * PAGE);
        Some(())
    }

    fn is_last(&self, block: *mut u8, size: usize) -> bool {
        block as usize + size == self.next.get()
    }
}

impl Default for Bump {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: blocks come from the static heap or from pages that the memory grew by, each given out once: `next` only moves back over
// the last block, when that is freed or shrunk.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.reserve(layout.size(), layout.align()) {
            Some(address) => address as *mut u8,
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.is_last(block, layout.size()) {
            self.next.set(block as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if self.is_last(block, layout.size()) {
            let end = (block as usize).checked_add(new_size);
            if end.is_some_and(|end| end <= self.end.get()) {
                self.next.set(block as usize + new_size);
                return block;
            }
        } else if new_size <= layout.size() {
            return block;
        }
        match self.reserve(new_size, layout.align()) {
            Some(address) => {
                let moved = address as *mut u8;
                // SAFETY: the new block is apart from the old one and at least as long as what is copied.
                unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size)) };
                moved
            }
            None => ptr::null_mut(),
        }
    }
}

/// Grows the memory by `pages`; the number of pages before, or `None` where the host refuses.
#[cfg(target_arch = "wasm32")]
fn memory_grow(pages: usize) -> Option<usize> {
    match core::arch::wasm32::memory_grow::<0>(pages) {
        usize::MAX => None,
        before => Some(before),
    }
}

/// A native build has no memory to grow: the allocator is only tested there, within its first heap.
#[cfg(not(target_arch = "wasm32"))]
fn memory_grow(_pages: usize) -> Option<usize> {
    None
}

/// Begins a call: from here on a panic is logged with its place before it traps. Without WASI a panic would be a mute
/// `unreachable`.
pub fn enter() {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    std::panic::set_hook(Box::new(|panic| {
        crate::log::error(&panic.to_string());
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    // A static of its own for each test: on the way into a box the heap would pass over the test's stack.
    const WORD: Layout = Layout::new::<u64>();

    #[test]
    fn blocks_are_aligned_and_do_not_overlap() {
        static BUMP: Bump = Bump::new();
        let bump = &BUMP;
        // SAFETY: layouts are not empty, and blocks are not used after being freed.
        unsafe {
            let byte = bump.alloc(Layout::new::<u8>());
            let word = bump.alloc(WORD);
            assert_eq!(word as usize % 8, 0);
            assert!(word as usize > byte as usize);
            byte.write(7);
            word.cast::<u64>().write(u64::MAX);
            assert_eq!(byte.read(), 7);
        }
    }

    #[test]
    fn the_last_block_grows_and_shrinks_in_place_and_is_taken_back() {
        static BUMP: Bump = Bump::new();
        let bump = &BUMP;
        // SAFETY: as above.
        unsafe {
            let block = bump.alloc(WORD);
            assert_eq!(bump.realloc(block, WORD, 4096), block);
            let long = Layout::from_size_align(4096, 8).unwrap();
            assert_eq!(bump.realloc(block, long, 8), block);
            bump.dealloc(block, WORD);
            assert_eq!(bump.alloc(WORD), block);
        }
    }

    #[test]
    fn a_block_that_is_not_the_last_moves_with_its_bytes() {
        static BUMP: Bump = Bump::new();
        let bump = &BUMP;
        // SAFETY: as above.
        unsafe {
            let first = bump.alloc(WORD);
            first.cast::<u64>().write(0x0123_4567_89ab_cdef);
            let last = bump.alloc(WORD);
            let moved = bump.realloc(first, WORD, 16);
            assert!(moved > last);
            assert_eq!(moved.cast::<u64>().read(), 0x0123_4567_89ab_cdef);
        }
    }

    #[test]
    fn when_the_memory_cannot_grow_there_is_no_block() {
        static BUMP: Bump = Bump::new();
        let bump = &BUMP;
        // SAFETY: as above.
        unsafe {
            let whole = Layout::from_size_align(HEAP, 1).unwrap();
            let block = bump.alloc(whole);
            assert!(!block.is_null());
            assert!(bump.alloc(WORD).is_null());
            assert!(bump.realloc(block, whole, HEAP + 1).is_null());
        }
    }
}
