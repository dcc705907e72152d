# A REQUEST that names no address gets one.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a request -> ack 192.0.2.100
b request server=192.0.2.1 -> ack 192.0.2.101
a request -> ack 192.0.2.100
c request requested=0.0.0.0 -> nothing
