# KNOWN and UNKNOWN, and classes that a reservation gives.
config
{ "client-classes": [{ "name": "gold", "option-data": [{ "name": "log-servers", "data": "192.0.2.3" }] },
    { "name": "k", "test": "member('KNOWN')", "option-data": [{ "name": "ntp-servers", "data": "192.0.2.4" }] },
    { "name": "u", "test": "member('UNKNOWN')", "option-data": [{ "name": "ntp-servers", "data": "192.0.2.5" }] } ],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.101", "client-class": "KNOWN" }, { "pool": "192.0.2.110 - 192.0.2.111", "client-class": "UNKNOWN" }],
  "reservations": [ { "hw-address": "02:00:61:00:00:00", "client-classes": ["gold"], "hostname": "a" } ] }] }
end
a discover prl=7,42 -> offer 192.0.2.100
a select prl=7,42 -> ack
b discover prl=7,42 -> offer 192.0.2.110
b select prl=7,42 -> ack
b request requested=192.0.2.101 server=192.0.2.1 -> nak
