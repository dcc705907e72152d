//! Start, failure, return and their timelines, as captured from pairs of Keas with the same delays.

use std::time::Duration;

use super::super::{Mode, Parameters, Seen, State};
use super::pair::Pair;
use super::{announced, parameters};
use State::{HotStandby, LoadBalancing, PartnerDown, Ready, Syncing, Terminated, Waiting};

const BOTH: [Mode; 2] = [Mode::LoadBalancing, Mode::HotStandby];

#[test]
fn a_cold_start_takes_about_three_heartbeats() {
    for mode in BOTH {
        let mut pair = Pair::new(mode, |_| {});
        pair.start(0);
        pair.run_for(0.5);
        pair.start(1);
        pair.run_for(0.9);
        assert_eq!(pair.serving(), [vec![""; 0], vec![]], "nobody serves before the other is seen");
        pair.run_for(4.0);
        for server in [0, 1] {
            assert_eq!(pair.entered_by(server), [Syncing, Ready, mode.normal()]);
        }
        let [first, second] = [0, 1].map(|n| pair.first(n, mode.normal()).unwrap());
        assert!(first < second && second < 4.5, "{:?}", pair.history);
        // The secondary does not start before the primary is synchronised.
        assert!(pair.first(0, Ready) < pair.first(1, Syncing));
    }
}

#[test]
fn the_clients_are_shared_in_normal_operation() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    assert_eq!(pair.serving(), [vec!["server1"], vec!["server2"]]);
    let answered: Vec<_> = (0..64).map(|id| pair.query(id, 0)).collect();
    assert!(answered.iter().all(|servers| servers.len() == 1));
    assert!(answered.contains(&vec![0]) && answered.contains(&vec![1]));
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |_| {});
    assert!((0..64).all(|id| pair.query(id, 0) == [0]));
}

#[test]
fn a_lone_start_serves_all_after_the_response_delay() {
    for mode in BOTH {
        for server in [0, 1] {
            let mut pair = Pair::new(mode, |_| {});
            pair.start(server);
            pair.run_for(3.0);
            assert_eq!(pair.states()[server], Some(Waiting));
            pair.run_for(1.1);
            assert_eq!(pair.states()[server], Some(PartnerDown));
            assert!((0..32).all(|id| pair.query(id, 0) == [server]));
        }
    }
}

#[test]
fn a_hot_standby_primary_needs_no_proof() {
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |_| {});
    pair.kill(1);
    pair.run_for(5.0);
    assert_eq!(pair.entered_by(0), [PartnerDown]);
    assert_eq!(pair.serving()[0], ["server1"]);
}

#[test]
fn a_standby_waits_for_unacked_clients() {
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |_| {});
    pair.kill(0);
    pair.run_for(20.0);
    assert_eq!(pair.states()[1], Some(HotStandby), "nobody misses the primary");
    for id in [1, 2] {
        assert!(pair.query(id, 2).is_empty());
    }
    pair.query(3, 1);
    pair.query(2, 200);
    pair.run_for(2.0);
    assert_eq!(pair.states()[1], Some(HotStandby), "two of two allowed are unacked");
    pair.query(3, 0x0500);
    assert_eq!(pair.states()[1], Some(HotStandby), "only a heartbeat moves the machine");
    pair.run_for(1.1);
    assert_eq!(pair.states()[1], Some(PartnerDown));
    assert_eq!(pair.serving()[1], ["server1"]);
}

#[test]
fn clients_heard_before_the_interruption_prove_nothing() {
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |_| {});
    for id in 0..10 {
        pair.query(id, 60);
    }
    pair.kill(0);
    pair.run_for(20.0);
    assert_eq!(pair.states()[1], Some(HotStandby));
}

#[test]
fn without_client_analysis_silence_is_enough() {
    for mode in BOTH {
        for survivor in [0, 1] {
            let mut pair = Pair::in_normal_operation(mode, |p| p.max_unacked_clients = 0);
            pair.kill(1 - survivor);
            pair.run_for(5.0);
            assert_eq!(pair.states()[survivor], Some(PartnerDown));
            assert!((0..32).all(|id| pair.query(id, 0) == [survivor]));
        }
    }
}

#[test]
fn an_operator_may_forbid_failover() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |p| {
        p.max_unacked_clients = 0;
        let mut all = p.peers.all().to_vec();
        all.iter_mut().for_each(|peer| peer.auto_failover = false);
        let this = p.peers.local().name.clone();
        p.peers = super::Peers::new(p.peers.mode(), &this, all).unwrap();
    });
    pair.kill(1);
    pair.run_for(5.0);
    assert_eq!(pair.states()[0], Some(PartnerDown));
    assert_eq!(pair.serving()[0], ["server1"]);
}

