# A lease that is over cannot be declined.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer
a select -> ack
end-lease a
a decline -> nothing
b discover -> offer
b select -> ack
b decline -> nothing
