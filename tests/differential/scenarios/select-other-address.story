# REQUEST of another address than was offered: free, taken, outside.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer 192.0.2.100
a request requested=192.0.2.109 server=192.0.2.1 -> ack 192.0.2.109
b discover -> offer 192.0.2.101
b request requested=bound:a server=192.0.2.1 -> nak
b request requested=192.0.2.50 server=192.0.2.1 -> nothing
b request requested=10.0.0.50 server=192.0.2.1 -> nothing
a request requested=192.0.2.107 server=192.0.2.1 -> ack 192.0.2.107
a request requested=192.0.2.50 server=192.0.2.1 -> nothing
