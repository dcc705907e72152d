# The address that a client has is offered to it again, also where the selected subnet knows no reservations.
config
{ "shared-networks": [{ "name": "n",
  "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.19" }], "reservations-in-subnet": false },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.19" }], "reservations": [
    { "hw-address": "02:00:61:00:00:00", "ip-address": "10.2.0.15" }] }] }] }
end
client a via=10.2.0.1
a discover -> offer 10.2.0.15
a select -> ack
a discover via=10.1.0.1 -> offer 10.2.0.15
