# A REQUEST without an address from a client whose reserved address cannot be had is refused.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }],
    "reservations": [{ "hw-address": "02:00:62:00:00:00", "ip-address": "192.0.2.101" }] }] }
end
b discover -> offer 192.0.2.101
b select -> ack 192.0.2.101
b decline -> nothing
b request -> nak
b discover -> offer 192.0.2.100
b select -> ack 192.0.2.100
b request -> nak
