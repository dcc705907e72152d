# What a client is known by: a DUID within its client identifier, its circuit, its client identifier, in their order.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }], "reservations": [
  { "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.50" },
  { "duid": "00:03:00:01:0a:0b", "ip-address": "192.0.2.51" },
  { "circuit-id": "'port 7'", "ip-address": "192.0.2.52" },
  { "circuit-id": "0102", "ip-address": "192.0.2.53" },
  { "client-id": "01:aa", "ip-address": "192.0.2.54" } ] }] }
end
a discover -> offer 192.0.2.50
a select -> ack 192.0.2.50
# Type 255, four bytes of IAID, the DUID.
b discover cid=ff0000000700030001 -> offer 192.0.2.100
c discover cid=ff00000007000300010a0b -> offer 192.0.2.51
c select cid=ff00000007000300010a0b -> ack 192.0.2.51
d discover via=192.0.2.9 rai=1:706f72742037 -> offer 192.0.2.52
d select via=192.0.2.9 rai=1:706f72742037 -> ack 192.0.2.52
e discover via=192.0.2.9 rai=1:0102 cid=01aa -> offer 192.0.2.53
f discover cid=01aa -> offer 192.0.2.54
# The hardware address counts before the client identifier.
a discover cid=01aa -> offer 192.0.2.50
