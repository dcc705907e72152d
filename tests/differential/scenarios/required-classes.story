# Classes that pools and subnets ask for after the choice of an address.
config
{ "client-classes": [ { "name": "late", "only-if-required": true, "test": "pkt4.msgtype == 3", "option-data": [{ "name": "log-servers", "data": "192.0.2.4" }] },
   { "name": "bare", "only-if-required": true, "option-data": [{ "name": "ntp-servers", "data": "192.0.2.5" }] } ],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "require-client-classes": ["late"], "pools": [{ "pool": "192.0.2.100 - 192.0.2.110", "require-client-classes": ["bare"] }] }] }
end
a discover prl=7,42 -> offer
a select prl=7,42 -> ack
a inform prl=7,42 -> ack
