# A client that comes up on another network is told no there if it is known there or the server is authoritative.
config
{ "authoritative": true, "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }] } ] }
end
client a via=10.1.0.1
a discover -> offer 10.1.0.10
a select -> ack
a reboot via=10.2.0.1 -> nak
a discover via=10.2.0.1 -> offer 10.2.0.10
a select via=10.2.0.1 -> ack
a reboot via=10.1.0.1 -> nak
