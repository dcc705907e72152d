# A name that is reserved in the selected subnet, and a lease in another that gives none.
config
{ "shared-networks": [{ "name": "n", "relay": { "ip-addresses": ["10.9.0.1"] },
  "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.10" }], "reservations": [
    { "hw-address": "02:00:61:00:00:00", "ip-address": "10.1.0.200", "hostname": "reserved" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.19" }] }] }] }
end
client a via=10.9.0.1
client b via=10.9.0.1
b discover -> offer 10.1.0.10
b select -> ack
a discover -> offer 10.1.0.200
a select -> ack
a decline -> nothing
a discover -> offer 10.2.0.10
a select -> ack 10.2.0.10
a discover -> offer 10.2.0.10
a select -> ack 10.2.0.10
