//! The cryptography behind jsonwebtoken: aws-lc, chosen once for the process.

/// Makes aws-lc the cryptography of this process, unless one was chosen before. Calling it again does nothing.
///
/// Every constructor of keys calls it, so a program need not; a binary that does so first thing can't be
/// surprised by a dependency that turns on another backend.
pub fn install_crypto_provider() {
    // An error only says that a provider is installed already, which is what is asked for.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
