# A configured server identifier is sent, and accepted.
config
{ "option-data": [{ "name": "dhcp-server-identifier", "data": "192.0.2.200" }], "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer
a select server=192.0.2.200 -> ack
a select server=192.0.2.1 requested=bound -> ack
a select server=192.0.2.201 requested=bound -> nothing
a request requested=10.9.9.9 server=none -> nak
a inform ciaddr=192.0.2.9 -> ack
