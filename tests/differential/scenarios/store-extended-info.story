# What the relay said is kept with the lease, in the form of each version.
config
{ "store-extended-info": true,
  "subnet4": [
    { "id": 1, "subnet": "10.9.0.0/24", "pools": [{ "pool": "10.9.0.10-10.9.0.19" }] },
    { "id": 2, "subnet": "10.8.0.0/24", "pools": [{ "pool": "10.8.0.10-10.8.0.19" }], "store-extended-info": false }] }
end
client a via=10.9.0.1 rai=1:'port'
client b via=10.8.0.1 rai=1:'port'
client c via=10.9.0.1
a discover -> offer 10.9.0.10
a select -> ack
command {"command": "lease4-get", "arguments": {"ip-address": "10.9.0.10"}}
b discover -> offer 10.8.0.10
b select -> ack
c discover -> offer 10.9.0.11
c select -> ack
# A renewal through no relay says nothing of it: what is known stays.
a renew no=82 -> ack
a rebind rai=1:'other',2:01020304 -> ack
a release -> nothing
