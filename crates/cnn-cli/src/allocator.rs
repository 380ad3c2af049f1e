//! The program's allocator: jemalloc on Linux with glibc, elsewhere the system's. It is that of our code and of the drivers, which
//! find its `malloc` in the program. glibc keeps much of what is free, and its heap grows while blocks of many sizes come and go.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod jemalloc {
    use std::ffi::c_char;
    use std::ptr::null_mut;

    /// Tests have one that counts.
    #[cfg(not(test))]
    #[global_allocator]
    static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

    /// What jemalloc reads when it starts. Blocks that each thread keeps for itself hold the pages around them too, others after
    /// each epoch.
    // SAFETY: jemalloc declares it as a pointer to a text that ends in a zero, or null, and only reads it.
    #[unsafe(export_name = "malloc_conf")]
    #[used]
    pub static OPTIONS: Option<&'static c_char> = Some(
        // SAFETY: a text has a first character.
        unsafe { &*c"tcache:false".as_ptr() },
    );

    /// Gives back all pages that are free, for which it takes up to ten seconds by itself.
    pub fn give_back() {
        // SAFETY: the name ends in a zero, and a command without a value takes null for each of its pointers.
        let failed =
            unsafe { tikv_jemalloc_sys::mallctl(c"arena.4096.purge".as_ptr(), null_mut(), null_mut(), null_mut(), 0) };
        debug_assert_eq!(failed, 0, "jemalloc knows this command, of all its arenas");
    }

    #[cfg(test)]
    #[test]
    fn options_are_taken() {
        let (mut keeps, mut size) = (true, size_of::<bool>());
        // SAFETY: the name ends in a zero, and its value is a bool of that size.
        let failed = unsafe {
            let keeps = (&raw mut keeps).cast();
            tikv_jemalloc_sys::mallctl(c"opt.tcache".as_ptr(), keeps, &raw mut size, null_mut(), 0)
        };
        assert_eq!((failed, keeps), (0, false));
    }
}

/// Gives the system back what is free, so that no process beside this one has to do without it.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    jemalloc::give_back();
}
