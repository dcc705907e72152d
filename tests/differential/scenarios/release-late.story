# A lease that is over is not the client's to release.
config
{ "valid-lifetime": 1, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer 192.0.2.100
a select -> ack
expire a
a release -> nothing
a discover -> offer
a select -> ack
