//! Loops compiled for the processor at hand.

/// Runs `f` compiled for the widest vectors that this processor has: programs are built for the oldest one of its kind.
///
/// The compiler makes the vectors, of loops that are inlined into `f`: whatever `f` calls has to be.
#[inline(always)]
pub(super) fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
