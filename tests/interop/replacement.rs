//! A pair of Keas becomes a pair of Peregrines, one half after the other, while its clients renew: each half is
//! stopped, and Peregrine starts with the same configuration file on the same lease file.

use std::time::Duration;

use engine::sync::Mutex;

use crate::guests::{Guests, live_while};
use crate::modes::PLAIN;
use crate::pair::Mode;
use crate::site::{Plot, Site, pages, state_of};
use crate::support::net;
use crate::support::server::Kind::{Kea, Peregrine};
use crate::support::server::{PATIENCE, Server};
use crate::support::wait::until;

const CLIENTS: u32 = 200;
const LIFETIME_S: u32 = 24;

/// Waits until everybody has been acknowledged once more, on average, and everybody who is here has an address.
fn all_renew(guests: &Mutex<Guests>) {
    let before = guests.lock().acknowledged;
    until("renewals of all clients", PATIENCE, || {
        let guests = guests.lock();
        let seen = (guests.acknowledged - before, guests.count(), guests.unanswered);
        let (present, held) = guests.count();
        if seen.0 >= 2 * u64::from(CLIENTS) && present == held { Ok(()) } else { Err(seen) }
    });
}

/// Stops the program as an operator does and starts Peregrine in its place.
fn replace(site: &mut Site, place: usize) {
    let server = &mut site.servers[place];
    net::run("kill", &["-TERM", &server.pid().to_string()]);
    server.wait_for_end();
    server.kind = Peregrine;
    site.start_again(place);
    until("normal operation", 2 * PATIENCE, || {
        let states = site.servers.iter().map(state_of).collect::<Vec<_>>();
        let normal = states.iter().all(|state| state == site.plot.mode.name());
        if normal { Ok(()) } else { Err(states) }
    });
}

fn halves_are_replaced(mode: Mode, order: [usize; 2]) {
    if !net::is_possible("servers in network namespaces") {
        return;
    }
    let plot = Plot { mode, kinds: &[Kea, Kea], valid_lifetime_s: LIFETIME_S, ..PLAIN };
    let mut site = Site::start(plot);
    let clients = site.clients.clone();
    let guests = Mutex::new(Guests::new(CLIENTS, Duration::from_secs(LIFETIME_S.into())));
    guests.lock().come(CLIENTS);
    live_while(&guests, &clients, || {
        all_renew(&guests);
        let before = guests.lock().addresses();
        assert_eq!(before.len(), CLIENTS as usize);
        for place in order {
            replace(&mut site, place);
            all_renew(&guests);
        }
        let books = guests.lock();
        assert_eq!(books.addresses(), before, "a client has another address than before");
        let mishaps: Vec<_> = books.mishaps.iter().map(ToString::to_string).collect();
        assert!(mishaps.is_empty(), "{mishaps:#?}");
    });
    let guests = guests.into_inner();
    let promises = guests.promises();
    let missing = |server: &Server| promises.missing(&pages(server));
    // Soon enough for no lease to have ended.
    until("all leases at both", Duration::from_secs(LIFETIME_S.into()) / 4, || {
        let missing: Vec<_> = site.servers.iter().flat_map(missing).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    });
}

#[test]
fn a_load_balancing_pair_secondary_first() {
    halves_are_replaced(Mode::LoadBalancing, [1, 0]);
}

#[test]
fn a_load_balancing_pair_primary_first() {
    halves_are_replaced(Mode::LoadBalancing, [0, 1]);
}

#[test]
fn a_hot_standby_pair_standby_first() {
    halves_are_replaced(Mode::HotStandby, [1, 0]);
}

#[test]
fn a_hot_standby_pair_primary_first() {
    halves_are_replaced(Mode::HotStandby, [0, 1]);
}
