# Who has two leases, one by its client identifier and one by its hardware address, renews the first.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a cid=01aa01
a discover -> offer 192.0.2.100
a select -> ack
b discover -> offer 192.0.2.101
b select -> ack
b renew cid=01aa01 -> nak
b renew -> ack
b discover cid=01aa01 -> offer 192.0.2.100
