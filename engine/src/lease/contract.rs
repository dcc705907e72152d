//! What every lease store must do: one battery, run against each of them, the plain reference included, and
//! random histories in which they must agree. Tests only.

mod histories;

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::memory::MemoryStore;
use super::reference::Reference;
use super::*;
use crate::clock::{Mono, Now};
use crate::sync::Mutex;

/// A change, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    number: u64,
    kind: ChangeKind,
    lease: Lease4,
    before: Option<Lease4>,
    origin: Origin,
}

/// Keeps what it is shown, and spares some addresses' leases.
#[derive(Default)]
pub(super) struct Recorder {
    told: Mutex<Vec<Told>>,
    spared: Mutex<Vec<Ipv4Addr>>,
}

impl ChangeSink for Recorder {
    fn record(&self, change: &Change<'_>) {
        self.told.lock().push(Told {
            number: change.number.0,
            kind: change.kind,
            lease: change.lease.clone(),
            before: change.before.cloned(),
            origin: change.origin,
        });
    }

    fn may_clean_up(&self, lease: &Lease4) -> bool {
        !self.spared.lock().contains(&lease.address)
    }
}

impl Recorder {
    fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told.lock())
    }
}

pub(super) struct Subject {
    store: Box<dyn LeaseStore>,
    told: Arc<Recorder>,
}

fn memory() -> Subject {
    let told = Arc::new(Recorder::default());
    Subject { store: Box::new(MemoryStore::new(told.clone())), told }
}

fn reference() -> Subject {
    let told = Arc::new(Recorder::default());
    Subject { store: Box::new(Reference::new(told.clone())), told }
}

