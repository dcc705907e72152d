# A reservation without address in the second subnet of a shared network.
config
{ "shared-networks": [{ "name": "n", "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.77-10.2.0.79" }],
    "reservations": [{ "hw-address": "02:00:61:00:00:00", "hostname": "a" }] }] }] }
end
a discover via=10.1.0.1 -> offer 10.2.0.77
