# In a shared network the subnet that an address is from says whether the client identifier counts there.
config
{ "shared-networks": [{ "name": "n", "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "match-client-id": false, "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] },
    { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.20 - 10.2.0.29" }],
      "reservations": [{ "hw-address": "02:00:61:00:00:00", "ip-address": "10.2.0.206" }] }] }] }
end
client a cid=01aa
client b cid=01bb
a discover -> offer 10.2.0.206
a select -> ack 10.2.0.206
a renew -> ack 10.2.0.206
a discover cid=01cc -> offer
a discover -> offer 10.2.0.206
b discover requested=192.0.2.100 -> offer 192.0.2.100
b select -> ack 192.0.2.100
b discover cid=01cc -> offer 192.0.2.100
b select cid=01cc -> ack 192.0.2.100
b renew cid=01bb -> ack 192.0.2.100
b reboot cid=01dd -> ack 192.0.2.100
a release -> nothing
b release -> nothing
