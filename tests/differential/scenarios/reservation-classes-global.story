# Classes of a global reservation in a shared network: those of the reservation that counts in the selected subnet.
config
{ "reservations-global": true, "client-classes": [{ "name": "given", "option-data": [{ "name": "root-path", "data": "/given", "always-send": true }] }],
  "reservations": [
    { "hw-address": "02:00:61:00:00:00", "hostname": "a", "client-classes": ["given"] },
    { "hw-address": "02:00:62:00:00:00", "hostname": "b", "client-classes": ["given"] }],
  "shared-networks": [{ "name": "n", "relay": { "ip-addresses": ["10.9.0.1"] },
  "subnet4": [
  { "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.19" }], "reservations": [
    { "hw-address": "02:00:61:00:00:00", "ip-address": "10.2.0.200" }] }] }] }
end
a discover -> offer 10.2.0.200 17=2f676976656e
a select -> ack
a renew -> ack 10.2.0.200
b discover -> offer 192.0.2.100 17=2f676976656e
b select -> ack
b renew -> ack
