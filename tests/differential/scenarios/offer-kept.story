# An address that is offered to one client is not given to another while the offer is open.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer 192.0.2.100
b request requested=192.0.2.100 server=192.0.2.1 -> nak kea ack
a select -> ack
b discover -> offer
b select -> ack
