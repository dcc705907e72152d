# Addresses by the random allocator of 3.x: of the same pool, one to one.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
config ours
{ "allocator": "random" }
end
a discover -> offer
a select -> ack
b discover -> offer
b select -> ack
a renew -> ack
c discover requested=bound:a -> offer
c select -> ack
b release -> nothing
b discover -> offer
b select -> ack
