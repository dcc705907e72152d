# Subnets are found by their relays' addresses, whatever their prefix.
config
{ "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }], "relay": { "ip-addresses": ["10.99.0.1", "10.99.0.2"] } },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }], "relay": { "ip-address": "10.1.0.1" } } ] }
end
a discover via=10.99.0.2 -> offer 10.1.0.10
a select via=10.99.0.2 -> ack
b discover via=10.1.0.1 -> offer 10.2.0.10
b select via=10.1.0.1 -> ack
b renew -> ack
c discover via=10.2.0.1 -> offer 10.2.0.11
c select via=10.2.0.1 -> ack
d discover via=10.99.0.3 -> nothing
