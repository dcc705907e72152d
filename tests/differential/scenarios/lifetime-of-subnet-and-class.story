# Lifetimes: class beats subnet beats global.
config
{ "valid-lifetime": 1000, "client-classes": [{ "name": "short", "test": "option[60].hex == 's'", "valid-lifetime": 300 },
  { "name": "range", "test": "option[60].hex == 'r'", "valid-lifetime": 400, "min-valid-lifetime": 350, "max-valid-lifetime": 450 }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }], "valid-lifetime": 2000, "max-valid-lifetime": 3000 }] }
end
a discover -> offer
a select -> ack
b discover class='s' -> offer
b select class='s' lifetime=2500 -> ack
c discover class='r' lifetime=1 -> offer
c select class='r' lifetime=1 -> ack
c renew class='r' lifetime=9999 -> ack
c renew class='q' lifetime=2500 -> ack
