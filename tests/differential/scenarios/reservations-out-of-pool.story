# With reservations-out-of-pool nobody looks for reservations of addresses inside the pools; those outside count.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "reservations-in-subnet": true, "reservations-out-of-pool": true,
  "pools": [{ "pool": "192.0.2.100 - 192.0.2.103" }], "reservations": [
  { "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.50" },
  { "hw-address": "02:00:62:00:00:00", "ip-address": "192.0.2.51", "hostname": "bee" } ] }] }
end
c discover -> offer 192.0.2.100
c select -> ack
a discover -> offer 192.0.2.50
a select -> ack 192.0.2.50
b discover -> offer 192.0.2.51
c request requested=192.0.2.51 server=192.0.2.1 -> nak
b select -> ack 192.0.2.51
b renew -> ack
