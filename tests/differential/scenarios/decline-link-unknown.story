# A DECLINE that names a link without a subnet.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer 192.0.2.100
a select -> ack
a decline rai=5:10.2.0.9 -> nothing
b discover -> offer 192.0.2.101
