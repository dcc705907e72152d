# Without lenient-option-parsing a query with tuples that are cut off is dropped.
config
{ "compatibility": { "lenient-option-parsing": false },
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover opt124=000001530561 -> nothing
b discover opt124=0000015302 -> nothing
c discover opt50=01 -> nothing
