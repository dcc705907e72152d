# Where no subnet is, DISCOVER and those that may belong to another server get no answer, others a no.
config
{ "subnet4": [{ "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] }] }
end
client a via=10.9.0.1
a discover -> nothing
a request requested=10.9.0.5 server=192.0.2.1 -> nak
a request requested=10.9.0.5 -> nothing kea nak
a rebind ciaddr=10.9.0.5 -> nak
a renew ciaddr=10.9.0.5 from=10.9.0.5 server=none -> nak
a request -> nak
a inform ciaddr=10.9.0.5 -> ack
a release ciaddr=10.9.0.5 server=192.0.2.1 from=10.9.0.5 -> nothing
a decline requested=10.9.0.5 server=192.0.2.1 -> nothing
