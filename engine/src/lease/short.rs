//! Bytes that need no memory of their own as long as they are few. Pure.

/// Most identifiers and names are short.
#[derive(Clone)]
pub(super) enum Bytes {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

/// What fits beside the length where a long one has its pointer.
const SHORT: usize = 22;
const _: () = assert!(size_of::<Option<Bytes>>() == 24);

impl Bytes {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        let place = short.get_mut(..bytes.len());
        match (place, u8::try_from(bytes.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(bytes);
                Self::Short { len, bytes: short }
            }
            _ => Self::Long(bytes.into()),
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}
