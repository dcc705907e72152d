//! Options inside the data of another one: code, length, data, one after the other. Pure.

/// The options in `data`; what comes after one that reaches beyond the end is not looked at.
pub fn sub_options(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (code, after) = rest.split_first()?;
        let (len, after) = after.split_first()?;
        let (data, later) = after.split_at_checked(usize::from(*len))?;
        rest = later;
        Some((*code, data))
    })
}
