//! A lease file in memory, whose writes other threads can come in between of, and a sink that keeps what it is
//! shown.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use engine::lease::csv::Ink;
use engine::lease::{Change, ChangeKind, ChangeSink, ClientId, HwAddress, Lease4, LeaseState};
use engine::sync::{Mutex, yield_now};

/// The file.
#[derive(Clone, Default)]
pub(crate) struct Paper(Arc<Mutex<Sheet>>);

#[derive(Default)]
struct Sheet {
    bytes: Vec<u8>,
    failing: usize,
    /// How many bytes survive a loss of power.
    synced: usize,
    failing_syncs: usize,
}

impl Paper {
    /// A file whose first `failing` writes stop in the middle.
    pub(crate) fn failing(failing: usize) -> Self {
        Self(Arc::new(Mutex::new(Sheet { failing, ..Sheet::default() })))
    }

    /// A file whose first `failing_syncs` syncs fail.
    pub(crate) fn failing_to_sync(failing_syncs: usize) -> Self {
        Self(Arc::new(Mutex::new(Sheet { failing_syncs, ..Sheet::default() })))
    }

    /// How many whole rows would be left after a loss of power now.
    pub(crate) fn rows_on_disk(&self) -> usize {
        let sheet = self.0.lock();
        sheet.bytes[..sheet.synced].iter().filter(|byte| **byte == b'\n').count()
    }

    /// What is in it.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().bytes.clone()).expect("rows are text")
    }

    /// The addresses of its rows; all of them must be whole.
    pub(crate) fn addresses(&self) -> Vec<Ipv4Addr> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with('\n'), "a torn row: {text}");
        self.rows_so_far()
    }

    /// The addresses of its whole rows, while somebody may be writing.
    pub(crate) fn rows_so_far(&self) -> Vec<Ipv4Addr> {
        let text = self.text();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let first = |row: &str| row.split(',').next().and_then(|field| field.parse().ok());
        whole.lines().map(|row| first(row).expect("rows begin with an address")).collect()
    }
}

impl Ink for Paper {
    fn append(&self, rows: &[u8]) -> io::Result<()> {
        let (first, second) = rows.split_at(rows.len() / 2);
        self.0.lock().bytes.extend_from_slice(first);
        yield_now();
        let mut sheet = self.0.lock();
        if sheet.failing > 0 {
            sheet.failing -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        sheet.bytes.extend_from_slice(second);
        Ok(())
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).expect("a small file");
        let mut sheet = self.0.lock();
        sheet.bytes.truncate(len);
        sheet.synced = sheet.synced.min(len);
        Ok(())
    }

    /// Only what was there when it began is sure to be there after a loss of power.
    fn sync(&self) -> io::Result<()> {
        let length = self.0.lock().bytes.len();
        yield_now();
        let mut sheet = self.0.lock();
        if sheet.failing_syncs > 0 {
            sheet.failing_syncs -= 1;
            return Err(io::Error::other("the disk is broken"));
        }
        sheet.synced = length.min(sheet.bytes.len());
        Ok(())
    }
}

/// A change that was shown.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) number: u64,
    pub(crate) kind: ChangeKind,
    pub(crate) lease: Lease4,
}

/// Keeps every change, in the order in which it is shown them.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Told>>);

impl Recorder {
    pub(crate) fn told(&self) -> Vec<Told> {
        self.0.lock().clone()
    }
}

impl ChangeSink for Recorder {
    fn record(&self, change: &Change<'_>) {
        let told = Told { number: change.number.0, kind: change.kind, lease: change.lease.clone() };
        self.0.lock().push(told);
    }
}

pub(crate) fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

/// A lease of `client` in subnet 1, given at second 1000 for 100 seconds.
pub(crate) fn lease(client: u8, last: u8) -> Lease4 {
    Lease4 {
        address: address(last),
        hw_address: HwAddress::new(&[2, 0, 0, 0, 0, client]).expect("6 bytes"),
        client_id: ClientId::new(&[1, client]),
        valid_lifetime_s: 100,
        cltt_s: 1000,
        subnet_id: 1,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: "".into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}