#[test]
fn an_operator_may_forbid_synchronisation() {
    for mode in BOTH {
        let mut pair = Pair::new(mode, |p| p.sync_leases = false);
        pair.start(0);
        pair.start(1);
        pair.run_for(6.0);
        assert_eq!(pair.states(), [mode.normal(); 2].map(Some));
        assert!(pair.history.iter().all(|(.., state)| *state != Syncing), "{:?}", pair.history);
    }
}

/// `max-period` of dhcp-disable, which a partner takes in whole seconds and not as 0.
#[test]
fn the_partner_is_held_off_for_the_seconds_of_sync_timeout() {
    for (timeout_ms, seconds) in [(0, 1), (999, 1), (1_000, 1), (1_999, 1), (60_000, 60)] {
        let sync_timeout = Duration::from_millis(timeout_ms);
        let parameters = Parameters { sync_timeout, ..parameters(Mode::HotStandby, "server1") };
        assert_eq!(parameters.sync_period_s(), seconds, "{timeout_ms} ms");
    }
}

#[test]
fn a_returning_server_synchronises_before_it_serves() {
    for mode in BOTH {
        for survivor in [0, 1] {
            let mut pair = Pair::in_normal_operation(mode, |p| p.max_unacked_clients = 0);
            pair.kill(1 - survivor);
            pair.run_for(6.0);
            for id in 0..7 {
                pair.query(id, 0);
            }
            assert_eq!(pair.with(survivor, |m, now| m.heartbeat_status(now)).unsent_updates, 7);
            pair.history.clear();
            pair.start(1 - survivor);
            pair.run_for(4.0);
            assert_eq!(pair.entered_by(1 - survivor), [Syncing, Ready, mode.normal()]);
            assert_eq!(pair.entered_by(survivor), [mode.normal()]);
            assert!(pair.first(survivor, mode.normal()) < pair.first(1 - survivor, mode.normal()));
        }
    }
}

#[test]
fn at_most_one_server_answers_while_one_returns() {
    for delay_ms in [1, 50] {
        let mut pair =
            Pair::in_normal_operation(Mode::LoadBalancing, |p| p.max_unacked_clients = 0);
        pair.latency = std::time::Duration::from_millis(delay_ms);
        pair.kill(1);
        pair.run_for(6.0);
        pair.start(1);
        let mut unanswered = 0;
        for _ in 0..500 {
            pair.run_for(0.01);
            for id in 0..8 {
                let answered = pair.query(id, 0);
                assert!(answered.len() <= 1);
                unanswered += usize::from(answered.is_empty());
            }
        }
        assert_eq!(pair.states(), [Some(LoadBalancing); 2]);
        // While pages are fetched, while the new one is awaited, and until it sees the other.
        assert!(unanswered < 8 * 160, "{unanswered}");
    }
}

#[test]
fn a_partner_that_dies_after_synchronising_does_not_leave_the_service_off() {
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |_| {});
    pair.kill(1);
    pair.run_for(6.0);
    assert_eq!(pair.states()[0], Some(PartnerDown));
    pair.with(0, |machine, now| machine.sync_complete(now, None));
    assert!(pair.query(1, 0).is_empty(), "closed until the partner is seen ready");
    pair.run_for(1.0);
    assert_eq!(pair.query(1, 0), [0]);
}

#[test]
fn both_alone_meet_again() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |p| p.max_unacked_clients = 0);
    pair.cut = true;
    pair.run_for(30.0);
    assert_eq!(pair.states(), [Some(PartnerDown); 2]);
    for id in 0..7 {
        assert_eq!(pair.query(id, 0), [0, 1]);
    }
    pair.history.clear();
    pair.cut = false;
    pair.run_for(20.0);
    assert_eq!(pair.states(), [Some(LoadBalancing); 2]);
    for server in [0, 1] {
        assert!(pair.entered_by(server).contains(&Syncing), "{:?}", pair.history);
    }
}

#[test]
fn skewed_clocks_end_the_relationship() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    pair.wall_off_s = [0, 30];
    pair.run_for(100.0);
    assert!(!pair.notes.iter().any(|(_, note)| matches!(note, super::Note::ClockSkew(_))));
    pair.wall_off_s = [0, 31];
    pair.run_for(200.0);
    assert_eq!(pair.history, []);
    let warnings =
        pair.notes.iter().filter(|(n, note)| *n == 0 && *note == super::Note::ClockSkew(31));
    assert_eq!(warnings.count(), 4, "one each 60 s");
    pair.wall_off_s = [60, 0];
    pair.run_for(2.0);
    assert_eq!(pair.history, []);
    pair.wall_off_s = [61, 0];
    pair.run_for(2.0);
    assert_eq!(pair.states(), [Some(Terminated); 2]);
    assert_eq!(pair.serving(), [vec!["server1"], vec!["server2"]]);
    pair.query(0, 0);
    pair.query(2, 0);
    let unsent = [0, 1].map(|n| pair.with(n, |m, now| m.heartbeat_status(now)).unsent_updates);
    assert_eq!(unsent.iter().sum::<u64>(), 2);

    // One restart is not enough.
    pair.wall_off_s = [0, 0];
    pair.kill(0);
    pair.start(0);
    pair.run_for(590.0);
    assert_eq!(pair.states(), [Some(Waiting), Some(Terminated)]);
    pair.run_for(20.0);
    assert_eq!(pair.states(), [Some(Terminated); 2]);
    for server in [0, 1] {
        pair.kill(server);
        pair.start(server);
    }
    pair.run_for(6.0);
    assert_eq!(pair.states(), [Some(LoadBalancing); 2]);
}

