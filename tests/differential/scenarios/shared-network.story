# Two subnets on one link: the second serves once the first is full; answers follow the subnet of the address.
config
{ "shared-networks": [{ "name": "n", "option-data": [{ "name": "domain-name", "data": "network.example" }], "valid-lifetime": 2000, "renew-timer": 500,
  "relay": { "ip-addresses": ["10.9.0.1"] },
  "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.11" }], "option-data": [{ "name": "routers", "data": "10.1.0.1" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "valid-lifetime": 3000, "pools": [{ "pool": "10.2.0.10-10.2.0.11" }], "option-data": [{ "name": "routers", "data": "10.2.0.1" }, { "name": "domain-name", "data": "subnet.example" }] }] }] }
end
client a via=10.9.0.1
client b via=10.9.0.1
client c via=10.9.0.1
client d via=10.9.0.1
client e via=10.9.0.1
a discover -> offer 10.1.0.10
a select -> ack
b discover -> offer 10.1.0.11
b select -> ack
c discover -> offer 10.2.0.10
c select -> ack 10.2.0.10
c renew -> ack
c reboot -> ack
d discover -> offer 10.2.0.11
d select -> ack
e discover -> nothing
e request -> nak
a release -> nothing
e discover -> offer 10.1.0.10
e select -> ack
c rebind -> ack
