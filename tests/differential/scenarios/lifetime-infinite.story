# A lifetime without an end.
config
{ "valid-lifetime": 4294967295, "renew-timer": 1000, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer
a select -> ack
a renew lifetime=60 -> ack
a release -> nothing
