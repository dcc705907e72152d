# Without echo-client-id option 61 is in no reply.
config
{ "echo-client-id": false, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a cid=01aabbccdd
a discover -> offer
a select -> ack
a request requested=10.9.9.9 -> nak
a request requested=192.0.2.105 server=192.0.2.1 -> ack 192.0.2.105
