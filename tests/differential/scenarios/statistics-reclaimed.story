# What is counted when leases end: expired and declined ones, and a reserved address that another client holds.
config
{ "decline-probation-period": 1,
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.105" }], "reservations": [
    { "hw-address": "02:00:66:00:00:00", "ip-address": "192.0.2.110" }] }] }
end
a discover -> offer 192.0.2.100
a select -> ack
b discover -> offer 192.0.2.101
b select -> ack
b decline -> nothing
end-lease a
command {"command": "leases-reclaim", "arguments": {"remove": true}}
statistics
command {"command": "lease4-add", "arguments": {"ip-address": "192.0.2.110", "hw-address": "02:00:99:00:00:00", "subnet-id": 1}}
f discover -> offer
statistics
