# With lenient-option-parsing tuples that are cut off are taken as far as they go (Kea 2.2 is lenient about nothing else).
config
{ "compatibility": { "lenient-option-parsing": true },
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover opt124=000001530561 -> offer
a select opt124=000001530561 -> ack
b discover opt124=0000015302 -> offer
c discover opt50=01 -> nothing
