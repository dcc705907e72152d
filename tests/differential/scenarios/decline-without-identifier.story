# DECLINE finds the lease by hardware address, too; an address that is nobody's stays as it is.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a
a discover -> offer 192.0.2.100
a decline requested=offered server=192.0.2.1 -> nothing
a select -> ack 192.0.2.100
a decline cid=0102 -> nothing
b discover -> offer
b select -> ack
