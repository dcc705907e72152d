# A selected subnet that knows no reservations: those of the others in its shared network do not count either.
config
{ "shared-networks": [{ "name": "n", "relay": { "ip-addresses": ["10.9.0.1"] },
  "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.11" }], "reservations-in-subnet": false },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.19" }], "reservations": [
    { "hw-address": "02:00:61:00:00:00", "ip-address": "10.2.0.10", "hostname": "reserved" }] }] }] }
end
client a via=10.9.0.1
client b via=10.9.0.1
a discover -> offer 10.1.0.10
a select -> ack
b discover -> offer 10.1.0.11
b select -> ack
a request requested=10.2.0.10 server=192.0.2.1 -> ack
