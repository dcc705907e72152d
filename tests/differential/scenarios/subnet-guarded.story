# Subnets for classes.
config
{ "client-classes": [{ "name": "x", "test": "option[60].hex == 'x'" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "client-class": "x", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] },
   { "id": 2, "subnet": "10.1.0.0/24", "client-class": "x", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] }] }
end
a discover -> nothing
a discover class='x' -> offer
a select class='x' -> ack
a renew -> nak
a rebind -> nothing
b discover via=10.1.0.1 -> nothing
b discover via=10.1.0.1 class='x' -> offer
b select via=10.1.0.1 -> nak
b discover via=10.1.0.1 class='x' -> offer
b select via=10.1.0.1 class='x' -> ack
