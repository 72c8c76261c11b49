//! Catalogs: an edited document decides and refuses as the same document in files does.

mod edits;
mod ids;
mod refusals;
mod sequences;
