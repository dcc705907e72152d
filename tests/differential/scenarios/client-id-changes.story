# A client that begins or stops to send its identifier is known by its hardware address.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a mac=020000000001
client b mac=020000000001 cid=ff0102
a discover -> offer
a select -> ack
b discover -> offer 192.0.2.100
b select -> ack 192.0.2.100
a renew -> ack
a discover -> offer 192.0.2.100
b release -> nothing
