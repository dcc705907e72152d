# The lifetime that a client asks for, between min and max.
config
{ "valid-lifetime": 1000, "min-valid-lifetime": 500, "max-valid-lifetime": 2000, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover lifetime=60 -> offer
a select lifetime=60 -> ack
a renew lifetime=700 -> ack
a renew lifetime=4294967295 -> ack
a renew -> ack
a rebind lifetime=2000 -> ack
a reboot lifetime=0 -> ack
