# The reserved address that counts cannot be had: another one is chosen that is reserved for nobody, not even for the client by another
# identifier.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.105" }], "reservations": [
    { "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.50" },
    { "client-id": "01aabb", "ip-address": "192.0.2.100" }] }] }
end
client a cid=01aabb
a discover -> offer 192.0.2.50
a select -> ack 192.0.2.50
a decline -> nothing
a discover -> offer 192.0.2.101
