# Requests for addresses that another subnet of the shared network reserves for another client: in a pool, and in none.
config
{ "shared-networks": [{ "name": "n", "relay": { "ip-addresses": ["10.9.0.1"] },
  "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.19" }], "reservations": [
    { "hw-address": "02:00:72:30:00:00", "ip-address": "10.1.0.15" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.19" }], "reservations": [
    { "hw-address": "02:00:61:00:00:00", "ip-address": "10.2.0.200" },
    { "hw-address": "02:00:72:31:00:00", "ip-address": "10.2.0.15" },
    { "hw-address": "02:00:72:32:00:00", "ip-address": "10.2.0.202" }] }] }] }
end
client a via=10.9.0.1
client b via=10.9.0.1
a discover -> offer 10.2.0.200
a select -> ack
a request requested=10.2.0.15 server=192.0.2.1 -> nak
a request requested=10.1.0.15 server=192.0.2.1 -> nak kea ack
a discover -> offer 10.2.0.200
a select -> ack
b discover -> offer 10.1.0.10
b select -> ack
b request requested=10.1.0.15 server=192.0.2.1 -> nak
b request requested=10.2.0.202 server=192.0.2.1 -> nothing
b discover requested=10.2.0.15 -> offer 10.1.0.10
