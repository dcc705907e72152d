# A reservation gives a class that closes the subnet to its client.
config
{ "client-classes": [{ "name": "x", "test": "option[60].hex == 'x'" }, { "name": "not-x", "test": "not member('x')" }],
  "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "client-class": "not-x", "pools": [{ "pool": "192.0.2.100/30" }],
      "reservations": [{ "hw-address": "02:00:61:00:00:00", "ip-address": "192.0.2.200", "client-classes": ["x"] },
                       { "hw-address": "02:00:62:00:00:00", "hostname": "b", "client-classes": ["x"] }] }] }
end
a discover -> nothing
a request requested=192.0.2.200 server=192.0.2.1 -> nak
b discover -> nothing
b request -> nak
c discover -> offer 192.0.2.100
