# A pool that is used up.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.101" }] }] }
end
a discover -> offer 192.0.2.100
a select -> ack
b discover -> offer 192.0.2.101
b select -> ack
c discover -> nothing
c request -> nak
c request requested=192.0.2.100 server=192.0.2.1 -> nak
b release -> nothing
c discover -> offer 192.0.2.101
c select -> ack
b discover -> nothing
b renew -> nak
