# Pools for classes.
config
{ "client-classes": [{ "name": "phone", "test": "substring(option[60].hex, 0, 5) == 'phone'" }, { "name": "pc", "test": "not member('phone')" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [
   { "pool": "192.0.2.100 - 192.0.2.101", "client-class": "phone" }, { "pool": "192.0.2.20 - 192.0.2.21", "client-class": "pc" }, { "pool": "192.0.2.30 - 192.0.2.31" }] }] }
end
a discover class='phone 7' -> offer 192.0.2.30
a select class='phone 7' -> ack
b discover -> offer 192.0.2.31
b select -> ack
c discover class='phoney' -> offer 192.0.2.100
c select class='phoney' -> ack
d discover class='phoney' -> offer 192.0.2.101
d select class='phoney' -> ack
e discover requested=192.0.2.100 -> offer 192.0.2.20
e select -> ack
e request requested=192.0.2.100 server=192.0.2.1 -> nak
a renew -> ack
d renew -> nak
d renew class='phone' -> ack
