# A declined address is out of use; only the client that holds it can decline it.
config
{ "decline-probation-period": 3600, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.102" }] }] }
end
client a cid=0101
a discover -> offer 192.0.2.100
a select -> ack
b decline requested=bound:a server=192.0.2.1 -> nothing
a decline requested=none -> nothing
a decline -> nothing
a decline -> nothing
a renew -> nak
a reboot -> nothing
a discover -> offer 192.0.2.101
a select -> ack
b discover requested=192.0.2.100 -> offer 192.0.2.102
b select -> ack
c discover -> nothing
