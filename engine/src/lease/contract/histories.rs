//! Random histories, on the sharded store and on the plain one: answers, changes and content must be equal.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Operation {
    Grant {
        lease: Lease4,
        match_client_id: bool,
        one_of: Vec<u32>,
    },
    Release {
        client: Lease4,
        address: Ipv4Addr,
        keep: bool,
    },
    Decline {
        client: Lease4,
        address: Ipv4Addr,
        probation_s: u32,
    },
    Apply(Lease4, Overwrite),
    Delete(Ipv4Addr),
    Expire {
        hold_s: u64,
        limit: usize,
    },
    Flush {
        hold_s: u64,
        limit: usize,
    },
    Page {
        after: Option<Ipv4Addr>,
        limit: usize,
    },
    FindFree {
        low: Ipv4Addr,
        high: Ipv4Addr,
        from: Ipv4Addr,
        taken: Vec<Ipv4Addr>,
        half: Option<AddressHalf>,
        ended: bool,
        downwards: bool,
    },
    FindOf {
        client: Lease4,
        subnets: Vec<u32>,
    },
}

/// What an operation answered, in a form that can be compared.
fn run(store: &dyn LeaseStore, now: Now, operation: Operation) -> String {
    let origin = Origin::Client(None);
    match operation {
        Operation::Grant { lease, match_client_id, one_of } => {
            let client = lease.clone();
            let client_id = client.client_id.as_ref().filter(|_| match_client_id);
            let identity = Identity { client_id, hw_address: &client.hw_address };
            format!("{:?}", store.grant(now, Grant { lease, identity, one_of: &one_of, origin }))
        }
        Operation::Release { client, address, keep } => {
            format!("{:?}", store.release(now, address, identity(&client), keep, origin))
        }
        Operation::Decline { client, address, probation_s } => {
            format!("{:?}", store.decline(now, address, identity(&client), probation_s, origin))
        }
        Operation::Apply(lease, rule) => {
            format!("{:?}", store.apply(lease, rule, Origin::Partner))
        }
        Operation::Delete(address) => {
            format!("{:?}", store.delete(address, Origin::Administrator))
        }
        Operation::Expire { hold_s, limit } => {
            format!("{:?}", store.expire(now, hold_s, limit))
        }
        Operation::Flush { hold_s, limit } => {
            format!("{:?}", store.flush_reclaimed(now, hold_s, limit))
        }
        Operation::Page { after, limit } => format!("{:?}", store.page(after, limit)),
        Operation::FindFree { low, high, from, taken, half, ended, downwards } => {
            let (mut kept_out, taken): (Vec<_>, Vec<_>) =
                taken.into_iter().partition(|address| address.octets()[3] % 2 == 0);
            kept_out.sort_unstable();
            let kept_out = &KeptOut::new(kept_out.into_iter(), false);
            let findable = Findable { kept_out, half, ended, downwards };
            let taken = |address| taken.contains(&address);
            format!("{:?}", store.find_free(now, low..=high, from, findable, &taken))
        }
        Operation::FindOf { client, subnets } => {
            format!("{:?}", store.find_of(identity(&client), &subnets, now))
        }
    }
}

/// Few addresses, in two blocks, so that operations meet.
fn addresses() -> impl Strategy<Value = Ipv4Addr> {
    (250_u32..262).prop_map(|low| Ipv4Addr::from_bits(0x0a00_0000 + low))
}

fn leases() -> impl Strategy<Value = Lease4> {
    let client = (0_u8..4, 0_u8..4);
    let times = (990_u64..1200, prop_oneof![1_u32..100, Just(INFINITE_LIFETIME)]);
    let state = prop_oneof![
        6 => Just(LeaseState::Assigned),
        1 => Just(LeaseState::Reclaimed),
        1 => Just(LeaseState::Released),
        1 => Just(LeaseState::Registered),
    ];
    (addresses(), client, times, 1_u32..4, state).prop_map(
        |(address, (hw_address, id), (cltt_s, valid_lifetime_s), subnet_id, state)| Lease4 {
            address,
            hw_address: if hw_address == 0 { HwAddress::default() } else { hw(hw_address) },
            client_id: (id > 0 || hw_address == 0).then(|| ClientId::new(&[id]).unwrap()),
            cltt_s,
            valid_lifetime_s,
            subnet_id,
            state,
            ..lease(0, 0)
        },
    )
}

fn subnets() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![Just(vec![1]), Just(vec![1, 2]), Just(vec![1, 2, 3])]
}

fn operations() -> impl Strategy<Value = Operation> {
    let rule = prop_oneof![
        Just(Overwrite::Always),
        Just(Overwrite::Existing),
        Just(Overwrite::Absent),
        Just(Overwrite::Newer)
    ];
    prop_oneof![
        6 => (leases(), any::<bool>(), subnets()).prop_map(|(lease, match_client_id, one_of)| {
            Operation::Grant { lease, match_client_id, one_of }
        }),
        1 => (leases(), addresses(), any::<bool>())
            .prop_map(|(client, address, keep)| Operation::Release { client, address, keep }),
        1 => (leases(), addresses(), 1_u32..50).prop_map(|(client, address, probation_s)| {
            Operation::Decline { client, address, probation_s }
        }),
        3 => (leases(), rule).prop_map(|(lease, rule)| Operation::Apply(lease, rule)),
        1 => addresses().prop_map(Operation::Delete),
        1 => (0_u64..40, 0_usize..6)
            .prop_map(|(hold_s, limit)| Operation::Expire { hold_s, limit }),
        1 => (0_u64..40, 0_usize..6)
            .prop_map(|(hold_s, limit)| Operation::Flush { hold_s, limit }),
        1 => (proptest::option::of(addresses()), 0_usize..5)
            .prop_map(|(after, limit)| Operation::Page { after, limit }),
        2 => (
            (addresses(), addresses(), addresses()),
            proptest::collection::vec(addresses(), 0..9),
            prop_oneof![Just(None), Just(Some(AddressHalf::Even)), Just(Some(AddressHalf::Odd))],
            any::<(bool, bool)>(),
        )
            .prop_map(|((a, b, from), taken, half, (ended, downwards))| {
                let (low, high) = (a.min(b), a.max(b));
                Operation::FindFree { low, high, from, taken, half, ended, downwards }
            }),
        2 => (leases(), subnets())
            .prop_map(|(client, subnets)| Operation::FindOf { client, subnets }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_sharded_store_does_as_the_plain_one(
        history in proptest::collection::vec((operations(), 0_u64..8), 1..80)
    ) {
        let told = Arc::new(Recorder::default());
        let (memory, reference) = (MemoryStore::new(told.clone()), reference());
        let mut wall_s = 1000;
        for (operation, passed_s) in history {
            wall_s += passed_s;
            let expected = run(&*reference.store, at(wall_s), operation.clone());
            prop_assert_eq!(run(&memory, at(wall_s), operation), expected);
            prop_assert_eq!(told.take(), reference.told.take());
            prop_assert_eq!(memory.check(), Ok(()));
        }
        prop_assert_eq!(memory.page(None, 100), reference.store.page(None, 100));
        prop_assert_eq!(memory.len(), reference.store.len());
    }
}
