//! What each server has in its books, compared with the other's and with what the clients hold.
//! Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use perf::fleet::Fleet;
use serde_json::Value;

/// A lease as a server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    hw_address: String,
    state: u64,
    cltt: u64,
    valid_lft: u64,
}

/// A server's leases by address.
pub(super) type Book = BTreeMap<Ipv4Addr, Entry>;

/// What a comparison found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Leases that both know, alike or not.
    pub(super) both: usize,
    /// Leases that only one knows.
    pub(super) only_one: usize,
    /// Leases that both know, of which they tell different things.
    pub(super) different: usize,
    /// Leases that a client was promised and a server does not know as that client's.
    pub(super) forgotten: usize,
}

impl Comparison {
    /// Whether both servers know the same, and all that was promised.
    pub(super) fn holds(&self) -> bool {
        self.only_one + self.different + self.forgotten == 0
    }
}

/// Reads the leases of one page into a book; says the last address, from which the next page goes
/// on.
///
/// # Errors
/// The lease that is none.
pub(super) fn enter(book: &mut Book, page: &Value) -> Result<Option<Ipv4Addr>, String> {
    let mut last = None;
    for lease in page["leases"].as_array().into_iter().flatten() {
        let (address, entry) =
            read(lease).ok_or_else(|| format!("a lease expected, {lease} found"))?;
        book.insert(address, entry);
        last = Some(address);
    }
    Ok(last)
}

/// Compares two servers' books, and both with what the clients hold.
pub(super) fn compare(books: &[Book; 2], fleet: &Fleet) -> Comparison {
    let [first, second] = books;
    let mut found = Comparison::default();
    for (address, entry) in first {
        match second.get(address) {
            None => found.only_one += 1,
            Some(other) => {
                found.both += 1;
                found.different += usize::from(other != entry);
            }
        }
    }
    found.only_one += second.keys().filter(|address| !first.contains_key(address)).count();
    found.forgotten = fleet
        .leases()
        .filter(|(client, lease)| {
            let mac = fleet.mac(*client).map(|octet| format!("{octet:02x}")).join(":");
            books.iter().any(|book| !knows(book, lease.address, &mac))
        })
        .count();
    found
}

fn knows(book: &Book, address: Ipv4Addr, mac: &str) -> bool {
    book.get(&address).is_some_and(|entry| entry.hw_address == mac && entry.state == 0)
}

fn read(lease: &Value) -> Option<(Ipv4Addr, Entry)> {
    let address = lease["ip-address"].as_str()?.parse().ok()?;
    let entry = Entry {
        hw_address: lease["hw-address"].as_str()?.to_ascii_lowercase(),
        state: lease["state"].as_u64()?,
        cltt: lease["cltt"].as_u64()?,
        valid_lft: lease["valid-lft"].as_u64()?,
    };
    Some((address, entry))
}

#[cfg(test)]
mod tests {
    use perf::fleet::{BASE_MAC, Lease};
    use serde_json::json;

    use super::*;

    const FIRST: &str = "00:0c:01:02:03:04";

    fn page(leases: &[(&str, &str, u64)]) -> Value {
        let lease = |(address, mac, cltt): &(&str, &str, u64)| {
            let mut lease = json!({"ip-address": address, "hw-address": mac, "state": 0});
            lease["cltt"] = json!(cltt);
            lease["valid-lft"] = json!(60);
            lease
        };
        json!({"count": leases.len(), "leases": leases.iter().map(lease).collect::<Vec<_>>()})
    }

    fn book(leases: &[(&str, &str, u64)]) -> Book {
        let mut book = Book::new();
        enter(&mut book, &page(leases)).unwrap();
        book
    }

    fn fleet(address: [u8; 4]) -> Fleet {
        let mut fleet = Fleet::new(BASE_MAC, 1);
        fleet.grant(0, Lease { address: address.into(), server: Ipv4Addr::LOCALHOST });
        fleet
    }

    #[test]
    fn equal_books_hold() {
        let one = book(&[("10.0.0.1", FIRST, 5), ("10.0.0.2", "02:00:00:00:00:01", 6)]);
        let found = compare(&[one.clone(), one], &fleet([10, 0, 0, 1]));
        assert!(found.holds());
        assert_eq!(found.both, 2);
    }

    #[test]
    fn a_lease_that_only_one_knows_is_found_on_either_side() {
        let (one, none) = (book(&[("10.0.0.1", FIRST, 5)]), Book::new());
        for books in [[one.clone(), none.clone()], [none, one]] {
            let found = compare(&books, &fleet([10, 0, 0, 1]));
            assert_eq!((found.only_one, found.forgotten, found.holds()), (1, 1, false));
        }
    }

    #[test]
    fn leases_that_differ_are_found() {
        let books = [book(&[("10.0.0.1", FIRST, 5)]), book(&[("10.0.0.1", FIRST, 6)])];
        let found = compare(&books, &fleet([10, 0, 0, 1]));
        assert_eq!((found.both, found.different, found.forgotten), (1, 1, 0));
        assert!(!found.holds());
    }

    #[test]
    fn a_promise_that_no_book_keeps_is_found() {
        let one = book(&[("10.0.0.1", "02:00:00:00:00:01", 5)]);
        let found = compare(&[one.clone(), one], &fleet([10, 0, 0, 1]));
        assert_eq!((found.forgotten, found.holds()), (1, false));
    }

    #[test]
    fn pages_go_on_from_the_last_address() {
        let mut book = Book::new();
        let pages = page(&[("10.0.0.1", FIRST, 5), ("10.0.0.9", FIRST, 5)]);
        assert_eq!(enter(&mut book, &pages).unwrap(), Some(Ipv4Addr::new(10, 0, 0, 9)));
        assert_eq!(enter(&mut book, &page(&[])).unwrap(), None);
        assert!(enter(&mut book, &json!({"leases": [{"ip-address": "x"}]})).is_err());
    }
}
