# Whose a lease in another network is goes by the subnet that the client is in now, where nobody knows its address.
config
{ "match-client-id": false,
  "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "match-client-id": true, "pools": [{ "pool": "192.0.2.100/30" }] },
    { "id": 2, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.20/30" }] },
    { "id": 3, "subnet": "10.2.0.0/24", "match-client-id": true, "pools": [{ "pool": "10.2.0.20/30" }] }
  ] }
end
a discover cid=0102 -> offer 192.0.2.100
a select cid=0102 -> ack
a rebind cid=0102 mac=020000000077 via=10.1.0.1 -> nak
a rebind cid=0102 mac=020000000077 via=10.2.0.1 -> nothing
a rebind cid=0103 via=10.1.0.1 -> nothing
a rebind cid=0102 mac=020000000077 -> ack
b discover cid=0201 via=10.1.0.1 -> offer 10.1.0.20
b select cid=0201 via=10.1.0.1 -> ack
b discover cid=0201 -> offer 192.0.2.101
b select cid=0201 -> ack 192.0.2.101
b request cid=0201 requested=10.1.0.20 server=192.0.2.1 -> nothing
