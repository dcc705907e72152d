# What a reservation says beats pool, subnet and class: options, name, boot fields.
config
{ "client-classes": [{ "name": "x", "test": "option[60].hex == 'x'", "boot-file-name": "/class", "next-server": "192.0.2.6" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.103", "option-data": [{ "name": "log-servers", "data": "192.0.2.3" }] }],
  "option-data": [{ "name": "domain-name-servers", "data": "192.0.2.53" }], "boot-file-name": "/subnet", "reservations": [
  { "hw-address": "02:00:61:00:00:00", "hostname": "Reserved", "option-data": [{ "name": "domain-name-servers", "data": "192.0.2.54" }, { "name": "log-servers", "data": "192.0.2.4" }],
    "next-server": "192.0.2.7", "boot-file-name": "/host", "server-hostname": "host.example" } ] }] }
end
a discover prl=6,7,12 class='x' -> offer
a select prl=6,7,12 class='x' host='other' -> ack
a renew fqdn=05:pc.example. -> ack
a inform prl=6,7 -> ack
b discover prl=6,7,12 class='x' -> offer
b select prl=6,7,12 class='x' -> ack
