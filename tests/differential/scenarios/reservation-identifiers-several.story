# Several reservations of one client in one subnet: the first identifier counts, but the last one where a shared network has more subnets
# than the query has identifiers.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "reservations": [
    { "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.11", "hostname": "card" },
    { "client-id": "01aabb", "ip-address": "192.0.2.12", "hostname": "named" }] }],
  "shared-networks": [
  { "name": "two", "relay": { "ip-addresses": ["10.8.0.1"] }, "subnet4": [
    { "id": 11, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.20-10.1.0.29" }] },
    { "id": 12, "subnet": "10.2.0.0/24", "reservations": [
      { "hw-address": "02:00:61:00:00:00", "ip-address": "10.2.0.11", "hostname": "card" },
      { "client-id": "01aabb", "ip-address": "10.2.0.12", "hostname": "named" }] }] },
  { "name": "three", "relay": { "ip-addresses": ["10.9.0.1"] }, "subnet4": [
    { "id": 21, "subnet": "10.3.0.0/24", "pools": [{ "pool": "10.3.0.20-10.3.0.29" }] },
    { "id": 22, "subnet": "10.4.0.0/24" },
    { "id": 23, "subnet": "10.5.0.0/24", "reservations": [
      { "hw-address": "02:00:61:00:00:00", "ip-address": "10.5.0.11", "hostname": "card",
        "option-data": [{ "name": "root-path", "data": "card", "always-send": true }] },
      { "circuit-id": "0102", "ip-address": "10.5.0.13", "hostname": "port",
        "option-data": [{ "name": "root-path", "data": "port", "always-send": true }] },
      { "client-id": "01aabb", "ip-address": "10.5.0.12", "hostname": "named",
        "option-data": [{ "name": "root-path", "data": "named", "always-send": true }] }] }] }] }
end
a discover cid=01aabb prl=12 -> offer 192.0.2.11 12=63617264
a select cid=01aabb -> ack 192.0.2.11
a release cid=01aabb -> nothing
a discover via=10.8.0.1 cid=01aabb prl=12 -> offer 10.2.0.11 12=63617264
a discover via=10.9.0.1 cid=01aabb prl=12 -> offer 10.5.0.12 12=6e616d6564 17=6e616d6564
a select via=10.9.0.1 cid=01aabb prl=12 -> ack 10.5.0.12 12=6e616d6564 17=6e616d6564
# Its other addresses are out of the pools, and not the one that counts: nothing is said of them.
a request via=10.9.0.1 cid=01aabb requested=10.5.0.11 server=192.0.2.1 -> nothing
# Three identifiers, as many as there are subnets.
a discover via=10.9.0.1 cid=01aabb rai=1:0102 prl=12 -> offer 10.5.0.11 12=63617264 17=63617264
b discover via=10.9.0.1 rai=1:0102 prl=12 -> offer 10.5.0.13 12=706f7274