/// One test per store for each function of the battery.
macro_rules! battery {
    ($($name:ident)*) => {
        mod on_memory { $(#[test] fn $name() { super::$name(super::memory()); })* }
        mod on_reference { $(#[test] fn $name() { super::$name(super::reference()); })* }
    };
}

battery! {
    a_grant_is_found_by_address_and_by_client
    an_address_has_one_holder
    a_client_has_one_lease_in_its_subnets
    an_expired_lease_is_free_for_others_and_still_its_clients
    a_client_identifier_decides_before_the_hardware_address
    a_live_lease_is_found_before_a_kept_one
    a_released_lease_is_gone
    a_released_lease_that_is_kept_is_its_clients_and_free
    a_version_is_confirmed_until_the_lease_changes
    a_deletion_means_the_version_that_it_names
    a_promise_is_kept_as_long_as_its_lease_goes_on
    an_update_replaces_only_what_it_was_held_against
    a_page_replaces_what_has_not_changed_since
    a_declined_address_is_out_of_use_until_its_probation_ends
    expiry_reclaims_then_deletes_in_slices_by_end
    what_is_spared_holds_up_nothing_behind_it
    the_lease_of_another_server_keeps_its_address_a_minute_longer
    without_hold_time_expiry_deletes_at_once
    an_infinite_lease_never_ends
    a_lease_is_overwritten_as_the_rule_says
    a_lease_of_another_subnet_is_found_there
    pages_are_in_address_order
    a_free_address_is_found_from_the_cursor_on
    when_nothing_is_free_the_lease_that_ended_first_gives_way
    every_change_is_told_with_what_was_before
}

pub(super) fn at(wall_s: u64) -> Now {
    Now { mono: Mono::default(), wall_s }
}

pub(super) fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

fn hw(client: u8) -> HwAddress {
    HwAddress::new(&[2, 0, 0, 0, 0, client]).unwrap()
}

/// A lease of `client` with its client identifier, given at second 1000 for 100 seconds in subnet 1.
fn lease(client: u8, last: u8) -> Lease4 {
    Lease4 {
        address: address(last),
        hw_address: hw(client),
        client_id: ClientId::new(&[1, client]),
        valid_lifetime_s: 100,
        cltt_s: 1000,
        subnet_id: 1,
        fqdn_fwd: true,
        fqdn_rev: true,
        hostname: "host".into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}

fn identity(lease: &Lease4) -> Identity<'_> {
    Identity { client_id: lease.client_id.as_ref(), hw_address: &lease.hw_address }
}

fn grant(store: &dyn LeaseStore, now: u64, lease: &Lease4) -> Result<Granted, GrantRefused> {
    let origin = Origin::Client(None);
    let grant = Grant { lease: lease.clone(), identity: identity(lease), one_of: &[1, 2], origin };
    store.grant(at(now), grant)
}

fn a_grant_is_found_by_address_and_by_client(it: Subject) {
    let lease = lease(1, 10);
    assert!(it.store.is_empty());
    let granted = grant(&*it.store, 1000, &lease).unwrap();
    assert_eq!(granted.before, None);
    let stored = Stored::new(lease.clone(), granted.version, Origin::Client(None));
    assert_eq!(it.store.find(address(10)), Some(stored.clone()));
    assert_eq!(it.store.version(address(10)), Some(granted.version));
    assert_eq!(it.store.find_of(identity(&lease), &[1, 2], at(1000)), Some(stored));
    assert_eq!(it.store.find_of(identity(&lease), &[2], at(1000)), None);
    assert_eq!((it.store.find(address(11)), it.store.version(address(11))), (None, None));
    assert_eq!(it.store.len(), 1);
}

fn an_address_has_one_holder(it: Subject) {
    grant(&*it.store, 1000, &lease(1, 10)).unwrap();
    let refused = grant(&*it.store, 1100, &lease(2, 10)).unwrap_err();
    assert_eq!(refused, GrantRefused::Held(address(10)));
    let mut renewed = lease(1, 10);
    renewed.cltt_s = 1050;
    let granted = grant(&*it.store, 1050, &renewed).unwrap();
    assert_eq!(granted.before, Some(lease(1, 10)));
    assert_eq!(it.store.find(address(10)).unwrap().version, granted.version);
}

fn a_client_has_one_lease_in_its_subnets(it: Subject) {
    let mut elsewhere = lease(1, 30);
    elsewhere.subnet_id = 3;
    it.store.apply(elsewhere.clone(), Overwrite::Always, Origin::Partner);
    let mut second = lease(1, 20);
    second.subnet_id = 2;
    grant(&*it.store, 1000, &second).unwrap();
    let granted = grant(&*it.store, 1000, &lease(1, 10)).unwrap();
    assert_eq!(granted.replaced, [second]);
    assert_eq!(it.store.find(address(20)), None);
    assert_eq!(it.store.find(address(30)).unwrap().lease, elsewhere);
    assert_eq!(it.store.len(), 2);
}

fn an_expired_lease_is_free_for_others_and_still_its_clients(it: Subject) {
    grant(&*it.store, 1000, &lease(1, 10)).unwrap();
    let client = lease(1, 10);
    let found = it.store.find_of(identity(&client), &[1], at(1101)).unwrap();
    assert_eq!(found.lease, client);
    let mut renewed = client.clone();
    renewed.cltt_s = 1101;
    assert!(grant(&*it.store, 1101, &renewed).is_ok());
    assert!(grant(&*it.store, 1201, &lease(2, 10)).is_err());
    assert!(grant(&*it.store, 1202, &lease(2, 10)).is_ok());
    assert_eq!(it.store.find_of(identity(&client), &[1], at(1202)), None);
}

fn a_client_identifier_decides_before_the_hardware_address(it: Subject) {
    let by_id = lease(1, 10);
    let mut other_id = lease(1, 11);
    other_id.client_id = ClientId::new(b"other");
    let mut no_id = lease(1, 12);
    no_id.client_id = None;
    for lease in [&no_id, &other_id, &by_id] {
        it.store.apply(lease.clone(), Overwrite::Always, Origin::Load);
    }
    let find = |identity| it.store.find_of(identity, &[1], at(1000)).map(|it| it.lease.address);
    assert_eq!(find(identity(&by_id)), Some(address(10)));
    assert_eq!(find(identity(&other_id)), Some(address(11)));
    assert_eq!(find(identity(&no_id)), Some(address(10)));
    it.store.delete(address(10), Origin::Administrator).unwrap();
    assert_eq!(find(identity(&by_id)), Some(address(12)));
    assert_eq!(find(identity(&lease(2, 1))), None);
}

fn a_live_lease_is_found_before_a_kept_one(it: Subject) {
    let mut kept = lease(1, 10);
    kept.state = LeaseState::Released;
    let mut live = lease(1, 20);
    live.client_id = None;
    it.store.apply(kept.clone(), Overwrite::Always, Origin::Partner);
    let find = |now| it.store.find_of(identity(&kept), &[1], at(now)).unwrap().lease.address;
    assert_eq!(find(1000), address(10));
    it.store.apply(live, Overwrite::Always, Origin::Partner);
    assert_eq!(find(1000), address(20));
    assert_eq!(find(1101), address(10));
    assert!(grant(&*it.store, 1000, &lease(2, 10)).is_ok());
}

fn a_released_lease_is_gone(it: Subject) {
    let held = lease(1, 10);
    grant(&*it.store, 1000, &held).unwrap();
    let release = |client: &Lease4, last, now| {
        it.store.release(at(now), address(last), identity(client), false, Origin::Client(None))
    };
    assert_eq!(release(&lease(2, 10), 10, 1000), Err(NotHolder(address(10))));
    assert_eq!(release(&held, 11, 1000), Err(NotHolder(address(11))));
    assert_eq!(release(&held, 10, 1101), Err(NotHolder(address(10))));
    assert_eq!(release(&held, 10, 1000).unwrap().lease, held);
    assert_eq!(it.store.find(address(10)), None);
    assert_eq!(it.store.find_of(identity(&held), &[1], at(1000)), None);
    assert!(it.store.is_empty());
}

fn a_released_lease_that_is_kept_is_its_clients_and_free(it: Subject) {
    let held = lease(1, 10);
    grant(&*it.store, 1000, &held).unwrap();
    let release = |client: &Lease4, last| {
        let origin = Origin::Client(None);
        it.store.release(at(1000), address(last), identity(client), true, origin)
    };
    let kept = release(&held, 10).unwrap();
    assert_eq!((kept.lease.state, kept.lease.valid_lifetime_s), (LeaseState::Released, 0));
    assert_eq!(it.store.find(address(10)), Some(kept.clone()));
    assert_eq!(it.store.find_of(identity(&held), &[1], at(1000)), Some(kept));
    assert!(release(&held, 10).is_err());
    assert_eq!(free(&it, 1000, (10, 11), 10, &[]), Some(address(10)));
    // It is reclaimed and goes as an expired one does.
    assert_eq!(it.store.expire(at(1001), 50, 10), 1);
    assert_eq!(it.store.find(address(10)).unwrap().lease.state, LeaseState::Reclaimed);
    assert_eq!(it.store.expire(at(1060), 50, 10), 1);
    assert!(it.store.is_empty());
    let endless = Lease4 { valid_lifetime_s: INFINITE_LIFETIME, ..lease(2, 11) };
    grant(&*it.store, 1000, &endless).unwrap();
    release(&endless, 11).unwrap();
    assert!(it.store.is_empty());
}

fn a_version_is_confirmed_until_the_lease_changes(it: Subject) {
    let confirmed = || it.store.find(address(10)).unwrap().confirmed;
    let first = grant(&*it.store, 1000, &lease(1, 10)).unwrap().version;
    assert!(it.store.promise(address(10), first, false) && !confirmed(), "nobody else knows");
    assert!(it.store.promise(address(10), first, true) && confirmed());
    assert!(it.store.promise(address(10), first, false) && confirmed(), "once known, it is known");
    let second = grant(&*it.store, 1050, &lease(1, 10)).unwrap().version;
    assert!(!it.store.promise(address(10), first, true) && !confirmed());
    assert!(it.store.promise(address(10), second, true) && confirmed());
    assert!(!it.store.promise(address(11), second, true));
}

fn a_deletion_means_the_version_that_it_names(it: Subject) {
    let read = grant(&*it.store, 1000, &lease(1, 10)).unwrap().version;
    let newer = grant(&*it.store, 1050, &lease(1, 10)).unwrap().version;
    let delete = |version| it.store.delete_version(address(10), version, Origin::Partner);
    assert_eq!(delete(read), None);
    assert_eq!(it.store.version(address(10)), Some(newer));
    assert!(delete(newer).is_some_and(|number| number > newer));
    assert_eq!((delete(newer), it.store.len()), (None, 0));
}

fn a_promise_is_kept_as_long_as_its_lease_goes_on(it: Subject) {
    let promised = || it.store.find(address(10)).unwrap().promised_s;
    let first = grant(&*it.store, 1000, &Lease4 { cltt_s: 1000, ..lease(1, 10) }).unwrap().version;
    assert_eq!((promised(), it.store.last_change()), (0, first));
    assert!(it.store.promise(address(10), first, true));
    assert!(!it.store.promise(address(11), first, true), "there is none");
    let renewed =
        grant(&*it.store, 1050, &Lease4 { cltt_s: 1050, ..lease(1, 10) }).unwrap().version;
    assert!(!it.store.promise(address(10), first, true), "it was renewed meanwhile");
    assert_eq!(promised(), 1000, "of the renewal the client was not told");
    assert!(it.store.promise(address(10), renewed, true));
    assert_eq!(promised(), 1050);
    it.store.apply(lease(1, 10), Overwrite::Always, Origin::Partner);
    assert_eq!(promised(), 0, "the partner's versions are its own promises");

    let own = |cltt_s| grant(&*it.store, cltt_s, &Lease4 { cltt_s, ..lease(2, 12) }).unwrap();
    let version = own(2000).version;
    assert!(it.store.promise(address(12), version, true));
    own(9000);
    assert_eq!(it.store.find(address(12)).unwrap().promised_s, 0, "it was over before the renewal");
}

fn an_update_replaces_only_what_it_was_held_against(it: Subject) {
    let apply = |seen| it.store.apply(lease(2, 10), Overwrite::Unchanged(seen), Origin::Partner);
    let version = grant(&*it.store, 1000, &lease(1, 10)).unwrap().version;
    let seen = it.store.find(address(10)).unwrap().mark();
    assert_eq!(apply(None), Applied::Kept);
    assert!(it.store.promise(address(10), version, true));
    assert_eq!(apply(Some(seen)), Applied::Kept, "it was promised since");
    let seen = it.store.find(address(10)).unwrap().mark();
    assert_eq!(apply(Some(seen)), Applied::Updated(ChangeNumber(2)));
    assert_eq!(apply(Some(seen)), Applied::Kept, "it was changed since");
    it.store.delete(address(10), Origin::Partner).unwrap();
    assert_eq!(apply(Some(seen)), Applied::Kept);
    assert_eq!(apply(None), Applied::Added(ChangeNumber(4)));
}

fn a_page_replaces_what_has_not_changed_since(it: Subject) {
    let lease = |client, cltt_s| Lease4 { cltt_s, ..lease(client, 10) };
    let since = it.store.last_change();
    let apply = |lease, since| it.store.apply(lease, Overwrite::NotSince(since), Origin::Partner);
    assert_eq!(apply(lease(1, 1000), since), Applied::Added(ChangeNumber(1)));
    assert_eq!(apply(lease(2, 999), since), Applied::Kept, "it is older, and ours came since");
    assert_eq!(apply(lease(2, 1001), since), Applied::Updated(ChangeNumber(2)), "it is newer");
    let since = it.store.last_change();
    assert_eq!(apply(lease(2, 1001), since), Applied::Kept, "it says the same");
    assert_eq!(apply(lease(3, 900), since), Applied::Updated(ChangeNumber(3)), "it knows better");
}

fn a_declined_address_is_out_of_use_until_its_probation_ends(it: Subject) {
    let held = lease(1, 10);
    grant(&*it.store, 1000, &held).unwrap();
    let decline = |client: &Lease4| {
        it.store.decline(at(1010), address(10), identity(client), 50, Origin::Client(None))
    };
    assert!(decline(&lease(2, 10)).is_err());
    let declined = decline(&held).unwrap().lease;
    assert_eq!(declined.state, LeaseState::Declined);
    assert!(declined.hw_address.is_empty() && declined.client_id.is_none());
    assert_eq!((declined.cltt_s, declined.valid_lifetime_s), (1010, 50));
    assert_eq!(&*declined.hostname, "");
    assert_eq!(it.store.find_of(identity(&held), &[1], at(1010)), None);
    assert!(decline(&held).is_err());
    assert!(grant(&*it.store, 1060, &held).is_err());
    assert_eq!(free(&it, 1060, (10, 10), 10, &[]), None);
    assert_eq!(free(&it, 1061, (10, 10), 10, &[]), Some(address(10)));
    assert_eq!(it.store.expire(at(1061), 3600, 10), 1);
    assert_eq!(it.store.find(address(10)), None);
}

fn expiry_reclaims_then_deletes_in_slices_by_end(it: Subject) {
    for (client, cltt_s) in [(1, 1002), (2, 1000), (3, 1001), (4, 1010)] {
        let lease = Lease4 { cltt_s, ..lease(client, client) };
        it.store.apply(lease, Overwrite::Always, Origin::Administrator);
    }
    assert_eq!(it.store.expire(at(1100), 30, 10), 0);
    let state = |last| it.store.find(address(last)).map(|it| it.lease.state);
    assert_eq!(it.store.expire(at(1103), 30, 2), 2);
    assert_eq!([state(1), state(2), state(3)].map(Option::unwrap), {
        use LeaseState::{Assigned, Reclaimed};
        [Assigned, Reclaimed, Reclaimed]
    });
    let reclaimed = it.store.find(address(2)).unwrap().lease;
    assert_eq!((&*reclaimed.hostname, reclaimed.fqdn_fwd, reclaimed.fqdn_rev), ("", false, false));
    assert_eq!((reclaimed.hw_address, reclaimed.cltt_s), (hw(2), 1000));
    let client = lease(2, 2);
    assert!(it.store.find_of(identity(&client), &[1], at(1103)).is_some());
    assert_eq!(it.store.expire(at(1103), 30, 2), 1);
    assert_eq!(it.store.expire(at(1131), 30, 1), 1);
    assert_eq!([state(2), state(4)], [None, Some(LeaseState::Assigned)]);
    assert_eq!(it.store.expire(at(2000), 30, 10), 4);
    assert!(it.store.is_empty());
}

fn what_is_spared_holds_up_nothing_behind_it(it: Subject) {
    for (last, cltt_s) in [(1, 1000), (2, 1000), (3, 1001), (4, 1002)] {
        let lease = Lease4 { cltt_s, ..lease(last, last) };
        it.store.apply(lease, Overwrite::Always, Origin::Administrator);
    }
    let there = || (1..=4).filter(|last| it.store.find(address(*last)).is_some());
    *it.told.spared.lock() = vec![address(1), address(3)];
    // One at a time, too.
    assert_eq!(it.store.expire(at(1200), 0, 1), 1);
    assert_eq!(there().collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(it.store.expire(at(1200), 0, 10), 1);
    assert_eq!(it.store.expire(at(1200), 0, 10), 0);
    assert_eq!(there().collect::<Vec<_>>(), [1, 3]);
    it.told.spared.lock().clear();
    assert_eq!(it.store.expire(at(1200), 0, 10), 2);
    assert!(it.store.is_empty());
}

fn the_lease_of_another_server_keeps_its_address_a_minute_longer(it: Subject) {
    for (last, origin) in [(10, Origin::Partner), (11, Origin::Load)] {
        let held = lease(last, last);
        it.store.apply(held.clone(), Overwrite::Always, origin);
        let range = (last, last);
        assert_eq!(it.store.expire(at(1160), 30, 10), 0);
        assert_eq!(free(&it, 1160, range, last, &[]), None);
        assert!(grant(&*it.store, 1160, &lease(2, last)).is_err());
        assert_eq!(free(&it, 1161, range, last, &[]), Some(address(last)));
        // Its own client need not wait, and from then on the end is reckoned here.
        grant(&*it.store, 1160, &Lease4 { cltt_s: 1160, ..held }).unwrap();
        assert_eq!(free(&it, 1261, range, last, &[]), Some(address(last)));
        it.store.delete(address(last), Origin::Administrator).unwrap();
    }
}

fn without_hold_time_expiry_deletes_at_once(it: Subject) {
    grant(&*it.store, 1000, &lease(1, 10)).unwrap();
    assert_eq!(it.store.expire(at(1101), 0, 10), 1);
    assert!(it.store.is_empty());
}

fn an_infinite_lease_never_ends(it: Subject) {
    let lease = Lease4 { valid_lifetime_s: INFINITE_LIFETIME, ..lease(1, 10) };
    grant(&*it.store, 1000, &lease).unwrap();
    let late = u64::from(u32::MAX) * 2;
    assert_eq!(it.store.expire(at(late), 0, 10), 0);
    assert_eq!(free(&it, late, (10, 10), 10, &[]), None);
}

fn a_lease_is_overwritten_as_the_rule_says(it: Subject) {
    let apply =
        |cltt_s, rule| it.store.apply(Lease4 { cltt_s, ..lease(2, 10) }, rule, Origin::Partner);
    assert_eq!(apply(1000, Overwrite::Existing), Applied::Kept);
    assert_eq!(apply(1000, Overwrite::Newer), Applied::Added(ChangeNumber(1)));
    assert_eq!(apply(1000, Overwrite::Newer), Applied::Kept);
    assert_eq!(apply(1001, Overwrite::Absent), Applied::Kept);
    assert_eq!(apply(1001, Overwrite::Newer), Applied::Updated(ChangeNumber(2)));
    assert_eq!(apply(5, Overwrite::Existing), Applied::Updated(ChangeNumber(3)));
    assert_eq!(apply(4, Overwrite::Always), Applied::Updated(ChangeNumber(4)));
    it.store.delete(address(10), Origin::Partner).unwrap();
    assert_eq!(it.store.delete(address(10), Origin::Partner), None);
    assert_eq!(apply(1, Overwrite::Absent), Applied::Added(ChangeNumber(6)));
}

fn a_lease_of_another_subnet_is_found_there(it: Subject) {
    let first = lease(1, 10);
    grant(&*it.store, 1000, &first).unwrap();
    let moved = Lease4 { subnet_id: 7, ..first.clone() };
    it.store.apply(moved.clone(), Overwrite::Always, Origin::Partner);
    assert_eq!(it.store.find_of(identity(&first), &[1], at(1000)), None);
    assert_eq!(it.store.find_of(identity(&first), &[7], at(1000)).unwrap().lease, moved);
}

fn pages_are_in_address_order(it: Subject) {
    let spread =
        ["0.0.0.0", "9.255.255.255", "10.0.0.0", "10.0.1.7", "10.1.0.0", "255.255.255.255"];
    let spread = spread.map(|text| text.parse::<Ipv4Addr>().unwrap());
    for address in spread.into_iter().rev() {
        it.store.apply(Lease4 { address, ..lease(1, 1) }, Overwrite::Always, Origin::Load);
    }
    for limit in 1..8 {
        let mut listing = Vec::new();
        let mut after = None;
        loop {
            let page = it.store.page(after, limit);
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.address);
            listing.extend(page.into_iter().map(|lease| lease.address));
        }
        assert_eq!(listing, spread);
    }
    assert!(it.store.page(None, 0).is_empty());
}

/// What `find_free` finds in `range` when the addresses `taken` are kept out.
fn free(it: &Subject, now: u64, range: (u8, u8), from: u8, taken: &[u8]) -> Option<Ipv4Addr> {
    let taken = |found: Ipv4Addr| taken.contains(&found.octets()[3]);
    it.store.find_free(
        at(now),
        address(range.0)..=address(range.1),
        address(from),
        Findable::ANYTHING,
        &taken,
    )
}

fn a_free_address_is_found_from_the_cursor_on(it: Subject) {
    assert_eq!(free(&it, 1000, (10, 20), 15, &[]), Some(address(15)));
    assert_eq!(free(&it, 1000, (10, 20), 30, &[]), Some(address(10)));
    for last in 15..=20 {
        grant(&*it.store, 1000, &lease(last, last)).unwrap();
    }
    assert_eq!(it.store.held(address(10)..=address(20)), 6);
    assert_eq!(free(&it, 1000, (10, 20), 15, &[]), Some(address(10)));
    assert_eq!(free(&it, 1000, (10, 20), 12, &[12, 13]), Some(address(14)));
    assert_eq!(free(&it, 1000, (10, 20), 15, &[10, 11, 12, 13, 14]), None);
    let client = lease(17, 17);
    it.store
        .release(at(1000), address(17), identity(&client), false, Origin::Client(None))
        .unwrap();
    assert_eq!(free(&it, 1000, (10, 20), 15, &[]), Some(address(17)));
    assert_eq!(it.store.held(address(16)..=address(19)), 3);
}

fn when_nothing_is_free_the_lease_that_ended_first_gives_way(it: Subject) {
    for (client, cltt_s) in [(10, 1005), (11, 1001), (12, 1002), (13, 1000)] {
        let lease = Lease4 { cltt_s, ..lease(client, client) };
        it.store.apply(lease, Overwrite::Always, Origin::Administrator);
    }
    assert_eq!(free(&it, 1100, (10, 12), 10, &[]), None);
    assert_eq!(free(&it, 1103, (10, 12), 10, &[]), Some(address(11)));
    assert_eq!(free(&it, 1103, (10, 12), 10, &[11]), Some(address(12)));
    assert_eq!(free(&it, 1103, (10, 12), 10, &[11, 12]), None);
}

fn every_change_is_told_with_what_was_before(it: Subject) {
    let first = lease(1, 10);
    grant(&*it.store, 1000, &first).unwrap();
    let second = Lease4 { address: address(20), ..first.clone() };
    grant(&*it.store, 1000, &second).unwrap();
    it.store.delete(address(20), Origin::Administrator).unwrap();
    let told = it.told.take();
    let kinds: Vec<_> = told.iter().map(|it| (it.number, it.kind, it.lease.address)).collect();
    assert_eq!(
        kinds,
        [
            (1, ChangeKind::Added, address(10)),
            (2, ChangeKind::Deleted, address(10)),
            (3, ChangeKind::Added, address(20)),
            (4, ChangeKind::Deleted, address(20)),
        ]
    );
    assert_eq!(told[1].before, Some(first));
    assert_eq!((told[3].before.as_ref(), told[3].origin), (Some(&second), Origin::Administrator));
}
