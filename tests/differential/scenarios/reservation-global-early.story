# A global reservation that is looked up before the subnet is selected: its classes open one.
config
{ "early-global-reservations-lookup": true, "reservations-global": true, "reservations-in-subnet": false,
  "reservations": [{ "hw-address": "02:00:61:00:00:00", "client-classes": ["inside"] }],
  "client-classes": [{ "name": "inside" }, { "name": "outside", "test": "not member('inside')" }],
  "shared-networks": [{ "name": "n", "relay": { "ip-addresses": ["192.0.2.9"] }, "subnet4": [
    { "id": 1, "subnet": "10.1.0.0/24", "client-class": "outside", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
    { "id": 2, "subnet": "10.2.0.0/24", "client-class": "inside", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }] }] }] }
end
a discover via=192.0.2.9 -> offer 10.2.0.10
a select via=192.0.2.9 -> ack 10.2.0.10
b discover via=192.0.2.9 -> offer 10.1.0.10
b select via=192.0.2.9 -> ack 10.1.0.10
