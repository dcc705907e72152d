# What both count: messages, leases of each subnet, failures, conflicts; and what commands about statistics do.
config
{ "hooks-libraries": [
    { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" },
    { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_stat_cmds.so" }],
  "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.102" }], "reservations": [
      { "hw-address": "02:00:66:00:00:00", "ip-address": "192.0.2.101" }] },
    { "id": 7, "subnet": "10.9.0.0/24", "pools": [{ "pool": "10.9.0.10-10.9.0.10" }, { "pool": "10.9.0.20/32" }] }],
  "shared-networks": [{ "name": "n", "relay": { "ip-addresses": ["10.8.0.1"] }, "subnet4": [
    { "id": 3, "subnet": "10.1.0.0/24" }, { "id": 4, "subnet": "10.2.0.0/24" }] }] }
end
statistics
client c via=10.9.0.1
client d via=10.9.0.1
client e via=10.9.0.1
client g via=10.8.0.1
a discover -> offer 192.0.2.100
a select -> ack
a renew -> ack
c discover -> offer 10.9.0.10
c select -> ack
statistics
d discover -> offer 10.9.0.20
d select -> ack
# No address is left, and none was ever there.
e discover -> nothing
g discover -> nothing
e request -> nak
statistics
d decline -> nothing
statistics
command {"command": "statistic-get", "arguments": {"name": "subnet[7].assigned-addresses"}}
command {"command": "statistic-get", "arguments": {"name": "subnet[7].declined-addresses"}}
command {"command": "statistic-get", "arguments": {"name": "subnet[1].v4-reservation-conflicts"}}
command {"command": "statistic-get", "arguments": {"name": "no-such-name"}}
command {"command": "stat-lease4-get"}
command {"command": "stat-lease4-get", "arguments": {"subnet-id": 7}}
command {"command": "stat-lease4-get", "arguments": {"subnet-id": 9}}
command {"command": "stat-lease4-get", "arguments": {"subnet-range": {"first-subnet-id": 2, "last-subnet-id": 7}}}
command {"command": "stat-lease4-get", "arguments": {"subnet-range": {"first-subnet-id": 8, "last-subnet-id": 9}}}
command {"command": "stat-lease4-get", "arguments": {"subnet-range": {"first-subnet-id": 9, "last-subnet-id": 8}}}
command {"command": "stat-lease4-get", "arguments": {"subnet-id": 1, "subnet-range": {"first-subnet-id": 1, "last-subnet-id": 2}}}
command {"command": "stat-lease4-get", "arguments": {"subnet-id": "1"}}
a release -> nothing
statistics
command {"command": "statistic-reset", "arguments": {"name": "pkt4-received"}}
command {"command": "statistic-reset", "arguments": {"name": "subnet[1].cumulative-assigned-addresses"}}
command {"command": "statistic-reset", "arguments": {"name": "no-such-name"}}
command {"command": "statistic-reset", "arguments": {}}
command {"command": "statistic-get", "arguments": {"name": "subnet[1].cumulative-assigned-addresses"}}
b discover -> offer
b select -> ack
command {"command": "statistic-get", "arguments": {"name": "subnet[1].cumulative-assigned-addresses"}}
command {"command": "statistic-get", "arguments": {"name": "subnet[1].assigned-addresses"}}
command {"command": "statistic-remove", "arguments": {"name": "subnet[7].reclaimed-leases"}}
command {"command": "statistic-remove", "arguments": {"name": "subnet[7].reclaimed-leases"}}
command {"command": "statistic-get", "arguments": {"name": "subnet[7].reclaimed-leases"}}
command {"command": "statistic-sample-count-set", "arguments": {"name": "pkt4-sent", "max-samples": 3}}
command {"command": "statistic-sample-count-set", "arguments": {"name": "no-such-name", "max-samples": 3}}
command {"command": "statistic-sample-age-set", "arguments": {"name": "pkt4-sent", "duration": 60}}
command {"command": "statistic-sample-age-set", "arguments": {"name": "pkt4-sent"}}
command {"command": "statistic-sample-count-set-all", "arguments": {"max-samples": 0}}
command {"command": "statistic-sample-count-set-all", "arguments": {"max-samples": 5}}
command {"command": "statistic-sample-age-set-all", "arguments": {"duration": 60}}
command {"command": "statistic-reset-all"}
command {"command": "statistic-get", "arguments": {"name": "subnet[1].assigned-addresses"}}
command {"command": "statistic-remove-all"}
command {"command": "statistic-get", "arguments": {"name": "subnet[1].assigned-addresses"}}
