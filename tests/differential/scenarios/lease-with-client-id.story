# A client identifier identifies the client on another network card, and is echoed.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a cid=01aabbccdd
client b cid=01aabbccdd
client c
a discover -> offer 192.0.2.100
a select -> ack 192.0.2.100
b discover -> offer 192.0.2.100
b select -> ack 192.0.2.100
a renew -> ack
c discover -> offer 192.0.2.101
c select -> ack 192.0.2.101
c renew -> ack
c rebind cid=0102030405 -> ack
