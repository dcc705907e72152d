# One network card with two client identifiers is two clients, unless match-client-id is off.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a mac=020000000001 cid=0101
client b mac=020000000001 cid=0102
a discover -> offer 192.0.2.100
a select -> ack
b discover -> offer 192.0.2.101
b select -> ack 192.0.2.101
b request requested=bound:a server=192.0.2.1 -> nak
a renew -> ack
b release -> nothing
