//! The cryptography behind jsonwebtoken: aws-lc, chosen once for the process.

/// Installs aws-lc as the crypto provider of this process, unless one is installed. Further calls do nothing.
///
/// Every constructor of keys calls it. A binary should call it first, so that no dependency installs another
/// provider before.
pub fn install_crypto_provider() {
    // An error means that a provider is installed already.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
