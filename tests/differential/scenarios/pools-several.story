# Pool after pool, and round again.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.101" }, { "pool": "192.0.2.20 - 192.0.2.21" }, { "pool": "192.0.2.200/31" }] }] }
end
a discover -> offer 192.0.2.20
a select -> ack
b discover -> offer 192.0.2.21
b select -> ack
a release -> nothing
c discover -> offer 192.0.2.100
c select -> ack
d discover -> offer 192.0.2.101
d select -> ack
e discover -> offer 192.0.2.200
e select -> ack
f discover -> offer 192.0.2.201
f select -> ack
g discover -> offer 192.0.2.20
g select -> ack
h discover -> nothing
