# A subnet without pools.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24" }] }
end
a discover -> nothing
a request -> nak
a request requested=192.0.2.50 server=192.0.2.1 -> nothing
a inform ciaddr=192.0.2.9 -> ack
