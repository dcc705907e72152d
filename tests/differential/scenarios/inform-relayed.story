# An INFORM through a relay: to ciaddr if there is one, else to the relay with the broadcast flag.
config
{ "subnet4": [{ "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }],
  "option-data": [{ "name": "routers", "data": "10.1.0.1" }] }] }
end
client a via=10.1.0.1
a inform ciaddr=10.1.0.99 -> ack
a inform ciaddr=0.0.0.0 -> ack
a inform ciaddr=0.0.0.0 rai=1:aabb,2:cc -> ack
a inform ciaddr=10.1.0.99 rai=1:aabb -> ack
