# A client that renews what the server does not know gets it if it is free and in a pool.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a renew ciaddr=192.0.2.104 -> ack 192.0.2.104
b rebind ciaddr=192.0.2.105 -> ack 192.0.2.105
c renew ciaddr=192.0.2.104 -> nak
c rebind ciaddr=192.0.2.104 -> nak
c renew ciaddr=192.0.2.50 -> nothing
c rebind ciaddr=192.0.2.50 -> nothing
a renew ciaddr=192.0.2.108 -> ack 192.0.2.108
