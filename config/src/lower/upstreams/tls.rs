//! TLS to an upstream: names and certificates, checked when a document is loaded.

use rules::{UpstreamClientCertificate, UpstreamTls};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::form::Placed;
use crate::lower::gateway::Gateway;
use crate::shape::listener::CertificateFields;
use crate::shape::upstream::UpstreamTlsFields;

impl<'s> Gateway<'_, 's> {
    /// Returns the TLS settings of connections to an upstream.
    pub(super) fn upstream_tls(&mut self, tls: &UpstreamTlsFields<'s>) -> Option<UpstreamTls> {
        let roots = tls
            .ca
            .lower_optional(|file| self.root_certificates(file).map(ders));
        let client = tls
            .client_certificate
            .lower_optional(|client| self.client_certificate(client));
        Some(UpstreamTls {
            sni: tls.sni.value()?.clone(),
            roots: roots?,
            client: client?,
        })
    }

    fn client_certificate(
        &mut self,
        written: &Placed<CertificateFields<'s>>,
    ) -> Option<UpstreamClientCertificate> {
        let pair = self.certificate(written)?;
        let file = written.value.key.written()?;
        let key = self.private_key(file)?;
        let der: Box<[u8]> = key.secret_der().into();
        // The proxy gets the key as bytes and detects its encoding from them, so that this must be possible.
        if PrivateKeyDer::try_from(&*der).is_err() {
            let title = format!("the encoding of the key in `{}` can't be detected", file.value);
            return self.refuse("invalid-certificate", title, file.span, "write it as PKCS #8");
        }
        let chain = pair.key.cert.iter();
        let chain = chain.map(|certificate| Box::from(&**certificate)).collect();
        Some(UpstreamClientCertificate { chain, key: der })
    }
}

fn ders<D: FromIterator<Box<[u8]>>>(certificates: Vec<CertificateDer<'_>>) -> D {
    let ders = certificates.iter();
    ders.map(|certificate| Box::from(&**certificate)).collect()
}
