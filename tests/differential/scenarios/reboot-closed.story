# A client reboots that has its lease in a subnet which its classes do not open any more: it is unknown.
config
{ "client-classes": [{ "name": "in", "test": "option[60].exists" }],
  "shared-networks": [
  { "name": "n", "relay": { "ip-addresses": ["192.0.2.9"] }, "subnet4": [
    { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.10" }] },
    { "id": 2, "subnet": "10.2.0.0/24", "client-class": "in", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }] }] },
  { "name": "a", "relay": { "ip-addresses": ["192.0.2.8"] }, "authoritative": true, "subnet4": [
    { "id": 3, "subnet": "10.3.0.0/24", "pools": [{ "pool": "10.3.0.10-10.3.0.10" }] },
    { "id": 4, "subnet": "10.4.0.0/24", "client-class": "in", "pools": [{ "pool": "10.4.0.10-10.4.0.20" }] }] }] }
end
x discover via=192.0.2.9 -> offer 10.1.0.10
x select via=192.0.2.9 -> ack
a discover class='x' via=192.0.2.9 -> offer 10.2.0.10
a select class='x' via=192.0.2.9 -> ack
a reboot class='x' via=192.0.2.9 -> ack
a reboot via=192.0.2.9 -> nothing
y discover via=192.0.2.8 -> offer 10.3.0.10
y select via=192.0.2.8 -> ack
b discover class='x' via=192.0.2.8 -> offer 10.4.0.10
b select class='x' via=192.0.2.8 -> ack
b reboot class='x' via=192.0.2.8 -> ack
b reboot via=192.0.2.8 -> nak
