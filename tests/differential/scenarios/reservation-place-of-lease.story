# A client with reservations in two subnets of a shared network keeps that of its lease, whichever is selected.
config
{ "shared-networks": [{ "name": "n", "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100/30" }],
      "reservations": [{ "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.200" }] },
    { "id": 2, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.20/30" }],
      "reservations": [{ "hw-address": "02:00:61:00:00:00", "ip-address": "10.1.0.200" }] },
    { "id": 3, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.20/30" }] }
  ] }] }
end
a discover via=10.1.0.1 -> offer 10.1.0.200
a select via=10.1.0.1 -> ack 10.1.0.200
a rebind -> ack 10.1.0.200
a discover -> offer 10.1.0.200
a request requested=192.0.2.200 server=192.0.2.1 -> nothing
a rebind via=10.2.0.1 -> ack 10.1.0.200
a release -> nothing
a discover -> offer 192.0.2.200
a select -> ack 192.0.2.200
a discover via=10.1.0.1 -> offer 192.0.2.200
