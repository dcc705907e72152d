# Only the identifiers that are named count, in the order in which they are named.
config
{ "host-reservation-identifiers": ["client-id", "duid"],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }], "reservations": [
  { "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.50" },
  { "duid": "00:03:00:01:0a:0b", "ip-address": "192.0.2.51" },
  { "client-id": "ff00000007000300010a0b", "ip-address": "192.0.2.52" } ] }] }
end
a discover -> offer 192.0.2.100
b discover cid=ff00000007000300010a0b -> offer 192.0.2.52
c discover cid=ff00000008000300010a0b -> offer 192.0.2.51
