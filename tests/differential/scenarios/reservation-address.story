# Addresses that are reserved: inside and outside of the pools, by hardware address and by client identifier.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.104" }], "reservations": [
  { "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.100" },
  { "client-id": "010203", "ip-address": "192.0.2.50" },
  { "hw-address": "02:00:64:00:00:00", "ip-address": "192.0.2.101" } ] }] }
end
client c cid=010203
b discover -> offer 192.0.2.102
b select -> ack
a discover -> offer 192.0.2.100
a select -> ack
c discover -> offer 192.0.2.50
c select -> ack
c renew -> ack
e discover requested=192.0.2.101 -> offer 192.0.2.103
e select -> ack
e request requested=192.0.2.101 server=192.0.2.1 -> nak
e request requested=192.0.2.50 server=192.0.2.1 -> nak
d discover requested=192.0.2.103 -> offer 192.0.2.101
d select -> ack
d request requested=192.0.2.103 server=192.0.2.1 -> nak
d reboot -> ack
d request requested=192.0.2.104 server=192.0.2.1 -> ack
d discover -> offer 192.0.2.101
d select -> ack
d release -> nothing
f discover -> offer
f select -> ack
g discover -> nothing
