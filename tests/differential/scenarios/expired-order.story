# An address that nobody had is given before one whose lease is over.
config
{ "valid-lifetime": 4000, "min-valid-lifetime": 1, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.102" }] }] }
end
a discover -> offer 192.0.2.100
a select lifetime=1 -> ack
b discover -> offer 192.0.2.101
b select lifetime=1 -> ack
c discover -> offer 192.0.2.102
c select -> ack
expire a
expire b
c release -> nothing
d request -> ack
e request -> ack
f request -> ack
