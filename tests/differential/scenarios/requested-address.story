# The address that a DISCOVER asks for: free, taken, outside of the pools, of another subnet.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover requested=192.0.2.105 -> offer 192.0.2.105
a select -> ack 192.0.2.105
b discover requested=192.0.2.105 -> offer 192.0.2.100
b select -> ack 192.0.2.100
c discover requested=192.0.2.50 -> offer 192.0.2.101
c select -> ack
d discover requested=10.0.0.1 -> offer 192.0.2.102
d select -> ack
e discover requested=0.0.0.0 -> offer 192.0.2.103
e select -> ack
a discover requested=192.0.2.108 -> offer 192.0.2.105
