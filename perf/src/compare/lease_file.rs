//! Lease files as Kea writes them, of any length. Shell, but for one row.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use super::CompareError;
use crate::clock;

/// Leases of clients that the generator does not play, one after the other from the first address on.
#[derive(Clone, Debug)]
pub(super) struct LeaseFile {
    pub(super) first: Ipv4Addr,
    pub(super) count: u32,
}

const HEADER: &str = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,\
                      user_context";
const LIFETIME_S: u64 = 86_400;

impl LeaseFile {
    /// Writes it.
    pub(super) fn write(&self, file: &Path) -> Result<(), CompareError> {
        let write = || -> io::Result<()> {
            let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
            writeln!(out, "{HEADER}")?;
            let (mut line, expire_s) = (String::new(), clock::wall_s() + LIFETIME_S);
            for number in 0..self.count {
                line.clear();
                row(&mut line, self.first, number, expire_s);
                out.write_all(line.as_bytes())?;
            }
            out.flush()
        };
        write().map_err(CompareError::machine(&file.display()))
    }
}

/// A lease with a client identifier of 7 octets and a host name of 12 letters.
fn row(line: &mut String, first: Ipv4Addr, number: u32, expire_s: u64) {
    let address = Ipv4Addr::from(u32::from(first).wrapping_add(number));
    let [a, b, c, d] = number.to_be_bytes();
    let mac = format!("06:{:02x}:{a:02x}:{b:02x}:{c:02x}:{d:02x}", 0);
    let _ =
        writeln!(line, "{address},{mac},01:{mac},{LIFETIME_S},{expire_s},1,0,0,h{number:011},0,");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_column_for_each_of_the_header() {
        let mut line = String::new();
        row(&mut line, Ipv4Addr::new(10, 0, 0, 1), 258, 1_900_000_000);
        assert_eq!(
            line,
            "10.0.1.3,06:00:00:00:01:02,01:06:00:00:00:01:02,86400,1900000000,1,0,0,h00000000258,0,\n"
        );
        assert_eq!(line.split(',').count(), HEADER.split(',').count());
    }
}
