# Two clients share a reserved address: whoever asks first has it, the other one once it is free.
config
{ "ip-reservations-unique": false,
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }], "reservations": [
  { "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.105" },
  { "hw-address": "02:00:62:00:00:00", "ip-address": "192.0.2.105" } ] }] }
end
a discover -> offer 192.0.2.105
a select -> ack 192.0.2.105
b discover -> offer 192.0.2.100
b select -> ack 192.0.2.100
c request requested=192.0.2.105 server=192.0.2.1 -> nak
a release -> nothing
b discover -> offer 192.0.2.105
b select -> ack 192.0.2.105
a discover -> offer 192.0.2.101
