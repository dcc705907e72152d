//! SHA-256 (FIPS 180-4), by the library that TLS brings. Pure.

use std::fmt::Write;

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

/// The digest of `bytes` as 64 upper-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    // It is the hash of this cipher suite, whose provider is public where the library's own is not.
    let suite = TLS13_AES_128_GCM_SHA256.tls13().expect("it is one of TLS 1.3");
    let digest = suite.common.hash_provider.hash(bytes);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02X}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[test]
    fn the_digests_of_the_standard() {
        for (text, digest) in [
            ("", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"),
            ("abc", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
        ] {
            assert_eq!(sha256(text.as_bytes()), digest);
        }
    }
}
