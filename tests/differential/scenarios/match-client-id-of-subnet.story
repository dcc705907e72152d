# match-client-id of a subnet beats the global one.
config
{ "match-client-id": true, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "match-client-id": false, "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a mac=020000000001 cid=0101
client b mac=020000000001 cid=0102
a discover -> offer
a select -> ack 192.0.2.100
b discover -> offer
b select -> ack 192.0.2.100