#[test]
fn a_first_restart_may_wait_for_the_second() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    pair.wall_off_s = [0, 100];
    pair.run_for(3.0);
    pair.wall_off_s = [0, 0];
    pair.kill(0);
    pair.start(0);
    pair.run_for(500.0);
    pair.kill(1);
    pair.start(1);
    pair.run_for(6.0);
    assert_eq!(pair.states(), [Some(LoadBalancing); 2]);
}

#[test]
fn a_reset_of_both_ends_a_termination() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    pair.wall_off_s = [0, 100];
    pair.run_for(3.0);
    pair.wall_off_s = [0, 0];
    pair.run_for(3600.0);
    assert_eq!(pair.states(), [Some(Terminated); 2]);
    pair.with(0, |machine, now| machine.reset(now));
    pair.run_for(60.0);
    assert_eq!(pair.states()[0], Some(Waiting), "neither skew nor patience is an old one");
    pair.with(1, |machine, now| machine.reset(now));
    pair.run_for(5.0);
    assert_eq!(pair.states(), [Some(LoadBalancing); 2]);
}

/// The two servers are Peregrines, each of which the other heard announce itself.
fn announce(pair: &mut Pair, tolerates: bool) {
    for server in [0, 1] {
        let announced = announced(server as u64, tolerates);
        pair.with(server, |machine, _| machine.handle_announced(Some(announced), None));
    }
}

#[test]
fn a_reset_of_one_peregrine_ends_the_termination_of_both() {
    for first in [0, 1] {
        let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
        announce(&mut pair, false);
        pair.wall_off_s = [0, 100];
        pair.run_for(3.0);
        assert_eq!(pair.states(), [Some(Terminated); 2]);
        pair.with(first, |machine, now| machine.reset_by_hand(now));
        pair.run_for(3.0);
        assert_eq!(pair.states(), [Some(Terminated); 2], "the clocks are apart still");
        pair.wall_off_s = [0, 0];
        // A request that is lost is sent again.
        pair.loss = 150;
        pair.with(first, |machine, now| machine.reset_by_hand(now));
        pair.run_for(120.0);
        pair.loss = 0;
        pair.run_for(20.0);
        assert_eq!(pair.states(), [Some(LoadBalancing); 2], "{:?}", pair.history);
    }
}

#[test]
fn a_pair_that_tolerates_skew_goes_on() {
    for (both, expected) in [(true, LoadBalancing), (false, Terminated)] {
        let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |p| p.tolerates_skew = true);
        announce(&mut pair, both);
        pair.wall_off_s = [0, 500];
        pair.run_for(60.0);
        assert_eq!(pair.states(), [Some(expected); 2], "{:?}", pair.history);
    }
}

#[test]
fn with_long_delays_ready_does_not_last() {
    let mut pair = Pair::new(Mode::LoadBalancing, |p| {
        p.heartbeat_delay = std::time::Duration::from_secs(10);
        p.max_response_delay = std::time::Duration::from_secs(60);
    });
    pair.start(0);
    pair.start(1);
    pair.run_for(23.0);
    assert_eq!(pair.states(), [Some(LoadBalancing); 2], "{:?}", pair.history);
}

#[test]
fn lost_heartbeats_do_not_stop_a_pair() {
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |p| {
        p.max_response_delay = std::time::Duration::from_secs(60);
    });
    pair.loss = 150;
    pair.run_for(600.0);
    assert_eq!(pair.history, []);
    assert!(pair.notes.iter().any(|(_, n)| matches!(n, super::Note::HeartbeatFailed(_))));
    pair.loss = 0;
    pair.run_for(12.0);
    let status = pair.with(0, |machine, now| machine.status(now)).remote.unwrap();
    assert_eq!(status.last_state, Seen::In(HotStandby));
    assert!(status.in_touch && !status.communication_interrupted);
}

#[test]
fn starts_over_a_lossy_link_end_in_normal_operation() {
    for seed_loss in [50, 200, 400] {
        let mut pair = Pair::new(Mode::LoadBalancing, |p| {
            p.max_response_delay = std::time::Duration::from_secs(60);
        });
        pair.loss = seed_loss;
        pair.start(0);
        pair.start(1);
        pair.run_for(600.0);
        pair.loss = 0;
        pair.run_for(60.0);
        assert_eq!(pair.states(), [Some(LoadBalancing); 2], "{:?}", pair.history);
    }
}
