# One client gets a lease, renews it by unicast, rebinds by broadcast, and gives it back.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }],
  "option-data": [{ "name": "routers", "data": "192.0.2.1" }] }] }
end
a discover -> offer 192.0.2.100
a select -> ack 192.0.2.100
a renew -> ack 192.0.2.100
a rebind -> ack 192.0.2.100
a reboot -> ack 192.0.2.100
a release -> nothing
