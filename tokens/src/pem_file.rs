//! Reading the one block that a key's PEM file (RFC 7468) holds.

use pem::Pem;

/// Longest PEM file, in bytes.
pub const MAX_PEM_BYTES: usize = 64 * 1024;

/// Reasons for refusing a PEM file that does not hold exactly one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidPem {
    TooLarge { bytes: usize },
    NotPem,
    SeveralBlocks { count: usize },
}

/// Returns the only block of a PEM file. Text around it is ignored.
pub(crate) fn only_block(bytes: &[u8]) -> Result<Pem, InvalidPem> {
    if bytes.len() > MAX_PEM_BYTES {
        return Err(InvalidPem::TooLarge { bytes: bytes.len() });
    }
    let blocks = pem::parse_many(bytes).map_err(|_| InvalidPem::NotPem)?;
    match <[Pem; 1]>::try_from(blocks) {
        Ok([block]) => Ok(block),
        Err(blocks) if blocks.is_empty() => Err(InvalidPem::NotPem),
        Err(blocks) => Err(InvalidPem::SeveralBlocks { count: blocks.len() }),
    }
}
