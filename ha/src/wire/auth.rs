//! HTTP basic authentication (RFC 7617): what we present to a peer, and what peers must present to us. Pure.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A user and password in the form of the `Authorization` header. Its `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    encoded: String,
}

impl Credentials {
    /// The credentials of `user`; none if the user is empty, which means no authentication.
    pub fn new(user: &str, password: &str) -> Option<Self> {
        let plain = format!("{user}:{password}");
        (!user.is_empty()).then(|| Self { encoded: base64(plain.as_bytes()) })
    }

    /// The value of the `Authorization` header.
    pub fn header(&self) -> String {
        format!("Basic {}", self.encoded)
    }

    /// Whether the header `presented` carries these credentials. The scheme's case does not matter; the time
    /// taken does not tell how much of the secret was right.
    pub fn accepts(&self, presented: &str) -> bool {
        let Some((scheme, value)) = presented.split_once(' ') else {
            return false;
        };
        let value = value.trim().as_bytes();
        let same_length = value.len() == self.encoded.len();
        let differing = self.encoded.bytes().zip(value).fold(0, |acc, (ours, b)| acc | (ours ^ b));
        scheme.eq_ignore_ascii_case("basic") && same_length && differing == 0
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(..)")
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn only_the_right_credentials_are_accepted() {
        let own = Credentials::new("u2", "p2").unwrap();
        assert_eq!(own.header(), "Basic dTI6cDI=");
        assert!(own.accepts("Basic dTI6cDI=") && own.accepts("basic dTI6cDI="));
        for wrong in ["", "Basic", "Basic ", "Basic dTE6eA==", "Bearer dTI6cDI=", "Basic dTI6cDI"] {
            assert!(!own.accepts(wrong), "{wrong}");
        }
        assert_eq!(Credentials::new("", "x"), None);
        assert!(!format!("{own:?}").contains("dTI"));
    }
}
