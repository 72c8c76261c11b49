//! Redaction of text before it is printed: masks secrets by their shape, and escapes control characters and invisible
//! ones, and writes an error with its causes. Pure: text in, text out.
//!
//! A mask has as many bytes as the secret. Offsets into a text, and carets below it, stay valid.

mod control;
mod credential;
mod error_chain;
mod host;
mod mask;
mod name;
mod scan;
mod shape;
mod text_format;

pub use control::{escaped, escaped_json};
pub use credential::looks_random;
pub use error_chain::error_chain;
pub use host::{masked_hosts, user_info, user_infos};
pub use mask::{blank, mask_bytes, mask_within, masked, masked_json};
pub use name::is_secret_name;
pub use shape::TOKEN_PREFIX;
pub use text_format::TextFormat;
