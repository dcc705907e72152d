# A relay in either subnet of a shared network; the address that a client asks for may be in the other.
config
{ "shared-networks": [{ "name": "n", "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }] }] }] }
end
client a via=10.2.0.1
client b via=10.1.0.1
a discover -> offer
a select -> ack
b discover requested=10.2.0.15 -> offer 10.2.0.15
b select -> ack 10.2.0.15
b renew -> ack
b request requested=10.1.0.15 server=192.0.2.1 -> ack 10.1.0.15
b request requested=10.3.0.15 server=192.0.2.1 -> nothing
b reboot -> ack
