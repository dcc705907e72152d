# With one lifetime what a client asks for is no matter; timers are sent as configured.
config
{ "valid-lifetime": 4000, "renew-timer": 1000, "rebind-timer": 2000, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover lifetime=60 -> offer
a select lifetime=60 prl=51,58,59 -> ack
a renew lifetime=99999 -> ack
