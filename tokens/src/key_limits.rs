//! Limits of keys and key sets.

/// Smallest RSA modulus, in bits (RFC 7518 section 3.3).
pub const MIN_RSA_BITS: usize = 2048;
/// Largest RSA modulus, in bits: above it a verification is too slow to be had for free.
pub const MAX_RSA_BITS: usize = 8192;
/// Longest secret, in bytes.
pub const MAX_SECRET_BYTES: usize = 4096;
/// Longest JWKS, in bytes.
pub const MAX_JWKS_BYTES: usize = 512 * 1024;
/// Most keys in a JWKS, used or not.
pub const MAX_JWKS_KEYS: usize = 128;
