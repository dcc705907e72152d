# Guards of the subnets of a shared network.
config
{ "client-classes": [{ "name": "x", "test": "option[60].hex == 'x'" }],
  "shared-networks": [{ "name": "n", "relay": { "ip-addresses": ["10.9.0.1"] }, "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "client-class": "x", "pools": [{ "pool": "10.1.0.10-10.1.0.10" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.11" }] }] }] }
end
client a via=10.9.0.1
client b via=10.9.0.1 class='x'
client c via=10.9.0.1 class='x'
a discover -> offer 10.2.0.10
a select -> ack
b discover -> offer 10.1.0.10
b select -> ack
c discover -> offer 10.2.0.11
c select -> ack
b renew class='y' -> nak
