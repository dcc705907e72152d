# A reservation made for an address that somebody has.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.103" }], "reservations": [
  { "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.101" } ] }] }
end
command {"command": "lease4-add", "arguments": {"ip-address": "192.0.2.101", "hw-address": "02:00:62:00:00:00", "subnet-id": 1}}
a discover -> offer 192.0.2.100
a select -> ack 192.0.2.100
b renew ciaddr=192.0.2.101 -> nak
b discover -> offer
b select -> ack
a renew -> nak
a discover -> offer 192.0.2.101
a select -> ack
